"""The charge browser in Chromium, opened from a folder, against a bare page of Tabulator with the same rows.

Tabulator is fetched with npm for this alone; the portal does not use it. Each page is opened in a new context, and the
time runs until its first rows are shown.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import duckdb
from playwright import sync_api as playwright

from data import write_charges
from measuring import ROOT, focus_billing, process, report

sys.path.insert(0, str(ROOT / "tools"))

from programs import find

SIZES = ((100_000, 1.5), (500_000, 2.0))
"""The charges of a month, and how many times as long as the bare page the charge browser may take."""

_PACKAGE = "tabulator-tables@6.5.3"
_INTEGRITY = "sha512-nJ2QaqZzQvd9B4rf4LBnRxfb6sSqA/BX2OsXnSJ2d8k21oXDSTtFtOUrDap04a/6BDGivC/MByCxy43ugadJIg=="
_RUNS = 3
_CONFIG = "organization: {name: Northfield University}\ntags: {pi: pi_email, project: project_id, fund: fund_org}\n"
_COLUMNS = ("day", "service", "resource", "project", "fund", "list", "discount", "amount", "state")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Charges</title>
<link rel="stylesheet" href="tabulator.min.css"><script src="tabulator.min.js"></script></head>
<body><div id="table"></div><script src="rows.js"></script><script>
new Tabulator("#table", {data: rows, height: "800px", columns: COLUMNS.map(field => ({title: field, field}))});
</script></body></html>
""".replace("COLUMNS", json.dumps(_COLUMNS))
# What people do once the page is there, in milliseconds of the page's own clock.
_STEPS = {
    "filter by a project": "project=project-1-1",
    "sort by resource": "sort=resource",
    "group by service": "group=service",
    "search": "q=node-12",
}
_FOLLOW = """hash => new Promise(done => {
    const start = performance.now();
    addEventListener("hashchange", () => setTimeout(() => done(performance.now() - start)), {once: true});
    location.hash = hash;
})"""


def measure() -> None:
    """Print the ratios for both sizes, and what the usual steps take."""
    if find("chromium") is None or shutil.which("npm") is None:
        print("browser: needs chromium and npm", flush=True)
        return
    with tempfile.TemporaryDirectory() as place, playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        tabulator = _tabulator(Path(place))
        for charges, bound in SIZES:
            folder = Path(place) / str(charges)
            ours, bare = _portal(folder, charges), _bare(folder, tabulator)
            _compare(chromium, charges, bound, ours, bare)
        chromium.close()


def _compare(chromium: playwright.Browser, charges: int, bound: float, ours: Path, bare: Path) -> None:
    pages = {"ours": (ours, "#charges[data-ready]"), "bare": (bare, ".tabulator-row")}
    found: dict[str, list[float]] = {name: [] for name in pages}
    # The first round is a warm-up.
    for turn in range(_RUNS + 1):
        for name, (path, ready) in pages.items():
            seconds = _open(chromium, path, ready)
            if turn:
                found[name].append(seconds)
    mine, limit = (statistics.median(found[name]) for name in ("ours", "bare"))
    size = (ours.parent / "data.js").stat().st_size / 1e6
    detail = f"{mine:.2f} s / {limit:.2f} s, {size:.1f} MB of data"
    report(f"{charges:,} charges in a browser, to the first rows", mine / limit, bound, detail)
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(ours.as_uri())
    page.wait_for_selector("#charges[data-ready]")
    steps = [f"{what} {page.evaluate(_FOLLOW, hash_):.0f} ms" for what, hash_ in _STEPS.items()]
    print(f"  then: {', '.join(steps)}", flush=True)
    context.close()


def _open(chromium: playwright.Browser, path: Path, ready: str) -> float:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(path.as_uri())
    page.wait_for_selector(ready)
    seconds = time.perf_counter() - start
    context.close()
    return seconds


def _portal(folder: Path, charges: int) -> Path:
    """The page of a month with so many charges, in a built portal."""
    root = folder / "ledger"
    (root / "charges/2025-01").mkdir(parents=True)
    (root / "config.yaml").write_text(_CONFIG, encoding="utf-8")
    write_charges(root / "charges/2025-01/aws.csv", charges)
    done = process(focus_billing("--ledger", str(root), "build", "--no-pdf", "-o", str(folder / "public")))
    if done.code:
        raise SystemExit(f"the build exited with {done.code}: {done.output[:500]}")
    return folder / "public/charges/2025-01/index.html"


def _bare(folder: Path, tabulator: Path) -> Path:
    """A page of Tabulator alone with the same rows, as its own documentation makes one."""
    bare = folder / "bare"
    bare.mkdir()
    for name in ("js/tabulator.min.js", "css/tabulator.min.css"):
        shutil.copy(tabulator / "dist" / name, bare)
    (source,) = (folder / "public/data/2025-01").glob("charges.csv*")
    with duckdb.connect() as con:
        rows = con.execute(
            f"""SELECT coalesce(string_agg(to_json({{day: row % 28 + 1, service: service, resource: resource_name,
                project: project, fund: fund, list: round(list, 2), discount: round(billed - list, 2),
                amount: round(billed, 2), state: disposition}})::VARCHAR, ','), '') FROM '{source}'"""
        ).fetchone()
    (bare / "rows.js").write_text(f"const rows = [{rows[0] if rows else ''}];\n", encoding="utf-8")
    (bare / "index.html").write_text(_PAGE, encoding="utf-8")
    return bare / "index.html"


def _tabulator(folder: Path) -> Path:
    """The package, unpacked, if it is the one that was measured."""
    subprocess.run(["npm", "pack", "--silent", _PACKAGE], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("tabulator-tables-*.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != _INTEGRITY:
        raise SystemExit(f"{_PACKAGE} is not what it was: sha512-{digest}")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package"
