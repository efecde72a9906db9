"""Rates: what is refused, what applies when, and dated prices from a file."""

from __future__ import annotations

import pytest
from sacct import ONE, Case, export, record

from openchargeback.convert.kinds import Meter
from openchargeback.convert.units import base_units

CPU: dict[str, object] = {"id": "cpu", "resource": "cpu", "unit": "Core-Hours", "price": "0.02"}
MEMORY = Meter("memory", "mem", "Memory time", {"MiB": 1, "GiB": 1024})


def only_cpu(case: Case, *rates: dict[str, object]) -> Case:
    return case.set(slurm={"meters": ["cpu"]}, rates=list(rates))


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        ({**CPU, "resource": "cpus"}, "rate-resource"),
        ({**CPU, "unit": "CPU hours"}, "rate-unit"),
        ({**CPU, "unit": "GiB-Hours"}, "rate-unit"),
        ({**CPU, "currency": "EUR"}, "rate-currency"),
        ({**CPU, "price": "0.0000000001"}, "rate-decimals"),
        ({**CPU, "price": "0,02"}, "wrong-type"),
        ({**CPU, "price": "-1"}, "wrong-type"),
        ({**CPU, "subsidy": "10"}, "rate-price"),
        ({**CPU, "history": "CPU"}, "rate-price"),
        ({"id": "cpu", "resource": "cpu", "unit": "Core-Hours"}, "rate-price"),
        ({**CPU, "from": "2025-02-01", "until": "2025-01-01"}, "date-order"),
        ({**CPU, "partion": "cpu"}, "unknown-key"),
        ({**CPU, "partition": "cpu("}, "bad-pattern"),
        ({**CPU, "partition": "gpu"}, "no-rate"),
        ({**CPU, "until": "2025-01-01"}, "no-rate"),
        ({**CPU, "from": "2025-01-03"}, "no-rate"),
    ],
)
def test_a_rate_that_cannot_be_right_is_a_problem(case: Case, rate: dict[str, object], code: str) -> None:
    done, problems = only_cpu(case, rate).run(export(ONE))
    assert done is None
    assert code in {each.code for each in problems}, problems
    # What has no rate is named where it is.
    place = ("1.txt", 2) if code == "no-rate" else ("config.yaml", problems[0].line)
    assert {(each.path, each.line) for each in problems} == {place}


def test_a_gap_names_its_first_day(case: Case) -> None:
    gap = ({**CPU, "until": "2025-01-10"}, {**CPU, "from": "2025-01-12"})
    text = export(record(Start="2025-01-09T00:00:00", End="2025-01-14T00:00:00", ElapsedRaw=5 * 86400))
    _, problems = only_cpu(case, *gap).run(text)
    assert [each.message for each in problems] == ["no rate for cpu, partition cpu, qos normal on 2025-01-11"]


def test_two_rates_for_one_usage_are_a_problem_on_the_line_of_the_second(case: Case) -> None:
    _, problems = only_cpu(case, CPU, {**CPU, "id": "other", "partition": "c.*"}).run(export(ONE))
    assert [(each.code, each.line > 0) for each in problems] == [("rate-overlap", True)]
    assert "cpu" in problems[0].message
    assert "other" in problems[0].message


def test_days_of_rates_are_inclusive(case: Case) -> None:
    """One may end on the day before the next starts, and no instant is without a price."""
    rates = ({**CPU, "until": "2025-01-10"}, {**CPU, "price": "0.03", "from": "2025-01-11"})
    text = export(record(Start="2025-01-10T23:00:00", End="2025-01-11T01:00:00", ElapsedRaw=7200))
    rows = only_cpu(case, *rates).rows(text)
    assert [(row["ChargePeriodStart"], row["BilledCost"]) for row in rows] == [
        ("2025-01-10T23:00:00Z", "0.16"),
        ("2025-01-11T00:00:00Z", "0.24"),
    ]


def test_an_unused_rate_is_warned_of_if_it_is_in_force(case: Case) -> None:
    case.expected = set()
    unused = {**CPU, "id": "gone", "partition": "gone"}
    over = {**CPU, "id": "over", "partition": "gone", "until": "2024-12-31"}
    done, problems = only_cpu(case, CPU, unused, over).run(export(ONE))
    assert done is not None
    assert [(each.code, each.message.split()[2]) for each in problems] == [("rate-unused", "gone")]


