"""Importing charge files by drag and drop.

upload ─check─▶ sources, months, sums, faults ─apply─▶ draft with old and new sums, then its plan
                    └─ what only the person knows is asked, and the files are kept meanwhile
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.focus.ingest import Mode
from openchargeback.ledger.periods import is_period
from openchargeback.problems import OpenChargebackError
from openchargeback.publish.paragraphs import paragraphs
from openchargeback.templating.filters import period_short
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.drafts import Pending
from openchargeback.web.guard import Refused
from openchargeback.web.importing import ENDINGS, Answers, Checked, Form, Undecided, Upload, apply, check
from openchargeback.web.jobs import CHANGES, begun
from openchargeback.web.pages import Refusal, page
from openchargeback.web.people import Person
from openchargeback.web.plan_view import Table
from openchargeback.web.program import Program, program_of, signed_in
from openchargeback.wording import counted, listed

_MOST_FILES = 100
_MOST_FIELDS = 300
_LONGEST_FIELD = 10_000
_AT_ONCE = 4
"""How many uploads arrive at the same time; and of one person."""
_AT_ONCE_OF_ONE = 2
_MOST = 50
_MOST_OF_ONE = 10
_KEPT_SECONDS = 24 * 3600.0
_BLOCK = 1 << 20
_LONGEST_NAME = 200
_SHOWN = 3


@dataclass(slots=True)
class Import:
    """Files that a person uploaded. folder: they are in it, until a draft or the end of the import removes it.

    checked: what they are, once that is known. pending: the draft that is made of them. fault: why there is none.
    """

    id: str
    person: Person
    folder: Path
    began: float
    uploads: tuple[Upload, ...]
    answers: Answers
    checked: Checked | None = None
    pending: Pending | None = None
    fault: OpenChargebackError | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """What its pages are called."""
        return f"Import {self.uploads[0].name if len(self.uploads) == 1 else counted(len(self.uploads), 'file')}"

    @property
    def address(self) -> str:
        """Where its page is."""
        return f"web/import/{self.id}"

    @property
    def drafted(self) -> bool:
        """Whether its files are a draft's."""
        return self.pending is not None and self.pending.folder is not None


class Imports:
    """The imports of a server, by id. They end with it: nothing of them is in the ledger."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._imports: dict[str, Import] = {}
        self._arriving: list[str] = []

    @contextmanager
    def arriving(self, person: Person) -> Iterator[Path]:
        """A new folder for an upload that begins; removed again if it does not arrive.

        Raises Refused if there are too many.
        """
        self._forget_old()
        unfinished = [each.person.user for each in self.all() if not each.drafted]
        if len(unfinished) >= _MOST or unfinished.count(person.user) >= _MOST_OF_ONE:
            raise Refused(503, "There are too many unfinished imports. Discard some first.")
        if len(self._arriving) >= _AT_ONCE or self._arriving.count(person.user) >= _AT_ONCE_OF_ONE:
            raise Refused(503, "Too many uploads arrive at the same time. Try again in a moment.")
        self._arriving.append(person.user)
        folder = self._program.uploads / secrets.token_hex(8)
        try:
            folder.mkdir(mode=0o700)
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._arriving.remove(person.user)

    def add(self, person: Person, folder: Path, uploads: tuple[Upload, ...], answers: Answers) -> Import:
        """Begin to check files that have arrived."""
        made = Import(folder.name, person, folder, time.monotonic(), uploads, answers)
        self._imports[made.id] = made
        made.task = begun(self._make(made))
        return made

    def of(self, request: Request) -> Import:
        """The import that an address names, if it is the person's own."""
        found = self._imports.get(request.path_params["id"])
        if found is None or found.person.user != signed_in(request).user:
            raise Refused(404, "This import is not here any more. Nothing of it is in the ledger.")
        return found

    def all(self) -> list[Import]:
        """Every import that is kept."""
        return list(self._imports.values())

    def again(self, each: Import, answers: Answers) -> None:
        """Go on with other answers; files are read again only if these change how."""
        checked = each.checked
        keep = checked is not None and checked.sound and _same_reading(checked, each.answers, answers)
        each.answers, each.checked = answers, checked if keep else None
        if each.pending:
            self._program.drafts.discard(each.pending)
        each.pending = each.fault = None
        each.task = begun(self._make(each))

    def discard(self, each: Import) -> None:
        """Forget an import and its files; a draft that has them keeps them."""
        if each.task:
            each.task.cancel()
        self._imports.pop(each.id, None)
        if not each.drafted:
            if each.pending:
                self._program.drafts.discard(each.pending)
            shutil.rmtree(each.folder, ignore_errors=True)

    async def _make(self, each: Import) -> None:
        try:
            await self._draft(each)
        except OpenChargebackError as fault:
            each.fault = fault

    async def _draft(self, each: Import) -> None:
        program = self._program
        if each.checked is None:
            base = await asyncio.to_thread(program.base)
            each.checked = await program.jobs.run(CHANGES, check, program.place, base, each.uploads, each.answers)
        if not each.checked.sound:
            return
        form = Form(each.folder, each.answers, each.checked)
        each.pending = program.drafts.start(each.person, Action.IMPORT, each.title, each.address, apply, form)
        each.pending.template = "import_draft.html"
        await asyncio.wait([each.pending.task])
        each.pending.task.result()
        each.pending.folder, each.pending.back = each.folder, "web/import"

    def _forget_old(self) -> None:
        for each in self.all():
            if time.monotonic() - each.began > _KEPT_SECONDS:
                self.discard(each)


