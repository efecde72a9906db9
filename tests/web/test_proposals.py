"""Proposals: every branch with its plan, approved by a second person and merged, or a reason why not."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import office
import proposing
import pytest
from office import Office

from openchargeback.web import proposals
from repository import Repository


@pytest.fixture
def made(tmp_path: Path) -> Repository:
    """A ledger without a remote, whose changes a second person approves."""
    return proposing.ledger(tmp_path / "ledger")


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    """The same with a bare remote."""
    return proposing.ledger(tmp_path / "ledger", remote=True)


@pytest.fixture
def served(made: Repository) -> Iterator[Office]:
    """The ledger without a remote, served."""
    with office.served(made.root) as found:
        yield found


def evidence(made: Repository) -> tuple[str, list[str], list[str]]:
    """The level of the only approval file, who approved it, and its authors."""
    (found,) = json.loads(made.run("review", "evidence", "--format", "json").stdout)["evidence"]
    return found["level"], found["approvers"], found["authors"]


def test_a_decision_is_proposed_by_one_person_and_merged_by_another(made: Repository, served: Office) -> None:
    """The whole way without a terminal, and what Git and the audit log say of it afterwards."""
    rita, rob = served.browser("rita"), served.browser("rob")
    item = proposing.queue(made)[0]["item"]
    branch = proposing.commit(rita, proposing.propose(rita, *proposing.decision(made, item, "rita@example.edu")))
    shown = rita.follow(f"/web/proposals/{branch}")
    assert "You took part in this branch, so someone else must approve it." in shown.words
    assert "someone else" in rita.get("/web/todo").words
    shown = rob.follow(f"/web/proposals/{branch}")
    assert "Approve and merge as Rob Reviewer" in shown.words
    assert "+decisions:" in shown.text
    got = proposing.approve(rob, branch)
    assert got.status == 303, got.words
    merge, main, topic = (made.git("rev-parse", name) for name in ("main", "main^1", branch))
    assert made.git("show", "-s", "--format=%P%n%an <%ae>%n%cn <%ce>%n%B%G?", "main").splitlines() == [
        f"{main} {topic}",
        "Rob Reviewer <rob@example.edu>",
        "Rob Reviewer <rob@example.edu>",
        f"Merge {branch}: Approve 1 item of January 2025",
        "",
        "Approved-by: Rob Reviewer <rob@example.edu>",
        "N",
    ]
    assert (made.root / f"approvals/2025-01/{item}.yaml").is_file()
    assert proposing.is_whole(made)
    assert evidence(made) == ("W", ["rob@example.edu"], ["rita@example.edu"])
    assert "merged into main, approved by rob@example.edu" in rob.follow(f"/web/proposals/{branch}").words
    log = [(each.user, each.what, each.detail) for each in reversed(served.program.audit.latest(50))]
    assert ("rob", "approve", f"{branch} {topic}") in log
    assert log[-1] == ("rob", "merge", f"{branch} {topic} as {merge}")


def test_who_had_any_part_in_a_branch_cannot_merge_it(made: Repository) -> None:
    """As author, co-author or committer, or under another address of theirs."""
    made.write("directory/people.yaml", "people:\n  - {email: robert@example.edu, aliases: [rob@example.edu]}\n")
    before = made.commit()
    proposing.branch_by(made, "rob", "author")
    proposing.branch_by(made, "robert", "alias")
    for name, who, trailer in (
        ("coauthor", "ann", "\n\nCo-authored-by: R <Rob@example.edu>"),
        ("committer", "rob", ""),
    ):
        made.git("switch", "-qc", name)
        author = ("--author", "Ann <ann@example.edu>")
        made.git("commit", "-q", "--allow-empty", "-m", f"x{trailer}", *author, who=who)
        made.git("switch", "-q", "main")
    with office.served(made.root) as served:
        rob = served.browser("rob")
        for name in ("author", "alias", "coauthor", "committer"):
            got = rob.post("/web/approve", name=name, commit=made.git("rev-parse", name), base=before)
            assert (got.status, "someone else must approve it" in got.words) == (403, True), name
        assert made.git("rev-parse", "main") == before
        tip = made.git("rev-parse", "coauthor")
        assert served.browser("rita").post("/web/approve", name="coauthor", commit=tip, base=before).status == 303


def test_other_roles_see_proposals_or_nothing_and_never_merge(made: Repository, served: Office) -> None:
    tip, before = proposing.branch_by(made, "ann"), made.git("rev-parse", "main")
    for user, may in (("finn", True), ("vera", True), ("pia", False)):
        browser = served.browser(user)
        for path in ("/web/todo", "/web/proposals", "/web/proposals/topic"):
            assert (browser.get(path).status != 403) is may, (user, path)
        assert browser.post("/web/approve", name="topic", commit=tip, base=before).status == 403
    assert "Your role does not include approving" in served.browser("vera").follow("/web/proposals/topic").words
    assert made.git("rev-parse", "main") == before


def test_an_approval_is_of_the_commits_that_were_shown(made: Repository, served: Office) -> None:
    """The branch moves, and then `main`, between reading and pressing the button."""
    proposing.branch_by(made, "ann")
    rob = served.browser("rob")
    shown = proposing.fields(rob.follow("/web/proposals/topic"))
    made.git("switch", "-q", "topic")
    made.commit(message="More", who="ann")
    made.git("switch", "-q", "main")
    got = rob.post("/web/approve", **shown)
    assert (got.status, "topic has changed since this page was shown" in got.words) == (409, True)
    proposing.wait_for(served, made.git("rev-parse", "topic"), rob, "/web/proposals/topic")
    shown = proposing.fields(rob.follow("/web/proposals/topic"))
    before = made.commit(message="Something else on main")
    got = rob.post("/web/approve", **shown)
    assert (got.status, "main has moved meanwhile" in got.words) == (409, True)
    assert made.git("rev-parse", "main") == before
    assert proposing.is_whole(made)


def test_a_conflict_is_a_reason(made: Repository, served: Office) -> None:
    proposing.branch_by(made, "ann")
    made.write("notes.txt", "other\n")
    before = made.commit(message="The same file on main")
    rob = served.browser("rob")
    got = proposing.approve(rob, "topic")
    assert (got.status, "both changed notes.txt" in got.words) == (409, True)
    assert (made.git("rev-parse", "main"), proposing.is_whole(made)) == (before, True)
    # The clone is not left in the middle of it.
    proposing.wait_for(served, proposing.branch_by(made, "ann", "fine", "other.txt"), rob, "/web/proposals/fine")
    assert proposing.approve(rob, "fine").status == 303


def test_a_branch_with_errors_is_not_merged(made: Repository, served: Office) -> None:
    tip = proposing.branch_by(made, "ann", file="config.yaml", text="organization: [\n")
    rob, before = served.browser("rob"), made.git("rev-parse", "main")
    shown = rob.follow("/web/proposals/topic")
    assert "With these errors it cannot be merged." in shown.words
    got = rob.post("/web/approve", name="topic", commit=tip, base=before)
    assert (got.status, "it would have errors" in got.words) == (409, True)
    assert made.git("rev-parse", "main") == before


def test_a_merge_that_takes_long_is_waited_for_on_its_page(
    made: Repository, served: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever approved sees why it was not merged; once it is, everyone sees that."""
    monkeypatch.setattr(proposals, "PATIENCE", 0)
    tips = {
        "bad": proposing.branch_by(made, "ann", "bad", "config.yaml", "organization: [\n"),
        "topic": proposing.branch_by(made, "ann"),
    }
    for name, tip in tips.items():
        rita, rob = served.browser("rita"), served.browser("rob")
        proposing.wait_for(served, name, rita, "/web/proposals")
        got = rita.post("/web/approve", name=name, commit=tip, base=made.git("rev-parse", "main"))
        assert (got.status, got.location) == (303, f"/web/proposals/{name}"), got.words
        assert "Merging into main" in rob.get(got.location).words
        shown = rob.follow(got.location)
        own = rita.follow(got.location)
        if name == "bad":
            assert "was not merged" not in shown.words
            assert (own.status, "it would have errors" in own.words) == (409, True), own.words
            assert rita.follow(got.location).status == 200
        else:
            assert "approved by rita@example.edu" in shown.words, shown.words
    assert made.git("merge-base", "--is-ancestor", tips["topic"], "main") == ""


