"""Measures seconds and megabytes, and prints a line of the report."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 5


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternately(*functions: Callable[[], object], runs: int = RUNS) -> tuple[float, ...]:
    """Median seconds of each, run alternately so that all see the same conditions; the first round is a warm-up."""
    rounds = [[timed(function) for function in functions] for _ in range(runs + 1)][1:]
    return tuple(statistics.median(seconds) for seconds in zip(*rounds, strict=True))


def python(code: str) -> None:
    """Run Python in a separate process."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)


def command(arguments: Sequence[str]) -> tuple[int, str, float]:
    """Run `focus-billing` in a separate process: exit code, output, and maximum resident size in MB."""
    code = "import sys; from openchargeback.cli.main import main; main(sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT, encoding="utf-8"
    ) as process:
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, output, usage.ru_maxrss / 1024


def report(what: str, value: float, bound: float, detail: str, *, least: bool = False) -> None:
    """Print one line: what, the figure, its bound and whether it holds. least: the bound is a lower one."""
    fine = value >= bound if least else value <= bound
    word = "ok" if fine else "BELOW" if least else "ABOVE"
    print(
        f"{what:48} {value:10.2f}  at {'least' if least else 'most'} {bound:<8g} {word:6} {detail}".rstrip(), flush=True
    )
