"""How a statement goes on paper: what fits on one sheet, how many services are listed, how names are shortened.

A short statement has one table of services with their resources. A longer one has the services on its first page and
the resources after the closing text, so that page 1 is complete either way. What fits is computed from the sizes in
`assets/statement.css`, in millimeters, since laying a statement out twice would take twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openchargeback.portal.quantity_words import TIMES
from openchargeback.portal.statement_chart import HEIGHT, WIDTH, chart_words, has_chart
from openchargeback.portal.statement_parts import Figures, Part, ServiceBlock, sum_of
from openchargeback.portal.statement_view import StatementView
from openchargeback.portal.text_width import Faces, named

MOST_SERVICES = 14
"""So many services are listed on page 1; of more, the smallest are summed up."""

PAPERS = {"a4": (210, 297), "letter": (215.9, 279.4)}
"""Width and height."""

_MARGINS = 2 * 16
_TOP_AND_BOTTOM = 12 + 15

_INDENT, _GAP = 3, 2
_TEXT, _ROW = 8, 9
"""Type sizes in points: of resources and small text, of services."""

_QUANTITY_BESIDE_DISCOUNT, _QUANTITY = 50, 60
_FIGURE, _DISCOUNT, _LAST = (
    {"usual": 20, "wide": 33, "huge": 36},
    {"usual": 30, "wide": 33, "huge": 36},
    {"usual": 27, "wide": 33, "huge": 36},
)
_DUE, _HOW = 66, 70
"""How wide the answer is, and where the way to it begins."""
_FEW = 32
"""The least space for a table of resources: its heading and four rows."""
_SIDE, _LEFT = 60, 66
"""The columns of the closing text, and how much the right one takes from the left."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; figures: None if the line above has them already."""

    name: str
    quantity: str
    figures: Figures | None


