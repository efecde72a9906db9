"""Trace a statement back to its charges: file, row and line of each, and how its cents were computed.

    source total ─▶ billing line ─▶ resource ─▶ charge

Runs the stages again on the period's charge files: for an open period on the current ledger, for a closed one with the
settings, directory and history of its record. The result is compared with the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal

import duckdb

from openchargeback import money
from openchargeback.billing import lines as lines_
from openchargeback.billing.pipeline import settled_month
from openchargeback.focus.database import query, sql
from openchargeback.focus.loaded import LoadedFile
from openchargeback.model import Amounts, BillingLine, Correction, Entry, Kind, StatementLines, SummedPeriod
from openchargeback.problems import UsageFault
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.ids import number_rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """An exact amount and its allocated cents: `floor` by rounding down, the rest by largest remainders."""

    exact: Decimal
    cents: Decimal

    def floor(self, currency: str) -> Decimal:
        """The exact amount rounded toward minus infinity, in the currency's minor unit."""
        return self.exact.quantize(Decimal(1).scaleb(-money.places(currency)), ROUND_FLOOR)

    def remainder_unit(self, currency: str) -> Decimal:
        """What the allocation added to the floor: zero or one unit."""
        return self.cents - self.floor(currency)


@dataclass(frozen=True, slots=True)
class Place:
    """The location of a charge: file, row as in problems (the header is row 1, blank rows count), line (0: none)."""

    file: str
    row: int
    line: int


@dataclass(frozen=True, slots=True)
class TracedCharge:
    """A charge with its cents. via: how PI, project and fund were found. decisions: places in the approval files.

    For a charge of an earlier period, `original` is that period and `entry` is what was done with it.
    """

    charge: str
    place: Place | None
    list: Share
    billed: Share
    via: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    entry: Entry = Entry.OWN
    original: str = ""
    corrects: str = ""


@dataclass(frozen=True, slots=True)
class TracedResource:
    """A resource of a line with its charges, whose cents add up to its own."""

    name: str
    id: str
    kind: Kind | None
    billed: Share
    charges: tuple[TracedCharge, ...]


@dataclass(frozen=True, slots=True)
class TracedLine:
    """A billing line with its resources. source: the total of the entire source; source_lines: its number of lines.

    faithful: whether the stages still compute this line exactly; if not, nothing below it is known.
    """

    number: int
    line: BillingLine
    source: Share | None
    source_lines: int
    resources: tuple[TracedResource, ...]
    faithful: bool = True

    @property
    def charges(self) -> tuple[TracedCharge, ...]:
        """The charges of all resources."""
        return tuple(charge for resource in self.resources for charge in resource.charges)


def trace_statement(
    ledger: RecordedLedger, billed: SummedPeriod, statement: StatementLines, wanted: Iterable[int] = ()
) -> tuple[TracedLine, ...]:
    """The lines of a statement of that period, traced to their charges.

    wanted: line numbers (from 1) on the statement; all by default. The ledger must hold its records, and the files must
    be as recorded (see `record.seal`). Raises UsageFault for a line that does not exist, LedgerFault if charge files
    cannot be read.
    """
    numbers = list(wanted) or list(range(1, len(statement.lines) + 1))
    missing = [number for number in numbers if not 0 < number <= len(statement.lines)]
    if missing:
        raise UsageFault(f"{statement.number} has no line {missing[0]}; its lines are 1 to {len(statement.lines)}")
    picked = {number: statement.lines[number - 1] for number in sorted(set(numbers))}
    own = [line for line in picked.values() if line.entry is Entry.OWN]
    traced = _own_lines(ledger, billed.period, own) if own else {}
    others = [line for line in picked.values() if line.entry is not Entry.OWN]
    corrections = [each for each in billed.corrections if any(_belongs(each, line) for line in others)]
    places = _places_of(ledger, corrections)
    return tuple(
        replace(traced[line.key], number=number)
        if line.entry is Entry.OWN
        else _corrected_line(number, line, corrections, places)
        for number, line in picked.items()
    )


