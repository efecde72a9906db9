"""Who approved: levels of evidence from real repositories, with real signatures, and from what a host recorded."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from openchargeback.evidence.identities import joined
from repository import Repository

FILE = "approvals/2025-01/batch.yaml"
DECISION = "decisions:\n" + "".join(
    f"""  - where: {{{{source: aws, service: Compute, project: p1, pi: {pi}, flags: [above-list]}}}}
    expect: {{{{charges: {charges}}}}}
    clears: [above-list]
    decision: approve
    reason: {{reason}}
    by: {{by}}
"""
    for pi, charges in (("ada@example.edu", 2), ("ben@example.edu", 1))
)


def decide(ledger: Repository, by: str = "rita@example.edu", reason: str = "agreed") -> None:
    """Write the approval file."""
    ledger.write(FILE, DECISION.format(by=by, reason=reason))


def evidence(ledger: Repository, *arguments: str, code: int = 0, path: str = FILE) -> dict[str, Any]:
    """What is known of one file."""
    told = json.loads(ledger.run("review", "evidence", *arguments, "--format", "json", code=code).stdout)
    (found,) = [each for each in told["evidence"] if each["path"] == path]
    return {**found, "problems": told["problems"]}


@pytest.fixture
def decided(ledger: Repository) -> Repository:
    """Ann's decision on a branch, with Rita's and Ann's keys in the list of the main branch."""
    keys = []
    for who in ("rita", "ann"):
        key = ledger.root.parent / who
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", str(key)], check=True)
        keys.append(f'{who}@example.edu namespaces="git" {key.with_suffix(".pub").read_text()}')
    ledger.write("allowed_signers", "".join(keys))
    ledger.write(
        "charges/2025-01/aws.csv", (ledger.root / "charges/2025-01/aws.csv").read_text().replace(",20,", ",2,")
    )
    ledger.commit()
    ledger.git("switch", "-qc", "decide")
    decide(ledger)
    ledger.commit(who="ann")
    return ledger


def signed(ledger: Repository, who: str) -> tuple[str, ...]:
    """Options of Git that sign with a person's key."""
    return ("-c", "gpg.format=ssh", "-c", f"user.signingkey={ledger.root.parent / who}")


def merge(ledger: Repository, who: str, *options: str, key: str = "") -> None:
    """Merge the branch into main."""
    ledger.git("switch", "-q", "main")
    sign = signed(ledger, key) if key else ()
    ledger.git(*sign, "merge", "-q", "--no-ff", "-m", "merge", *(("-S",) if key else ()), *options, "decide", who=who)


def test_names_alone_are_level_c(decided: Repository) -> None:
    """On the branch and after a merge that nobody signed, whoever made it."""
    found = evidence(decided)
    assert (found["level"], found["approvers"], found["authors"]) == ("C", [], ["ann@example.edu"])
    assert found["named_as_deciding"] == ["rita@example.edu"]
    merge(decided, "rita")
    assert evidence(decided)["level"] == "C"


def test_a_merge_signed_by_another_is_level_b(decided: Repository) -> None:
    merge(decided, "rita", key="rita")
    found = evidence(decided)
    assert (found["level"], found["approvers"]) == ("B", ["rita@example.edu"])
    assert found["commit"] == decided.git("rev-parse", "HEAD")
    assert found["content"] == decided.git("rev-parse", f"HEAD:{FILE}")
    decided.write("config.yaml", (decided.root / "config.yaml").read_text("utf-8") + "currency: USD\n")
    decided.commit(who="ann")
    assert evidence(decided)["level"] == "B"


def test_an_author_who_signs_the_merge_approves_nothing(decided: Repository) -> None:
    merge(decided, "ann", key="ann")
    assert (evidence(decided)["level"], evidence(decided)["approvers"]) == ("C", [])


def test_who_helped_to_write_is_an_author(decided: Repository) -> None:
    """Co-authors of the message, and authors of an earlier version under another name of the file."""
    decided.git("commit", "-q", "--amend", "-m", "x\n\nCo-authored-by: Rita <Rita@Example.edu>", who="ann")
    merge(decided, "rita", key="rita")
    found = evidence(decided)
    assert (found["level"], found["authors"]) == ("C", ["ann@example.edu", "rita@example.edu"])


def test_a_renamed_file_keeps_its_authors(decided: Repository) -> None:
    decided.git("mv", FILE, "approvals/2025-01/other.yaml")
    decided.commit(who="ben")
    merge(decided, "ann", key="ann")
    found = evidence(decided, path="approvals/2025-01/other.yaml")
    assert (found["level"], found["authors"]) == ("C", ["ann@example.edu", "ben@example.edu"])


