"""`focus-billing directory`: what it writes, what it says, and that it writes nothing where something is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from openchargeback.cli.main import main
from openchargeback.ledger.directory_change import put_entries
from openchargeback.ledger.lock import locked
from openchargeback.ledger.reading import read_ledger
from openchargeback.model import BillTo, PayerClass

PEOPLE = """# Our PIs.
people:
  - email: ada@x.edu   # since 2019
    name: 'Ada Okafor'
    aliases: [al@x.edu]
  # A comment.
  - {email: bo@x.edu,   name: Bo}
"""
PROJECTS = """projects:
  - id: genes
    pi: ada@x.edu
    match: {SubAccountId: ["0123"]}
"""


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with two people and a project, in which the person stands."""
    folder = tmp_path / "ledger"
    (folder / "charges").mkdir(parents=True)
    (folder / "directory").mkdir()
    (folder / "config.yaml").write_text("organization: Test University\n", encoding="utf-8")
    (folder / "directory/people.yaml").write_text(PEOPLE, encoding="utf-8")
    (folder / "directory/projects.yaml").write_text(PROJECTS, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


class Run:
    """The program in this process: what it printed and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        with pytest.raises(SystemExit) as stop:
            main(["directory", *words])
        self.code = stop.value.code
        self.out, self.err = capsys.readouterr()
        assert "Traceback" not in self.err


def text(ledger: Path, name: str) -> str:
    return (ledger / "directory" / f"{name}.yaml").read_bytes().decode()


def state(ledger: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (ledger / "directory").iterdir()}


def test_a_person_is_added(ledger, capsys):
    done = Run(capsys, "add", "person", "Cy@x.edu", "--name", "Cy", "--alias", "c1@x.edu", "--alias", "c2@x.edu")
    assert (done.code, done.out) == (0, "directory/people.yaml:8: added Cy@x.edu\n")
    assert text(ledger, "people") == f"{PEOPLE}  - {{email: Cy@x.edu, name: Cy, aliases: [c1@x.edu, c2@x.edu]}}\n"


def test_an_external_payer_is_added_with_the_address_of_its_invoices(ledger, capsys):
    words = ("--payer-class", "external-academic", "--organization", "Uni B", "--address", "1 Way", "--address", "Bern")
    done = Run(capsys, "add", "person", "cy@x.edu", *words, "--purchase-order", "PO-7", "--taxable", "no")
    assert done.code == 0
    directory = read_ledger(ledger)[0].directory
    assert directory.person("cy@x.edu").payer_class is PayerClass.EXTERNAL_ACADEMIC
    assert directory.person("cy@x.edu").bill_to == BillTo("Uni B", ("1 Way", "Bern"), "PO-7", taxable=False)
    assert read_ledger(ledger)[1] == []


def test_a_list_says_who_is_invoiced_and_which_award_pays(ledger, capsys):
    """Nothing changes where the list only says what an entry says already, or its default."""
    (ledger / "people.csv").write_text(
        "email,payer_class,organization,address\nada@x.edu,Internal,,\nbo@x.edu,commercial,Bo Inc,1 Way;Bern\n"
    )
    (ledger / "projects.csv").write_text("id,award,start,end\ngenes,R01-77,2024-01-01,2026-12-31\n")
    assert Run(capsys, "import", "people.csv").out == (
        "  ~ bo@x.edu: payer_class, organization, address\ndirectory/people.yaml: 0 added, 1 changed, 1 unchanged\n"
    )
    assert Run(capsys, "import", "projects.csv").code == 0
    directory = read_ledger(ledger)[0].directory
    assert directory.person("bo@x.edu").bill_to.address == ("1 Way", "Bern")
    assert directory.project("genes").award == "R01-77"


def test_a_project_is_added_with_further_pis_and_funds(ledger, capsys):
    words = "--pi bo@x.edu --pi ada@x.edu --fund F-1 --fund 0012 --award A-7 --start 2024-01-01 --end 2026-12-31"
    match = "--sub-account 1 --sub-account 2 --billing-account 3 --resource r"
    done = Run(capsys, "add", "project", "cells", *words.split(), *match.split())
    assert (done.code, done.out) == (0, "directory/projects.yaml:5: added cells\n")
    assert text(ledger, "projects") == PROJECTS + (
        '  - id: cells\n    pi: bo@x.edu\n    fund: F-1\n    pis: [ada@x.edu]\n    funds: ["0012"]\n    award: A-7\n'
        "    start: 2024-01-01\n    end: 2026-12-31\n"
        '    match: {SubAccountId: ["1", "2"], BillingAccountId: ["3"], ResourceId: [r]}\n'
    )
    assert read_ledger(ledger)[1] == []


def test_the_first_fund_makes_the_file_which_names_its_schema(ledger, capsys):
    (ledger / ".schemas").mkdir()
    (ledger / ".schemas/funds.json").write_text("{}")
    options = "--title Genes --sponsor-type federal --from 2024-01-01 --until 2027-06-30 --status active"
    done = Run(capsys, "add", "fund", "F-1", *options.split(), "--department", "Biology")
    assert (done.code, done.out) == (0, "directory/funds.yaml:3: added F-1\n")
    assert text(ledger, "funds") == (
        "# yaml-language-server: $schema=../.schemas/funds.json\nfunds:\n  - id: F-1\n    title: Genes\n"
        "    sponsor_type: federal\n    from: 2024-01-01\n    until: 2027-06-30\n    status: active\n"
        "    department: Biology\n"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("person", "ADA@x.edu"), "ada@x.edu is already listed: directory/people.yaml:3"),
        (("person", "al@x.edu"), "al@x.edu is an alias of ada@x.edu: directory/people.yaml:3"),
        (("person", "cy@x.edu", "--alias", "bo@x.edu"), "bo@x.edu already identifies a person"),
        (("person", "cy"), "expected an email address, found `cy`"),
        (("person", "cy@x.edu", "--name", "\udcff"), "not UTF-8 text"),
        (("person", "cy@x.edu", "--name", "x" * 1001), "longer than 1000 characters"),
        (("project", "genes"), "genes is already listed: directory/projects.yaml:2"),
        (("project", " "), "the id is empty"),
        (("project", "p", "--sub-account", "0123"), "SubAccountId 0123 already belongs to genes"),
        (("project", "p", "--start", "1/2/2025"), "expected a date such as 2025-01-31"),
        (("project", "p", "--start", "2025-02-30"), "expected a date such as 2025-01-31"),
        (("project", "p", "--start", "2025-02-01", "--end", "2025-01-01"), "`end` is before `start`"),
        (("fund", "F", "--status", "closed"), "'closed' is not one of 'active', 'inactive'"),
    ],
)
def test_what_cannot_be_added_is_refused(ledger, capsys, words, told):
    before = state(ledger)
    done = Run(capsys, "add", *words)
    assert done.code == 2
    assert told in done.err
    assert state(ledger) == before


def put(ledger: Path, name: str, content: str) -> str:
    (ledger.parent / name).write_bytes(content.encode())
    return str(ledger.parent / name)


LIST = "email,name,department,aliases\nADA@x.edu,,Biology,al@x.edu;ada2@x.edu\ncy@x.edu,Cy,,\nbo@x.edu,Bo,,\n"
IMPORTED = PEOPLE.replace("    aliases: [al@x.edu]", "    department: Biology\n    aliases: [al@x.edu, ada2@x.edu]")


def test_a_list_adds_and_changes_and_keeps_the_rest(ledger, capsys):
    file = put(ledger, "people.csv", LIST)
    planned = Run(capsys, "import", file, "--dry-run")
    assert (planned.code, text(ledger, "people")) == (0, PEOPLE)
    done = Run(capsys, "import", file)
    summary = "  + cy@x.edu\n  ~ ada@x.edu: department, aliases\ndirectory/people.yaml: 1 added, 1 changed, 1 unchanged"
    assert planned.out == f"{summary}; nothing was written (dry run)\n"
    assert done.out == f"{summary}\n"
    assert text(ledger, "people") == f"{IMPORTED}  - {{email: cy@x.edu, name: Cy}}\n"
    written = (ledger / "directory/people.yaml").stat()
    again = Run(capsys, "import", file)
    assert again.out == "directory/people.yaml: 0 added, 0 changed, 3 unchanged\n"
    assert (ledger / "directory/people.yaml").stat().st_mtime_ns == written.st_mtime_ns


def test_the_summary_as_json(ledger, capsys):
    done = Run(capsys, "import", put(ledger, "people.csv", LIST), "--json")
    assert json.loads(done.out) == {
        "dry_run": False,
        "file": "directory/people.yaml",
        "kind": "people",
        "added": ["cy@x.edu"],
        "changed": [{"id": "ada@x.edu", "keys": ["department", "aliases"]}],
        "unchanged": ["bo@x.edu"],
        "blank": 0,
    }


def test_lists_of_projects_and_funds(ledger, capsys):
    file = put(ledger, "a.csv", "id,title,funds,sub_account\ngenes,Genes,F-1|F-2,0123;9\ncells,,,7\n")
    assert Run(capsys, "import", file).code == 0
    file = put(ledger, "b.csv", "id,title\nF-1,Genes\n")
    assert "choose one with --kind" in Run(capsys, "import", file).err
    assert Run(capsys, "import", file, "--kind", "funds").out.endswith(
        "directory/funds.yaml: 1 added, 0 changed, 0 unchanged\n"
    )
    found, problems = read_ledger(ledger)
    assert problems == []
    assert found.directory.projects["genes"].match == (("SubAccountId", "0123"), ("SubAccountId", "9"))
    assert found.directory.projects["genes"].entries[0].all_funds == ("F-1", "F-2")
    assert found.directory.funds["F-1"].title == "Genes"


def test_a_faulty_list_changes_nothing_and_every_fault_is_told(ledger, capsys):
    before = state(ledger)
    file = put(ledger, "people.csv", "email,name\ncy@x.edu,Cy\nada,A\ndi@x.edu,D,E\nCY@x.edu,C\n")
    done = Run(capsys, "import", file)
    assert (done.code, done.out) == (1, "")
    for place in (f"{file}:3:1", f"{file}:4:1", f"{file}:5:1", "3 errors in 1 file"):
        assert place in done.err
    assert state(ledger) == before


def test_a_contradiction_with_the_directory_is_told_with_the_line_of_the_list(ledger, capsys):
    before = state(ledger)
    file = put(ledger, "people.csv", "email,aliases\n\ncy@x.edu,al@x.edu\n")
    done = Run(capsys, "import", file)
    assert done.code == 1
    assert f"{file}:3:1\n  error[duplicate-person]: al@x.edu already identifies a person" in done.err
    # Here it is the entry behind the changed one that contradicts it.
    file = put(ledger, "people.csv", "email,aliases\nada@x.edu,bo@x.edu\n")
    done = Run(capsys, "import", file)
    assert done.code == 1
    assert "directory/people.yaml:7:5\n  error[duplicate-person]: bo@x.edu already identifies a person" in done.err
    assert state(ledger) == before


def test_what_is_wrong_already_does_not_stop_what_is_right(ledger, capsys):
    (ledger / "directory/people.yaml").write_text(PEOPLE.replace("Bo}", "Bo, phone: 5}"))
    assert Run(capsys, "import", put(ledger, "people.csv", LIST)).code == 0
    assert "phone: 5" in text(ledger, "people")
    (ledger / "directory/people.yaml").write_text("people: [\n")
    done = Run(capsys, "import", put(ledger, "people.csv", LIST))
    assert (done.code, text(ledger, "people")) == (1, "people: [\n")
    assert "yaml-syntax" in done.err


def test_a_link_is_not_replaced(ledger, capsys):
    people = ledger / "directory/people.yaml"
    people.rename(ledger / "directory/all.yaml")
    people.symlink_to("all.yaml")
    done = Run(capsys, "import", put(ledger, "people.csv", LIST))
    assert (done.code, "is a link" in done.err) == (2, True)
    assert text(ledger, "people") == PEOPLE


def test_commands_wait_for_each_other(ledger, monkeypatch):
    monkeypatch.setattr("openchargeback.ledger.directory_change.locked", lambda root: locked(root, wait=0))
    with locked(ledger), pytest.raises(Exception, match="another command is writing"):
        put_entries(ledger, "people", [{"email": "cy@x.edu"}])
    assert put_entries(ledger, "people", [{"email": "cy@x.edu"}]).added == ("cy@x.edu",)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_is_said_in_one_sentence(ledger, capsys):
    (ledger / "directory").chmod(0o500)
    done = Run(capsys, "import", put(ledger, "people.csv", LIST))
    (ledger / "directory").chmod(0o700)
    assert (done.code, text(ledger, "people")) == (3, PEOPLE)
