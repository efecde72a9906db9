"""The received files, the institution's own pages, and the page that explains the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from openchargeback.focus.schema import SCHEMAS, schema_for
from openchargeback.model import FileRecord, Page, Provenance
from openchargeback.portal import paths
from openchargeback.portal.markdown import split_title, to_html
from openchargeback.portal.own_pages import href
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.sheet import Sheet
from openchargeback.portal.views.tables import LIST_ROWS, Cell, Column, Cut, Kind, Table, money_column, table
from openchargeback.wording import counted


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A Markdown page, rendered."""

    title: str
    body: Markup


@dataclass(frozen=True, slots=True)
class SourceNote:
    """The config's notes on a source."""

    label: str
    cost: str
    credit_fund: str
    discount: str
    note: str
    posts: bool


@dataclass(frozen=True, slots=True)
class SchemaLink:
    """The published table schema of a dialect."""

    title: str
    link: str


@dataclass(frozen=True, slots=True)
class About:
    """The page that explains where the figures come from."""

    provenance: Provenance
    sources: tuple[SourceNote, ...]
    schemas: tuple[SchemaLink, ...]
    data_package: str


def received(book: Book) -> Sheet:
    """All charge files, newest month first."""
    found = [(period.period, file) for period in reversed(book.periods) for file in period.files]
    if not found:
        empty = "Charge files appear here, with digest, rows and amount, once `focus-billing ingest` has added one."
        return Sheet(title="Files received", empty=empty)
    return Sheet(
        title="Files received",
        status=(counted(len(found), "file"),),
        lead=(
            "Kept byte for byte as received. If a digest differs from the sender’s, the file is not the one that was "
            "sent."
        ),
        tables=(file_table(book, found, Cut(paths.table_file("files-received"), LIST_ROWS)),),
    )


def file_table(book: Book, found: Sequence[tuple[str, FileRecord]], cut: Cut, *, source: bool = True) -> Table:
    """Charge files with the month they are of, in their order. source: whether to name the source of each."""
    columns = (
        Column("File", Kind.ID),
        Column("Month", Kind.PERIOD, order="descending"),
        *((Column("Source"),) if source else ()),
        Column("Charges", Kind.COUNT, adds=True),
        money_column("Amount", book.currency, kind=Kind.EXACT),
        Column("Size", Kind.SIZE),
        Column("SHA-256", Kind.DIGEST),
    )
    rows = (
        (
            Cell(file.path),
            Cell(period, paths.period_page(period)),
            *((Cell(book.source_label(file.source), paths.source_page(file.source)),) if source else ()),
            Cell(file.charges, paths.charges_view(period, source=file.source)),
            Cell(file.exact_billed),
            Cell(file.size),
            Cell(file.sha256),
        )
        for period, file in found
    )
    return table("files", "Charge files", columns, rows, total=counted(len(found), "file"), cut=cut)


def own_page(page: Page) -> OwnPage:
    """One of the institution's pages; a heading at its top is the title of the page."""
    title, text = split_title(page.markdown, page.title)
    return OwnPage(title or page.name, to_html(text, partial(href, page.name)))


def about(book: Book, provenance: Provenance) -> About:
    """How figures are computed, with the notes on each source in the order of their colors."""
    settings = [book.config.source(name) for name in book.colors]
    sources = tuple(
        SourceNote(
            label=s.label or s.name,
            cost=s.cost,
            credit_fund=book.config.credit_fund(s.name),
            discount=book.config.organization.name if book.config.covers(s.name) else "the vendor",
            note=s.note,
            posts=book.config.posts(s.name),
        )
        for s in settings
    )
    schemas = tuple(SchemaLink(schema_for(dialect)["title"], paths.schema(dialect)) for dialect in SCHEMAS)
    return About(provenance, sources, schemas, paths.DATA_PACKAGE)
