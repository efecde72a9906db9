"""How problems are put together and written for people, GitHub, GitLab and test reports."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from openchargeback.cli.report import shown
from openchargeback.cli.reports import github, gitlab
from openchargeback.cli.reports.excerpt import cut, excerpt_of, span
from openchargeback.cli.reports.junit import junit
from openchargeback.cli.reports.text import Page, report
from openchargeback.problems import Problem, Severity
from openchargeback.publish.paragraphs import paragraphs, total

AWS = "charges/2025-01/aws.csv"
HOSTILE = "`a``b` <script>x</script> [l](http://evil.example) ![i](http://evil.example/i) @ada | **b** \\ &lt; http://e.example"


def fault(line: int, text: str = "$5", name: str = "BilledCost", path: str = AWS, code: str = "type-error") -> Problem:
    """A cell that is no number."""
    message = f"{name} is not a number: {text}"
    return Problem(path, code, message, f"write {text[1:]}: no blanks", line, 12, f"2025-01-01,{text},x")


def warning(message: str = "a word", path: str = "config.yaml", line: int = 0) -> Problem:
    """Something that is told and stops nothing."""
    return Problem(path, "no-credit-fund", message, "fix it", line, severity=Severity.WARNING)


def plain(problems: list[Problem], page: Page | None = None) -> str:
    """The text report without styles."""
    return click.unstyle(report(problems, page or Page()))


# ── Paragraphs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fifty_thousand_equal_faults_are_one_paragraph() -> None:
    """Whether each has a place of its own or one stands for many."""
    faults = [fault(line, f"${line}") for line in range(2, 1002)]
    faults.append(replace(faults[-1], line=1002, count=49_000))
    found = paragraphs(faults)
    assert [(each.count, len(each.places), each.head.line) for each in found] == [(50_000, 1001, 2)]
    text = plain(faults)
    assert "error[type-error]: BilledCost is not a number: $2 (50,000 times)\n" in text
    assert "lines 3, 4, 5, 6, 7, 8, 9, 10 and 49,991 more" in text
    assert "50,000 errors in 1 file" in text
    assert len(text.splitlines()) < 15


def test_a_message_that_counts_by_itself_is_not_counted_again() -> None:
    """`2,000 lines are blank` needs no `2,000 times`."""
    blank = Problem(AWS, "blank-row", "2,000 lines are blank", "", 3, 1, severity=Severity.WARNING, count=2000)
    (found,) = paragraphs([blank])
    assert (found.count, found.beyond, found.times) == (2000, 0, "")
    assert "times" not in plain([blank])
    assert "more like this" not in github.commands([found], "", summary=False)[0]
    assert "more like this" not in str(gitlab.issues([found], "")[0]["description"])


def test_reports_for_programs_list_the_first_places_and_count_the_rest() -> None:
    """Ten thousand issues of one kind help nobody."""
    found = paragraphs([fault(line, f"${line}") for line in range(2, 10_002)])
    issues = gitlab.issues(found, "")
    assert len(issues) == 100
    assert "(9,900 more like this)" in str(issues[0]["description"])
    assert "more like this" not in str(issues[1]["description"])
    xml = junit(found, [], strict=False)
    assert "and 9,900 more\n" in xml
    assert xml.count(f"{AWS}:") == 100


def test_other_columns_files_codes_and_weights_are_paragraphs_of_their_own() -> None:
    """Only what is alike is put together."""
    problems = [
        fault(2),
        fault(3),
        fault(2, name="ListCost"),
        fault(2, path="charges/2025-01/gcp.csv"),
        fault(2, code="constraint-error"),
        Problem(
            AWS, "type-error", "BilledCost is not a number: $5", "write 5: no blanks", 9, severity=Severity.WARNING
        ),
    ]
    assert sorted(each.count for each in paragraphs(problems)) == [1, 1, 1, 1, 2]


def test_without_a_line_only_equal_messages_are_put_together() -> None:
    """Names that hold digits, such as sources, would be lost otherwise."""
    assert len(paragraphs([warning("the source aws1"), warning("the source aws2")])) == 2


def test_nothing_is_lost_when_put_together() -> None:
    """The sum of the counts stays."""
    problems = [fault(n % 7, f"${n}", name=f"Cost{n % 3}", path=f"charges/2025-01/{n % 2}.csv") for n in range(100)]
    assert total(paragraphs(problems), Severity.ERROR) == len(set(problems))


def often(name: str, count: int = 1_000, path: str = AWS, code: str = "constraint-error") -> Problem:
    """A warning on a column that stands for many rows, of which the first are known."""
    message = f"{name}: Foo is not an allowed value"
    return Problem(path, code, message, "write another", 2, 5, "x", Severity.WARNING, count, 2, name, (3, 5, 8))


def test_warnings_of_a_code_and_file_are_one_paragraph_whatever_their_columns() -> None:
    """Unless all of them are wanted."""
    found = [often("A"), often("B", 7), often("A", path="charges/2025-01/gcp.csv"), fault(2), fault(2, name="ListCost")]
    assert sorted(each.count for each in paragraphs(found)) == [1, 1, 1_000, 1_007]
    assert len(paragraphs(found, full=True)) == 5
    (aws, _) = [each for each in paragraphs(found) if each.severity is Severity.WARNING]
    assert (aws.columns, aws.lines, aws.setting) == (
        ("A", "B"),
        (2, 3, 5, 8),
        "sources.aws.severity.constraint-error",
    )


# ── Text ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_weighs_most_stands_last_above_the_summary() -> None:
    """Notices, warnings, errors, and the totals of each."""
    notice = Problem("a.yaml", "x", "noticed", severity=Severity.NOTICE)
    lines = plain([fault(2), warning(), notice]).splitlines()
    order = [line.split("[")[0].strip() for line in lines if re.match(r"  (error|warning|notice)\[", line)]
    assert order == ["notice", "warning", "error"]
    assert "1 error, 1 warning, 1 notice in 3 files" in lines


def test_why_is_said_once_a_code_and_a_code_that_nobody_explained_is_printed_all_the_same() -> None:
    """No explanation is no reason to keep quiet."""
    text = plain([fault(2), fault(2, name="ListCost"), Problem("a.yaml", "brand-new", "it broke", "fix it")])
    assert text.count("  why   ") == 1
    assert "error[brand-new]: it broke\n  fix   fix it" in text


def test_prose_keeps_to_the_page_and_data_is_folded_on_terminals_only() -> None:
    """A pipe may look for a message, which must then be one line."""
    long = Problem("a.yaml", "x", "word " * 30 + "end", "fix " * 30 + "it")
    assert max(len(line) for line in plain([long], Page(60, fold=True)).splitlines()) <= 60
    assert "word " * 30 + "end" in plain([long], Page(60))


def test_rows_of_parquet_have_numbers_and_no_lines() -> None:
    """So they are named as rows."""
    row = fault(0)
    text = plain([replace(row, column=0, row=number, message=f"{row.message} (row {number})") for number in (3, 4, 9)])
    assert "  also  rows 4, 9\n" in text


def test_control_and_bidirectional_characters_do_not_reach_the_terminal() -> None:
    """Neither from a path nor a message, a fix or an excerpt."""
    bad = "a\x1b[31m\u202eb\u2066c\x07\r\n\u2028"
    text = plain([Problem(f"{bad}.csv", "x", bad, bad, 1, 1, bad)])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]", text)
    assert shown("é日😀") == "é日😀"


# ── Excerpts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def pointed(text: str, column: int, length: int = 1, room: int = 40) -> str:
    """What stands above the caret."""
    excerpt = cut(text, column, length, room)
    assert cell_len(excerpt.text) <= room
    start = excerpt.caret
    cells = [char for char in excerpt.text for _ in range(cell_len(char))]
    return "".join(dict.fromkeys(cells[start : start + excerpt.width]))


@pytest.mark.parametrize(
    ("text", "column", "length", "above"),
    [
        ("abc,def", 5, 3, "def"),
        ("\tabc\t,xyz", 7, 3, "xyz"),
        ("日本語,xyz", 5, 3, "xyz"),
        ("e\u0301e\u0301,xyz", 6, 3, "xyz"),
        ("😀,日x", 3, 1, "日"),
        ("a" * 500 + ",xyz," + "b" * 500, 502, 3, "xyz"),
        ("日" * 500 + ",xyz", 502, 3, "xyz"),
        ("xyz," + "b" * 500, 1, 3, "xyz"),
    ],
)
def test_the_caret_stands_below_what_is_meant(text: str, column: int, length: int, above: str) -> None:
    """Also behind tabs, wide and combining characters, and in lines that are cut."""
    assert pointed(text, column, length) == above


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.data())
def test_an_excerpt_never_leaves_its_room(text: str, data: st.DataObject) -> None:
    """Whatever stands in the line, wherever the caret is."""
    column = data.draw(st.integers(0, len(text) + 1))
    room = data.draw(st.integers(10, 100))
    excerpt = cut(text, column, data.draw(st.integers(1, 50)), room)
    assert cell_len(excerpt.text) <= room
    assert excerpt.caret + excerpt.width <= room + 1
    assert (excerpt.width > 0) == (column > 0)


@pytest.mark.parametrize(
    ("path", "text", "column", "meant"),
    [
        (AWS, '1,"a ""b"", c",2', 3, '"a ""b"", c"'),
        (AWS, "1,abc,2", 3, "abc"),
        (AWS, "1,,2", 3, ","),
        ("config.yaml", "curency: EUR", 1, "curency"),
        ("config.yaml", "currency: US dollars # no", 11, "US dollars"),
        ("config.yaml", "currency: {a: 1}", 11, "{"),
        ("config.yaml", "url: http://x.example", 6, "http://x.example"),
        ("pages/a.md", "some text", 1, "s"),
    ],
)
def test_the_caret_is_as_long_as_the_cell_key_or_value(path: str, text: str, column: int, meant: str) -> None:
    """Charge files by cell, YAML by key or value, others by character."""
    length = span(path, text, column)
    assert text[column - 1 : column - 1 + length] == meant


def test_the_line_is_read_from_the_ledger_where_the_problem_does_not_hold_enough_of_it(tmp_path: Path) -> None:
    """Far to the right, or without any excerpt; never from outside of the ledger."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.csv").write_text("h\n" + "x" * 300 + ",bad,y\n", encoding="utf-8")
    far = Problem("a.csv", "type-error", "m", line=2, column=302, excerpt="x" * 200)
    found = excerpt_of(far, tmp_path, 60)
    assert found is not None
    assert found.text[found.caret : found.caret + found.width] == "bad"
    assert excerpt_of(Problem("a.csv", "x", "m", line=1), tmp_path, 60) is not None
    assert excerpt_of(Problem("a.csv", "x", "m", line=7), tmp_path, 60) is None
    assert excerpt_of(Problem("../a.csv", "x", "m", line=1), tmp_path / "sub", 60) is None


