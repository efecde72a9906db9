"""Every kind of bad export is a problem with its line, and no file of charges is written."""

from __future__ import annotations

import gzip

import pytest
from sacct import HEADER, ONE, Case, export, record

WITHOUT_TRES = HEADER.removesuffix("|AllocTRES")


@pytest.mark.parametrize(
    ("_what", "expected"),
    {
        "no file content": ("", "usage-empty", 0, "the export is empty"),
        "only a header": (export(), "usage-empty", 0, "the export has no records"),
        "an aligned table": ("       JobID      State\n------------ ----------\n", "usage-header", 1, "not a header"),
        "no header": (ONE + "\n", "usage-header", 1, "not a header"),
        "a missing column": (f"{WITHOUT_TRES}\n{ONE.rpartition('|')[0]}\n", "usage-columns", 1, "lacks AllocTRES"),
        "a column twice": (f"{HEADER}|State\n{ONE}|COMPLETED\n", "usage-header", 1, "State occurs twice"),
        "a last line that is cut": (export(ONE)[:-20], "usage-cut", 2, "no line break"),
        "a delimiter in a name": (
            f"{HEADER}|JobName\n{ONE}|fine\n{ONE}|a|b\n",
            "usage-cells",
            3,
            "the line has 16 cells, the header 15",
        ),
        "a carriage return in a name": (
            f"JobName|{HEADER}\na|{ONE}\na\rb|{ONE}\n",
            "usage-cells",
            3,
            "carriage return",
        ),
        "lines of two systems": (
            export(ONE).replace("\n", "\r\n") + record(JobIDRaw=2) + "\n",
            "usage-cells",
            3,
            "another way than the first line",
        ),
        "a compressed file": (gzip.compress(export(ONE).encode()), "usage-header", 0, "compressed (gzip)"),
        "a short line": (export(ONE, ONE.rpartition("|")[0]), "usage-cells", 3, "13 cells"),
        "an empty line": (export(ONE, "", record(JobID=2, JobIDRaw=2)), "usage-cells", 3, "empty"),
        "two exports in one file": (export(ONE) + export(record(JobIDRaw=2)), "usage-cells", 3, "header occurs again"),
        "a message of sacct": (
            "sacct: error: Problem talking to the database: Connection refused\n",
            "usage-failed",
            1,
            "Connection refused",
        ),
        "a state that is cut": (export(record(State="CANCELLED+")), "usage-cut", 2, "CANCELLED+"),
        "an unknown state": (export(ONE, record(JobIDRaw=7, State="DONE")), "usage-state", 3, '"DONE"'),
        "a relative time": (export(record(Start="Ystday 12:30")), "usage-time", 2, 'Start: "Ystday 12:30"'),
        "a day without a time": (export(record(End="2025-01-02")), "usage-time", 2, 'End: "2025-01-02"'),
        "a negative duration": (export(record(ElapsedRaw="-5")), "usage-number", 2, 'Elapsed: "-5"'),
        "a decimal comma": (export(record(ElapsedRaw="3600,5")), "usage-number", 2, "3600,5"),
        "parts of a second": (export(record(ElapsedRaw="3600.5")), "usage-number", 2, "3600.5"),
        "a number for people": (export(record(ElapsedRaw="3.6e3")), "usage-number", 2, "3.6e3"),
        "milliseconds": (export(record(ElapsedRaw="23:08.358")), "usage-number", 2, "23:08.358"),
        "seconds beyond a minute": (export(record(ElapsedRaw="00:59:60")), "usage-number", 2, "00:59:60"),
        "an unreadable pause": (export(record(Suspended="x")), "usage-number", 2, "Suspended"),
        "no id": (export(record(JobID="", JobIDRaw="")), "usage-number", 2, "no ID"),
        "a clock that was set": (export(record(ElapsedRaw=7200)), "usage-clock", 2, "by 3600 seconds"),
        "a run without elapsed time": (export(record(ElapsedRaw=0)), "usage-clock", 2, "by 3600 seconds"),
        "a pause and no run, for too short": (
            export(record(ElapsedRaw=0, Suspended="00:30:00")),
            "usage-clock",
            2,
            "by 1800 seconds",
        ),
        "a job that runs and has ended": (
            export(record(State="RUNNING", Start="2025-01-31T00:00:00", End="2025-01-31T00:00:00", ElapsedRaw=86400)),
            "usage-clock",
            2,
            "by 86400 seconds",
        ),
        "an end that is not there": (export(ONE, record(JobIDRaw=2, End="Unknown")), "usage-clock", 3, "no End"),
        "a start that is not there": (export(record(Start="Unknown")), "usage-clock", 2, "no Start"),
        "a node in place of a time": (
            export(record(Start="None assigned", ElapsedRaw=0)),
            "usage-time",
            2,
            'Start: "None assigned"',
        ),
        "a column too narrow for a time": (export(record(Start="########")), "usage-time", 2, "########"),
        "an end before the start": (
            export(record(End="2025-01-02T07:00:05")),
            "usage-clock",
            2,
            "disagree",
        ),
        "steps only": (export(record(JobID="101.batch", JobIDRaw="101.batch")), "usage-steps-only", 2, "no job"),
        "a runaway job": (
            export(record(State="RUNNING", Start="2024-09-01T00:00:00", End="Unknown", ElapsedRaw=90 * 86400)),
            "usage-open",
            2,
            "job 101 was still running",
        ),
        "a job running for months": (
            export(record(State="RUNNING", Start="2024-09-01T00:00:00", End="Unknown", ElapsedRaw=200 * 86400)),
            "usage-stale",
            2,
            "job 101",
        ),
        "memory with a comma": (export(record(AllocTRES="cpu=1,mem=1,5G")), "usage-tres", 2, "5G"),
        "a sentinel": (export(record(AllocTRES="cpu=18446744073709551614")), "usage-tres", 2, "cpu="),
        "a count twice": (export(record(AllocTRES="cpu=1,cpu=2")), "usage-tres", 2, "cpu=1,cpu=2"),
        "a type in capitals": (export(record(AllocTRES="CPU=1,mem=1G")), "usage-tres", 2, "CPU=1"),
        "a blank beside a type": (export(record(AllocTRES="cpu =1")), "usage-tres", 2, "cpu =1"),
        "a count that is not whole, in JSON": (
            (
                '{"jobs": [{"job_id": 1, "tres": {"allocated": [{"type": "cpu", "count": 4.5}]}, "state": {"current": '
                '["COMPLETED"]}, "time": {"submission": 1735776000, "start": 1735776000, "end": 1735779600, '
                '"elapsed": 3600}}], "errors": []}'
            ),
            "usage-tres",
            1,
            "cpu=4.5",
        ),
        "half of a character in JSON": (
            '{"jobs": [\n{"job_id": 1, "account": "\\ud800"}], "errors": []}',
            "usage-cells",
            2,
            "half of a character",
        ),
        "a time beyond all years, in JSON": (
            (
                '{"jobs": [{"job_id": 1, "state": {"current": ["COMPLETED"]}, "time": {"submission": 1735776000, '
                '"start": 99999999999999999, "end": 1735779600, "elapsed": 3600}}], "errors": []}'
            ),
            "usage-time",
            1,
            "99999999999999999",
        ),
        "more seconds than fit": (export(record(ElapsedRaw=2**63 - 1)), "usage-number", 2, "9223372036854775807"),
        "a negative count": (export(record(AllocTRES="cpu=-2")), "usage-tres", 2, "cpu=-2"),
        "types that do not add up": (
            export(record(AllocTRES="cpu=1,mem=1G,gres/gpu=3,gres/gpu:a100=2")),
            "usage-tres",
            2,
            "do not add up",
        ),
        "one job twice, running and done": (
            export(
                record(State="RUNNING", End="Unknown", Start="2025-01-31T00:00:00", ElapsedRaw=86400),
                record(Start="2025-01-31T00:00:00", End="2025-02-03T00:00:00", ElapsedRaw=3 * 86400),
            ),
            "usage-conflict",
            2,
            "job 101",
        ),
        "JSON that is cut": ('{"jobs": [\n{"job_id": 1}, {"job', "usage-cut", 2, "not a complete JSON document"),
        "JSON with errors": ('{"jobs": [],\n"errors": [{"error": "no"}]}', "usage-failed", 2, "no"),
        "JSON of something else": ('{"quotas": []}', "usage-header", 1, "no `jobs`"),
        "JSON without jobs": ('{"jobs": [], "errors": []}', "usage-empty", 0, "no records"),
    }.items(),
)
def test_a_bad_export_is_named_and_nothing_is_written(
    case: Case, _what: str, expected: tuple[str | bytes, str, int, str]
) -> None:
    text, code, line, words = expected
    done, problems = case.run(text)
    assert done is None
    assert (code, line) in [(each.code, each.line) for each in problems], problems
    assert words in next(each.message for each in problems if each.code == code)
    assert all(each.fix for each in problems)
    assert not case.output.exists()


