"""Journal files: balanced, safe to open, true to the cent, and read alike by two accounting programs."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import re
import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needed import needs
from openchargeback.billing.journal import journal_of, with_descriptions
from openchargeback.export.descriptions import describer
from openchargeback.export.journal_lines import unsafe_funds
from openchargeback.export.journals import journal_files, render_format
from openchargeback.ledger.settings import Config, JournalFormat, JournalSettings, Organization, Source
from openchargeback.model import Amounts, BillingLine, Entry, Journal, State
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.templating.clean_text import clean
from openchargeback.templating.environment import make_environment
from openchargeback.templating.text_filters import date_filter, fixed_filter
from programs import find

ENV = make_environment()
CONFIG = Config(
    Organization("Example University"),
    sources={
        "aws": Source("aws", "Amazon Web Services", credit_fund="CORE-9000", account="6100", credit_account="4100"),
        "hpc": Source("hpc", "Cluster", credit_fund="CORE-9001", account="6200"),
    },
    journal=JournalSettings(fund=r"(?P<org>[A-Z]+)-(?P<fund>\d+)(-(?P<program>\d+))?"),
)


def line(billed, pi="ada@example.edu", project="engine", fund="MATH-2024", source="aws", service="EC2"):
    amount = Decimal(billed)
    return BillingLine(
        period="2025-01",
        pi=pi,
        project=project,
        fund=fund,
        source=source,
        service=service,
        charges=1,
        exact_list=amount,
        exact_billed=amount,
        amounts=Amounts(list=amount, billed=amount),
    )


LINES = [
    line("12.50"),
    line("1200.05", project="ward", fund="PH-2023-7", service="S3"),
    line("-3.10", project="ward", fund="PH-2023-7", source="hpc"),
    line("0.00", project="ward", fund="PH-2023-7", source="hpc", service="GPU"),
    line("0.01", source="hpc", fund="oddly named fund"),
]


def journal(lines=LINES, config=CONFIG, describe=None) -> Journal:
    numbers = {
        (one.pi, one.project): f"2025-01-{hashlib.sha256(one.project.encode()).hexdigest()[:10]}" for one in lines
    }
    made = journal_of("2025-01", dt.date(2025, 2, 3), lines, numbers, lambda _: config)
    return with_descriptions(made, describe or describer(config, ENV))


def files(lines=LINES, config=CONFIG, env=ENV, describe=None):
    return journal_files(journal(lines, config, describe), State.CLOSED, config, env)


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def own(tmp_path: Path, text: str, name: str = "own.txt", extension: str = "txt"):
    folder = tmp_path / "templates"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    form = JournalFormat("banner", name, extension)
    return replace(CONFIG, journal=replace(CONFIG.journal, formats=(form,))), make_environment(folder)


def test_the_detail_has_a_row_a_line():
    rows = table(files()["detail.csv"])
    assert list(rows[0]) == (
        [
            "period",
            "date",
            "statement",
            "source",
            "service",
            "pi",
            "project",
            "role",
            "side",
            "fund",
            "account",
            "amount",
            "description",
        ]
    )
    assert len(rows) == 8
    assert rows[0]["amount"] == "12.50"
    assert rows[0]["side"] == "debit"
    refund = next(row for row in rows if row["amount"] == "3.10" and row["fund"] == "PH-2023-7")
    assert refund["side"] == "credit"
    assert b"\r" not in files()["detail.csv"]


def test_the_summary_nets_per_source_fund_and_account():
    lines = [
        line("5.00"),
        line("7.00", service="S3"),
        line("2.00", fund="X-1"),
        line("-2.00", fund="X-1", service="S3"),
    ]
    rows = table(files(lines)["summary.csv"])
    assert [(row["role"], row["fund"], row["account"], row["debit"], row["credit"]) for row in rows] == [
        ("payer", "MATH-2024", "6100", "12.00", ""),
        ("recipient", "CORE-9000", "4100", "", "12.00"),
    ]


def test_the_summary_keeps_sources_roles_funds_and_accounts_apart():
    """10.00 of a credit fund that pays for itself stay on both sides, and an earlier period's account stays its own."""
    lines = [
        line("10.00", fund="CORE-9000"),
        line("4.00", fund="CORE-9000", source="hpc"),
        line("1.00", fund="CORE-9001", source="hpc"),
        line("8.00"),
        replace(line("-3.00"), entry=Entry.CREDIT, original="2024-12", corrects="2024-12-0123456789"),
    ]
    numbers = {(one.pi, one.project): "2025-01-x" for one in lines}
    before = replace(CONFIG, sources={**CONFIG.sources, "aws": replace(CONFIG.source("aws"), account="5900")})
    made = journal_of(
        *("2025-01", dt.date(2025, 2, 3), lines, numbers), lambda period: before if period == "2024-12" else CONFIG
    )
    rows = table(journal_files(made, State.CLOSED, CONFIG, ENV)["summary.csv"])
    found = [tuple(row[name] for name in ("source", "role", "fund", "account", "debit", "credit")) for row in rows]
    assert found == [
        ("aws", "payer", "CORE-9000", "6100", "10.00", ""),
        ("aws", "payer", "MATH-2024", "5900", "", "3.00"),
        ("aws", "payer", "MATH-2024", "6100", "8.00", ""),
        ("aws", "recipient", "CORE-9000", "4100", "", "15.00"),
        ("hpc", "payer", "CORE-9000", "6200", "4.00", ""),
        ("hpc", "payer", "CORE-9001", "6200", "1.00", ""),
        ("hpc", "recipient", "CORE-9001", "6200", "", "5.00"),
    ]


