"""The pages of months: what stands in the way of closing, the steps of a month's life, and what finance downloads.

commit of main ─months─▶ pages ─form─▶ draft (month_steps.py)
                               └─button─▶ bundle, journal files
"""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from openchargeback.characters import one_line
from openchargeback.files import git
from openchargeback.files.branches import Branch
from openchargeback.ledger.files import POSTINGS
from openchargeback.ledger.periods import is_period, period_of
from openchargeback.model import State
from openchargeback.problems import LedgerFault, OpenChargebackError
from openchargeback.templating.filters import period_human
from openchargeback.web import month_steps
from openchargeback.web.access import Action
from openchargeback.web.addresses import Address
from openchargeback.web.downloads import Downloads
from openchargeback.web.drafts import Pending
from openchargeback.web.guard import Refused
from openchargeback.web.jobs import CHANGES, begun
from openchargeback.web.month_view import MonthPage, advice, months, sentence, way
from openchargeback.web.pages import Refusal, page, refused
from openchargeback.web.program import Program, can, program_of, signed_in
from openchargeback.web.wording import Way

MOST_ANSWER = 64 << 20
"""The largest answer of an accounting system, in bytes."""

_MOST_TEXT = 1000
_TYPES = {".csv": "text/csv; charset=utf-8", ".json": "application/json", ".txt": "text/plain; charset=utf-8"}