@dataclass(frozen=True, slots=True)
class Block:
    """A service with the lines of its resources."""

    title: str
    figures: Figures
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class PartLayout:
    """A part of a statement on paper.

    is_short: services and resources are in one table. services: those that are listed, and a line for the others.
    resources: of a long part, the services with their resources. lead: a sentence below the table.
    """

    part: Part
    is_short: bool
    heading: str
    last: str
    lead: str
    services: tuple[Block, ...]
    resources: tuple[Block, ...]
    resources_heading: str
    has_quantities: bool
    has_vendor: bool
    has_covered: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A statement on paper. chart_words: the text for a reader who does not see the chart; empty without one.

    breaks: whether the resources begin on a new page, since too few of them would stand at the foot of the first one.
    """

    parts: tuple[PartLayout, ...]
    breaks: bool
    chart_words: str
    has_gaps: bool


def layout_of(view: StatementView, paper: str, faces: Faces) -> Layout:
    """The layout of a statement on a size of paper."""
    width, height = PAPERS[paper]
    sheet = _Sheet(view, width - _MARGINS, height - _TOP_AND_BOTTOM, faces)
    parts = sheet.parts()
    return Layout(
        parts=parts,
        breaks=sheet.breaks(parts),
        chart_words=chart_words(view.bars, view.currency, only_shown=view.only_shown),
        has_gaps=not all(bar.list or bar.due for bar in view.bars),
    )


class _Sheet:
    """Measures one statement."""

    def __init__(self, view: StatementView, width: float, height: float, faces: Faces) -> None:
        self.view, self.width, self.height, self.faces = view, width, height, faces

    def parts(self) -> tuple[PartLayout, ...]:
        """Short if all of it fits on one sheet, else long."""
        parts = [self.view.main, *([self.view.shown] if self.view.shown else [])]
        is_short = all(self._may_be_short(part) for part in parts)
        if is_short:
            made = [self._part(at, part, is_short=True) for at, part in enumerate(parts)]
            if self._fixed() + sum(map(self._height, made)) <= self.height:
                return tuple(made)
        return tuple(self._part(at, part, is_short=False) for at, part in enumerate(parts))

    def breaks(self, parts: Sequence[PartLayout]) -> bool:
        """Whether hardly a resource would fit below everything else on the first page."""
        left = self.height - self._fixed() - sum(map(self._height, parts))
        return not parts[0].is_short and 0 <= left < _FEW

    def _may_be_short(self, part: Part) -> bool:
        return self.view.room == "usual" and len(part.services) <= MOST_SERVICES

    def _part(self, at: int, part: Part, *, is_short: bool) -> PartLayout:
        beside = at > 0
        last = "Value" if beside else self.view.last_column
        what = "By service and resource" if is_short else "By service"
        return PartLayout(
            part=part,
            is_short=is_short,
            heading="For your information" if beside else what,
            last=last,
            lead="Nothing will be charged for these sources; they are not part of the amount due." if beside else "",
            services=tuple(self._block(block, is_short=True) for block in part.services)
            if is_short
            else self._listed(part.services),
            resources=()
            if is_short
            else tuple(self._block(block, is_short=False) for block in part.services if self._has_resources(block)),
            resources_heading="By resource, for your information" if beside else "By resource",
            has_quantities=part.has_quantities,
            has_vendor=any(block.figures.vendor for block in part.services) or bool(part.credits or part.late),
            has_covered=any(block.figures.covered for block in part.services),
        )

    @staticmethod
    def _has_resources(block: ServiceBlock) -> bool:
        return bool(block.rows or block.free)

    def _listed(self, blocks: Sequence[ServiceBlock]) -> tuple[Block, ...]:
        """The largest services in their order, and one line for the others."""
        ranked = sorted(range(len(blocks)), key=lambda at: (-abs(blocks[at].figures.list), at))
        kept = sorted(ranked if len(blocks) <= MOST_SERVICES else ranked[: MOST_SERVICES - 1])
        rows = [Block(blocks[at].title, blocks[at].figures, ()) for at in kept]
        others = [block.figures for at, block in enumerate(blocks) if at not in set(kept)]
        if others:
            rows.append(Block(f"{len(others):,} more services", sum_of(others), ()))
        return tuple(rows)

    def _block(self, block: ServiceBlock, *, is_short: bool) -> Block:
        room = (
            self.width - self._beside(is_short=is_short, has_quantities=self.view.main.has_quantities) - _INDENT - _GAP
        )

        def fits(text: str) -> bool:
            return self.faces.regular.width(text, _TEXT) <= room

        rows = [
            Row(
                named(f"{row.kind}: {row.name}" if row.kind else row.name, row.id, fits),
                self._quantity(row.quantity, is_short=is_short),
                row.figures,
            )
            for row in block.rows
        ]
        if block.rest_count or block.rest:
            rows.append(Row(block.rest_words, "", block.rest))
        if block.free:
            rows.append(Row(block.free_words, "", Figures()))
        if len(rows) == 1 and rows[0].figures == block.figures and is_short:
            rows = [Row(rows[0].name, rows[0].quantity, None)]
        return Block(block.title, block.figures, tuple(rows))

    def _beside(self, *, is_short: bool, has_quantities: bool) -> float:
        """The width of all columns but the first."""
        room = self.view.room
        figures = 2 * _FIGURE[room] if is_short else _FIGURE[room]
        quantity = _QUANTITY_BESIDE_DISCOUNT if is_short else _QUANTITY
        return figures + _LAST[room] + (quantity if has_quantities else 0)

    def _quantity(self, text: str, *, is_short: bool) -> str:
        """A quantity as far as it does not run into its neighbor: never with a figure cut."""
        room = (_QUANTITY_BESIDE_DISCOUNT if is_short else _QUANTITY) - _GAP
        candidates = (text, text.partition(TIMES)[0])
        return next((each for each in candidates if self.faces.regular.width(each, _TEXT) <= room), "")

    def _fixed(self) -> float:
        """The height of everything but the tables of parts, if that is on one page."""
        view, faces = self.view, self.faces
        right = 8 + 5.6 + 2 * 3.8
        sender = 1 + sum(faces.regular.lines(line, _TEXT, self.width - _LEFT) for line in view.head.lines)
        head = max(right, (13 if view.head.has_logo else 0) + 3.8 * sender)
        return head + self._parties() + self._answer() + self._chart() + self._closing()

    def _parties(self) -> float:
        view, faces = self.view, self.faces
        side = self.width - 52 - 60
        first, *others = view.to
        who = faces.strong.lines(first, _ROW, 48) + sum(faces.regular.lines(line, _ROW, 48) for line in others)
        project = faces.strong.lines(view.project_title, _ROW, side - 4) + bool(view.project_id)
        terms = sum(faces.regular.lines(line, _ROW, 56) for line in view.terms.lines)
        return 4.5 + 3.8 + 0.8 + 0.2 + 1.2 + 4.4 * max(who, project, terms)

    def _answer(self) -> float:
        view, faces = self.view, self.faces
        left = 4.4 + 9 + 0.8 + (4.4 if view.answer.also else 0)
        left += 4.4 * faces.regular.lines(f"{'Draft. ' if view.draft else ''}{view.answer.sentence}", _ROW, _DUE)
        left += sum(4.4 * faces.regular.lines(line, _ROW, _DUE) for line in view.beside)
        if len(view.funds) > 1:
            left += sum(4.4 * (1 + bool(row.days)) for row in view.funds)
        right = 0.3
        for row in view.summary:
            text = f"{row.label}: {row.detail}" if row.detail else row.label
            right += 0.5 + 4.4 * faces.regular.lines(text, _ROW, self.width - _HOW - 27)
        right += 0.3 + (4.9 if view.comparison else 0)
        held = 0.0
        if view.held_words:
            held = 3 + 4.4 * faces.regular.lines(f"Held, not included: {view.held_words}", _ROW, self.width)
        return 5 + max(left, right) + held

    def _chart(self) -> float:
        return 4.5 + 4.8 + 3.8 + 1 + self.width * HEIGHT / WIDTH if has_chart(self.view.bars) else 0

    def _closing(self) -> float:
        view, faces = self.view, self.faces
        left = 0.0
        room = self.width - _LEFT
        if view.discount_notes:
            left += 9.3 + sum(
                3.8 * faces.regular.lines(f"{note.label}. {note.note}", _TEXT, room) for note in view.discount_notes
            )
        texts = [*view.notes, *([f"Who pays. {view.attribution}"] if view.attribution else [])]
        if texts:
            left += 9.3 + sum(3.8 * faces.regular.lines(text, _TEXT, room) for text in texts)
        right = 9.3 + 3.8 * (sum(faces.regular.lines(line, _TEXT, _SIDE) for line in view.head.contact) + 2 + 2)
        return max(left, right)

    def _height(self, layout: PartLayout) -> float:
        """The height of the tables of a part."""
        width = self.width - self._beside(is_short=True, has_quantities=False)
        rows = sum(
            0.9 + 4 * self.faces.strong.lines(block.title, _ROW, width - _GAP) + 3.9 * len(block.rows)
            for block in layout.services
        )
        foot = 1 + (layout.part.is_corrected + bool(layout.part.credits) + bool(layout.part.late))
        tables = 4.5 + 4.8 + 0.6 + 3.8 * 2 + 0.8 + 0.3 + rows + 4.9 * foot + 0.6
        corrections = 0.0
        for block in (layout.part.credits, layout.part.late):
            if block:
                texts = sum(
                    5.2 + 4 * sum(map(bool, (row.what, row.days or row.quantity, row.note))) for row in block.rows
                )
                corrections += 4.5 + 4.8 + 3.8 + 0.6 + 4.6 + 0.3 + texts + 4.9
        return tables + corrections + (3.8 if layout.lead else 0)
