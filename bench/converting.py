"""Conversions as people run them: whole processes, compared with what reading and writing alone takes.

The limit for an export of sacct as text is a process in which DuckDB reads all cells of the same file and writes as
many rows and columns of constants as the conversion does; for JSON, one in which Python's json reads the document.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

import duckdb

from measuring import Process, focus_billing, process, report, report_process, rounds

JSON_JOBS = 200_000
LARGE = 10

# Jobs of 300 accounts in four partitions, some with GPUs, spread over the month.
_JOBS = """
    SELECT
        4000000 + i AS id, 'user' || (hash(i * 3) % 900) AS person, 'group' || (hash(i * 5) % 300) AS account,
        ['cpu', 'cpu', 'himem', 'gpu'][1 + (hash(i * 7) % 4)::INTEGER] AS partition,
        ['normal', 'normal', 'high'][1 + (hash(i * 11) % 3)::INTEGER] AS qos,
        ['COMPLETED', 'COMPLETED', 'COMPLETED', 'FAILED', 'TIMEOUT', 'CANCELLED'][1 + (hash(i * 13) % 6)::INTEGER]
            AS state,
        (hash(i * 17) % 2592000)::BIGINT AS since, (1 + hash(i * 19) % 80000)::BIGINT AS elapsed,
        (1 + hash(i * 23) % 64)::BIGINT AS cores, (1 + hash(i * 29) % 4)::BIGINT AS gpus
    FROM range($jobs) AS numbers(i)
"""
_TEXT = """
    SELECT
        id AS JobID, id AS JobIDRaw, 'north' AS Cluster, person AS "User", account AS Account, partition AS Partition,
        qos AS QOS, state AS State,
        strftime(TIMESTAMP '2024-12-31 12:00:00' + to_seconds(since), '%Y-%m-%dT%H:%M:%S') AS Submit,
        strftime(TIMESTAMP '2025-01-01' + to_seconds(since), '%Y-%m-%dT%H:%M:%S') AS "Start",
        strftime(TIMESTAMP '2025-01-01' + to_seconds(since + elapsed), '%Y-%m-%dT%H:%M:%S') AS "End",
        elapsed AS ElapsedRaw, '00:00:00' AS Suspended,
        'billing=' || cores || ',cpu=' || cores
            || CASE WHEN partition = 'gpu' THEN ',gres/gpu:a100=' || gpus || ',gres/gpu=' || gpus ELSE '' END
            || ',mem=' || cores * 4096 || 'M,node=1' AS AllocTRES
    FROM jobs
"""
_DOCUMENT = """
    SELECT
        '{"account":"' || account || '","user":"' || person || '","cluster":"north","partition":"' || partition
        || '","qos":"' || qos || '","job_id":' || id
        || ',"array":{"job_id":0,"limits":{"max":{"running":{"tasks":0}}},'
        || '"task_id":{"set":false,"infinite":false,"number":0},"task":""},"association":{"account":"' || account
        || '","cluster":"north","partition":null,"user":"' || person || '","id":1}'
        || ',"comment":{"administrator":"","job":"","system":""},"allocation_nodes":1,"nodes":"n001","group":"staff"'
        || ',"flags":["CLEAR_SCHEDULING","STARTED_ON_BACKFILL"],"name":"run.sh"'
        || ',"priority":{"set":true,"infinite":false,"number":4294},"required":{"CPUs":' || cores
        || ',"memory_per_cpu":{"set":true,"infinite":false,"number":4096}}'
        || ',"state":{"current":["' || state || '"],"reason":"None"},"submit_line":"sbatch run.sh"'
        || ',"working_directory":"/home","time":{"elapsed":' || elapsed || ',"eligible":' || 1735646400 + since
        || ',"end":' || 1735689600 + since + elapsed || ',"start":' || 1735689600 + since
        || ',"submission":' || 1735646400 + since || ',"suspended":0'
        || ',"limit":{"set":true,"infinite":false,"number":2880},"total":{"seconds":1,"microseconds":2}}'
        || ',"tres":{"allocated":[{"type":"cpu","name":"","id":1,"count":' || cores
        || '},{"type":"mem","name":"","id":2,"count":' || cores * 4096 || '},{"type":"node","name":"","id":4,"count":1}'
        || CASE WHEN partition = 'gpu' THEN ',{"type":"gres","name":"gpu","id":1001,"count":' || gpus
            || '},{"type":"gres","name":"gpu:a100","id":1002,"count":' || gpus || '}' ELSE '' END
        || '],"requested":[{"type":"cpu","name":"","id":1,"count":' || cores || '}]},"steps":[]'
        || ',"wckey":{"wckey":"","flags":[]}}'
    FROM jobs ORDER BY id
