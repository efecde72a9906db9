"""Sources with tag keys of their own, lists of tag keys, and one credit fund for all sources."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from closed_ledger import HEAD, close, month
from small_ledger import bill, charge, csv_text, flags

from openchargeback.billing.charges_data import write_charges
from openchargeback.billing.periods import bill_period
from openchargeback.focus.database import database
from openchargeback.focus.reading import load
from openchargeback.ledger.config import read_config
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.settings import Config
from openchargeback.model import Reference
from openchargeback.plan.settings import changed_settings
from openchargeback.publish.books import open_books
from openchargeback.record.recorded_ledger import RecordedLedger

CONFIG = """organization: A
tags: {fund: [fund_org, cost_center], references: {grant: grant_number}}
sources:
  aws: {tags: {pi: Owner, project: [Project, app]}}
  gcp: {tags: {pi: [owner, contact], project: project, fund: billing-code, references: {grant: award, ticket: jira}}}
journal: {credit_fund: RC-1}
"""
FILES = {
    "aws.csv": [{"Owner": "ada@x.edu", "app": "a", "cost_center": "F-1", "grant_number": "G-1"}],
    "gcp.csv": [{"contact": "bob@x.edu", "owner": " ", "project": "b", "billing-code": "F-2", "award": "G-2"}],
    "hpc.csv": [{"pi_email": "eve@x.edu", "project_id": "c", "fund_org": "F-3", "Owner": "x@x.edu"}],
}


def files(more: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {name: csv_text([charge("1", text=json.dumps(tags)) for tags in rows]) for name, rows in more.items()}


def config(text: str) -> Config:
    found, problems = read_config(text.encode())
    assert problems == []
    assert found is not None
    return found


def test_each_source_is_read_by_its_own_tag_keys(tmp_path: Path) -> None:
    period, problems = bill(tmp_path, files(FILES), config=CONFIG)
    assert problems == []
    assert flags(period) == {}
    assert [(line.source, line.pi, line.project, line.fund) for line in period.lines] == [
        ("aws", "ada@x.edu", "a", "F-1"),
        ("gcp", "bob@x.edu", "b", "F-2"),
        ("hpc", "eve@x.edu", "c", "F-3"),
    ]
    assert [each.references for each in period.statements] == [
        (Reference("grant", ("G-1",), 1),),
        (Reference("grant", ("G-2",), 1),),
        (),
    ]


def test_equal_texts_say_something_else_in_another_source(tmp_path: Path) -> None:
    both = {"Owner": "ada@x.edu", "Project": "p", "pi_email": "eve@x.edu", "project_id": "q", "fund_org": "F"}
    period, _ = bill(tmp_path, files({"aws.csv": [both], "hpc.csv": [both, both | {"fund_org": "G"}]}), config=CONFIG)
    assert {(line.source, line.pi, line.project) for line in period.lines} == {
        ("aws", "ada@x.edu", "p"),
        ("hpc", "eve@x.edu", "q"),
    }


def test_spelling_is_told_by_the_keys_of_the_source(tmp_path: Path) -> None:
    spelled = {"owner": "ada@x.edu", "Project": "p", "fund_org": "F"}
    _, problems = bill(
        tmp_path, files({"aws.csv": [spelled], "hpc.csv": FILES["hpc.csv"]}), config=CONFIG, warnings=True
    )
    told = [(each.path, each.count) for each in problems if each.code == "tags-key-spelling"]
    assert told == [("charges/2025-01/aws.csv", 1)]


def test_many_sources_with_keys_of_their_own_read_the_tags_once(tmp_path: Path) -> None:
    """One statement reads the tags of all sources, however many keys they have."""
    names = [f"s{number}" for number in range(30)]
    settings = "organization: A\nsources:\n" + "".join(f"  {each}: {{tags: {{pi: pi-{each}}}}}\n" for each in names)
    texts = {f"{each}.csv": [{f"pi-{each}": f"{each}@x.edu"}, {"pi_email": "no@x.edu"}] for each in names}
    for name, text in {"config.yaml": settings, **{f"charges/2025-01/{n}": t for n, t in files(texts).items()}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    ledger, _ = read_ledger(tmp_path)
    assert ledger is not None
    with database() as con:
        load(con, ledger.charge_files["2025-01"], ledger.config)
        assert con.execute("SELECT count(*), count(pi), count(DISTINCT pi) FROM tag").fetchone() == (60, 30, 30)
        assert con.execute("SELECT count(*) FROM charge JOIN tag ON tag.id = charge.tag").fetchone() == (60,)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tags: {pi: []}", 2),
        ("tags: {pi: [a, ' ']}", 2),
        ("tags: {pi: {a: b}}", 2),
        ("sources:\n  aws: {tags: {fund: ''}}", 3),
    ],
)
def test_tag_keys_that_cannot_be(text: str, line: int) -> None:
    _, problems = read_config(f"organization: A\n{text}\n".encode())
    assert [problem.line for problem in problems] == [line]


def test_a_closed_month_keeps_the_tag_keys_and_the_credit_fund(tmp_path: Path) -> None:
    settings = (
        "organization: A\ntags: {pi: [owner, pi_email]}\njournal: {credit_fund: RC-1}\n"
        "sources: {aws: {tags: {pi: pi_email, references: {grant: [g, h]}}}}\n"
    )
    tags = json.dumps({"pi_email": "a@x.edu", "owner": "b@x.edu", "project_id": "p", "fund_org": "F", "h": "G"})
    cell = '"' + tags.replace('"', '""') + '"'
    (tmp_path / "charges/2025-01").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text(settings, encoding="utf-8")
    (tmp_path / "charges/2025-01/aws.csv").write_text(f"{HEAD}2025-01-01,5,5,USD,S,r,{cell}\n", encoding="utf-8")
    close(tmp_path)
    (tmp_path / "config.yaml").write_text("organization: A\njournal: {credit_fund: RC-2}\n", encoding="utf-8")
    recorded, before = open_books(tmp_path).ledger.settings("2025-01"), config(settings)
    assert (recorded.tags, recorded.sources) == (before.tags, before.sources)
    period = month(tmp_path)
    assert [line.pi for line in period.lines] == ["a@x.edu"]
    assert [each.references for each in period.statements] == [(Reference("grant", ("G",), 1),)]
    assert [line.fund for line in period.journal.lines] == ["F", "RC-1"]


def test_a_sources_own_credit_fund_wins(tmp_path: Path) -> None:
    settings = "organization: A\njournal: {credit_fund: RC-1}\nsources: {aws: {credit_fund: CLOUD-1}}\n"
    (full,) = FILES["hpc.csv"]
    period, _ = bill(tmp_path, files({"aws.csv": [full], "hpc.csv": [full | {"project_id": "d"}]}), config=settings)
    assert {(line.source, line.fund) for line in period.journal.lines if not line.payer} == {
        ("aws", "CLOUD-1"),
        ("hpc", "RC-1"),
    }


def test_the_plan_names_the_changed_tag_keys() -> None:
    old, new = config("organization: A\n"), config(CONFIG)
    nobody = Directory()
    assert {each.key: each.new for each in changed_settings((old, nobody), (new, nobody))} == {
        "sources.aws.tags.pi": "Owner",
        "sources.aws.tags.project": "Project, app",
        "sources.gcp.tags.fund": "billing-code",
        "sources.gcp.tags.pi": "owner, contact",
        "sources.gcp.tags.project": "project",
        "tags.fund": "fund_org, cost_center",
    }


def test_open_data_has_the_references_of_every_source(tmp_path: Path) -> None:
    texts = {"config.yaml": CONFIG, **{f"charges/2025-01/{name}": text for name, text in files(FILES).items()}}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    ledger, _ = read_ledger(tmp_path)
    assert ledger is not None
    path = tmp_path / "charges.csv"
    bill_period(RecordedLedger.of(ledger), "2025-01", then=lambda charges: write_charges(charges, "2025-01", path))
    with path.open(encoding="utf-8") as file:
        rows = [(row["source"], row["reference_grant"], row["reference_ticket"]) for row in csv.DictReader(file)]
    assert rows == [("aws", "G-1", ""), ("gcp", "G-2", ""), ("hpc", "", "")]
