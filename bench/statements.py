"""The cost of PDF statements: of all those of the sample ledger, against a plain call on the frozen HTML of one.

bench/statement/ holds the median statement of the sample ledger as it was before PDFs were made faster. A plain call of
WeasyPrint on it, with fresh objects, is the limit. Each side runs in processes of its own, in turns; CPU seconds count.
"""

from __future__ import annotations

import pickle
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import ROOT, process, report
from openchargeback.model import Provenance
from openchargeback.portal.statements import statement_pdfs
from openchargeback.publish.books import open_books, open_cache
from openchargeback.publish.build import make_site
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.templating.environment import make_environment

FROZEN = ROOT / "bench/statement"
ROUNDS = 2
MANY = 1_000
"""How many statements a worker's memory is measured over."""

_PLAIN = """
import sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import weasyprint
from weasyprint.text.fonts import FontConfiguration
folder = Path(sys.argv[1])
def once():
    fonts = FontConfiguration()
    sheet = weasyprint.CSS(filename=folder / "statement.css", font_config=fonts)
    document = weasyprint.HTML(filename=folder / "statement.html")
    document.write_pdf(stylesheets=[sheet], font_config=fonts, pdf_variant="pdf/a-3b", pdf_identifier=True)
once()
for _ in range(5):
    start = time.process_time()
    once()
    print(time.process_time() - start)
"""
_OURS = """
import pickle, sys, time
from openchargeback.portal.pdf_pool import render_job
with open(sys.argv[1], "rb") as file:
    jobs = pickle.load(file)
render_job(jobs[0])
for job in jobs:
    start = time.process_time()
    render_job(job)
    print(time.process_time() - start)
"""
_MANY = """
import pickle, resource, sys, time
from openchargeback.portal.pdf_pool import render_pdfs
def main():
    with open(sys.argv[1], "rb") as file:
        jobs = pickle.load(file)
    count, workers = map(int, sys.argv[2:])
    start = time.perf_counter()
    for _ in render_pdfs((jobs * (count // len(jobs) + 1))[:count], workers):
        pass
    print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
if __name__ == "__main__":
    main()
"""


def measure() -> None:
    """Print the CPU time of a statement, the gain of a second process, and the memory of each after many statements."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs"
        count = _plan(Path(folder), jobs)
        plain, ours = zip(*((_seconds(_PLAIN, FROZEN), _seconds(_OURS, jobs)) for _ in range(ROUNDS)), strict=True)
        limit = statistics.median(second for each in plain for second in each)
        each = [statistics.median(seconds) for seconds in zip(*ours, strict=True)]
        cpu, slowest = statistics.median(each), max(each)
        detail = (
            f"{cpu * 1000:.0f} ms / {limit * 1000:.0f} ms CPU, median of {count} statements, slowest {slowest:.2f} s"
        )
        report("statement as PDF / plain WeasyPrint", cpu / limit, 0.20, detail)
        script = Path(folder) / "many.py"
        script.write_text(_MANY, encoding="utf-8")
        alone, both = (_many(script, jobs, 2 * count, workers)[0] for workers in (1, 2))
        report("statements with 2 workers / 1", alone / both, 1.5, f"{alone:.1f} s / {both:.1f} s", least=True)
        memory = _many(script, jobs, MANY, 2)[1]
        report(f"MB of a worker, {MANY:,} statements by 2", memory, 300, "")


def _plan(folder: Path, place: Path) -> int:
    """Write the jobs of every statement of the sample ledger, with all sample data, to a file; returns their number."""
    ledger = shutil.copytree(ROOT / "ledger", folder / "ledger", ignore=shutil.ignore_patterns(".openchargeback"))
    for file in sorted((ROOT / "sample_data").glob("*_20*.csv")):
        source, _, month = file.stem.rpartition("_")
        (ledger / "charges" / month).mkdir(exist_ok=True)
        shutil.copy(file, ledger / "charges" / month / f"{source}.csv")
    books = open_books(ledger, keep={Wanted.STATEMENTS})
    site, charges = make_site(books, Provenance("", "", "bench"), {}), MonthCharges(books.ledger, open_cache(ledger))
    jobs = [plan.job() for plan in statement_pdfs(site, make_environment(), charges)]
    place.write_bytes(pickle.dumps(jobs))
    return len(jobs)


def _many(script: Path, jobs: Path, count: int, workers: int) -> tuple[float, float]:
    """Render this many statements with workers; returns the seconds, and the MB of the largest worker."""
    seconds, memory = process([sys.executable, str(script), str(jobs), str(count), str(workers)]).output.split()
    return float(seconds), float(memory)


def _seconds(code: str, argument: Path) -> list[float]:
    """The figures that a process prints, one a line."""
    command = [sys.executable, "-c", code, str(argument)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return list(map(float, done.stdout.split()))