def test_repeated_warnings_take_one_line_a_code_and_file_and_do_not_drown_an_error() -> None:
    """With the count, the first places, the key that weighs them, and how to see all of them."""
    found = [often("A", 5_000), often("B", 200), often("A", 1, path="charges/2025-02/gcp/part-1.csv"), fault(9)]
    text = plain(found)
    assert text.startswith(
        f"{AWS}:2:5: warning[constraint-error]: A: Foo is not an allowed value "
        "(5,200 times; lines 2, 3, 5 …; also in B; set by sources.aws.severity.constraint-error)\n"
        "charges/2025-02/gcp/part-1.csv:2:5: warning[constraint-error]: A: Foo is not an allowed value "
        "(lines 2, 3, 5 …; set by sources.gcp.severity.constraint-error)\n\n"
        f"{AWS}:9:12\n  error[type-error]: "
    )
    assert "\n1 error, 5,201 warnings in 2 files\n" in text
    assert "for every location of repeated problems, run `focus-billing validate --full`\n" in text


def test_a_full_report_shows_repeated_warnings_at_length() -> None:
    """With all lines that are known."""
    text = plain([often("A", 4), often("B", 50)], Page(full=True))
    assert text.count("  warning[constraint-error]: ") == 2
    assert "  also  lines 3, 5, 8\n" in text
    assert "  also  lines 3, 5, 8 and 46 more\n" in text
    assert "--full" not in text


