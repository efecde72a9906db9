"""Which revisions are compared, and that nothing happens to the work tree; odd repositories are named and safe."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from branch import CONFIG, Ledger, causes, charge, csv_text, only, started, ties_out

from openchargeback.files.git import Entry
from openchargeback.ledger.periods import period_of
from openchargeback.plan import words
from openchargeback.plan.reached import changed_paths, reached_periods
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.publish.plan import make_plan

ROWS = [charge("r1", "10.00", quantity=2)]
MORE = [*ROWS, charge("r2", "5.00", quantity=1)]


@pytest.fixture(autouse=True)
def no_settings_of_this_computer(monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")


def tree_of(root):
    """Every file of a work tree with its bytes, the index among them, and what Git says of it."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def codes(plan):
    return [problem.code for problem in plan.problems]


def test_nothing_in_the_work_tree_is_touched(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(MORE)
    ledger.charges(MORE, period="2025-02")
    ledger.git("add", "charges/2025-01")
    before, status = tree_of(ledger.root), ledger.git("status", "--porcelain")
    before = tree_of(ledger.root)
    assert ledger.plan().moves
    assert tree_of(ledger.root) == before
    assert ledger.git("status", "--porcelain") == status


def test_committed_staged_unstaged_and_untracked_changes_all_count_and_ignored_ones_do_not(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write(".gitignore", "charges/*/ignored.csv\n")
    ledger.charges([charge("committed", "10.00")], "committed")
    ledger.commit()
    ledger.charges([charge("staged", "10.00")], "staged")
    ledger.git("add", "-A")
    ledger.charges([charge("untracked", "10.00")], "untracked")
    ledger.charges([charge("ignored", "10.00")], "ignored")
    ledger.charges(MORE)
    period = only(ties_out(ledger.plan()))
    assert period.difference == Decimal("35.00")
    assert {line.key.source for line in period.lines} == {"committed", "staged", "untracked", "hpc"}


def test_a_head_leaves_uncommitted_changes_out(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(MORE)
    ledger.commit()
    ledger.charges([])
    plan = ledger.plan(None, "HEAD")
    assert only(plan).difference == Decimal("5.00")
    assert not plan.head.work_tree


def test_what_main_got_meanwhile_is_not_part_of_the_plan(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.git("switch", "-q", "main")
    ledger.charges(ROWS, "elsewhere")
    ledger.commit()
    ledger.git("switch", "-q", "change")
    ledger.charges(MORE)
    ledger.commit()
    assert causes(only(ledger.plan())) == {"new": "5.00"}
    assert causes(only(ledger.plan("main", "change"))) == {"new": "5.00"}
    ledger.git("rebase", "-q", "main")
    assert causes(only(ledger.plan())) == {"new": "5.00"}


def test_on_main_the_uncommitted_changes_count_and_the_remote_wins(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.git("switch", "-q", "main")
    ledger.charges(MORE)
    assert ledger.plan().base.name == "main"
    assert ledger.plan().moves
    ledger.git("stash", "-q")
    ledger.git("update-ref", "refs/remotes/origin/main", "HEAD")
    ledger.charges(MORE)
    ledger.commit()
    plan = ledger.plan()
    assert plan.base.name == "origin/main"
    assert plan.moves


def test_the_branch_that_counts_may_have_another_name(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.git("branch", "-m", "main", "trunk")
    ledger.write("config.yaml", CONFIG + "portal: {branch: trunk}\n")
    ledger.commit()
    assert ledger.plan().base.name == "trunk"


def test_a_ledger_in_a_folder_of_a_bigger_repository(tmp_path):
    outer = Ledger(tmp_path / "outer")
    outer.write("ledger/config.yaml", CONFIG)
    outer.write("ledger/charges/2025-01/hpc.csv", ROWS)
    outer.write("charges/2025-01/hpc.csv", ROWS)
    outer.commit()
    outer.git("switch", "-qc", "change")
    outer.write("ledger/charges/2025-01/hpc.csv", MORE)
    outer.write("charges/2025-01/hpc.csv", [])
    plan = make_plan(outer.root / "ledger")
    assert causes(only(ties_out(plan))) == {"new": "5.00"}


def test_a_ledger_that_is_new(tmp_path):
    outer = Ledger(tmp_path / "outer")
    outer.write("README.md", "x")
    outer.commit()
    outer.git("switch", "-qc", "change")
    outer.write("ledger/config.yaml", CONFIG)
    outer.write("ledger/charges/2025-01/hpc.csv", ROWS)
    plan = make_plan(outer.root / "ledger")
    assert causes(only(plan)) == {"new": "10.00"}
    assert codes(plan) == []


def test_a_detached_head_is_planned_and_named(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(MORE)
    id_ = ledger.commit()
    ledger.git("switch", "-q", "--detach")
    plan = ledger.plan("main")
    assert plan.moves
    assert plan.head.name == f"detached at {id_[:12]}"


def test_permissions_are_no_change(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    (ledger.root / "charges/2025-01/hpc.csv").chmod(0o755)
    plan = ledger.plan()
    assert (plan.periods, codes(plan)) == ((), [])


def test_a_shallow_clone_is_refused_with_the_fix(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(MORE)
    ledger.commit()
    shallow = tmp_path / "shallow"
    ledger.git("clone", "-q", "--depth", "1", "--no-single-branch", f"file://{ledger.root}", str(shallow))
    for base in (None, "origin/main", "v1"):
        with pytest.raises(UsageFault, match="fetch-depth: 0"):
            make_plan(shallow, base)


def test_no_git_no_commit_no_base_and_no_common_history_are_named(tmp_path, monkeypatch):
    plain = tmp_path / "plain"
    plain.mkdir()
    with pytest.raises(UsageFault, match="not in a Git repository"):
        make_plan(plain)
    with pytest.raises(UsageFault, match="no commit yet"):
        make_plan(Ledger(tmp_path / "empty").root)
    ledger = started(tmp_path / "l", ROWS)
    for name in ("gone", "--all", "origin/main", ""):
        if name:
            with pytest.raises(UsageFault, match="this clone has no commit"):
                ledger.plan(name)
    ledger.git("switch", "-q", "--orphan", "other")
    ledger.commit()
    with pytest.raises(UsageFault, match="no common commit"):
        ledger.plan("main")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageFault, match="Git is not installed"):
        make_plan(ledger.root)


@pytest.mark.slow
def test_a_submodule_is_named_and_not_read(tmp_path):
    other = Ledger(tmp_path / "other")
    other.write("hpc.csv", MORE)
    other.commit()
    ledger = started(tmp_path / "l", ROWS)
    ledger.git("submodule", "add", "-q", str(other.root), "charges/2025-02")
    for head in (None, "HEAD"):
        if head:
            ledger.commit()
        plan = ledger.plan(None, head)
        assert [(each.path, each.code) for each in plan.problems if each.code == "submodule"] == [
            ("charges/2025-02", "submodule")
        ]
        assert not plan.moves


def test_links_that_leave_the_ledger_are_named_and_never_followed(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("secret")
    ledger = started(tmp_path / "l", ROWS)
    (ledger.root / "charges/2025-01/aws.csv").symlink_to(secret)
    (ledger.root / "directory").symlink_to(tmp_path)
    for head in (None, "HEAD"):
        if head:
            ledger.commit()
        plan = ledger.plan(None, head)
        found = [(each.path, each.code) for each in plan.problems]
        assert ("charges/2025-01/aws.csv", "outside-ledger") in found
        assert ("directory", "outside-ledger") in found
        assert not plan.moves


@pytest.mark.slow
def test_a_link_within_the_ledger_is_its_file(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("shared/export.csv", [charge("linked", "10.00")])
    (ledger.root / "charges/2025-01/aws.csv").symlink_to("../../shared/export.csv")
    for head in (None, "HEAD"):
        if head:
            ledger.commit()
        assert causes(only(ties_out(ledger.plan(None, head)))) == {"new": "10.00"}


@pytest.mark.parametrize("path", ["approvals/2025-01/a.yaml", "directory/people.yaml", "periods/2025-01.yaml"])
def test_conflict_markers_are_named(tmp_path, path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write(path, "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n")
    plan = ledger.plan()
    assert [(each.path, each.line, each.code) for each in plan.problems] == [(path, 1, "merge-conflict")]


def test_a_merge_that_is_not_finished_is_read_as_it_lies_there(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(MORE)
    ledger.commit()
    ledger.git("switch", "-q", "main")
    ledger.charges([charge("r1", "11.00", quantity=2)])
    ledger.commit()
    with pytest.raises(Exception, match="merge"):
        ledger.git("merge", "-q", "change")
    plan = ledger.plan("HEAD")
    assert plan.periods == ()
    assert "charges/2025-01/hpc.csv" in {each.path for each in plan.problems}
    assert words.summary(plan) == "2025-01 could not be fully compared; see the errors."


@pytest.mark.slow
def test_a_link_in_place_of_a_month_is_no_month_without_changes(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([{**row, "BillingPeriodStart": "2025-02-01"} for row in ROWS], period="2025-02")
    shutil.move(ledger.root / "charges/2025-01", tmp_path / "elsewhere")
    (ledger.root / "charges/2025-01").symlink_to(tmp_path / "elsewhere")
    for head in (None, "HEAD"):
        if head:
            ledger.commit()
        plan = ledger.plan(None, head)
        assert [(each.path, each.code) for each in plan.problems] == [("charges/2025-01", "outside-ledger")]
        assert plan.unread == ("2025-01",)
        assert only(plan).period == "2025-02"
        assert words.summary(plan) == (
            "2025-01 could not be fully compared; see the errors. 1 period changes: 0.00 → 10.00 USD (+10.00)."
        )


def test_settings_that_cannot_be_read_leave_no_open_month_as_compared(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("config.yaml", CONFIG.replace("review: {", "review: {patterns: {gpu: {match: {A: '['}}}, "))
    plan = ledger.plan()
    assert codes(plan) == ["bad-pattern"]
    assert "could not be fully compared" in words.summary(plan)
    assert "No billing line changes" not in words.summary(plan)


def test_conflict_markers_in_the_config_stop_the_plan(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("config.yaml", "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n")
    with pytest.raises(LedgerFault) as caught:
        ledger.plan()
    assert [each.code for each in caught.value.problems] == ["merge-conflict"]


def test_a_base_with_errors_is_told_and_does_not_stop_the_change_that_fixes_it(tmp_path):
    ledger = started(tmp_path / "l", [charge("r1", "1,000")])
    ledger.charges(ROWS)
    plan = ledger.plan()
    assert causes(only(ties_out(plan))) == {"new": "10.00"}
    assert [(each.code, str(each.severity)) for each in plan.problems] == [("base-has-errors", "notice")]


def test_a_head_with_errors_tells_them_and_shows_the_other_months(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([charge("r1", "1,000")])
    ledger.charges([{**row, "BillingPeriodStart": "2025-02-01"} for row in ROWS], period="2025-02")
    plan = ledger.plan()
    assert only(plan).period == "2025-02"
    assert {(each.path, each.code) for each in plan.problems} == {("charges/2025-01/hpc.csv", "type-error")}


@pytest.mark.slow
def test_sums_beyond_what_an_amount_can_hold_are_named_on_either_side(tmp_path):
    huge = [{**charge("r1", "9" * 15), "ResourceId": f"r{number}"} for number in range(100_100)]
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(huge)
    plan = ledger.plan()
    assert (plan.periods, codes(plan)) == ((), ["amount-overflow"])
    ledger.commit()
    ledger.charges(ROWS)
    plan = ledger.plan("HEAD")
    assert (causes(only(plan)), codes(plan)) == ({"new": "10.00"}, ["base-has-errors"])


def test_local_settings_play_no_part(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write(".gitignore", "config.local.yaml\n")
    ledger.write("config.local.yaml", "currency: EUR\n")
    assert ledger.plan().currency == "USD"
    assert not ledger.plan().moves


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
def test_changes_that_git_is_told_not_to_look_at_count(tmp_path, option):
    ledger = started(tmp_path / "l", ROWS)
    ledger.git("update-index", option, "charges/2025-01/hpc.csv")
    assert ledger.plan().periods == ()
    ledger.charges(MORE)
    assert causes(only(ties_out(ledger.plan()))) == {"new": "5.00"}


@pytest.mark.slow
def test_files_that_a_sparse_checkout_leaves_out_count_as_committed(tmp_path):
    ledger = started(tmp_path / "l", ROWS, config=CONFIG.replace("unusual_amount: off", "fund_patterns: ['F-.*']"))
    ledger.git("sparse-checkout", "set", "--no-cone", "/config.yaml")
    assert not (ledger.root / "charges").exists()
    assert ledger.plan().periods == ()
    ledger.write("config.yaml", CONFIG.replace("unusual_amount: off", "fund_patterns: ['G-.*']"))
    plan = ledger.plan()
    assert causes(only(ties_out(plan))) == {"config": "-10.00"}
    assert codes(plan) == []


@pytest.mark.slow
def test_of_several_bases_one_is_named(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.git("branch", "start")
    for branch, source in (("one", "a"), ("two", "b")):
        ledger.git("switch", "-qc", branch, "start")
        ledger.charges([charge(source, "3.00")], source)
        ledger.commit()
    first, second = ledger.git("rev-parse", "one"), ledger.git("rev-parse", "two")
    ledger.git("merge", "-q", "-m", "x", "one")
    ledger.git("switch", "-q", "one")
    ledger.git("merge", "-q", "-m", "x", second)
    ledger.charges(MORE)
    ledger.commit()
    plan = ledger.plan("two", "one")
    (notice,) = [each for each in plan.problems if each.code != "unlisted-source"]
    assert (notice.code, str(notice.severity)) == ("several-bases", "notice")
    assert {plan.base.commit, *(each for each in (first, second) if each[:12] in notice.message)} == {first, second}
    ledger.git("merge", "-q", "-m", "x", "two")
    assert "several-bases" not in codes(ledger.plan("two", "one"))


@pytest.mark.slow
def test_names_of_any_bytes(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    for name in ("ü\nx.csv", '"quoted".csv', " blank.csv", "tab\t.csv"):
        ledger.charges(ROWS, f"hpc/{name.removesuffix('.csv')}")
    shutil.move(ledger.root / "charges/2025-01/hpc.csv", ledger.root / "charges/2025-01/hpc/0.csv")
    assert only(ties_out(ledger.plan())).difference == Decimal("0.00")
    ledger.commit()
    assert only(ties_out(ledger.plan(None, "HEAD"))).difference == Decimal("0.00")


def test_months_that_nothing_reaches_are_not_read(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.git("switch", "-q", "main")
    ledger.write("charges/2024-11/hpc.csv", "not,a,charge\nfile\n")
    ledger.commit()
    ledger.git("switch", "-q", "change")
    ledger.git("merge", "-q", "main")
    ledger.charges(MORE)
    plan = ledger.plan()
    assert codes(plan) == []
    assert only(plan).period == "2025-01"


BY = ("--by", "b@example.edu", "--on", "2025-04-03")


@pytest.mark.parametrize(("finalized", "code"), [(False, "closed-period"), (True, "sealed-period")])
def test_touching_a_closed_or_finalized_month_is_told_and_moves_nothing(tmp_path, finalized, code):
    ledger = started(tmp_path / "l", ROWS)
    ledger.program("periods", "close", "2025-01", *BY)
    if finalized:
        ledger.commit()
        ledger.program("periods", "finalize", "2025-01", *BY)
    ledger.commit()
    ledger.charges(MORE)
    plan = ledger.plan("HEAD")
    (problem,) = plan.problems
    assert (problem.code, problem.path) == (code, "charges/2025-01/hpc.csv")
    assert str(problem.severity) == ("error" if finalized else "warning")
    assert not plan.moves


@pytest.mark.slow
def test_a_month_is_not_closed_again_in_the_same_revision(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.program("periods", "close", "2025-01", *BY)
    ledger.commit()
    record = [path for path in (ledger.root / "periods").iterdir() if path.is_file()]
    for path in record:
        path.unlink()
    assert codes(ledger.plan("HEAD")) == ["revision-reused"]
    ledger.charges(MORE)
    base = ledger.git("rev-parse", "HEAD")
    ledger.commit()
    ledger.program("periods", "close", "2025-01", *BY)
    (problem,) = ledger.plan(base).problems
    assert (problem.code, problem.path, str(problem.severity)) == ("revision-reused", "periods/2025-01.yaml", "error")
    ledger.program("periods", "open", "2025-01")
    ledger.program("periods", "close", "2025-01", *BY)
    assert codes(ledger.plan(base)) == ["closed-period"]


def test_a_month_that_lost_its_period_file_is_an_error_in_the_plan(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.program("periods", "close", "2025-01", *BY)
    ledger.commit()
    (ledger.root / "periods/2025-01.yaml").unlink()
    assert sorted(codes(ledger.plan("HEAD"))) == ["frozen-left-over", "revision-reused"]


def test_what_is_acknowledged_of_a_finalized_month_is_no_change_of_it(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.program("periods", "close", "2025-01", *BY)
    ledger.commit()
    ledger.program("periods", "finalize", "2025-01", *BY)
    ledger.commit()
    ledger.write("periods/2025-01.notes.yaml", "drift: [{digest: 0123456789abcdef, reason: seen, by: b@example.edu}]\n")
    assert codes(ledger.plan("HEAD")) == []


def test_closing_a_month_is_no_fault_and_reopening_is_a_warning(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.program("periods", "close", "2025-01", *BY)
    plan = ledger.plan()
    assert (codes(plan), plan.moves, str(only(plan).new_state)) == ([], False, "closed")
    ledger.commit()
    ledger.program("periods", "open", "2025-01")
    ledger.charges(MORE)
    plan = ties_out(ledger.plan("HEAD"))
    assert codes(plan) == ["reopened-period"]
    assert causes(only(plan)) == {"new": "5.00"}


def test_live_settings_do_not_reach_a_closed_month_until_it_is_opened_again(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.program("periods", "close", "2025-01", *BY)
    ledger.commit()
    ledger.write("config.yaml", CONFIG.replace("review: {", "review: {fund_patterns: ['G-.*'], "))
    plan = ledger.plan("HEAD")
    assert (codes(plan), plan.moves) == (["closed-months-kept"], False)
    assert "2025-01" in plan.problems[0].message
    assert plan.problems[0].severity == "notice"
    ledger.program("periods", "open", "2025-01")
    assert causes(only(ties_out(ledger.plan("HEAD")))) == {"config": "-10.00"}


LIVE = {
    "config": "organization: A\nsources: {hpc: {credit_fund: RC-1}, aws: {credit_fund: RC-2}}\n",
    "directory__people": "people: [{email: ada@example.edu, name: Ada}, {email: bo@x.edu, name: Bo}]\n",
    "directory__projects": "projects: [{id: p1, title: Genes}, {id: p2, title: Cells}]\n",
    "directory__funds": "funds: [{id: F-1, title: Grant}, {id: F-9, title: Gift}]\n",
}


@pytest.mark.mostly_slow(but=3)
@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        ("config.yaml", "RC-1", "RC-9", True),
        ("config.yaml", "hpc:", "hpc2:", True),
        ("config.yaml", "organization: A", "organization: B", True),
        ("config.yaml", "RC-2", "RC-9", False),  # the month has nothing of that source
        ("config.yaml", "}}\n", "}}\nreview: {evidence: {level: A}}\n", False),
        ("config.yaml", "}}\n", "}}\nplan: {warn: 5%}\nportal: {title: X}\n", False),
        ("directory/people.yaml", "name: Ada", "name: Ada L.", True),
        ("directory/people.yaml", "ada@example.edu", "al@example.edu", True),
        ("directory/people.yaml", "name: Bo}", "name: Bo, aliases: [ada@example.edu]}", True),
        ("directory/people.yaml", "name: Bo", "name: Bob", False),
        ("directory/projects.yaml", "Genes", "Genomes", True),
        ("directory/projects.yaml", "Cells", "Cell", False),
        ("directory/projects.yaml", "title: Genes", "funds: F-2", True),
        ("directory/funds.yaml", "title: Grant", "status: inactive", True),
        ("directory/funds.yaml", "title: Gift", "status: inactive", False),
    ],
)
def test_live_changes_that_would_alter_a_closed_month_are_told(tmp_path, path, old, new, told):
    ledger = started(tmp_path / "l", ROWS, **LIVE)
    ledger.program("periods", "close", "2025-01", *BY)
    ledger.commit()
    place = ledger.root / path
    text = place.read_text()
    if "aliases" in new:
        text = text.replace("{email: ada@example.edu, name: Ada}, ", "")
    place.write_text(text.replace(old, new))
    plan = ledger.plan("HEAD")
    assert [(each.code, each.path) for each in plan.problems] == [("closed-months-kept", path)] * told
    assert not plan.moves


LOCK = "#   python -m pip install --no-deps --no-index --no-build-isolation 'git+https://git.example.edu/b@{}'\n"


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize(
    ("path", "old", "new", "change"),
    [
        ("requirements.lock", "openchargeback==0.1.0 \\\n", "openchargeback==0.2.0 \\\n", "from 0.1.0 to 0.2.0;"),
        ("requirements.lock", "duckdb==1.0 \\\n", "duckdb==1.1 \\\n", "changes the program's dependencies;"),
        (
            "requirements.lock",
            LOCK.format("0a" * 20),
            LOCK.format("1b" * 20),
            f"from git+https://git.example.edu/b@{'0a' * 20} to git+https://git.example.edu/b@{'1b' * 20};",
        ),
    ],
    ids=["version", "dependency", "commit"],
)
def test_an_upgrade_says_what_the_new_program_computes_differently(tmp_path, monkeypatch, path, old, new, change):
    ledger = started(tmp_path / "l", [charge("r1", "10.05"), charge("r2", "7.00", pi="bo@example.edu")])
    ledger.write(path, old)
    ledger.commit()
    ledger.program("periods", "close", "2025-01", *BY)
    ledger.commit()
    ledger.charges(MORE, period="2025-02")
    assert codes(ledger.plan("HEAD")) == []
    ledger.write(path, new)
    (told,) = (each for each in ledger.plan("HEAD").problems if each.code == "program-changes")
    assert (str(told.severity), told.path) == ("notice", "requirements.lock")
    assert change in told.message
    assert told.message.endswith("the closed month is computed the same")
    # The new program rounds to tenths.
    monkeypatch.setattr("openchargeback.billing.lines._scale", lambda _currency: 10)
    notice, drifted = sorted((each for each in ledger.plan("HEAD").problems), key=lambda each: each.code)
    assert notice.message.endswith("1 of 1 closed months would be computed differently")
    assert (drifted.code, drifted.path) == ("tool-drift", "periods/2025-01.frozen.yaml")
    assert "instead of 17.05 USD" in drifted.message


def test_a_ledger_without_closed_months_says_that_nothing_can_be_compared(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("requirements.lock", "openchargeback==0.1.0 \\\n")
    (told,) = ledger.plan("HEAD").problems
    assert "is now pinned: 0.1.0" in told.message
    assert told.message.endswith("there is no closed month to compare")


@pytest.mark.slow
def test_a_closed_month_that_differs_reaches_the_open_months_after_it(tmp_path):
    ledger = Ledger(tmp_path / "l")
    ledger.write("config.yaml", CONFIG.replace("unusual_amount: off", "unusual_amount: {factor: 2, minimum: 1}"))
    for number in (1, 2, 3):
        period = f"2025-0{number}"
        ledger.charges(
            [{**charge("r1", "10" if number == 3 else "2"), "BillingPeriodStart": f"{period}-01"}], period=period
        )
    ledger.commit()
    ledger.git("switch", "-qc", "change")
    for period in ("2025-01", "2025-02"):
        ledger.program("periods", "close", period, *BY)
        ledger.commit()
    plan = ties_out(ledger.plan())
    last = plan.periods[-1]
    assert (last.period, last.new, causes(last)) == ("2025-03", 0, {"usage": "-10.00"})


def test_periods_of_paths():
    paths = {
        "charges/2025-01/aws.csv": "2025-01",
        "charges/2025-01": "2025-01",
        "approvals/2025-01/a.yaml": "2025-01",
        "periods/2025-01.yaml": "2025-01",
        "periods/2025-01.lines.csv": "2025-01",
        "periods/2025-01x.yaml": "",
        "charges/2025-13/aws.csv": "",
        "charges/2025-01x/aws.csv": "",
        "directory/people.yaml": "",
        "config.yaml": "",
    }
    assert {path: period_of(path) for path in paths} == paths


def test_periods_are_reached_in_their_order():
    """Whatever the order of the files, and each once."""
    months = [f"{year}-{month:02}" for year in (2023, 2024, 2025) for month in range(1, 13)]
    files = {f"charges/{month}/{name}.csv": Entry("100644", month) for month in months[::-1] for name in ("b", "a")}
    assert reached_periods({}, files, ({}, {}), settings_differ=False, unusual=False) == tuple(months)
    assert reached_periods(files, files, ({}, {}), settings_differ=True, unusual=False) == tuple(months)


def test_an_unknown_content_always_differs():
    same = {"charges/2025-01/a.csv": Entry("100644", "")}
    assert changed_paths(same, same) == ("charges/2025-01/a.csv",)
    assert reached_periods(same, same, ({}, {}), settings_differ=False, unusual=False) == ("2025-01",)


@pytest.mark.slow
def test_decisions_of_other_open_months_on_the_same_charges_count(tmp_path):
    """What main has decided from one open month, a branch decides again from another."""
    ledger = started(tmp_path / "l", [charge("r1", "10.00"), charge("h1", "3.00", fund=None)])
    ledger.program("periods", "close", "2025-01", "--leave-held", "--on", "2025-02-05", "--by", "a@example.edu")
    for month in ("2025-02", "2025-03"):
        rows = [{**charge("r1", "20.00"), "BillingPeriodStart": f"{month}-01"}]
        ledger.write(f"charges/{month}/hpc.csv", rows)
    words = ("--of", "2025-01", "--reason", "asked", "--by", "a@example.edu")
    ledger.program("review", "credit", "--period", "2025-02", "--resource", "r1", *words)
    ledger.commit()
    ledger.git("branch", "-f", "main")
    folder = ledger.root / "approvals"
    shutil.copytree(folder / "2025-02", folder / "2025-03")
    ledger.commit()
    plan = make_plan(ledger.root, "main")
    assert "credited-already" in codes(plan)


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("path", ["charges/2025-02/hpc.csv", "charges/2025-01/asw.csv"])
def test_a_file_that_the_ledger_has_already_is_an_error_wherever_it_lies(tmp_path, path, committed):
    """January is not reached by a branch that adds a file of February, and still looked at."""
    ledger = started(tmp_path / "l", ROWS)
    ledger.write(path, ROWS)
    if committed:
        ledger.commit()
    plan = ledger.plan(*(("main", "change") if committed else ()))
    (problem,) = [each for each in plan.problems if each.code == "duplicate-file"]
    first, second = sorted(["charges/2025-01/hpc.csv", path])
    assert problem.path == second
    assert problem.message == f"holds the same charges as {first}, so they are billed twice"
    assert [period.period for period in plan.periods] == [path.split("/")[1]]


@pytest.mark.parametrize("committed", [True, False])
def test_a_compressed_copy_is_found(tmp_path, committed):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("charges/2025-02/hpc.csv.gz", gzip.compress(csv_text(ROWS).encode()))
    if committed:
        ledger.commit()
    assert "duplicate-file" in codes(ledger.plan(*(("main", "HEAD") if committed else ())))


@pytest.mark.slow
def test_a_file_that_is_another_in_the_work_tree_is_compared_as_it_was_committed(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(ROWS, period="2025-02")
    ledger.commit()
    ledger.charges(MORE)
    assert "duplicate-file" in codes(ledger.plan("main", "HEAD"))
    ledger.charges(MORE, period="2025-02")
    ledger.commit()
    ledger.charges(ROWS)
    assert "duplicate-file" not in codes(ledger.plan())


@pytest.mark.slow
def test_a_copy_whose_charges_were_rejected_is_in_nobodys_way(tmp_path):
    """The rejection lies in a month that the branch does not reach."""
    keys = "{source: hpc, service: Compute, project: p1, pi: ada@example.edu, flags: [missing-fund]}"
    what = f"where: {keys}, expect: {{charges: 1}}, clears: [missing-fund]"
    reject = f"decisions: [{{decision: reject, {what}, reason: r, by: b}}]"
    rows = [charge("r1", "10.00", fund=None)]
    ledger = started(tmp_path / "l", rows, approvals__2025_01__batch=reject)
    (ledger.root / "approvals/2025_01").rename(ledger.root / "approvals/2025-01")
    ledger.commit()
    ledger.git("branch", "-f", "main")
    ledger.charges(rows, period="2025-02")
    plan = ledger.plan()
    assert "duplicate-file" not in codes(plan)
    assert [period.period for period in plan.periods] == ["2025-02"]
    ledger.git("rm", "-qr", "approvals")
    assert "duplicate-file" in codes(ledger.plan())


CASE = Path(__file__).parents[1] / "cases"


def cloned(ledger, place, *options):
    """A clone of the branch `change`."""
    ledger.git("clone", "-q", "--branch", "change", *options, f"file://{ledger.root}", str(place))
    return place


def refused(root, *arguments):
    """What a person is told who gets no plan."""
    with pytest.raises(UsageFault) as fault:
        make_plan(root, *arguments)
    assert fault.value.exit_code == 2
    return str(fault.value)


@pytest.mark.parametrize(
    ("options", "command"),
    [
        (("--depth", "1"), "git fetch --unshallow origin main:refs/remotes/origin/main"),
        (("--single-branch",), "git fetch origin main:refs/remotes/origin/main"),
    ],
    ids=["shallow", "single-branch"],
)
def test_a_clone_without_the_base_says_what_to_fetch_and_then_gives_the_right_plan(tmp_path, options, command):
    """A restated month, 100.00 before and 900.00 now: never that nothing moves."""
    ledger = started(tmp_path / "l", (CASE / "no-base-january.csv").read_bytes(), config=CONFIG + "plan: {fail: 5%}\n")
    ledger.write("charges/2025-01/hpc.csv", (CASE / "no-base-january-restated.csv").read_bytes())
    ledger.commit()
    clone = cloned(ledger, tmp_path / "clone", *options)
    for arguments in ((), (None, "HEAD"), ("origin/main",)):
        assert f"`{command}`" in refused(clone, *arguments)
    subprocess.run(["git", "-C", clone, *command.split()[1:]], check=True, capture_output=True)
    plan = make_plan(clone)
    period = only(plan)
    assert (str(period.old), str(period.new), codes(plan)) == ("100.00", "900.00", ["plan-threshold"])


def test_another_default_branch_is_named_and_never_compared_with_by_guess(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(MORE)
    ledger.commit()
    ledger.git("branch", "-m", "main", "trunk")
    assert "`focus-billing plan trunk` (if it is your main branch, set `portal: branch: trunk`" in refused(ledger.root)
    ledger.git("switch", "-q", "trunk")
    clone = tmp_path / "clone"
    ledger.git("clone", "-q", f"file://{ledger.root}", str(clone))
    subprocess.run(["git", "-C", clone, "switch", "-q", "change"], check=True)
    assert "or name a BASE, such as `focus-billing plan origin/trunk`" in refused(clone)
    assert only(make_plan(clone, "origin/trunk")).difference == Decimal("5.00")
    subprocess.run(["git", "-C", clone, "remote", "set-head", "origin", "--delete"], check=True)
    assert "`focus-billing plan origin/trunk`" in refused(clone)
    subprocess.run(["git", "-C", clone, "switch", "-q", "--detach"], check=True)
    assert "git fetch origin main:refs/remotes/origin/main" in refused(clone)
    # On the branch itself there is no other to propose.
    ledger.git("branch", "-qD", "change")
    assert "`focus-billing plan HEAD` for uncommitted changes" in refused(ledger.root)


def test_the_branch_that_counts_is_not_compared_with_itself(tmp_path):
    """On it, with nothing uncommitted; a branch that has no commit yet is another one."""
    ledger = started(tmp_path / "l", ROWS)
    assert not ledger.plan().moves
    assert "main would be compared with itself" in refused(ledger.root, None, "main")
    ledger.git("switch", "-q", "main")
    assert "main would be compared with itself" in refused(ledger.root)
    assert "main would be compared with itself" in refused(ledger.root, None, "HEAD")
    ledger.git("switch", "-q", "--detach")
    assert "main would be compared with itself" in refused(ledger.root)