def test_files_in_the_way_are_a_reason(remote: Repository) -> None:
    """Someone is working in the ledger's folder. Nothing is pushed either."""
    config = (remote.root / "config.yaml").read_text()
    proposing.branch_by(remote, "ann", file="config.yaml", text=f"{config}currency: USD\n")
    with (remote.root / "config.yaml").open("a") as file:
        file.write("# not committed\n")
    before = remote.git("rev-parse", "main")
    with office.served(remote.root) as served:
        got = proposing.approve(served.browser("rob"), "topic")
    assert (got.status, "main is checked out in the ledger's folder and cannot move" in got.words) == (409, True)
    assert (remote.git("rev-parse", "main"), remote.git("status", "--porcelain")) == (before, "M config.yaml")
    assert remote.git("ls-remote", "origin", "main").split()[0] == before


def test_the_work_tree_follows_only_where_main_is_checked_out(made: Repository, served: Office) -> None:
    proposing.branch_by(made, "ann")
    made.git("switch", "-qc", "elsewhere")
    assert proposing.approve(served.browser("rob"), "topic").status == 303
    assert not (made.root / "notes.txt").exists()
    assert made.git("show", "main:notes.txt") == "x"
    assert made.git("status", "--porcelain") == ""


def test_two_people_approve_at_the_same_moment(made: Repository, served: Office) -> None:
    proposing.branch_by(made, "ann")
    browsers = [served.browser(user) for user in ("rita", "rob", "admin")]
    shown = [proposing.fields(each.follow("/web/proposals/topic")) for each in browsers]
    with ThreadPoolExecutor(3) as pool:
        got = list(pool.map(lambda each: each[0].post("/web/approve", **each[1]), zip(browsers, shown, strict=True)))
    assert sorted(each.status for each in got) == [303, 409, 409]
    assert all("meanwhile" in each.words for each in got if each.status == 409)
    assert made.git("rev-list", "--count", "--merges", "main") == "1"
    assert proposing.is_whole(made)


