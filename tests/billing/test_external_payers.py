"""External payers: invoiced instead of journaled, from the first charge to a credit after their class has changed."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from closed_ledger import HEAD, close, month, on_item, problems, row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openchargeback.billing import reconciliation
from openchargeback.billing.credits import BilledFilter, billed_charges
from openchargeback.billing.invoices import invoices_of, receivables
from openchargeback.cli.main import cli
from openchargeback.export.receivables import receivables_csv
from openchargeback.ledger.settings import Config, Organization
from openchargeback.model import BilledPeriod, Entry, PayerClass
from openchargeback.problems import UsageFault
from openchargeback.publish.books import examine, open_books

JAN, FEB = "2025-01", "2025-02"
CONFIG = """organization: X University
sources: {aws: {credit_fund: C-1, account: "7000"}, pilot: {post: false}}
journal: {credit_account: "4000"}
external_payers:
  revenue_account: "4500"
  receivable_account: "1100"
  exempt_text: No tax.
  commercial: {due_days: 10, taxable: true, tax_text: Tax is billed apart., revenue_account: "4600"}
"""
BILL_TO = "organization: North College, address: [7 Harbor Street, Port]"


def person(email: str, payer_class: str = "", more: str = BILL_TO) -> str:
    return f"  - {{email: {email}" + (f", payer_class: {payer_class}, {more}" if payer_class else "") + "}\n"


def charge(cost: str, pi: str = "a@x.edu", project: str = "p", fund: str = "F-1", **cells: str) -> str:
    """A charge at its list price."""
    return row(cost, pi, project, fund, list=cost, **cells)


PEOPLE = "people:\n" + person("a@x.edu") + person("e@y.edu", "external-academic") + person("c@z.com", "commercial")


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ada pays 10 from a fund; an academic payer 20, 7 of them only shown; a company 5."""
    write(tmp_path, "config.yaml", CONFIG)
    write(tmp_path, "directory/people.yaml", PEOPLE)
    rows = (
        charge("10"),
        charge("13", "e@y.edu", "p", "", resource="r3"),
        charge("5", "c@z.com", "q", "", resource="r2"),
    )
    write(tmp_path, f"charges/{JAN}/aws.csv", HEAD + "".join(rows))
    write(tmp_path, f"charges/{JAN}/pilot.csv", HEAD + charge("7", "e@y.edu", "p", "", resource="r4"))
    write(tmp_path, f"charges/{FEB}/aws.csv", HEAD + charge("1", month=FEB))
    return tmp_path


def run(root: Path, *arguments: str) -> str:
    result = CliRunner().invoke(cli, [*arguments, "--ledger", str(root)], catch_exceptions=False)
    return result.output


def due(period: BilledPeriod) -> dict[tuple[str, str], tuple[str, bool, bool]]:
    """By PI and source: the amount in cents, whether it is due, and whether it is invoiced."""
    return {(line.pi, line.source): (str(line.amounts.billed), line.posted, line.invoiced) for line in period.lines}


def decide(root: Path, *decisions: dict[str, object]) -> None:
    whole = [{"period": JAN, "reason": "asked", "by": "r@x.edu", **each} for each in decisions]
    write(root, f"approvals/{FEB}/late.yaml", "# decisions\n" + json.dumps({"decisions": whole}))


def id_of(root: Path, resource: str) -> str:
    """The id of the only billed charge for a resource in January."""
    (found,) = billed_charges(open_books(root).ledger, JAN, BilledFilter(resources=(resource,)))
    return found


def test_external_payers_are_invoiced_and_nothing_of_theirs_is_journaled_or_held(root: Path) -> None:
    period = month(root)
    assert not period.queue
    assert due(period) == {
        ("a@x.edu", "aws"): ("10.00", True, False),
        ("c@z.com", "aws"): ("5.00", True, True),
        ("e@y.edu", "aws"): ("13.00", True, True),
        ("e@y.edu", "pilot"): ("7.00", False, False),
    }
    assert {line.pi for line in period.journal.lines} == {"a@x.edu"}
    assert (period.journal.net, period.invoiced.billed, period.shown.billed) == (10, 18, 7)


