"""The received files, the institution's own pages, and the page that explains the figures."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from markupsafe import Markup

from openchargeback import money
from openchargeback.focus.schema import SCHEMAS, schema_for
from openchargeback.model import FileRecord, Page, Provenance
from openchargeback.portal import paths
from openchargeback.portal.markdown import split_title, to_html
from openchargeback.portal.own_pages import href
from openchargeback.portal.views.common import Book, StateView, state_view


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A charge file with the display name of its source."""

    file: FileRecord
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMonth:
    """The files of one month with their sums."""

    period: str
    link: str
    state: StateView
    files: tuple[ReceivedFile, ...]
    charges: int
    exact_billed: Decimal


@dataclass(frozen=True, slots=True)
class ReceivedFiles:
    """All files, newest month first."""

    months: tuple[ReceivedMonth, ...]
    files: int


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


def received(book: Book) -> ReceivedFiles:
    """The files of all months."""
    months = [
        ReceivedMonth(
            period=period.period,
            link=paths.period_page(period.period),
            state=state_view(period),
            files=tuple(ReceivedFile(file, book.source_label(file.source)) for file in period.files),
            charges=sum(file.charges for file in period.files),
            exact_billed=money.total(*(file.exact_billed for file in period.files)),
        )
        for period in reversed(book.periods)
        if period.files
    ]
    return ReceivedFiles(tuple(months), sum(len(period.files) for period in book.periods))


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
