"""Charge files that someone uploaded: checked, then put into the ledger in the clone by the functions of `ingest`.

    files ─check─▶ read in full, or their faults ─apply─▶ files of the ledger, or what to ask

Both run in the process for changes. A file is read once: what `check` found is what `apply` stores.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.files.branches import Identity
from openchargeback.focus.deliveries.opening import open_delivery
from openchargeback.focus.incoming import Content, Incoming, Staging, content_of
from openchargeback.focus.ingest import (
    MAX_STORED_BYTES,
    IngestedFile,
    Mode,
    NotStored,
    Refusal,
    Request,
    receive,
    store,
)
from openchargeback.focus.overlap import overlap_lines
from openchargeback.focus.recognizing import Recognition
from openchargeback.ledger import files
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.lock import locked
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.plan import words
from openchargeback.problems import LedgerFault, Problem, UsageFault
from openchargeback.publish.bill_ledger import still_billing
from openchargeback.publish.books import open_cache
from openchargeback.publish.paragraphs import Paragraph, paragraphs
from openchargeback.templating.filters import period_human
from openchargeback.web.plan_view import Table
from openchargeback.web.workspace import Change, Place, opened
from openchargeback.wording import counted, listed

ARCHIVE = ".zip"
ENDINGS = (*files.CHARGE_SUFFIXES, ARCHIVE)
"""The endings of files that are taken; the names on disk end with one of these and are otherwise ours."""

_NAMED = 3
_ACTIONS = {
    "added": "new",
    "replaced": "replaces what was there",
    "split": "one month of the file",
    "unchanged": "already in the ledger",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file. name: as the browser gave it, only ever shown. path: where it is, under a name of ours."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Answers:
    """What the person said. sources: of each file; empty for one to recognize. period: empty for that of the rows.

    modes: by source, where they were asked. estimate: whether the charges are estimates.
    """

    sources: tuple[str, ...]
    period: str = ""
    modes: Mapping[str, Mode] = field(default_factory=dict)
    estimate: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one source that were read in full, or the parts of a delivery. notes: on the delivery."""

    source: str
    items: tuple[Incoming, ...]
    delivered: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """What the files are. sources: of each file, empty for one that was not recognized; then nothing was read.

    known: the ledger's sources. problems: the faults of files, with places. reasons: why files were refused as a whole.
    settings: the digest of the settings with which they were read.
    """

    sources: tuple[str, ...]
    known: tuple[str, ...]
    currency: str
    settings: str
    groups: tuple[Group, ...] = ()
    problems: tuple[Problem, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def unknown(self) -> bool:
        """Whether a source must be asked."""
        return "" in self.sources

    @property
    def sound(self) -> bool:
        """Whether all files could be read."""
        return not (self.unknown or self.problems or self.reasons)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What to know of files that could be read."""
        return tuple(problem for group in self.groups for item in group.items for problem in item.problems)


class Undecided(UsageFault):
    """Files that cannot be stored before the person has answered. refusals: with the source of each."""

    def __init__(self, refusals: Sequence[tuple[str, Refusal]]) -> None:
        self.refusals = tuple(refusals)
        super().__init__("\n".join(each.text for _, each in refusals))

    def __reduce__(self) -> tuple[type[Undecided], tuple[tuple[tuple[str, Refusal], ...]]]:
        """For other processes: exceptions are otherwise made again from their message."""
        return Undecided, (self.refusals,)


@dataclass(frozen=True, slots=True)
class Form:
    """What `apply` imports. folder: for temporary files."""

    folder: Path
    answers: Answers
    checked: Checked


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page of the draft shows besides the plan: where each file went, and the sums before and after.

    lines: on overlaps, as `ingest` prints them. warnings: on the files.
    """

    files: Table
    months: Table | None
    lines: tuple[str, ...]
    warnings: tuple[Paragraph, ...]


def check(place: Place, base: str, uploads: Sequence[Upload], answers: Answers) -> Checked:
    """Recognize the sources of files and read all of them in full, by the settings of a commit.

    Raises LedgerFault if its settings cannot be used.
    """
    ledger = _ledger(opened(place, base))
    recognition = Recognition(ledger)
    sources = tuple(
        given.strip().lower() or recognition.source(each.name, each.path)
        for each, given in zip(uploads, answers.sources, strict=True)
    )
    found = Checked(sources, tuple(recognition.sources), ledger.config.currency, _settings(ledger))
    if found.unknown:
        return found
    return _read(ledger, found, uploads, answers)


def _read(ledger: Ledger, found: Checked, uploads: Sequence[Upload], answers: Answers) -> Checked:
    groups: list[Group] = []
    problems: list[Problem] = []
    reasons: list[str] = []
    for source, members, delivered in _grouped(found.sources, uploads):
        try:
            name = Request(source, answers.period or None).source_name()
            staging = Staging(members[0].path.parent, name, ledger.config)
            groups.append(_delivery(staging, members[0], answers) if delivered else _files(staging, members))
        except LedgerFault as fault:
            problems += fault.problems
        except UsageFault as fault:
            reasons.append(str(fault))
    return Checked(
        found.sources, found.known, found.currency, found.settings, tuple(groups), tuple(problems), tuple(reasons)
    )


def _grouped(sources: Sequence[str], uploads: Sequence[Upload]) -> list[tuple[str, list[Upload], bool]]:
    """The files of each source together; an archive is a delivery, so by itself."""
    together: dict[str, list[Upload]] = {}
    found: list[tuple[str, list[Upload], bool]] = []
    for source, each in zip(sources, uploads, strict=True):
        if each.path.suffix == ARCHIVE:
            found.append((source, [each], True))
        elif source in together:
            together[source].append(each)
        else:
            together[source] = [each]
            found.append((source, together[source], False))
    return found


def _files(staging: Staging, members: Sequence[Upload]) -> Group:
    return Group(staging.source, tuple(staging.read([(each.name, each.path) for each in members])))


def _delivery(staging: Staging, archive: Upload, answers: Answers) -> Group:
    ceiling = staging.config.limits.charge_file_bytes
    delivery = open_delivery(archive.path, ceiling, dt.datetime.now(dt.UTC), answers.period or None, archive.name)
    # Several archives may have parts of the same names.
    own = Staging(archive.path.with_suffix(""), staging.source, staging.config)
    own.folder.mkdir(exist_ok=True)
    items = tuple(receive(own, delivery))
    skipped = (f"skipped: {each}" for each in delivery.skipped)
    return Group(staging.source, items, delivered=True, notes=(*skipped, *delivery.notes))


def apply(root: Path, form: Form, _who: Identity) -> Change:
    """Put the files into the ledger, all or none. Raises Undecided with everything that the person must answer."""
    done: list[IngestedFile] = []
    refusals: list[tuple[str, Refusal]] = []
    with locked(root):
        checked = form.checked
        for group in checked.groups:
            ledger = _ledger(root)
            if _settings(ledger) != checked.settings:
                raise UsageFault("the settings of the ledger have changed since these files were checked")
            try:
                done += _stored(ledger, group, form)
            except NotStored as fault:
                refusals += [(group.source, each) for each in fault.refusals]
        if refusals:
            raise Undecided(refusals)
        return _change(_ledger(root), form, done)


def _stored(ledger: Ledger, group: Group, form: Form) -> list[IngestedFile]:
    mode = form.answers.modes.get(group.source)
    large = any(item.suffix == ".csv" and item.size > MAX_STORED_BYTES for item in group.items)
    period = None if mode == "split" else form.answers.period or None
    request = Request(group.source, period, mode, compress=large, estimate=form.answers.estimate)
    return store(
        ledger,
        Staging(form.folder, group.source, ledger.config),
        group.items,
        request,
        lambda found: still_billing(ledger, open_cache(ledger.root), found),
        delivered=group.delivered,
    )


def _change(ledger: Ledger, form: Form, done: Sequence[IngestedFile]) -> Change:
    """What was done, as a commit."""
    new = [each for each in done if each.action != "unchanged"]
    sources, periods = list(dict.fromkeys(each.source for each in new)), sorted({each.period for each in new})
    currency = ledger.config.currency
    lines = [
        f"{each.path}: {each.action}, {counted(each.content.charges, 'charge')}, "
        f"{money.human(each.content.cost, currency)} {currency}"
        for each in new
    ]
    removed = {each.usage_removed for each in new if each.usage_removed}
    lines += [f"{path}: removed: the charges that it belongs to are replaced" for path in sorted(removed)]
    notes = [note for group in form.checked.groups for note in group.notes]
    if any(each.path.endswith(".gz") and not each.origin.lower().endswith(".gz") for each in new):
        notes.append("Stored as gzip, since Git hosts refuse files of 100 MB.")
    notes += [f"{one_line(each.origin)} is already in the ledger as {each.path}." for each in done if each not in new]
    overlaps = [line for each in done for line in overlap_lines(one_line(each.origin), each.overlaps)]
    return Change(
        f"Import {_and(sources)} charges for {_and([period_human(period) for period in periods])}",
        "-".join(["import/" + "-".join(sources[:_NAMED]), *periods[:1]]),
        (*(f"charges/{period}" for period in periods), *sorted(removed)) if new else (),
        "\n".join(lines),
        tuple(notes),
        Facts(
            _files_table(done, currency),
            _months_table(ledger, new),
            tuple(overlaps),
            tuple(paragraphs(form.checked.warnings)),
        ),
    )


def _and(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) <= 2 else listed(names, _NAMED)


def _files_table(done: Sequence[IngestedFile], currency: str) -> Table:
    rows = tuple(
        (
            one_line(each.origin),
            each.path,
            _ACTIONS[each.action],
            f"{each.content.charges:,}",
            money.human(each.content.cost, currency),
            money.human(each.content.list, currency),
        )
        for each in done
    )
    return Table("Files", ("File", "Stored as", "Action", "Charges", "Cost", "List"), frozenset({3, 4, 5}), rows)


def _months_table(ledger: Ledger, new: Sequence[IngestedFile]) -> Table | None:
    """The sums of each source and month that has new files, before and after."""
    groups: dict[tuple[str, str], list[IngestedFile]] = {}
    for each in new:
        groups.setdefault((each.source, each.period), []).append(each)
    currency, rows = ledger.config.currency, []
    for (source, period), group in sorted(groups.items()):
        before, after = group[0].before, _after(ledger, group)
        there = _sums(before, currency) if before else "cannot be read" if group[0].before_paths else "nothing"
        change = words.signed(after.cost - (before.cost if before else money.ZERO), currency)
        rows.append((f"{source}, {period_human(period)}", there, _sums(after, currency), change))
    head = ("Source and month", "Before", "After", f"Change, {currency}")
    return Table("Sums", head, frozenset({1, 2, 3}), tuple(rows)) if rows else None


def _sums(content: Content, currency: str) -> str:
    amounts = ((currency, content.cost), *content.others)
    costs = ", ".join(f"{money.human(cost, unit)} {unit}" for unit, cost in amounts)
    return f"{costs} ({counted(content.charges, 'charge')})"


def _after(ledger: Ledger, group: Sequence[IngestedFile]) -> Content:
    """The content of a source in a month with these new files."""
    own = {each.path: each.content for each in group}
    here = [file for file in ledger.charge_files.get(group[0].period, ()) if file.source == group[0].source]
    # Files that were there already were summed before; they are read again only if some of them were replaced.
    before = group[0].before if group[0].action != "replaced" else None
    others = [file for file in here if file.path not in own]
    if before is None and others:
        before = content_of(others, ledger.config)
    contents = [*own.values(), *([before] if before else [])]
    names = sorted({name for each in contents for name, _ in each.others})
    return Content(
        charges=sum(each.charges for each in contents),
        cost=money.total(*(each.cost for each in contents)),
        list=money.total(*(each.list for each in contents)),
        others=tuple(
            (name, money.total(*(cost for each in contents for own, cost in each.others if own == name)))
            for name in names
        ),
    )


def _ledger(root: Path) -> Ledger:
    ledger, problems = read_ledger(root)
    if ledger is None:
        raise LedgerFault(problems, root)
    return ledger


def _settings(ledger: Ledger) -> str:
    """The digest of the settings by which files are read."""
    return files.digest_of(ledger.root / FILE_NAME)
