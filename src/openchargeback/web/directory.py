"""The directory by form: what held charges miss in it, and entries to add or to change, as drafts.

The fields of a form are those of the file's shape (`ledger/directory.py`), so each is described once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from openchargeback.billing.period_review import suggested
from openchargeback.characters import CONTROLS
from openchargeback.files import git
from openchargeback.files.branches import Identity
from openchargeback.ledger.directory_change import add_entry, put_entries
from openchargeback.ledger.directory_edit import KINDS, PAYER_KEYS, REMOVED, entry_values
from openchargeback.ledger.directory_stubs import Suggestion
from openchargeback.ledger.periods import HELD, part_path
from openchargeback.ledger.shape import Boolean, Choice, Date, ListOf, Record, Shape
from openchargeback.model import State
from openchargeback.problems import OpenChargebackError, UsageFault
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.decided import gathered
from openchargeback.web.guard import Refused
from openchargeback.web.jobs import READS, begun
from openchargeback.web.pages import Refusal, page
from openchargeback.web.program import Program, failed, program_of, signed_in
from openchargeback.web.workspace import Change, Place, opened

NAMES = {"people": "person", "projects": "project", "funds": "fund"}
_COLUMNS = {
    "sub_account": "match.SubAccountId",
    "billing_account": "match.BillingAccountId",
    "resource": "match.ResourceId",
}
"""The field of a form for each column that a suggestion may be known by, if it has another name."""

_DATED = "entries"
_MOST_DATED = 100


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. kind: text, date, list (one value per line), or choice. words: the values to choose from."""

    name: str
    label: str
    kind: str
    help: str
    words: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Lacking:
    """A suggestion with the period whose charges it would attribute. seen: what is known of it, in words."""

    period: str
    kind: str
    field: str
    value: str
    seen: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a form says: the kind of an entry, its fields as text, and whether it must be new."""

    kind: str
    values: Mapping[str, str]
    new: bool


class Missing:
    """What the directory misses, computed again when the main branch changes."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: tuple[str, asyncio.Task[list[Lacking]]] | None = None

    def at(self, base: str) -> asyncio.Task[list[Lacking]]:
        """The suggestions at a commit; the task may still be running."""
        known = self._known
        if known is None or known[0] != base:
            task = begun(self._program.jobs.run(READS, missing, self._program.reading_place, base))
            known = base, task
        self._known = None if failed(known[1]) else known
        return known[1]


def missing(place: Place, base: str) -> list[Lacking]:
    """What held charges of all months miss in the directory at a commit, month by month."""
    ledger = gathered(opened(place, base))
    found = []
    for period in ledger.periods:
        is_open = ledger.period_file(period).state is State.OPEN
        if is_open or (period in ledger.records and (ledger.root / part_path(period, HELD)).is_file()):
            found += [_lacking(period, each, ledger.config.currency) for each in suggested(ledger, period)]
    return found


def _lacking(period: str, found: Suggestion, currency: str) -> Lacking:
    return Lacking(period, found.kind, _COLUMNS.get(found.column, found.column), found.value, found.seen(currency))


def fields_of(kind: str) -> list[Field]:
    """The fields of a form for an entry, in the order in which they are written."""
    what = KINDS[kind]
    found = []
    for name, shape in what.entry.fields.items():
        if isinstance(shape, Record):
            found += [_field(f"{name}.{each}", each, of) for each, of in shape.fields.items()]
        elif not (isinstance(shape, ListOf) and isinstance(shape.item, Record)):
            found.append(_field(name, name, shape, required=name == what.id))
    return found


def dated_fields(kind: str, number: int) -> list[Field]:
    """The fields of one of the times in a project's history, by its number; none for other entries."""
    dated = KINDS[kind].entry.fields.get(_DATED)
    if not (isinstance(dated, ListOf) and isinstance(dated.item, Record)):
        return []
    return [_field(f"{_DATED}.{number}.{each}", each, shape) for each, shape in dated.item.fields.items()]


def _field(name: str, key: str, shape: Shape, *, required: bool = False) -> Field:
    label = " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key).replace("_", " ").split())
    label = {"id": "ID", "pi": "PI", "pis": "Other PIs", "funds": "Other funds"}.get(
        label, label[:1].upper() + label[1:]
    )
    help_: str = getattr(shape, "help", "")
    match shape:
        case Choice(words=words):
            return Field(name, label, "choice", help_, tuple(words), required)
        case Boolean():
            return Field(name, label, "choice", help_, ("yes", "no"), required)
        case ListOf():
            return Field(name, label, "list", help_, (), required)
        case Date():
            return Field(name, label, "date", help_, (), required)
    return Field(name, label, "text", help_, (), required)


def put(ledger: Path, form: Entry, who: Identity) -> Change:  # noqa: ARG001 - who commits is not in the file
    """Write an entry of the directory as `directory add` does, or change one as `directory import` does."""
    what = KINDS[form.kind]
    entry = _entry(form)
    id_ = what.canonical(str(entry.get(what.id, "")))
    if not id_:
        raise UsageFault(f"the {what.id} is empty")
    if form.new:
        add_entry(ledger, form.kind, entry)
        changed = True
    else:
        path = ledger / what.path
        known = entry_values(path.read_bytes() if path.is_file() else None, form.kind)
        if id_ not in known:
            raise UsageFault(f"{id_} is not in {what.path} any more; add it again")
        changed = bool(put_entries(ledger, form.kind, [_continued(known[id_], entry)]).changed)
    subject = f"{'Add' if form.new else 'Change'} {NAMES[form.kind]} {id_}"
    return Change(subject, f"directory/{NAMES[form.kind]}-{id_}", (what.path,) if changed else ())