def test_an_invoice_has_a_number_of_its_own_and_the_terms_of_the_payers_class(root: Path) -> None:
    close(root)
    books = open_books(root)
    period = month(root)
    academic, commercial = sorted(invoices_of(period, books.ledger.settings(JAN)), key=lambda each: each.taxable)
    assert {each.number for each in (academic, commercial)} == {
        f"INV-{each.number}" for each in period.statements if each.pi.external
    }
    assert (academic.issued, academic.due, academic.terms) == (period.closed_on, dt.date(2025, 3, 7), "Net 30 days")
    assert (academic.tax_text, academic.amount) == ("No tax.", 13)
    assert (commercial.due, commercial.terms, commercial.tax_text) == (
        dt.date(2025, 2, 15),
        "Net 10 days",
        "Tax is billed apart.",
    )


def test_the_directory_overrides_the_tax_of_a_class(root: Path) -> None:
    write(root, "directory/people.yaml", PEOPLE.replace("commercial,", "commercial, taxable: false,"))
    found = invoices_of(month(root), open_books(root).ledger.config)
    assert [each.taxable for each in found] == [False, False]


def test_a_draft_is_neither_dated_nor_due(root: Path) -> None:
    found = invoices_of(month(root), open_books(root).ledger.config)
    assert {(each.issued, each.due) for each in found} == {(None, None)}


def test_no_days_are_due_on_receipt(root: Path) -> None:
    write(root, "config.yaml", CONFIG.replace("due_days: 10", "due_days: 0"))
    close(root)
    found = invoices_of(month(root), open_books(root).ledger.settings(JAN))
    assert [(each.terms, each.due == each.issued) for each in found] == [
        ("Due on receipt", True),
        ("Net 30 days", False),
    ]


def test_receivables_are_the_lines_of_the_invoices_with_another_revenue_account(root: Path) -> None:
    close(root)
    data = receivables_csv(month(root), open_books(root).ledger.settings)
    assert data is not None
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert [
        tuple(each[name] for name in ("payer_class", "due_date", "taxable", "amount", "fund", "revenue_account"))
        for each in rows
    ] == [
        ("commercial", "2025-02-15", "yes", "5.00", "C-1", "4600"),
        ("external-academic", "2025-03-07", "no", "13.00", "C-1", "4500"),
    ]
    assert {(each["receivable_account"], each["address"]) for each in rows} == {("1100", "7 Harbor Street, Port")}


def test_without_a_revenue_account_the_credit_account_of_the_source_is_used(root: Path) -> None:
    kept = [line for line in CONFIG.splitlines() if 'revenue_account: "4500"' not in line]
    write(root, "config.yaml", "\n".join(kept).replace(', revenue_account: "4600"', "") + "\n")
    found = receivables(month(root), open_books(root).ledger.settings)
    assert {each.revenue_account for each in found} == {"4000"}


def test_a_ledger_without_external_payers_has_no_receivables(root: Path) -> None:
    write(root, "directory/people.yaml", "people:\n" + person("a@x.edu") + person("e@y.edu") + person("c@z.com"))
    write(root, f"charges/{JAN}/aws.csv", HEAD + charge("10"))
    assert receivables_csv(month(root), open_books(root).ledger.settings) is None


@pytest.mark.slow
def test_a_credit_follows_what_was_billed_even_if_the_class_of_the_payer_changed_since(root: Path) -> None:
    close(root)
    external, internal = id_of(root, "r3"), id_of(root, "r1")
    write(root, "directory/people.yaml", "people:\n" + person("a@x.edu", "commercial") + person("e@y.edu"))
    decide(root, {"decision": "credit", "charges": [external, internal]})
    assert problems(root) == []
    found = {
        line.pi: (line.invoiced, line.amounts.billed) for line in month(root, FEB).lines if line.entry is Entry.CREDIT
    }
    assert found == {"e@y.edu": (True, -13), "a@x.edu": (False, -10)}
    assert month(root, FEB).journal.net == -10
    rows = receivables_csv(month(root, FEB), open_books(root).ledger.settings)
    assert rows is not None
    by_pi = {each["pi"]: each for each in csv.DictReader(io.StringIO(rows.decode()))}
    original = next(each.number for each in month(root).statements if each.pi.email == "e@y.edu")
    assert (by_pi["e@y.edu"]["corrects"], by_pi["e@y.edu"]["amount"]) == (f"INV-{original}", "-13.00")
    assert by_pi["e@y.edu"]["revenue_account"] == "4500"


