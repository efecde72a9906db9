"""Exports of sacct and configs, a few records long, and a conversion of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from openchargeback.convert.config import read_config
from openchargeback.convert.conversion import Conversion, Request, convert
from openchargeback.convert.kinds import kind_of
from openchargeback.ledger.yaml_text import document
from openchargeback.problems import Problem

HEADER = "JobID|JobIDRaw|Cluster|User|Account|Partition|QOS|State|Submit|Start|End|ElapsedRaw|Suspended|AllocTRES"
ONE = (
    "101|101|north|ada|astro|cpu|normal|COMPLETED|2025-01-02T08:00:00|2025-01-02T08:00:05|2025-01-02T09:00:05|3600"
    "|00:00:00|cpu=8,mem=16G,node=1,billing=8"
)

CONFIG: dict[str, Any] = {
    "service": "Northfield HPC",
    "provider": "Northfield Research Computing",
    "billing_account": "northfield-hpc",
    "currency": "USD",
    "timezone": "UTC",
    "rows": "job",
    "owners": [{"account": "astro", "project": "sky-survey", "pi": "zoe@example.edu", "fund": "AST-1"}],
    "rates": [
        {"id": "cpu", "resource": "cpu", "unit": "Core-Hours", "list": "0.02", "subsidy": "40"},
        {"id": "memory", "resource": "memory", "unit": "GiB-Hours", "price": "0.002"},
        {"id": "gpu", "resource": "gpu", "unit": "GPU-Hours", "price": "0.95"},
    ],
    "slurm": {"meters": ["cpu", "memory", "gpu"]},
}


def record(**cells: object) -> str:
    """A line like ONE, with other cells by column name."""
    names = HEADER.split("|")
    values = dict(zip(names, ONE.split("|"), strict=True)) | {name: str(value) for name, value in cells.items()}
    return "|".join(values[name] for name in names)


def export(*lines: str) -> str:
    """A whole export."""
    return "".join(f"{line}\n" for line in (HEADER, *lines))


class Case:
    """A folder with a config and exports, to convert. expected: codes that are not returned."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "charges.csv"
        self.expected = {"rate-unused"}
        self.config: dict[str, Any] = {**CONFIG, "slurm": dict(CONFIG["slurm"])}

    def set(self, **keys: Any) -> Case:
        """Change keys of the config; those of `slurm` one by one."""
        self.config["slurm"] |= keys.pop("slurm", {})
        self.config |= keys
        return self

    def run(self, *texts: str | bytes, period: str = "2025-01", **more: Any) -> tuple[Conversion | None, list[Problem]]:
        """Convert exports, given as text; the problems name them 1.txt, 2.txt, … and config.yaml."""
        path = self.folder / "config.yaml"
        path.write_text(document(self.config, ""), encoding="utf-8")
        inputs = [self.folder / f"{number}.txt" for number in range(1, len(texts) + 1)]
        for file, text in zip(inputs, texts, strict=True):
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        config, problems = read_config(kind_of("slurm"), path)
        if config is None or problems:
            return None, self._named(problems)
        done, problems = convert(Request(kind_of("slurm"), inputs, config, period, **more), self.output)
        return done, [each for each in self._named(problems) if each.code not in self.expected]

    def rows(self, *texts: str | bytes, period: str = "2025-01", **more: Any) -> list[dict[str, str]]:
        """The charges of exports that convert without an error."""
        done, problems = self.run(*texts, period=period, **more)
        assert done is not None, problems
        with self.output.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def _named(self, problems: list[Problem]) -> list[Problem]:
        return [Problem(Path(p.path).name, p.code, p.message, p.fix, p.line, count=p.count) for p in problems]