def test_a_key_that_the_change_itself_brings_vouches_for_nothing(decided: Repository) -> None:
    """The list counts as it was before."""
    key = decided.root.parent / "mallory"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "m", "-f", str(key)], check=True)
    with (decided.root / "allowed_signers").open("a") as file:
        file.write(f"mallory@example.edu {key.with_suffix('.pub').read_text()}")
    decided.commit(who="ann")
    merge(decided, "mallory", key="mallory")
    assert evidence(decided)["level"] == "C"
    decided.git("commit", "-q", "--allow-empty", "-m", "later", who="ann")
    assert evidence(decided)["level"] == "C"


def test_someone_elses_signature_on_the_commit_itself_counts(decided: Repository) -> None:
    """Rita takes Ann's commit over and signs it: on the branch already."""
    decided.git(*signed(decided, "rita"), "commit", "-q", "--amend", "--no-edit", "-S", who="ann")
    assert (evidence(decided)["level"], evidence(decided)["approvers"]) == ("B", ["rita@example.edu"])


def test_other_signed_commits_of_the_branch_vouch_for_nothing(decided: Repository) -> None:
    """Rita signs something else on the branch after Ann's decision."""
    decided.git(*signed(decided, "rita"), "commit", "-q", "--allow-empty", "-m", "other", "-S", who="rita")
    merge(decided, "ann")
    assert evidence(decided)["level"] == "C"


def test_a_settings_file_of_the_machine_does_not_make_signers(decided: Repository, tmp_path: Path) -> None:
    """Its own list of signers is not asked."""
    (tmp_path / "everyone").write_text((decided.root / "allowed_signers").read_text("utf-8"))
    decided.git("config", "gpg.ssh.allowedSignersFile", str(tmp_path / "everyone"))
    decided.git("switch", "-q", "main")
    decided.git("rm", "-q", "allowed_signers")
    decided.commit()
    decided.git("switch", "-q", "decide")
    decided.git("rebase", "-q", "main")
    merge(decided, "rita", key="rita")
    assert evidence(decided)["level"] == "C"


def test_what_is_not_committed_and_a_shallow_clone_are_unknown(decided: Repository, tmp_path: Path) -> None:
    merge(decided, "rita", key="rita")
    clone = Repository.__new__(Repository)
    clone.root = tmp_path / "clone"
    decided.git("clone", "-q", "--depth=1", f"file://{decided.root}", str(clone.root))
    found = evidence(clone)
    assert found["level"] == "unknown"
    assert "fetch-depth: 0" in found["why"]
    decide(decided, reason="changed since")
    assert (evidence(decided)["level"], evidence(decided)["why"]) == (
        "unknown",
        "the file has uncommitted changes",
    )


def test_who_writes_in_a_merge_is_an_author_and_vouches_for_nothing(decided: Repository) -> None:
    """Rita changes Ann's decision while she merges it, or brings another file with the merge."""
    decided.git("switch", "-q", "main")
    decided.git("merge", "-q", "--no-ff", "--no-commit", "decide")
    decide(decided, reason="decided by Rita alone")
    other = "approvals/2025-01/born.yaml"
    decided.write(other, DECISION.format(by="ann@example.edu", reason="new").replace("above-list", "pattern:gpu"))
    decided.git("add", "-A")
    decided.git(*signed(decided, "rita"), "commit", "-q", "-S", "-m", "merge", who="rita")
    found = evidence(decided)
    assert (found["level"], found["authors"]) == ("C", ["ann@example.edu", "rita@example.edu"])
    born = evidence(decided, path=other)
    assert (born["level"], born["authors"]) == ("C", ["rita@example.edu"])


def test_an_author_by_a_merge_stays_one_under_another_name_of_the_file(decided: Repository) -> None:
    """Rita's rewriting lies on the branch, is renamed there, and comes to main by a plain merge that she signs."""
    decided.git("switch", "-qc", "side", "main")
    decided.commit(who="ben")
    decided.git("switch", "-q", "decide")
    decided.git("merge", "-q", "--no-ff", "--no-commit", "side")
    decide(decided, reason="decided by Rita alone")
    decided.commit(who="rita")
    decided.git("mv", FILE, "approvals/2025-01/other.yaml")
    decided.commit(who="ben")
    merge(decided, "rita", key="rita")
    found = evidence(decided, path="approvals/2025-01/other.yaml")
    assert (found["level"], found["authors"]) == ("C", ["ann@example.edu", "ben@example.edu", "rita@example.edu"])


def test_a_merge_of_another_file_vouches_for_no_pattern(decided: Repository) -> None:
    """A file called `*.yaml` was pushed by itself; Rita merges Ann's file of the same folder."""
    decided.git("switch", "-q", "main")
    pattern = "approvals/2025-01/*.yaml"
    decided.write(pattern, DECISION.format(by="ben@example.edu", reason="x").replace("above-list", "pattern:gpu"))
    pushed = decided.commit(who="ben")
    merge(decided, "rita", key="rita")
    found = evidence(decided, path=pattern)
    assert (found["level"], found["commit"], found["authors"]) == ("C", pushed, ["ben@example.edu"])
    assert evidence(decided)["level"] == "B"


