"""Data for the scripts of pages: classic scripts, since a page opened from a folder may load nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence

from openchargeback import money
from openchargeback.billing.span_statements import SpanStatement, SubjectKind
from openchargeback.portal import paths
from openchargeback.portal.views.common import Book, state_view
from openchargeback.templating.filters import period_human


def script(name: str, value: object) -> bytes:
    """A script that stores a value of dicts, lists, texts and numbers as `portal.NAME`."""
    # The text is JSON in ASCII, so no character can end the script or a line of it.
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return f"(window.portal = window.portal || {{}}).{name} = {text};\n".encode()


def months_data(book: Book, items: int) -> dict[str, object]:
    """Every month with its name, state and amount, newest first. items: how many are in the review queue."""
    rows = []
    for period in reversed(book.periods):
        state = state_view(period)
        amount = money.human(book.totals[period.period].billed, book.currency)
        rows.append([period.period, period_human(period.period), state.kind, state.word, amount])
    return {"months": rows, "review": items}


def payer_pages(book: Book, spans: Sequence[SpanStatement]) -> dict[str, dict[str, dict[str, str]]]:
    """For each PI the pages of statements by project and month; `*` is the statement that a PI's page leads to.

    That is the one over all projects; with a single project, it is that project's.
    """
    found: dict[str, dict[str, dict[str, str]]] = {email: {} for email in book.pis}
    for email in book.pis:
        for statement in book.statements_by_pi.get(email, ()):
            page, month = paths.statement_page(statement), statement.period
            found[email].setdefault(paths.folder_name(statement.project.id), {})[month] = page
            found[email].setdefault("*", {})[month] = page
    for each in spans:
        subject = each.request.subject
        if subject.kind is SubjectKind.PI and subject.id in found:
            found[subject.id].setdefault("*", {})[each.request.period] = paths.span_page(each)
    return found
