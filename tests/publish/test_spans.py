"""Statements over a span: what they sum up, to the cent, from open, closed and corrected months."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))
sys.path.insert(0, str(Path(__file__).parents[1] / "billing"))
sys.path.insert(0, str(Path(__file__).parents[1] / "portal"))

from closed_ledger import CONFIG, LOGO, close, month, on_item
from pdf_text import lost, packed, pages_of
from small_ledger import charge, csv_text, tags

from openchargeback import money
from openchargeback.billing.span_statements import SpanRequest, SpanStatement, Subject, SubjectKind, span_number
from openchargeback.ledger.directory import Directory, FundEntry
from openchargeback.model import Amounts, Entry, Provenance
from openchargeback.portal import paths
from openchargeback.portal.pdf_pool import render_job
from openchargeback.portal.site import Site
from openchargeback.portal.span_documents import span_jobs, span_pdfs
from openchargeback.problems import LedgerFault, Severity, UsageFault
from openchargeback.publish.books import AllBooks, open_books, open_cache
from openchargeback.publish.build import build, make_site
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.publish.past import NO_CACHE
from openchargeback.publish.spans import configured_spans, month_spans, span_statement
from openchargeback.templating.environment import make_environment

ADA, BO = "ada@example.edu", "bo@example.edu"
PEOPLE = f"people: [{{email: {ADA}, name: Ada, department: Biology}}, {{email: {BO}, department: Biology}}]\n"
FIRST, LAST = dt.date(2025, 1, 1), dt.date(2025, 3, 31)

FEBRUARY = {"BillingPeriodStart": "2025-02-01", "BillingPeriodEnd": "2025-02-28"}

Make = Callable[[SpanRequest], SpanStatement]


def day(month: int, number: int, cost: str, **cells: str) -> dict[str, str]:
    """A charge of one day, in the file of the month unless told otherwise."""
    start = dt.date(2025, month, number)
    own = {"BillingPeriodStart": f"2025-{month:02}-01", "BillingPeriodEnd": f"2025-{month:02}-28"}
    days = {"ChargePeriodStart": start.isoformat(), "ChargePeriodEnd": (start + dt.timedelta(days=1)).isoformat()}
    return charge(cost, **{**own, **days, "ListCost": str(Decimal(cost) * 2), **cells})


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January closed, with a held charge that February approves and a credit; February closed, March open.

    Two PIs of one department, three projects, two funds; cents that only add up if they are allocated.
    """
    root = tmp_path_factory.mktemp("spans")
    write(root, "config.yaml", CONFIG.replace("label: Amazon", "label: Amazon, discount: institution"))
    write(root, "logo.svg", LOGO)
    write(root, "directory/people.yaml", PEOPLE)
    january = [day(1, number, "0.335", x_user=f"user{number % 2}") for number in range(1, 29)]
    january += [day(1, 20, "2.005", text=tags(pi=BO, project="q", fund="G-1")), day(1, 30, "9", text=tags(fund=None))]
    january.append(day(1, 10, "1.115", text=tags(project="p2"), x_user="=user"))
    write(root, "charges/2025-01/aws.csv", csv_text(january))
    close(root)
    february = [day(2, number, "0.125", text=tags(project="p2")) for number in range(1, 29)]
    write(root, "charges/2025-02/aws.csv", csv_text([*february, day(1, 31, "4.445", **FEBRUARY)]))
    write(root, "approvals/2025-02/late.yaml", late(root))
    close(root, "2025-02")
    write(root, "charges/2025-03/aws.csv", csv_text([day(3, 2, "1.25")]))
    return root


def late(root: Path) -> str:
    """Approves January's held charge, for a fund, and takes back one that was billed to Bo."""
    held = {"decision": "reassign", "set": {"fund": "BIO-1"}, "clears": ["missing-fund"]}
    item = {**held, **on_item(root, "missing-fund"), "clears": ["missing-fund"]}
    (billed,) = [line for line in month(root).statements if line.pi.email == BO]
    rows = MonthCharges(open_books(root).ledger, NO_CACHE).rows(month(root), billed)
    assert rows is not None
    credit = {"decision": "credit", "charges": [rows[:16]]}
    common = {"period": "2025-01", "reason": "asked", "by": "r@x.edu"}
    return json.dumps({"decisions": [{**common, **item}, {**common, **credit}]})


@pytest.fixture(scope="module")
def books(ledger: Path) -> AllBooks:
    return open_books(ledger, keep={Wanted.STATEMENTS})


