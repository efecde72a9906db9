"""Months that two branches closed apart from each other: merged, what contradicts itself is found by every command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from closed_ledger import CONFIG, HEAD, LOGO, ON, month, on_item, problems, row

from openchargeback.billing.credits import BilledFilter, billed_charges
from openchargeback.problems import LedgerFault
from openchargeback.publish import closing
from openchargeback.publish.books import open_books

JAN, FEB, MAR = "2025-01", "2025-02", "2025-03"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """January is closed with two charges billed and one held; February and March are open."""
    root = tmp_path / "main"
    january = row("10", resource="r1") + row("5", resource="r2") + row("2", resource="h1", fund="")
    for name, text in (
        ("config.yaml", CONFIG),
        ("logo.svg", LOGO),
        (f"charges/{JAN}/aws.csv", HEAD + january),
        (f"charges/{FEB}/aws.csv", HEAD + row("20", month=FEB)),
        (f"charges/{MAR}/aws.csv", HEAD + row("30", month=MAR)),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    close(root, JAN)
    return root


def close(root: Path, period: str) -> None:
    """Close a period of a ledger without errors."""
    closing.close(open_books(root), period, ON)


def decide(root: Path, folder: str, name: str, **decision: object) -> None:
    """Write a decision on January, or on the folder's own month."""
    path = root / f"approvals/{folder}/{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"decisions": [{"reason": "asked", "by": "r@x.edu", **decision}]}), encoding="utf-8")


def branch(root: Path, name: str) -> Path:
    """A copy of the ledger to go on with apart."""
    return Path(shutil.copytree(root, root.parent / name, ignore=shutil.ignore_patterns(".openchargeback")))


def merged(base: Path, *others: Path) -> Path:
    """A ledger with what each of the others changed or removed since they left, as Git would have it: no file twice."""
    root = branch(base, "-".join(other.name for other in others))
    before, *_ = files = [_contents(each) for each in (base, *others)]
    for after in files[1:]:
        for path in before.keys() - after.keys():
            (root / path).unlink()
        for path, content in after.items():
            if before.get(path) != content:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(content)
    return root


def _contents(root: Path) -> dict[Path, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".openchargeback" not in path.parts)
    return {path.relative_to(root): path.read_bytes() for path in files}


def clashes(root: Path) -> list[tuple[str, str]]:
    """Where closed months contradict each other, and that nothing else is wrong."""
    found = problems(root)
    assert {each.code for each in found} == {"closed-months-clash"}
    return [(each.path, each.message.split(" ", 1)[1]) for each in found]


@pytest.mark.slow
def test_a_charge_that_two_branches_credit_is_found_whichever_month_is_asked_for(root: Path) -> None:
    """Also where only one month is billed, before it is finalized, say."""
    (id_,) = billed_charges(open_books(root).ledger, JAN, BilledFilter(resources=("r1",)))
    one, other = branch(root, "one"), branch(root, "other")
    for place, period in ((one, FEB), (other, MAR)):
        decide(place, period, "credit", charges=[id_], period=JAN, decision="credit")
        close(place, period)
        assert problems(place) == []
    root = merged(root, one, other)
    assert clashes(root) == [
        (f"periods/{MAR}.corrections.csv", f"of {JAN} is credited in {MAR} although it was credited in {FEB}")
    ]
    with pytest.raises(LedgerFault) as told:
        open_books(root, wanted=JAN)
    assert "closed-months-clash" in {each.code for each in told.value.problems}


@pytest.mark.slow
def test_a_charge_that_one_branch_credits_and_another_rejects_is_found(root: Path) -> None:
    """One reopens January and rejects it there; to be credited it would have to be billed."""
    (id_,) = billed_charges(open_books(root).ledger, JAN, BilledFilter(resources=("r1",)))
    credited, reopened = branch(root, "credited"), branch(root, "reopened")
    decide(credited, FEB, "credit", charges=[id_], period=JAN, decision="credit")
    close(credited, FEB)
    closing.reopen(open_books(reopened).ledger, JAN)
    (reopened / "config.yaml").write_text(CONFIG + "review: {patterns: {seen: {match: {ResourceId: r1}}}}\n", "utf-8")
    decide(reopened, JAN, "reject", charges=[id_], clears=["pattern:seen"], decision="reject")
    told = f"of {JAN} is credited in {FEB}, but {JAN} was reopened"
    assert clashes(merged(root, credited, reopened)) == [(f"periods/{FEB}.corrections.csv", told)]
    closed = branch(reopened, "closed")
    close(closed, JAN)
    ((_, told),) = clashes(merged(root, credited, closed))
    assert told.endswith(" is no longer valid")


@pytest.mark.slow
def test_a_charge_that_one_branch_bills_late_and_another_in_its_month_is_found(root: Path) -> None:
    """It was held when January was closed first, and is not when it is closed again."""
    words = {**on_item(root, "missing-fund"), "decision": "reassign", "set": {"fund": "F-9"}}
    late, reopened = branch(root, "late"), branch(root, "reopened")
    decide(late, FEB, "late", period=JAN, **words)
    close(late, FEB)
    assert month(late, FEB).corrections
    closing.reopen(open_books(reopened).ledger, JAN)
    decide(reopened, JAN, "fund", **words)
    close(reopened, JAN)
    assert problems(reopened) == []
    told = f"of {JAN} is billed late in {FEB}, but was not held when {JAN} was last closed"
    assert clashes(merged(root, late, reopened)) == [(f"periods/{FEB}.corrections.csv", told)]