def listed(ledger: Repository, *who: str, name: str = "{}@example.edu", extend: bool = True) -> str:
    """Put keys of people on the list of signers, made where there are none; gives what was added."""
    added = ""
    for each in who:
        key = ledger.root.parent / each
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", each, "-f", str(key)], check=True)
        added += f'{name.format(each)} namespaces="git" {key.with_suffix(".pub").read_text()}'
    before = (ledger.root / "allowed_signers").read_text("utf-8") if extend else ""
    ledger.write("allowed_signers", before + added)
    return added


@pytest.mark.parametrize("way", ["fast-forward", "merge of the branch's own", "unsigned merge first"])
def test_a_branch_cannot_bring_its_own_key_in_an_earlier_commit(decided: Repository, way: str) -> None:
    """However its commits come to main."""
    decided.git("switch", "-qC", "decide", "main")
    listed(decided, "mallory")
    decided.commit(who="ann")
    if way == "unsigned merge first":
        merge(decided, "ann")
        decided.git("switch", "-qC", "decide", "main")
    decided.git("switch", "-qc", "side")
    decide(decided)
    decided.git("add", "-A")
    decided.git(*signed(decided, "mallory"), "commit", "-q", "-S", "-m", "x", who="ann")
    if way != "fast-forward":
        decided.git("switch", "-q", "decide")
        decided.git(*signed(decided, "mallory"), "merge", "-q", "--no-ff", "-S", "-m", "x", "side", who="ben")
    decided.git("switch", "-q", "main")
    decided.git("merge", "-q", "--ff-only", "side" if way == "fast-forward" else "decide")
    found = evidence(decided)
    assert (found["level"], found["why"]) == (
        "C",
        "names only: no commit was signed by someone else; keys not signed by anyone on the list: 1",
    )


def test_a_list_of_its_own_gives_a_branch_no_signers(decided: Repository) -> None:
    """It leaves main before there is a list, begins one, takes main in and is fast-forwarded."""
    first = decided.git("rev-list", "--max-parents=0", "main")
    decided.git("switch", "-qc", "side", first)
    listed(decided, "mallory", extend=False)
    decided.commit(who="ann")
    decide(decided)
    decided.git("add", "-A")
    decided.git(*signed(decided, "mallory"), "commit", "-q", "-S", "-m", "x", who="ann")
    decided.git("merge", "-q", "-X", "ours", "-m", "take main in", "main", who="ann")
    decided.git("switch", "-q", "main")
    decided.git("merge", "-q", "--ff-only", "side")
    found = evidence(decided)
    assert found["level"] == "C"
    assert "allowed_signers was created in more than one commit" in found["why"]


def test_a_key_counts_once_someone_of_the_list_signed_its_coming(decided: Repository) -> None:
    """Zoe proposes her key and Rita merges it; nobody can sign in a key of their own making."""
    for author, zoe in (("zoe", "B"), ("rita", "C")):
        decided.git("switch", "-qC", "keys", "main")
        listed(decided, author + "-new", name="zoe@example.edu")
        decided.commit(who=author)
        decided.git("switch", "-q", "main")
        decided.git(*signed(decided, "rita"), "merge", "-q", "--no-ff", "-S", "-m", "key", "keys", who="rita")
        decided.git("switch", "-qC", "decide", "main")
        decide(decided, reason=f"after {author}")
        decided.commit(who="ann")
        merge(decided, "zoe", key=author + "-new")
        assert (evidence(decided)["level"], author) == (zoe, author)


def test_who_signs_for_one_key_does_not_sign_for_another_that_lay_there(decided: Repository) -> None:
    """Mallory's key came unsigned; Rita merges Zoe's."""
    decided.git("switch", "-q", "main")
    listed(decided, "mallory")
    decided.commit(who="ann")
    decided.git("switch", "-qc", "keys")
    listed(decided, "zoe")
    decided.commit(who="zoe")
    decided.git("switch", "-q", "main")
    decided.git(*signed(decided, "rita"), "merge", "-q", "--no-ff", "-S", "-m", "key", "keys", who="rita")
    for who, level in (("mallory", "C"), ("zoe", "B")):
        decided.git("switch", "-qC", "decide", "main")
        decide(decided, reason=f"for {who}")
        decided.commit(who="ann")
        merge(decided, who, key=who)
        assert (evidence(decided)["level"], who) == (level, who)


def test_a_key_that_was_taken_out_counts_no_more(decided: Repository) -> None:
    decided.git("switch", "-q", "main")
    lines = (decided.root / "allowed_signers").read_text("utf-8").splitlines(keepends=True)
    decided.write("allowed_signers", lines[1])
    decided.commit(who="ann")
    merge(decided, "rita", key="rita")
    assert evidence(decided)["level"] == "C"