@pytest.mark.slow
def test_a_charge_is_billed_again_to_an_external_payer_without_a_fund(root: Path) -> None:
    write(root, f"charges/{JAN}/aws.csv", HEAD + charge("10") + charge("3", "a@x.edu", "p", "F-1", resource="r9"))
    close(root)
    decide(root, {"decision": "credit", "charges": [id_of(root, "r9")], "set": {"pi": "e@y.edu"}})
    assert problems(root) == []
    lines = {line.entry: line for line in month(root, FEB).lines if line.entry is not Entry.OWN}
    assert (lines[Entry.CREDIT].invoiced, lines[Entry.REBILL].invoiced) == (False, True)
    before = month(root, FEB).lines
    close(root, FEB)
    assert month(root, FEB).lines == before
    assert problems(root) == []


def test_a_late_charge_is_invoiced_as_the_payer_pays_now(root: Path) -> None:
    write(root, f"charges/{JAN}/aws.csv", HEAD + charge("10") + charge("6", "a@x.edu", "", "F-1", resource="r8"))
    close(root)
    write(root, "directory/people.yaml", "people:\n" + person("a@x.edu", "commercial"))
    decide(root, {"decision": "reassign", "set": {"project": "p"}, **on_item(root, "missing-project")})
    assert problems(root) == []
    (late,) = [line for line in month(root, FEB).lines if line.entry is Entry.LATE]
    assert (late.invoiced, late.amounts.billed) == (True, 6)


def test_a_closed_month_keeps_who_was_invoiced(root: Path) -> None:
    close(root)
    before = due(month(root))
    write(root, "directory/people.yaml", "people:\n" + person("a@x.edu", "commercial") + person("e@y.edu"))
    assert due(month(root)) == before
    assert problems(root) == []


def test_funds_of_external_payers_are_not_checked(root: Path) -> None:
    write(root, "directory/funds.yaml", "funds: [{id: F-1}]\n")
    write(root, f"charges/{JAN}/aws.csv", HEAD + charge("10", fund="F-2") + charge("13", "e@y.edu", "p", "F-2"))
    assert [(each.pi, each.flags) for each in month(root).queue] == [("a@x.edu", ("unknown-fund",))]


def test_setting_an_external_pi_answers_a_missing_fund(root: Path) -> None:
    write(root, f"charges/{JAN}/aws.csv", HEAD + charge("10", fund=""))
    (item,) = month(root).queue
    told = run(
        root,
        "review",
        "reassign",
        "--period",
        JAN,
        "--item",
        item.id,
        "--set-pi",
        "e@y.edu",
        "--reason",
        "x",
        "--by",
        "r@x.edu",
    )
    assert "clears missing-fund" in told
    assert not month(root).queue
    assert due(month(root))["e@y.edu", "aws"] == ("10.00", True, True)


def test_an_external_payer_without_an_address_is_told_and_stops_closing(root: Path) -> None:
    write(root, "directory/people.yaml", PEOPLE.replace(BILL_TO, "organization: North College", 1))
    (told,) = [each for each in examine(root)[2] if each.code == "bill-to-missing"]
    assert (told.place, told.message) == (
        "directory/people.yaml:3:5",
        "e@y.edu is an external payer, but has no address",
    )
    with pytest.raises(UsageFault, match="to be invoiced, but has no address: add it in directory/people"):
        run(root, "periods", "close", JAN, "--on", "2025-02-05", "--by", "me")
    assert not (root / f"periods/{JAN}.yaml").exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("external_payers: {due_days: -1}", "wrong-type"),
        ("external_payers: {due_days: soon}", "wrong-type"),
        ("external_payers: {revenue_account: =1+1}", "wrong-type"),
        ("external_payers: {industry: {due_days: 1}}", "unknown-key"),
    ],
)
def test_settings_that_cannot_be_used_are_told_with_their_place(root: Path, text: str, code: str) -> None:
    write(root, "config.yaml", "organization: X\n" + text + "\n")
    told = [(each.code, each.line) for each in examine(root)[2] if each.path == "config.yaml"]
    assert (code, 2) in told


