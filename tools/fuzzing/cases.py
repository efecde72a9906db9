"""The file that a case changes and the ledger around it: the same for the same seed and number, on any machine."""

from __future__ import annotations

import csv
import hashlib
import io
import random
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from fuzzing.tables import Rows, changed_bytes, changed_table
from fuzzing.yaml_texts import changed_yaml

ROOT = Path(__file__).parents[2]
_SAMPLES = ("aws_2025-01", "azure_2025-01", "hpc_2025-01", "storage_2025-01")
_CONFIGS = (
    "organization: A\n",
    "organization: A\ncurrency: USD\nsources: {aws: {cost: EffectiveCost, credit_fund: F-1}}\n",
    "organization: A\ncurrency: EUR\nsources: {aws: {severity: {list-cost-zero: off, mixed-currencies: error}}}\n",
)
_PEOPLE = "people:\n  - {email: ada@example.edu, name: Ada, aliases: [a@example.edu]}\n"
_APPROVALS = """\
decisions:
  - charges: [7f3a9c21d0b41e66]
    clears: [pattern:gpu, missing-fund]
    decision: reassign
    set: {fund: BIO-1, pi: ada@example.edu}
    reason: GPU burst agreed, REQ-142
    by: reviewer@example.edu
    on: 2025-02-03
  - where: {source: aws, service: "", project: "", pi: ada@example.edu, flags: [missing-project, "pattern:gpu"]}
    expect: {charges: 12, billed: "4123.00", digest: deadbeefdeadbeef}
    clears: ["pattern:gpu"]
    decision: approve
    reason: Fund confirmed
    by: reviewer@example.edu
"""
CHARGES = "charges"
"""The kind of case with a charge file; the others are named after the file that they change."""


@dataclass(frozen=True, slots=True)
class Case:
    """A changed file and its ledger.

    files: the ledger, by relative path; path: the changed file. cost: for a charge file, the column that is billed.
    thorough: also run commands and, for charge files, both ways of validation.
    """

    seed: int
    number: int
    kind: str
    path: str
    files: dict[str, bytes]
    cost: str
    thorough: bool

    @property
    def content(self) -> bytes:
        """The bytes of the changed file."""
        return self.files[self.path]


def case_of(seed: int, number: int) -> Case:
    """Case `number` of a seed."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311 - chooses mutations, keeps no secrets
    thorough = rng.random() < 0.1
    if rng.random() < 0.6:
        return _charges(rng, seed, number, thorough=thorough)
    return _yaml(rng, seed, number, thorough=thorough)


def _charges(rng: random.Random, seed: int, number: int, *, thorough: bool) -> Case:
    choice = rng.randrange(len(_CONFIGS)) if rng.random() < 0.3 else 0
    rows = rng.choice(_tables())
    count = rng.choice((0, 1, 2, 5, 12))
    start = rng.randrange(max(len(rows) - count, 1)) or 1
    if rng.random() < 0.06:
        content, suffix = changed_bytes(rng, _parquet(rng.randrange(len(_tables())))), ".parquet"
    else:
        content, suffix = changed_table(rng, [rows[0], *rows[start : start + count]])
    path = f"charges/2025-01/aws{suffix}"
    files = {"config.yaml": _CONFIGS[choice].encode(), path: content}
    return Case(seed, number, CHARGES, path, files, "EffectiveCost" if choice == 1 else "BilledCost", thorough)


def _yaml(rng: random.Random, seed: int, number: int, *, thorough: bool) -> Case:
    files = dict(rng.choice(_ledgers()))
    path = rng.choice(sorted(name for name in files if not name.startswith("charges/")))
    content = files[path]
    files[path] = changed_yaml(rng, content) if path.endswith(".yaml") else _changed_record(rng, content)
    if path.startswith("periods/") and rng.random() < 0.7:
        _with_digests(files, path, content)
    return Case(seed, number, path.rpartition("/")[2], path, files, "", thorough)


def _changed_record(rng: random.Random, content: bytes) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    return changed_table(rng, rows)[0] if rng.random() < 0.6 else changed_bytes(rng, content)


def _with_digests(files: dict[str, bytes], path: str, before: bytes) -> None:
    """Update the digests in the record of a closed month to match the changed file, to test more than the digests."""
    for name in (path, f"periods/{path[8:15]}.frozen.yaml"):
        old, new = (hashlib.sha256(data).hexdigest().encode() for data in (before, files[name]))
        for other in sorted(files):
            if other.startswith("periods/") and other.endswith(".yaml") and old in files[other]:
                before = files[other] if other.endswith(".frozen.yaml") else before
                files[other] = files[other].replace(old, new)


@cache
def _tables() -> list[Rows]:
    paths = [ROOT / "sample_data" / f"{name}.csv" for name in _SAMPLES]
    paths += sorted((ROOT / "tests" / "ledgers").glob("*/charges/*/*.csv"))
    return [list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))[:60] for path in paths]


@cache
def _parquet(index: int) -> bytes:
    rows = _tables()[index][:20]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        given, target = Path(folder) / "given.csv", Path(folder) / "charges.parquet"
        with given.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows(rows)
        con.execute(f"COPY (FROM read_csv('{given}', header=true, all_varchar=true)) TO '{target}'")
        return target.read_bytes()


@cache
def _ledgers() -> list[dict[str, bytes]]:
    """Small ledgers with every kind of file, by relative path."""
    found = [_files(folder) for folder in sorted((ROOT / "tests" / "ledgers").iterdir()) if folder.is_dir()]
    sample = _files(ROOT / "ledger")
    small = {name: sample[name] for name in ("config.yaml", "directory/people.yaml", "directory/projects.yaml")}
    charges = (ROOT / "tests" / "ledgers" / "plain" / "charges" / "2025-01" / "aws.csv").read_bytes()
    small |= {"charges/2025-01/aws.csv": charges, "approvals/2025-01/batch.yaml": _APPROVALS.encode()}
    small |= {"directory/people.yaml": small["directory/people.yaml"] + _PEOPLE.partition("\n")[2].encode()}
    closed = [files for files in found if any(name.startswith("periods/") for name in files)]
    return [*found, *[small] * 6, *closed * 3]


def _files(folder: Path) -> dict[str, bytes]:
    kinds = (".yaml", ".csv", ".gz", ".zst", ".parquet")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in kinds]
    # The logo is left out; these kinds include everything else that a ledger needs.
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if ".schemas" not in path.parts}