@given(
    st.lists(
        st.builds(
            line,
            st.decimals(-1000, 1000, places=2),
            fund=st.sampled_from(["CORE-9000", "CORE-9001", "MATH-2024"]),
            source=st.sampled_from(["aws", "hpc"]),
            service=st.sampled_from(["EC2", "S3"]),
        ),
        max_size=12,
    )
)
@settings(max_examples=30, deadline=None)
def test_the_summary_is_the_detail_by_source_role_fund_and_account(lines):
    """Each net of the detail has one row, and no other row is there."""
    made, nets = files(lines, describe=lambda _line: ""), dict[tuple[str, ...], Decimal]()
    key = ("source", "role", "fund", "account")
    for row in table(made["detail.csv"]):
        signed = Decimal(row["amount"]) * (1 if row["side"] == "debit" else -1)
        nets[tuple(row[name] for name in key)] = nets.get(tuple(row[name] for name in key), Decimal(0)) + signed
    rows = table(made["summary.csv"])
    found = {tuple(row[name] for name in key): Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0) for row in rows}
    assert len(found) == len(rows)
    assert found == {name: net for name, net in nets.items() if net}


@pytest.mark.parametrize(
    ("revision", "expected"),
    [(1, "OCB-2025-01"), (2, "OCB-2025-01-r2"), (3, "OCB-2025-01-r3"), (10, "OCB-2025-01-r10")],
)
def test_a_reopened_period_has_a_journal_of_its_own_name(tmp_path, revision, expected):
    """Wherever the id stands: an accounting system refuses a document that it has, or takes it twice."""
    config, env = own(tmp_path, "{{ journal.id }}")
    made = journal_files(journal(), State.CLOSED, config, env, revision)
    for name in ("summary.csv", "gl.csv"):
        assert {row["journal"] for row in table(made[name])} == {expected}
        assert made[name] == render_format(name.removesuffix(".csv"), journal(), State.CLOSED, config, env, revision)
    assert made["banner.txt"].decode().strip() == expected
    assert json.loads(made["control-totals.json"])["journal"]["id"] == expected


def test_the_general_ledger_takes_the_fund_apart():
    rows = table(files()["gl.csv"])
    assert list(rows[0]) == (
        [
            "date",
            "journal",
            "line",
            "account",
            "fund",
            "org",
            "fund_segment",
            "program",
            "debit",
            "credit",
            "description",
            "reference",
            "role",
        ]
    )
    by_fund = {row["fund"]: (row["org"], row["fund_segment"], row["program"]) for row in rows}
    assert by_fund["PH-2023-7"] == ("PH", "2023", "7")
    assert by_fund["MATH-2024"] == ("MATH", "2024", "")
    assert by_fund["oddly named fund"] == ("", "", "")
    assert {row["journal"] for row in rows} == {"OCB-2025-01"}
    assert [row["line"] for row in rows] == [str(n) for n in range(1, 9)]
    assert all((row["debit"] == "") != (row["credit"] == "") for row in rows)


def test_without_an_expression_there_is_one_fund_column():
    config = replace(CONFIG, journal=JournalSettings())
    header = files(config=config)["gl.csv"].decode().splitlines()[0]
    assert header == "date,journal,line,account,fund,debit,credit,description,reference,role"