def test_an_unknown_payer_class_is_told(root: Path) -> None:
    write(root, "directory/people.yaml", PEOPLE.replace("external-academic", "external"))
    told = next(each for each in examine(root)[2] if each.path == "directory/people.yaml")
    assert (told.code, told.line) == ("wrong-value", 3)


def test_periods_show_says_what_is_invoiced(root: Path) -> None:
    found = json.loads(run(root, "periods", "show", JAN, "--json"))
    assert (found["invoiced"], found["shown"], found["journal"]["net"]) == ("18.00", "7.00", "10.00")
    assert {(each["pi"], bool(each["invoice"])) for each in found["statements"]} == {
        ("a@x.edu", False),
        ("c@z.com", True),
        ("e@y.edu", True),
    }
    assert "of which invoiced to external payers: 18.00 USD on 2 invoices" in run(root, "periods", "show", JAN)


@pytest.mark.parametrize("wrong", ["shown", "not invoiced", "internal"])
def test_what_is_invoiced_wrongly_is_an_error(root: Path, wrong: str) -> None:
    period = month(root)
    changes = {
        "shown": lambda line: replace(line, invoiced=True) if not line.posted else line,
        "not invoiced": lambda line: replace(line, invoiced=False) if line.pi == "e@y.edu" else line,
        "internal": lambda line: replace(line, invoiced=True) if line.pi == "a@x.edu" else line,
    }
    lines = tuple(map(changes[wrong], period.lines))
    statements = tuple(
        replace(each, lines=tuple(line for line in lines if line.pi == each.pi.email)) for each in period.statements
    )
    assert reconciliation.check_published(period) == []
    told = [
        each.message for each in reconciliation.check_published(replace(period, lines=lines, statements=statements))
    ]
    assert any("a line is not invoiced as its payer is external or internal" in each for each in told)


EMAILS = ("a@x.edu", "b@x.edu", "e@y.edu", "c@z.com")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    charged=st.lists(
        st.tuples(
            st.sampled_from(EMAILS),
            st.decimals(min_value=-50, max_value=50, places=3).map(str),
            st.sampled_from(["aws", "pilot"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_per_source_billed_is_journaled_and_invoiced_and_shown(
    tmp_path: Path, charged: list[tuple[str, str, str]]
) -> None:
    write(tmp_path, "config.yaml", CONFIG)
    write(tmp_path, "directory/people.yaml", PEOPLE + person("b@x.edu"))
    for source in ("aws", "pilot"):
        rows = [
            f"Adjustment,{charge(cost, pi, 'p', 'F-1' if pi.endswith('x.edu') else '', resource=f'r{number}')}"
            for number, (pi, cost, own) in enumerate(charged)
            if own == source
        ]
        write(tmp_path, f"charges/{JAN}/{source}.csv", f"ChargeCategory,{HEAD}{''.join(rows)}")
    books = open_books(tmp_path)
    period = books.period(JAN)
    if period is None:
        return
    assert reconciliation.check_published(period) == []
    owed = sum((each.line.amounts.billed for each in receivables(period, books.ledger.settings)), Decimal())
    external = [each for each in period.statements if each.pi.external]
    assert owed == period.invoiced.billed == sum((each.amounts.billed for each in external), Decimal())
    assert owed == sum((each.amount for each in invoices_of(period, books.ledger.config)), Decimal())
    assert period.amounts.billed == period.journal.net + owed
    assert {each.pi for each in period.journal.lines}.isdisjoint(each.pi.email for each in external)


def test_the_general_terms_apply_to_a_payer_who_became_internal() -> None:
    config = Config(organization=Organization("X"))
    assert config.external_payers.terms_of(PayerClass.INTERNAL) == config.external_payers.terms_of(
        PayerClass.COMMERCIAL
    )
