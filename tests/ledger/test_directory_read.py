"""People, projects and funds as the files say, and as the record of a closed month keeps them."""

import datetime as dt

import pytest

from openchargeback.billing.freezing import _used
from openchargeback.ledger.directory import (
    FUNDS,
    PEOPLE,
    PROJECTS,
    Directory,
    Entry,
    FundEntry,
    directory_of,
    directory_values,
    read_directory,
)
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.shape import Record
from openchargeback.ledger.yaml_text import document
from openchargeback.ledger.yaml_tree import parse

PEOPLE_TEXT = b"people: [{email: ada@x.edu, name: Ada, aliases: [al@x.edu]}, {email: bo@x.edu}, {email: cy@x.edu}]"
PROJECTS_TEXT = b"""projects:
  - {id: genes, award: NSF-12, pi: ADA@x.edu, pis: [al@x.edu, Bo@x.edu], fund: F-1, funds: [F-2, F-1]}
  - id: cells
    entries:
      - {pi: bo@x.edu, funds: F-3, until: 2024-12-31}
      - {pis: cy@x.edu, from: 2025-01-01}
"""
FUNDS_TEXT = b"""funds:
  - {id: F-1, title: Genes, sponsor_type: federal, from: 2024-01-01, until: 2025-06-30, department: Biology}
  - {id: F-2, status: inactive}
  - {id: " F-3 ", status: active}
"""


def known() -> Directory:
    directory, problems = read_directory(PEOPLE_TEXT, PROJECTS_TEXT, FUNDS_TEXT)
    assert problems == []
    return directory


def test_a_project_lists_further_pis_and_funds_the_main_one_first():
    genes, cells = known().projects["genes"], known().projects["cells"]
    entry = genes.entry_on(dt.date(2025, 1, 1))
    assert (entry.pis, entry.funds) == (("ada@x.edu", "bo@x.edu"), ("F-2", "F-1"))
    assert entry.all_pis == ("ada@x.edu", "bo@x.edu")
    assert entry.all_funds == ("F-1", "F-2")
    assert (genes.project.award, genes.single) == ("NSF-12", True)
    assert cells.entry_on(dt.date(2024, 12, 31)).all_funds == ("F-3",)
    assert cells.entry_on(dt.date(2025, 1, 1)).all_pis == ("cy@x.edu",)
    assert Entry().all_pis == ()


@pytest.mark.parametrize(
    ("fund", "day", "holds"),
    [
        ("F-1", dt.date(2023, 12, 31), False),
        ("F-1", dt.date(2024, 1, 1), True),
        ("F-1", dt.date(2025, 6, 30), True),
        ("F-1", dt.date(2025, 7, 1), False),
        ("F-2", dt.date(2025, 1, 1), False),
        ("F-3", dt.date(1990, 1, 1), True),
    ],
)
def test_a_fund_holds_while_it_is_active_within_its_days(fund, day, holds):
    assert known().funds[fund].holds_on(day) is holds


def test_faults_of_funds_have_their_lines():
    text = b"funds:\n  - {id: F-1}\n  - {id: F-1}\n  - {id: F-2, from: 2025-01-02, until: 2025-01-01}\n"
    directory, problems = read_directory(None, None, text)
    assert [(p.path, p.code, p.line) for p in problems] == [
        ("directory/funds.yaml", "date-order", 4),
        ("directory/funds.yaml", "duplicate-fund", 3),
    ]
    assert list(directory.funds) == ["F-1", "F-2"]


def test_the_ledger_reads_its_funds_and_knows_their_bytes(tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "config.yaml").write_text("organization: A\n")
    (tmp_path / "directory/funds.yml").write_bytes(FUNDS_TEXT)
    ledger, problems = read_ledger(tmp_path)
    assert ledger.directory.funds == {}
    assert [(p.path, p.code) for p in problems] == [("directory/funds.yml", "misplaced-file")]
    (tmp_path / "directory/funds.yml").rename(tmp_path / "directory/funds.yaml")
    ledger, problems = read_ledger(tmp_path)
    assert (problems, set(ledger.directory.funds)) == ([], {"F-1", "F-2", "F-3"})
    assert "directory/funds.yaml" in ledger.digests


def recorded(directory: Directory) -> Directory:
    """What a record gives back of it."""
    text = document(directory_values(directory), "A record")
    root, reader = parse(text.encode(), "periods/2025-01.frozen.yaml")
    values = Record({**PEOPLE.fields, **PROJECTS.fields, **FUNDS.fields}).read(root, reader)
    found = directory_of(values, reader)
    assert reader.problems == []
    return found


def test_a_record_gives_back_every_key():
    assert recorded(known()) == known()
    assert recorded(Directory()) == Directory()
    assert "funds" not in directory_values(Directory())


def test_a_record_keeps_what_was_used_and_what_its_entries_name():
    used = _used(known(), {"cy@x.edu"}, {"genes"}, {"F-3", "unheard of"})
    assert set(used.projects) == {"genes"}
    assert set(used.people) == {"ada@x.edu", "bo@x.edu", "cy@x.edu"}
    assert used.aliases == {"al@x.edu": "ada@x.edu"}
    assert set(used.funds) == {"F-1", "F-2", "F-3"}


def test_a_record_keeps_that_there_was_a_directory_at_all():
    directory = known()
    used = recorded(_used(directory, {"x@x.edu"}, {"x"}, {"x"}))
    assert set(used.projects) == {"cells"}
    only_funds = Directory(funds=directory.funds)
    assert recorded(_used(only_funds, set(), set(), {"x"})) == Directory(funds={"F-1": directory.funds["F-1"]})
    only_people = Directory(directory.people, directory.aliases)
    assert set(recorded(_used(only_people, {"x@x.edu"}, set(), set())).people) == {"ada@x.edu"}
    assert _used(Directory(), {"x@x.edu"}, {"x"}, {"x"}) == Directory()


def test_an_inactive_fund_is_so_in_the_record():
    fund = FundEntry("F-9", status="inactive", since=dt.date(2025, 1, 1))
    assert recorded(Directory(funds={"F-9": fund})).funds == {"F-9": fund}