@pytest.mark.parametrize(
    "names",
    ["*@example.edu", "ann@home.example,ann@example.edu", "ann@example.edu,ann@home.example", "ann@home.example",
     '"ann@home.example,ann@example.edu"', "Ann@Example.edu", "ann@home.example,!x@example.edu"],
)  # fmt: skip
def test_nobody_becomes_someone_else_by_another_name_of_the_key(decided: Repository, names: str) -> None:
    """Ann's key stands on the list under several names or a pattern, in one line or in two, and she signs alone."""
    decided.git("switch", "-qC", "main", "main~1")
    again = listed(decided, "ann", name=names, extend=False)
    if names == "ann@home.example":
        decided.write("allowed_signers", again + again.replace("home.example", "example.edu"))
    decided.commit()
    decide(decided)
    decided.git("add", "-A")
    decided.git(*signed(decided, "ann"), "commit", "-q", "-S", "-m", "x", who="ann")
    assert evidence(decided)["level"] == "C"


def test_all_names_of_a_key_are_told(decided: Repository) -> None:
    decided.git("switch", "-qC", "main", "main~1")
    listed(decided, "rita", name="{0}@example.edu,{0}@home.example", extend=False)
    decided.commit()
    decide(decided)
    decided.git("add", "-A")
    decided.git(*signed(decided, "rita"), "commit", "-q", "-S", "-m", "x", who="ann")
    found = evidence(decided)
    assert (found["level"], found["approvers"]) == ("B", ["rita@example.edu", "rita@home.example"])


RULE = "organization: T\nsources: {{aws: {{credit_fund: C-1}}}}\nreview: {{evidence: {rule}}}\n"


def test_what_the_config_asks_for_is_a_problem_where_it_is_missing(decided: Repository, tmp_path: Path) -> None:
    """In `review evidence` and at closing; a shallow clone is told how to get its history."""
    decided.write("config.yaml", RULE.format(rule="{level: B}"))
    decided.commit()
    assert [each["code"] for each in evidence(decided, code=1)["problems"]] == ["evidence-missing"]
    close = ("periods", "close", "2025-01", "--by", "admin@example.edu", "--on", "2025-02-05", "--leave-held")
    said = decided.run(*close, code=2).stderr
    assert "level C; level B is required" in said
    assert not (decided.root / "periods").exists()
    merge(decided, "rita", key="rita")
    assert evidence(decided)["problems"] == []
    clone = Repository.__new__(Repository)
    clone.root = tmp_path / "clone"
    decided.git("clone", "-q", "--depth=1", f"file://{decided.root}", str(clone.root))
    assert "fetch-depth: 0" in clone.run("review", "evidence", code=1).stderr
    decided.run(*close)
    record = (decided.root / "periods/2025-01.frozen.yaml").read_text("utf-8")
    assert "level: B" in record


def test_another_than_the_author_can_be_asked_for(decided: Repository) -> None:
    decided.write("config.yaml", RULE.format(rule="{other_than_author: true}"))
    decide(decided, by="ann@example.edu")
    decided.commit(who="ann")
    (problem,) = evidence(decided, code=1)["problems"]
    named = "named in the file: ann@example.edu"
    assert problem["message"] == f"must be approved by someone other than its authors ({named})"
    decide(decided, by="rita@example.edu")
    decided.commit(who="ann")
    assert evidence(decided)["problems"] == []


@pytest.mark.slow
def test_pages_show_what_closing_recorded(decided: Repository) -> None:
    """And nothing that was found out since."""
    merge(decided, "rita", key="rita")
    decided.run("periods", "close", "2025-01", "--by", "admin@example.edu", "--on", "2025-02-05", "--leave-held")
    decided.commit(who="ann")
    assert evidence(decided, path="periods/2025-01.yaml")["level"] == "C"
    decided.run("build", "-o", "public")
    page = (decided.root / "public/periods/2025-01/index.html").read_text("utf-8")
    assert "Evidence for decisions" in page
    assert "signed by rita@example.edu" in page
    assert "periods/2025-01.yaml" not in page