def test_a_merge_is_signed_with_the_approvers_own_key_only(made: Repository) -> None:
    """Also if the server's own Git would sign everything."""
    for name in ("rita", "server"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", made.root.parent / name], check=True
        )
    public = (made.root.parent / "rita.pub").read_text()
    made.write("allowed_signers", f'rita@example.edu namespaces="git" {public}')
    made.commit(message="Signers")
    for key, value in (
        ("commit.gpgSign", "true"),
        ("gpg.format", "ssh"),
        ("user.signingKey", str(made.root.parent / "server")),
    ):
        made.git("config", key, value)
    rita = office.PEOPLE["rita"]
    signer = type(rita)(rita.role, rita.email, rita.hash, rita.name, str(made.root.parent / "rita"))
    office.add_people(made.root, {**office.PEOPLE, "rita": signer})
    item = proposing.queue(made)[0]["item"]
    path, text = proposing.decision(made, item, "ann@example.edu")
    for name, file in (("one", path), ("two", "notes.txt")):
        made.git("-c", "commit.gpgSign=false", "switch", "-qc", name)
        made.write(file, text)
        made.git("add", "-f", file)
        made.git("-c", "commit.gpgSign=false", "commit", "-qm", name, who="ann")
        made.git("switch", "-q", "main")
    with office.served(made.root) as served:
        assert proposing.approve(served.browser("rob"), "two").status == 303
        assert "gpgsig" not in made.git("cat-file", "commit", "main")
        browser = served.browser("rita")
        proposing.wait_for(served, made.git("rev-parse", "main"), browser, "/web/proposals/one")
        assert proposing.approve(browser, "one").status == 303
    assert evidence(made) == ("B", ["rita@example.edu"], ["ann@example.edu"])


