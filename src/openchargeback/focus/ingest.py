"""Adds charge files to a ledger: all or none, their bytes as received.

`ingest` is the entry point: it reads every file in full (`incoming.py`), plans where each belongs, and only then
writes. Existing files are not changed unless the person asks for `replace`, or the source's `delivery` is `overwrite`.
Estimates are the exception: they only stand in for the final charges, which replace them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from openchargeback import money
from openchargeback.files.changes import change_files
from openchargeback.focus.deliveries.runs import Delivery
from openchargeback.focus.equal_files import Sizes, by_size, content_digest, same_content
from openchargeback.focus.incoming import Content, Incoming, Staging, content_of
from openchargeback.focus.overlap import Overlap, last_days, overlaps, repetitions
from openchargeback.ledger import files, periods
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import APPEND, OVERWRITE
from openchargeback.ledger.sources import unlisted_source
from openchargeback.model import State
from openchargeback.problems import LedgerFault, OutsideFault, Problem, UsageFault, has_errors
from openchargeback.wording import counted, listed

MAX_STORED_BYTES = 90_000_000
"""The largest file to store: Git hosts reject pushes with files of 100 MB."""

Mode = Literal["replace", "add", "split"]

_PART = re.compile(rf"(?:part|{files.ESTIMATE})-(\d+)\.")

_MODES: dict[str, Mode] = {OVERWRITE: "replace", APPEND: "add"}
"""What the setting `delivery` of a source asks for if the person does not."""

StillBilling = Callable[[Sequence[ChargeFile]], Collection[str]]
"""Returns the paths of the given files that have any charge billed or held."""


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """The result for a given file, or for one month of it.

    origin: the file as given; path: where it is in the ledger. action: `added`, `unchanged`, `replaced` or `split`.
    before: what the source had in the period so far; None if nothing, or if it could not be read.
    before_paths: its files. problems: warnings from reading, and a notice if the source is not listed.
    overlaps: what the new file has in common with them. usage_removed: the file that said which usage the replaced
    charges bill; empty if there was none.
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
    usage_removed: str = ""

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
            "usage_removed": self.usage_removed or None,
            "problems": [problem.as_json() for problem in self.problems],
        }


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for.

    period: where to store whole files, instead of where their rows belong. estimate: whether they are estimates.
    """

    source: str
    period: str | None = None
    mode: Mode | None = None
    compress: bool = False
    dry_run: bool = False
    estimate: bool = False

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


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why files cannot be stored as asked.

    modes: the choices that a person could make instead. period: None if naming a period would not help; else one that
    would, or empty if the person must know it.
    """

    text: str
    modes: tuple[Mode, ...] = ()
    period: str | None = None


class NotStored(UsageFault):
    """The files can be read, but not be stored as asked."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("\n".join(each.text for each in refusals))

    def __reduce__(self) -> tuple[type[NotStored], tuple[tuple[Refusal, ...]]]:
        """For other processes: exceptions are otherwise made again from their message."""
        return NotStored, (self.refusals,)


@dataclass(slots=True)
class _Plan:
    """What will be done. Paths are relative to the ledger.

    results: by the identity of the incoming file. puts: staged file and its destination; moves: from and to; removes:
    what is removed once everything else is in place. refusals: why it cannot be done.
    """

    results: dict[int, IngestedFile] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    puts: list[tuple[Path, str]] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)


def ingest(
    ledger: Ledger,
    given: Sequence[Path] | Delivery,
    request: Request,
    still_billing: StillBilling | None = None,
) -> list[IngestedFile]:
    """Check files, or the parts of a delivery, and add them to the ledger; returns the result for each, in order.

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
        received = receive(staging, given)
        return store(ledger, staging, received, request, still_billing, delivered=isinstance(given, Delivery))


def receive(staging: Staging, given: Sequence[Path] | Delivery) -> list[Incoming]:
    """Copy files and read them in full. Raises UsageFault if those of a delivery are not what its layout says."""
    if not isinstance(given, Delivery):
        return staging.receive(given)
    items = staging.receive_delivery(given)
    faults = [
        f"{item.name} has charges of {listed(list(item.months), 3)}, though its folder or manifest says {item.month}: "
        "get the delivery again"
        for item in items
        if item.month and item.months and list(item.months) != [item.month]
    ]
    if not all(run.manifest for run in given.runs):
        faults += _repeated(staging, items)
    if faults:
        raise UsageFault("\n".join(faults))
    return items