def _same_reading(checked: Checked, old: Answers, new: Answers) -> bool:
    """Whether files that were read by old answers would be read the same by new ones."""
    given = tuple(each or known for each, known in zip(new.sources, checked.sources, strict=True))
    delivered = any(group.delivered for group in checked.groups)
    return given == checked.sources and (old.period == new.period or not delivered)


async def choose(request: Request) -> Response:
    """The page on which files are dropped or chosen."""
    return _form(request)


async def upload(request: Request) -> Response:
    """Take files, and begin to check them."""
    program = program_of(request)
    person = signed_in(request)
    try:
        with program.imports.arriving(person) as folder:
            form = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD)
            try:
                _refuse_others(form)
                uploads = await asyncio.to_thread(_kept, form, folder)
            finally:
                await form.close()
    except ClientDisconnect:
        return Response(status_code=400)  # no one is there to read it
    except HTTPException as fault:
        raise Refused(
            400, f"The upload could not be read ({fault.detail.rstrip('.').lower()}). Send it again."
        ) from fault
    except _Again as fault:
        return _form(request, str(fault), 422)
    source, period = _text(form, "source"), _text(form, "period")
    answers = Answers((source,) * len(uploads), period, estimate="estimate" in form)
    made = program.imports.add(person, folder, uploads, answers)
    program.record(request, "upload", listed([each.name for each in uploads], _MOST_FILES))
    return RedirectResponse(f"/{made.address}", 303)


async def show(request: Request) -> Response:
    """What the files are; what is wrong with them; what must be asked; or that they are still being checked."""
    program = program_of(request)
    each = program.imports.of(request)
    checked, pending = each.checked, each.pending
    if each.task and each.task.done():
        each.task.result()
        if each.drafted and pending:
            return RedirectResponse(f"/web/drafts/{pending.id}", 303)
        return _asked(request, each)
    if checked is None:
        what = f"Checking {listed([upload.name for upload in each.uploads], _SHOWN)}"
        return page(request, "working.html", each.title, {"what": what}, wait=1)
    return page(request, "import_checked.html", each.title, _found(each, checked), wait=1)


async def answer(request: Request) -> Response:
    """Go on with what the person has said."""
    program = program_of(request)
    each = program.imports.of(request)
    if each.drafted or (each.task and not each.task.done()):
        return RedirectResponse(f"/{each.address}", 303)
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD)
    known = each.checked.sources if each.checked else each.answers.sources
    sources = tuple(_text(form, f"source-{number}") or found for number, found in enumerate(known))
    modes = {name.removeprefix("mode."): mode for name in form if (mode := _mode(form, name)) is not None}
    period = _text(form, "period") if "period" in form else each.answers.period
    if period and not is_period(period):
        raise Refused(422, "A month is written like 2025-01.")
    estimate = each.answers.estimate or "estimate" in form
    program.imports.again(each, Answers(sources, period, {**each.answers.modes, **modes}, estimate))
    return RedirectResponse(f"/{each.address}", 303)


async def discard(request: Request) -> Response:
    """Forget an import."""
    program = program_of(request)
    program.imports.discard(program.imports.of(request))
    return RedirectResponse("/web/import", 303)


class _Again(Exception):
    """Files that were not taken, for a reason that the form shows."""


def _form(request: Request, said: str = "", status: int = 200) -> Response:
    program = program_of(request)
    ledger = program.ledger
    stored = (file.source for found in ledger.charge_files.values() for file in found)
    values = {
        "said": said,
        "sources": sorted({*ledger.config.sources, *stored}),
        "endings": ENDINGS,
        # Browsers look only at what follows the last dot.
        "accept": sorted({f".{each.rpartition('.')[2]}" for each in ENDINGS}),
        "most": program.options.limits.upload,
    }
    return page(request, "import.html", "Import", values, status=status)


