"""What is billed of each sort of job, by hand-computed figures."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from sacct import HEADER, ONE, Case, export, record

HOUR = 3600
GPUS = "billing=8,cpu=4,mem=8000M,gres/gpu:a100=2,gres/gpu=2,node=1"


def by_meter(rows: list[dict[str, str]]) -> dict[str, int]:
    """Unit-seconds by meter."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row["SkuMeter"]] += int(row["x_UsageSeconds"])
    return dict(sums)


def test_a_job_is_billed_by_what_was_allocated(case: Case) -> None:
    cpu, memory = case.rows(export(ONE))
    assert (cpu["PricingQuantity"], cpu["PricingUnit"], cpu["ListCost"], cpu["BilledCost"]) == (
        *("8", "Core-Hours"),
        *("0.16", "0.096"),
    )
    assert (memory["PricingQuantity"], memory["PricingUnit"], memory["BilledCost"]) == ("16", "GiB-Hours", "0.032")
    assert cpu["x_SubsidyPercent"] == "40"
    assert cpu["ChargePeriodStart"] == "2025-01-02T08:00:05Z"
    assert cpu["Tags"] == '{"pi_email": "zoe@example.edu", "project_id": "sky-survey", "fund_org": "AST-1"}'


@pytest.mark.parametrize(
    ("tres", "gpus", "sku"),
    [
        (GPUS, 2, "hpc.cpu.gpu.a100"),
        ("cpu=1,gres/gpu=2,gres/gpu:a100=2", 2, "hpc.cpu.gpu.a100"),
        ("cpu=1,gres/gpu=3", 3, "hpc.cpu.gpu"),
        ("cpu=1,gres/gpu:a100=1", 1, "hpc.cpu.gpu.a100"),
        ("cpu=1,gres/gpu=1,gres/gpumem=40G,gres/gpuutil=90", 1, "hpc.cpu.gpu"),
    ],
)
def test_a_gpu_is_counted_once(case: Case, tres: str, gpus: int, sku: str) -> None:
    rows = case.rows(export(record(AllocTRES=tres)))
    assert [(r["SkuId"], int(r["x_UsageSeconds"])) for r in rows if r["SkuMeter"] == "GPU time"] == [(sku, gpus * HOUR)]


def test_gpus_of_two_types_have_a_row_each(case: Case) -> None:
    rows = case.rows(export(record(AllocTRES="cpu=1,gres/gpu=3,gres/gpu:a100=1,gres/gpu:h100=2")))
    assert {(r["SkuId"], r["PricingQuantity"]) for r in rows if "gpu" in r["SkuId"]} == {
        ("hpc.cpu.gpu.a100", "1"),
        ("hpc.cpu.gpu.h100", "2"),
    }


@pytest.mark.parametrize(
    ("memory", "quantity"),
    [
        ("16G", "16"),
        ("16384M", "16"),
        ("16384", "16"),
        ("93.75G", "93.75"),
        ("1T", "1024"),
        ("1048576K", "1"),
        ("1P", "1048576"),
    ],
)
def test_memory_is_binary(case: Case, memory: str, quantity: str) -> None:
    rows = case.rows(export(record(AllocTRES=f"cpu=1,mem={memory}")))
    assert [r["PricingQuantity"] for r in rows if r["SkuMeter"] == "Memory time"] == [quantity]


def test_every_started_state_is_billed(case: Case) -> None:
    states = [
        "COMPLETED",
        "FAILED",
        "TIMEOUT",
        "CANCELLED by 1000",
        "OUT_OF_MEMORY",
        "NODE_FAIL",
        "PREEMPTED",
        "DEADLINE",
    ]
    done, problems = case.run(export(*(record(JobIDRaw=n, State=state) for n, state in enumerate(states))))
    assert done is not None, problems
    assert done.used == len(states)


def test_states_can_be_free(case: Case) -> None:
    case.set(slurm={"free_states": ["NODE_FAIL", "REQUEUED"]})
    lines = [record(JobIDRaw=n, State=state) for n, state in enumerate(["NODE_FAIL", "REQUEUED", "FAILED"])]
    done, _ = case.run(export(*lines))
    assert done is not None
    assert done.left_out == {"state not billed: NODE_FAIL": 1, "state not billed: REQUEUED": 1}