def test_the_merge_reaches_the_remote(remote: Repository) -> None:
    proposing.branch_by(remote, "ann")
    remote.git("push", "-q", "origin", "topic")
    remote.git("branch", "-qD", "topic")
    with office.served(remote.root) as served:
        rob = served.browser("rob")
        assert proposing.approve(rob, "origin/topic").status == 303
        assert remote.git("ls-remote", "origin", "main").split()[0] == remote.git("rev-parse", "main")
        assert "Merge topic: Change notes.txt" in remote.git("log", "-1", "--format=%s", "main")
        assert "is merged into main" in rob.follow("/web/proposals/origin/topic").words
    assert proposing.is_whole(remote)


def test_what_others_push_appears_without_a_command(remote: Repository, tmp_path: Path) -> None:
    """Fetched in the background while someone looks."""
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", tmp_path / "origin.git", other], check=True)
    ann = ("-c", "user.name=Ann", "-c", "user.email=ann@example.edu")
    for command in (("switch", "-qc", "feature/gpu"), (*ann, "commit", "-q", "--allow-empty", "-m", "GPU prices"),
                    ("push", "-q", "origin", "feature/gpu")):  # fmt: skip
        subprocess.run(["git", "-C", other, *command], check=True)
    with office.served(remote.root) as served:
        browser = served.browser("vera")
        got = proposing.wait_for(served, "GPU prices", browser, "/web/todo")
        assert "origin/feature/gpu" in got.words
        assert (
            "Ann wants to merge origin/feature/gpu into main"
            in browser.follow("/web/proposals/origin/feature/gpu").words
        )


def test_a_remote_that_refuses_is_a_reason_and_nothing_is_merged(remote: Repository) -> None:
    """Such as a protected main branch: then the way is a pull request."""
    config = (remote.root / "config.yaml").read_text("utf-8")
    remote.write("config.yaml", f"{config}portal: {{repository: 'https://github.com/example/ledger'}}\n")
    remote.commit(message="Repository")
    remote.git("push", "-q", "origin", "main")
    hook = remote.root.parent / "origin.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    proposing.branch_by(remote, "ann")
    before = remote.git("rev-parse", "main")
    with office.served(remote.root) as served:
        got = proposing.approve(served.browser("rob"), "topic")
    assert (got.status, "the remote did not take the merge, so nothing was merged" in got.words) == (409, True)
    assert 'href="https://github.com/example/ledger/compare/main...topic?expand=1"' in got.text
    assert remote.git("rev-parse", "main", "origin/main").split() == [before, before]
    assert proposing.is_whole(remote)


