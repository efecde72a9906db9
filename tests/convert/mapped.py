"""Tables, mappings, and conversions of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from openchargeback.convert.config import read_config
from openchargeback.convert.conversion import Conversion, Request, convert
from openchargeback.convert.kinds import kind_of
from openchargeback.ledger.yaml_text import document
from openchargeback.problems import Problem

COMMON: dict[str, Any] = {
    "service": "Northfield AI",
    "provider": "Northfield Research Computing",
    "billing_account": "northfield-ai",
    "currency": "USD",
    "timezone": "UTC",
    "sku": "ai",
    "rows": "job",
    "owners": [{"account": "astro", "project": "sky-survey", "pi": "zoe@example.edu", "fund": "AST-1"}],
}
HOURS: dict[str, Any] = {
    "day": "Date",
    "account": "Lab",
    "meters": [{"name": "hours", "quantity": "Hours", "unit": "Hours"}],
}
RATE = {"id": "hours", "resource": "hours", "unit": "Hours", "price": "2.00"}


class Tables:
    """A folder with a config and tables to convert."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "charges.csv"

    def run(
        self,
        mapping: dict[str, Any],
        *tables: str | bytes,
        period: str = "2025-01",
        allow_empty: bool = False,
        **common: Any,
    ) -> tuple[Conversion | None, list[Problem]]:
        """Convert tables; the problems name them 1.csv, 2.csv, … and config.yaml."""
        path = self.folder / "config.yaml"
        keys = {name: value for name, value in {**COMMON, **common}.items() if value != ""}
        path.write_text(document({**keys, "csv": mapping}, ""), encoding="utf-8")
        inputs = [self.folder / f"{number}.csv" for number in range(1, len(tables) + 1)]
        for file, text in zip(inputs, tables, strict=True):
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.output.unlink(missing_ok=True)
        config, problems = read_config(kind_of("csv"), path)
        if config is None or any(each.severity == "error" for each in problems):
            return None, self._named(problems)
        done, problems = convert(Request(kind_of("csv"), inputs, config, period, allow_empty), self.output)
        return done, self._named(problems)

    def rows(
        self, mapping: dict[str, Any], *tables: str | bytes, period: str = "2025-01", **common: Any
    ) -> list[dict[str, str]]:
        """The charges of tables that convert without an error."""
        done, problems = self.run(mapping, *tables, period=period, **common)
        assert done is not None, problems
        with self.output.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def faults(self, mapping: dict[str, Any], *tables: str | bytes, **common: Any) -> list[tuple[str, int]]:
        """The codes and lines of errors, and that there is no output."""
        done, problems = self.run(mapping, *tables, **common)
        assert done is None
        assert not self.output.exists()
        return [(each.code, each.line) for each in problems if each.severity == "error"]

    def _named(self, problems: list[Problem]) -> list[Problem]:
        return [
            Problem(Path(p.path).name, p.code, p.message, p.fix, p.line, severity=p.severity, count=p.count)
            for p in problems
        ]