def test_a_single_warning_is_shown_at_length() -> None:
    """There is nothing to shorten."""
    text = plain([replace(often("A", 1), more=())])
    assert text.startswith(f"{AWS}:2:5\n  warning[constraint-error]: ")
    assert "--full" not in text


def test_other_formats_tell_a_warning_once_a_code_and_file_after_the_errors() -> None:
    """GitHub shows ten warnings and GitLab a list, both of which a few columns would fill."""
    found = paragraphs([*(often(f"Column{n}", 100) for n in range(30)), fault(9)])
    error, told, rest = github.commands(found, "", summary=True)
    assert error.startswith("::error ")
    assert "(2,999 more like this)" in told
    assert told.endswith("; set by sources.aws.severity.constraint-error")
    assert "2,999 more" in rest
    first, second = gitlab.issues(found, "")
    assert (first["severity"], second["severity"]) == ("critical", "minor")
    assert str(second["description"]).endswith("set by sources.aws.severity.constraint-error")
    root = ET.fromstring(junit(found, [], strict=False).encode())  # noqa: S314
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    assert "set by sources.aws.severity.constraint-error" in str(root.findtext(".//system-out"))


# ── GitHub ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_annotation_escapes_what_would_end_it() -> None:
    """Per cent, line ends, and in properties colon and comma."""
    problem = Problem("a,b:c%.csv", "type-error", "100%: x", "y", 2, 3)
    assert github.annotation(problem, "ledger/") == (
        "::error file=ledger/a%2Cb%3Ac%25.csv,line=2,col=3,title=type-error::100%25: x; y"
    )
    assert "\n" not in github.annotation(Problem("a", "c", "one\n::error::two"))