def test_runs_of_a_requeued_job_all_count(case: Case) -> None:
    runs = [
        record(State="REQUEUED", Submit="2025-01-02T01:00:00", Start="2025-01-02T01:00:00", End="2025-01-02T02:00:00"),
        record(State="REQUEUED", Submit="2025-01-02T02:00:00", Start="2025-01-02T03:00:00", End="2025-01-02T04:00:00"),
        record(State="COMPLETED", Submit="2025-01-02T04:00:00", Start="2025-01-02T05:00:00", End="2025-01-02T06:00:00"),
    ]
    assert by_meter(case.rows(export(*runs)))["CPU time"] == 3 * 8 * HOUR


def test_array_tasks_and_components_are_jobs_of_their_own(case: Case) -> None:
    lines = [
        record(JobID="500_1", JobIDRaw=501),
        record(JobID="500_2", JobIDRaw=502),
        record(JobID="600+0", JobIDRaw=600),
        record(JobID="600+1", JobIDRaw=601),
    ]
    rows = case.rows(export(*lines))
    assert by_meter(rows)["CPU time"] == 4 * 8 * HOUR
    assert {row["ResourceId"] for row in rows} == {"north/500_1", "north/500_2", "north/600+0", "north/600+1"}


def test_steps_are_never_counted(case: Case) -> None:
    steps = [record(JobID=f"101.{step}", JobIDRaw=f"101.{step}") for step in ("batch", "extern", "0")]
    done, _ = case.run(export(ONE, *steps))
    assert done is not None
    assert (done.read, done.used, done.left_out) == (4, 1, {"step of a job": 3})


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (
            {
                "State": "CANCELLED by 5",
                "Start": "None",
                "End": "2025-01-02T00:00:00",
                "ElapsedRaw": 0,
                "AllocTRES": "",
            },
            "used no time",
        ),
        ({"State": "PENDING", "Start": "Unknown", "End": "Unknown", "ElapsedRaw": 0, "AllocTRES": ""}, "used no time"),
        # `sacct -T`: it started after the window, whose end is its End.
        ({"Start": "2025-02-03T08:00:00", "End": "2025-02-01T00:00:00", "ElapsedRaw": 0}, "used no time"),
        ({"State": "REVOKED"}, "ran in another cluster"),
        ({"Start": "2025-02-02T08:00:00", "End": "2025-02-02T09:00:00"}, "no time in the period"),
        ({"Start": "2024-12-31T23:00:00", "End": "2025-01-01T00:00:00"}, "no time in the period"),
    ],
)
def test_what_used_nothing_is_left_out_with_its_reason(case: Case, cells: dict[str, object], reason: str) -> None:
    done, problems = case.run(export(record(**cells)), allow_empty=True)
    assert done is not None, problems
    assert (done.rows, done.used, done.left_out) == (0, 0, {reason: 1})


def test_pauses_are_not_billed(case: Case) -> None:
    rows = case.rows(export(record(Suspended="01:00:00", End="2025-01-02T10:00:05")))
    assert by_meter(rows)["CPU time"] == 8 * HOUR
    assert rows[0]["ChargePeriodEnd"] == "2025-01-02T10:00:05Z"


def test_partitions_and_qos_can_be_billed_otherwise(case: Case) -> None:
    case.set(
        slurm={
            "meters": ["cpu"],
            "exceptions": [{"meters": ["node"], "partition": ["ex.*"]}, {"meters": [], "qos": ["free"]}],
        },
        rates=[*case.config["rates"], {"id": "node", "resource": "node", "unit": "Node-Hours", "price": "2"}],
    )
    done, _ = case.run(
        export(record(JobIDRaw=1, Partition="exclusive"), record(JobIDRaw=2, QOS="free"), record(JobIDRaw=3))
    )
    assert done is not None
    assert [(each.rate, each.quantity) for each in done.owners] == [("cpu", Decimal(8)), ("node", Decimal(1))]
    assert done.left_out == {"nothing billed in the partition or QOS": 1}


