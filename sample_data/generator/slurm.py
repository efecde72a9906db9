"""A month of jobs on the university's cluster, as `sacct --parsable2` prints them: every state, every odd kind of job.

The accounts are projects of the directory. Times are UTC. Job names and other free text are left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from generator import hpc, noise
from generator.months import Month
from generator.spending import Use

HEADER = "JobID|JobIDRaw|Cluster|User|Account|Partition|QOS|State|Submit|Start|End|ElapsedRaw|Suspended|AllocTRES"
_CLUSTER = "cascade"
_FIRST_ID = 4_180_000
_PARTITIONS = {"CPU": "cpu", "HIMEM": "himem", "GPU": "gpu"}
_PRICES = {sku.id: sku.price for sku in hpc.SOURCE.skus}
_CORES_OF_NODE = {"CPU": 128, "HIMEM": 64, "GPU": 32}
_GPUS_OF_NODE = 4
_GIB_PER_CORE = {"CPU": 4, "HIMEM": 16, "GPU": 8}
_PEOPLE = ("amber", "bruno", "chidi", "dalia", "emre", "fatou")
# What becomes of jobs, as often as in practice: one in six fails or is cancelled.
_ENDS = (
    *(("COMPLETED",) * 30),
    *("FAILED", "FAILED", "CANCELLED by 50112", "TIMEOUT", "OUT_OF_MEMORY", "CANCELLED by 0"),
    *("NODE_FAIL", "PREEMPTED", "DEADLINE", "BOOT_FAIL"),
)
_HOUR = 3600
_DAY = 24 * _HOUR
_LONGEST = 90_000
_USUAL = _LONGEST // 2 * Decimal("0.95")
"""Seconds of a job on average, with what does not count: jobs over the ends of the month, failed nodes."""

# Accounts that the directory does not know, or knows no longer (their hours are those of hpc.py).
_PLANTED = tuple(
    Use(account, sku, str(Decimal(hours) * _PRICES[sku]))
    for account, sku, hours in (("course-cs-480", "GPU", "310.5"), ("plasma-jets", "CPU", "25600"))
)


@dataclass(frozen=True, slots=True)
class _Job:
    """A job; times in seconds from the start of the month, elapsed without pauses; units: cores, or GPUs."""

    account: str
    sku: str
    start: int
    elapsed: int
    state: str
    suspended: int = 0
    units: int = 8


def usage(month: Month) -> str:
    """The export of a month, made on the third day of the next one."""
    first = dt.datetime(month.year, month.month, 1, tzinfo=dt.UTC)
    lines = [HEADER]
    for number, job in enumerate(_jobs(month)):
        lines.append(_line(first, _FIRST_ID + number * 7, job))
    lines += _odd(first, month)
    return "".join(f"{line}\n" for line in lines)


def _jobs(month: Month) -> Iterator[_Job]:
    """The usual jobs of every project, a few of them over both ends of the month; about as much as it pays for."""
    seconds = month.days * _DAY
    for use in (*(each for each in hpc.SOURCE.uses if each.occurs_in(month)), *_PLANTED):
        jobs = 6 + 4 * use.resources
        usual = Decimal(use.cost) / _PRICES[use.sku] * _HOUR / (jobs * _USUAL)
        for number in range(jobs):
            words = (month, use.project, use.sku, number)
            start = int(noise.between("-86400", str(seconds - 1), "start", *words))
            elapsed = int(noise.between("60", str(_LONGEST), "elapsed", *words))
            state = _ENDS[int(noise.digits(6, "state", *words)) % len(_ENDS)]
            if start + elapsed > seconds + 2 * _DAY:
                elapsed = seconds + 2 * _DAY - start
            units = _sold(use.sku, usual * noise.between("0.5", "1.5", "units", *words))
            yield _Job(use.project, use.sku, start, elapsed, state, units=units)


def _sold(sku: str, units: Decimal) -> int:
    """The next number of cores or GPUs that the cluster allocates: whole nodes, or a power of two within one."""
    node = _GPUS_OF_NODE if sku == "GPU" else _CORES_OF_NODE[sku]
    if units >= node:
        return node * round(units / node)
    return 1 << max(0, round(units) - 1).bit_length()


def _line(first: dt.datetime, job_id: int, job: _Job, shown: str = "") -> str:
    words = (first, job_id, job.account)
    pick = int(noise.digits(9, "pick", *words))
    gpus = job.units if job.sku == "GPU" else 0
    cores = gpus * _CORES_OF_NODE["GPU"] // _GPUS_OF_NODE if gpus else job.units
    nodes = -(-cores // _CORES_OF_NODE[job.sku])
    tres = [f"billing={cores}", f"cpu={cores}"]
    if gpus:
        # Slurm names the same devices with and without their type.
        tres += [f"gres/gpu:a100={gpus}", f"gres/gpu={gpus}"]
    tres += [f"mem={cores * _GIB_PER_CORE[job.sku] * 1024}M", f"node={nodes}"]
    start = first + dt.timedelta(seconds=job.start)
    submit = start - dt.timedelta(seconds=pick % 40_000)
    running = job.state in ("RUNNING", "SUSPENDED")
    end = "Unknown" if running else _time(start + dt.timedelta(seconds=job.elapsed + job.suspended))
    user = _PEOPLE[pick % len(_PEOPLE)]
    qos = "normal" if pick % 9 else "high"
    return "|".join(
        (
            *(shown or str(job_id), str(job_id), _CLUSTER, user, job.account, _PARTITIONS[job.sku], qos, job.state),
            *(_time(submit), _time(start), end, str(job.elapsed), _duration(job.suspended), ",".join(tres)),
        )
    )


def _odd(first: dt.datetime, month: Month) -> Iterator[str]:
    """What is rare: pauses, requeues, resizes, arrays, jobs of several parts, jobs that never ran or still run."""
    base = _FIRST_ID + 900_000
    whole = month.days * _DAY
    yield _line(first, base, _Job("climate-model", "CPU", 2 * _DAY, 5 * _HOUR, "COMPLETED", suspended=3 * _HOUR))
    # Still there when the export was made, two days after the month.
    yield _line(first, base + 1, _Job("lattice-qcd", "CPU", whole - 5 * _DAY, 7 * _DAY, "RUNNING", units=512))
    yield _line(first, base + 2, _Job("alloy-design", "CPU", whole - _DAY, 2 * _DAY, "SUSPENDED", suspended=_DAY))
    # Two runs of one job, the first of which was lost with its node.
    yield _line(first, base + 3, _Job("drug-binding", "GPU", 6 * _DAY, 3889, "REQUEUED", units=2))
    yield _line(first, base + 3, _Job("drug-binding", "GPU", 7 * _DAY, 9 * _HOUR, "COMPLETED", units=2))
    # A job that was made smaller: its earlier part is a record of its own.
    yield _line(first, base + 4, _Job("quantum-dots", "CPU", 9 * _DAY, 2 * _HOUR, "RESIZING", units=64))
    yield _line(first, base + 4, _Job("quantum-dots", "CPU", 9 * _DAY + 2 * _HOUR, 4 * _HOUR, "COMPLETED"))
    for task in range(1, 4):
        job = _Job("single-cell-atlas", "HIMEM", 11 * _DAY + task * 300, 2 * _HOUR + task, "COMPLETED")
        yield _line(first, base + 10 + task, job, f"{base + 10}_{task}")
    for part in range(2):
        job = _Job("glacier-mass", "CPU", 13 * _DAY, 6 * _HOUR, "COMPLETED", units=32 * (part + 1))
        yield _line(first, base + 20 + part, job, f"{base + 20}+{part}")
    # A job over the New Year, and one that another cluster ran.
    yield _line(first, base + 30, _Job("climate-model", "CPU", -10 * _HOUR, 30 * _HOUR, "COMPLETED", units=256))
    yield _line(first, base + 31, _Job("epi-forecasting", "CPU", 3 * _DAY, 0, "REVOKED"))
    submit = _time(first + dt.timedelta(days=5, hours=3))
    never = f"{_CLUSTER}|dalia|forest-carbon|cpu|normal"
    yield f"{base + 40}|{base + 40}|{never}|CANCELLED by 50112|{submit}|None|{submit}|0|00:00:00|"
    yield f"{base + 41}_[1-200%20]|{base + 41}|{never}|PENDING|{submit}|Unknown|Unknown|0|00:00:00|"


def _time(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    return f"{f'{days}-' if days else ''}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
