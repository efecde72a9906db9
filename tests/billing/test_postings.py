"""What became of a journal: the status of every line, and which lines a later journal repeats, exactly once."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openchargeback.billing.journal import journal_of, source_controls
from openchargeback.billing.postings import _Outcome, check_postings, posted_month, row_amounts, rows_of
from openchargeback.ledger.postings import PostedLine, Posting, PostingStatus, postings_text, read_postings
from openchargeback.ledger.settings import Config, JournalSettings, Organization, Source
from openchargeback.model import Amounts, BillingLine, Journal, JournalDocument, RowKind

DATE = dt.date(2025, 1, 31)
CONFIG = Config(
    Organization("Example University"),
    sources={"aws": Source("aws", "AWS", credit_fund="C-1"), "hpc": Source("hpc", "HPC", credit_fund="C-2")},
    journal=JournalSettings(account="7300", credit_account="4100"),
)


def line(billed: Decimal | str, fund: str = "F-1", source: str = "aws", service: str = "s") -> BillingLine:
    amount = Decimal(billed)
    return BillingLine(
        period="2025-01",
        pi="a@x.edu",
        project="p",
        fund=fund,
        source=source,
        service=service,
        charges=1,
        exact_list=amount,
        exact_billed=amount,
        amounts=Amounts(list=amount, billed=amount),
    )


def journal(lines, again=(), period: str = "2025-01") -> Journal:
    numbers = {(one.pi, one.project): "2025-01-x" for one in lines}
    return journal_of(period, DATE, lines, numbers, lambda _: CONFIG, again)


def document(of: Journal, rows: RowKind = RowKind.LINES, first: int = 1, last: int | None = None) -> JournalDocument:
    return JournalDocument(
        format="gl",
        number="D-1",
        part=1,
        rows=rows,
        first=first,
        last=len(of.lines) if last is None else last,
        lines=len(of.lines),
        debits=of.debits,
        credits=of.credits,
        files={"gl.csv": "0" * 64},
    )


def posting(*lines: PostedLine, **keys) -> Posting:
    return Posting(document="D-1", on=DATE, lines=lines, path="postings/2025-01.yaml", at=2, **keys)


def posted(number: int, status: PostingStatus, **keys) -> PostedLine:
    return PostedLine(line=number, status=status, reason="why", at=4, **keys)


REJECTED, SUSPENSE, ACCEPTED = PostingStatus.REJECTED, PostingStatus.SUSPENSE, PostingStatus.ACCEPTED
THREE = journal([line("5.00"), line("7.00", service="t"), line("-2.00", fund="F-2")])


def problems(*lines: PostedLine, of: Journal = THREE, rows: RowKind = RowKind.LINES, **keys) -> list[str]:
    return [each.message for each in check_postings(of, [document(of, rows)], [posting(*lines, **keys)])]


def test_lines_that_are_not_listed_were_accepted():
    month = posted_month(THREE, [document(THREE)], [posting()])
    assert month.accepted.lines == 6
    assert month.accepted.net == THREE.net == Decimal("10.00")
    assert {month.suspense.lines, month.rejected.lines, month.not_posted.lines} == {0}


def test_without_a_posting_nothing_is_posted():
    month = posted_month(THREE, [document(THREE)], [])
    assert month.not_posted.lines == 6
    assert (month.not_posted.debits, month.not_posted.credits) == (THREE.debits, THREE.credits)


def test_a_rejected_line_takes_the_line_it_balances_with_it():
    """Whichever of both the answer names."""
    for number in (3, 4):
        month = posted_month(THREE, [document(THREE)], [posting(posted(number, REJECTED, again="2025-02"))])
        assert (month.rejected.lines, month.rejected.net, month.accepted.lines) == (2, Decimal("7.00"), 4)
        (again,) = _Outcome(document(THREE), month.postings[0], THREE.lines).repeated()
        assert (again[0].number, again[0].billed, again[1]) == (3, Decimal("7.00"), "2025-02")
        assert (again[0].fund, again[0].credit_fund, again[0].statement) == ("F-1", "C-1", "2025-01-x")


def test_suspense_has_been_posted_and_is_never_journaled_again():
    outcome = _Outcome(document(THREE), posting(posted(1, SUSPENSE)), THREE.lines)
    assert list(outcome.repeated()) == []
    month = posted_month(THREE, [document(THREE)], [posting(posted(1, SUSPENSE))])
    assert (month.suspense.lines, month.suspense.net, month.accepted.lines) == (1, Decimal(5), 5)


def test_a_row_of_a_summary_stands_for_its_lines():
    """Rejected, all of its lines are journaled again, each for its own statement; the credit fund's row is reduced."""
    summary = document(THREE, RowKind.SUMMARY)
    amounts = [(each.fund, amount) for each, amount in row_amounts(summary, THREE.lines)]
    assert amounts == [("F-1", Decimal("12.00")), ("F-2", Decimal("-2.00")), ("C-1", Decimal("-10.00"))]
    outcome = _Outcome(summary, posting(posted(1, REJECTED)), THREE.lines)
    assert [(each.number, each.line, each.billed) for each, _ in outcome.repeated()] == [
        (1, 1, Decimal(5)),
        (3, 1, Decimal("7.00")),
    ]
    assert problems(posted(1, REJECTED), rows=RowKind.SUMMARY) == []
    assert problems(posted(3, REJECTED), rows=RowKind.SUMMARY) == [
        "line 3 of document D-1 was rejected, but not line 1, which it balances"
    ]
    assert problems(*(posted(number, REJECTED) for number in (1, 2, 3)), rows=RowKind.SUMMARY) == []


