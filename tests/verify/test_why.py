"""`periods show P --why NUMBER`: every cent of a statement, back to the row of a file."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from typing import Any

import pytest

from repository import HEAD, Repository, row

BY = ("--by", "admin@example.edu", "--on", "2025-02-05")


def why(ledger: Repository, *arguments: str, period: str = "2025-01", who: str = "ada") -> dict[str, Any]:
    """What the program tells of the statement of a person."""
    shown = json.loads(ledger.run("periods", "show", period, "--json").stdout)
    (number,) = [each["number"] for each in shown["statements"] if each["pi"].startswith(who)]
    told: dict[str, Any] = json.loads(
        ledger.run("periods", "show", period, "--why", number, *arguments, "--json").stdout
    )
    return told


def adds_up(told: dict[str, Any]) -> None:
    """Charges to resources, resources to lines, lines to the statement; exact amounts and cents alike."""
    for line in told["lines"]:
        for key in ("exact", "cents"):
            resources = line["resources"]
            assert sum(Decimal(each[key]) for each in resources) == Decimal(line[key])
            for resource in resources:
                assert sum(Decimal(each[key]) for each in resource["charges"]) == Decimal(resource[key])
        for share in (line, *line["resources"], *(c for r in line["resources"] for c in r["charges"])):
            assert Decimal(share["floor"]) + Decimal(share["by_remainder"]) == Decimal(share["cents"])
    assert sum(Decimal(line["cents"]) for line in told["lines"]) == Decimal(told["billed"])


def cells(ledger: Repository, charge: dict[str, Any]) -> list[str]:
    """The row of a charge, read at the line and the row that are told."""
    text = (ledger.root / charge["file"]).read_text("utf-8")
    rows = list(csv.reader(text.splitlines(keepends=True)))
    at_line = next(csv.reader(text.splitlines(keepends=True)[charge["line"] - 1 :]))
    assert rows[charge["row"] - 1] == at_line
    return at_line


@pytest.mark.parametrize("state", ["open", "closed"])
def test_every_cent_leads_to_a_row(ledger: Repository, state: str) -> None:
    """Also where a cell has two lines, so that rows and lines part."""
    file = (ledger.root / "charges/2025-01/aws.csv").read_text("utf-8")
    ledger.write("charges/2025-01/aws.csv", file.replace(",r1,", ',"r\n1",', 1))
    if state == "closed":
        ledger.commit()
        ledger.run("periods", "close", "2025-01", *BY)
    told = why(ledger)
    adds_up(told)
    (line,) = told["lines"]
    assert (told["state"], line["source_total"]["exact"], line["source_total"]["cents"]) == (state, "23.354", "23.35")
    assert [(each["exact"], each["cents"], each["by_remainder"]) for each in line["resources"]] == [
        ("12.345", "12.34", "0.00"),
        ("4.009", "4.01", "0.01"),
    ]
    charges = [charge for resource in line["resources"] for charge in resource["charges"]]
    assert sorted((each["row"], each["line"]) for each in charges) == [(2, 2), (3, 4), (4, 5)]
    assert {each["exact"]: cells(ledger, each)[1] for each in charges} == {
        exact: exact for exact in ("12.345", "1.005", "3.004")
    }


def test_decisions_stand_with_their_place_person_and_reason(ledger: Repository) -> None:
    ledger.write("charges/2025-01/hpc.csv", HEAD + row("8", "h1", fund=""))
    words = ("--reason", "found in REQ-7", "--by", "rita@example.edu", "--on", "2025-02-04")
    ledger.run("review", "reassign", "--period", "2025-01", "--flag", "missing-fund", "--set-fund", "F-9", *words)
    told = why(ledger, "--line", "2")
    (decision,) = told["decisions"]
    assert (decision["by"], decision["reason"], decision["on"]) == ("rita@example.edu", "found in REQ-7", "2025-02-04")
    (charge,) = told["lines"][0]["resources"][0]["charges"]
    assert (charge["flags"], charge["decisions"], charge["via"]["fund"]) == (
        ["missing-fund"],
        [decision["place"]],
        "decision",
    )
    assert (ledger.root / decision["place"].split(":")[0]).is_file()


@pytest.mark.slow
def test_late_and_credited_charges_lead_to_their_own_month(ledger: Repository) -> None:
    ledger.write("charges/2025-01/hpc.csv", HEAD + row("8.005", "h1", fund=""))
    ledger.write("charges/2025-02/aws.csv", HEAD + row("2", month="2025-02"))
    ledger.write("config.yaml", "organization: T\nsources: {aws: {credit_fund: C-1}, hpc: {credit_fund: C-1}}\n")
    ledger.commit()
    ledger.run("periods", "close", "2025-01", "--leave-held", *BY)
    first = why(ledger)["lines"][0]["resources"][0]["charges"][0]
    words = ("--reason", "r", *BY)
    late = ("--period", "2025-02", "--of", "2025-01", "--flag", "missing-fund", "--set-fund", "F-7")
    ledger.run("review", "reassign", *late, *words)
    ledger.run("review", "credit", "--period", "2025-02", "--of", "2025-01", "--charge", first["charge"], *words)
    for state in ("open", "closed"):
        if state == "closed":
            ledger.commit()
            ledger.run("periods", "close", "2025-02", *BY)
        told = why(ledger, period="2025-02")
        assert told["state"] == state
        adds_up(told)
        found = {
            line["entry"]: [
                (each["file"], each["row"], each["exact"], each["original"])
                for resource in line["resources"]
                for each in resource["charges"]
            ]
            for line in told["lines"]
        }
        assert found == {
            "own": [("charges/2025-02/aws.csv", 2, "2", "")],
            "late": [("charges/2025-01/hpc.csv", 2, "8.005", "2025-01")],
            "credit": [("charges/2025-01/aws.csv", first["row"], "-" + first["exact"], "2025-01")],
        }


def test_what_is_printed_fits_a_terminal_and_what_is_not_there_is_said(ledger: Repository) -> None:
    told = why(ledger)
    said = ledger.run("periods", "show", "2025-01", "--why", told["statement"]).stdout
    assert max(map(len, said.splitlines())) <= 100
    assert "charges/2025-01/aws.csv:2, row 2" in said
    assert "shared among 2 lines" in said
    for arguments, words in (
        (("--why", "2025-01-nothing"), "no statement"),
        (("--why", told["statement"], "--line", "7"), "has no line 7; its lines are 1 to 1"),
        (("--line", "1"), "--line requires --why"),
    ):
        assert words in ledger.run("periods", "show", "2025-01", *arguments, code=2).stderr
