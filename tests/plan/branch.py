"""A small ledger in a real Git repository, with a branch to plan."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path

import program
from openchargeback.publish.plan import make_plan

PERIOD = "2025-01"
COLUMNS = (
    "BillingPeriodStart", "ChargeCategory", "BilledCost", "ListCost", "EffectiveCost", "ConsumedQuantity",
    "ServiceName", "ResourceId", "SubAccountId", "Tags",
)  # fmt: skip
CONFIG = "organization: A\nsources: {hpc: {credit_fund: RC-1}}\nreview: {unusual_amount: off}\n"


def charge(resource, cost, *, pi="ada@example.edu", project="p1", fund="F-1", quantity="", service="Compute", **cells):
    """A charge; a value of None leaves its tag out."""
    tags = {"pi_email": pi, "project_id": project, "fund_org": fund}
    return {
        "BillingPeriodStart": f"{PERIOD}-01",
        "ChargeCategory": "Usage",
        "BilledCost": str(cost),
        "ListCost": str(cost),
        "EffectiveCost": str(cost),
        "ConsumedQuantity": str(quantity),
        "ServiceName": service,
        "ResourceId": resource,
        "SubAccountId": "",
        "Tags": json.dumps({key: value for key, value in tags.items() if value is not None}),
        **cells,
    }


def csv_text(rows):
    """CSV of charges, with what further columns they have."""
    out = io.StringIO()
    names = [*COLUMNS, *dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class Ledger:
    """A ledger folder in a repository of its own; `git` runs Git in it."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        settings = ("-c", "user.name=A", "-c", "user.email=a@example.edu", "-c", "protocol.file.allow=always")
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", "-C", self.root, *settings, *arguments],
            check=True, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout.strip()

    def write(self, path, content):
        """Write a file: text, bytes, or rows of charges."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        data = csv_text(content) if isinstance(content, list) else content
        place.write_bytes(data if isinstance(data, bytes) else data.encode())

    def charges(self, rows, source="hpc", period=PERIOD):
        """Write the charges of a source."""
        self.write(f"charges/{period}/{source}.csv", rows)

    def commit(self, message="x"):
        """Commit everything; gives the id."""
        self.git("add", "-A")
        self.git("commit", "-qm", message, "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def program(self, *arguments):
        """Run the program on the ledger."""
        program.run(*arguments, "--ledger", self.root, code=0)

    def plan(self, *arguments):
        """The plan of the work tree, or of what is named."""
        return make_plan(self.root, *arguments)


def started(root: Path, rows, **files):
    """A ledger with committed charges (and files, by path with `__` for `/`), on the branch `change`."""
    ledger = Ledger(root)
    ledger.write("config.yaml", CONFIG)
    if rows:
        ledger.charges(rows)
    for path, content in files.items():
        ledger.write(path.replace("__", "/") + ".yaml", content)
    ledger.commit()
    ledger.git("switch", "-qc", "change")
    return ledger


def only(plan):
    """The one period that changes."""
    (period,) = plan.periods
    return period


def causes(period):
    """Cause → cents, as text."""
    return {str(cause): str(amount) for cause, amount in period.causes.items()}


def ties_out(plan):
    """Everything that must hold of every plan."""
    for period in plan.periods:
        assert sum(period.causes.values(), Decimal(0)) == period.difference
        shown = period.new_shown - period.old_shown
        for posted, difference in ((True, period.difference), (False, shown)):
            lines = [line.difference for line in period.lines if line.key.posted == posted]
            assert sum(lines, Decimal(0)) == difference
            projects = [each.difference for each in period.projects if each.posted == posted]
            assert sum(projects, Decimal(0)) == difference
        for part in (*period.lines,):
            assert sum(part.parts.values(), Decimal(0)) == part.difference
        for each in period.projects:
            assert sum(each.causes.values(), Decimal(0)) == each.difference
        for control in period.control:
            for total in (control.old, control.new):
                assert total.exact_imported == total.exact_billed + total.exact_held + total.exact_rejected
    return plan
