"""Decisions by the portal's review form: committed as the command line would, once, by whoever is signed in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import office
import proposing
import pytest
from office import Answer, Office

from repository import Repository


@pytest.fixture
def made(tmp_path: Path) -> Repository:
    """A ledger whose changes a second person approves."""
    return proposing.ledger(tmp_path / "ledger")


@pytest.fixture
def served(made: Repository) -> Iterator[Office]:
    """The ledger, served."""
    with office.served(made.root) as found:
        yield found


def refused(got: Answer, *words: str) -> bool:
    """Whether a draft was refused with these words, and cannot be committed."""
    return all(each in got.words for each in words) and "/commit" not in got.text


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("approve", ("--all-flags",)),
        ("reject", ()),
        ("reassign", ("--set-fund", "F-2", "--set-pi", "zoe@example.edu", "--all-flags")),
    ],
)
def test_a_decision_is_the_same_commit_as_on_the_command_line(
    made: Repository, served: Office, verb: str, options: tuple[str, ...]
) -> None:
    """The same path and bytes; the file of the command line is only moved away meanwhile."""
    item = proposing.queue(made)[0]["item"]
    decided = ("--period", "2025-01", "--item", item, "--by", "rita@example.edu", "--on", "2025-02-03", "--name", item)
    made.run("review", verb, *decided, "--reason", 'agreed, "REQ-142"', *options)
    path = f"approvals/2025-01/{item}.yaml"
    data = (made.root / path).read_bytes()
    (made.root / path).unlink()
    rita = served.browser("rita")
    # Browsers send the line ends of a form as CR LF.
    draft = proposing.propose(rita, path, data.decode().replace("\n", "\r\n"))
    assert f"{verb.capitalize()} 1 item of January 2025. Nothing is in the ledger yet." in draft.words
    assert made.git("for-each-ref", "refs/heads") == made.git("for-each-ref", "refs/heads/main")
    branch = proposing.commit(rita, draft)
    assert branch == f"review/2025-01-{item}"
    assert made.git("diff", "--name-status", "main", branch) == f"A\t{path}"
    assert made.git("show", f"{branch}:{path}").encode() + b"\n" == data
    assert made.git("show", "-s", "--format=%an <%ae>, %cn <%ce>", branch) == (
        "Rita Reviewer <rita@example.edu>, Rita Reviewer <rita@example.edu>"
    )


@pytest.mark.slow
def test_who_comes_second_sees_who_was_first_and_loses_nothing(made: Repository, served: Office) -> None:
    """Rita decides one item; Rob decides it, too, together with another: on a branch first, then on `main`."""
    one, two = (each["item"] for each in proposing.queue(made))
    rita, rob = served.browser("rita"), served.browser("rob")
    branch = proposing.commit(rita, proposing.propose(rita, *proposing.decision(made, one, "rita@example.edu")))
    first = proposing.decision(made, one, "rob@example.edu", verb="reject", reason="too much")[1]
    second = proposing.decision(made, two, "rob@example.edu", reason="fine")[1].partition("decisions:\n")[2]
    both = ("approvals/2025-01/two.yaml", first + second)
    told = f"rita@example.edu has decided it (approve: agreed) on the branch {branch}"
    draft = proposing.propose(rob, *both)
    assert f"{told}." in draft.words
    assert "Approve 1 item of January 2025" in draft.words
    assert refused(proposing.propose(rob, both[0], first), told)
    proposing.commit(rob, draft)
    assert made.git("show", "review/2025-01-two:approvals/2025-01/two.yaml") + "\n" == f"decisions:\n{second}"
    found = proposing.wait_for(served, f'"{one}"', rob, "/web/state.js")
    assert f'"branches":{{"{one}":"{branch}"' in found.text or f'"{one}":"{branch}"' in found.text
    assert proposing.approve(rob, branch).status == 303
    proposing.wait_for(served, "merged into", rob, f"/web/proposals/{branch}")
    told = f"rita@example.edu has decided it (approve: agreed) in approvals/2025-01/{one}.yaml"
    assert refused(proposing.propose(rob, both[0], first), told)


def test_two_tabs_of_one_person(made: Repository, served: Office) -> None:
    """The second tab still shows what the first has decided; pressing Commit twice makes one branch."""
    item = proposing.queue(made)[0]["item"]
    rita = served.browser("rita")
    file = proposing.decision(made, item, "rita@example.edu")
    drafts = [proposing.propose(rita, *file) for _ in range(2)]
    branch = proposing.commit(rita, drafts[0])
    assert proposing.commit(rita, drafts[0]) == branch
    assert refused(proposing.propose(rita, *file), f"has decided it (approve: agreed) on the branch {branch}")


@pytest.mark.slow
def test_files_that_the_form_does_not_write_are_refused(made: Repository, served: Office) -> None:
    item = proposing.queue(made)[0]["item"]
    path, text = proposing.decision(made, item, "rita@example.edu")
    rita = served.browser("rita")
    for bad in (
        "../x.yaml",
        "approvals/2025-01/../../x.yaml",
        "config.yaml",
        "approvals/2025-01/a/b.yaml",
        "/etc/x.yaml",
    ):
        assert refused(proposing.propose(rita, bad, text), "is not the path of an approval file"), bad
    for changed, told in (
        (text.replace("rita@", "rob@"), "a decision is by rob@example.edu, but you are signed in as rita@example.edu"),
        (text.replace("charges: 1", "charges: 2"), "its charges are not those that you saw"),
        ("decisions: []\n", "the file has no decisions"),
        ("decisions: [", "not valid YAML"),
        ("&a [*a]", "anchors and aliases are not supported"),
        (text.replace("decision: approve", "decision: reassign\n    set: {pi: nobody}"), "is not an email address"),
    ):
        assert refused(proposing.propose(rita, path, changed), told), changed
    assert refused(proposing.propose(rita, path.replace("01/", "02/"), text), "it needs an open month")
    assert made.git("for-each-ref", "refs/heads") == made.git("for-each-ref", "refs/heads/main")
    assert proposing.is_whole(made)


@pytest.mark.slow
def test_a_file_of_that_name_is_not_replaced(made: Repository, served: Office) -> None:
    one, two = (each["item"] for each in proposing.queue(made))
    path, text = proposing.decision(made, one, "rita@example.edu")
    made.write(path, proposing.decision(made, two, "ann@example.edu")[1])
    made.commit()
    rita = served.browser("rita")
    proposing.wait_for(served, "Commit decisions", rita, "/web/decisions")
    branch = proposing.commit(rita, proposing.propose(rita, path, text))
    assert made.git("diff", "--name-status", "main", branch) == f"A\t{path.replace('.yaml', '-2.yaml')}"