def store(
    ledger: Ledger,
    staging: Staging,
    items: Sequence[Incoming],
    request: Request,
    still_billing: StillBilling | None = None,
    *,
    delivered: bool = False,
) -> list[IngestedFile]:
    """Put files in place that were read in full, with the settings of the ledger; the second half of `ingest`.

    Raises NotStored with every reason to refuse them.
    """
    items = [replace(item, estimate=item.estimate or request.estimate) for item in items]
    if request.mode == "split":
        items = [part for item in items for part in staging.split(item)]
    if request.compress:
        items = [staging.compress(item) for item in items]
    plan = _plan(ledger, items, replace(request, source=staging.source), still_billing, delivered=delivered)
    if not request.dry_run:
        _apply(ledger.root, plan)
    results = [plan.results[id(item)] for item in items]
    _notice_source(ledger, staging.source, results)
    return results


def _repeated(staging: Staging, items: Sequence[Incoming]) -> list[str]:
    """The files of a delivery that seem to be several runs of one export."""
    return [
        f"{items[each.other].name} repeats {each.rows:,} of {counted(each.of, 'row')} of {items[each.one].name}: they "
        "seem to be runs of the same export, which would be billed twice; keep only the newest run, or name the files "
        "themselves with `--add`"
        for each in repetitions([item.staged for item in items], staging.source, staging.config)
    ]


def _plan(
    ledger: Ledger,
    items: Sequence[Incoming],
    request: Request,
    still_billing: StillBilling | None,
    *,
    delivered: bool,
) -> _Plan:
    """Where readable files belong. Raises NotStored with every reason to refuse them.

    delivered: whether the files are one delivery, so that several of one month are its parts.
    """
    plan = _Plan()
    asked = request.mode in ("replace", "add")
    mode = request.mode if asked else _MODES.get(ledger.config.source(request.source).delivery, request.mode)
    groups: dict[str, list[Incoming]] = {}
    # A part without charges belongs to the month of the other parts.
    months = {next(iter(item.months)) for item in items if len(item.months) == 1}
    shared = months.pop() if len(months) == 1 else ""
    for item in items:
        plan.refusals += _too_large(item)
        empty = item.month or shared if not item.months else ""
        period = request.period or empty or _period_of(item, plan.refusals)
        if period:
            groups.setdefault(period, []).append(item)
    stored = by_size(file for found in ledger.charge_files.values() for file in found)
    for period, group in groups.items():
        place = _Place(ledger, request.source, period, mode, stored, still_billing, asked=asked, delivered=delivered)
        _plan_period(place, group, plan)
    if plan.refusals:
        raise NotStored(plan.refusals)
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
    """A source and period of a ledger, and what to do with its existing files.

    asked: whether the person chose between adding and replacing; otherwise the setting of the source did, if any.
    delivered: whether the new files are the parts of one delivery.
    """

    ledger: Ledger
    source: str
    period: str
    mode: Mode | None
    stored: Sizes
    still_billing: StillBilling | None
    asked: bool = False
    delivered: bool = False

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
    estimate = any(item.estimate for item in group)
    # What was stored as an estimate is stored again once it is final.
    known = {
        content_digest(file.location, file.ceiling): file.path
        for file in existing
        if estimate or not files.is_estimate(file.path)
    }
    fresh, gone = _changes(place, group, known)
    before = content_of(existing, place.ledger.config) if existing and fresh else None
    refusal = _refusal(place, fresh, gone, before, estimate=estimate) if fresh else None
    adding = place.mode == "add" and not refusal
    overlapping = {id(item): _overlaps(place, item) for item in fresh} if adding else {}
    refusal = refusal or _already_there(place, fresh, overlapping)
    if refusal:
        plan.refusals.append(refusal)
        return
    paths = _paths(place, fresh, gone, plan)
    plan.puts += [(item.staged, path) for item, path in zip(fresh, paths, strict=True)]
    plan.removes += [file.path for file in gone if file.path not in paths]
    stale = _stale_usage(place, gone)
    plan.removes += [stale] if stale else []
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
            overlaps=overlapping.get(id(item), ()),
            usage_removed=stale if new else "",
        )


