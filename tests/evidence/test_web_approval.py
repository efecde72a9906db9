"""Level W: merges as the web program makes them, which say who approved, and merges that only look like it."""

from __future__ import annotations

import pytest
from test_evidence import FILE, decide, evidence

from repository import Repository

TRAILER = "\n\nApproved-by: Rob <Rob@Example.edu>"


@pytest.fixture
def branch(ledger: Repository) -> Repository:
    """Ann's decision on a branch; main is checked out."""
    ledger.git("switch", "-qc", "decide")
    decide(ledger)
    ledger.commit(who="ann")
    ledger.git("switch", "-q", "main")
    return ledger


def merge(ledger: Repository, who: str = "rob", *options: str, message: str = f"Merge decide{TRAILER}") -> None:
    """Merge the branch as the web program does it."""
    ledger.git("merge", "-q", "--no-ff", *options, "-m", message, "decide", who=who)


def level(ledger: Repository) -> str:
    """The level of the decision."""
    return str(evidence(ledger)["level"])


def test_a_merge_that_names_its_maker_as_approver_is_level_w(branch: Repository) -> None:
    merge(branch)
    found = evidence(branch)
    assert (found["level"], found["approvers"], found["authors"]) == ("W", ["rob@example.edu"], ["ann@example.edu"])
    assert "which Git does not prove" in found["why"]
    assert found["commit"] == branch.git("rev-parse", "HEAD")
    told = branch.run("review", "evidence").stdout
    assert "approved in the web program by rob@example.edu" in told
    assert "as far as its login and audit log can be trusted" in told.replace("\n", " ")


def test_the_rule_of_a_ledger_may_ask_for_level_w(branch: Repository) -> None:
    config = (branch.root / "config.yaml").read_text("utf-8")
    branch.write("config.yaml", f"{config}review: {{evidence: {{level: W, other_than_author: true}}}}\n")
    branch.commit()
    branch.git("merge", "-q", "--no-ff", "-m", "Merge decide", "decide", who="rob")
    assert "level C; level W is required" in evidence(branch, code=1)["problems"][0]["message"]
    branch.git("reset", "-q", "--hard", "HEAD^")
    merge(branch)
    assert evidence(branch)["problems"] == []


def test_a_merge_without_the_trailer_is_level_c(branch: Repository) -> None:
    merge(branch, message="Merge decide")
    assert level(branch) == "C"


def test_an_author_cannot_approve(branch: Repository) -> None:
    merge(branch, "ann", message="Merge decide\n\nApproved-by: Ann <ann@example.edu>")
    assert level(branch) == "C"


def test_the_approver_must_have_made_the_merge(branch: Repository) -> None:
    merge(branch, "ann")
    assert level(branch) == "C"
    branch.git(
        "-c", "user.name=x", "commit", "-q", "--amend", "--no-edit", "--author", "Rob <rob@example.edu>", who="ann"
    )
    assert level(branch) == "C"


def test_two_approvers_are_not_one(branch: Repository) -> None:
    """A message could name someone besides the one who merged, who was never asked."""
    merge(branch, message=f"Merge decide{TRAILER}\nApproved-by: Zoe <zoe@example.edu>")
    assert level(branch) == "C"


@pytest.mark.parametrize("role", ["coauthor", "committer", "other file"])
def test_who_had_any_part_in_the_branch_cannot_approve_it(branch: Repository, role: str) -> None:
    branch.git("switch", "-q", "decide")
    match role:
        case "coauthor":
            branch.git("commit", "-q", "--amend", "-m", "x\n\nCo-authored-by: R <rob@example.edu>", who="ann")
        case "committer":
            branch.git("commit", "-q", "--amend", "--no-edit", "--author", "Ann <ann@example.edu>", who="rob")
        case _:
            branch.write("notes.txt", "by Rob\n")
            branch.commit(who="rob")
    branch.git("switch", "-q", "main")
    merge(branch)
    assert level(branch) == "C"


def test_addresses_of_one_person_are_joined_as_before_the_branch(branch: Repository) -> None:
    branch.write("directory/people.yaml", "people:\n  - {email: ann@example.edu, aliases: [rob@example.edu]}\n")
    branch.commit()
    merge(branch)
    assert level(branch) == "C"


def test_what_the_merge_itself_adds_is_not_approved(branch: Repository) -> None:
    merge(branch, "rob", "--no-commit")
    decide(branch, reason="changed in the merge")
    branch.git("add", "-A")
    branch.git("commit", "-q", "-m", f"Merge decide{TRAILER}", who="rob")
    assert level(branch) == "C"


def test_such_a_merge_on_a_branch_is_nothing_once_the_branch_is_fast_forwarded(branch: Repository) -> None:
    """A branch could bring a merge that its author made up, in Rob's name."""
    branch.git("switch", "-qc", "forged")
    merge(branch)
    branch.git("commit", "-q", "--allow-empty", "-m", "later", who="ann")
    branch.git("switch", "-q", "main")
    branch.git("merge", "-q", "--no-ff", "-m", "Merge forged", "forged", who="zoe")
    assert level(branch) == "C"


def test_a_file_of_the_same_merge_that_main_already_had_is_not_approved(branch: Repository) -> None:
    """Only what the merge brings."""
    decide(branch)
    branch.commit(who="zoe")
    merge(branch)
    assert evidence(branch, path=FILE)["level"] == "C"


def test_a_merge_of_several_branches_at_once_is_not_the_web_programs(branch: Repository) -> None:
    branch.git("switch", "-qc", "other")
    branch.write("other.txt", "x\n")
    branch.commit(who="ann")
    branch.git("switch", "-q", "main")
    branch.git("merge", "-q", "--no-ff", "-m", f"Merge both{TRAILER}", "decide", "other", who="rob")
    assert level(branch) == "C"


def test_a_merge_within_a_branch_is_not_one_onto_main(branch: Repository) -> None:
    """Someone merges the decision into a branch of their own, which is not merged itself."""
    branch.git("switch", "-qc", "release")
    branch.write("other.txt", "x\n")
    branch.commit(who="zoe")
    merge(branch)
    assert evidence(branch, "--changed", "--base", "main")["level"] == "C"
