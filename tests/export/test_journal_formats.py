"""The shipped journal formats against files typed after the documents of each system, byte by byte."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_cases import CONFIG, files, in_format, journal, line, month, own_profile

from needed import needs
from openchargeback.export.journals.files import format_files, month_files
from openchargeback.export.journals.profiles import profile_of
from openchargeback.ledger.journal_profiles import shipped_names, shipped_profile
from openchargeback.ledger.settings import Config, JournalSettings, Organization, Source
from openchargeback.model import State
from openchargeback.problems import LedgerFault
from programs import find

FIXTURES = Path(__file__).parent / "journal_fixtures"
LINES = [
    line(
        "90.00", pi="ada.okafor@example.edu", project="genomics", fund="BIO24-5200-10", source="hpc", service="Compute"
    ),
    line(
        "12.50", pi="ada.okafor@example.edu", project="genomics", fund="BIO24-5200-10", source="hpc", service="Storage"
    ),
    line("-3.10", pi="zoe.v@example.edu", project="sky-survey", fund="AST33-5100-10", source="hpc", service="Storage"),
]
# By format: the names of the parts of a fund, and the values that a ledger sets.
SITES = {
    "banner-fupload": (("index", "orgn", "actv"), {}),
    "banner-gurfeed": (("fund", "orgn", "prog"), {"user_id": "FEEDUSER", "rule": "JE16", "chart": "1"}),
    "kfs": (("account", "orgn", "prog"), {"chart": "NF", "document_type": "GLRC", "origin": "RC"}),
    "oracle-fusion": (
        ("fund", "dept", "program"),
        {"source": "Research Computing", "category": "Recharge", "ledger": "Northfield", "group_id": "77"}
        | {"company": "100"},
    ),
    "peoplesoft": (("fund", "dept", "program"), {"business_unit": "NFU01", "source": "RCC"}),
    "sap": (("fund", "cost_center", "program"), {"company_code": "NF01"}),
    "workday": (("fund", "cost_center", "program"), {"company": "CO01", "journal_source": "Research_Computing"}),
}
EXPRESSION = r"(?P<{}>[A-Z0-9]{{5}})-(?P<{}>\d{{4}})-(?P<{}>\d{{2}})"


def config_of(name: str) -> Config:
    """The settings of a university that uses this format."""
    cluster = Source("hpc", "Rechencluster S\u00fcd, Halle 2", credit_fund="RC900-5900-60")
    parts = SITES.get(name, (("fund", "dept", "number"), {}))[0]
    journal_settings = JournalSettings(
        fund=EXPRESSION.format(*parts), account="7300", credit_account="4100", formats=(name,)
    )
    return Config(Organization("Northfield University"), sources={"hpc": cluster}, journal=journal_settings)


def own(name: str, **keys: object):
    """The ledger's profile that sets the values of a format, and other keys."""
    return own_profile(name, json.dumps({"extends": name, "values": SITES[name][1], **keys}))


def made(name: str, lines=LINES, **keys: object) -> dict[str, bytes]:
    """The files of these lines in one format."""
    config = config_of(name)
    found = in_format(name, lines, config, own=own(name, **keys))
    return {file.name: file.data for file in found}


@pytest.mark.parametrize("name", sorted(SITES))
def test_a_format_writes_what_the_documents_ask_for(name: str) -> None:
    expected = {path.name: path.read_bytes() for path in FIXTURES.glob(f"{name}.*")}
    assert expected
    assert made(name) == expected


# What the documents say of a position, counted from 1, and what is there in the first line of the journal.
POSITIONS = {
    "kfs.data": [
        *((1, 4, "2025"), (5, 6, "NF"), (7, 13, "BIO24  "), (19, 22, "7300"), (32, 35, "GLRC"), (36, 37, "RC")),
        *((38, 51, "OCK251101     "), (97, 117, "+00000000000000090.00"), (118, 118, "D"), (119, 128, "2025-01-31")),
        (57, 96, "Rechencluster Sud, Halle 2 2025-01 genom"),
    ],
    "peoplesoft.txt": [
        *((1, 1, "H"), (2, 6, "NFU01"), (7, 16, "OCP251101 "), (17, 24, "01312025"), (25, 25, "N")),
        (26, 36, " " * 11),
    ],
}


