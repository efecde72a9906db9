"""What people see: text within 80 columns, Markdown that is safe and fits a comment, JSON, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import pytest
from branch import CONFIG, Ledger, charge, started
from markdown_it import MarkdownIt

import program
from openchargeback.cli.reports.markdown import LIMIT, MARKER, escaped, plan_comment
from openchargeback.ledger.settings import PlanSettings
from openchargeback.plan import words
from openchargeback.plan.thresholds import strictest
from openchargeback.problems import Problem, Severity

ROWS = [charge("r1", "10.00", quantity=2)]
MORE = [*ROWS, charge("r2", "5.00", quantity=1)]
PROGRESS = "Reading the ledger …\nComparing months: 0 of 1 …\n"
DECISION = """decisions:
  - {charges: [0123456789abcdef], decision: reject, reason: r, by: a@example.edu, clears: []}
"""
EVIL = "@everyone <img src=x onerror=alert(1)> | ](http://x) `a` **b** #12 \n\n# head </details> <!-- --> www.x.org"


def run(root, *arguments, command=("plan",)):
    """The program as a person runs it."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    return program.run(*command, "--ledger", root, *arguments, env=env)


def rendered(text):
    """The HTML that a host makes of Markdown with tables and raw HTML."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def test_a_quiet_plan_is_one_line(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("config.yaml", CONFIG + "portal: {title: Costs}\n")
    done = run(ledger.root)
    assert (done.returncode, done.stdout) == (0, "No billing line changes.\n")
    assert done.stderr == "Reading the ledger …\n"
    assert run(ledger.root, "--format", "markdown").stdout == f"{MARKER}\n\nNo billing line changes.\n"
    assert json.loads(run(ledger.root, "--format", "json").stdout)["moves"] is False


def test_what_is_held_only_is_told_though_no_line_moves(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([*ROWS, charge("r2", "5.00", fund=None)])
    out = run(ledger.root).stdout
    assert out.splitlines()[-1] == "No billing line changes."
    assert re.search(r"\+ held +0\.00 +5\.00 +\+5\.00", out)
    assert "Still held: 1 charge, 5.00 USD (missing-fund)" in out


def test_the_text_fits_eighty_columns_and_ends_with_the_whole(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    long = "a-very-long-name-of-a-principal-investigator@department-of-everything.example.edu"
    ledger.charges([charge("r1", "12.00", quantity=2), charge("r2", "5", pi=long, project="p" * 70, fund="F" * 90)])
    lines = run(ledger.root).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "1 period changes: 10.00 → 17.00 USD (+7.00, +70%)."
    assert "Causes: new +5.00, price +2.00" in lines


def test_of_many_approval_files_the_first_are_shown_and_the_rest_counted(tmp_path):
    ledger = started(tmp_path / "l", [*ROWS, *(charge(f"f{n}", 5, fund=None) for n in range(13))])
    for number in range(13):
        decision = f"{{charges: ['{number:016x}'], clears: [x], decision: approve, reason: r, by: a@x.edu}}"
        ledger.write(f"approvals/2025-01/a{number:02}.yaml", f"decisions: [{decision}]\n")
    ledger.commit()
    out = run(ledger.root, "main", "--head", "HEAD").stdout
    assert out.count(": level C") == 10
    assert out.count("and 3 more") == 2  # decisions, and who approved them


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([*ROWS, charge("r2", "5", project="\x1b]0;x\x07")])
    assert "\x1b" not in run(ledger.root).stdout


def test_json_is_one_document_with_amounts_as_text(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    base = ledger.git("rev-parse", "main")
    ledger.charges(MORE)
    found = json.loads(run(ledger.root, "main", "--format", "json").stdout)
    assert found["base"]["commit"] == base
    assert found["head"]["work_tree"] is True
    assert found["base"]["inputs"] != found["head"]["inputs"]
    (period,) = found["periods"]
    assert (period["old"], period["new"], period["difference"], period["percent"]) == (
        "10.00",
        "15.00",
        "5.00",
        "50.00",
    )
    assert period["causes"] == {"new": "5.00"}
    assert period["pis"] == {"changed": 1, "new": 0, "gone": 0}
    assert period["control"] == [
        {
            "source": "hpc",
            "currency": "USD",
            "old": {"charges": 1, "imported": "10", "billed": "10", "held": "0", "rejected": "0"},
            "new": {"charges": 2, "imported": "15", "billed": "15", "held": "0", "rejected": "0"},
        }
    ]
    assert period["projects"][0]["causes"] == {"new": "5.00"}
    assert period["lines"][0]["difference"] == "5.00"


@pytest.mark.parametrize(
    ("limits", "code", "word"),
    [
        ("{warn: 5%, fail: 50%}", 0, "warning"),
        ("{warn: 5%, fail: 49.9 %}", 1, ""),
        ("{warn: 50%}", 0, None),
        ("{warn: 5}", 1, "wrong-type"),
    ],
)
def test_limits_set_the_exit_code(tmp_path, limits, code, word):
    ledger = Ledger(tmp_path / "l")
    ledger.write("config.yaml", CONFIG + f"plan: {limits}\n")
    ledger.charges(ROWS)
    ledger.commit()
    ledger.git("switch", "-qc", "change")
    ledger.charges(MORE)
    done = run(ledger.root)
    assert done.returncode == code
    if word is None:
        assert done.stderr == PROGRESS
    elif word == "wrong-type":
        assert word in done.stderr
    else:
        assert "plan-threshold" in done.stderr
        assert word in done.stderr
        assert "5.00 of 10.00 USD changes" in done.stderr


def test_a_change_of_fund_counts_for_the_limits_though_the_total_stays(tmp_path):
    ledger = started(tmp_path / "l", ROWS, config=CONFIG + "plan: {fail: 50%}\n")
    ledger.charges([charge("r1", "10.00", quantity=2, fund="F-2")])
    done = run(ledger.root)
    assert done.returncode == 1
    assert "0.00" in done.stdout


def test_a_change_cannot_raise_the_limits_it_is_held_to(tmp_path):
    assert strictest(PlanSettings(Decimal(5), Decimal(50)), PlanSettings(None, Decimal(90))) == PlanSettings(
        Decimal(5), Decimal(50)
    )
    ledger = started(tmp_path / "l", ROWS, config=CONFIG + "plan: {fail: 20%}\n")
    ledger.write("config.yaml", CONFIG + "plan: {fail: 90%}\n")
    ledger.charges(MORE)
    done = run(ledger.root)
    assert done.returncode == 1
    assert "config.yaml plan.fail: 20 → 90" in done.stdout


def test_errors_in_the_ledger_fail_and_wrong_names_are_wrong_usage(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    assert run(ledger.root, "nowhere").returncode == 2
    assert "this clone has no commit nowhere" in run(ledger.root, "nowhere").stderr
    ledger.charges([charge("r1", "1,000")])
    done = run(ledger.root)
    assert done.returncode == 1
    assert "charges/2025-01/hpc.csv:2:" in done.stderr


def test_markdown_shows_data_as_text(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    decision = json.dumps(EVIL.replace("\n", " "))
    ledger.charges([*MORE, charge("r3", "7", project=EVIL, fund=EVIL), charge("r4", "1", fund=None)])
    ledger.write(
        "approvals/2025-01/a.yaml",
        "decisions:\n  - {where: {source: hpc, service: Compute, project: p1, pi: ada@example.edu, "
        "flags: [missing-fund]}, expect: {charges: 1}, clears: [missing-fund], decision: reassign, set: {fund: F-1}, "
        f"reason: {decision}, by: '@team'}}\n",
    )
    text = plan_comment(ledger.plan())
    html = rendered(text)
    assert text.startswith(MARKER)
    assert "<img" not in html
    assert "<h1" not in html
    assert "<a " not in html
    assert html.count("<details>") == html.count("</details>") == text.count("<details>")
    assert not re.search(r"(?<!\w)@\w", html)
    assert "@everyone <img src=x onerror=alert(1)> | ](http://x)".replace("<", "&lt;").replace(">", "&gt;") in (
        html.replace("\N{ZERO WIDTH SPACE}", "")
    )
    rows = [line for line in text.splitlines() if line.startswith("| ada")]
    assert {row.count("|") for row in rows} == {7}


@pytest.mark.parametrize("text", ["\u202eabc", "a\x00b", "a\u2028b", "\ud800", "a\nb"])
def test_what_could_steer_the_page_is_left_out(text):
    assert not re.search("[\x00-\x1f\u2028\u202e\ud800-\udfff]", escaped(text))


def test_markdown_names_files_from_the_top_of_the_repository_that_the_ledger_is_a_folder_of(tmp_path):
    """As GitHub's annotations do: a reader of the pull request sees no other folder."""
    outer = Ledger(tmp_path / "r")
    outer.write("billing/config.yaml", CONFIG)
    outer.write("billing/charges/2025-01/hpc.csv", ROWS)
    outer.commit()
    outer.git("switch", "-qc", "change")
    outer.write("billing/config.yaml", CONFIG.replace("unusual_amount: off", "fund_patterns: ['G-.*']"))
    outer.write("billing/approvals/2025-01/a.yaml", DECISION)
    outer.commit()
    ledger = outer.root / "billing"
    done = run(ledger, "--format", "markdown")
    plan = done.stdout + run(ledger, "--format", "markdown", command=("review", "evidence")).stdout
    for path in ("config.yaml", "approvals/2025-01/a.yaml"):
        assert re.search(rf"[|`] ?`?billing/{re.escape(path)}", plan), path
    assert not re.search(r"[|`] ?`?(config\.yaml|approvals/)", plan)
    # A terminal is in the ledger.
    assert "approvals/2025-01/a.yaml" in done.stderr
    assert "billing/approvals" not in done.stderr


