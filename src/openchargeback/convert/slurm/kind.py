"""The kind `slurm`: jobs from sacct become usage."""

from __future__ import annotations

import datetime as dt

import duckdb

from openchargeback.convert.documents import EMPTY_FIX, compressed
from openchargeback.convert.findings import broken
from openchargeback.convert.instants import midnight, seconds
from openchargeback.convert.kinds import Found, Kind, Meter, Reading, keeps_users
from openchargeback.convert.slurm import rules, states
from openchargeback.convert.slurm.billed import fill_billed
from openchargeback.convert.slurm.json_export import is_json, read_json
from openchargeback.convert.slurm.sample import SAMPLES
from openchargeback.convert.slurm.settings import SlurmSettings
from openchargeback.convert.slurm.text import read_text
from openchargeback.convert.zone import offset_sql
from openchargeback.focus.database import count, filled, insert, literal, literals, query, sql
from openchargeback.ledger.periods import last_day
from openchargeback.problems import Problem, has_errors

UTC = "UTC"

_BITS = 64
"""For each job at most, in a bitmap of ids."""


def read_slurm(reading: Reading) -> Found:
    """Read the jobs of all exports into `label` and `held`."""
    con, found = reading.con, Found()
    con.execute(sql(__package__, "macros.sql"))
    con.execute(sql(__package__, "raw.sql"))
    _read_inputs(reading, found)
    found.read = count(con, "SELECT count(*) FROM raw")
    if not found.read and not has_errors(found.problems):
        found.problems.append(Problem(reading.inputs[0].name, "usage-empty", "the export has no records", EMPTY_FIX))
    if has_errors(found.problems) or not found.read:
        return found
    undated = {file for (file,) in con.execute(query(__package__, "undated")).fetchall()}
    if undated and not reading.settings.timezone:
        message = "the export does not say in which time zone its times are"
        fix = "set `timezone` in the config: UTC if it was made with TZ=UTC, otherwise the zone of the machine"
        found.problems += [
            Problem(each.name, "usage-zone", message, fix) for each in reading.inputs if each.number in undated
        ]
        return found
    _make_jobs(reading)
    steps = found.read - count(con, "SELECT count(*) FROM job")
    found.leave_out("step of a job", steps)
    if steps == found.read:
        fix = "export with `sacct -X`, and without a filter that removes the jobs"
        message = "the export has steps of jobs but no jobs"
        file, line = con.execute(query(__package__, "first_place")).fetchone() or (1, 0)
        name = next(each.name for each in reading.inputs if each.number == file)
        found.problems.append(Problem(name, "usage-steps-only", message, fix, line))
        return found
    found.problems += _problems(reading)
    con.execute(query(__package__, "drop_repeated"))
    for reason, jobs in con.execute(query(__package__, "left_out")).fetchall():
        found.leave_out(reason, jobs)
    if not has_errors(found.problems):
        con.execute(query(__package__, "labels"))
        con.execute(query(__package__, "held"))
        found.held = True
        con.execute(sql(__package__, "record.sql"))
    return found


def _read_inputs(reading: Reading, found: Found) -> None:
    """Fill `raw`, and `input` with where each file's records start."""
    con, own = reading.con, reading.own
    con.execute("CREATE TABLE input (file INTEGER, before BIGINT, first_line BIGINT)")
    # A name that nothing needs goes no further.
    parts = {
        "person": "coalesce(\"User\", '')" if keeps_users(reading.settings) else "''",
        "cluster": literal(own.cluster),
    }
    wanted = _wanted(reading)
    for file in reading.inputs:
        (before,) = con.execute("SELECT count(*) FROM raw").fetchone() or (0,)
        if fault := compressed(file):
            first, problems = 1, [fault]
        elif is_json(file.path):
            first, problems = 1, read_json(con, file, {**parts, "dated": "true"})
        else:
            first, problems = read_text(con, file, own, {**parts, "dated": "false"}, wanted)
        found.problems += problems
        insert(con, "input", [(file.number, before, first)])


def _wanted(reading: Reading) -> dict[str, str]:
    """Columns that only some settings need, each with one that does: without it, they would apply to nothing."""
    settings, own = reading.settings, reading.own
    needs = (
        ("User", "users: true", settings.users),
        ("User", "owners: user", any(each.user for each in settings.owners)),
        ("QOS", "slurm: exceptions: qos", any(each.qos for each in own.exceptions)),
        ("QOS", "rates: qos", any(each.qos for each in settings.rates)),
        ("Cluster", "rates: cluster", not own.cluster and any(each.cluster for each in settings.rates)),
    )
    return {column: f"`{setting}`" for column, setting, needed in reversed(needs) if needed}