@pytest.mark.parametrize("name", POSITIONS)
def test_fixed_columns_are_where_the_documents_say(name: str) -> None:
    first = made(name.split(".", maxsplit=1)[0])[name].decode().splitlines()[0]
    assert [(start, end, first[start - 1 : end]) for start, end, _ in POSITIONS[name]] == POSITIONS[name]


def test_an_oracle_line_has_149_positions() -> None:
    rows = made("oracle-fusion")["oracle-fusion.csv"].decode().splitlines()
    assert {len(re.sub(r'"[^"]*"', "x", row).split(",")) for row in rows} == {149}


def test_the_reconciliation_of_kfs_counts_lines_and_money() -> None:
    """Without a blank line, on which its parser would never end; `E` has the number of lines above it."""
    data = made("kfs")
    lines = data["kfs.recon"].decode().split("\n")
    assert lines.pop() == ""
    assert "" not in lines
    count, amount, end = (each.split() for each in lines)
    entries = data["kfs.data"].decode().splitlines()
    assert int(count[2]) == len(entries)
    assert Decimal(amount[2]) == sum(Decimal(entry[96:117]) for entry in entries)
    assert end == ["E", str(len(lines) - 1), ";"]
    assert data["kfs.done"] == b""


def test_formats_that_are_only_examples_say_so() -> None:
    not_proven = {name for name in shipped_names() if not shipped_profile(name).proven}
    assert not_proven == {"oracle-fusion", "sap"}


@pytest.mark.parametrize("name", ["detail", "summary", "gl", "hledger", "beancount"])
def test_formats_for_any_institution_need_no_settings(name: str) -> None:
    assert in_format(name, config=CONFIG)


CASES = [
    # format, a line, what is wrong with it
    ("banner-gurfeed", {"fund": "odd"}, "GURFEED_FUND_CODE of journal format banner-gurfeed is empty"),
    (
        "peoplesoft",
        {"billed": "1" * 28},
        "Amount of journal format peoplesoft has more than 15 digits before the point",
    ),
    ("workday", {"billed": "1" + "0" * 15 + ".01"}, "has more than 15 digits before the point: 1000000000000000.01"),
    ("banner-fupload", {"billed": "1234567890.00"}, "Amount of journal format banner-fupload is longer than 12"),
]


@pytest.mark.parametrize(("name", "changed", "message"), CASES)
def test_a_value_that_a_column_cannot_hold_is_refused(name: str, changed: dict[str, str], message: str) -> None:
    given_ = {"billed": "1.00", "fund": "BIO24-5200-10", "source": "hpc"} | changed
    with pytest.raises(LedgerFault) as fault:
        made(name, [line(**given_)])
    assert {problem.code for problem in fault.value.problems} == {"journal-value"}
    assert any(message in problem.message for problem in fault.value.problems)


def test_a_code_that_is_too_long_or_has_other_characters_is_refused_not_cut() -> None:
    config = config_of("kfs")
    other = replace(config.journal, fund=r"(?P<account>.+?)-(?P<orgn>\d{4})-(?P<prog>\d{2})", account="73000")
    lines = [
        line("1.00", fund=fund, source="hpc") for fund in ("BIO24-5200-10", "B\u00dcO24-5200-10", "LONGER99-5200-10")
    ]
    with pytest.raises(LedgerFault) as fault:
        in_format("kfs", lines, replace(config, journal=other), own=own("kfs"))
    assert {(problem.message, problem.count) for problem in fault.value.problems} == {
        ("Account Number of journal format kfs has the character '\u00dc', which kfs does not accept: B\u00dcO24", 1),
        ("Account Number of journal format kfs is longer than 7 characters: LONGER99", 1),
        ("Object Code of journal format kfs is longer than 4 characters: 73000", 3),
    }