class Host:
    """The files that a workflow downloads about a pull request."""

    def __init__(self, ledger: Repository, folder: Path) -> None:
        self.ledger, self.folder = ledger, folder
        self.head = ledger.git("rev-parse", "HEAD")
        self.event: dict[str, Any] = {
            "pull_request": {"number": 12, "head": {"sha": self.head}, "user": {"login": "ann"}, "commits": 1}
        }
        self.commits: list[dict[str, Any]] | None = [
            {"sha": self.head, "author": {"login": "ann"}, "commit": {"message": "x"}}
        ]

    def review(self, who: str = "rita", state: str = "APPROVED", **more: Any) -> dict[str, Any]:
        return {
            "user": {"login": who, "type": "User"},
            "state": state,
            "commit_id": self.head,
            "author_association": "MEMBER",
            **more,
        }

    def rebased_on(self, people: str) -> None:
        """The branch on a base whose people.yaml says this."""
        self.ledger.git("switch", "-q", "main")
        self.ledger.write("directory/people.yaml", people)
        self.ledger.commit()
        self.ledger.git("switch", "-q", "decide")
        self.ledger.git("rebase", "-q", "main", who="ann")
        self.head = self.event["pull_request"]["head"]["sha"] = self.ledger.git("rev-parse", "HEAD")

    def told(self, *reviews: dict[str, Any], code: int = 0) -> dict[str, Any]:
        """The evidence with these reviews."""
        arguments = []
        for name, value in (("event", self.event), ("reviews", list(reviews)), ("commits", self.commits)):
            if value is not None:
                path = self.folder / f"{name}.json"
                path.write_text(json.dumps(value), encoding="utf-8")
                arguments += [f"--{name}", str(path)]
        return evidence(self.ledger, *arguments, code=code)


@pytest.fixture
def host(decided: Repository, tmp_path: Path) -> Host:
    return Host(decided, tmp_path)


def test_a_review_that_the_host_recorded_is_level_a(host: Host) -> None:
    found = host.told(host.review())
    assert (found["level"], found["approvers"]) == ("A", ["rita"])
    assert found["why"] == f"github #12: approving review of {host.head[:12]}"


@pytest.mark.parametrize(
    ("reviews", "level"),
    [
        ([{}], "A"),
        ([{"official": False}], "C"),
        ([{"dismissed": True}], "C"),
        ([{}, {"state": "REQUEST_CHANGES"}], "C"),
        ([{"commit_id": "0" * 40}], "C"),
        ([{}, {"state": "COMMENT"}], "A"),
    ],
)
def test_a_review_as_forgejo_and_gitea_record_it(host: Host, reviews: list[dict[str, Any]], level: str) -> None:
    """They say of each review whether it counts, instead of who someone is to the repository."""
    listed = [host.review(**{"official": True, "stale": False, "dismissed": False, **each}) for each in reviews]
    found = host.told(*({key: each[key] for key in each if key != "author_association"} for each in listed))
    assert found["level"] == level
    assert level == "C" or found["why"].startswith("forgejo #12: ")


@pytest.mark.parametrize(
    ("reviews", "why"),
    [
        ([], "no approving review"),
        ([{"who": "ann"}], "only authors approved it"),
        ([{"who": "Ann"}], "only authors approved it"),
        ([{"state": "COMMENTED"}], "no approving review"),
        ([{"commit_id": "0" * 40}], "no approving review"),
        ([{"author_association": "NONE"}], "no approving review"),
        ([{"user": {"login": "helper[bot]", "type": "Bot"}}], "no approving review"),
        ([{}, {"state": "CHANGES_REQUESTED"}], "no approving review"),
        ([{}, {"state": "DISMISSED"}], "no approving review"),
    ],
)  # fmt: skip
def test_other_reviews_are_not(host: Host, reviews: list[dict[str, Any]], why: str) -> None:
    """By an author, of an earlier commit, taken back, by someone without rights, by a program."""
    found = host.told(*(host.review(**each) for each in reviews))
    assert found["level"] == "C"
    assert why in found["why"]


def test_a_comment_after_an_approval_leaves_it(host: Host) -> None:
    assert host.told(host.review(), host.review(state="COMMENTED"))["level"] == "A"


@pytest.mark.slow
def test_authors_who_are_not_known_to_the_host_leave_no_level_a(host: Host) -> None:
    """Whether the reviewer wrote a commit cannot be told then."""
    assert host.commits is not None
    host.commits[0]["author"] = None
    assert "has no account on the host" in host.told(host.review())["why"]
    host.commits[0] = {"author": {"login": "ann"}, "commit": {"message": "x\n\nCo-Authored-By: B <b@example.edu>"}}
    assert "has co-authors" in host.told(host.review())["why"]
    host.event["pull_request"]["commits"] = 2
    assert "only 1 of its 2 commits" in host.told(host.review())["why"]
    del host.event["pull_request"]["commits"]  # as in the event of a review
    assert "does not have its number of commits" in host.told(host.review())["why"]
    host.event["pull_request"]["commits"] = 1
    host.commits = []  # where the host did not answer
    assert "--commits is empty" in host.told(host.review())["why"]
    host.commits = None
    assert "without --commits" in host.told(host.review())["why"]


def test_a_review_of_another_request_says_nothing(host: Host) -> None:
    """The file came to the branch before, so the request is not about it."""
    merge(host.ledger, "ann")
    host.ledger.git("switch", "-qc", "next")
    host.head = host.ledger.commit(who="ben")
    host.event["pull_request"]["head"]["sha"] = host.head
    assert host.told(host.review())["level"] == "C"