def test_control_totals_tell_what_the_files_hold():
    result = files()
    totals = json.loads(result["control-totals.json"])
    assert totals["journal"] == {
        "id": "OCB-2025-01",
        "date": "2025-02-03",
        "fiscal_year": 2025,
        "fiscal_period": 2,
        "lines": 8,
        "debits": "1215.66",
        "credits": "1215.66",
        "net": "1209.46",
    }
    assert totals["sources"]["hpc"] == {"lines": 4, "debits": "3.11", "credits": "3.11", "net": "-3.09"}
    assert set(totals["files"]) == set(result) - {"control-totals.json"}
    for name, said in totals["files"].items():
        assert said["sha256"] == hashlib.sha256(result[name]).hexdigest()
        assert said["lines"] == len(table(result[name]))
        assert said["debits"] == said["credits"]
        assert said["net"] == "1209.46"


def test_the_net_is_what_statements_say_and_debits_are_not():
    """100 charged and 30 refunded: the statements say 70, the detail debits 130, and the summary 70."""
    lines = [line("100.00"), line("-30.00", service="S3")]
    said = json.loads(files(lines)["control-totals.json"])
    figures = {"lines": 4, "debits": "130.00", "credits": "130.00", "net": "70.00"}
    assert {key: said["journal"][key] for key in figures} == figures
    assert said["sources"] == {"aws": {"lines": 4, "debits": "130.00", "credits": "130.00", "net": "70.00"}}
    figures = {
        name: (each["lines"], each["debits"], each["credits"], each["net"]) for name, each in said["files"].items()
    }
    assert figures == {
        "detail.csv": (4, "130.00", "130.00", "70.00"),
        "gl.csv": (4, "130.00", "130.00", "70.00"),
        "summary.csv": (2, "70.00", "70.00", "70.00"),
    }


def test_a_fund_that_pays_and_receives_keeps_its_net():
    lines = [line("5.00", fund="CORE-9001", source="hpc")]
    result = files(lines)
    rows = table(result["summary.csv"])
    assert [(row["role"], row["fund"], row["debit"], row["credit"]) for row in rows] == [
        ("payer", "CORE-9001", "5.00", ""),
        ("recipient", "CORE-9001", "", "5.00"),
    ]
    assert json.loads(result["control-totals.json"])["files"]["summary.csv"]["net"] == "5.00"


def test_a_file_that_nets_otherwise_than_the_journal_is_never_written(monkeypatch):
    """The two sides of a refund taken for each other: still balanced, but another net."""
    made = journal()
    first, second, *rest = made.lines
    swapped = Journal(made.period, (replace(first, payer=False), replace(second, payer=True), *rest))
    net = made.net
    monkeypatch.setattr(Journal, "net", property(lambda _: net))
    with pytest.raises(ValueError, match=r"nets to 1184\.46, its journal to 1209\.46"):
        journal_files(swapped, State.CLOSED, CONFIG, ENV)


def test_an_empty_month_has_files_with_headings_only():
    result = files([])
    assert result["detail.csv"].count(b"\n") == 1
    assert json.loads(result["control-totals.json"])["journal"]["debits"] == "0.00"