def _entry(form: Entry) -> dict[str, Any]:
    """The keys and values of the entry that a form describes; empty fields are left out."""
    entry: dict[str, Any] = {}
    for field in fields_of(form.kind):
        if value := _value(field, form.values):
            outer, _, inner = field.name.partition(".")
            if inner:
                entry.setdefault(outer, {})[inner] = value
            else:
                entry[outer] = value
    times = []
    for number in range(_MOST_DATED):
        fields = dated_fields(form.kind, number)
        times.append({each.name.rpartition(".")[2]: value for each in fields if (value := _value(each, form.values))})
    if any(times):
        entry[_DATED] = [each for each in times if each]
    return entry


def _continued(known: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """A changed entry: the only time of a project is beside its id, until there is a second one."""
    times = entry.get(_DATED, [])
    if known.get(_DATED) or not times:
        return dict(entry)
    if len(times) == 1:
        return {**{key: value for key, value in entry.items() if key != _DATED}, **times[0]}
    return {**entry, **dict.fromkeys(PAYER_KEYS, REMOVED)}


def _value(field: Field, values: Mapping[str, str]) -> str | list[str]:
    """What a field says; empty if it is left out."""
    text = values.get(field.name, "").strip()
    if not CONTROLS.isdisjoint(text.replace("\n", "") if field.kind == "list" else text):
        raise UsageFault(f"{field.label}: has a control character; remove it")
    return [line.strip() for line in text.splitlines() if line.strip()] if field.kind == "list" else text


def _texts(entry: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, str]:
    """An entry as written, as the texts of a form's fields."""
    found = {}
    for field in fields:
        outer, _, inner = field.name.partition(".")
        value = entry.get(outer)
        value = value.get(inner) if inner and isinstance(value, dict) else value
        found[field.name] = _text_of(value)
    return {name: {"true": "yes", "false": "no"}.get(text, text) for name, text in found.items()}


def _text_of(value: Any) -> str:
    """A value as written, as the text of a field."""
    values = value if isinstance(value, list) else [value]
    return "\n".join(str(each) for each in values if each is not None and not isinstance(each, dict))


async def show(request: Request) -> Response:
    """What held charges are missing, and where to add or change an entry."""
    program = program_of(request)
    base = await asyncio.to_thread(program.base)
    task = program.missing.at(base)
    values: dict[str, object] = {"kinds": NAMES, "lacking": None, "refusal": None}
    if not task.done():
        return page(request, "directory.html", "Directory", values, wait=1)
    try:
        values["lacking"] = task.result()
    except OpenChargebackError as fault:
        values["refusal"] = Refusal.of(fault)
    return page(request, "directory.html", "Directory", values)


async def edit(request: Request) -> Response:
    """The form of an entry: as it is, or empty but for what the address says."""
    program = program_of(request)
    kind = _kind(request.query_params)
    what, fields = KINDS[kind], fields_of(kind)
    base = await asyncio.to_thread(program.base)
    data = await asyncio.to_thread(git.file_at, program.root, base, what.path)
    given = {field.name: request.query_params.get(field.name, "") for field in fields}
    known = entry_values(data, kind).get(what.canonical(given[what.id])) if given[what.id] else None
    texts = _texts(known, fields) if known else given
    times = [each for each in (known or {}).get(_DATED) or [known or {}] if isinstance(each, dict)]
    rows = [row for row in (dated_fields(kind, number) for number in range(min(len(times) + 1, _MOST_DATED))) if row]
    if known and rows:
        fields = [each for each in fields if each.name not in PAYER_KEYS]
    for row, values_ in zip(rows, times, strict=False):
        texts |= {each.name: _text_of(values_.get(each.name.rpartition(".")[2])) for each in row}
    values = {"kind": kind, "fields": fields, "texts": texts, "new": known is None, "id": what.id}
    values["rows"] = rows
    title = f"{'New' if known is None else 'Change'} {NAMES[kind]}"
    return page(request, "entry.html", title, values)


async def change(request: Request) -> Response:
    """Make a draft of what the form says."""
    program = program_of(request)
    form = await request.form(max_files=0, max_fields=1000)
    kind = _kind(form)
    known = {field.name for field in fields_of(kind)}
    known |= {field.name for number in range(_MOST_DATED) for field in dated_fields(kind, number)}
    values = {name: str(text).replace("\r\n", "\n") for name, text in form.items() if name in known}
    is_new = form.get("new") == "yes"
    title = f"{'New' if is_new else 'Change'} {NAMES[kind]}"
    draft = program.drafts.start(
        signed_in(request), Action.DIRECTORY, title, "web/directory", put, Entry(kind, values, is_new)
    )
    return RedirectResponse(f"/web/drafts/{draft.id}", 303)


def _kind(given: QueryParams | FormData) -> str:
    kind = str(given.get("kind", ""))
    if kind not in KINDS:
        raise Refused(404, "There is no such list in the directory.")
    return kind


ADDRESSES = (
    Address("/web/directory", {"GET": (Action.DIRECTORY, show)}),
    Address("/web/directory/entry", {"GET": (Action.DIRECTORY, edit), "POST": (Action.DIRECTORY, change)}),
)