def test_a_rate_can_be_for_a_customer_class(case: Case) -> None:
    case.set(owners=[{"account": "astro", "project": "p", "customer": "external"}])
    rates = ({**CPU, "id": "in", "customer": "internal"}, {**CPU, "id": "out", "price": "0.05", "customer": "external"})
    (row,) = only_cpu(case, *rates).rows(export(ONE))
    assert (row["x_RateId"], row["SkuPriceId"], row["BilledCost"]) == ("out", "hpc.cpu.cpu.out", "0.4")


def test_prices_can_come_from_a_file_of_nerc_rates(case: Case) -> None:
    """Months, both inclusive (CCI-MOC/nerc-rates, rates.yaml)."""
    (case.folder / "rates.yaml").write_text(
        "- name: CPU Rate\n  type: Decimal\n  history:\n"
        '    - {value: "0.01", from: 2024-01, until: 2024-12}\n'
        '    - {value: "0.013", from: 2025-01}\n'
    )
    case.set(rates_file="rates.yaml")
    rate: dict[str, object] = {
        "id": "cpu",
        "resource": "cpu",
        "unit": "Core-Hours",
        "history": "CPU Rate",
        "subsidy": "50",
    }
    (row,) = only_cpu(case, rate).rows(export(ONE))
    assert (row["ListUnitPrice"], row["ContractedUnitPrice"]) == ("0.013", "0.0065")
    assert row["x_RateValidFrom"] == "2025-01-01"


@pytest.mark.parametrize(
    "text", ["", "- name: Other\n  history: []\n", "- name: CPU Rate\n  history: [{value: x, from: 2025-01}]\n"]
)
def test_a_history_that_is_not_there_is_a_problem(case: Case, text: str) -> None:
    (case.folder / "rates.yaml").write_text(text)
    case.set(rates_file="rates.yaml")
    rate: dict[str, object] = {"id": "cpu", "resource": "cpu", "unit": "Core-Hours", "history": "CPU Rate"}
    done, problems = only_cpu(case, rate).run(export(ONE))
    assert done is None
    assert "rate-history" in {each.code for each in problems}


JANUARY = 31 * 86_400
RUNNING = Meter("vm", "vm", "Running time", {"": 1})
TOKENS = Meter("input", "input", "Input tokens", {"Tokens": 1}, timed=False)


@pytest.mark.parametrize(
    ("meter", "unit", "base"),
    [
        (MEMORY, "GiB-Hours", 1024 * 3600),
        (MEMORY, "MiB-Seconds", 1),
        (MEMORY, "1000 GiB-Hours", 1024 * 3600 * 1000),
        (MEMORY, "GiB-Days", 1024 * 86400),
        (MEMORY, "GiB-Months", 1024 * JANUARY),
        (MEMORY, "GB-Hours", None),
        (MEMORY, "GiB hours", None),
        (MEMORY, "GiB-Hour", None),
        (MEMORY, "0 GiB-Hours", None),
        (MEMORY, "1e3 GiB-Hours", None),
        (MEMORY, "GiB", None),
        (MEMORY, "Hours", None),
        (RUNNING, "Hours", 3600),
        (RUNNING, "Months", JANUARY),
        (RUNNING, "VM-Hours", None),
        (TOKENS, "Tokens", 1),
        (TOKENS, "1000000 Tokens", 1_000_000),
        (TOKENS, "Tokens-Hours", None),
        (TOKENS, "1M Tokens", None),
    ],
)
def test_units_are_spelled_as_focus_spells_them(meter: Meter, unit: str, base: int | None) -> None:
    assert base_units(unit, meter, JANUARY) == base


@pytest.mark.parametrize(
    ("month", "quantity"), [("calendar", "0.322580645"), ("30 days", "0.333333333"), ("730 hours", "0.328767123")]
)
def test_a_month_is_as_long_as_the_settings_say(case: Case, month: str, quantity: str) -> None:
    """One core over ten days of January, priced by the month."""
    job = record(Start="2025-01-01T00:00:00", End="2025-01-11T00:00:00", ElapsedRaw=10 * 86_400, AllocTRES="cpu=1")
    case.set(month=month)
    (row,) = only_cpu(case, {**CPU, "unit": "Core-Months"}).rows(export(job))
    assert (row["PricingUnit"], row["PricingQuantity"]) == ("Core-Months", quantity)
