"""docs/JOURNAL_TEMPLATES.md: its example gives what it says, and it names every field that there is."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from openchargeback.billing.journal import SourceControl
from openchargeback.cli.main import cli
from openchargeback.export.journals.sheet import JournalHead, JournalRow, JournalTotals
from openchargeback.ledger.settings import Contact, Organization
from openchargeback.templating.text_filters import FILTERS

DOCUMENT = (Path(__file__).parents[2] / "docs/JOURNAL_TEMPLATES.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL))
ROWS = [
    [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in DOCUMENT.splitlines()
    if line.startswith("| `")
]
NAMES = {row[0].strip("`"): row[2].strip("`") for row in ROWS if len(row) == 3}
FILTER_ROWS = {row[0].strip("`"): (row[2].strip("`"), row[3].strip("`")) for row in ROWS if len(row) == 4}
RECORDS = {
    "line": JournalRow,
    "journal": JournalHead,
    "totals": JournalTotals,
    "source": SourceControl,
    "organization": Organization,
    "organization.contact": Contact,
}
VARIABLES = {"lines", "groups", "values", "journal", "totals", "organization", "period", "currency"}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """The ledger of the example."""
    for name in (
        *("config.yaml", "charges/2025-01/hpc.csv"),
        *("templates/ledgerline.txt", "templates/journals/ledgerline.yaml"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(BLOCKS[name], encoding="utf-8")
    return tmp_path


def written(ledger: Path, template: str = "") -> str:
    """What the command prints, with the template of the example or another that is not read back."""
    if template:
        profile = ledger / "templates/journals/ledgerline.yaml"
        profile.write_text("".join(profile.read_text("utf-8").split("    read:")[:1]), encoding="utf-8")
        (ledger / "templates/ledgerline.txt").write_text(template, encoding="utf-8")
    arguments = ["journal", "--period", "2025-01", "--format", "ledgerline", "--ledger", str(ledger)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_example_gives_what_the_document_says(ledger: Path) -> None:
    assert written(ledger) == BLOCKS["output"]


def test_every_field_is_documented_and_no_other() -> None:
    existing = {
        f"{name}.{each}"
        for name, record in RECORDS.items()
        for each in (
            *(field.name for field in fields(record)),
            *(key for key, value in vars(record).items() if isinstance(value, property)),
        )
    }
    assert set(NAMES) == existing | VARIABLES
    assert set(FILTER_ROWS) == set(FILTERS)


def test_every_example_of_a_field_is_what_a_template_sees(ledger: Path) -> None:
    shown = {name: example for name, example in NAMES.items() if name not in VARIABLES - {"period", "currency"}}
    shown = {name: example for name, example in shown.items() if name not in ("totals.sources", "organization.contact")}
    scope = "{% set line = lines[0] %}{% set source = totals.sources[0] %}"
    text = scope + "".join(f"{name}={{{{ {name} }}}}\n" for name in shown)
    assert dict(line.split("=", 1) for line in written(ledger, text).splitlines()) == shown


@pytest.mark.parametrize("name", sorted(FILTER_ROWS))
def test_every_example_of_a_filter_gives_what_the_document_says(ledger: Path, name: str) -> None:
    expression, expected = FILTER_ROWS[name]
    text = "{% set line = lines[0] %}" + expression
    assert written(ledger, text) == expected
