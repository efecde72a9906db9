"""Ledgers with a review queue, their review page in a folder, and what a decision makes of them."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "billing"))

from closed_ledger import close

from openchargeback.billing.browsed_charges import packed_resources
from openchargeback.model import QueueItem
from openchargeback.portal import paths
from openchargeback.portal.charge_scripts import resources_script
from openchargeback.portal.site import Site, site_jobs
from openchargeback.publish.books import AllBooks, open_books
from openchargeback.publish.build import make_site, provenance_of
from openchargeback.templating.environment import make_environment

CONFIG = {
    "organization": "Example University",
    "currency": "USD",
    "sources": {"hpc": {"label": "Cluster", "credit_fund": "C-1"}},
    "review": {"patterns": {"big": {"match": {"ServiceName": "GPU"}}}, "fund_patterns": "[A-Z]+-[0-9]+"},
    "portal": {"repository": "https://github.com/example/ledger", "forge": "github"},
}
PEOPLE = [
    {"email": "ada@example.edu", "name": "Ada Okafor", "aliases": ["okafor@example.edu"]},
    {"email": "ben@example.edu", "name": "Ben Ruiz"},
]
PROJECTS = [
    {"id": "genomics", "title": "Maize genomes", "pi": "ada@example.edu", "fund": "BIO-1", "end": "2025-01-20"},
    {"id": "proteins", "pi": "ada@example.edu"},
    {"id": "later", "entries": [{"pi": "ben@example.edu", "fund": "PHY-3", "from": "2025-01-15"}]},
    {
        "id": "optics",
        "title": "Optics",
        "entries": [
            {"pi": "ada@example.edu", "fund": "BIO-1", "until": "2025-01-10"},
            {"pi": "ben@example.edu", "fund": "PHY-2", "from": "2025-01-11"},
        ],
    },
]
COLUMNS = (
    *("BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd", "ListCost", "BilledCost", "BillingCurrency"),
    *("ServiceName", "SubAccountId", "ResourceId", "ResourceName", "ConsumedQuantity", "ConsumedUnit", "Tags"),
)


def charge(
    cost: str,
    tags: dict[str, str] | str,
    *,
    month: str = "2025-01",
    days: tuple[int, int] = (5, 6),
    service: str = "Compute",
    currency: str = "USD",
    account: str = "",
    resource: str = "r-1",
) -> dict[str, str]:
    """A row by column."""
    text = tags if isinstance(tags, str) else json.dumps(tags)
    first, last = (f"{month}-{day:02}T00:00:00Z" for day in days)
    values = (
        f"{month}-01T00:00:00Z",
        first,
        last,
        cost,
        cost,
        currency,
        service,
        account,
        resource,
        "",
        "2.5",
        "Hours",
    )
    return dict(zip(COLUMNS, (*values, text), strict=True))


def tags(pi: str = "ada@example.edu", project: str = "genomics", fund: str = "BIO-1") -> dict[str, str]:
    """Tags; empty values leave their key out."""
    values = {"pi_email": pi, "project_id": project, "fund_org": fund}
    return {key: value for key, value in values.items() if value}


EVERY_KIND = (
    charge("412.005", tags(project="", pi="", fund=""), account="acct-1"),
    charge("88.5", tags(project="proteins", fund="")),
    charge("61.25", tags(project="proteins", fund="")),
    charge("250", tags(fund="bio 1"), service="Storage"),
    charge("77.125", tags(), service="GPU"),
    charge("9.99", tags(pi="Dr. Ada")),
    charge("12", tags(pi="zoe@example.edu")),
    charge("13.13", tags(pi="ben@example.edu")),
    charge("14", tags(project="Genomics")),
    charge("15", tags(), days=(25, 26)),
    charge("16", tags(project="optics", pi="", fund=""), days=(8, 14)),
    charge("17", '{"pi_email": "ada@example.edu", "PI_Email": "ben@example.edu"}'),
    charge("18", '{broken "'),
    charge("-3", tags()),
    charge("7", tags(), currency="EUR"),
    charge("41", tags(fund="CHE-9"), service=""),
    charge("1000", tags()),
)
"""Rows that raise every kind of flag that needs no history; the last one is billed."""


def make(root: Path, months: dict[str, Sequence[dict[str, str]]], **config: object) -> Path:
    """Write a ledger. config: settings beside those of CONFIG."""
    files = {
        "config.yaml": json.dumps({**CONFIG, **config}),
        "directory/people.yaml": json.dumps({"people": PEOPLE}),
        "directory/projects.yaml": json.dumps({"projects": PROJECTS}),
    }
    for month, rows in months.items():
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        files[f"charges/{month}/hpc.csv"] = out.getvalue()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def site_of(root: Path) -> Site:
    """What the pages of a ledger show."""
    return make_site(open_books(root), provenance_of(root), {})


def page(root: Path, folder: Path) -> str:
    """The address of the review page of a ledger, made in a folder."""
    site = site_of(root)
    files = {
        job.path: job.render()
        for job in site_jobs(site, make_environment())
        if job.path.startswith(("review/", "assets/"))
    }
    # The search box asks for these once it has the focus.
    files |= {paths.resources_script(each.period): resources_script(packed_resources(())) for each in site.periods}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return (folder / "review/index.html").as_uri()


def held(books: AllBooks) -> list[QueueItem]:
    """What is in the queue."""
    return [item for period in books.periods for item in period.undecided]


__all__ = ["EVERY_KIND", "charge", "close", "held", "make", "page", "site_of", "tags"]
