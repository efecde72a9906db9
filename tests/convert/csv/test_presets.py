"""Each preset: an export after the format that its document describes becomes the charges in `exports`."""

from __future__ import annotations

import csv
import io
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapped import Tables

from openchargeback.convert.csv.presets import NAMES, preset_help
from openchargeback.focus.database import database
from openchargeback.focus.reading import check
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config, Organization

EXPORTS = Path(__file__).parent / "exports"


def tokens(*rates: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Rates per million tokens: id, resource, price."""
    return [
        {"id": name, "resource": resource, "unit": "1000000 Tokens", "price": price, "type": ".*", "from": "2025-01-01"}
        for name, resource, price in rates
    ]


CONFIGS: dict[str, dict[str, Any]] = {
    "openai-usage": {"rates": tokens(("in", "input", "2.50"), ("cached", "cached", "1.25"), ("out", "output", "10"))},
    "openai-costs": {},
    "chatgpt-credits": {
        "rates": [{"id": "credit", "resource": "credits", "unit": "Credits", "price": "0.04"}],
        "owners": [{"user": "ada.lovelace@example.edu", "project": "sky-survey", "pi": "zoe@example.edu"}],
        "rows": "day",
    },
    "anthropic-usage": {
        "rates": [
            *tokens(("in", "input", "15"), ("read", "cache-read", "1.50"), ("w5", "cache-write-5m", "18.75")),
            *tokens(("w1", "cache-write-1h", "30"), ("out", "output", "75")),
            {"id": "search", "resource": "web-search", "unit": "1000 Requests", "price": "10"},
        ]
    },
    "anthropic-costs": {},
    "litellm-spend": {"users": True},
    "nerc-openshift": {
        "rates": [
            {"id": "cpu", "resource": "su", "type": "OpenShift CPU", "unit": "Unit-Hours", "price": "0.013"},
            {"id": "a100", "resource": "su", "type": "OpenShift GPU.*", "unit": "Unit-Hours", "price": "2.078"},
        ]
    },
    "nerc-invoice": {"csv": {"quote": "|"}},
    "invoice": {},
}


def converted(name: str, folder: Path) -> str:
    (export,) = (each for each in EXPORTS.glob(f"{name}.*") if "expected" not in each.name)
    common = dict(CONFIGS[name])
    mapping = {"preset": name, **common.pop("csv", {})}
    tables = Tables(folder)
    done, problems = tables.run(
        mapping, export.read_bytes(), period="2026-01" if "chatgpt" in name else "2025-01", **common
    )
    assert done is not None, problems
    assert {each.code for each in problems} <= {"owner-unknown"}
    return tables.output.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_an_export_becomes_the_expected_charges(name: str, tmp_path: Path) -> None:
    expected = EXPORTS / f"{name}.expected.csv"
    text = converted(name, tmp_path)
    if os.environ.get("UPDATE_EXPECTED"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def rows(name: str, folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(converted(name, folder))))


def test_cached_tokens_of_openai_are_part_of_the_input(tmp_path: Path) -> None:
    """Of 1000 input tokens 800 are cached: 200 are left at the price of input."""
    found = rows("openai-usage", tmp_path)
    amounts = {row["SkuId"]: row["x_UsageAmount"] for row in found if row["ChargePeriodStart"].startswith("2025-01-07")}
    assert amounts["ai.standard.input.gpt-4o-mini-2024-07-18"] == "200"
    assert amounts["ai.standard.cached.gpt-4o-mini-2024-07-18"] == "800"
    assert amounts["ai.batch.input.gpt-4o-2024-08-06"] == "141201"


def test_amounts_of_anthropic_are_in_cents(tmp_path: Path) -> None:
    costs = [Decimal(row["BilledCost"]) for row in rows("anthropic-costs", tmp_path)]
    assert costs == [Decimal("1.2345"), Decimal("0.4")]


def test_the_spend_of_litellm_is_conserved_to_the_last_digit(tmp_path: Path) -> None:
    found = rows("litellm-spend", tmp_path)
    assert sum(Decimal(row["BilledCost"]) for row in found) == Decimal("5.64902E-05") + Decimal("0.0123")
    assert {row["x_user"] for row in found} == {"ada"}


def test_every_preset_names_its_document() -> None:
    for name in NAMES:
        assert len(preset_help(name)) > 200, name


@pytest.mark.parametrize("name", NAMES)
def test_the_charges_are_valid_without_a_warning(name: str, tmp_path: Path) -> None:
    """As `validate --full` finds, down to notices."""
    converted(name, tmp_path)
    path = tmp_path / "charges.csv"
    file = ChargeFile("charges.csv", path, "2026-01" if "chatgpt" in name else "2025-01", name, path.stat().st_size)
    with database() as con:
        assert check(con, [file], Config(Organization("A")), full=True) == []
