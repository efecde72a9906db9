"""The directory by form: what held charges miss, and entries as the command line writes them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import office
import proposing
import pytest
from office import Office

from openchargeback.ledger.directory import read_directory
from repository import Repository

PROJECT = ("--title", "Sky survey", "--pi", "zoe@example.edu", "--fund", "F-1", "--fund", "F-2", "--end", "2027-06-30",
           "--sub-account", "1234", "--sub-account", "5678")  # fmt: skip
PROJECT_FORM = {
    "title": "Sky survey", "pi": "zoe@example.edu", "fund": "F-1", "funds": "F-2", "end": "2027-06-30",
    "match.SubAccountId": "1234\r\n5678\r\n",
}  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Repository:
    """A ledger whose directory lists another project than its charges name."""
    made = proposing.ledger(tmp_path / "ledger")
    made.write("directory/projects.yaml", "projects:\n  - {id: other, pi: ada@example.edu}\n")
    made.write("directory/people.yaml", "people:\n  - email: ada@example.edu\n    name: Ada  # as she writes it\n")
    made.commit(message="Directory")
    return made


@pytest.fixture
def served(made: Repository) -> Iterator[Office]:
    """The ledger, served."""
    with office.served(made.root) as found:
        yield found


def submit(served: Office, **values: str) -> str:
    """Fill in the form of an entry, and commit it; returns the branch."""
    rita = served.browser("rita")
    got = rita.post("/web/directory/entry", **values)
    assert got.status == 303, got.words
    return proposing.commit(rita, rita.follow(got.location))


def test_what_held_charges_miss_leads_to_a_form(served: Office) -> None:
    rita = served.browser("rita")
    got = rita.follow("/web/directory")
    assert "Project p1" in got.words
    assert "Person ben@example.edu" in got.words
    assert 'href="directory/entry?kind=projects&amp;id=p1"' in got.text
    form = rita.get("/web/directory/entry?kind=projects&id=p1")
    assert "New project" in form.words
    assert 'name="id" value="p1"' in form.text
    assert "Email address of the PI who is responsible" in form.words


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize(
    ("kind", "id_", "options", "values"),
    [
        ("project", "sky", PROJECT, PROJECT_FORM),
        ("person", "Zoe@example.edu", ("--name", "Zoë", "--taxable", "no", "--alias", "z@example.edu"),
         {"name": "Zoë", "taxable": "no", "aliases": "z@example.edu"}),
        ("fund", "F-9", ("--sponsor-type", "federal", "--from", "2025-01-01"),
         {"sponsor_type": "federal", "from": "2025-01-01"}),
    ],
)  # fmt: skip
def test_a_new_entry_is_the_same_as_on_the_command_line(
    made: Repository, served: Office, kind: str, id_: str, options: tuple[str, ...], values: dict[str, str]
) -> None:
    kinds = {"person": "people", "project": "projects", "fund": "funds"}
    key = "email" if kind == "person" else "id"
    branch = submit(served, kind=kinds[kind], new="yes", **{key: id_, **values})
    made.run("directory", "add", kind, id_, *options)
    path = f"directory/{kinds[kind]}.yaml"
    assert made.git("show", f"{branch}:{path}") + "\n" == (made.root / path).read_text("utf-8")
    assert made.git("log", "-1", "--format=%s", branch) == f"Add {kind} {id_.lower() if kind == 'person' else id_}"


def test_a_change_keeps_everything_else(made: Repository, served: Office) -> None:
    form = served.browser("rita").get("/web/directory/entry?kind=people&email=ADA@example.edu")
    assert "Change person" in form.words
    assert 'name="name" value="Ada"' in form.text
    branch = submit(served, kind="people", new="no", email="ada@example.edu", name="Ada Okafor", department="")
    assert made.git("show", f"{branch}:directory/people.yaml") == (
        'people:\n  - email: ada@example.edu\n    name: "Ada Okafor"  # as she writes it'
    )


@pytest.mark.slow
def test_a_project_with_a_history_is_added_and_continued(made: Repository, served: Office) -> None:
    """One time per person and fund; a continued history keeps the others as they are written."""
    path = "directory/projects.yaml"
    form = served.browser("rita").get("/web/directory/entry?kind=projects&id=sky")
    assert form.text.count('name="entries.1.fund"') == 1
    assert "First day on which pi and fund apply." in form.words
    branch = submit(
        served, kind="projects", new="yes", id="sky", title="Sky survey",
        **{"entries.0.pi": "ada@example.edu", "entries.0.fund": "F-1", "entries.0.until": "2025-06-30",
           "entries.1.pi": "zoe@example.edu", "entries.1.funds": "F-2\r\nF-3", "entries.1.from": "2025-07-01"},
    )  # fmt: skip
    made.git("merge", "-q", branch)
    written = (made.root / path).read_text("utf-8")
    assert read_directory(None, written.encode())[1] == []
    assert "until: 2025-06-30" in written
    project = read_directory(None, written.encode())[0].projects["sky"]
    assert [(each.pi, each.all_funds, str(each.since), str(each.until)) for each in project.entries] == [
        ("ada@example.edu", ("F-1",), "None", "2025-06-30"),
        ("zoe@example.edu", ("F-2", "F-3"), "2025-07-01", "None"),
    ]

    proposing.wait_for(served, "2025-06-30", served.browser("rita"), "/web/directory/entry?kind=projects&id=sky")
    form = served.browser("rita").get("/web/directory/entry?kind=projects&id=sky")
    assert 'name="pi"' not in form.text
    fields = {
        name: html.unescape(value) for name, value in re.findall(r'name="(entries[^"]+)" value="([^"]*)"', form.text)
    }
    assert fields["entries.1.from"] == "2025-07-01"
    fields |= {"entries.1.funds": "F-2\r\nF-3", "entries.1.until": "2025-12-31"}
    fields |= {"entries.2.pi": "ada@example.edu", "entries.2.from": "2026-01-01"}
    branch = submit(served, kind="projects", new="no", id="sky", **fields)
    changed = made.git("show", f"{branch}:{path}")
    project = read_directory(None, changed.encode())[0].projects["sky"]
    assert [(each.pi, str(each.since), str(each.until)) for each in project.entries] == [
        ("ada@example.edu", "None", "2025-06-30"),
        ("zoe@example.edu", "2025-07-01", "2025-12-31"),
        ("ada@example.edu", "2026-01-01", "None"),
    ]
    rita = served.browser("rita")
    overlapping = {**fields, "entries.2.from": "2025-12-01"}
    got = rita.follow(rita.post("/web/directory/entry", kind="projects", new="no", id="sky", **overlapping).location)
    assert "End one before the other starts." in got.words


@pytest.mark.slow
def test_a_project_of_one_pi_gets_a_history(made: Repository, served: Office) -> None:
    """The project of the fixture; a change of its only time stays beside its id."""
    rita = served.browser("rita")
    form = rita.get("/web/directory/entry?kind=projects&id=other")
    assert 'name="entries.0.pi" value="ada@example.edu"' in form.text
    branch = submit(served, kind="projects", new="no", id="other", **{"entries.0.pi": "ben@example.edu"})
    assert made.git("show", f"{branch}:directory/projects.yaml") == "projects:\n  - {id: other, pi: ben@example.edu}"
    times = {"entries.0.pi": "ada@example.edu", "entries.0.until": "2025-06-30", "entries.1.pi": "ben@example.edu"}
    branch = submit(served, kind="projects", new="no", id="other", **times, **{"entries.1.from": "2025-07-01"})
    changed = made.git("show", f"{branch}:directory/projects.yaml")
    directory, problems = read_directory(None, changed.encode())
    assert problems == []
    assert [(each.pi, str(each.since), str(each.until)) for each in directory.projects["other"].entries] == [
        ("ada@example.edu", "None", "2025-06-30"),
        ("ben@example.edu", "2025-07-01", "None"),
    ]


def test_what_the_directory_cannot_have_is_refused_with_the_reason(served: Office) -> None:
    rita = served.browser("rita")
    for values, told in (
        ({"kind": "people", "new": "yes", "email": "ada@example.edu"}, "already listed: directory/people.yaml:2"),
        ({"kind": "people", "new": "yes", "email": "nobody"}, "email address"),
        ({"kind": "people", "new": "yes", "email": "a\0@example.edu"}, "Email: has a control character; remove it"),
        ({"kind": "projects", "new": "yes", "id": " "}, "the id is empty"),
        ({"kind": "projects", "new": "no", "id": "gone"}, "gone is not in directory/projects.yaml any more"),
        ({"kind": "funds", "new": "yes", "id": "F", "from": "2025-02-30"}, "2025-02-30"),
        ({"kind": "projects", "new": "yes", "id": "x", "pi": "ada@example.edu", "fund": "a: b\n- c"}, ""),
    ):
        got = rita.follow(rita.post("/web/directory/entry", **values).location)
        assert told in got.words, got.words
    assert rita.post("/web/directory/entry", kind="../config", id="x").status == 404
    got = rita.follow(
        rita.post("/web/directory/entry", kind="people", new="no", email="ada@example.edu", name="Ada").location
    )
    assert "This is already in the ledger" in got.words


@pytest.mark.slow
def test_refused_forms_do_not_keep_anyone_from_sending_another(served: Office) -> None:
    """More than a person may have unfinished, none of which can be committed; one that can is kept."""
    rita = served.browser("rita")
    kept = rita.post("/web/directory/entry", kind="people", new="yes", email="zoe@example.edu").location
    rita.follow(kept)
    for _ in range(25):
        refused = rita.post("/web/directory/entry", kind="people", new="yes", email="nobody")
        assert refused.status == 303, refused.words
        rita.follow(refused.location)
    assert "Commit puts this on a new branch" in rita.follow(kept).words
    rita.post(f"{kept}/discard")
