"""The open data of small months is made side by side, and comes in the order of the months."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from openchargeback.publish import open_data


@dataclass
class Charges:
    """Stands in for `MonthCharges`: the last months are made first. most: how many were being made at once."""

    running: int = 0
    most: int = 0

    def open_data(self, period: SimpleNamespace) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        threading.Event().wait(0.2 / (1 + period.number))
        self.running -= 1
        return f"data of {period.period}"


def made(sizes: list[int], charges: Charges) -> list[tuple[str, str]]:
    """What is made of months with charge files of these sizes."""
    periods = tuple(SimpleNamespace(period=f"2025-{number + 1:02}", number=number) for number in range(len(sizes)))
    files = {
        period.period: [SimpleNamespace(text_size=size, location=Path())]
        for period, size in zip(periods, sizes, strict=True)
    }
    found = open_data._made_ahead(SimpleNamespace(charge_files=files), periods, charges)  # type: ignore[arg-type]
    return [(period.period, str(data)) for period, data in found]


@pytest.mark.parametrize(("size", "least", "most"), [(1, 2, 3), (open_data._SMALL + 1, 1, 1)])
def test_months_come_in_order_and_large_ones_are_made_alone(monkeypatch, size, least, most):
    monkeypatch.setattr(open_data.os, "cpu_count", lambda: 3)
    charges = Charges()
    names = [f"2025-{number + 1:02}" for number in range(6)]
    assert made([size] * 6, charges) == [(name, f"data of {name}") for name in names]
    assert least <= charges.most <= most


def test_a_large_month_between_small_ones_is_made_alone(monkeypatch):
    monkeypatch.setattr(open_data.os, "cpu_count", lambda: 3)
    charges = Charges()
    large = open_data._SMALL + 1
    assert len(made([large, 1, large], charges)) == 3
    assert charges.most == 1


def test_what_fails_is_raised(monkeypatch):
    charges = Charges()
    monkeypatch.setattr(charges, "open_data", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        made([1, 1], charges)
