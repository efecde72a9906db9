"""What the search box of every page searches: PIs, projects, months, pages, and statements by number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from openchargeback.portal import paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book
from openchargeback.templating.filters import period_human

Row = tuple[str, str, str, str]
"""Kind, label, detail, and path in the output folder."""


def search_index(
    book: Book, pages: Iterable[Link], others: Iterable[Row] = (), *, journals: bool = True
) -> dict[str, object]:
    """The index as data for a script.

    rows: everything found by name. statements: by month, the end of each number with its PI and project as positions in
    payers, which has the folder and the name of each: a number is found in any of its digits, and leads to its page.
    pages: of the menu and the institution. others: further rows. journals: whether the site has those of months.
    """
    payers: dict[str, int] = {}
    folders: list[tuple[str, str]] = []

    def place(identifier: str, name: str) -> int:
        folder = paths.folder_name(identifier)
        if folder not in payers:
            payers[folder] = len(folders)
            folders.append((folder, name))
        return payers[folder]

    statements = {
        period.period: [
            (
                each.number.removeprefix(f"{period.period}-"),
                place(each.pi.email, book.person(each.pi.email).name),
                place(each.project.id, each.project.id or "Without project"),
            )
            for each in period.statements
        ]
        for period in book.periods
    }
    return {"rows": [*_rows(book, pages, journals=journals), *others], "statements": statements, "payers": folders}


def _rows(book: Book, pages: Iterable[Link], *, journals: bool) -> Iterator[Row]:
    for email in book.pis:
        person = book.person(email)
        detail = ", ".join(part for part in (person.department, email if person.name != email else "") if part)
        yield "PI", person.name or email, detail, paths.pi_page(email)
    for identifier in book.project_ids:
        title = book.project(identifier).title
        label = identifier or "Without project"
        yield "Project", label, "" if title == identifier else title, paths.project_page(identifier)
    for month in reversed(book.months):
        name = period_human(month)
        yield "Month", name, month, paths.period_page(month)
        if journals:
            yield "Journal", f"Journal {name}", month, paths.journal_page(month)
    for page in pages:
        yield "Page", page.label, "", page.path
