"""For every problem code one broken ledger, and what `validate` says of it, to the letter.

tests/errors/<code>/ holds the ledger, as small as the fault allows, and expected.txt. Where a closed month is part of
the fault, the test closes it first: no folder holds a record in the format of an earlier day. After a wanted change:
`make test PYTEST_ARGS="tests/cli/test_error_reports.py --update-expected"`, and read the difference.
"""

from __future__ import annotations

import ast
import datetime as dt
import gzip
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from openchargeback.cli.main import cli
from openchargeback.explanations import catalog
from openchargeback.files.changes import PENDING
from openchargeback.ledger.periods import Event
from openchargeback.ledger.yaml_tree import MAX_BYTES
from openchargeback.problems import Severity
from openchargeback.publish import closing
from openchargeback.publish.books import open_books

CASES = Path(__file__).parents[1] / "errors"
ORGANIZATION = "organization: Northfield University\n"


# What cannot lie in the repository as a small file that every checkout keeps.
def _too_large(ledger: Path) -> None:
    (ledger / "config.yaml").write_text(ORGANIZATION + "#" * MAX_BYTES, encoding="utf-8")


def _too_much_money(ledger: Path) -> None:
    rows = "2025-01-01,999999999999999,\n" * 100_001
    (ledger / "charges/2025-01").mkdir(parents=True)
    (ledger / "charges/2025-01/aws.csv").write_text("BillingPeriodStart,BilledCost,Tags\n" + rows, encoding="utf-8")


def _too_many_faults(ledger: Path) -> None:
    rows = "2025-01-01,$1,\n" * 10_100
    (ledger / "charges/2025-01").mkdir(parents=True)
    (ledger / "charges/2025-01/aws.csv").write_text("BillingPeriodStart,BilledCost,Tags\n" + rows, encoding="utf-8")


def _link(ledger: Path) -> None:
    (ledger / "charges/2025-01").mkdir(parents=True)
    (ledger / "charges/2025-01/aws.csv").symlink_to("../../../elsewhere.csv")


def _link_within(ledger: Path) -> None:
    (ledger / "charges/2025-01/hpc.csv").symlink_to("aws.csv")


def _local(ledger: Path) -> None:
    text = "email: {password: secret-word, from: billing@example.edu}\ncurrency: EUR\n"
    (ledger / "config.local.yaml").write_text(text, encoding="utf-8")


ON = Event(dt.date(2025, 2, 5), "admin@example.edu")
JANUARY = "charges/2025-01/aws.csv"


def _close(ledger: Path, *months: str) -> None:
    """Close months, each as if what was decided in later ones were not there yet."""
    for month in months:
        later = [path for path in (ledger / "approvals").glob("*") if path.name > month]
        for path in later:
            path.rename(ledger.parent / path.name)
        closing.close(open_books(ledger), month, ON)
        for path in later:
            (ledger.parent / path.name).rename(path)


def _closed(*months: str) -> Callable[[Path], None]:
    return lambda ledger: _close(ledger, *months)


def _posted(*months: str) -> Callable[[Path], None]:
    """Close months, before anything is recorded of their postings."""

    def make(ledger: Path) -> None:
        (ledger / "postings").rename(ledger.parent / "postings")
        _close(ledger, *months)
        (ledger.parent / "postings").rename(ledger / "postings")

    return make


