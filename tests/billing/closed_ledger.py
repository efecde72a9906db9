"""A small ledger whose months are closed: rows, settings, and what commands see of it."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from small_ledger import items_with, target

from openchargeback.ledger.periods import Event
from openchargeback.model import BilledPeriod
from openchargeback.problems import Problem
from openchargeback.publish import closing
from openchargeback.publish.books import examine, open_books

PERIOD = "2025-01"
ON = Event(dt.date(2025, 2, 5), "admin@x.edu")
HEAD = "BillingPeriodStart,BilledCost,ListCost,BillingCurrency,ServiceName,ResourceId,Tags\n"


def row(cost: str, pi: str = "a@x.edu", project: str = "p", fund: str = "F-1", **cells: str) -> str:
    """A charge; a fund that is empty leaves the tag out, so that it is held."""
    names = {"pi_email": pi, "project_id": project, "fund_org": fund}
    tags = json.dumps({name: value for name, value in names.items() if value})
    values = [
        cells.get("month", PERIOD) + "-01",
        *(cost, cells.get("list", "10"), cells.get("currency", "USD")),
        *(cells.get("service", ' Compute, \r"x"'), cells.get("resource", "r1"), tags),
    ]
    return ",".join('"' + value.replace('"', '""') + '"' for value in values) + "\n"


CONFIG = """organization: {name: X University, logo: logo.svg}
sources: {aws: {credit_fund: C-1, label: Amazon, note: cheap}}
journal: {description: "{{ source_label }} {{ project }}"}
"""
PEOPLE = "people: [{email: a@x.edu, name: Ada, aliases: [aa@x.edu]}, {email: b@x.edu}, {email: c@x.edu}]\n"
PROJECTS = "projects: [{id: p, title: Proteins, pi: a@x.edu}, {id: q, title: Quarks, pi: b@x.edu, fund: G-1}]\n"
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>'


def close(root: Path, period: str = PERIOD) -> list[str]:
    """Close a period as the command does."""
    return closing.close(open_books(root), period, ON)


def month(root: Path, period: str = PERIOD) -> BilledPeriod:
    """A month as commands and pages see it, in a ledger without errors."""
    books = open_books(root)
    found = books.period(period)
    assert found is not None
    return found


def on_item(root: Path, flag: str, period: str = PERIOD) -> dict[str, object]:
    """A decision, but for its verb, on the one queue item that a flag holds: keys, expectation, all flags cleared."""
    (item,) = items_with(month(root, period), flag)
    return {**target(item), "clears": list(item.uncleared)}


def problems(root: Path) -> list[Problem]:
    """What is wrong with the ledger; that its rows lack columns of FOCUS is no matter here."""
    return [problem for problem in examine(root)[2] if problem.code != "missing-label"]
