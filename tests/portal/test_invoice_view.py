"""What makes the statement of an external payer an invoice."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import statement_cases

from openchargeback.ledger.settings import Config, ExternalPayers, InvoiceTerms
from openchargeback.model import BillTo, PayerClass, Person, Statement
from openchargeback.portal.invoice_view import InvoiceView, invoice_view
from openchargeback.portal.statement_view import statement_view

TERMS = ExternalPayers(
    pay_to=("Accounts Receivable", "1 College Road"),
    exempt_text="No tax is due.",
    commercial=InvoiceTerms(taxable=True, tax_text="Tax\n is separate."),
)
PAYER = Person(
    "e@y.edu", "Mia", payer_class=PayerClass.COMMERCIAL, bill_to=BillTo("North\u202e College", ("Port",), "PO-7")
)


def config() -> Config:
    return replace(statement_cases.config(), external_payers=TERMS)


def external(payer: Person = PAYER, **changes: Any) -> Statement:
    """A closed statement of an external payer, everything on it invoiced."""
    made = replace(statement_cases.normal(), issued=dt.date(2025, 2, 5), pi=payer, **changes)
    return replace(made, lines=tuple(replace(line, invoiced=line.posted) for line in made.lines))


def times(statement: Statement, factor: int) -> Statement:
    """A statement with every amount times a factor."""

    def scaled(amounts: Any) -> Any:
        return replace(amounts, **{name: getattr(amounts, name) * factor for name in ("list", "discount", "billed")})

    return replace(statement, lines=tuple(replace(line, amounts=scaled(line.amounts)) for line in statement.lines))


def view(statement: Statement) -> InvoiceView:
    found = invoice_view(statement, config())
    assert found is not None
    return found


def test_an_invoice_says_whom_it_is_for_and_when_and_where_to_pay() -> None:
    statement = external()
    found = view(statement)
    assert found == InvoiceView(
        kind="Invoice",
        word="Invoice",
        number=f"INV-{statement.number}",
        due=dt.date(2025, 3, 7),
        terms="Net 30 days",
        to=("North College", "Port"),
        purchase_order="PO-7",
        tax_text="Tax is separate.",
        pay_to=("Accounts Receivable", "1 College Road"),
        sentence=found.sentence,
    )
    assert found.sentence.endswith(f"by 7 Mar 2025, and give the number INV-{statement.number}.")


def test_a_draft_is_not_due() -> None:
    found = view(replace(external(), draft=True))
    assert (found.word, found.due) == ("Draft invoice", None)
    assert found.sentence.endswith("would be invoiced once the month is closed. Amounts may change until then.")


@pytest.mark.parametrize("draft", [False, True])
def test_a_credit_note_is_not_paid(draft: bool) -> None:
    found = view(replace(times(external(), -1), draft=draft))
    assert found.word == ("Draft credit note" if draft else "Credit note")
    assert (found.due, found.terms, found.pay_to) == (None, "", ())
    assert ("would be issued" if draft else "is credited to you") in found.sentence


def test_nothing_is_due_on_an_invoice_over_nothing() -> None:
    found = view(times(external(), 0))
    assert (found.sentence, found.due) == ("Nothing is due.", None)


def test_what_is_journaled_beside_an_invoice_is_named() -> None:
    """A credit of what was charged to a fund before the payer became external."""
    statement = external()
    first, *others = (line for line in statement.lines if line.posted)
    returned = replace(first, invoiced=False, fund="F-9", amounts=replace(first.amounts, billed=Decimal("-3.00")))
    found = view(replace(statement, lines=(returned, *others)))
    assert found.sentence.endswith("USD\N{NO-BREAK SPACE}3.00 is returned to F-9 by journal entry.")


def test_an_internal_payer_gets_a_statement() -> None:
    statement = statement_cases.normal()
    assert invoice_view(statement, config()) is None
    assert statement_view(statement, config()).word == "Statement"


def test_the_document_is_named_after_the_invoice() -> None:
    statement = external()
    made = statement_view(statement, config())
    assert made.title.startswith(f"Invoice INV-{statement.number}: ")
    assert not made.funds