NAMES = [
    ('Smith, "Bo"', "Smith, Bo", 'Smith, "Bo"'),
    ("\U0001f680 launch", "launch", "\U0001f680 launch"),
    ("\u05e9\u05dc\u05d5\u05dd\u202e x", "x", "\u05e9\u05dc\u05d5\u05dd x"),
    ("\u202e=cmd()", "cmd", "cmd()"),
    ("W" * 200, "W" * 25, "W" * 70),
]


@pytest.mark.parametrize(("project", "ascii_text", "text"), NAMES)
def test_names_of_any_kind_fit(project: str, ascii_text: str, text: str) -> None:
    """With comma, quotes, emoji, right-to-left text, a formula, 200 characters: cleaned first, then cut."""
    describe = lambda _: project  # noqa: E731
    lines = [line("1.00", project=project, fund="BIO24-5200-10", source="hpc")]
    (upload,) = in_format("banner-fupload", lines, config_of("banner-fupload"), describe, own=own("banner-fupload"))
    cells = upload.data.decode().splitlines()[0].split(",")
    assert len(cells) == 6
    assert re.fullmatch(r"[A-Za-z0-9 .-]{0,35}", cells[-1])
    assert cells[-1].startswith(re.sub(r"[^A-Za-z0-9 .-]", "", ascii_text)[:25])
    (entry,) = in_format("workday", lines, config_of("workday"), describe, own=own("workday"))
    assert text[:40] in entry.data.decode().replace('""', '"')


def test_windows_line_ends_and_other_separators() -> None:
    (file,) = in_format(
        "sap",
        LINES,
        config_of("sap"),
        own=own(
            "sap",
            files=[
                {
                    "extension": "txt",
                    "separator": "|",
                    "line_end": "crlf",
                    "heading": True,
                    "line": [
                        {"name": "a|b", "field": "line.text"},
                        {"name": "key", "field": "line.side"},
                        {"name": "amount", "field": "line.amount"},
                    ],
                }
            ],
        ),
    )
    rows = file.data.decode().split("\r\n")
    assert rows[0] == '"a|b"|key|amount'
    assert rows[1] == '"Rechencluster S\u00fcd, Halle 2 2025-01 genomics"|40|90.00'
    assert "\n" not in file.data.decode().replace("\r\n", "")


# ── negative amounts, splitting ─────────────────────────────────────────────────────────────────────────────────────

billing_lines = st.builds(
    line,
    st.decimals(min_value=-(10**9), max_value=10**9, places=2),
    project=st.text(max_size=5),
    fund=st.sampled_from(["BIO24-5200-10", "AST33-5100-10", "RC900-5900-60"]),
    source=st.sampled_from(["hpc", "aws"]),
    service=st.text(max_size=5),
)
SIGNS = {
    "signed": [{"name": "signed", "field": "line.signed"}],
    "columns": [{"name": "debit", "field": "line.debit"}, {"name": "credit", "field": "line.credit"}],
    "indicator": [{"name": "amount", "field": "line.amount"}, {"name": "side", "field": "line.side"}],
}


def profile(sign: str, **keys: object):
    """A format with only amounts, roles and numbers."""
    columns = [{"name": "role", "field": "line.role"}, {"name": "line", "field": "line.number"}, *SIGNS[sign]]
    file = {"extension": "csv", "heading": True, "line": columns}
    return own_profile("own", json.dumps({"label": "Own", "sign": sign, "files": [file], **keys}))