def _make_jobs(reading: Reading) -> None:
    """Create `job` from `raw`, with the tables of distinct texts that it refers to."""
    con, own = reading.con, reading.own
    words = {"free": literals(own.free_states) or "''", "elsewhere": literal(states.ELSEWHERE)}
    parts = {**words, "open": literals(states.OPEN), "known": literals(states.KNOWN)}
    con.execute(sql(__package__, "dimensions.sql", **parts))
    fill_billed(con, own)
    con.execute(sql(__package__, "holdings.sql"))
    con.execute(sql(__package__, "jobs.sql", **_offsets(con, reading.settings.timezone)))
    con.execute(query(__package__, "none_repeated") if _ids_differ(con) else sql(__package__, "repeated.sql"))


def _ids_differ(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether ids alone show that no job is there twice: they are numbers close enough for a bitmap, and all differ."""
    jobs, numbers, low, high = con.execute(query(__package__, "job_ids")).fetchone() or (0, 0, 0, 0)
    if not jobs or numbers < jobs or high - low > _BITS * jobs:
        return False
    return bool(count(con, filled(query(__package__, "different_ids"), low=str(low), high=str(high))) == jobs)


def _offsets(con: duckdb.DuckDBPyConnection, zone: str) -> dict[str, str]:
    """SQL of the seconds to subtract from the local times of a job, by the name of the part in `jobs.sql`."""
    first = last = None
    if zone not in ("", UTC):
        first, last = con.execute(query(__package__, "years")).fetchone() or (None, None)
    names = [
        (f"{column}_{which}", f"{column}_local", which) for column in ("start", "end") for which in ("first", "second")
    ]
    if not isinstance(first, dt.datetime) or not isinstance(last, dt.datetime):
        return {name: "0" for name, _, _ in names}
    result = {}
    for name, column, which in names:
        offset = offset_sql(column, zone, first, last, second=which == "second")
        result[name] = f"(CASE WHEN dated THEN 0 ELSE {offset} END)"
    return result


def _problems(reading: Reading) -> list[Problem]:
    con, files = reading.con, {each.number: each.name for each in reading.inputs}
    jobs = f"({sql(__package__, 'placed.sql')})"
    end = seconds(midnight(last_day(reading.period) + dt.timedelta(days=1))) if reading.period else 0
    values = {"longest": reading.own.longest_days, "period_end": end}
    if joined := broken(con, jobs, (rules.HEADER_RULE,), files, narrow="job"):
        return joined
    problems = broken(con, jobs, rules.ORIGIN_RULES, files, narrow="origin")
    problems += broken(con, jobs, rules.JOB_RULES, files, values, narrow="job")
    if not count(con, "SELECT count(*) FROM repeated"):
        return problems
    twice = f"(SELECT placed.*, repeated.first, repeated.clash FROM {jobs} AS placed JOIN repeated USING (n))"
    return problems + broken(con, twice, rules.REPEATED_RULES, files)


SLURM = Kind(
    name="slurm",
    title="Slurm jobs, from sacct --parsable2 or --json",
    settings=SlurmSettings,
    meters=(
        Meter("cpu", "cpu", "CPU time", {"Core": 1}),
        Meter("memory", "mem", "Memory time", {"MiB": 1, "GiB": 1024, "TiB": 1024 * 1024}),
        Meter("gpu", "gpu", "GPU time", {"GPU": 1}),
        Meter("node", "node", "Node time", {"Node": 1}),
        Meter("billing", "su", "Service units", {"Unit": 1}),
    ),
    resource_type="Batch Job",
    rates=(
        {"id": "cpu", "resource": "cpu", "unit": "Core-Hours", "list": "0.02", "subsidy": "40", "from": "2025-01-01"},
        {"id": "memory", "resource": "memory", "unit": "GiB-Hours", "price": "0.002", "from": "2025-01-01"},
        {
            "id": "gpu-a100",
            "resource": "gpu",
            "type": "a100",
            "unit": "GPU-Hours",
            "price": "0.95",
            "from": "2025-01-01",
        },
        {"id": "node", "resource": "node", "partition": "exclusive.*", "unit": "Node-Hours", "price": "1.20"},
    ),
    read=read_slurm,
    samples=SAMPLES,
)
