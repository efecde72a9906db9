"""A month of jobs on the university's cluster, as `sacct --parsable2` prints them: every state, every odd kind of job.

The accounts are projects of the directory. Times are UTC. Job names and other free text are left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from generator import hpc, noise
from generator.months import Month

HEADER = "JobID|JobIDRaw|Cluster|User|Account|Partition|QOS|State|Submit|Start|End|ElapsedRaw|Suspended|AllocTRES"
_CLUSTER = "cascade"
_FIRST_ID = 4_180_000
_PARTITIONS = {"CPU": "cpu", "HIMEM": "himem", "GPU": "gpu"}
_CORES = {"CPU": (1, 2, 4, 8, 16, 32, 64, 128), "HIMEM": (8, 16, 32, 64), "GPU": (8, 16, 32)}
_GIB_PER_CORE = {"CPU": 4, "HIMEM": 16, "GPU": 8}
_GPUS = (1, 1, 2, 4)
_PEOPLE = ("amber", "bruno", "chidi", "dalia", "emre", "fatou")
# What becomes of jobs, as often as in practice: one in six fails or is cancelled.
_ENDS = (
    *(("COMPLETED",) * 30),
    *("FAILED", "FAILED", "CANCELLED by 50112", "TIMEOUT", "OUT_OF_MEMORY", "CANCELLED by 0"),
    *("NODE_FAIL", "PREEMPTED", "DEADLINE", "BOOT_FAIL"),
)
_HOUR = 3600
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class _Job:
    """A job; times in seconds from the start of the month, elapsed without pauses."""

    account: str
    sku: str
    start: int
    elapsed: int
    state: str
    suspended: int = 0
    scale: int = 1


def usage(month: Month) -> str:
    """The export of a month, made on the third day of the next one."""
    first = dt.datetime(month.year, month.month, 1, tzinfo=dt.UTC)
    lines = [HEADER]
    for number, job in enumerate(_jobs(month)):
        lines.append(_line(first, _FIRST_ID + number * 7, job))
    lines += _odd(first, month)
    return "".join(f"{line}\n" for line in lines)


def _jobs(month: Month) -> Iterator[_Job]:
    """The usual jobs of every project, a few of them over both ends of the month."""
    seconds = month.days * _DAY
    for use in hpc.SOURCE.uses:
        if not use.occurs_in(month):
            continue
        for number in range(6 + 4 * use.resources):
            words = (month, use.project, use.sku, number)
            start = int(noise.between("-86400", str(seconds - 1), "start", *words))
            elapsed = int(noise.between("60", "90000", "elapsed", *words))
            state = _ENDS[int(noise.digits(6, "state", *words)) % len(_ENDS)]
            if start + elapsed > seconds + 2 * _DAY:
                elapsed = seconds + 2 * _DAY - start
            yield _Job(use.project, use.sku, start, elapsed, state)


def _line(first: dt.datetime, job_id: int, job: _Job, shown: str = "") -> str:
    words = (first, job_id, job.account)
    pick = int(noise.digits(9, "pick", *words))
    cores = _CORES[job.sku][pick % len(_CORES[job.sku])] * job.scale
    tres = [f"billing={cores}", f"cpu={cores}"]
    if job.sku == "GPU":
        gpus = _GPUS[pick % len(_GPUS)]
        # Slurm names the same devices with and without their type.
        tres += [f"gres/gpu:a100={gpus}", f"gres/gpu={gpus}"]
    tres += [f"mem={cores * _GIB_PER_CORE[job.sku] * 1024}M", "node=1"]
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
    yield _line(first, base + 1, _Job("lattice-qcd", "CPU", whole - 5 * _DAY, 7 * _DAY, "RUNNING", scale=4))
    yield _line(first, base + 2, _Job("alloy-design", "CPU", whole - _DAY, 2 * _DAY, "SUSPENDED", suspended=_DAY))
    # Two runs of one job, the first of which was lost with its node.
    yield _line(first, base + 3, _Job("drug-binding", "GPU", 6 * _DAY, 3889, "REQUEUED"))
    yield _line(first, base + 3, _Job("drug-binding", "GPU", 7 * _DAY, 9 * _HOUR, "COMPLETED"))
    # A job that was made smaller: its earlier part is a record of its own.
    yield _line(first, base + 4, _Job("quantum-dots", "CPU", 9 * _DAY, 2 * _HOUR, "RESIZING", scale=2))
    yield _line(first, base + 4, _Job("quantum-dots", "CPU", 9 * _DAY + 2 * _HOUR, 4 * _HOUR, "COMPLETED"))
    for task in range(1, 4):
        job = _Job("single-cell-atlas", "HIMEM", 11 * _DAY + task * 300, 2 * _HOUR + task, "COMPLETED")
        yield _line(first, base + 10 + task, job, f"{base + 10}_{task}")
    for part in range(2):
        job = _Job("glacier-mass", "CPU", 13 * _DAY, 6 * _HOUR, "COMPLETED", scale=part + 1)
        yield _line(first, base + 20 + part, job, f"{base + 20}+{part}")
    # A job over the New Year, and one that another cluster ran.
    yield _line(first, base + 30, _Job("climate-model", "CPU", -10 * _HOUR, 30 * _HOUR, "COMPLETED", scale=2))
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
