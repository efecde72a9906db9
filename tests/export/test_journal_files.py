"""Journal files: balanced, safe to open, true to the cent, and read alike by two accounting programs."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_cases import (
    CONFIG,
    ENV,
    files,
    journal,
    line,
    month,
    own_template,
    table,
)

from openchargeback.billing.journal import journal_of
from openchargeback.characters import BIDIRECTIONAL
from openchargeback.export.journals.control_totals import period_files
from openchargeback.export.journals.descriptions import describer
from openchargeback.export.journals.files import month_files
from openchargeback.export.journals.profiles import profile_of
from openchargeback.export.journals.sheet import unsafe_funds
from openchargeback.ledger.settings import JournalSettings, Organization
from openchargeback.model import Entry, Journal, State
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.templating.clean_text import clean
from openchargeback.templating.text_filters import date_filter, fixed_filter


def test_the_detail_has_a_row_a_line():
    rows = table(files()["detail.csv"])
    assert list(rows[0]) == (
        [
            "period",
            "date",
            "journal",
            "line",
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
        *("2025-01", dt.date(2025, 1, 31), lines, numbers), lambda period: before if period == "2024-12" else CONFIG
    )
    rows = table({file.name: file.data for file in month_files(month(made))}["summary.csv"])
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
    if not any(one.amounts.billed for one in lines):
        return
    made, nets = files(lines, describe=lambda _line: ""), dict[tuple[str, ...], Decimal]()
    key = ("source", "role", "fund", "account")
    for row in table(made["detail.csv"]):
        signed = Decimal(row["amount"]) * (1 if row["side"] == "debit" else -1)
        nets[tuple(row[name] for name in key)] = nets.get(tuple(row[name] for name in key), Decimal(0)) + signed
    rows = table(made["summary.csv"])
    found = {tuple(row[name] for name in key): Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0) for row in rows}
    assert len(found) == len(rows)
    assert found == {name: net for name, net in nets.items() if net}


@pytest.mark.parametrize(("revision", "ending"), [(1, ""), (2, "-r2"), (3, "-r3"), (10, "-r10")])
def test_a_reopened_period_has_documents_of_its_own(tmp_path, revision, ending):
    """Wherever the number stands: an accounting system refuses a document that it has, or takes it twice."""
    made = files(**own_template(tmp_path, "{{ journal.document }}"), revision=revision)
    assert {row["journal"] for row in table(made["summary.csv"])} == {f"OCB-SUMMARY-2025-01{ending}"}
    assert {row["journal"] for row in table(made["gl.csv"])} == {f"OCB-2025-01{ending}"}
    assert made["banner.txt"].decode().strip() == f"OCB-BANNER-2025-01{ending}"
    said = json.loads(made["control-totals.json"])["files"]
    assert said["gl.csv"]["document"] == f"OCB-2025-01{ending}"


def test_a_draft_says_so_and_has_no_document_number(tmp_path):
    """In its name and in the control totals; nothing else in it differs."""
    made = files(**own_template(tmp_path, "{{ journal.document }}{{ journal.draft }}"), state=State.OPEN)
    assert sorted(made) == [
        *("DRAFT-banner.txt", "DRAFT-control-totals.json", "DRAFT-detail.csv", "DRAFT-gl.csv", "DRAFT-summary.csv"),
    ]
    assert {row["journal"] for name in ("gl", "summary") for row in table(made[f"DRAFT-{name}.csv"])} == {""}
    assert made["DRAFT-banner.txt"] == b"True"
    said = json.loads(made["DRAFT-control-totals.json"])
    assert (said["status"], said["state"]) == ("DRAFT", "open")
    assert {each["document"] for each in said["files"].values()} == {None}
    closed = files()
    assert closed["gl.csv"].replace(b"OCB-2025-01,", b",") == made["DRAFT-gl.csv"]
    assert closed["detail.csv"].replace(b"OCB-DETAIL-2025-01,", b",") == made["DRAFT-detail.csv"]
    assert json.loads(closed["control-totals.json"])["status"] == "final"


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
        "date": "2025-01-31",
        "fiscal_year": 2025,
        "fiscal_period": 1,
        "lines": 8,
        "debits": "1215.66",
        "credits": "1215.66",
        "net": "1209.46",
        "statements": "1209.46",
        "again": "0.00",
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
    figures = {"lines": 4, "debits": "130.00", "credits": "130.00", "net": "70.00", "statements": "70.00"}
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


def test_two_sides_taken_for_each_other_are_never_written():
    """Still balanced, but it would charge the credit fund."""
    made = journal()
    first, second, *rest = made.lines
    swapped = Journal(made.period, (replace(first, payer=False), replace(second, payer=True), *rest))
    with pytest.raises(ValueError, match="is not made of pairs"):
        month(swapped)


def test_a_pair_that_does_not_balance_is_never_written():
    """Even if the whole does: 1 too much on one pair of funds, 1 too little on another of the same source."""
    made = journal([line("5.00"), line("7.00", fund="PH-1")])
    more = [replace(each, amount=each.amount + (1, 0, -1, 0)[place]) for place, each in enumerate(made.lines)]
    wrong = Journal(made.period, tuple(more))
    assert wrong.debits == wrong.credits
    with pytest.raises(ValueError, match="source aws, 'MATH-2024' to 'CORE-9000' by 1"):
        month(wrong)


def test_an_empty_month_has_control_totals_only():
    """An accounting system may refuse a file without lines, or wait for one."""
    result = files([])
    assert [*result] == ["control-totals.json"]
    said = json.loads(result["control-totals.json"])
    assert said["journal"]["debits"] == "0.00"
    assert said["files"] == {}
    assert period_files(month(journal([]))) == ({"control-totals.json": result["control-totals.json"]}, [])


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
    with pytest.raises(ValueError, match="does not balance: a line has no counterpart"):
        month(Journal("2025-01", broken.lines[:-1]))


def test_part_cents_are_never_written():
    with pytest.raises(LedgerFault) as fault:
        files([line("1.001")])
    assert {problem.code for problem in fault.value.problems} == {"journal-value"}
    assert "has more than 2 decimals: 1.001" in fault.value.problems[0].message


def test_own_templates_see_the_lines(tmp_path):
    text = (
        "{{ journal.document }}|{{ journal.date | date('%m%d%Y') }}|{{ totals.hash | amount }}|"
        "{{ organization.name }}\n"
        "{% for line in lines %}"
        "{{ line.groups.org | fixed(6) }}{{ line.signed | amount | fixed(12, 'right') }} "
        "{{ line.signed | amount | csv }},{{ line.fund | csv }},{{ line.description | csv }},{{ '=<a,b>' | csv }}\n"
        "{% endfor %}"
    )
    result = files(**own_template(tmp_path, text))
    rows = result["banner.txt"].decode().splitlines()
    assert rows[0] == "OCB-BANNER-2025-01|01312025|2431.32|Example University"
    assert rows[1] == 'MATH         12.50 12.50,MATH-2024,Amazon Web Services 2025-01 engine,"<a,b>"'
    assert any("-1200.05,CORE-9000" in row for row in rows)
    assert json.loads(result["control-totals.json"])["files"]["banner.txt"]["lines"] is None
    assert "csv" not in ENV.filters


def test_an_own_template_writes_no_character_that_controls_direction(tmp_path):
    """Neither its own text nor that of config.yaml is cleaned cell by cell."""
    every = "".join(sorted(BIDIRECTIONAL))
    given_ = own_template(tmp_path, f"a{every}b,{{{{ organization.name }}}}\n")
    result = files(**given_ | {"config": replace(given_["config"], organization=Organization(f"X{every}Y"))})
    assert result["banner.txt"] == b"ab,XY\n"


READ = r"[^,]+ (?P<signed>-?\d+\.\d+)"


@pytest.mark.parametrize(
    ("amount", "fault"),
    [
        ("line.signed", ""),
        ("(line.signed + 1)", "does not have the amounts of the journal"),
        ("line.amount", "8 lines with debits of 2431.32 were found, 8 with 1215.66 expected"),
    ],
)
def test_the_output_of_an_own_template_is_read_back_if_its_profile_says_how(tmp_path, amount, fault):
    text = "head 1.00,\n{% for line in lines %}{{ line.fund }} {{ " + amount + " | amount }}\n{% endfor %}"
    given_ = own_template(tmp_path, text, read=READ)
    if not fault:
        said = json.loads(files(**given_)["control-totals.json"])["files"]["banner.txt"]
        assert (said["lines"], said["debits"], said["net"]) == (8, "1215.66", "1209.46")
        return
    with pytest.raises(LedgerFault) as raised:
        files(**given_)
    (problem,) = raised.value.problems
    assert (problem.code, problem.path) == ("journal-template", "templates/journals/banner.yaml")
    assert fault in problem.message


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
    with pytest.raises(LedgerFault) as fault:
        files(**own_template(tmp_path, text))
    (problem,) = fault.value.problems
    assert (problem.code, problem.path, problem.line) == ("journal-template", "templates/own.txt", line_number)
    assert message in problem.message


def test_an_own_template_that_would_not_end_is_named(tmp_path):
    text = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"
    with pytest.raises(LedgerFault) as fault:
        files(**own_template(tmp_path, text))
    (problem,) = fault.value.problems
    assert (problem.code, problem.path) == ("journal-template", "templates/own.txt")
    assert "more than 5,000,000 steps" in problem.message


def test_a_missing_template_is_a_problem(tmp_path):
    with pytest.raises(LedgerFault) as fault:
        files(**own_template(tmp_path, "", template="../secret.txt"))
    (problem,) = fault.value.problems
    assert problem.code == "journal-template"
    assert "needs the template '../secret.txt', which does not exist" in problem.message


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
    with pytest.raises(UsageFault, match=r"known: .*detail.*, own"):
        profile_of("pdf", {"own": profile_of("gl", {})})


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
    if not any(one.amounts.billed for one in lines):
        return
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
