"""Every text of a statement that no font can show is told, wherever it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openchargeback.ledger.reading import read_ledger
from openchargeback.portal.glyphs import glyph_problems
from openchargeback.publish.books import open_books

LACKING = "Ꮳ"  # a letter of Cherokee, which no font of the program has

TEXTS = {
    "organization: {name: 'T Ꮳ'}": "config.yaml",
    "organization: {name: T, unit: 'u Ꮳ'}": "config.yaml",
    "organization: {name: T, address: ['a Ꮳ']}": "config.yaml",
    "organization: {name: T, contact: {name: 'c Ꮳ', email: c@example.edu}}": "config.yaml",
    "organization: {name: T}\nstatements: {note: 'n Ꮳ'}": "config.yaml",
}


def write(root: Path, config: str, *, sources: str = "{credit_fund: C-1}", service: str = "Compute", fund: bool = True):
    """January with one charge, held without a fund."""
    tags = {"pi_email": "ada@example.edu", "project_id": "p1"} | ({"fund_org": "F-1"} if fund else {})
    row = json.dumps(tags).replace('"', '""')
    head = "BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags\n"
    other = json.dumps({**tags, "fund_org": "F-1"}).replace('"', '""')
    files = {
        "config.yaml": f"{config}\nsources: {{aws: {sources}}}\n",
        "charges/2025-01/aws.csv": f'{head}2025-01-01,2,4,Compute,r0,"{other}"\n2025-01-01,3,4,{service},r1,"{row}"\n',
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def told(root: Path) -> list[tuple[str, bool]]:
    """The file of each warning, and whether it names the character."""
    books = open_books(root)
    assert read_ledger(root)[0] is not None
    return [(each.path, f"{LACKING} (U+13E3)" in each.message) for each in glyph_problems(books.ledger, books.periods)]


@pytest.mark.parametrize("config", TEXTS)
def test_texts_of_the_config(tmp_path: Path, config: str) -> None:
    write(tmp_path, config)
    assert told(tmp_path) == [(TEXTS[config], True)]


def test_texts_of_a_source_and_of_held_charges(tmp_path: Path) -> None:
    write(tmp_path, "organization: {name: T}", sources="{credit_fund: C-1, note: 'n Ꮳ'}", service="S Ꮳ", fund=False)
    assert told(tmp_path) == [("config.yaml", True), ("charges/2025-01", True)]