MISMATCHES = [
    ((posted(7, SUSPENSE),), {}, "document D-1 has 6 lines, not 7"),
    ((posted(1, SUSPENSE), posted(1, SUSPENSE)), {}, "line 1 of document D-1 is listed twice"),
    (
        (posted(1, SUSPENSE, debit=Decimal("5.01")),),
        {},
        "line 1 of document D-1 is a debit of 5.00 in the journal, not a debit of 5.01",
    ),
    (
        (posted(1, SUSPENSE, credit=Decimal(5)),),
        {},
        "line 1 of document D-1 is a debit of 5.00 in the journal, not a credit of 5.00",
    ),
    (
        (posted(5, SUSPENSE, debit=Decimal("2.00")),),
        {},
        "line 5 of document D-1 is a credit of 2.00 in the journal, not a debit of 2.00",
    ),
    (
        (posted(1, SUSPENSE, amount=Decimal(6)),),
        {},
        "line 1 of document D-1 is a debit of 5.00 in the journal, not 6.00",
    ),
    ((posted(1, SUSPENSE, fund="F-9"),), {}, "line 1 of document D-1 has the fund F-1 in the journal, not F-9"),
    (
        (posted(1, REJECTED), posted(2, ACCEPTED)),
        {},
        "line 1 of document D-1 was rejected, but not line 2, which it balances",
    ),
    (
        (posted(1, SUSPENSE), posted(2, REJECTED)),
        {},
        "line 2 of document D-1 was rejected, but not line 1, which it balances",
    ),
    ((), {"format": "kfs"}, "document D-1 is of format gl, not kfs"),
    (
        (),
        {"sha256": "1" * 64},
        "the file that was posted as document D-1 is not the one that the month was closed with",
    ),
]


@pytest.mark.parametrize(("lines", "keys", "message"), MISMATCHES)
def test_what_contradicts_the_journal_is_a_problem(lines, keys, message):
    assert problems(*lines, **keys) == [message]


def test_amounts_and_digests_that_agree_are_none():
    fitting = (
        posted(1, SUSPENSE, debit=Decimal(5), fund="F-1"),
        posted(5, SUSPENSE, credit=Decimal(2)),
        posted(6, SUSPENSE, amount=Decimal(-2)),
    )
    assert problems(*fitting, format="gl", sha256="0" * 64) == []