HOSTILE = [
    "=1+1",
    " \t=cmd|' /C calc'!A0",
    "\uff1d1",
    "\u200b@x",
    "-2+3",
    "+1",
    "\x00=1",
    "\ufeff\r\n=1",
    "\ufe631",
    "--=@x",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_free_text_never_begins_like_a_formula(text):
    assert not re.match(r"[\s=+\-@\uFF1D\uFF0B\uFF0D\uFF20]", clean(text))
    rows = table(files([line("1.00", service=text, project=text)], describe=lambda _: text)["detail.csv"])
    assert rows[0]["service"] == rows[0]["project"] == rows[0]["description"] == clean(text)


@given(st.text())
def test_clean_text_is_stable_and_on_one_line(text):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode()


def test_descriptions_are_cut_after_cleaning():
    config = replace(CONFIG, journal=replace(CONFIG.journal, description_limit=8))
    result = files([line("1.00")], config, describe=lambda _: "====12345678, 9")
    assert table(result["gl.csv"])[0]["description"] == "12345678"
    assert table(result["detail.csv"])[0]["description"] == "12345678, 9"


def test_a_fund_is_refused_rather_than_changed():
    with pytest.raises(LedgerFault) as fault:
        files([line("1.00", fund="=HYPERLINK()"), line("1.00", fund="A\n1", service="S3")])
    assert [problem.code for problem in fault.value.problems] == ["unsafe-fund", "unsafe-fund"]
    assert unsafe_funds(journal(), CONFIG) == []


def test_a_part_of_a_fund_is_refused_too():
    config = replace(CONFIG, journal=JournalSettings(fund=r"(?P<a>\w+)(?P<b>-\d+)"))
    assert [problem.excerpt for problem in unsafe_funds(journal([line("1.00")], config), config)] == [
        "CORE-9000",
        "MATH-2024",
    ]


def test_an_unbalanced_journal_is_never_written():
    broken = journal()
    with pytest.raises(ValueError, match="does not balance"):
        journal_files(Journal("2025-01", broken.lines[:-1]), State.CLOSED, CONFIG, ENV)


def test_part_cents_are_never_written():
    with pytest.raises(ValueError, match="does not balance"):
        files([line("1.001")])


def test_own_templates_see_the_lines(tmp_path):
    text = (
        "{{ journal.id }}|{{ journal.date | date('%m%d%Y') }}|{{ totals.hash | amount }}|{{ organization.name }}\n"
        "{% for line in lines %}"
        "{{ line.groups.org | fixed(6) }}{{ line.signed | amount | fixed(12, 'right') }} "
        "{{ line.signed | amount | csv }},{{ line.fund | csv }},{{ line.description | csv }},{{ '=<a,b>' | csv }}\n"
        "{% endfor %}"
    )
    config, env = own(tmp_path, text)
    result = files(config=config, env=env)
    rows = result["banner.txt"].decode().splitlines()
    assert rows[0] == "OCB-2025-01|02032025|2431.32|Example University"
    assert rows[1] == 'MATH         12.50 12.50,MATH-2024,Amazon Web Services 2025-01 engine,"<a,b>"'
    assert any("-1200.05,CORE-9000" in row for row in rows)
    assert json.loads(result["control-totals.json"])["files"]["banner.txt"]["lines"] == 9
    assert render_format("banner", journal(), State.CLOSED, config, env) == result["banner.txt"]
    assert "csv" not in env.filters


@pytest.mark.parametrize(
    ("text", "line_number", "message"),
    [
        ("a\n{% for %}\n", 2, "Expected"),
        ("a\nb\n{{ nothing }}\n", 3, "'nothing' is undefined"),
        ("{{ lines[0].groups.nothing }}\n", 1, "nothing"),
        ("\n{{ journal.date | date('%B') }}\n", 2, "unknown code"),
        ("\n{{ lines[0].fund | fixed(2) }}\n", 2, "longer than 2"),
        ("\n{{ 1 / 0 }}\n", 2, "division"),
        ("\n{{ journal.__class__.__mro__ }}\n", 2, "unsafe"),
        ("\n{% include 'missing.txt' %}\n", 2, "missing.txt"),
    ],
)
def test_faults_of_own_templates_name_file_and_line(tmp_path, text, line_number, message):
    config, env = own(tmp_path, text)
    with pytest.raises(LedgerFault) as fault:
        files(config=config, env=env)
    (problem,) = fault.value.problems
    assert (problem.code, problem.path, problem.line) == ("journal-template", "templates/own.txt", line_number)
    assert message in problem.message


def test_a_missing_template_is_a_problem():
    config = replace(CONFIG, journal=JournalSettings(formats=(JournalFormat("x", "../secret.txt"),)))
    with pytest.raises(LedgerFault) as fault:
        files(config=config)
    assert fault.value.problems[0].code == "journal-template"


def test_a_shipped_name_cannot_be_taken():
    config = replace(CONFIG, journal=JournalSettings(formats=(JournalFormat("gl", "own.txt"),)))
    with pytest.raises(LedgerFault) as fault:
        files(config=config)
    assert fault.value.problems[0].code == "journal-format-name"


def test_descriptions_come_from_the_config():
    settings_ = JournalSettings(description="{{ source_label }} & {{ statement }} {{ pi }}")
    config = replace(CONFIG, journal=settings_)
    payer = journal([line("1.00")], config).lines[0]
    assert payer.description == f"Amazon Web Services & {payer.statement} ada@example.edu"
    for text in ("{{ nothing }}", "{{ pi"):
        config = replace(CONFIG, journal=JournalSettings(description=text))
        with pytest.raises(LedgerFault) as fault:
            describer(config, ENV)(payer)
        assert fault.value.problems[0].path == "config.yaml"


def test_an_unknown_format_lists_the_known_ones():
    with pytest.raises(UsageFault, match="known: detail, summary, gl"):
        render_format("pdf", journal(), State.CLOSED, CONFIG, ENV)
    assert render_format("gl", journal(), State.CLOSED, CONFIG, ENV) == files()["gl.csv"]


def test_filters():
    assert date_filter(dt.date(2025, 2, 3), "%d-%b-%y %j%%") == "03-Feb-25 034%"
    assert fixed_filter("=a\nb", 5) == "a b  "
    assert fixed_filter("abcdef", 3) == "abc"
    assert fixed_filter(Decimal("1.50"), 6, "right", "0") == "001.50"


billing_lines = st.builds(
    line,
    st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    project=st.text(min_size=1, max_size=5),
    fund=st.sampled_from(["MATH-2024", "CORE-9000", "CORE-9001", "PH-1-2"]),
    source=st.sampled_from(["aws", "hpc"]),
    service=st.text(max_size=5),
)


@settings(deadline=None)
@given(st.lists(billing_lines, max_size=10))
def test_every_file_reads_back_balanced(lines):
    result = files(lines)
    for name in ("summary.csv", "gl.csv"):
        rows = table(result[name])
        assert sum(Decimal(r["debit"] or 0) for r in rows) == sum(Decimal(r["credit"] or 0) for r in rows)
    for row in table(result["detail.csv"]):
        assert re.fullmatch(r"\d+\.\d{2}", row["amount"])


def net_of(data: bytes) -> Decimal:
    """Debits less credits in the rows of payers, as someone reads them off a file."""
    net = Decimal(0)
    for row in table(data):
        if "side" in row:
            debit, credit = (row["amount"] if row["side"] == side else "0" for side in ("debit", "credit"))
        else:
            debit, credit = row["debit"] or "0", row["credit"] or "0"
        if row["role"] == "payer":
            net += Decimal(debit) - Decimal(credit)
    return net


@settings(deadline=None)
@given(st.lists(billing_lines, max_size=10))
def test_every_file_nets_what_the_statements_say(lines):
    result = files(lines)
    due = sum((one.amounts.billed for one in lines), Decimal(0))
    said = json.loads(result["control-totals.json"])
    assert Decimal(said["journal"]["net"]) == due
    assert sum(Decimal(each["net"]) for each in said["sources"].values()) == due
    for name, each in said["files"].items():
        assert net_of(result[name]) == due, name
        assert Decimal(each["net"]) == due, name


def transactions(data: bytes) -> list[tuple[str, list[tuple[str, str]]]]:
    """Per transaction date and (account, signed amount), from the detail as a reader of the file finds it."""
    rows = table(data)
    result = []
    for pair in zip(rows[::2], rows[1::2], strict=True):
        postings = [
            (
                f"Expenses:F{row['fund'].encode().hex()}:A{row['account']}",
                ("" if row["side"] == "debit" else "-") + row["amount"],
            )
            for row in pair
        ]
        result.append((pair[0]["date"], postings))
    return result


@needs("hledger")
def test_hledger_agrees(tmp_path):
    program = find("hledger")
    entries = transactions(files()["detail.csv"])
    accounts = sorted({account for _, postings in entries for account, _ in postings})
    text = "decimal-mark .\ncommodity 1000.00 USD\n" + "".join(f"account {account}\n" for account in accounts)
    for date, postings in entries:
        text += f"\n{date} journal\n" + "".join(f"    {account}  {amount} USD\n" for account, amount in postings)
    path = tmp_path / "journal.hledger"
    path.write_text(text)
    check = subprocess.run([program, "-f", path, "check", "-s"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
    path.write_text(text.replace("12.50", "12.51", 1))
    assert subprocess.run([program, "-f", path, "check", "-s"], capture_output=True, check=False).returncode != 0


def test_beancount_agrees(tmp_path):
    program = find("bean-check")
    entries = transactions(files()["detail.csv"])
    accounts = sorted({account for _, postings in entries for account, _ in postings})
    text = 'option "operating_currency" "USD"\noption "tolerance_multiplier" "0"\n'
    text += "".join(f"2025-01-01 open {account} USD\n" for account in accounts)
    for date, postings in entries:
        text += f'\n{date} * "journal"\n' + "".join(f"  {account}  {amount} USD\n" for account, amount in postings)
    path = tmp_path / "journal.beancount"
    path.write_text(text)
    check = subprocess.run([program, path], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
    path.write_text(text.replace("12.50", "12.51", 1))
    assert subprocess.run([program, path], capture_output=True, check=False).returncode != 0