@pytest.fixture(scope="module")
def make(ledger: Path, books: AllBooks) -> Make:
    """The statement for a request."""
    charges = MonthCharges(books.ledger, open_cache(ledger))
    return lambda request: span_statement(books, charges, request)


def billed(books: AllBooks, pi: str = "", period: str = "") -> Amounts:
    """What the monthly statements charge."""
    return Amounts.total(
        each.amounts
        for month_ in books.periods
        for each in month_.statements
        if pi in ("", each.pi.email) and period in ("", month_.period)
    )


def of(kind: SubjectKind, id_: str, first: dt.date = FIRST, last: dt.date = LAST) -> SpanRequest:
    return SpanRequest(Subject(kind, id_), first, last)


SUBJECTS = [
    Subject(SubjectKind.PI, ADA),
    Subject(SubjectKind.DEPARTMENT, "Biology"),
    Subject(SubjectKind.PROJECT, "genomics"),
    Subject(SubjectKind.FUND, "BIO-1"),
]


def test_the_whole_span_is_what_the_monthly_statements_charge(books: AllBooks, make: Make) -> None:
    assert make(of(SubjectKind.PI, ADA)).amounts == billed(books, ADA)
    assert make(of(SubjectKind.PI, BO)).amounts == billed(books, BO)
    assert make(of(SubjectKind.DEPARTMENT, "Biology")).amounts == billed(books)
    funds = Amounts.total(make(of(SubjectKind.FUND, fund)).amounts for fund in ("BIO-1", "G-1"))
    projects = Amounts.total(make(of(SubjectKind.PROJECT, name)).amounts for name in ("genomics", "p2", "q"))
    assert funds == projects == billed(books)


@pytest.mark.slow
@given(
    subject=st.sampled_from(SUBJECTS),
    cuts=st.lists(st.integers(1, 89), max_size=3, unique=True).map(sorted),
    by_person=st.booleans(),
)
def test_spans_that_follow_one_another_add_up(make: Make, subject: Subject, cuts: list[int], by_person: bool) -> None:
    starts = [FIRST, *(FIRST + dt.timedelta(days=cut) for cut in cuts)]
    ends = [*(start - dt.timedelta(days=1) for start in starts[1:]), LAST]
    parts = [make(SpanRequest(subject, *days, by_person=by_person)) for days in zip(starts, ends, strict=True)]
    whole = make(SpanRequest(subject, FIRST, LAST))
    assert Amounts.total(each.amounts for each in parts) == whole.amounts
    assert sum(line.charges for each in parts for line in each.lines) == sum(line.charges for line in whole.lines)


def test_a_charge_counts_for_its_own_day_in_whichever_month_it_was_billed(make: Make) -> None:
    january = make(of(SubjectKind.PI, ADA, FIRST, dt.date(2025, 1, 31)))
    late_one = [line for line in january.lines if line.entry is Entry.LATE]
    assert [(line.period, line.month, line.amounts.billed) for line in late_one] == [("2025-02", "2025-01", Decimal(9))]
    own = [line for line in january.lines if line.period == "2025-02" and line.entry is Entry.OWN]
    assert [line.amounts.billed for line in own] == [Decimal("4.45")]
    assert {each.month for each in january.months} == {"2025-01"}
    only_30 = make(of(SubjectKind.PI, ADA, dt.date(2025, 1, 30), dt.date(2025, 1, 30)))
    assert only_30.amounts.billed == 9
    taken_back = make(of(SubjectKind.PI, BO))
    assert (taken_back.amounts.billed, len(taken_back.lines)) == (0, 2)


@pytest.mark.parametrize("period", ["2025-01", "2025-02", "2025-03"])
@pytest.mark.parametrize("by_person", [False, True])
def test_a_billing_month_is_its_monthly_statements(books: AllBooks, make: Make, period: str, by_person: bool) -> None:
    request = SpanRequest.of_month(Subject(SubjectKind.PI, ADA), period, by_person=by_person)
    assert make(request).amounts == billed(books, ADA, period)
    request = SpanRequest.of_month(Subject(SubjectKind.DEPARTMENT, "Biology"), period, by_person=by_person)
    assert make(request).amounts == billed(books, period=period)


def test_by_person_only_if_asked_for(make: Make) -> None:
    request = of(SubjectKind.PI, ADA, FIRST, dt.date(2025, 1, 29))
    assert {line.person for line in make(request).lines} == {""}
    people = make(replace(request, by_person=True))
    assert {line.person for line in people.lines} == {"user0", "user1", "=user"}
    assert people.amounts == make(request).amounts
    assert people.number != make(request).number


