"""Costs, tables of use and configs, a few rows long, and a conversion of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openchargeback.convert.config import read_config
from openchargeback.convert.conversion import Conversion, Request, convert
from openchargeback.convert.kinds import kind_of
from openchargeback.ledger.yaml_text import document
from openchargeback.problems import Problem

ROW: dict[str, str] = {
    "BilledCost": "100",
    "BillingAccountId": "acct",
    "BillingAccountName": "Account",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2025-02-01T00:00:00Z",
    "BillingPeriodStart": "2025-01-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeDescription": "Virtual machine",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2025-02-01T00:00:00Z",
    "ChargePeriodStart": "2025-01-01T00:00:00Z",
    "ConsumedQuantity": "744",
    "ConsumedUnit": "Hours",
    "ContractedCost": "100",
    "ContractedUnitPrice": "",
    "EffectiveCost": "100",
    "InvoiceIssuerName": "AWS",
    "ListCost": "120",
    "ListUnitPrice": "",
    "PricingCategory": "Standard",
    "PricingQuantity": "744",
    "PricingUnit": "Hours",
    "ProviderName": "AWS",
    "PublisherName": "AWS",
    "RegionId": "us-east-1",
    "RegionName": "US East",
    "ResourceId": "i-node1",
    "ResourceName": "node1",
    "ResourceType": "Instance",
    "ServiceCategory": "Compute",
    "ServiceName": "Amazon Elastic Compute Cloud",
    "ServiceSubcategory": "Virtual Machines",
    "SkuId": "SKU1",
    "SkuMeter": "Instance time",
    "SkuPriceDetails": "",
    "SkuPriceId": "SKU1.P1",
    "SubAccountId": "sub",
    "SubAccountName": "Sub",
    "SubAccountType": "Account",
    "Tags": '{"pi_email": "ops@example.edu", "project_id": "rc-ops", "fund_org": "OPS-1", "cluster": "k8s"}',
    "x_Operation": "RunInstances",
}
"""A node of a cluster, as a row of FOCUS 1.2."""

OPENCOST = (
    *("Date", "Namespace", "ControllerKind", "ControllerName", "Pod", "Container", "CPUCoreUsageAverage", "GPUs"),
    *("CPUCost", "RAMCost", "NetworkCost", "PVCost", "GPUCost", "TotalCost"),
)

OWNERS = [
    {"account": "astro", "project": "sky-survey", "pi": "zoe@example.edu", "fund": "AST-1"},
    {"account": "bio", "project": "genomics", "pi": "ada@example.edu", "fund": "BIO-1"},
]

POOL: dict[str, Any] = {
    "id": "k8s",
    "match": {"ResourceId": "i-node.*"},
    "usage": "opencost*.csv",
    "format": "opencost",
    "weights": [{"column": "CPUCost", "share": "50"}, {"column": "RAMCost", "share": "50"}],
}


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def costs(*rows: Mapping[str, str]) -> str:
    """A charge file with rows like ROW, with other cells by column name."""
    return table([{**ROW, **row} for row in rows or ({},)])


def pod(
    namespace: str, cpu: object = 0, ram: object = 0, day: str = "2025-01-05", **cells: object
) -> dict[str, object]:
    """A row of OpenCost's table."""
    row: dict[str, object] = dict.fromkeys(OPENCOST, "0")
    row |= {"Date": day, "Namespace": namespace, "ControllerKind": "deployment", "ControllerName": "web"}
    return row | {"Pod": f"{namespace}-1", "Container": "main", "CPUCost": cpu, "RAMCost": ram} | cells


USE = table([pod("astro", "3", "1"), pod("bio", "1", "1"), pod("__idle__", "4", "2")])
"""astro 3/8 of the CPU and 1/4 of the memory, bio 1/8 and 1/4, half of both idle."""


class Case:
    """A folder with a config, costs and tables of use, to convert."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "charges.csv"
        self.config: dict[str, Any] = {"currency": "USD", "owners": OWNERS, "shared": {"pools": [POOL]}}

    def pool(self, **keys: Any) -> Case:
        """Change keys of the pool."""
        self.config["shared"] = {**self.config["shared"], "pools": [{**POOL, **keys}]}
        return self

    def pools(self, *pools: Mapping[str, Any]) -> Case:
        """Other pools, each as POOL but for its keys."""
        self.config["shared"] = {**self.config["shared"], "pools": [{**POOL, **keys} for keys in pools]}
        return self

    def set(self, **keys: Any) -> Case:
        """Change keys of the config; those of `shared` one by one."""
        self.config["shared"] = {**self.config["shared"], **keys.pop("shared", {})}
        self.config |= keys
        return self

    def run(
        self, *, period: str = "2025-01", names: Mapping[str, str | bytes], **more: Any
    ) -> tuple[Conversion | None, list[Problem]]:
        """Convert files, given by name."""
        path = self.folder / "config.yaml"
        path.write_text(document(self.config, ""), encoding="utf-8")
        inputs = [self.folder / name for name in names]
        for file, text in zip(inputs, names.values(), strict=True):
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        config, problems = read_config(kind_of("shared"), path)
        if config is None or problems:
            return None, self._named(problems)
        done, problems = convert(Request(kind_of("shared"), inputs, config, period, **more), self.output)
        return done, self._named(problems)

    def split(self, cost: str | None = None, use: str = USE, **more: Any) -> list[dict[str, str]]:
        """The charges of costs and use that convert without an error."""
        done, problems = self.run(names={"aws.csv": costs() if cost is None else cost, "opencost.csv": use}, **more)
        assert done is not None, problems
        with self.output.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def faults(self, cost: str | None = None, use: str = USE, **more: Any) -> list[Problem]:
        """The problems of costs and use that do not convert."""
        done, problems = self.run(names={"aws.csv": costs() if cost is None else cost, "opencost.csv": use}, **more)
        assert done is None
        assert not self.output.exists()
        return problems

    def faults_of_output(self) -> list[Problem]:
        """The problems of converting the output again."""
        text = self.output.read_text(encoding="utf-8")
        self.output.unlink()
        return self.faults(text)

    def _named(self, problems: list[Problem]) -> list[Problem]:
        return [
            Problem(Path(p.path).name, p.code, p.message, p.fix, p.line, severity=p.severity, count=p.count)
            for p in problems
        ]
