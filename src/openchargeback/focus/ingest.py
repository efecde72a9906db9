"""Adds charge files to a ledger: all or none, their bytes as received.

`ingest` is the entry point: it reads every file in full (`incoming.py`), plans where each belongs, and only then
writes. Existing files are not changed unless the person asks for `replace`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from openchargeback import money
from openchargeback.files.changes import change_files
from openchargeback.focus.equal_files import Sizes, by_size, content_digest, same_content
from openchargeback.focus.incoming import Content, Incoming, Staging, content_of
from openchargeback.focus.overlap import Overlap, overlaps
from openchargeback.ledger import files, periods
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.sources import unlisted_source
from openchargeback.model import State
from openchargeback.problems import LedgerFault, OutsideFault, Problem, UsageFault, has_errors
from openchargeback.wording import counted

MAX_STORED_BYTES = 90_000_000
"""The largest file to store: Git hosts reject pushes with files of 100 MB."""

Mode = Literal["replace", "add", "split"]

StillBilling = Callable[[Sequence[ChargeFile]], Collection[str]]
"""Returns the paths of the given files that have any charge billed or held."""


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """The result for a given file, or for one month of it.

    origin: the file as given; path: where it is in the ledger. action: `added`, `unchanged`, `replaced` or `split`.
    before: what the source had in the period so far; None if nothing, or if it could not be read.
    before_paths: its files. problems: warnings from reading, and a notice if the source is not listed.
    overlaps: what the new file has in common with them.
    """

    origin: str
    path: str
    period: str
    source: str
    content: Content
    action: str
    before: Content | None = None
    before_paths: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    overlaps: tuple[Overlap, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The public JSON form; amounts are strings."""
        return {
            "from": self.origin,
            "path": self.path,
            "period": self.period,
            "source": self.source,
            "action": self.action,
            **_content_json(self.content),
            "before": _content_json(self.before) if self.before else None,
            "before_paths": list(self.before_paths),
            "overlaps": [overlap.as_json() for overlap in self.overlaps],
            "problems": [problem.as_json() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for. period: where to store whole files, instead of where their rows belong."""

    source: str
    period: str | None = None
    mode: Mode | None = None
    compress: bool = False
    dry_run: bool = False

    def source_name(self) -> str:
        """The source in lower case. Raises UsageFault for an invalid request."""
        name = files.source_name(self.source)
        if name is None:
            raise UsageFault(
                f"{self.source!r} is not a valid source name: use up to 40 letters, digits, - and _, "
                "starting with a letter or digit"
            )
        if self.period is not None and not periods.is_period(self.period):
            raise UsageFault(f"{self.period!r} is not a period: write it like 2025-01")
        if self.period is not None and self.mode == "split":
            raise UsageFault("`--period` keeps a file whole, `--split` splits it: use only one of them")
        return name


@dataclass(slots=True)
class _Plan:
    """What will be done. Paths are relative to the ledger.

    results: by the identity of the incoming file. puts: staged file and its destination; moves: from and to; removes:
    what is removed once everything else is in place. refusals: why it cannot be done.
    """

    results: dict[int, IngestedFile] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    puts: list[tuple[Path, str]] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)


def ingest(
    ledger: Ledger, given: Sequence[Path], request: Request, still_billing: StillBilling | None = None
) -> list[IngestedFile]:
    """Check files and add them to the ledger; returns the result for each, in the order given.

    still_billing: which files with the same content elsewhere prevent it; without it, all of them do.
    Raises UsageFault for a refused request, LedgerFault for unreadable files, OutsideFault if writing fails; the
    ledger is then unchanged.
    """
    source = request.source_name()
    if not given:
        raise UsageFault("no files to ingest")
    try:
        folder = tempfile.TemporaryDirectory(prefix="openchargeback-")
    except OSError as error:
        raise OutsideFault(f"cannot create a temporary folder: {(error.strerror or str(error)).lower()}") from error
    with folder as name:
        staging = Staging(Path(name), source, ledger.config)
        items = staging.receive(given)
        if request.mode == "split":
            items = [part for item in items for part in staging.split(item)]
        if request.compress:
            items = [staging.compress(item) for item in items]
        plan = _plan(ledger, items, replace(request, source=source), still_billing)
        if not request.dry_run:
            _apply(ledger.root, plan)
    results = [plan.results[id(item)] for item in items]
    _notice_source(ledger, source, results)
    return results


def _plan(ledger: Ledger, items: Sequence[Incoming], request: Request, still_billing: StillBilling | None) -> _Plan:
    """Where readable files belong. Raises UsageFault with every reason to refuse them."""
    plan = _Plan()
    groups: dict[str, list[Incoming]] = {}
    # A part without charges belongs to the month of the other parts.
    months = {next(iter(item.months)) for item in items if len(item.months) == 1}
    shared = months.pop() if len(months) == 1 else ""
    for item in items:
        plan.refusals += _too_large(item)
        period = request.period or (shared if not item.months else "") or _period_of(item, plan.refusals)
        if period:
            groups.setdefault(period, []).append(item)
    stored = by_size(file for found in ledger.charge_files.values() for file in found)
    for period, group in groups.items():
        _plan_period(_Place(ledger, request.source, period, request.mode, stored, still_billing), group, plan)
    if plan.refusals:
        raise UsageFault("\n".join(plan.refusals))
    return plan


def _notice_source(ledger: Ledger, source: str, results: list[IngestedFile]) -> None:
    """Add a notice to the first new file if the settings do not list its source."""
    known = {file.source for found in ledger.charge_files.values() for file in found}
    for index, each in enumerate(results):
        if each.action != "unchanged":
            notice = unlisted_source(source, each.path, ledger.config, known)
            results[index] = replace(each, problems=(*each.problems, *([notice] if notice else [])))
            return


def _apply(root: Path, plan: _Plan) -> None:
    """Carry out the plan, all or nothing."""
    gate = files.Gate(root)
    for relative in [path for _, path in plan.puts] + [path for _, path in plan.moves]:
        if fault := gate.fault(relative):
            raise UsageFault(f"{fault.path} {fault.message}; {fault.fix}")
    changed: dict[str, Path | None] = {relative: staged for staged, relative in plan.puts}
    for before, after in plan.moves:
        changed |= {after: root / before, before: None}
    change_files(root, {**changed, **dict.fromkeys(plan.removes)})


@dataclass(frozen=True, slots=True)
class _Place:
    """A source and period of a ledger, and what the person wants done with its existing files."""

    ledger: Ledger
    source: str
    period: str
    mode: Mode | None
    stored: Sizes
    still_billing: StillBilling | None

    @property
    def existing(self) -> list[ChargeFile]:
        return [file for file in self.ledger.charge_files.get(self.period, ()) if file.source == self.source]

    @property
    def folder(self) -> str:
        """The folder of part files; an existing one keeps its spelling."""
        for file in self.existing:
            if len(PurePosixPath(file.path).parts) == 4:
                return PurePosixPath(file.path).parent.as_posix()
        return f"charges/{self.period}/{self.source}"


def _plan_period(place: _Place, group: list[Incoming], plan: _Plan) -> None:
    """Add one source and period to the plan, or the reason for refusing it."""
    existing = place.existing
    known = {content_digest(file.location, file.ceiling): file.path for file in existing}
    distinct = {item.digest: item for item in reversed(group)}
    if place.mode == "replace" and set(distinct) != set(known):
        fresh = [item for item in group if distinct[item.digest] is item]
        gone = existing
    else:
        fresh = [item for item in group if distinct[item.digest] is item and item.digest not in known]
        gone = []
    before = content_of(existing, place.ledger.config) if existing and fresh else None
    refusal = _not_open(place) or _elsewhere(place, fresh) or _conflict(place, fresh, before) if fresh else ""
    if refusal:
        plan.refusals.append(refusal)
        return
    paths = _paths(place, fresh, gone, plan)
    plan.puts += [(item.staged, path) for item, path in zip(fresh, paths, strict=True)]
    plan.removes += [file.path for file in gone if file.path not in paths]
    now = {item.digest: path for item, path in zip(fresh, paths, strict=True)}
    for item in group:
        new = item in fresh
        action = ("replaced" if gone else "split" if item.part else "added") if new else "unchanged"
        plan.results[id(item)] = IngestedFile(
            origin=item.name,
            path=now.get(item.digest) or known[item.digest],
            period=place.period,
            source=place.source,
            content=item.content,
            action=action,
            before=before if new else None,
            before_paths=tuple(file.path for file in existing) if new else (),
            problems=item.problems,
            overlaps=_overlaps(place, item) if new and place.mode == "add" else (),
        )


def _overlaps(place: _Place, item: Incoming) -> tuple[Overlap, ...]:
    """What an added file has in common with the existing files."""
    return overlaps(item.staged, place.existing, place.source, place.ledger.config) if place.existing else ()


def _paths(place: _Place, fresh: Sequence[Incoming], gone: Sequence[ChargeFile], plan: _Plan) -> list[str]:
    """The paths of the new files of a source and period; an existing single file becomes a part."""
    staying = [] if gone else place.existing
    if len(fresh) == 1 and not staying:
        return [f"charges/{place.period}/{place.source}{fresh[0].suffix}"]
    names = [PurePosixPath(file.path) for file in staying]
    taken = [int(match[1]) for name in names if (match := re.match(r"part-(\d+)\.", name.name.lower()))]
    number = max(taken, default=-1) + 1
    if fresh:
        for name in names:
            if len(name.parts) == 3:
                plan.moves.append((name.as_posix(), f"{place.folder}/part-{number:03}{files.suffix_of(name.name)}"))
                number += 1
    return [f"{place.folder}/part-{number + index:03}{item.suffix}" for index, item in enumerate(fresh)]


def _too_large(item: Incoming) -> list[str]:
    if item.size <= MAX_STORED_BYTES:
        return []
    size = f"{item.name} has {item.size:,} bytes, more than the {MAX_STORED_BYTES:,} that can be pushed"
    if item.suffix == ".csv":
        return [f"{size}: use `--compress` to store it as gzip"]
    return [f"{size}, even compressed: export it in parts and ingest them with `--add`"]


def _period_of(item: Incoming, refusals: list[str]) -> str:
    """The only month of a file; empty, with a refusal added, if it has none or several."""
    if len(item.months) == 1:
        return next(iter(item.months))
    if not item.months:
        refusals.append(f"{item.name} has no charges: name its month with `--period P`")
        return ""
    counts = "".join(f"\n  {month}  {counted(count, 'charge')}" for month, count in item.months.items())
    refusals.append(
        f"{item.name} spans {len(item.months)} months:{counts}\n"
        "`--split` stores each month separately; `--period P` stores the whole file in P, where charges of other "
        "months are flagged wrong-period"
    )
    return ""


def _not_open(place: _Place) -> str:
    """Why nothing can be added to the period; empty if it is open."""
    relative = f"periods/{place.period}.yaml"
    problems: list[Problem] = []
    if place.period not in place.ledger.period_files:
        # The state in an unreadable period file is unknown: the period might be closed.
        data = files.read_bytes(place.ledger.root, relative, problems)
        if data is not None:
            problems += periods.read_period(data, relative)[1]
    if has_errors(problems):
        raise LedgerFault(problems)
    state = place.ledger.period_file(place.period).state
    if state is State.OPEN:
        return ""
    later = _next(place.period)
    while place.ledger.period_file(later).state is not State.OPEN:
        later = _next(later)
    return (
        f"{place.period} is {state}: late charges go into an open period, where they are flagged wrong-period; "
        f"use `--period {later}`"
    )


def _next(period: str) -> str:
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04}-{month % 12 + 1:02}"


def _elsewhere(place: _Place, fresh: Sequence[Incoming]) -> str:
    """Why the same charges in another source or period prevent this; empty if none are billed or held there."""
    ceiling = place.ledger.config.limits.charge_file_bytes
    for item in fresh:
        if not item.content.charges:
            continue
        equal = [
            file
            for file in same_content(item.staged, item.digest, place.stored, ceiling)
            if (file.source, file.period) != (place.source, place.period)
        ]
        billing = place.still_billing(equal) if equal and place.still_billing else [file.path for file in equal]
        for file in equal:
            if file.path in billing:
                return _stored_elsewhere(item, file, place)
    return ""


def _stored_elsewhere(item: Incoming, file: ChargeFile, place: _Place) -> str:
    """Where the same charges are, and what to do."""
    is_open = place.ledger.period_file(file.period).state is State.OPEN
    way = "remove it or reject all its charges" if is_open else "credit all its charges (`focus-billing review credit`)"
    return (
        f"{item.name} is already stored as {file.path} (source {file.source}, period {file.period}): "
        "its charges would be billed twice\n"
        f"if that file is in the wrong place, {way} first; otherwise correct `--source` or `--period`"
    )


def _conflict(place: _Place, fresh: Sequence[Incoming], before: Content | None) -> str:
    """Why the person must choose between adding and replacing; empty if there is no need."""
    existing = place.existing
    if place.mode in ("replace", "add") or (not existing and len(fresh) == 1):
        return ""
    currency = place.ledger.config.currency
    given = "".join(f"\n  new       {item.name}: {_summary(item.content, currency)}" for item in fresh)
    if not existing:
        return (
            f"several files for {place.source} in {place.period}:{given}\n"
            "`--add` stores them side by side as parts; to store only one of them, name only that one"
        )
    there = f"\n  existing  {', '.join(file.path for file in existing)}: "
    there += _summary(before, currency) if before else "cannot be read"
    if place.mode == "split":
        fix = (
            "`--split` fills only empty months: remove this month from the file, or store the whole file in an open "
            "period with `--period P --add`; `--replace` and `--add` change a single month"
        )
    else:
        fix = "`--replace` replaces the existing files; `--add` keeps both, as parts"
    return f"{place.source} already has other charges in {place.period}:{there}{given}\n{fix}"


def _summary(content: Content, currency: str) -> str:
    """Rows and sums in words: `12 charges, cost 1,234.50 USD, list 2,000.00 USD`."""
    words = [
        f"{counted(content.charges, 'charge')}",
        f"cost {money.exact(content.cost)} {currency}",
        f"list {money.exact(content.list)} {currency}",
        *(f"cost {money.exact(cost)} {other}" for other, cost in content.others),
    ]
    return ", ".join(words)


def _content_json(content: Content) -> dict[str, object]:
    return {
        "charges": content.charges,
        "cost": money.exact(content.cost),
        "list": money.exact(content.list),
        "other_currencies": {currency: money.exact(cost) for currency, cost in content.others},
    }