def test_main_that_moved_on_the_remote_is_a_reason_then_a_button(remote: Repository, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", tmp_path / "origin.git", other], check=True)
    proposing.branch_by(remote, "ann")
    with office.served(remote.root) as served:
        rob = served.browser("rob")
        shown = proposing.fields(rob.follow("/web/proposals/topic"))
        ann = ("-c", "user.name=Ann", "-c", "user.email=ann@example.edu")
        subprocess.run(["git", "-C", other, *ann, "commit", "-q", "--allow-empty", "-m", "Elsewhere"], check=True)
        subprocess.run(["git", "-C", other, "push", "-q", "origin", "main"], check=True)
        before = remote.git("rev-parse", "main")
        got = rob.post("/web/approve", **shown)
        assert (got.status, "has commits that are not here" in got.words) == (409, True)
        assert (remote.git("rev-parse", "main"), proposing.is_whole(remote)) == (before, True)
        got = proposing.wait_for(served, "Bring it up to date", rob, "/web/todo")
        assert "main on the remote has 1 commit that the portal does not show yet" in got.words
        assert rob.post("/web/follow").status == 303
        assert remote.git("log", "-1", "--format=%s", "main") == "Elsewhere"
        proposing.wait_for(served, remote.git("rev-parse", "main"), rob, "/web/proposals/topic")
        assert proposing.approve(rob, "topic").status == 303


def test_a_remote_that_cannot_be_read_is_a_notice(remote: Repository, tmp_path: Path) -> None:
    (tmp_path / "origin.git").rename(tmp_path / "away.git")
    remote.git("remote", "set-url", "origin", f"file://x:secret-token-1234@{tmp_path}/origin.git")
    with office.served(remote.root) as served:
        got = proposing.wait_for(served, "The remote could not be read", served.browser("vera"), "/web/todo")
        assert "secret-token-1234" not in got.text


def test_with_a_forge_the_page_shows_its_pull_request(tmp_path: Path) -> None:
    made = proposing.ledger(tmp_path / "ledger", approve="forge")
    tip = proposing.branch_by(made, "ann")
    with office.served(made.root) as served:
        rob = served.browser("rob")
        got = rob.follow("/web/proposals/topic")
        assert "This repository has no remote where changes are approved" in got.words
        assert "git merge --no-ff topic" in got.words
        before = made.git("rev-parse", "main")
        got = rob.post("/web/approve", name="topic", commit=tip, base=before)
        assert (got.status, "approved on its forge" in got.words) == (403, True)
    assert made.git("rev-parse", "main") == before


def test_a_branch_is_removed_by_whoever_made_it_alone(remote: Repository) -> None:
    tip = proposing.branch_by(remote, "rita")
    remote.git("push", "-q", "origin", "topic")
    remote.git("fetch", "-q")
    with office.served(remote.root) as served:
        rita = served.browser("rita")
        assert "Remove this branch" in rita.follow("/web/proposals/topic").words
        assert "Remove topic?" in rita.get("/web/remove?name=topic").words
        assert served.browser("rob").post("/web/remove", name="topic", commit=tip).status == 403
        assert rita.post("/web/remove", name="topic", commit="0" * 40).status == 409
        assert rita.post("/web/remove", name="topic").status == 409
        assert rita.post("/web/remove", name="topic", commit=tip).status == 303
    assert remote.git("for-each-ref", "refs/heads/topic") == remote.git("ls-remote", "origin", "topic") == ""


def test_odd_names_of_branches_are_only_names(made: Repository, served: Office) -> None:
    name = "x%2e%2e/ü#b-it's&<b>"
    tip = made.git("commit-tree", "-p", "HEAD", "-m", "Odd", "HEAD^{tree}", who="ann")
    made.git("update-ref", f"refs/heads/{name}", tip)
    rob = served.browser("rob")
    proposing.wait_for(served, "Odd", rob, "/web/todo")
    (link,) = re.findall(r'href="(proposals/[^"]+)"', rob.get("/web/todo").text)
    assert "Approve and merge" in rob.follow("/web/" + link).words
    got = proposing.approve(rob, link.removeprefix("proposals/"))
    assert got.status == 303, got.words
    assert made.git("log", "-1", "--format=%s", "main") == f"Merge {name}: Odd"


def test_the_preview_is_the_portal_with_the_branch(made: Repository, served: Office) -> None:
    config = (made.root / "config.yaml").read_text("utf-8")
    tip = proposing.branch_by(made, "ann", file="config.yaml", text=config.replace("Test", "Changed"))
    vera = served.browser("vera")
    got = vera.follow(f"/web/preview/{tip}/index.html")
    assert (got.status, "Changed University" in got.text) == (200, True)
    policy = got.headers["content-security-policy"]
    assert policy == vera.follow("/index.html").headers["content-security-policy"]
    assert "Changed University" not in vera.get("/index.html").text
    assert vera.get(f"/web/preview/{tip}/assets/portal.js").text == vera.get("/assets/portal.js").text
    assert vera.get(f"/web/preview/{tip}/../../../../config.local.yaml").status in (303, 404)
    assert vera.get(f"/web/preview/{made.git('rev-parse', 'main')}/index.html").status == 404
    assert vera.get(f"/web/previewed/{tip}").location == "/web/proposals/topic"


def test_a_preview_of_changed_templates_runs_no_scripts(made: Repository, served: Office) -> None:
    """They are nobody's yet, and would run beside the form that approves them."""
    tip = proposing.branch_by(made, "mallory", file="templates/assets/portal.js", text="evil();\n")
    got = served.browser("vera").follow(f"/web/preview/{tip}/index.html")
    assert (got.status, "script-src 'none'" in got.headers["content-security-policy"]) == (200, True)


def test_a_copied_ledger_makes_a_clone_of_its_own(made: Repository, tmp_path: Path) -> None:
    """The clone in its cache finds its objects where the ledger was before."""
    proposing.branch_by(made, "ann")
    with office.served(made.root) as served:
        assert "Approve and merge" in served.browser("rob").follow("/web/proposals/topic").words
    moved = tmp_path / "moved"
    made.root.rename(moved)
    with office.served(moved) as served:
        assert proposing.approve(served.browser("rob"), "topic").status == 303


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_branch_brings_no_cache_and_no_link_to_where_one_is_kept(
    made: Repository, served: Office, tmp_path: Path, kind: str
) -> None:
    """The clone uses the ledger's own cache, which a commit could otherwise fill, or lead elsewhere."""
    elsewhere, cache = tmp_path / "elsewhere", made.root / ".openchargeback/cache"
    elsewhere.mkdir()
    clone = made.root / ".openchargeback/web/clone/.openchargeback"
    rita = served.browser("rita")
    rita.follow("/web/proposals/" + add_branch(made, "one", "notes.txt"))
    assert (clone / "cache").resolve() == cache.resolve()
    name = "aa/" + "b" * 62
    if kind == "folder":
        branch = add_branch(made, "two", f".openchargeback/cache/{name}")
    else:
        made.git("switch", "-qc", "two")
        blob = made.git("hash-object", "-w", str(write(tmp_path / "target", str(elsewhere))))
        made.git("update-index", "--add", "--cacheinfo", f"120000,{blob},.openchargeback")
        made.git("commit", "-q", "-m", "Lead elsewhere", who="ann")
        made.git("switch", "-qf", "main")
        branch = "two"
    assert "the cache of builds is tracked by Git" in rita.follow(f"/web/proposals/{branch}").words
    assert not list(elsewhere.iterdir())
    assert not (cache / name).exists()
    assert not (clone / "cache" / name).exists()
    rita.follow("/web/proposals/" + add_branch(made, "three", "more.txt"))
    assert (clone / "cache").resolve() == cache.resolve()


def add_branch(made: Repository, name: str, file: str) -> str:
    """A branch with one more file; its name."""
    proposing.branch_by(made, "ann", name, file)
    return name


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_what_cannot_be_examined_is_said(made: Repository, served: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once; the page does not wait for it forever. The next look tries again."""
    proposing.branch_by(made, "ann")
    rob = served.browser("rob")
    place = served.program.place
    monkeypatch.setattr(served.program, "place", type(place)(place.root, made.root / "config.yaml/clone"))
    got = rob.follow("/web/proposals/topic")
    assert (got.status, "The server's disk refused this" in got.words) == (507, True)
    monkeypatch.undo()
    assert "Approve and merge" in rob.follow("/web/proposals/topic").words
