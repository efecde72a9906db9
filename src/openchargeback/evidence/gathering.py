"""Collect the evidence for a ledger's decisions and closings: for which files, and against which branch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openchargeback.evidence.levels import HostRecord, better_of, evidence_of, missing_evidence
from openchargeback.files import git
from openchargeback.ledger.config import FILE_NAME, read_config
from openchargeback.ledger.periods import period_of
from openchargeback.ledger.revision import default_base
from openchargeback.ledger.settings import EvidenceRule
from openchargeback.model import Evidence, Level, State
from openchargeback.problems import Problem, UsageFault
from openchargeback.record.recorded_ledger import RecordedLedger


def gather_evidence(
    ledger: RecordedLedger,
    *,
    periods: Collection[str] = (),
    host: HostRecord | None = None,
    base: str = "",
    recorded: Sequence[Evidence] = (),
    pending: Collection[str] = (),
    changed: bool = False,
) -> tuple[list[Evidence], list[Problem]]:
    """The evidence for the approval files and closings of these periods (all by default), and problems for what is
    missing.

    host: the host's record of a pull request. base: the target branch; by default the main branch named in the config.
    recorded: evidence kept earlier, for contents that are still the same. pending: files that the user of the command
    is about to commit. changed: only what the branch changes.

    A closed month is judged by its record: by the rule recorded then, and by recorded evidence for the same content if
    that is stronger. A branch's changes are judged without evidence that the branch itself recorded, and also by the
    rule of its base, which the branch cannot lower.
    """
    wanted = [period for period in ledger.periods if not periods or period in periods]
    files = files_to_approve(ledger, wanted)
    start, doubt = left_at(ledger, base), _base_doubt(ledger, base)
    if doubt:
        live = [Evidence(path, Level.UNKNOWN, named, why=doubt) for path, named in sorted(files.items())]
    else:
        live = evidence_of(ledger.root, files, start, host, pending)
    before = _contents_at(ledger.root, start)
    own = {each.path for each in live if _is_changed(each, before)}
    kept = [each for record in ledger.records.values() for each in record.evidence if each.path not in own]
    found = better_of([each for each in live if not changed or each.path in own], [*recorded, *kept])
    return found, _missing(ledger, found, start, before)


def _missing(ledger: RecordedLedger, found: Sequence[Evidence], start: str, before: Mapping[str, str]) -> list[Problem]:
    """Problems for evidence that the rule of a file's month requires, or the base's rule if the branch changes it."""
    base = _rule_at(ledger.root, start) if start else None
    problems = []
    for each in found:
        record = ledger.records.get(period_of(each.path))
        rules = [(record.config if record else ledger.config).review.evidence]
        if base is not None and _is_changed(each, before):
            rules.append(base)
        problems += [problem for rule in rules for problem in missing_evidence([each], rule)]
    return list(dict.fromkeys(problems))


def _contents_at(root: Path, start: str) -> dict[str, str]:
    """The content id of each file where the branch left the main branch; on the main branch, in its last commit."""
    if not git.inside_repository(root) or git.head(root) is None:
        return {}
    return {path: entry.id for path, entry in git.tree(root, start or "HEAD").items()}


def _is_changed(each: Evidence, before: Mapping[str, str]) -> bool:
    return not each.content or each.content != before.get(each.path)


def _rule_at(root: Path, commit: str) -> EvidenceRule | None:
    content = git.content_id(root, commit, FILE_NAME)
    config = read_config(git.read_blob(root, content))[0] if content else None
    return config.review.evidence if config else None


def _base_doubt(ledger: RecordedLedger, base: str) -> str:
    """Why the changes of a branch cannot be determined; empty if they can, and outside a repository."""
    root, branch = ledger.root, ledger.config.portal.branch
    if base or not git.inside_repository(root) or git.head(root) is None or git.is_shallow(root):
        return ""
    if default_base(root, branch) or git.branch(root) == branch:
        return ""
    return f"this clone has neither origin/{branch} nor {branch}, so the changes of this branch are unknown"


def files_to_approve(ledger: RecordedLedger, periods: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The approval files of these periods and the period files of closed ones, each with the people they name."""
    months = list(periods)
    return {**_decisions(ledger, months), **_closings(ledger, months)}


def _decisions(ledger: RecordedLedger, periods: Iterable[str]) -> dict[str, tuple[str, ...]]:
    files: dict[str, dict[str, None]] = {}
    for period in periods:
        for decision in ledger.approvals.get(period, ()):
            files.setdefault(decision.path, {})[decision.by] = None
    return {path: tuple(sorted(people)) for path, people in files.items()}


def _closings(ledger: RecordedLedger, periods: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The period files of closed and finalized months, with the people who did so according to them."""
    files = {}
    for period in periods:
        state = ledger.period_file(period)
        if state.state is not State.OPEN:
            events = (state.closed, state.finalized)
            files[f"periods/{period}.yaml"] = tuple(sorted({each.by for each in events if each and each.by}))
    return files


def left_at(ledger: RecordedLedger, base: str = "") -> str:
    """The commit where HEAD left the main branch; empty on that branch, and without Git."""
    root = ledger.root
    if not git.inside_repository(root) or git.head(root) is None or git.is_shallow(root):
        return ""
    name = base or default_base(root, ledger.config.portal.branch)
    start = git.resolve(root, name) if name else ""
    if base and not start:
        raise UsageFault(f"this clone has no commit {base}; check the name, or fetch it first")
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
    """Evidence that was saved as JSON. Raises UsageFault if the file is something else."""
    try:
        document = json.loads(path.read_bytes())
        if document["format"] == "openchargeback-evidence":
            return [_evidence(each) for each in document["evidence"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise UsageFault(f"{path} was not written by `review evidence --format json`")


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