def _changes(
    place: _Place, group: Sequence[Incoming], known: Mapping[str, str]
) -> tuple[list[Incoming], list[ChargeFile]]:
    """The files to store, and the existing ones that they replace. known: paths by digest of what stays as it is."""
    distinct = {item.digest: item for item in reversed(group)}
    first = [item for item in group if distinct[item.digest] is item]
    if place.mode == "replace" and set(distinct) != set(known):
        return first, place.existing
    fresh = [item for item in first if item.digest not in known]
    stands_in = [file for file in place.existing if files.is_estimate(file.path)]
    return fresh, stands_in if fresh and place.mode != "add" else []


def _stale_usage(place: _Place, gone: Sequence[ChargeFile]) -> str:
    """The file of which usage the charges that go were converted from; empty if charges stay or there is none."""
    path = files.intervals_path(place.period, place.source)
    return path if len(gone) == len(place.existing) > 0 and (place.ledger.root / path).is_file() else ""


def _refusal(
    place: _Place, fresh: Sequence[Incoming], gone: Sequence[ChargeFile], before: Content | None, *, estimate: bool
) -> Refusal | None:
    """Why files cannot be stored as planned; None if they can."""
    return (
        _not_open(place)
        or _elsewhere(place, fresh)
        or _estimated(place, fresh, estimate=estimate)
        or _conflict(place, fresh, gone, before)
        or _older(place, fresh, gone)
    )


def _estimated(place: _Place, fresh: Sequence[Incoming], *, estimate: bool) -> Refusal | None:
    """Why estimates and final charges would not fit together; None if they do."""
    final = [file.path for file in place.existing if not files.is_estimate(file.path)]
    stands_in = [file.path for file in place.existing if files.is_estimate(file.path)]
    if estimate and final and place.mode == "replace" and not place.asked:
        return Refusal(
            f"{fresh[0].name} is an estimate, but {place.source} has final charges in {place.period} ({final[0]}): "
            "get the newest export; `--replace` puts the estimate in their place",
            ("replace",),
        )
    if not estimate and stands_in and place.mode == "add":
        return Refusal(
            f"{stands_in[0]} is an estimate, so {fresh[0].name} would bill its charges twice: use `--replace`, which "
            "puts the final export in its place",
            ("replace",),
        )
    return None


def _older(place: _Place, fresh: Sequence[Incoming], gone: Sequence[ChargeFile]) -> Refusal | None:
    """Why an export that ends before the one that it would replace is refused; None if it does not.

    An export that overwrites its files does not say when it was made, so only its days show that it is an old copy.
    """
    # Final charges are newer than estimates, whatever their days.
    gone = [file for file in gone if fresh[0].estimate or not files.is_estimate(file.path)]
    if place.asked or not gone:
        return None
    new, old = last_days([item.staged for item in fresh], gone, place.source, place.ledger.config)
    if new is None or old is None or new >= old:
        return None
    return Refusal(
        f"{fresh[0].name} has usage of {place.source} until {new}, the charges that it would replace until {old} "
        f"({gone[0].path}): it seems to be older; get the newest export, or use `--replace`",
        ("replace",),
    )


def _already_there(
    place: _Place, fresh: Sequence[Incoming], overlapping: Mapping[int, Sequence[Overlap]]
) -> Refusal | None:
    """Why the setting `append` does not allow files with rows that exist already; None if it does."""
    if place.asked:
        return None
    found = [(item, each) for item in fresh for each in overlapping.get(id(item), ()) if each.twice]
    if not found:
        return None
    lines = "".join(f"\n  {counted(each.twice, 'row')} of {item.name} in {each.path}" for item, each in found)
    return Refusal(
        f"{place.source} is delivered by appending (`delivery: append`), but has these rows in {place.period}:{lines}\n"
        "if each delivery has the whole month, set `delivery: overwrite`; `--add` stores them all the same",
        ("add",),
    )


def _overlaps(place: _Place, item: Incoming) -> tuple[Overlap, ...]:
    """What an added file has in common with the existing files."""
    return overlaps(item.staged, place.existing, place.source, place.ledger.config) if place.existing else ()


def _paths(place: _Place, fresh: Sequence[Incoming], gone: Sequence[ChargeFile], plan: _Plan) -> list[str]:
    """The paths of the new files of a source and period; an existing single file becomes a part."""
    staying = [file for file in place.existing if file not in gone]
    if len(fresh) == 1 and not staying and not fresh[0].estimate:
        return [f"charges/{place.period}/{place.source}{fresh[0].suffix}"]
    names = [PurePosixPath(file.path) for file in staying]
    taken = [int(match[1]) for name in names if (match := _PART.match(name.name.lower()))]
    number = max(taken, default=-1) + 1
    if fresh:
        for name in names:
            if len(name.parts) == 3:
                plan.moves.append((name.as_posix(), f"{place.folder}/part-{number:03}{files.suffix_of(name.name)}"))
                number += 1
    return [
        f"{place.folder}/{files.ESTIMATE if item.estimate else 'part'}-{number + index:03}{item.suffix}"
        for index, item in enumerate(fresh)
    ]