def test_after_a_squash_merge_the_request_still_vouches(host: Host) -> None:
    """By the commit that the host says it became; Git itself shows only the host."""
    host.ledger.git("switch", "-q", "main")
    host.ledger.git("merge", "-q", "--squash", "decide")
    squashed = host.ledger.commit(who="noreply")
    assert host.told(host.review())["level"] == "C"
    host.event["pull_request"] |= {"merged": True, "merge_commit_sha": squashed}
    found = host.told(host.review())
    assert (found["level"], found["why"]) == ("A", f"github #12: approving review of {host.head[:12]}")
    host.ledger.git("branch", "-q", "-D", "decide")
    host.ledger.git("reflog", "expire", "--expire=now", "--all")
    host.ledger.git("gc", "-q", "--prune=now")
    found = host.told(host.review())
    assert found["level"] == "A"
    assert "this clone lacks that commit for comparison" in found["why"]


@pytest.mark.parametrize("way", ["merge", "squash", "merge of something else"])
def test_a_request_that_became_something_else_than_was_reviewed_says_nothing(host: Host, way: str) -> None:
    """Whoever merged it changed the file, or the commit that it became does not hold what was reviewed at all."""
    ledger = host.ledger
    ledger.git("switch", "-q", "main")
    if way == "merge of something else":
        ledger.git("switch", "-q", "decide")
        decide(ledger, reason="other")
        ledger.git("add", "-A")
        ledger.git("commit", "-q", "--amend", "-m", "other", who="ann")
        merge(ledger, "ann")
        ledger.git("reflog", "expire", "--expire=now", "--all")
        ledger.git("gc", "-q", "--prune=now")
    else:
        ledger.git("merge", "-q", *(("--squash",) if way == "squash" else ("--no-ff", "--no-commit")), "decide")
        decide(ledger, reason="not reviewed")
        ledger.commit(who="ann")
    became = ledger.git("rev-parse", "HEAD")
    host.event["pull_request"] |= {"merged": True, "merge_commit_sha": became}
    found = host.told(host.review())
    assert found["level"] == "C"
    assert "the reviewed commit" in found["why"]


def test_evidence_is_kept_and_recorded_at_closing(host: Host) -> None:
    """As JSON from the pull request; it holds for the same content only."""
    kept = host.folder / "kept.json"
    kept.write_text(json.dumps({"format": "openchargeback-evidence", "evidence": [host.told(host.review())]}))
    merge(host.ledger, "ann")
    assert evidence(host.ledger)["level"] == "C"
    assert evidence(host.ledger, "--evidence", str(kept))["level"] == "A"
    close = ("periods", "close", "2025-01", "--by", "a@example.edu", "--on", "2025-02-05", "--leave-held")
    host.ledger.run(*close, "--evidence", str(kept))
    assert "level: A" in (host.ledger.root / "periods/2025-01.frozen.yaml").read_text("utf-8")
    host.ledger.run("periods", "open", "2025-01")
    decide(host.ledger, reason="another")
    host.ledger.commit(who="ann")
    assert evidence(host.ledger, "--evidence", str(kept))["level"] == "C"


def test_the_plan_shows_it_and_warns_of_what_is_still_asked_for(host: Host) -> None:
    ledger = host.ledger
    ledger.git("switch", "-q", "main")
    ledger.write("config.yaml", RULE.format(rule="{level: A}"))
    ledger.commit()
    ledger.git("switch", "-q", "decide")
    ledger.git("rebase", "-q", "main", who="ann")
    # The branch may not lower what it is held to.
    ledger.write("config.yaml", RULE.format(rule="{level: C}"))
    host.head = ledger.commit(who="ann")
    host.event["pull_request"]["head"]["sha"] = host.head
    plan = json.loads(ledger.run("plan", "main", "--format", "json").stdout)
    assert [(each["path"], each["level"]) for each in plan["evidence"]] == [(FILE, "C")]
    assert [(each["code"], each["severity"]) for each in plan["problems"] if "evidence" in each["code"]] == [
        ("evidence-missing", "warning")
    ]
    host.told(host.review())
    files = [f"--{name}={host.folder / name}.json" for name in ("event", "reviews", "commits")]
    for form in ("text", "markdown"):
        said = ledger.run("plan", "main", "--format", form, *files)
        assert "Evidence for decisions and closings" in said.stdout
        assert "evidence-missing" not in said.stdout + said.stderr