class Months:
    """What the pages of months are made from, computed once for each commit of `main`."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: tuple[str, asyncio.Task[tuple[MonthPage, ...]]] | None = None
        self._touched: dict[str, frozenset[str]] = {}
        self.downloads = Downloads(program)

    def at(self, base: str) -> asyncio.Task[tuple[MonthPage, ...]]:
        """All months at a commit of `main`, the latest first; the task may still be running."""
        if self._known is None or self._known[0] != base:
            task = begun(self._program.jobs.run(CHANGES, months, self._program.place, base))
            self._known = base, task
        return self._known[1]

    def result(self, task: asyncio.Task[tuple[MonthPage, ...]]) -> tuple[MonthPage, ...]:
        """The months of a task that is done. Raises what it ended with; what may pass is tried again the next time."""
        try:
            return task.result()
        except LedgerFault:
            raise
        except OpenChargebackError:
            self._known = None
            raise

    async def find(self, period: str) -> tuple[str, MonthPage]:
        """The commit of `main` and a month there. Raises Refused if there is none of that name."""
        base = await asyncio.to_thread(self._program.base)
        task = self.at(base)
        await asyncio.wait([task])
        found = next((each for each in self.result(task) if each.period == period), None)
        if found is None:
            raise Refused(404, "The ledger has no such month.")
        return base, found

    async def waiting(self) -> dict[str, list[Branch]]:
        """The branches that change the state or the postings of a month, by period."""
        found: dict[str, list[Branch]] = {}
        for branch in await self._program.waiting.branches():
            if branch.commit not in self._touched:
                self._touched[branch.commit] = await asyncio.to_thread(self._periods, branch)
            for period in self._touched[branch.commit]:
                found.setdefault(period, []).append(branch)
        return found

    def _periods(self, branch: Branch) -> frozenset[str]:
        commits = f"{branch.base}..{branch.commit}" if branch.base else branch.commit
        paths = {file.path for _, files in git.changes(self._program.root, commits) for file in files}
        own = {period_of(path) for path in paths if path.startswith("periods/")}
        return frozenset(own | {PurePosixPath(path).stem for path in paths if path.startswith(f"{POSTINGS}/")})


async def show_all(request: Request) -> Response:
    """Every month, with what it waits for."""
    program = program_of(request)
    base = await asyncio.to_thread(program.base)
    task = program.months.at(base)
    if not task.done():
        return page(request, "working.html", "Months", {"what": "Looking at the months"}, wait=1)
    try:
        found = program.months.result(task)
    except OpenChargebackError as fault:
        return refused(request, "Months", fault)
    waiting = await program.months.waiting()
    values = {"months": found, "waiting": waiting, "loose": program.waiting.loose, "main": program.main}
    return page(request, "months.html", "Months", values)


async def show(request: Request) -> Response:
    """One month: what stands in the way of its next step, its files, and what became of them."""
    program, period = program_of(request), request.path_params["period"]
    if not is_period(period):
        raise Refused(404, "The ledger has no such month.")
    task = program.months.at(await asyncio.to_thread(program.base))
    if not task.done():
        return page(request, "working.html", "Months", {"what": "Looking at the month"}, wait=1)
    try:
        _, month = await program.months.find(period)
    except OpenChargebackError as fault:
        return _broken(request, period, fault)
    obstacles = [(sentence(each), advice(each), _allowed(request, way(each, period))) for each in month.obstacles]
    waiting = (await program.months.waiting()).get(period, [])
    values = {"month": month, "obstacles": obstacles, "branches": waiting}
    return page(request, "month.html", period_human(period), values)


async def close(request: Request) -> Response:
    """Begin to close a month."""
    program, period = program_of(request), request.path_params["period"]
    await program.months.find(period)
    sent = await _form(request)
    form = month_steps.Close(
        period=period,
        on=_today(),
        dated=_day(sent, "accounting_date"),
        leave_held="leave_held" in sent,
        without=tuple(dict.fromkeys(_text(each) for each in sent.getlist("without"))),
        reason=_text(sent.get("reason")),
    )
    return _started(
        program.drafts.start(
            signed_in(request), Action.CLOSE, f"Close {period_human(period)}", _back(period), month_steps.close, form
        )
    )


async def finalize(request: Request) -> Response:
    """Begin to finalize a month."""
    program, period = program_of(request), request.path_params["period"]
    await program.months.find(period)
    form, title = month_steps.Step(period, _today()), f"Finalize {period_human(period)}"
    person = signed_in(request)
    return _started(program.drafts.start(person, Action.CLOSE, title, _back(period), month_steps.finalize, form))


async def reopen(request: Request) -> Response:
    """Begin to reopen a month. Works in a ledger with errors, too: reopening may be the fix."""
    program, period = program_of(request), request.path_params["period"]
    if period not in program.ledger.period_files:
        raise Refused(404, "The ledger has no such month.")
    form, title = month_steps.Step(period, _today()), f"Reopen {period_human(period)}"
    person = signed_in(request)
    return _started(program.drafts.start(person, Action.CLOSE, title, _back(period), month_steps.reopen, form))


async def record(request: Request) -> Response:
    """Begin to record what the accounting system answered."""
    program = program_of(request)
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise Refused(411, "The upload does not say how large it is.")
    if int(length) > MOST_ANSWER:
        raise Refused(413, f"An answer has at most {MOST_ANSWER >> 20} MB.")
    async with request.form(max_files=1, max_fields=10) as sent:
        file = sent.get("file")
        if not isinstance(file, UploadFile) or not file.size:
            raise Refused(400, "Choose the file with the answer of the accounting system.")
        form = month_steps.Answer(
            data=await file.read(),
            name=_shown_name(file.filename or ""),
            on=_day(sent, "on") or _today(),
            replacing="replace" in sent,
        )
        back = _text(sent.get("period"))
    known = back if back in program.ledger.periods else ""
    title = "Record a posting"
    person = signed_in(request)
    return _started(program.drafts.start(person, Action.POST, title, _back(known), month_steps.record, form))


async def journal(request: Request) -> Response:
    """A journal file of a month, or its control totals."""
    program = program_of(request)
    period, name = request.path_params["period"], request.path_params["name"]
    base, month = await program.months.find(period)
    if name not in month.journal_files:
        raise Refused(404, "The month has no such file.")
    data = await program.months.downloads.journal(period, base, name)
    program.record(request, "journal", f"{period} {name}")
    own = PurePosixPath(name)
    kind = _TYPES.get(own.suffix, "application/octet-stream")
    # The month comes after the format's name, by which `journal --check` knows a file.
    saved = f"attachment; filename*=utf-8''{quote(f'{own.stem}.{period}{own.suffix}')}"
    return Response(data, headers={"content-type": kind, "content-disposition": saved})


async def bundle(request: Request) -> Response:
    """Begin to write the bundle of a month."""
    program, period = program_of(request), request.path_params["period"]
    base, _ = await program.months.find(period)
    made = program.months.downloads.start(signed_in(request), period, base)
    program.record(request, "bundle", period)
    return RedirectResponse(f"/web/bundles/{made.id}", 303)


async def show_bundle(request: Request) -> Response:
    """The page on which a bundle is downloaded, once it is written."""
    found = program_of(request).months.downloads.of(request)
    title = f"{period_human(found.period)} for finance"
    if not found.task.done():
        return page(request, "working.html", title, {"what": "Writing the statements and the journal"}, wait=1)
    try:
        archive = found.task.result()
    except OpenChargebackError as fault:
        return refused(request, title, fault)
    values = {"download": found, "archive": archive.name, "size": archive.stat().st_size if archive.exists() else 0}
    return page(request, "bundle_ready.html", title, values)


async def send_bundle(request: Request) -> Response:
    """The zip of a bundle; it is removed once it was sent."""
    downloads = program_of(request).months.downloads
    found = downloads.of(request)
    if not found.task.done() or found.task.exception() or not found.task.result().is_file():
        raise Refused(404, "This bundle is not here any more. Make it again on the page of the month.")
    whole = request.method == "GET" and "range" not in request.headers
    after = BackgroundTask(downloads.remove, found) if whole else None
    archive = found.task.result()
    return FileResponse(archive, media_type="application/zip", filename=archive.name, background=after)


def _broken(request: Request, period: str, fault: OpenChargebackError) -> Response:
    """The page of a month in a ledger with errors: reopening it may be the fix."""
    if not isinstance(fault, LedgerFault):
        return refused(request, period, fault)
    file = program_of(request).ledger.period_files.get(period)
    is_closed = file is not None and file.state is State.CLOSED
    values = {"refusal": Refusal.of(fault), "period": period, "is_closed": is_closed}
    return page(request, "month_broken.html", period_human(period), values, status=409)


def _allowed(request: Request, found: Way | None) -> Way | None:
    return found if found is not None and can(request, found.action) else None


def _started(pending: Pending) -> Response:
    return RedirectResponse(f"/web/drafts/{pending.id}", 303)


def _back(period: str) -> str:
    return f"web/months/{period}" if period else "web/months"


async def _form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=200)


def _text(value: UploadFile | str | None) -> str:
    return value.strip()[:_MOST_TEXT] if isinstance(value, str) else ""


def _day(form: FormData, name: str) -> dt.date | None:
    """The date in a field; None if it is empty."""
    text = _text(form.get(name))
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise Refused(400, "This is not a date; write it like 2025-01-31.") from None


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _shown_name(name: str) -> str:
    """The name of an uploaded file for messages: it never reaches the disk."""
    return one_line(name.replace("\\", "/").rpartition("/")[2])[:100] or "answer.csv"


ADDRESSES = (
    Address("/web/months", {"GET": (Action.CLOSE, show_all)}),
    Address("/web/months/{period}", {"GET": (Action.CLOSE, show)}),
    Address("/web/months/{period}/close", {"POST": (Action.CLOSE, close)}),
    Address("/web/months/{period}/finalize", {"POST": (Action.CLOSE, finalize)}),
    Address("/web/months/{period}/reopen", {"POST": (Action.CLOSE, reopen)}),
    Address("/web/months/{period}/bundle", {"POST": (Action.CLOSE, bundle)}),
    Address("/web/months/{period}/journal/{name}", {"GET": (Action.CLOSE, journal)}),
    Address("/web/bundles/{id}", {"GET": (Action.CLOSE, show_bundle)}),
    Address("/web/bundles/{id}/file", {"GET": (Action.CLOSE, send_bundle)}),
    Address("/web/postings", {"POST": (Action.POST, record)}, upload=True),
)