def _own_lines(ledger: RecordedLedger, period: str, wanted: Sequence[BillingLine]) -> dict[tuple[str, ...], TracedLine]:
    with settled_month(ledger, period) as charges:
        con, config = charges.con, charges.config
        currency = config.currency
        lines_.sum_resources(con, currency)
        made = lines_.numbered_lines(con, config, charges.directory)
        good = {line.key: made[line] for line in wanted if line in made}
        number_rest(charges, {line.source for line in wanted})
        lines_.share_charges(con, currency, sorted(good.values()))
        resources = _resources(con, charges.loaded.files, currency)
        totals = _source_totals(con, currency)
    return {
        line.key: TracedLine(
            0,
            line,
            totals[line.source][0] if line.source in totals else None,
            totals[line.source][1] if line.source in totals else 0,
            tuple(resources.get(good.get(line.key, -1), ())),
            faithful=line.key in good,
        )
        for line in wanted
    }


def _source_totals(con: duckdb.DuckDBPyConnection, currency: str) -> dict[str, tuple[Share, int]]:
    rows = con.execute(query(__package__, "traced_sources")).fetchall()
    return {source: (Share(exact=exact, cents=_cents(units, currency)), count) for source, exact, units, count in rows}


def _resources(
    con: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile], currency: str
) -> dict[int, list[TracedResource]]:
    """By line id, the resources with their charges."""
    files = {each.number: each for each in loaded}
    charges: dict[int, list[TracedCharge]] = {}
    lines: dict[int, int] = {}
    for row in con.execute(sql(__package__, "traced_charges.sql")).fetchall():
        line, resource, charge, file, n, exact_list, exact_billed, billed, discount, *rest = row
        *via, flags, places = rest
        lines[resource] = line
        charges.setdefault(resource, []).append(
            TracedCharge(
                charge,
                place_of(files[file], n),
                Share(exact=exact_list, cents=_cents(billed + discount, currency)),
                Share(exact=exact_billed, cents=_cents(billed, currency)),
                tuple(text or "" for text in via),
                tuple(flags),
                tuple(places),
            )
        )
    rows = con.execute(query(__package__, "traced_resources")).fetchall()
    result: dict[int, list[TracedResource]] = {}
    for id_, name, resource_id, kind, exact, units in rows:
        if id_ in charges:
            share = Share(exact=exact, cents=_cents(units, currency))
            result.setdefault(lines[id_], []).append(
                TracedResource(name, resource_id, Kind(kind), share, tuple(charges[id_]))
            )
    return result


def place_of(loaded: LoadedFile, n: int) -> Place:
    """The location of the charge with that number in the file."""
    row, layout = n - loaded.first, loaded.layout
    return Place(loaded.file.path, layout.number(row), layout.line(row) if loaded.header else 0)


def _corrected_line(
    number: int, line: BillingLine, corrections: Iterable[Correction], places: Mapping[str, Place]
) -> TracedLine:
    """A line of an earlier period: its charges one by one, as the corrections record them."""
    charges = tuple(
        TracedCharge(
            charge=each.charge,
            place=places.get(each.charge),
            list=Share(exact=each.exact_list, cents=each.amounts.list),
            billed=Share(exact=each.exact_billed, cents=each.amounts.billed),
            decisions=(each.place,),
            entry=each.entry,
            original=each.original,
            corrects=each.corrects,
        )
        for each in corrections
        if _belongs(each, line)
    )
    whole = Share(
        exact=line.exact_billed,
        cents=Amounts.total(each.amounts for each in corrections if _belongs(each, line)).billed,
    )
    return TracedLine(number, line, None, 0, (TracedResource("", "", None, whole, charges),))


def _belongs(each: Correction, line: BillingLine) -> bool:
    return each.line_key == line.key


def _places_of(ledger: RecordedLedger, corrections: Iterable[Correction]) -> dict[str, Place]:
    """The locations of charges of earlier periods, by id; those that can no longer be found are left out."""
    originals: dict[str, set[str]] = {}
    for each in corrections:
        originals.setdefault(each.original, set()).add(each.charge)
    found: dict[str, Place] = {}
    for period, ids in sorted(originals.items()):
        with settled_month(ledger, period) as charges:
            number_rest(charges)
            files = {each.number: each for each in charges.loaded.files}
            rows = charges.con.execute(
                query(__package__, "places_of_ids"),
                {"ids": sorted(ids)},
            ).fetchall()
            found |= {id_: place_of(files[file], n) for id_, file, n in rows}
    return found


def _cents(units: int, currency: str) -> Decimal:
    return Decimal(units).scaleb(-money.places(currency))
