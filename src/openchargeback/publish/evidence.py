"""Evidence for the decisions and closings of a ledger: which files are asked about, and against which branch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from openchargeback.ledger import git
from openchargeback.ledger.evidence import HostRecord, better_of, evidence_of, missing_evidence
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.revision import default_base
from openchargeback.model import Evidence, Level, State
from openchargeback.problems import Problem, UsageFault


def gather(
    ledger: Ledger,
    *,
    periods: Collection[str] = (),
    host: HostRecord | None = None,
    base: str = "",
    recorded: Sequence[Evidence] = (),
    pending: Collection[str] = (),
) -> tuple[list[Evidence], list[Problem]]:
    """The evidence for the approval files and the closings of these periods (all unless named), and what is missing.

    host: the host's record of a pull request. base: the branch to land on; by default the one that counts, as the
    config names it. recorded: evidence that was kept earlier, for contents that are still the same. pending: files that
    whoever runs the command is about to commit.
    """
    wanted = [period for period in ledger.periods if not periods or period in periods]
    files = files_to_approve(ledger, wanted)
    found = better_of(evidence_of(ledger.root, files, left_at(ledger, base), host, pending), recorded)
    return found, missing_evidence(found, ledger.config.review.evidence)


def files_to_approve(ledger: Ledger, periods: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The approval files of these periods, and the period files that close, with whom they name."""
    months = list(periods)
    return {**_decisions(ledger, months), **_closings(ledger, months)}


def _decisions(ledger: Ledger, periods: Iterable[str]) -> dict[str, tuple[str, ...]]:
    files: dict[str, dict[str, None]] = {}
    for period in periods:
        for decision in ledger.approvals.get(period, ()):
            files.setdefault(decision.path, {})[decision.by] = None
    return {path: tuple(sorted(people)) for path, people in files.items()}


def _closings(ledger: Ledger, periods: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The period files that close or finalize, with who did it according to them."""
    files = {}
    for period in periods:
        state = ledger.period_file(period)
        if state.state is not State.OPEN:
            events = (state.closed, state.finalized)
            files[f"periods/{period}.yaml"] = tuple(sorted({each.by for each in events if each and each.by}))
    return files


def left_at(ledger: Ledger, base: str = "") -> str:
    """The commit where what is checked out left the branch that counts; empty on that branch, and without Git."""
    root = ledger.root
    if not git.inside_repository(root) or git.head(root) is None or git.is_shallow(root):
        return ""
    name = base or default_base(root, ledger.config.portal.branch)
    start = git.resolve(root, name) if name else ""
    if base and not start:
        raise UsageFault(f"there is no commit {base} here: check the name, or fetch it first")
    tip = git.resolve(root, "HEAD")
    common = git.merge_base(root, start, tip) if start else ""
    return "" if common == tip else common


def evidence_document(found: Iterable[Evidence], problems: Iterable[Problem]) -> dict[str, Any]:
    """Evidence as one JSON document, which `read_evidence` reads back."""
    return {
        "format": "openchargeback-evidence",
        "evidence": [each.as_json() for each in found],
        "problems": [problem.as_json() for problem in problems],
    }


def read_evidence(path: Path) -> list[Evidence]:
    """Evidence that was kept as JSON. Raises UsageFault where the file is something else."""
    try:
        document = json.loads(path.read_bytes())
        if document["format"] == "openchargeback-evidence":
            return [_evidence(each) for each in document["evidence"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise UsageFault(f"{path} is no evidence as `review evidence --format json` writes it")


def _evidence(values: dict[str, Any]) -> Evidence:
    return Evidence(
        str(values["path"]),
        Level(values["level"]),
        tuple(map(str, values["named_as_deciding"])),
        tuple(map(str, values["approvers"])),
        tuple(map(str, values["authors"])),
        str(values["commit"]),
        str(values["content"]),
        str(values["why"]),
    )