def test_every_fault_of_an_export_is_reported_at_once(case: Case) -> None:
    _, problems = case.run(export(record(State="DONE"), record(JobIDRaw=2, Start="Ystday 12:30"), ONE))
    assert {(each.code, each.line) for each in problems} >= {("usage-state", 2), ("usage-time", 3)}


def test_what_many_lines_share_is_one_problem_with_a_count(case: Case) -> None:
    _, problems = case.run(export(*(record(JobIDRaw=n, State="DONE") for n in range(20))))
    (problem,) = problems
    assert (problem.code, problem.line, problem.count) == ("usage-state", 2, 20)


@pytest.mark.parametrize("account", ["bi\0o", "bi\u202eo", "bi\x85o"])
def test_names_say_what_they_seem_to_say(case: Case, account: str) -> None:
    done, problems = case.run(export(ONE, record(JobIDRaw=2, Account=account)))
    assert done is None
    assert [(each.code, each.line) for each in problems] == [("usage-characters", 3)]


def test_records_of_other_months_are_no_month_without_usage(case: Case) -> None:
    """Else a mistyped `--period` would bill nothing, and nobody would hear of it."""
    done, problems = case.run(export(ONE), period="2025-03")
    assert done is None
    assert [(each.code, each.message) for each in problems] == [
        ("usage-empty", "no record has usage to bill in 2025-03: 1 no time in the period")
    ]
    assert not case.output.exists()
    done, problems = case.run(export(ONE), period="2025-03", allow_empty=True)
    assert (done.rows, problems) == (0, [])


