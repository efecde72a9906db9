"""What every layout says of a delivery: its runs, and which of them to take."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from openchargeback.focus.deliveries.tree import Tree, safe
from openchargeback.ledger.periods import first_day
from openchargeback.problems import UsageFault
from openchargeback.wording import listed

_MAX_MANIFEST_BYTES = 8 << 20
_NONE_CHECKED = "it has no manifest, so whether all of its parts are there cannot be checked"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an export: all that it holds of one month.

    name: what tells it from the other runs of the month, such as its folder. parts: the paths of its charge files.
    month: as the layout says, such as `2025-01`; empty if only the rows tell. made: when, in UTC; None if the delivery
    does not say. manifest: the path of the manifest that lists its parts; empty if there is none. faults: why it cannot
    be taken. estimate: whether it was made before its month was over.
    """

    name: str
    parts: tuple[str, ...]
    month: str = ""
    made: dt.datetime | None = None
    manifest: str = ""
    faults: tuple[str, ...] = ()
    estimate: bool = False

    def as_json(self) -> dict[str, object]:
        """The public JSON form."""
        return {
            "name": self.name,
            "period": self.month or None,
            "made": self.made.isoformat() if self.made else None,
            "manifest": self.manifest or None,
            "parts": list(self.parts),
            "estimate": self.estimate,
        }


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery in a known layout.

    layout: its name for messages. runs: those to take, at most one for each month. skipped: older runs and left-over
    files, each with the reason. faults: why nothing of it can be taken, whatever the month.
    """

    tree: Tree
    layout: str
    runs: tuple[Run, ...] = ()
    skipped: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What a person should know about the runs that are taken."""
        name = safe(str(self.tree.given))
        without = [f"{name}: {_of(run)}{_NONE_CHECKED}" for run in self.runs if not run.manifest]
        return without + [
            f"{name}: {_of(run)}the export was made before the month was over, so its charges are estimates: "
            f"`periods close` refuses them until the final export replaces them"
            for run in self.runs
            if run.estimate
        ]

    def of_period(self, period: str) -> Delivery:
        """Only the run of one month. Raises UsageFault if there are several, none of them of this month."""
        found = tuple(run for run in self.runs if run.month == period) or self.runs
        if len(found) > 1:
            months = listed([run.month for run in found], 6)
            raise UsageFault(f"the delivery has no charges of {period}, but of {months}: name one of these")
        return replace(self, runs=found)

    def as_json(self) -> dict[str, object]:
        """The public JSON form."""
        return {
            "from": str(self.tree.given),
            "layout": self.layout,
            "runs": [run.as_json() for run in self.runs],
            "skipped": list(self.skipped),
            "notes": self.notes,
        }


def _of(run: Run) -> str:
    return f"{run.month}: " if run.month else ""


def with_estimates(delivery: Delivery, now: dt.datetime | None) -> Delivery:
    """Mark runs that were made before their month was over. now: taken for runs that do not say when they were made."""
    runs = tuple(replace(run, estimate=_is_early(run, now)) for run in delivery.runs)
    return replace(delivery, runs=runs)


def _is_early(run: Run, now: dt.datetime | None) -> bool:
    made = run.made or now
    if not run.month or made is None:
        return False
    end = (first_day(run.month) + dt.timedelta(days=32)).replace(day=1)
    return made < dt.datetime.combine(end, dt.time(), dt.UTC)


def manifest_of(tree: Tree, path: str) -> tuple[dict[str, Any], str]:
    """The JSON object in a manifest, and why it cannot be read; empty if it can."""
    if tree.files[path] > _MAX_MANIFEST_BYTES:
        return {}, f"{tree.shown(path)} has {tree.files[path]:,} bytes: this is not a manifest"
    try:
        found = json.loads(tree.read(path).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found, ""
    return {}, f"{tree.shown(path)} is not a JSON object: get the manifest again"


def parts_missing(tree: Tree, parts: Sequence[tuple[str, int | None]], manifest: str) -> list[str]:
    """What is wrong with the parts that a manifest lists, each with its size if the manifest says so."""
    shown, faults = tree.shown(manifest), []
    if not parts:
        faults.append(f"{shown} lists no files: wait until the delivery is complete")
    for path, size in parts:
        if path not in tree.files:
            faults.append(f"{tree.shown(path)} is missing, though {shown} lists it: get the delivery again")
        elif size is not None and tree.files[path] != size:
            faults.append(
                f"{tree.shown(path)} has {tree.files[path]:,} bytes, but {shown} says {size:,}: get the delivery again"
            )
        elif path not in tree.charge_files:
            faults.append(f"{tree.shown(path)} is listed in {shown} but is not a supported charge file: export CSV")
    twice = [path for path, count in Counter(path for path, _ in parts).items() if count > 1]
    return faults + [f"{shown} lists {safe(path)} twice: get the manifest again" for path in twice]


def leads_outside(path: str) -> bool:
    """Whether a path in a manifest is one that no provider writes: with `..`, or empty."""
    return not path or "\0" in path or ".." in path.replace("\\", "/").split("/")


def shown_outside(tree: Tree, path: object, manifest: str) -> str:
    """The fault of a manifest with a path that is not in the delivery."""
    return f"{tree.shown(manifest)} lists {safe(str(path))!r}, which is outside the delivery: do not use this delivery"


def utc(text: object) -> dt.datetime | None:
    """A time in a manifest; UTC unless it says otherwise. None if it is none."""
    try:
        found = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