def _kept(form: FormData, folder: Path) -> tuple[Upload, ...]:
    """Keep the files of a form in a folder. Nothing of the names that the browser gave reaches the disk."""
    uploads: list[Upload] = []
    for value in form.getlist("files"):
        ending = _ending(value)
        if not isinstance(value, UploadFile) or not ending:
            continue
        path = folder / f"{len(uploads)}{ending}"
        with path.open("xb") as out:
            shutil.copyfileobj(value.file, out, _BLOCK)
        uploads.append(Upload(_shown_name(value), path))
    return tuple(uploads)


def _refuse_others(form: FormData) -> None:
    """Raise _Again for a form that cannot be used."""
    names = [_shown_name(each) for each in form.getlist("files") if isinstance(each, UploadFile) and each.filename]
    others = [name for name in names if not name.lower().endswith(ENDINGS)]
    if others:
        are = "is not a charge file" if len(others) == 1 else "are not charge files"
        raise _Again(f"{listed(others, _SHOWN)} {are}: names end in {', '.join(ENDINGS)}.")
    if (period := _text(form, "period")) and not is_period(period):
        raise _Again("A month is written like 2025-01.")
    if not names:
        raise _Again("Choose at least one file.")


def _ending(value: object) -> str:
    name = value.filename if isinstance(value, UploadFile) else ""
    return next((each for each in ENDINGS if (name or "").lower().endswith(each)), "")


def _shown_name(value: UploadFile) -> str:
    return one_line(value.filename or "")[-_LONGEST_NAME:] or "a file without a name"


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _mode(form: FormData, name: str) -> Mode | None:
    text = _text(form, name)
    return next((mode for mode in get_args(Mode) if name.startswith("mode.") and mode == text), None)


def _asked(request: Request, each: Import) -> Response:
    """What keeps an import from becoming a draft, and the form to answer what can be answered."""
    checked = each.checked
    values: dict[str, object] = {"each": each, "checked": checked, "refusals": {}, "period": None}
    if isinstance(each.fault, Undecided):
        return page(request, "import_asked.html", each.title, {**values, **_questions(each.fault)})
    if each.fault is not None or checked is None:
        refusal = Refusal.of(each.fault) if each.fault else Refusal("This was stopped")
        found = {"refusal": refusal, "paragraphs": paragraphs(refusal.problems)}
        return page(request, "import_refused.html", each.title, {**values, **found}, status=409)
    if checked.unknown:
        return page(request, "import_asked.html", each.title, values)
    found = {"refusal": Refusal("\n".join(checked.reasons)), "paragraphs": paragraphs(checked.problems)}
    return page(request, "import_refused.html", each.title, {**values, **found})


def _questions(fault: Undecided) -> dict[str, object]:
    """By source, the reasons and the modes that would help; and the month to suggest, None if none would help."""
    refusals = {
        source: (
            [each.text for own, each in fault.refusals if own == source],
            list(dict.fromkeys(mode for own, each in fault.refusals if own == source for mode in each.modes)),
        )
        for source, _ in fault.refusals
    }
    periods = [each.period for _, each in fault.refusals if each.period is not None]
    return {"refusals": refusals, "period": max(periods) if periods else None}


def _found(each: Import, checked: Checked) -> dict[str, object]:
    """What the page of files shows that were read."""
    return {
        "each": each,
        "checked": checked,
        "files": _files_table(checked),
        "paragraphs": paragraphs(checked.warnings),
    }


def _files_table(checked: Checked) -> Table:
    """What each file has."""
    rows = tuple(
        (
            item.name,
            group.source,
            ", ".join(map(period_short, item.months)) or "no charges",
            f"{item.content.charges:,}",
            money.human(item.content.cost, checked.currency),
            money.human(item.content.list, checked.currency),
        )
        for group in checked.groups
        for item in group.items
    )
    head = ("File", "Source", "Month", "Charges", f"Cost, {checked.currency}", f"List, {checked.currency}")
    return Table("Files", head, frozenset({3, 4, 5}), rows)


ADDRESSES = (
    Address("/web/import", {"GET": (Action.IMPORT, choose), "POST": (Action.IMPORT, upload)}, upload=True),
    Address("/web/import/{id}", {"GET": (Action.IMPORT, show), "POST": (Action.IMPORT, answer)}),
    Address("/web/import/{id}/discard", {"POST": (Action.IMPORT, discard)}),
)