def test_billing_units_and_hardware_threads(case: Case) -> None:
    case.set(
        slurm={"meters": ["billing", "cpu"], "threads_per_core": 2},
        rates=[*case.config["rates"], {"id": "su", "resource": "billing", "unit": "Unit-Hours", "price": "0.1"}],
    )
    rows = case.rows(export(ONE))
    assert {(r["PricingUnit"], r["PricingQuantity"]) for r in rows} == {("Unit-Hours", "8"), ("Core-Hours", "4")}
    assert by_meter(rows)["CPU time"] == 8 * HOUR


@pytest.mark.parametrize("delimiter", ["|", ";", "\t", "☃", "||", "~!~"])
def test_any_delimiter_and_order_of_columns(case: Case, delimiter: str) -> None:
    expected = case.rows(export(ONE))
    order = list(reversed(range(len(HEADER.split("|")))))
    lines = [[line.split("|")[index] for index in order] for line in (HEADER, ONE)]
    assert case.rows("".join(delimiter.join(cells) + "\n" for cells in lines)) == expected


def test_parsable_with_a_delimiter_at_the_end_of_each_line(case: Case) -> None:
    expected = case.rows(export(ONE))
    assert case.rows(f"{HEADER}|\n{ONE}|\n") == expected


def test_an_export_without_a_header(case: Case) -> None:
    rows = case.rows(export(ONE))
    case.set(slurm={"columns": HEADER.split("|")})
    again = case.rows(f"{ONE}\n")
    assert [{**row, "x_SourceLine": ""} for row in again] == [{**row, "x_SourceLine": ""} for row in rows]
    assert again[0]["x_SourceLine"] == "1"


def test_a_name_with_a_sign_is_no_delimiter_of_an_export_without_a_header(case: Case) -> None:
    case.set(slurm={"columns": ["Cluster", *(name for name in HEADER.split("|") if name != "Cluster")]})
    (row, *_) = case.rows(f"north-1|{ONE.replace('|north|', '|')}\n")
    assert row["x_Cluster"] == "north-1"


def test_a_list_of_tasks_that_is_cut_is_no_step(case: Case) -> None:
    """SLURM_BITSTR_LEN; `123_[1,3,...]`. Without JobIDRaw, JobID is what there is."""
    text = export(record(JobID="123_[1,3,...]")).replace("JobIDRaw", "Comment")
    done, problems = case.run(text)
    assert done is not None
    assert (done.used, [each.code for each in problems]) == (1, ["usage-array"])


def test_line_ends_and_a_byte_order_mark_of_another_system(case: Case) -> None:
    expected = case.rows(export(ONE))
    assert case.rows(("\ufeff" + export(ONE)).replace("\n", "\r\n")) == expected


def test_elapsed_can_stand_for_its_raw_form(case: Case) -> None:
    text = export(
        record(Start="2025-01-02T00:00:00", End="2025-01-04T01:02:03", ElapsedRaw="2-01:02:03"),
    ).replace("ElapsedRaw", "Elapsed")
    assert by_meter(case.rows(text))["CPU time"] == 8 * (2 * 86400 + 3723)


def test_the_same_export_twice_is_counted_once_with_a_notice(case: Case) -> None:
    once = case.rows(export(ONE, record(JobIDRaw=102)))
    done, problems = case.run(export(ONE, record(JobIDRaw=102)), export(record(JobIDRaw=102), ONE))
    assert done is not None
    assert done.left_out == {"identical to another record": 2}
    assert [(each.path, each.code, each.line, each.count) for each in problems] == [("2.txt", "usage-repeated", 2, 2)]
    assert done.rows == len(once)


def test_one_number_on_two_clusters_is_two_jobs(case: Case) -> None:
    done, problems = case.run(export(ONE, record(Cluster="south")))
    assert done is not None
    assert problems == []
    assert done.used == 2


def test_users_are_named_only_if_the_config_says_so(case: Case) -> None:
    (row, *_) = case.rows(export(ONE))
    assert "ada" not in row.values()
    case.set(users=True)
    (row, *_) = case.rows(export(ONE))
    assert row["x_user"] == "ada"


def test_names_and_paths_of_users_do_not_reach_the_output(case: Case) -> None:
    case.rows(f"{HEADER}|JobName|WorkDir\n{ONE}|secret-name|/home/ada/secret\n")
    assert "secret" not in case.output.read_text()