def test_a_draft_until_every_month_is_closed(make: Make) -> None:
    assert make(of(SubjectKind.PI, ADA)).draft
    closed = make(of(SubjectKind.PI, ADA, FIRST, dt.date(2025, 2, 28)))
    assert (closed.draft, closed.issued) == (False, dt.date(2025, 2, 5))
    # The ledger may still bill charges of these days.
    assert make(of(SubjectKind.PI, ADA, FIRST, dt.date(2025, 4, 1))).draft
    assert [each.period for each in closed.states] == ["2025-01", "2025-02"]


def test_a_number_is_never_used_for_two_contents(make: Make) -> None:
    january = make(of(SubjectKind.PROJECT, "genomics", FIRST, dt.date(2025, 1, 31)))
    # February billed some of it, after it could have been issued.
    assert january.number == span_number(january.request, 2)
    assert january.number.startswith("project-20250101-20250131-")
    assert january.number.endswith("-r2")
    february = make(of(SubjectKind.PROJECT, "p2", dt.date(2025, 2, 1), dt.date(2025, 2, 28)))
    assert february.number == span_number(february.request)
    numbers = {
        span_number(replace(january.request, subject=Subject(kind, id_)), 1) for kind in SubjectKind for id_ in "ab"
    }
    assert len(numbers) == 8


def test_a_build_has_each_department_and_each_pi_with_several_projects(ledger: Path, books: AllBooks) -> None:
    spans = month_spans(books, MonthCharges(books.ledger, open_cache(ledger)))
    found = [(each.request.period, each.request.subject.kind, each.request.subject.id) for each in spans]
    biology, ada = (SubjectKind.DEPARTMENT, "Biology"), (SubjectKind.PI, ADA)
    assert found == [
        *(("2025-01", *biology), ("2025-01", *ada)),
        *(("2025-02", *biology), ("2025-02", *ada)),
        ("2025-03", *biology),
    ]
    # January's charges name users.
    assert [each.request.by_person for each in spans] == [False, True, False, False, False]
    assert {line.person for line in spans[1].lines} == {"user0", "user1", "=user"}
    assert spans[1].amounts == billed(books, ADA, "2025-01")


def test_what_the_ledger_never_charged_is_refused(make: Make) -> None:
    with pytest.raises(UsageFault, match="charges nothing to project nothing"):
        make(of(SubjectKind.PROJECT, "nothing"))


def test_a_month_that_is_computed_differently_cannot_be_cut_by_day(books: AllBooks) -> None:
    class Different(MonthCharges):
        def rows(self, *_: object) -> str | None:
            return None

    with pytest.raises(LedgerFault) as fault:
        span_statement(books, Different(books.ledger, NO_CACHE), of(SubjectKind.PI, ADA))
    assert [problem.code for problem in fault.value.problems] == ["not-by-day"]


def test_pages_by_person_do_not_depend_on_pdfs(ledger: Path, tmp_path: Path) -> None:
    for name, pdfs in (("with", True), ("without", False)):
        build(ledger, tmp_path / name, pdfs=pdfs)
    # Reports of fiscal years say whether they have a PDF.
    pages = [page for page in (tmp_path / "with").rglob("*.html") if "reports" not in page.parts]
    for page in pages:
        assert page.read_bytes() == (tmp_path / "without" / page.relative_to(tmp_path / "with")).read_bytes(), page
    text = (tmp_path / "without/pis" / ADA / "index.html").read_text(encoding="utf-8")
    assert "By person" not in text  # March, the last month, names no users.
    (january,) = (tmp_path / "without/spans/2025-01").glob(f"*{ADA}*.html")
    assert "=user" in january.read_text(encoding="utf-8")


RULES = """
fiscal_year_starts: 1
statements:
  spans:
    - {project: genomics, from: 2025-01-15, until: 2025-02-14}
    - {department: Biology, fiscal_year: 2025}
    - {pi: nobody@example.edu, fiscal_year: 2025}
"""


