"""GitLab's Code Quality report: a JSON array of issues (the subset of the Code Climate format that GitLab reads)."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

from openchargeback.cli.report import shown
from openchargeback.problems import Problem, Severity
from openchargeback.publish.paragraphs import LISTED, Paragraph

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTICE: "info"}
_NUMBER = re.compile(r"\d+")


def issues(found: Sequence[Paragraph], prefix: str) -> list[dict[str, object]]:
    """One issue for each of the first locations of an error, and one per code and file of a warning.

    The first issue of a paragraph says how many more there are.

    prefix: from the repository to the ledger, with a trailing slash, or empty. Problems of the ledger as a whole are
    attached to its config.yaml, since an issue needs a file.
    """
    seen: Counter[str] = Counter()
    result = []
    for paragraph in found:
        places = paragraph.places[: LISTED if paragraph.severity is Severity.ERROR else 1]
        rest = paragraph.count - sum(problem.count for problem in places[1:]) - 1
        for problem in places:
            stem = _stem(problem)
            alike = min(rest, paragraph.beyond) if problem is paragraph.head else 0
            result.append(_issue(problem, prefix, _digest(stem, seen[stem]), alike, paragraph.setting))
            seen[stem] += 1
    return result


def _issue(problem: Problem, prefix: str, fingerprint: str, alike: int, setting: str) -> dict[str, object]:
    text = shown(problem.message) + (f" ({alike:,} more like this)" if alike > 0 else "")
    notes = (shown(problem.fix), f"set by {setting}" if setting else "")
    return {
        "description": "; ".join([text, *filter(None, notes)]),
        "check_name": problem.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[problem.severity],
        "location": {
            "path": prefix + (problem.path or "config.yaml"),
            "lines": {"begin": max(1, problem.line)},
        },
    }


def _stem(problem: Problem) -> str:
    """What stays the same when lines move: numbers in the message may be lines or counts, so they are removed."""
    return "\0".join((problem.path, problem.code, _NUMBER.sub("0", problem.message), problem.excerpt))


def _digest(stem: str, ordinal: int) -> str:
    """A fingerprint that is unique in the report: equal faults are distinguished by their order."""
    return hashlib.sha256(f"{stem}\0{ordinal}".encode("utf-8", "replace")).hexdigest()[:40]
