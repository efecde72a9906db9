"""Opens a delivery: which files of a folder or zip archive to take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from openchargeback.focus.deliveries import aws, azure, listed, litellm, oci, plain
from openchargeback.focus.deliveries.runs import Delivery, with_estimates
from openchargeback.focus.deliveries.tree import Tree, folder_tree
from openchargeback.focus.deliveries.zip_tree import zip_tree
from openchargeback.problems import UsageFault

_LAYOUTS: tuple[Callable[[Tree], Delivery | None], ...] = (
    *(aws.read, azure.read, oci.read, litellm.read, listed.read, plain.read),
)


def is_delivery(path: Path) -> bool:
    """Whether a path is a folder or a zip archive, not a charge file."""
    return path.is_dir() or (path.suffix.lower() == ".zip" and path.is_file())


def open_delivery(
    given: Path, ceiling: int, now: dt.datetime | None = None, period: str | None = None, named: str = ""
) -> Delivery:
    """What to take of a folder or zip archive.

    ceiling: the most bytes that an archive may unpack to. now: for exports that do not say when they were made.
    period: the only month to take. named: what messages call an archive, if not by its path.
    Raises UsageFault with everything that is wrong.
    """
    tree, faults = folder_tree(given) if given.is_dir() else zip_tree(given, ceiling, named)
    if tree is None or faults:
        raise UsageFault("\n".join(faults))
    found = next(delivery for layout in _LAYOUTS if (delivery := layout(tree)))
    if period and not found.faults:
        found = found.of_period(period)
    faults = [*found.faults, *(fault for run in found.runs for fault in run.faults)]
    if faults:
        raise UsageFault("\n".join(dict.fromkeys(faults)))
    return with_estimates(found, now)