def _too_large(item: Incoming) -> list[Refusal]:
    if item.size <= MAX_STORED_BYTES:
        return []
    size = f"{item.name} has {item.size:,} bytes, more than the {MAX_STORED_BYTES:,} that can be pushed"
    if item.suffix == ".csv":
        return [Refusal(f"{size}: use `--compress` to store it as gzip")]
    return [Refusal(f"{size}, even compressed: export it in parts and ingest them with `--add`")]


def _period_of(item: Incoming, refusals: list[Refusal]) -> str:
    """The only month of a file; empty, with a refusal added, if it has none or several."""
    if len(item.months) == 1:
        return next(iter(item.months))
    if not item.months:
        refusals.append(Refusal(f"{item.name} has no charges: name its month with `--period P`", period=""))
        return ""
    counts = "".join(f"\n  {month}  {counted(count, 'charge')}" for month, count in item.months.items())
    text = (
        f"{item.name} spans {len(item.months)} months:{counts}\n"
        "`--split` stores each month separately; `--period P` stores the whole file in P, where charges of other "
        "months are flagged wrong-period"
    )
    refusals.append(Refusal(text, ("split",), max(item.months)))
    return ""


def _not_open(place: _Place) -> Refusal | None:
    """Why nothing can be added to the period; None if it is open."""
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
        return None
    if place.delivered:
        return Refusal(
            f"{place.period} is {state}, and the delivery has other charges for it than the ledger: to ingest another "
            "month of the delivery, name it with `--period P`; corrections of this one go into an open period, in a "
            "file of their own"
        )
    later = periods.next_period(place.period)
    while place.ledger.period_file(later).state is not State.OPEN:
        later = periods.next_period(later)
    return Refusal(
        f"{place.period} is {state}: late charges go into an open period, where they are flagged wrong-period; "
        f"use `--period {later}`",
        period=later,
    )


def _elsewhere(place: _Place, fresh: Sequence[Incoming]) -> Refusal | None:
    """Why the same charges in another source or period prevent this; None if none are billed or held there."""
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
                return Refusal(_stored_elsewhere(item, file, place))
    return None


def _stored_elsewhere(item: Incoming, file: ChargeFile, place: _Place) -> str:
    """Where the same charges are, and what to do."""
    is_open = place.ledger.period_file(file.period).state is State.OPEN
    way = "remove it or reject all its charges" if is_open else "credit all its charges (`focus-billing review credit`)"
    return (
        f"{item.name} is already stored as {file.path} (source {file.source}, period {file.period}): "
        "its charges would be billed twice\n"
        f"if that file is in the wrong place, {way} first; otherwise correct `--source` or `--period`"
    )


def _conflict(
    place: _Place, fresh: Sequence[Incoming], gone: Sequence[ChargeFile], before: Content | None
) -> Refusal | None:
    """Why the person must choose between adding and replacing; None if there is no need."""
    existing = [file for file in place.existing if file not in gone]
    if place.mode in ("replace", "add") or (not existing and (place.delivered or len(fresh) == 1)):
        return None
    currency = place.ledger.config.currency
    given = "".join(f"\n  new       {item.name}: {_summary(item.content, currency)}" for item in fresh)
    if not existing:
        return Refusal(
            f"several files for {place.source} in {place.period}:{given}\n"
            "`--add` stores them side by side as parts; to store only one of them, name only that one",
            ("add",),
        )
    there = f"\n  existing  {', '.join(file.path for file in existing)}: "
    there += _summary(before, currency) if before else "cannot be read"
    modes: tuple[Mode, ...] = () if place.mode == "split" else ("replace", "add")
    if place.mode == "split":
        fix = (
            "`--split` fills only empty months: remove this month from the file, or store the whole file in an open "
            "period with `--period P --add`; `--replace` and `--add` change a single month"
        )
    else:
        fix = "`--replace` replaces the existing files; `--add` keeps both, as parts"
    return Refusal(f"{place.source} already has other charges in {place.period}:{there}{given}\n{fix}", modes)


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