@pytest.fixture
def with_rules(ledger: Path, tmp_path: Path) -> Path:
    root = tmp_path / "ledger"
    shutil.copytree(ledger, root, ignore=shutil.ignore_patterns(".openchargeback"))
    with (root / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(RULES)
    return root


def test_spans_of_the_settings_have_a_page_and_a_pdf_each(with_rules: Path, make: Make, tmp_path: Path) -> None:
    build(with_rules, tmp_path / "public")
    award = make(of(SubjectKind.PROJECT, "genomics", dt.date(2025, 1, 15), dt.date(2025, 2, 14)))
    page = tmp_path / "public" / paths.span_page(award)
    assert money.human(award.amounts.billed, "USD") in page.read_text(encoding="utf-8")
    assert (tmp_path / "public" / paths.span_pdf(award)).read_bytes().startswith(b"%PDF")
    everyone = make(of(SubjectKind.DEPARTMENT, "Biology", dt.date(2025, 1, 1), dt.date(2025, 12, 31)))
    listed = (tmp_path / "public/periods/index.html").read_text(encoding="utf-8")
    for each in (award, everyone):
        assert f"{each.number}</a>" in listed
    own = (tmp_path / "public" / paths.project_page("genomics")).read_text(encoding="utf-8")
    assert award.number in own
    assert everyone.number not in own
    # One without charges says so, instead of being missing without a message.
    (nothing,) = (tmp_path / "public/spans/20250101-20251231").glob("*nobody*.html")
    assert "Nothing was charged." in nothing.read_text(encoding="utf-8")


def test_a_span_whose_days_are_not_known_is_a_warning(with_rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month that is computed differently today must not keep a portal from being built."""
    books = open_books(with_rules, keep={Wanted.STATEMENTS})
    monkeypatch.setattr(MonthCharges, "rows", lambda *_: None)
    found, problems = configured_spans(books, MonthCharges(books.ledger, NO_CACHE))
    assert [each.request.subject.id for each in found] == ["nobody@example.edu"]
    assert {(each.code, each.severity) for each in problems} == {("not-by-day", Severity.WARNING)}


def test_the_keys_of_a_span_cover_what_its_page_and_its_pdf_show(books: AllBooks, make: Make) -> None:
    """Keys are made without laying out anything, so each change that shows must be in them, and little else."""
    span = make(of(SubjectKind.DEPARTMENT, "Biology"))
    base = replace(make_site(books, Provenance("", "", "x"), {}), spans=(span,))
    env, config, directory = make_environment(), base.config, books.ledger.directory
    person = replace(directory.person(BO), name="Bo the Second")
    fund = FundEntry(id="G-1", title="A grant")
    organization = replace(config.organization, name="Other University")
    source = replace(config.sources["aws"], label="Cloud")
    variants = {
        "person": (base, replace(directory, people={**directory.people, BO: person})),
        "fund": (base, replace(directory, funds={"G-1": fund})),
        "organization": (replace(base, config=replace(config, organization=organization)), directory),
        "source": (replace(base, config=replace(config, sources={"aws": source})), directory),
        "amounts": (
            replace(base, spans=(make(of(SubjectKind.DEPARTMENT, "Biology", FIRST, dt.date(2025, 1, 31))),)),
            directory,
        ),
    }

    def made(site: Site, names: Directory) -> tuple[str, str, str, str]:
        (page,), (plan,) = span_jobs(site, env, names), span_pdfs(site, env, names)
        return page.key, plan.key, page.render().decode(), plan.job().html

    before = made(base, directory)
    for name, variant in variants.items():
        after = made(*variant)
        assert [one != other for one, other in zip(after, before, strict=True)] == [True] * 4, name
    others = replace(directory, people={**directory.people, "cy@example.edu": replace(person, email="cy@example.edu")})
    assert made(base, others) == before


@pytest.mark.parametrize("count", [8, 11, 14, 60])
def test_a_table_of_up_to_fourteen_rows_is_on_one_page(books: AllBooks, make: Make, count: int) -> None:
    """With its heading and its total. A longer one is split, and nothing is lost."""
    span = make(of(SubjectKind.DEPARTMENT, "Biology"))
    line = span.lines[0]
    lines = [
        replace(line, project=f"project-{number:02}", fund=f"F-{number:02}", service=f"Service {number:02}")
        for number in range(count)
    ]
    site = replace(make_site(books, Provenance("", "", "x"), {}), spans=(replace(span, lines=tuple(lines)),))
    (plan,) = span_pdfs(site, make_environment(), books.ledger.directory)
    content = render_job(plan.job())
    assert lost(plan.job(), content) == []
    (page,) = [page for page in pages_of(content) if packed("By service") in page]
    services = page.partition(packed("By service"))[2]
    whole = all(packed(f"Service {number:02}") in services for number in range(count))
    assert whole == (count <= 14)