def test_markdown_fits_a_comment_whatever_happens(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges([charge(f"r{n}", n, project=f"{'|<p>' * 60}{n}", pi=f"pi{n}@example.edu") for n in range(1, 40)])
    plan = ledger.plan()
    (period,) = plan.periods
    many = tuple(replace(period, period=f"2{n:03d}-01", decisions=()) for n in range(200))
    for one in (plan, replace(plan, periods=many[:8]), replace(plan, periods=many)):
        text = plan_comment(one)
        assert len(text) <= LIMIT
        assert text.count("<details>") == text.count("</details>")
        assert all(line.endswith("|") for line in text.splitlines() if line.startswith("|"))
    assert "more sections" in plan_comment(replace(plan, periods=many))
    assert re.search(r"and \d+ more \|", plan_comment(replace(plan, periods=many[:8])))


def test_the_command_starts_without_what_it_does_not_need():
    code = (
        "import sys; from openchargeback.cli import plan; "
        "print([name for name in ('duckdb', 'weasyprint', 'frictionless', 'jinja2') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_change_of_a_control_total_is_the_difference_of_what_is_shown():
    before, after = Decimal("4144.8051"), Decimal("1261.4799")
    assert (words.signed(after - before, "USD"), words.step(before, after, "USD")) == ("−2,883.33", "−2,883.33")
    assert words.step(Decimal("4144.805"), Decimal("1261.475"), "USD") == "−2,883.33"
    assert words.step(Decimal("0.004"), Decimal("0.0051"), "USD") == "+0.01"
    assert words.step(Decimal("0.001"), Decimal("0.002"), "USD") == "0.00"


def delivered(*days, pi="ada@example.edu", month="2025-02", cost="10"):
    """CSV of a charge for each of these days."""
    lines = [
        f'{month}-01,{month}-{day:02}T00:00:00Z,{month}-{day:02}T23:00:00Z,Usage,{cost},{cost},Compute,r1,"'
        f'{{""pi_email"": ""{pi}"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}}"\n'
        for day in days
    ]
    head = "BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,BilledCost,ListCost,ServiceName,"
    return f"{head}ResourceId,Tags\n" + "".join(lines)


def test_sources_that_look_incomplete_are_told_of_the_months_that_change(tmp_path):
    """Against closed months and those that change too: missing, days without charges, totals, PIs who are gone."""
    ledger = Ledger(tmp_path / "l")
    sources = "aws: {credit_fund: C}, hpc: {credit_fund: C, expected: monthly}, gcp: {credit_fund: C}"
    ledger.write("config.yaml", f"organization: A\nsources: {{{sources}}}\nreview: {{unusual_amount: off}}\n")
    january = range(1, 32)
    for source, pi in (("aws", "a|b@example.edu"), ("hpc", "c@example.edu"), ("gcp", "d@example.edu")):
        ledger.write(f"charges/2025-01/{source}.csv", delivered(*january, pi=pi, month="2025-01"))
    ledger.commit()
    ledger.program("periods", "close", "2025-01", "--on", "2025-02-03", "--by", "a@example.edu")
    ledger.commit()
    ledger.git("switch", "-qc", "change")
    ledger.write("charges/2025-02/aws.csv", delivered(1, 2, 5))
    ledger.write("charges/2025-02/gcp.csv", delivered(*range(1, 29), pi="d@example.edu"))
    (period,) = json.loads(run(ledger.root, "--format", "json").stdout)["periods"]
    told = {each["source"]: each for each in period["completeness"]}
    assert list(told) == ["aws", "hpc"]
    assert told["aws"]["days"] == {"covered": 3, "of": 28, "first": "2025-02-01", "last": "2025-02-05"}
    assert (told["hpc"]["missing"], told["hpc"]["median"]) == (True, "310")
    lines = run(ledger.root).stdout
    assert (
        "Sources to check\n"
        "aws: 3 of 28 days (1–5); total 30.00, median 310.00 (−90%); 1 PI gone:\n"
        "    a|b@example.edu\n"
        "hpc: expected monthly, no charges; total 0.00, median 310.00; 1 PI gone:\n"
        "    c@example.edu\n"
    ) in lines
    assert max(map(len, lines.splitlines())) <= 80
    html = rendered(run(ledger.root, "--format", "markdown").stdout)
    assert "<summary>Sources to check</summary>" in html
    assert "1 PI gone: a|b@example.edu" in html
    assert "gcp" not in html


def test_a_month_that_was_only_opened_is_not_called_incomplete(tmp_path):
    ledger = started(tmp_path / "l", ROWS, config=CONFIG.replace("RC-1", "RC-1, expected: monthly"))
    ledger.program("periods", "open", "2025-02")
    (period,) = json.loads(run(ledger.root, "--format", "json").stdout)["periods"]
    assert (period["period"], period["completeness"]) == ("2025-02", [])


def test_another_accounting_date_is_another_closing(tmp_path):
    """Which takes a later revision."""
    ledger = Ledger(tmp_path / "l")
    ledger.write("config.yaml", CONFIG)
    ledger.charges(ROWS)
    ledger.commit()
    ledger.program("periods", "close", "2025-01", "--on", "2025-02-03", "--by", "a@example.edu")
    ledger.commit()
    path = ledger.root / "periods/2025-01.yaml"
    path.write_text(path.read_text("utf-8").replace("date: 2025-01-31", "date: 2025-02-01"), encoding="utf-8")
    assert "revision-reused" in run(ledger.root, "HEAD").stderr


def test_what_is_expected_bears_on_no_closed_month(tmp_path):
    """Else every first `expected: monthly` would be told of all closed months."""
    ledger = Ledger(tmp_path / "l")
    ledger.write("config.yaml", CONFIG)
    ledger.charges(ROWS)
    ledger.commit()
    ledger.program("periods", "close", "2025-01", "--on", "2025-02-03", "--by", "a@example.edu")
    ledger.commit()
    ledger.write("config.yaml", CONFIG.replace("RC-1", "RC-1, expected: monthly"))
    assert run(ledger.root, "HEAD").stderr == "Reading the ledger …\n"
    ledger.write("config.yaml", CONFIG.replace("RC-1", "RC-2"))
    assert "closed-months-kept" in run(ledger.root, "HEAD").stderr


def test_a_new_source_that_is_not_listed_is_told(tmp_path):
    """Once: a source that has charges in the base, or that the settings list, is no news."""
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("config.yaml", "organization: A\nsources: {hpc: {credit_fund: RC-1}, aws: {credit_fund: RC-2}}\n")
    ledger.commit()
    ledger.git("branch", "-f", "main")
    for number, source in enumerate(("asw/part-1", "aws", "HPC/part-1", "storage")):
        ledger.charges([charge("r1", number)], source)
    notices = [
        "new source asw: not listed in config.yaml; did you mean aws?",
        "new source storage: not listed in config.yaml",
    ]
    done = run(ledger.root, "--format", "json")
    found = [each for each in json.loads(done.stdout)["problems"] if each["code"] == "unlisted-source"]
    assert [each["message"] for each in found] == notices
    assert [each["path"] for each in found] == ["charges/2025-01/asw/part-1.csv", "charges/2025-01/storage.csv"]
    assert all(notice in run(ledger.root).stderr for notice in notices)
    assert all(escaped(notice) in run(ledger.root, "--format", "markdown").stdout for notice in notices)
    assert done.returncode == 0
    ledger.commit()
    ledger.git("branch", "-f", "main")
    ledger.charges(MORE, "storage")
    assert "unlisted-source" not in run(ledger.root, "--format", "json").stdout


def test_repeated_warnings_are_one_row_of_the_comment_and_drown_no_error(tmp_path):
    plan = started(tmp_path / "l", ROWS).plan()
    path = "charges/2025-01/aws.csv"
    warned = [
        Problem(path, "empty-value", f"row {n} has no Tags", "fill it", line=n, severity=Severity.WARNING)
        for n in range(2, 5203)
    ]
    error = Problem(path, "type-error", 'BilledCost is not a number: "x"', "write a number", line=7)
    text = plan_comment(replace(plan, problems=(*warned, error)), "ledger/")
    assert text.count("\n| ") == 4  # head and marks, then a row each
    assert "<summary>1 error, 5,201 warnings</summary>" in text
    assert text.index(f"| error | ledger/{path}&#58;7 |") < text.index(f"| warning | ledger/{path}&#58;2 |")
    assert "has no Tags (5,201 times) |" in text
    assert "`focus-billing validate --full` lists every location." in text
