"""Part files in a folder, with nothing that says what they are: all of them are taken, if they are in one folder."""

from __future__ import annotations

from openchargeback.focus.deliveries.runs import Delivery, Run
from openchargeback.focus.deliveries.tree import Tree, safe
from openchargeback.ledger.files import CHARGE_SUFFIXES
from openchargeback.wording import counted, listed

LAYOUT = "part files"

_SHOWN = 3


def read(tree: Tree) -> Delivery:
    """Any delivery that has no other layout."""
    name, files = safe(str(tree.given)), tree.charge_files
    folders = sorted({path.rpartition("/")[0] for path in files})
    if not files:
        there = f": it has {counted(len(tree.files), 'other file')}" if tree.files else ": it is empty"
        fault = f"{name} has no charge files ({', '.join(CHARGE_SUFFIXES)}){there}"
        return Delivery(tree, LAYOUT, faults=(fault,))
    if len(folders) > 1:
        names = listed([safe(folder) or "the folder itself" for folder in folders], _SHOWN)
        fault = (
            f"{name} has charge files in {len(folders)} folders ({names}), and nothing says whether they are parts of "
            "one export or runs of the same month: name the folder of one export"
        )
        return Delivery(tree, LAYOUT, faults=(fault,))
    return Delivery(tree, LAYOUT, (Run(safe(folders[0]) or name, tuple(files)),))
