"""OCI cost reports: `FOCUS Reports/YYYY/MM/DD/*.csv.gz`, a few files a day, each with charges that no other file has.

So all files are taken, and later ones are added. Which month a file belongs to is in its rows. The older reports of the
same bucket (`reports/cost-csv/`) are not FOCUS. Source: OCI documentation, "Cost and Usage Reports Overview".
"""

from __future__ import annotations

import re

from openchargeback.focus.deliveries.runs import Delivery, Run
from openchargeback.focus.deliveries.tree import Tree, safe

LAYOUT = "OCI FOCUS reports"

_DAY = re.compile(r"(?:^|/)\d{4}/\d{2}/\d{2}/[^/]+$")
_OLDER = re.compile(r"(?:^|/)reports/(?:cost|usage)-csv/")


def read(tree: Tree) -> Delivery | None:
    """A delivery in this layout; None if it is another one."""
    older = [path for path in tree.charge_files if _OLDER.search(tree.full(path))]
    if older:
        fault = (
            f"{tree.shown(older[0])} is an older OCI cost report, not a FOCUS file: use the files below "
            "`FOCUS Reports/` in the same bucket"
        )
        return Delivery(tree, LAYOUT, faults=(fault,))
    files = tree.charge_files
    if not files or not all(_DAY.search(tree.full(path)) for path in files):
        return None
    return Delivery(tree, LAYOUT, (Run(safe(str(tree.given)), tuple(files)),))
