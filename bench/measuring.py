"""Measures seconds and megabytes, and prints a line of the report."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[1]
RUNS = 5

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Python keeps compiled modules, as an installed program has them."""

_Result = TypeVar("_Result")


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternately(*functions: Callable[[], object], runs: int = RUNS) -> tuple[float, ...]:
    """Median seconds of each, run alternately so that all see the same conditions; the first round is a warm-up."""
    measured = _in_turns([lambda function=function: timed(function) for function in functions], runs)
    return tuple(statistics.median(seconds) for seconds in measured)


def _in_turns(functions: Sequence[Callable[[], _Result]], runs: int) -> list[tuple[_Result, ...]]:
    """The results of each function, called alternately; those of the first round are dropped."""
    return list(zip(*[[function() for function in functions] for _ in range(runs + 1)][1:], strict=True))


def python(code: str) -> None:
    """Run Python in a separate process."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Process:
    """A finished process: wall-clock seconds, CPU seconds of all threads, and its maximum resident size in MB."""

    code: int
    output: str
    wall: float
    cpu: float
    memory: float


def process(arguments: Sequence[str], folder: Path = ROOT) -> Process:
    """Run a process to its end in a folder, without its standard error."""
    start = time.perf_counter()
    with subprocess.Popen(
        list(arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        encoding="utf-8",
        env=ENVIRONMENT,
    ) as running:
        output = running.stdout.read() if running.stdout else ""
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    return Process(running.returncode, output, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def rounds(*runs_of: Callable[[], Process], runs: int = 3) -> tuple[Process, ...]:
    """The median run of each by wall-clock time, run alternately; the first round is a warm-up."""
    found = _in_turns(runs_of, runs)
    for each, *_ in found:
        if each.code not in (0, 1):
            raise SystemExit(f"a measured command exited with {each.code}: {each.output[:500]}")
    return tuple(sorted(each, key=lambda one: one.wall)[len(each) // 2] for each in found)


PROGRAM = "import sys; from openchargeback.cli.main import main; main(sys.argv[1:])"


def focus_billing(*arguments: str) -> list[str]:
    """The command line of `focus-billing` from this checkout."""
    return [sys.executable, "-c", PROGRAM, *arguments]


def report(what: str, value: float, bound: float, detail: str, *, least: bool = False) -> None:
    """Print one line: what, the figure, its bound and whether it holds. least: the bound is a lower one."""
    fine = value >= bound if least else value <= bound
    word = "ok" if fine else "BELOW" if least else "ABOVE"
    print(
        f"{what:48} {value:10.2f}  at {'least' if least else 'most'} {bound:<8g} {word:6} {detail}".rstrip(), flush=True
    )


def report_process(what: str, ours: Process, limit: Process, bound: float) -> None:
    """Print one line: the ratio of wall-clock times with the seconds of both, that of CPU times, and the memory."""
    seconds = f"{ours.wall:.2f} s / {limit.wall:.2f} s"
    report(what, ours.wall / limit.wall, bound, f"{seconds}, cpu {ours.cpu / limit.cpu:.1f} x, {ours.memory:.0f} MB")
