"""No template of a ledger runs on for ever or fills the memory; each is answered with its place, in bounded work."""

from __future__ import annotations

from pathlib import Path

import factory
import pytest

from openchargeback.portal import paths
from openchargeback.portal.site import site_jobs
from openchargeback.problems import LedgerFault
from openchargeback.templating import metering
from openchargeback.templating.environment import Templates, make_environment

BIG = "{% set ns = namespace(x='xxxxxxxx') %}"
GROWN = BIG + "{% for i in range(16) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"  # half a megabyte
STEPS = "it needs more than"
VALUE = "more than"
LARGE = "would be too large"

# Each would take hours or more memory than there is.
HOSTILE = {
    "many-slices": ("{{ []|slice(99999999)|list|length }}", STEPS),
    "what-a-filter-gives-on": ("{{ (range(99999)|list * 99)|reject|map('length')|sum }}", STEPS),
    "nested-loops": ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", STEPS),
    "filtered-loops": (
        "{% for i in range(99999) %}{% for j in range(99999) if false %}{% endfor %}{% endfor %}",
        STEPS,
    ),
    "recursive-loop": ("{% for i in range(9999) recursive %}{{ loop(range(9999)) }}{% endfor %}", ""),
    "recursive-loop-filtered": (
        "{% for i in range(99999) recursive if i == 0 %}{{ loop(range(99999)) }}{% endfor %}",
        "",
    ),
    "macros": ("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", STEPS),
    "call-blocks": (
        "{% macro f(n) %}{{ caller() }}{% if n %}"
        + "{% call f(n - 1) %}x{% endcall %}" * 2
        + "{% endif %}{% endmacro %}{% call f(60) %}y{% endcall %}",
        STEPS,
    ),
    "blocks": ("{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}", ""),
    "includes": ("{% include 'pages/about.html' %}{% include 'pages/about.html' %}", ""),
    "imports": ("{% import 'pages/about.html' as a %}{% import 'pages/about.html' as b %}", ""),
    "text-times": ("{{ 'x' * 10**10 }}", LARGE),
    "list-times": ("{{ ([1] * 10**10)|length }}", LARGE),
    "power": ("{{ 9 ** 99999 }}", LARGE),
    "product": (BIG + "{% set ns.n = 3 %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}", LARGE),
    "doubled-text": (BIG + "{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", ""),
    "doubled-concat": (BIG + "{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}", VALUE),
    "wide-concat": (
        BIG
        + "{% for i in range(20) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{% set y = "
        + "~".join(["ns.x"] * 999)
        + " %}",
        VALUE,
    ),
    "doubled-list": (BIG + "{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}", VALUE),
    "doubled-dict": (BIG + "{% for i in range(60) %}{% set ns.x = {1: ns.x, 2: ns.x} %}{% endfor %}{{ ns.x }}", VALUE),
    "doubled-call": (
        BIG + "{% for i in range(60) %}{% set ns.x = dict(a=ns.x, b=ns.x) %}{% endfor %}{{ ns.x }}",
        VALUE,
    ),
    "doubled-capture": (
        BIG + "{% for i in range(60) %}{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}",
        "",
    ),
    "compared": (
        GROWN + "{% for i in range(99999) %}{% if 'y' in ns.x %}{% endif %}{% endfor %}",
        STEPS,
    ),
    "tested": (
        GROWN + "{% for i in range(99999) %}{% if 'y' is in(ns.x) %}{% endif %}{% endfor %}",
        STEPS,
    ),
    "sliced": (
        GROWN + "{% for i in range(99999) %}{% set y = ns.x[1:] %}{% endfor %}",
        STEPS,
    ),
    "lists": ("{% for i in range(99999) %}{% set x = range(99999)|list %}{% endfor %}", STEPS),
    "mapped": ("{{ range(99999)|map('center', 9999)|join }}", STEPS),
    "mapped-format": ("{{ ['%999999999d']|map('format', 1)|join }}", "a width or precision"),
    "selected": ("{% for i in range(99999) %}{{ range(99999)|select('odd')|list|length }}{% endfor %}", STEPS),
    "filter-center": ("{{ 'x'|center(10**9) }}", VALUE),
    "filter-indent": ("{{ 'x\ny'|indent(10**9) }}", VALUE),
    "filter-batch": ("{{ [1]|batch(10**9, 'x')|list }}", VALUE),
    "filter-slice": ("{{ [1]|slice(10**9)|list }}", VALUE),
    "filter-format": ("{{ '%999999999d'|format(1) }}", "a width or precision"),
    "filter-format-star": ("{{ '%*d'|format(10**9, 1) }}", "a width or precision"),
    "filter-replace": (
        GROWN + "{{ ns.x|replace('x', ns.x) }}",
        VALUE,
    ),
    "filter-join": (
        GROWN + "{{ range(9999)|join(ns.x) }}",
        VALUE,
    ),
    "filter-exact": ("{{ 1|exact(10**9) }}", ""),
    "filter-sum": ("{{ ([[1]] * 999)|sum(start=[])|length }}", "sum adds numbers only"),
    "filter-block": ("{% filter center(10**9) %}x{% endfilter %}", VALUE),
    "method-center": ("{{ 'x'.center(10**9) }}", VALUE),
    "method-zfill": ("{{ 'x'.zfill(10**9) }}", VALUE),
    "method-join": (
        GROWN + "{{ ns.x.join(['x'] * 9999) }}",
        VALUE,
    ),
    "method-replace": (
        GROWN + "{{ ns.x.replace('x', ns.x) }}",
        VALUE,
    ),
    "method-bytes": ("{{ 5 .to_bytes(10**9) }}", VALUE),
    "format-width": ("{{ '{:999999999}'.format(1) }}", "a width or precision"),
    "format-nested": ("{{ '{:{}}'.format(1, 10**9) }}", "a width or precision"),
    "format-map": ("{{ '{a:999999999}'.format_map({'a': 1}) }}", "a width or precision"),
    "format-attr": ("{{ ('{:999999999}'|attr('format'))(1) }}", "a width or precision"),
    "percent": ("{{ '%999999999d' % 1 }}", "a width or precision"),
    "percent-precision": ("{{ '%.999999999f' % 1 }}", "a width or precision"),
    "literal-text": (
        "{% macro f() %}" + "x" * 9999 + "{% endmacro %}{% for i in range(99999) %}{{ f() }}{% endfor %}",
        "",
    ),
    "literal-loop": ("{% set y %}{% for i in range(99999) %}" + "x" * 9999 + "{% endfor %}{% endset %}", STEPS),
    "literal-output": ("{% for i in range(9999) %}" + "x" * 9999 + "{% endfor %}", STEPS),
    "expression-output": (GROWN + "{% for i in range(9999) %}{{ ns.x }}{% endfor %}", STEPS),
    "deep": (BIG + "{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}", ""),
    "deep-filters": ("{{ 'x'" + "|upper" * 2000 + " }}", "too deeply"),
    "deep-sum": ("{{ " + "+".join(["1"] * 2000) + " }}", "too deeply"),
    "deep-parentheses": ("{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}", "too deeply"),
    "deep-lists": ("{{ " + "[" * 90 + "1" + "]" * 90 + " }}", "too deeply"),
    "deep-loops": ("{% for i in range(9) %}" * 60 + "{% endfor %}" * 60, "too deeply"),
    "lorem": ("{{ lipsum(n=9) }}", "'lipsum' is undefined"),
    "random": ("{{ [1, 2]|random }}", "No filter named 'random'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_template_that_would_not_end_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the file, the line and what is wrong."""
    monkeypatch.setattr(metering, "MAX_STEPS", 200_000)
    text, why = HOSTILE[name]
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/about.html").write_text(f"<p>first line</p>\n{text}")
    job = next(
        each for each in site_jobs(factory.site(months=1), make_environment(tmp_path)) if each.path == paths.ABOUT
    )
    with pytest.raises(LedgerFault) as stopped:
        job.render()
    [problem] = stopped.value.problems
    assert (problem.path, problem.code) == ("templates/pages/about.html", "template-fault")
    assert problem.line in {1, 2, 3}
    assert why in problem.message


# What people write.
FINE = {
    "{% for row in rows if row %}{{ loop.index }}/{{ loop.length }}:{{ row|upper }} {% endfor %}": "1/2:A 2/2:B ",
    "{{ missing|default('-') }}{{ missing is defined }}": "-False",
    "{{ 'a' ~ 1 ~ rows|length ~ 2 }}": "a132",
    "{{ '{:>5}|{:.2f}'.format('x', 1.5) }}{{ '%05d' % 42 }}{{ '%-4s|'|format('y') }}": "    x|1.5000042y   |",
    "{{ rows|map('upper')|select|join(', ') }}": "A, B",
    "{{ rows|map('default', '-', true)|join }}": "a-b",
    "{% macro f(x, y=2) %}{{ x }}{{ y }}{{ caller() }}{% endmacro %}{% call f(3) %}!{% endcall %}": "32!",
    "{% macro f(x, y=2) %}{{ x }}{{ y }}{% endmacro %}{{ f(1) }}{{ f(y='&', x=3) }}": "123&amp;",
    "{% set ns = namespace(n=0) %}{% for i in range(5) %}{% set ns.n = ns.n + i * 2 %}{% endfor %}{{ ns.n }}": "20",
    "{{ 20 ** 2 }}{{ 7 % 4 }}{{ 2 * 'ab' }}{{ 1.5 + 1 }}": "4003abab2.5",
    "{% set (a, b) = (1, 2) %}{% for k, v in {'x': a}.items() %}{{ k }}{{ v }}{{ b }}{% endfor %}": "x12",
    "{% if 1 < 2 < 3 and 'a' in rows and rows is iterable and not rows is string %}yes{% endif %}": "yes",
    "{{ rows[1:]|length }}{{ rows[::-1][0] }}{{ 'abc'[:2] }}": "2bab",
    "{% filter upper %}a{{ 'b' }}{% endfilter %}": "AB",
    "{{ 123456789012|default(0) }}{{ 99999999|string|length }}": "1234567890128",
    "{% set x %}a{{ 1 }}{% endset %}{{ x }}{{ x }}": "a1a1",
    "{{ cycler('a', 'b').next() }}{{ joiner(',')() }}": "a",
}


@pytest.mark.parametrize("text", [text for text, result in FINE.items() if result is not None])
def test_what_templates_need_gives_what_it_always_gave(text: str) -> None:
    """Counting changes no result."""
    env = make_environment()
    values = {"rows": ["a", "", "b"]}
    assert env.from_string(text).render(values) == FINE[text]
    plain = Templates(env.roots)
    plain._parse = super(Templates, plain)._parse  # type: ignore[method-assign]
    assert plain.from_string(text).render(values) == FINE[text]


def test_a_large_page_is_no_fault() -> None:
    """A table of a hundred thousand rows."""
    env = make_environment()
    text = "{% for row in rows %}<tr><td>{{ row.a }}</td><td>{{ row.b|plain_number }}</td></tr>\n{% endfor %}"
    made = env.from_string(text).render(rows=[{"a": "name", "b": factory.Decimal(3)}] * 100_000)
    assert made.count("<tr>") == 100_000