def test_the_same_lines_are_not_posted_as_two_documents():
    """In whatever format: the summary and the lines that it sums up are the same money."""
    documents = [document(THREE), replace(document(THREE, RowKind.SUMMARY), number="D-2", format="summary")]
    both = [posting(), replace(posting(), document="D-2")]
    (problem,) = check_postings(THREE, documents, both)
    assert problem.message == "document D-2 has the same lines as D-1, which was posted, too"
    parts = [document(THREE, last=4), replace(document(THREE, first=5), number="D-2")]
    assert list(check_postings(THREE, parts, both)) == []


def test_a_document_that_the_month_does_not_have_is_a_problem():
    (problem,) = check_postings(THREE, [document(THREE)], [replace(posting(), document="D-7")])
    assert problem.message == "the journal of 2025-01 has no document D-7"
    assert problem.place == "postings/2025-01.yaml:2"


def test_the_file_reads_back_as_it_is_written():
    lines = (
        posted(3, REJECTED, debit=Decimal("12.50"), fund='a "b", c', again="2025-02", new_fund="F-3"),
        posted(5, SUSPENSE, credit=Decimal("1.00")),
    )
    made = posting(*lines, format="gl", sha256="a" * 64, by="x@example.edu", reference="0012")
    text = postings_text([made, replace(made, document="A-0", lines=())])
    read, faults = read_postings(text.encode(), "postings/2025-01.yaml")
    assert faults == []
    plain = [replace(each, at=0, lines=tuple(replace(one, at=0) for one in each.lines)) for each in read]
    written = tuple(replace(each, at=0) for each in lines)
    assert plain == [replace(made, document="A-0", lines=(), at=0), replace(made, lines=written, at=0)]


billing_lines = st.lists(
    st.builds(
        line,
        st.decimals(min_value=-1000, max_value=1000, places=2).filter(bool),
        fund=st.sampled_from(["F-1", "F-2", "C-1"]),
        source=st.sampled_from(["aws", "hpc"]),
        service=st.text(max_size=2),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=80)
@given(billing_lines, st.data(), st.sampled_from(RowKind))
def test_every_line_has_one_status_and_what_is_repeated_is_what_was_rejected(lines, data, rows):
    """Together they are the journal; the month that repeats them nets its statements and exactly these lines."""
    made = journal(lines)
    of = document(made, rows)
    count = len(rows_of(of, made.lines))
    if not count:
        return
    statuses = data.draw(st.dictionaries(st.integers(1, count), st.sampled_from(PostingStatus)))
    listed = [
        posted(number, status, **({"again": "2025-02"} if status is REJECTED else {}))
        for number, status in statuses.items()
    ]
    answer = posting(*listed)
    month = posted_month(made, [of], [answer])
    parts = (month.accepted, month.suspense, month.rejected, month.not_posted)
    assert sum(each.lines for each in parts) == len(made.lines)
    assert sum(each.debits for each in parts) == made.debits
    assert sum(each.credits for each in parts) == made.credits
    assert sum(each.net for each in parts) == made.net
    assert month.rejected.debits == month.rejected.credits
    repeated = [each for each, _ in _Outcome(of, answer, made.lines).repeated()]
    assert len({each.number for each in repeated}) == len(repeated)
    assert sum(each.billed for each in repeated) == month.rejected.net
    assert 2 * len(repeated) == month.rejected.lines
    # The next month: its own lines, and these.
    later = journal([line("1.00", source="hpc")], repeated, "2025-02")
    assert later.net == Decimal("1.00") + month.rejected.net
    assert later.again == month.rejected.net
    assert later.debits == later.credits
    assert all(control.balanced for control in source_controls(later))
    assert all(each.description.startswith("Repost D-1 line ") for each in later.lines if each.again)


def test_a_repeated_line_may_be_paid_by_another_fund():
    """The one that was rejected may be closed for good; the credit fund stays the same."""
    outcome = _Outcome(document(THREE), posting(posted(1, REJECTED, again="2025-02", new_fund="F-9")), THREE.lines)
    ((again, _),) = outcome.repeated()
    assert (again.fund, again.credit_fund) == ("F-9", "C-1")
