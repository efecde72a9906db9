"""Whole exports of every form, and what comes out of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sacct import ONE, Case, export, record

from openchargeback.convert.json_stream import Broken, items

EXPORTS = Path(__file__).parent / "exports"
JANUARY = (EXPORTS / "january.txt").read_text(encoding="utf-8")
VERSIONS = ("v0.0.37", "v0.0.39", "v0.0.40", "v0.0.45")

# The four jobs of the JSON exports, as a table.
AS_TEXT = export(
    record(JobID=101, JobIDRaw=101, Submit="2025-01-02T08:00:00"),
    record(
        JobID="102_7", JobIDRaw=103, State="CANCELLED by 1000", AllocTRES="cpu=4,mem=8000M,gres/gpu=2,gres/gpu:a100=2"
    ),
    record(JobID=104, JobIDRaw=104, State="PENDING", Start="Unknown", End="Unknown", ElapsedRaw=0, AllocTRES=""),
    record(
        JobID=105,
        JobIDRaw=105,
        State="RUNNING",
        Start="2025-01-31T23:00:00",
        End="Unknown",
        ElapsedRaw=7200,
        AllocTRES="cpu=1,mem=1G",
    ),
)


@pytest.mark.parametrize("rows", ["job", "day"])
def test_a_month_of_a_site(case: Case, rows: str, request: pytest.FixtureRequest) -> None:
    """To the byte; the sums by hand are in the next test."""
    case.set(rows=rows)
    case.rows(JANUARY)
    expected = EXPORTS / f"expected-{rows}.csv"
    if request.config.getoption("--update-golden"):
        expected.write_bytes(case.output.read_bytes())
    assert case.output.read_bytes() == expected.read_bytes()


def test_a_month_of_a_site_by_hand(case: Case) -> None:
    done, problems = case.run(JANUARY)
    assert done is not None
    assert {each.code for each in problems} == {"owner-unknown"}
    hours = {
        "astro, over New Year": 8 * 2 * 3600,
        "bio": 16 * 1200 + 10 + 86400,
        "astro, heterogeneous": (64 + 4) * 3600,
        "chem": 2 * 3889 + 2 * 3600 + 8 * 3600 + 4 * 3600 + 4 * 1800 + 4 * 1500,
        "astro, still running": 36 * 3600,
    }
    totals = {each.meter: each.amount_out for each in done.meters}
    assert totals["cpu"] == sum(hours.values())
    assert totals["gpu"] == 2 * 1200 + 3600
    assert done.read == 18
    assert done.left_out == {"ran in another cluster": 1, "step of a job": 2, "used no time": 2}


@pytest.mark.parametrize("version", VERSIONS)
def test_json_gives_the_same_as_text(case: Case, version: str) -> None:
    expected = case.rows(AS_TEXT)
    case.config.pop("timezone")
    found = case.rows((EXPORTS / f"{version}.json").read_text(encoding="utf-8"))
    places = {"x_SourceLine": "", "x_SourceFile": ""}
    assert [{**row, **places} for row in found] == [{**row, **places} for row in expected]


def test_numbers_that_may_be_unset_are_read_in_the_times_too(case: Case) -> None:
    """As data_parser writes other numbers since v0.0.39."""
    text = (EXPORTS / "v0.0.40.json").read_text("utf-8")
    plain = case.rows(text)
    document = json.loads(text)
    for job in document["jobs"]:
        for name in ("submission", "start", "end", "elapsed", "suspended"):
            number = job["time"][name]
            job["time"][name] = {"set": number != 0, "infinite": False, "number": number}
    assert [without_place(row) for row in case.rows(json.dumps(document))] == [without_place(row) for row in plain]


def plainly(value: Any) -> Any:
    """As data_parser writes numbers with its flag `complex` (slurm, doc/html/rest_clients.shtml): null or a number."""
    if isinstance(value, dict):
        if set(value) == {"set", "infinite", "number"}:
            return value["number"] if value["set"] else None
        return {key: plainly(each) for key, each in value.items()}
    return [plainly(each) for each in value] if isinstance(value, list) else value


def sparsely(value: Any) -> Any:
    """As since Slurm 24.11: null in place of objects without content."""
    if isinstance(value, dict):
        found = {key: sparsely(each) for key, each in value.items()}
        return found if any(each not in (None, "", 0, False) for each in found.values()) else None
    return [sparsely(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("form", [plainly, sparsely])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_forms_of_numbers_and_empty_objects_do_not_matter(case: Case, version: str, form: Any) -> None:
    text = (EXPORTS / f"{version}.json").read_text("utf-8")
    plain = case.rows(text)
    document = json.loads(text)
    document["jobs"] = [form(job) for job in document["jobs"]]
    assert [without_place(row) for row in case.rows(json.dumps(document))] == [without_place(row) for row in plain]


@pytest.mark.parametrize(
    ("id_", "offset"),
    [(600, {"set": True, "infinite": False, "number": 1}), ({"set": True, "infinite": False, "number": 600}, 1)],
)
def test_a_component_of_a_heterogeneous_job_is_the_same_in_json(case: Case, id_: Any, offset: Any) -> None:
    expected = case.rows(export(record(JobID="600+1", JobIDRaw=601, Submit="2025-01-02T08:00:00")))
    document = json.loads((EXPORTS / "v0.0.40.json").read_text("utf-8"))
    document["jobs"] = [document["jobs"][0] | {"job_id": 601, "het": {"job_id": id_, "job_offset": offset}}]
    assert [without_place(row) for row in case.rows(json.dumps(document))] == [without_place(row) for row in expected]


def without_place(row: dict[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if name != "x_SourceLine"}


def test_a_fault_in_json_has_its_line(case: Case) -> None:
    text = (EXPORTS / "v0.0.40.json").read_text(encoding="utf-8").replace('"RUNNING"', '"JOGGING"')
    _, problems = case.run(text)
    assert [(each.code, text.splitlines()[each.line - 1].strip()) for each in problems] == [("usage-state", "{")]
    assert '"job_id": 105' in "".join(text.splitlines()[problems[0].line - 1 :])
    assert '"job_id": 104' not in "".join(text.splitlines()[problems[0].line - 1 :])


def test_text_and_json_of_one_month_meet(case: Case) -> None:
    """One job in both is counted once."""
    done, problems = case.run(AS_TEXT, (EXPORTS / "v0.0.40.json").read_text(encoding="utf-8"))
    assert done is not None, problems
    assert done.left_out["identical to another record"] == 3


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, len(JANUARY) - 1))
def test_a_cut_within_a_line_is_always_found(case: Case, cut: int) -> None:
    done, problems = case.run(JANUARY[:cut])
    if JANUARY[cut - 1] == "\n":
        assert done is not None or {each.code for each in problems} <= {"usage-empty"}
    else:
        assert done is None
        assert problems


def test_doubling_an_export_changes_nothing(case: Case) -> None:
    once = case.rows(JANUARY)
    head, _, lines = JANUARY.partition("\n")
    twice = case.rows(f"{head}\n{lines}{lines}")
    assert twice == once


def test_another_order_of_lines_has_the_same_days(case: Case) -> None:
    case.set(rows="day")
    once = case.rows(JANUARY)
    head, *lines = JANUARY.splitlines()
    assert case.rows("\n".join([head, *reversed(lines)]) + "\n") == once


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.dictionaries(st.text(max_size=5), VALUES, max_size=4), indent=st.sampled_from([None, 0, 2]))
def test_a_document_is_read_piece_by_piece_as_a_whole(
    tmp_path: Path, value: dict[str, Any], indent: int | None
) -> None:
    path = tmp_path / "document.json"
    text = json.dumps(value, indent=indent)
    path.write_text(text, encoding="utf-8")
    expected = [
        (key, item) for key, held in value.items() for item in (held if isinstance(held, list) and held else [held])
    ]
    assert [(key, item) for key, _, item in items(path)] == expected
    path.write_text(text[:-1], encoding="utf-8")
    with pytest.raises(Broken):
        list(items(path))


def test_a_single_job_is_found_among_columns_of_no_interest(case: Case) -> None:
    head = export(ONE).splitlines()[0]
    assert case.rows(f"Comment|{head}|WCKey\nx|{ONE}|\n") == case.rows(export(ONE))


def test_a_job_in_no_known_form_is_a_problem(case: Case) -> None:
    jobs = [{"job_id": 1, "state": {"current": ["COMPLETED"]}, "tres": {"allocated": "cpu=1"}, "time": {"start": 5}}]
    done, problems = case.run(json.dumps({"jobs": jobs, "errors": []}))
    assert done is None
    assert problems