def test_at_most_ten_annotations_of_a_weight_and_the_rest_is_counted() -> None:
    """The first of each paragraph comes before the second of any."""
    problems = [fault(n, f"${n}") for n in range(2, 42)] + [fault(n, name="ListCost") for n in (50, 51)]
    problems += [warning(f"source {n}") for n in range(30)]
    lines = github.commands(paragraphs(problems), "", summary=True)
    assert [sum(line.startswith(f"::{word} ") for line in lines) for word in ("error", "warning", "notice")] == [
        10,
        10,
        1,
    ]
    assert "line=2," in lines[0]
    assert "39 more like this" in lines[0]
    assert "ListCost" in lines[1]
    assert lines[-1] == "::notice title=focus-billing::52 more in the summary of this job"
    assert github.commands(paragraphs([fault(2)]), "", summary=True)[1:] == []


def test_nothing_that_data_says_becomes_markup_in_the_summary() -> None:
    """No element, link, picture or mention outside of code; the text itself is there, whole."""
    problem = Problem(f"charges/{HOSTILE}.csv", "type-error", HOSTILE + "\n\n# head\n- item", HOSTILE, 2, 3)
    tick = "one ` tick <b>x</b> [l](http://evil.example)"
    markdown = github.summary(paragraphs([problem, warning("```\nfence"), warning(tick)]))
    html = MarkdownIt("commonmark", {"linkify": False}).enable("table").render(markdown)
    bare = re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)
    assert set(re.findall(r"</?([a-z0-9]+)", bare)) <= {"h3", "ul", "li", "p", "strong", "br"}
    assert "evil" not in bare
    assert "@ada" not in bare
    assert html.count("&lt;script&gt;x&lt;/script&gt;") == 3


def test_the_summary_keeps_within_its_room() -> None:
    """In bytes, with what was left out counted; nothing where there is no room at all."""
    problems = [fault(2, path=f"charges/2025-01/日{n}.csv") for n in range(500)]
    found = paragraphs(problems)
    text = github.summary(found, 20_000)
    assert len(text.encode()) <= 20_000
    listed = text.count("- **error**")
    assert f"{500 - listed} more problems" in text
    assert 20 < listed < 500
    assert github.summary(found, 300) == ""
    assert len(github.summary(found)) > 20_000


# ── GitLab ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_gitlab_issue_has_what_gitlab_reads() -> None:
    """And points into the repository; the ledger as a whole is shown at its config."""
    issues = gitlab.issues(paragraphs([fault(2), warning(path="")]), "ledger/")
    assert [each["severity"] for each in issues] == ["critical", "minor"]
    assert issues[0]["check_name"] == "type-error"
    assert issues[0]["location"] == {"path": f"ledger/{AWS}", "lines": {"begin": 2}}
    assert issues[1]["location"] == {"path": "ledger/config.yaml", "lines": {"begin": 1}}
    json.dumps(issues)


def test_fingerprints_stay_when_lines_move_and_are_unique() -> None:
    """Also where lines stand in the message, and for faults that are equal to the letter."""

    def prints(shift: int) -> list[object]:
        other = f"decides on charges that approvals/a.yaml:{5 + shift} decides on too"
        problems = [fault(n + shift) for n in range(2, 30)]
        problems += [Problem("approvals/b.yaml", "conflicting-decisions", other, "", 3 + shift)]
        return [each["fingerprint"] for each in gitlab.issues(paragraphs(problems), "")]

    assert prints(0) == prints(100)
    assert len(set(prints(0))) == 29


# ── JUnit ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_junit_has_a_suite_a_file_and_a_failure_a_paragraph() -> None:
    """Files without problems pass; warnings pass unless they fail too."""
    found = paragraphs([fault(2), fault(3), warning()])
    for strict, failures in ((False, 1), (True, 2)):
        root = ET.fromstring(junit(found, ["config.yaml", AWS, "pages/a.md"], strict=strict).encode())  # noqa: S314
        assert [suite.get("name") for suite in root] == [AWS, "config.yaml", "pages/a.md"]
        assert (root.get("tests"), root.get("failures")) == ("3", str(failures))
        assert len(root.findall(".//failure")) == failures
        assert len(root.findall(".//system-out")) == 2 - failures
    (failure,) = root.findall(f"./testsuite[@name='{AWS}']/testcase/failure")
    assert failure.get("type") == "type-error"
    assert f"{AWS}:3:12" in (failure.text or "")


@given(st.text(max_size=60))
def test_junit_is_valid_xml_whatever_data_say(text: str) -> None:
    """Control characters, quotes, angle brackets, lone surrogates, the end of CDATA."""
    problem = Problem(text, "type-error", text + "]]>\0\x1b", text, 1, 1)
    xml = junit(paragraphs([problem, Problem(text, "x", text)]), [], strict=True)
    assert len(ET.fromstring(xml.encode()).findall(".//failure")) == 2  # noqa: S314
