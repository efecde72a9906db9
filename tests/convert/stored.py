"""Listings of storage and of virtual machines, and configs, to convert in a folder."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

from openchargeback.convert.config import read_config
from openchargeback.convert.conversion import Conversion, Request, convert
from openchargeback.convert.kinds import kind_of
from openchargeback.ledger.yaml_text import document
from openchargeback.problems import Problem, Severity

TB = 10**12
JANUARY = [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(31)]
SECONDS = 31 * 86_400

COMMON: dict[str, Any] = {
    "service": "Northfield Storage",
    "provider": "Northfield Research Computing",
    "billing_account": "northfield-storage",
    "currency": "USD",
    "timezone": "America/New_York",
    "sku": "storage",
    "rows": "month",
}
STORAGE: dict[str, Any] = {
    **COMMON,
    "rates": [{"id": "std", "resource": "capacity", "unit": "TB-Months", "price": "8.50"}],
    "storage": {"metric": "logical", "bills": "used", "unit": "TB", "basis": "mean", "tier": "projects"},
}


class Converted:
    """A folder with a config of a kind, and exports by name."""

    def __init__(self, folder: Path, kind: str, config: dict[str, Any]) -> None:
        self.folder, self.kind = folder, kind
        self.output = folder / "charges.csv"
        self.config: dict[str, Any] = {**config, kind: dict(config[kind])}

    def set(self, **keys: Any) -> Converted:
        """Change keys of the config; those of the kind's section one by one, None for none."""
        self.config[self.kind] |= keys.pop(self.kind, {})
        self.config |= keys
        self.config[self.kind] = {k: v for k, v in self.config[self.kind].items() if v is not None}
        return self

    def run(
        self, files: dict[str, Any], period: str = "2025-01", **more: Any
    ) -> tuple[Conversion | None, list[Problem]]:
        """Convert files, given as text, bytes or JSON, by name; problems name them without folders."""
        path = self.folder / "config.yaml"
        path.write_text(document(self.config, ""), encoding="utf-8")
        inputs = []
        for name, content in files.items():
            text = content if isinstance(content, str | bytes) else json.dumps(content)
            (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
            inputs.append(self.folder / name)
        self.output.unlink(missing_ok=True)
        config, problems = read_config(kind_of(self.kind), path)
        if config is None or problems:
            return None, problems
        done, problems = convert(Request(kind_of(self.kind), inputs, config, period, **more), self.output)
        named = [
            Problem(Path(p.path).name, p.code, p.message, p.fix, p.line, count=p.count, severity=p.severity)
            for p in problems
        ]
        return done, [each for each in named if each.code not in ("owner-unknown", "rate-unused")]

    def rows(self, files: dict[str, Any], period: str = "2025-01", **more: Any) -> list[dict[str, str]]:
        """The charges of files that convert without an error."""
        done, problems = self.run(files, period, **more)
        assert done is not None, problems
        with self.output.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def codes(self, files: dict[str, Any], period: str = "2025-01", **more: Any) -> frozenset[str]:
        """The codes of the errors of files that do not convert; nothing is written."""
        done, problems = self.run(files, period, **more)
        assert done is None
        assert not self.output.exists()
        return frozenset(each.code for each in problems if each.severity is Severity.ERROR)


def daily(
    content: Any, stem: str = "quotas", suffix: str = "json", days: list[dt.date] | None = None
) -> dict[str, Any]:
    """The same listing on every day of January."""
    return {f"{stem}-{day.isoformat()}.{suffix}": content for day in (JANUARY if days is None else days)}


def amounts(rows: list[dict[str, str]], key: str = "SubAccountId") -> dict[str, int]:
    """Unit-seconds by account."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row[key]] += int(row["x_UsageSeconds"])
    return dict(sums)