def amounts(data: bytes) -> list[tuple[str, Decimal]]:
    """Role and signed amount of each line, as someone reads them off a file, whatever its sign mode."""
    head, *rows = (row.split(",") for row in data.decode().splitlines())
    result = []
    for cells in rows:
        row = dict(zip(head, cells, strict=True))
        if "signed" in row:
            signed = Decimal(row["signed"])
        elif "amount" in row:
            signed = Decimal(row["amount"]) * (1 if row["side"] == "debit" else -1)
        else:
            signed = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        result.append((row["role"], signed))
    return result


def wide_config() -> Config:
    config = config_of("own")
    aws = Source("aws", "AWS", credit_fund="RC900-5900-60")
    return replace(config, sources={**config.sources, "aws": aws})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(billing_lines, min_size=1, max_size=12),
    st.sampled_from(sorted(SIGNS)),
    st.sampled_from(["swap", "keep"]),
    st.sampled_from(["lines", "summary"]),
    st.integers(2, 9),
)
def test_every_document_balances_and_together_they_are_the_journal(lines, sign, negatives, rows, most) -> None:
    """However it is signed, netted and split; and what may not be negative is not."""
    made_journal = journal(lines, wide_config())
    if not made_journal.lines:
        return
    found = month(made_journal, wide_config(), own=profile(sign, negatives=negatives, rows=rows, most_lines=most))
    documents = [file.document for file in format_files(found, profile_of("own", found.own))]
    written = [amounts(file.data) for file in month_files(found)]
    assert documents[0].first == 1
    assert all(after.first == before.last + 1 for before, after in itertools.pairwise(documents))
    assert documents[-1].last == len(made_journal.lines)
    assert all(each.first % 2 == 1 and each.last % 2 == 0 for each in documents)
    assert all(len(each) <= most for each in written)
    assert all(sum(signed for _, signed in each) == 0 for each in written)
    net = sum(signed for each in written for role, signed in each if role == "payer")
    assert net == made_journal.net == sum(each.amounts.billed for each in lines)
    assert len({each.number for each in documents}) == len(documents)
    if sign != "signed" and negatives == "swap":
        assert not any("-" in row for file in month_files(found) for row in file.data.decode().splitlines()[1:])


def test_a_refund_swaps_sides_or_is_negative() -> None:
    lines = [line("-3.10", fund="AST33-5100-10", source="hpc")]
    expected = {
        ("columns", "swap"): [",3.10", "3.10,"],
        ("columns", "keep"): ["-3.10,", ",-3.10"],
        ("indicator", "swap"): ["3.10,credit", "3.10,debit"],
        ("indicator", "keep"): ["-3.10,debit", "-3.10,credit"],
        ("signed", "swap"): ["-3.10", "3.10"],
        ("signed", "keep"): ["-3.10", "3.10"],
    }
    for (sign, negatives), ends in expected.items():
        (file,) = in_format("own", lines, wide_config(), own=profile(sign, negatives=negatives))
        rows = file.data.decode().splitlines()[1:]
        assert [row.split(",", 2)[2] for row in rows] == ends, (sign, negatives)


def test_the_parts_of_a_long_journal_have_names_and_numbers_of_their_own() -> None:
    config = replace(config_of("banner-gurfeed"))
    lines = [replace(LINES[0], service=f"s{number}") for number in range(5)]
    found = month(journal(lines, config), config, own=own("banner-gurfeed", most_lines=4))
    made_files = month_files(found)
    assert [file.name for file in made_files] == [f"banner-gurfeed.{part}.csv" for part in (1, 2, 3)]
    assert [file.document.number for file in made_files] == ["RC251101", "RC251102", "RC251103"]
    assert [file.data.decode().splitlines()[1].split(",")[10] for file in made_files] == ["360.00", "360.00", "180.00"]
    assert [file.document.lines for file in made_files] == [4, 4, 2]
    # A document's lines are counted from 1, as the sequence number has four digits.
    assert made_files[1].data.decode().splitlines()[2].split(",")[4] == "1"