"""
_READ_AND_WRITE = """
import duckdb, sys
path, out, rows, columns = sys.argv[1:]
con = duckdb.connect()
cells = "read_csv(?, delim='|', header=true, quote='', all_varchar=true)"
con.execute(f"SELECT count(COLUMNS(*)) FROM {cells}", [path]).fetchall()
cells = ", ".join(f"'constant' AS c{number}" for number in range(int(columns)))
con.execute(f"COPY (SELECT {cells} FROM range({rows})) TO '{out}' (HEADER)")
"""
_JSON_ALONE = """
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    json.load(file)
"""
_CONFIG = """service: Bench HPC
provider: Bench
billing_account: bench
currency: USD
timezone: UTC
rows: ROWS
account_is_project: true
owners: [{account: group1, project: one}]
rates:
  - {id: cpu, resource: cpu, unit: Core-Hours, price: "0.02"}
  - {id: memory, resource: memory, unit: GiB-Hours, price: "0.002"}
  - {id: gpu, resource: gpu, unit: GPU-Hours, price: "0.95"}
slurm: {meters: [cpu, memory, gpu], cluster: north}
"""


def measure(jobs: int, *, large: bool = False, runs: int = 3) -> None:
    """Print the ratios and the memory, for rows per day and per job. large: also ten times as many jobs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _text(folder, jobs, 2048, runs)
        _document(folder, JSON_JOBS, runs)
        if large:
            _text(folder, jobs * LARGE, 4096, 1)


def _text(folder: Path, jobs: int, memory: float, runs: int) -> None:
    export = folder / "sacct.txt"
    _write(jobs, _TEXT, f"TO '{export}' (HEADER, DELIMITER '|', QUOTE '')")
    print(f"{jobs:,} lines of sacct, {export.stat().st_size / 1e6:.0f} MB")
    for rows in ("day", "job"):
        ours = _conversion(folder, export, rows)
        _checked(process(ours))
        with (folder / "charges.csv").open(encoding="utf-8", newline="") as file:
            columns = len(next(csv.reader(file)))
            lines = sum(1 for _ in file)
        given = (str(export), str(folder / "constants.csv"), str(lines), str(columns))
        limit = [sys.executable, "-c", _READ_AND_WRITE, *given]
        found, alone = rounds(lambda ours=ours: process(ours), lambda limit=limit: process(limit), runs=runs)
        what = f"convert slurm, rows: {rows} ({lines:,} × {columns}) / DuckDB"
        report_process(what, found, alone, 3)
        report("  resident memory, MB", found.memory, memory, "")


def _document(folder: Path, jobs: int, runs: int) -> None:
    export, lines = folder / "sacct.json", folder / "jobs.txt"
    _write(jobs, _DOCUMENT, f"TO '{lines}' (HEADER false, QUOTE '', DELIMITER '\\t')")
    with export.open("w", encoding="utf-8") as out, lines.open(encoding="utf-8") as rows:
        out.write('{"jobs":[\n')
        for number, line in enumerate(rows):
            out.write(f"{',' if number else ''}{line}")
        out.write('],"meta":{"slurm":{"version":{"major":"25","minor":"05"}}},"errors":[],"warnings":[]}\n')
    print(f"{jobs:,} jobs of sacct --json, {export.stat().st_size / 1e6:.0f} MB")
    ours = _conversion(folder, export, "day")
    _checked(process(ours))
    limit = [sys.executable, "-c", _JSON_ALONE, str(export)]
    found, alone = rounds(lambda: process(ours), lambda: process(limit), runs=runs)
    report_process("convert slurm of JSON / Python's json alone", found, alone, 3)
    report("  resident memory, MB", found.memory, 2048, "")


def _conversion(folder: Path, export: Path, rows: str) -> list[str]:
    config = folder / f"{rows}.yaml"
    config.write_text(_CONFIG.replace("ROWS", rows), encoding="utf-8")
    out = ("-o", str(folder / "charges.csv"), "--period", "2025-01")
    return focus_billing("convert", "slurm", str(export), "--config", str(config), *out)


def _checked(done: Process) -> None:
    """Stop if nothing was converted: a fault is quickly found."""
    if done.code:
        raise SystemExit(f"the conversion failed: {done.output[:500]}")


def _write(jobs: int, rows: str, target: str) -> None:
    with duckdb.connect() as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"CREATE TABLE jobs AS {_JOBS}", {"jobs": jobs})
        con.execute(f"COPY ({rows}) {target}")