def _replace(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def _clash(ledger: Path) -> None:
    """What a merge makes of two branches that closed February and March apart from each other."""
    _close(ledger, "2025-01")
    branch = ledger.parent / "branch"
    shutil.copytree(ledger, branch)
    shutil.rmtree(branch / "approvals/2025-02")
    _close(branch, "2025-03")
    _close(ledger, "2025-02")
    for path in (branch / "periods").glob("2025-03.*"):
        shutil.copy(path, ledger / "periods")


def _changed_charges(ledger: Path) -> None:
    _close(ledger, "2025-01")
    _replace(ledger / JANUARY, b"2025-01-01,5,", b"2025-01-01,6,")


def _other_currency(ledger: Path) -> None:
    _replace(ledger / "config.yaml", b"currency: EUR", b"currency: USD")
    _close(ledger, "2025-01")
    _replace(ledger / "config.yaml", b"currency: USD", b"currency: EUR")


def _faulty_record(ledger: Path) -> None:
    _close(ledger, "2025-01")
    _replace(ledger / "periods/2025-01.frozen.yaml", b'period: "2025-01"', b'period: "2025-02"')


def _record_alone(ledger: Path) -> None:
    _close(ledger, "2025-01")
    (ledger / "periods/2025-01.yaml").unlink()


def _finalize(ledger: Path) -> None:
    _close(ledger, "2025-01")
    closing.finalize(open_books(ledger).ledger, "2025-01", ON)


def _unsealed(ledger: Path) -> None:
    _finalize(ledger)
    path = ledger / "periods/2025-01.yaml"
    path.write_bytes(path.read_bytes().split(b"seal:")[0])


def _changed_seal(ledger: Path) -> None:
    _finalize(ledger)
    _replace(ledger / JANUARY, b"2025-01-01,5,", b"2025-01-01,6,")


def _committed_temporary(ledger: Path) -> None:
    """What a killed command left, given to Git against .gitignore."""
    folder = ledger / PENDING
    folder.mkdir()
    (folder / "0").write_text("state: closed\n", encoding="utf-8")
    (folder / "list.json").write_text('{"periods/2025-01.yaml": "0"}', encoding="utf-8")
    for command in (["init", "-q"], ["add", "-f", "."]):
        subprocess.run(["git", "-C", str(ledger), *command], check=True)


def _committed_cache(ledger: Path) -> None:
    """What a pull request could bring, against .gitignore."""
    (ledger / ".openchargeback/cache/3f").mkdir(parents=True)
    (ledger / ".openchargeback/cache/3f/9a").write_text("%PDF-1.7", encoding="utf-8")
    for command in (["init", "-q"], ["add", "-f", "."]):
        subprocess.run(["git", "-C", str(ledger), *command], check=True)


def _bomb(ledger: Path) -> None:
    """A gigabyte of blank lines, as gzip members of which each is small."""
    (ledger / "charges/2025-01").mkdir(parents=True)
    member = gzip.compress(b"\n" * 10**7, mtime=0)
    data = gzip.compress(b"BillingPeriodStart,BilledCost\n", mtime=0) + member * 100
    (ledger / "charges/2025-01/aws.csv.gz").write_bytes(data)


MADE: dict[str, Callable[[Path], None]] = {
    "amount-overflow": _too_much_money,
    "bad-link": _link_within,
    "charge-file-size": _bomb,
    "closed-months-clash": _clash,
    "closed-period-changed": _changed_charges,
    "committed-cache": _committed_cache,
    "credited-already": _closed("2025-01"),
    "currency-changed": _other_currency,
    "decided-already": _closed("2025-01", "2025-02"),
    "frozen-fault": _faulty_record,
    "frozen-left-over": _record_alone,
    "late-still-held": _closed("2025-01"),
    "local-setting": _local,
    "not-journaled-again": _posted("2025-01"),
    "not-judged": _too_many_faults,
    "not-sealed": _unsealed,
    "outside-ledger": _link,
    "posting-again": _posted("2025-01", "2025-02"),
    "posting-mismatch": _posted("2025-01"),
    "sealed-file-changed": _changed_seal,
    "temporary-file": _committed_temporary,
    "yaml-size": _too_large,
}

# What `validate` never says of a ledger by itself, and the test that fails where the code is not given.
REVISIONS, SHOWN = "tests/plan/test_plan_revisions.py", "tests/plan/test_plan_shown.py"
CONVERT = "tests/convert"
STORAGE_EXPORTS, STORAGE_RULES = (
    f"{CONVERT}/storage/test_storage_bad_input.py",
    f"{CONVERT}/storage/test_storage_rules.py",
)
BAD_EXPORTS = f"{CONVERT}/slurm/test_bad_input.py"
ELSEWHERE = {
    "not-by-day": "tests/publish/test_spans.py::test_a_month_that_is_computed_differently_cannot_be_cut_by_day",
    # About a change.
    "base-has-errors": f"{REVISIONS}::test_a_base_with_errors_is_told_and_does_not_stop_the_change_that_fixes_it",
    "closed-months-kept": f"{REVISIONS}::test_live_changes_that_would_alter_a_closed_month_are_told",
    "closed-period": f"{REVISIONS}::test_touching_a_closed_or_finalized_month_is_told_and_moves_nothing",
    "plan-threshold": f"{SHOWN}::test_limits_set_the_exit_code",
    "program-changes": f"{REVISIONS}::test_an_upgrade_says_what_the_new_program_computes_differently",
    "reopened-period": f"{REVISIONS}::test_closing_a_month_is_no_fault_and_reopening_is_a_warning",
    "revision-reused": f"{REVISIONS}::test_a_month_is_not_closed_again_in_the_same_revision",
    "sealed-period": f"{REVISIONS}::test_touching_a_closed_or_finalized_month_is_told_and_moves_nothing",
    "several-bases": f"{REVISIONS}::test_of_several_bases_one_is_named",
    "submodule": f"{REVISIONS}::test_a_submodule_is_named_and_not_read",
    "unlisted-source": f"{SHOWN}::test_a_new_source_that_is_not_listed_is_told",
    # About the input and the config of a conversion.
    "no-rate": f"{CONVERT}/test_rates.py::test_a_rate_that_cannot_be_right_is_a_problem",
    "owner-unknown": f"{CONVERT}/test_ledger.py::test_an_account_that_no_one_claims_stays_untagged",
    "rate-currency": f"{CONVERT}/test_rates.py::test_a_rate_that_cannot_be_right_is_a_problem",
    "rate-decimals": f"{CONVERT}/test_rates.py::test_a_rate_that_cannot_be_right_is_a_problem",
    "rate-history": f"{CONVERT}/test_rates.py::test_a_history_that_is_not_there_is_a_problem",
    "rate-overlap": f"{CONVERT}/test_rates.py::test_two_rates_for_one_usage_are_a_problem_on_the_line_of_the_second",
    "rate-price": f"{CONVERT}/test_rates.py::test_a_rate_that_cannot_be_right_is_a_problem",
    "rate-resource": f"{CONVERT}/test_rates.py::test_a_rate_that_cannot_be_right_is_a_problem",
    "rate-unit": f"{CONVERT}/test_rates.py::test_a_rate_that_cannot_be_right_is_a_problem",
    "rate-unused": f"{CONVERT}/test_rates.py::test_an_unused_rate_is_warned_of_if_it_is_in_force",
    "usage-array": f"{BAD_EXPORTS}::test_some_things_are_only_warned_of",
    "usage-billed-already": f"{CONVERT}/test_ledger.py::test_a_job_is_not_billed_by_two_sources",
    "usage-cells": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-clock": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-columns": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-conflict": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-cut": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-empty": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-failed": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-header": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-number": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-open": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-repeated": f"{CONVERT}/slurm/test_jobs.py::test_the_same_export_twice_is_counted_once_with_a_notice",
    "usage-stale": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-state": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-steps-only": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-time": f"{BAD_EXPORTS}::test_a_bad_export_is_named_and_nothing_is_written",
    "usage-tres": f"{BAD_EXPORTS}::test_some_things_are_only_warned_of",
    "usage-zone": f"{BAD_EXPORTS}::test_local_times_need_a_zone",
    "converter-fault": "tests/cli/test_own_converter.py::test_a_failed_check_ends_the_command_with_a_problem",
    "shared-column": f"{CONVERT}/shared/test_shared_faults.py::test_a_pool_without_use_or_with_an_unknown_column",
    "shared-currency": f"{CONVERT}/shared/test_shared_faults.py::test_faulty_costs",
    "shared-date": f"{CONVERT}/shared/test_shared_faults.py::test_a_faulty_table_of_use",
    "shared-idle": f"{CONVERT}/shared/test_shared_faults.py::test_an_idle_share_without_owner",
    "shared-month": f"{CONVERT}/shared/test_shared_faults.py::test_a_faulty_table_of_use",
    "shared-negative": f"{CONVERT}/shared/test_shared_faults.py::test_a_faulty_table_of_use",
    "shared-no-cost": f"{CONVERT}/shared/test_shared_faults.py::test_faulty_costs",
    "shared-no-usage": f"{CONVERT}/shared/test_shared_faults.py::test_a_pool_without_use_or_with_an_unknown_column",
    "shared-number": f"{CONVERT}/shared/test_shared_faults.py::test_a_faulty_table_of_use",
    "shared-overlap": f"{CONVERT}/shared/test_shared_faults.py::test_a_row_in_two_pools_is_a_problem",
    "shared-repeated": f"{CONVERT}/shared/test_shared_faults.py::test_a_faulty_table_of_use",
    "shared-setting": f"{CONVERT}/shared/test_shared_faults.py::test_a_pool_that_cannot_be_split",
    "shared-unsplit": f"{CONVERT}/shared/test_shared_ledger.py::test_costs_are_not_billed_split_and_unsplit",
    "shared-weight": f"{CONVERT}/shared/test_shared_faults.py::test_a_faulty_table_of_use",
    "usage-blank": f"{CONVERT}/csv/test_bad_tables.py::test_tokens_without_their_model",
    "usage-characters": f"{CONVERT}/csv/test_bad_tables.py::test_a_table_that_is_not_whole_or_not_right",
    "usage-cost": f"{CONVERT}/csv/test_bad_tables.py::test_lines_of_an_invoice",
    "usage-currency": f"{CONVERT}/csv/test_bad_tables.py::test_lines_of_an_invoice",
    "usage-date": f"{STORAGE_EXPORTS}::test_all_faults_of_all_files_are_named_at_once_with_their_places",
    "usage-doubled": f"{CONVERT}/csv/test_bad_tables.py::test_a_table_that_is_not_whole_or_not_right",
    "usage-inexact": f"{STORAGE_EXPORTS}::test_a_bad_listing_is_refused",
    "usage-metric": f"{STORAGE_EXPORTS}::test_a_bad_listing_is_refused",
    "usage-missing-day": f"{STORAGE_EXPORTS}::test_a_bad_listing_is_refused",
    "usage-nested": f"{STORAGE_RULES}::test_children_that_hold_more_than_their_parent_are_a_problem",
    "usage-notes": f"{CONVERT}/vm/test_vm_formats.py::test_a_bad_export_is_refused",
    "usage-page": f"{STORAGE_EXPORTS}::test_pages_may_be_in_one_list_or_in_several_files",
    "usage-quota": f"{STORAGE_RULES}::test_what_was_bought_is_billed_by_its_days",
    "usage-rounded": f"{STORAGE_EXPORTS}::test_all_faults_of_all_files_are_named_at_once_with_their_places",
    "usage-type": f"{CONVERT}/storage/test_storage_formats.py::test_user_names_are_kept_only_if_asked_for",
    "usage-unbilled": f"{CONVERT}/test_usage_files.py::test_charges_that_were_edited",
    "usage-unmapped": f"{CONVERT}/csv/test_bad_tables.py::test_a_row_that_no_meter_is_for",
    "usage-unready": f"{STORAGE_EXPORTS}::test_a_bad_listing_is_refused",
    "usage-window": f"{CONVERT}/vm/test_vm_formats.py::test_a_bad_export_is_refused",
    # About a file outside of a ledger, and about the history of a repository.
    "directory-csv": "tests/ledger/test_directory_csv.py::test_every_fault_has_its_line",
    "evidence-missing": (
        "tests/evidence/test_evidence.py::test_what_the_config_asks_for_is_a_problem_where_it_is_missing"
    ),
    # About a file that a command is given, and about a file of a closed month.
    "answer-file": "tests/export/test_journal_answers.py::test_an_answer_that_cannot_be_used_is_refused_as_a_whole",
    "journal-changed": "tests/export/test_journal_output.py::test_a_file_that_is_no_longer_as_it_was_closed_is_told",
    "journal-differs": "tests/export/test_journal_command.py::test_a_file_is_compared_with_the_ledger_line_by_line",
    # About an output.
    "leaked-identity": "tests/publish/test_audiences.py::test_a_build_that_tells_of_others_is_refused",
    "secret-published": "tests/publish/test_secrets.py::test_a_secret_is_found_in_every_form",
    "template-fault": "tests/portal/test_metering.py::test_a_template_that_would_not_end_is_named",
    # Facts about the program, and faults of it.
    "tool-drift": "tests/billing/test_freezing.py::test_drift_is_silent_until_the_tool_computes_otherwise",
    "broken-invariant": "tests/billing/test_reconciliation.py::test_the_program_itself_is_checked_on_every_period",
    "uncounted-rows": "tests/focus/test_reading.py::test_rows_that_the_checks_let_pass_wrongly_stop_the_file",
}

# What cannot come alone.
COMPANY = {"not-judged": {"type-error"}}

CODES = sorted(each.code for each in catalog().values() if each.severity and each.code not in ELSEWHERE)


@pytest.mark.parametrize("code", CODES)
def test_the_report_of_a_broken_ledger_is_as_written_down(
    code: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The whole text, the code and no other, and the exit code that its severity asks for."""
    case = CASES / code
    assert case.is_dir(), f"write a broken ledger into tests/errors/{code}/ and run with --update-expected"
    # A copy: validate keeps its cache in the ledger.
    ledger = tmp_path / "ledger"
    shutil.copytree(case, ledger, ignore=shutil.ignore_patterns("expected.txt"))
    if code in MADE:
        MADE[code](ledger)
    done = CliRunner().invoke(cli, ["validate", "--ledger", str(ledger)])
    assert done.stderr == ""
    assert set(
        re.findall(r"^(?:  |\S+: )(?:error|warning|notice)\[([^\]]+)\]: ", done.stdout, re.MULTILINE)
    ) - COMPANY.get(code, set()) == {code}
    assert done.exit_code == (1 if catalog()[code].severity is Severity.ERROR else 0)
    expected = case / "expected.txt"
    if request.config.getoption("--update-expected"):
        expected.write_bytes(done.stdout.encode())
    assert expected.is_file(), "run with --update-expected"
    assert done.stdout == expected.read_bytes().decode()


def test_no_folder_stands_for_a_code_that_is_gone() -> None:
    """A folder without a code would look like a test and be none."""
    assert {each.name for each in CASES.iterdir()} == set(CODES)


@pytest.mark.parametrize("code", ELSEWHERE)
def test_a_code_without_a_folder_has_a_test_that_names_it(code: str) -> None:
    """The test is there, and says the code itself, in its parameters or in a table of cases that it uses."""
    path, _, name = ELSEWHERE[code].partition("::")
    text = (CASES.parents[1] / path).read_text(encoding="utf-8")
    module = ast.parse(text).body
    (function,) = [each for each in module if isinstance(each, ast.FunctionDef) and each.name == name]
    tables = {
        target.id: each.value
        for each in module
        if isinstance(each, ast.Assign | ast.AnnAssign) and each.value
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
        if isinstance(target, ast.Name)
    }
    parts = [node for part in (*function.body, *function.decorator_list) for node in ast.walk(part)]
    used = [tables[node.id] for node in parts if isinstance(node, ast.Name) and node.id in tables]
    strings = [
        node.value
        for node in (*parts, *(inner for each in used for inner in ast.walk(each)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [each for each in strings if re.search(rf"(?<![a-z-]){code}(?![a-z-])", each)]
    assert code in catalog()