@pytest.mark.parametrize(
    ("column", "keys"),
    {
        "User": {"users": True},
        "User, ": {"owners": [{"user": "ada", "project": "sky-survey"}]},
        "QOS": {"slurm": {"exceptions": [{"meters": [], "qos": "free"}]}},
        "QOS, ": {"rates": [{"id": "cpu", "resource": "cpu", "unit": "Core-Hours", "price": "1", "qos": "normal"}]},
        "Cluster": {
            "rates": [{"id": "cpu", "resource": "cpu", "unit": "Core-Hours", "price": "1", "cluster": "north"}]
        },
    }.items(),
)
def test_a_column_that_the_config_needs_must_be_there(case: Case, column: str, keys: dict[str, object]) -> None:
    """Else an exception, a rate or an owner would apply to nothing."""
    name = column.rstrip(", ")
    text = export(ONE).replace(f"|{name}|", "|Comment|")
    if column not in ("QOS, ", "Cluster"):
        assert case.run(text)[0] is not None
    done, problems = case.set(**keys).run(text)
    assert done is None
    assert [(each.code, each.line) for each in problems] == [("usage-columns", 1)]
    assert name in problems[0].message
    assert problems[0].fix == f"add {name} to `sacct -o`"
    if name == "Cluster":
        assert case.set(slurm={"cluster": "north", "meters": ["cpu"]}).run(text)[0] is not None


def test_local_times_need_a_zone(case: Case) -> None:
    case.config.pop("timezone")
    done, problems = case.run(export(ONE))
    assert done is None
    assert [each.code for each in problems] == ["usage-zone"]


def test_an_empty_month_can_be_right(case: Case) -> None:
    done, problems = case.run(export(), allow_empty=True)
    assert problems == []
    assert done is not None
    assert done.rows == 0
    assert len(case.output.read_text().splitlines()) == 1


def test_some_things_are_only_warned_of(case: Case) -> None:
    done, problems = case.run(
        export(record(AllocTRES=""), record(JobID="102_[1-5]", JobIDRaw=102), record(JobIDRaw=103, AllocTRES="cpu=1"))
    )
    assert done is not None
    codes = [each.code for each in problems]
    assert "usage-tres" in codes
    assert "usage-array" in codes
    assert done.used == 2
    assert done.left_out == {"nothing allocated": 1}


def test_a_job_with_nothing_that_is_billed_is_counted_as_left_out(case: Case) -> None:
    done, _ = case.set(slurm={"meters": ["cpu"]}).run(export(ONE, record(JobIDRaw=2, AllocTRES="cpu=0,mem=1G")))
    assert done
    assert (done.read, done.used, done.left_out) == (2, 1, {"nothing allocated that is billed": 1})
