"""Pages of the portal: rendering them, against Jinja alone; and a whole build of a large ledger, against `validate`."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from jinja2 import Environment, FileSystemLoader

from commands import PERIODS, BenchLedger
from data import SOME_HELD
from measuring import ROOT, Process, report, report_process, rounds
from openchargeback.model import Provenance
from openchargeback.portal import shell, site, statements
from openchargeback.publish.books import open_books
from openchargeback.publish.build import make_site
from openchargeback.templating.environment import Templates, make_environment

_ROUNDS = 5
_MONTHS, _CLOSED, _CHARGES = 12, 10, 20_000

Call = tuple[str, dict[str, object]]
"""A template and its values."""


def measure() -> None:
    """Print both."""
    rendering()
    whole_build()


def rendering() -> None:
    """All pages of the sample ledger, in CPU seconds, against Jinja on the same templates and values, unsandboxed."""
    env = make_environment()
    calls = _calls(env)
    plain = Environment(
        loader=FileSystemLoader(str(env.roots[-1])),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    plain.filters.update(env.filters)
    sides: tuple[Callable[[Call], str], ...] = (
        lambda call: env.render_page(call[0], **call[1]),
        lambda call: plain.get_template(call[0]).render(**call[1]),
    )
    if any(len({side(call) for side in sides}) > 1 for call in calls):
        raise SystemExit("Jinja alone renders a page differently")
    found = [[_cpu(side, calls) for side in sides] for _ in range(_ROUNDS)]
    ours, alone = (statistics.median(each) for each in zip(*found, strict=True))
    detail = f"cpu {ours:.2f} s / {alone:.2f} s"
    report(f"{len(calls)} pages, rate against Jinja alone", alone / ours, 0.7, detail, least=True)


def _calls(env: Templates) -> list[Call]:
    """What the pages of the sample ledger are rendered from."""
    calls: list[Call] = []
    real = shell.render

    def kept(env: Templates, template: str, frame: shell.Shell, head: shell.Head, currency: str, view: object) -> bytes:
        menu = shell.menu_of(frame, head)
        calls.append((template, {"site": frame, "page": head, "menu": menu, "currency": currency, "view": view}))
        return real(env, template, frame, head, currency, view)

    with mock.patch.object(site, "render", kept), mock.patch.object(statements, "render", kept):
        made = make_site(open_books(ROOT / "ledger"), Provenance("", "", ""), {})
        for job in (*site.site_jobs(made, env), *statements.statement_jobs(made, env)):
            if job.path.endswith(".html"):
                job.render()
    return calls


def _cpu(side: Callable[[Call], str], calls: list[Call]) -> float:
    start = time.process_time()
    for call in calls:
        side(call)
    return time.process_time() - start


def whole_build() -> None:
    """A clean build without PDFs of a year, all but two months of it closed, against `validate`; nothing is kept."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "public"
        root, months = Path(folder) / "ledger", PERIODS[:_MONTHS]
        ledger = BenchLedger.with_months(root, months, _CHARGES, 1, cost=SOME_HELD, pis=50, each=3)
        ledger.close(months[:_CLOSED])
        build, validate = ledger.cold("build", "--no-pdf", "--output", str(output)), ledger.cold("validate")

        def clean() -> Process:
            shutil.rmtree(output, ignore_errors=True)
            return build()

        what = f"{_MONTHS} months of {_CHARGES:,} charges, {_CLOSED} closed: build --no-pdf, against validate"
        report_process(what, *rounds(clean, validate), 4)
