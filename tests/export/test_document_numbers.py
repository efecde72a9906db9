"""Document numbers: from period, revision, part and kind, within the length of a profile, and never the same twice."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from journal_cases import own_profile

from openchargeback.export.journals.documents import DocumentKind, NoNumber, document_number
from openchargeback.export.journals.profiles import format_problems
from openchargeback.ledger.config import read_config
from openchargeback.ledger.journal_profiles import Profile, shipped_names, shipped_profile

DOCUMENT = Path(__file__).parents[2] / "docs/JOURNALS.md"


def profile(prefix: str, length: int) -> Profile:
    files = [{"extension": "csv", "line": [{"field": "line.signed"}]}]
    keys = {"label": "X", "sign": "signed", "files": files, "document": {"prefix": prefix, "length": length}}
    return own_profile("x", json.dumps(keys))["x"]


EXAMPLES = [
    ("RC", 8, "2025-01", 1, 1, "", "RC251101"),
    ("RC", 8, "2025-12", 2, 36, "", "RC25C210"),
    ("RC", 8, "2025-01", 1, 1, "-acc", "RC25D101"),
    ("RC", 8, "2025-12", 1, 1, "-acc", "RC25O101"),
    ("RC", 8, "2025-01", 1, 1, "-rev", "RC25P101"),
    ("RC", 8, "2025-12", 1, 1, "-rev", "RC250101"),
    ("OCB", 10, "2025-01", 35, 1, "", "OCB251Z01"),
    ("OCB-", 30, "2025-01", 1, 1, "", "OCB-2025-01"),
    ("OCB-", 30, "2025-01", 2, 3, "", "OCB-2025-01-r2-p3"),
    ("OCB-", 30, "2025-01", 1, 1, "-rev", "OCB-2025-01-rev"),
]


@pytest.mark.parametrize(("prefix", "length", "period", "revision", "part", "kind", "number"), EXAMPLES)
def test_a_number_says_what_it_is_for(prefix, length, period, revision, part, kind, number):
    assert document_number(profile(prefix, length), period, revision, part, DocumentKind(kind)) == number


@pytest.mark.parametrize("length", [8, 9, 13, 23, 24, 25, 60])
def test_no_two_documents_share_a_number(length):
    """Over ten years, with reopenings, parts, accruals and reversals; and every number fits."""
    own = profile("RC", length)
    periods = [f"{year}-{month:02}" for year in range(2025, 2035) for month in range(1, 13)]
    made = [
        document_number(own, *each)
        for each in itertools.product(periods, (1, 2, 9, 10, 35), (1, 2, 35, 36, 37, 100), DocumentKind)
    ]
    assert len(set(made)) == len(made)
    assert max(map(len, made)) <= length


@pytest.mark.parametrize(
    ("prefix", "length", "revision", "part", "why"),
    [
        ("RCX", 8, 1, 1, "the prefix 'RCX' leaves 5 of 8 characters"),
        ("MUCHTOOLONG", 8, 1, 1, "leaves 0 of 8"),
        ("RC", 8, 36, 1, "revision 36, part 1 has no number of 6 characters"),
        ("RC", 8, 1, 1296, "part 1296 has no number of 6 characters"),
        ("OCB-TOO-LONG-", 35, 100000, 100000, "OCB-TOO-LONG-2025-01-r100000-p100000 has more than 35"),
    ],
)
def test_what_does_not_fit_has_no_number(prefix, length, revision, part, why):
    with pytest.raises(NoNumber, match=why):
        document_number(profile(prefix, length), "2025-01", revision, part)


@pytest.mark.parametrize(("prefix", "faults"), [("=", 1), ("-X", 1), (" @", 1), ("X-", 0)])
def test_none_starts_like_a_formula(prefix, faults):
    config, _ = read_config(b"organization: A")
    problems = format_problems(config, {"x": profile(prefix, 30)})
    assert ["would start like a formula" in each.message for each in problems] == [True] * faults


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("values: {company: =1+1}", ["'=1+1'"]),
        ("debit: '@D'\ncredit: C", ["'@D'"]),
        ("debit: '+'\ncredit: '-'", []),
        (
            "files:\n  - {extension: csv, heading: true, line: [{name: =A, text: '-1'}, {name: B, text: +B}]}",
            ["'=A'", "'+B'"],
        ),
        ("files:\n  - {extension: txt, layout: fixed, line: [{text: =A, width: 2}]}", []),
    ],
)
def test_no_text_of_a_profile_is_a_formula(changed, told):
    found = format_problems(read_config(b"organization: A")[0], own_profile("own", f"extends: workday\n{changed}"))
    formulas = [each for each in found if "as a formula" in each.message]
    assert [each.message.split("run ")[1].split(" as")[0] for each in formulas] == told


def test_the_shipped_formats_share_none():
    """Two of them in one ledger never give the same number, and each keeps to the length of its system."""
    lengths = {"banner-gurfeed": 8, "peoplesoft": 10, "kfs": 14, "sap": 16, "workday": 30}
    made = {name: document_number(shipped_profile(name), "2025-01", 1, 1) for name in shipped_names()}
    assert all(len(made[name]) <= most for name, most in lengths.items())
    assert made["banner-gurfeed"] == "RC251101"
    same = {number for number in made.values() if [*made.values()].count(number) > 1}
    assert same == set()


def test_the_document_for_finance_lists_the_shipped_formats():
    """docs/JOURNALS.md: with their numbers, their most lines and which are not proven."""
    rows = [
        [cell.strip(" *") for cell in row.strip("|").split("|")] for row in DOCUMENT.read_text("utf-8").splitlines()
    ]
    listed = {
        name: (number, most, proven)
        for names, _, number, most, proven in (row for row in rows if len(row) == 5)
        for name in re.findall(r"`([a-z-]+)`", names)
    }
    profiles = {name: shipped_profile(name) for name in shipped_names()}
    assert {*listed} == {*profiles}
    for name, profile in profiles.items():
        number, most, proven = listed[name]
        if name != "beancount":  # shares a row with hledger
            assert number == f"`{document_number(profile, '2025-01', 1, 1)}`"
        assert most == ("" if profile.most_lines == 9_999_999 else f"{profile.most_lines:,}")
        assert proven == ("yes" if profile.proven else "not proven")