def test_a_shipped_format_that_a_ledger_replaces_is_the_ledgers() -> None:
    (file,) = in_format(
        "gl",
        LINES,
        config_of("gl"),
        own=own_profile(
            "gl",
            json.dumps(
                {
                    "extends": "gl",
                    "label": "Ours",
                    "document": {"prefix": "NF-", "length": 40},
                }
            ),
        ),
    )
    assert b",NF-2025-01,1," in file.data


# ── plain-text accounting ───────────────────────────────────────────────────────────────────────────────────────────

ODD = [
    *LINES,
    line("7.00", fund="a fund; with  blanks", source="hpc", project='say "hi" \\ ; |'),
    line("0.03", fund="", source="hpc"),
]


def test_no_two_funds_share_an_account() -> None:
    """Nor does a code in hexadecimal digits stand for another."""
    funds = ["A", "a", "X", "XF-41", "A B", "A-B", "41", "", "F", "\u00c4", "A:B"]
    lines = [line("1.00", fund=fund, source="hpc") for fund in funds]
    (file,) = in_format("hledger", lines, config_of("hledger"))
    accounts = re.findall(r"^account (Expenses:\S+)$", file.data.decode(), re.MULTILINE)
    assert len({each.split(":")[1] for each in accounts}) == len(funds)
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9-]*", part) for each in accounts for part in each.split(":"))


def zero(text: str) -> None:
    """Every transaction sums to exactly zero: neither program is strict enough by default."""
    sums = []
    for row in text.splitlines():
        if re.match(r"\d{4}-\d\d-\d\d [*!]", row):
            sums.append(Decimal(0))
        elif found := re.fullmatch(r"\s+\S+  (-?[\d.]+) [A-Z]{3}", row):
            sums[-1] += Decimal(found[1])
    assert sums
    assert set(sums) == {Decimal(0)}


@needs("hledger")
@pytest.mark.parametrize("currency", ["USD", "JPY", "KWD"])
def test_hledger_accepts_the_journal(tmp_path: Path, currency: str) -> None:
    lines = [line(billed, fund="BIO24-5200-10", source="hpc", project=billed) for billed in ("7", "-2")]
    config = replace(config_of("hledger"), currency=currency)
    (file,) = in_format("hledger", ODD if currency == "USD" else lines, config)
    path = tmp_path / "x.journal"
    path.write_bytes(file.data)
    command = [find("hledger"), "-f", str(path)]
    check = subprocess.run([*command, "check", "-s"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
    zero(file.data.decode())
    if currency == "USD":
        shown = subprocess.run([*command, "balance", "-N", "Income"], capture_output=True, text=True, check=True).stdout
        assert "-106.43 USD" in shown
        path.write_bytes(file.data.replace(b" 12.50 USD", b" 12.51 USD", 1))
        assert subprocess.run([*command, "check", "-s"], capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("currency", ["USD", "JPY"])
def test_beancount_accepts_the_journal(tmp_path: Path, currency: str) -> None:
    lines = [line(billed, fund="BIO24-5200-10", source="hpc", project=billed) for billed in ("7", "-2")]
    config = replace(config_of("beancount"), currency=currency)
    (file,) = in_format("beancount", ODD if currency == "USD" else lines, config)
    path = tmp_path / "x.beancount"
    path.write_bytes(file.data)
    check = subprocess.run([find("bean-check"), path], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr + check.stdout
    zero(file.data.decode())
    if currency == "USD":
        path.write_bytes(file.data.replace(b" 12.50 USD", b" 12.51 USD", 1))
        assert subprocess.run([find("bean-check"), path], capture_output=True, check=False).returncode != 0


def test_a_draft_for_plain_text_accounting_is_marked() -> None:
    made_files = files(LINES, config_of("hledger"), state=State.OPEN)
    assert b"2025-01-31 ! Rechencluster" in made_files["DRAFT-hledger.journal"]