def test_files_that_are_no_record_of_a_host_are_said(decided: Repository, tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{", encoding="utf-8")
    (tmp_path / "list.json").write_text("[1]", encoding="utf-8")
    (tmp_path / "event.json").write_text('{"pull_request": {"number": 1, "head": {"sha": "0"}}}', encoding="utf-8")
    event = ("--event", str(tmp_path / "event.json"))
    for arguments, said in (
        (("--event", str(tmp_path / "no.json"), "--reviews", str(tmp_path / "no.json")), "is not JSON"),
        ((*event, "--reviews", str(tmp_path / "list.json")), "is not an API listing"),
        (("--evidence", str(tmp_path / "list.json")), "was not written by"),
        (event, "--event requires --reviews"),
        (("--commits", str(tmp_path / "list.json")), "--commits requires --reviews"),
        (("--reviews", str(tmp_path / "list.json")), "--reviews requires --event"),
    ):
        assert said in decided.run("review", "evidence", *arguments, code=2).stderr


JOINED = {
    "people.yaml": ("directory/people.yaml", "people: [{email: ann@example.edu, aliases: [a.nn@home.example]}]\n"),
    "mailmap": (".mailmap", "# who is who\nAnn <ann@example.edu> Ann Other <a.nn@home.example>\n"),
}


def relisted(ledger: Repository, who: str, address: str) -> None:
    """Rita's line of the list of signers goes, and a person's key is listed under another address, on main."""
    ledger.git("switch", "-qC", "main", "main~1")
    ledger.write("allowed_signers", f'{address} namespaces="git" {(ledger.root.parent / f"{who}.pub").read_text()}')


@pytest.mark.parametrize("source", JOINED)
def test_one_person_under_two_addresses_approves_nothing_of_their_own(decided: Repository, source: str) -> None:
    """Ann wrote it as ann@example.edu and signs with the key of a.nn@home.example."""
    text = (decided.root / "charges/2025-01/aws.csv").read_text("utf-8")
    relisted(decided, "ann", "a.nn@home.example")
    decided.write(*JOINED[source])
    decided.write("charges/2025-01/aws.csv", text)
    decided.commit()
    decided.git("switch", "-qC", "decide")
    decide(decided, by="A.nn@home.example")
    decided.commit(who="ann")
    merge(decided, "ann", key="ann")
    found = evidence(decided)
    assert (found["level"], found["authors"]) == ("C", ["ann@example.edu"])
    assert found["named_as_deciding"] == ["ann@example.edu"]
    decided.write("config.yaml", RULE.format(rule="{other_than_author: true}"))
    assert "named in the file: ann@example.edu" in evidence(decided, code=1)["problems"][0]["message"]


@pytest.mark.parametrize("source", JOINED)
def test_who_writes_under_another_address_does_not_sign_as_someone_else(decided: Repository, source: str) -> None:
    """Ann wrote it as ann@home.example and signs with the key of ann@example.edu."""
    decided.git("switch", "-q", "main")
    path, text = JOINED[source]
    decided.write(path, text.replace("a.nn@", "ann@"))
    decided.commit()
    decided.git("switch", "-q", "decide")
    decided.git("rebase", "-q", "main", who="ann")
    decided.git("commit", "-q", "--amend", "--no-edit", "--author", "Ann <ann@home.example>", who="admin")
    merge(decided, "ann", key="ann")
    found = evidence(decided)
    assert (found["level"], found["authors"]) == ("C", ["ann@example.edu"])


@pytest.mark.parametrize("source", ["people.yaml", "mailmap"])
def test_a_branch_does_not_say_who_its_authors_are(decided: Repository, source: str) -> None:
    """It calls Ann Rita. What the base says counts, and addresses are only ever joined."""
    path, _ = JOINED[source]
    decided.write(
        path,
        "people: [{email: rita@example.edu, aliases: [ann@example.edu]}]\n"
        if source == "people.yaml"
        else "Rita <rita@example.edu> <ann@example.edu>\n",
    )
    decided.commit(who="ann")
    merge(decided, "rita", key="rita")
    found = evidence(decided)
    assert (found["level"], found["approvers"], found["authors"]) == ("B", ["rita@example.edu"], ["ann@example.edu"])


def test_a_mailmap_makes_no_two_people_of_one(decided: Repository) -> None:
    """Even on the base: calling Ann someone else hides nothing, since her own address stays hers."""
    decided.git("switch", "-q", "main")
    decided.write(".mailmap", "Zoe <zoe@example.edu> <ann@example.edu>\n")
    decided.commit()
    decided.git("switch", "-q", "decide")
    decided.git("rebase", "-q", "main", who="ann")
    merge(decided, "ann", key="ann")
    assert (evidence(decided)["level"], evidence(decided)["authors"]) == ("C", ["zoe@example.edu"])


@pytest.mark.parametrize(
    ("user", "alias"),
    [
        ({"login": "ann-private", "type": "User", "id": 7}, "7+ann-private@users.noreply.github.com"),
        ({"login": "ann-private", "type": "User"}, "ann-private@users.noreply.github.com"),
        ({"login": "ann-private", "type": "User", "email": "Ann@Home.example"}, "ann@home.example"),
    ],
    ids=["noreply-id", "noreply", "email"],
)
def test_a_second_account_of_an_author_is_no_reviewer(host: Host, user: dict[str, Any], alias: str) -> None:
    """Where the directory of the base knows an address that the host has for it."""
    assert host.commits is not None
    host.commits[0]["commit"]["author"] = {"email": "ann@example.edu"}
    assert host.told(host.review(user=user))["level"] == "A"
    host.rebased_on(f"people: [{{email: ann@example.edu, aliases: ['{alias}']}}]\n")
    found = host.told(host.review(user=user))
    assert found["level"] == "C"
    assert "only its authors approved it, under other addresses" in found["why"]
    found = host.told(host.review(user=user), host.review())
    assert (found["level"], found["approvers"]) == ("A", ["rita"]), "she is not named beside who did review it"


def test_a_second_account_of_a_committer_is_no_reviewer(host: Host) -> None:
    """Bo wrote it and Ann committed it; the review is of an account of hers."""
    assert host.commits is not None
    host.commits[0]["author"] = {"login": "bo"}
    host.commits[0]["commit"] |= {"author": {"email": "bo@example.edu"}, "committer": {"email": "ann@example.edu"}}
    host.event["pull_request"]["user"] = {"login": "bo"}
    user = {"login": "ann-private", "type": "User", "email": "ann@home.example"}
    host.rebased_on("people: [{email: ann@example.edu, aliases: [ann@home.example]}]\n")
    found = host.told(host.review(user=user))
    assert found["level"] == "C"
    assert "only its authors approved it, under other addresses" in found["why"]
    assert host.told(host.review(user={"login": "rita", "type": "User", "email": "rita@example.edu"}))["level"] == "A"


def test_addresses_that_several_pairs_join_are_one_person() -> None:
    """In any order; the address of people.yaml stands for the person."""
    pairs = [("b@x", "a@x"), ("d@x", "c@x"), ("D@x ", "b@x")]
    for order in (pairs, pairs[::-1]):
        who = joined(order, ["d@x"])
        assert {who.person(each) for each in ("a@x", "B@x", "c@x", "d@x")} == {"d@x"}
    assert who.person("E@x") == "e@x"
    assert who.named("Rita R.") == "Rita R."


def test_without_the_base_nothing_is_known(decided: Repository) -> None:
    """A branch whose base is not here could have brought its own list of keys."""
    decided.git("branch", "-qD", "main")
    found = evidence(decided)
    why = "this clone has neither origin/main nor main, so the changes of this branch are unknown"
    assert (found["level"], found["why"]) == ("unknown", why)
    assert evidence(decided, "--base", "HEAD~1")["level"] == "C"


def changed(host: Host, *reviews: dict[str, Any], code: int) -> set[tuple[str, str]]:
    """What the check of a pull request says is missing."""
    files = []
    for name, value in (("event", host.event), ("reviews", list(reviews)), ("commits", host.commits)):
        path = host.folder / f"{name}.json"
        path.write_text(json.dumps(value), encoding="utf-8")
        files += [f"--{name}", str(path)]
    told = host.ledger.run("review", "evidence", "--changed", "--base", "main", *files, "--format", "json", code=code)
    return {(each["code"], each["path"]) for each in json.loads(told.stdout)["problems"]}


def test_a_closing_is_judged_by_the_check_of_its_pull_request_and_by_the_rule_of_its_time(host: Host) -> None:
    """Below the level until the review is there; a branch cannot lower it, nor vouch for itself in its own record."""
    ledger = host.ledger
    kept = host.folder / "kept.json"
    kept.write_text(json.dumps({"evidence": [host.told(host.review())], "format": "openchargeback-evidence"}))
    merge(ledger, "ann")
    ledger.write("config.yaml", RULE.format(rule="{level: A}"))
    ledger.commit()
    ledger.git("switch", "-qc", "close")
    ledger.write("config.yaml", RULE.format(rule="{level: C}"))
    ledger.commit(who="ann")
    close = ("periods", "close", "2025-01", "--by", "ann@example.edu", "--on", "2025-02-05", "--leave-held")
    ledger.run(*close, "--evidence", str(kept))
    host.head = ledger.commit(who="ann")
    host.event["pull_request"]["head"]["sha"] = host.head
    closing = "periods/2025-01.yaml"
    assert changed(host, code=1) == {("evidence-missing", closing)}
    assert changed(host, host.review(), code=0) == set()
    ledger.git("switch", "-q", "main")
    ledger.git("merge", "-q", "--no-ff", "-m", "merge", "close", who="rita")
    # Later, more is asked for: the month was closed by the rule of then, and its record says what was known.
    ledger.write("config.yaml", RULE.format(rule="{level: B, other_than_author: true}"))
    ledger.commit()
    told = json.loads(ledger.run("review", "evidence", "--format", "json").stdout)
    assert {each["path"]: each["level"] for each in told["evidence"]} == {FILE: "A", closing: "C"}
