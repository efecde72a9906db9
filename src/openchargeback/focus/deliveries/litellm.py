"""LiteLLM's scheduled FOCUS export: `date=YYYY-MM-DD/[hour=HH/]usage_<start>_<end>.parquet`, a file for each window.

A file has the rows of LiteLLM_DailyUserSpend that changed in its window, and each of them is the total of its day so
far. So files of the same day repeat its costs, and none of them is known to be the last. Source: BerriAI/litellm,
litellm/integrations/focus (database.py, export_engine.py, destinations/s3_destination.py).
"""

from __future__ import annotations

import re

from openchargeback.focus.deliveries.runs import Delivery
from openchargeback.focus.deliveries.tree import Tree, safe
from openchargeback.wording import counted

LAYOUT = "LiteLLM FOCUS export"

_FILE = re.compile(r"(?:^|/)date=\d{4}-\d{2}-\d{2}/(?:hour=\d{2}/)?usage_\d{8}T\d{6}Z_\d{8}T\d{6}Z\.[a-z]+$")


def read(tree: Tree) -> Delivery | None:
    """A delivery in this layout, which cannot be billed; None if it is another one."""
    files = [path for path in tree.charge_files if _FILE.search(tree.full(path))]
    if len(files) < 2:
        return None
    fault = (
        f"{safe(str(tree.given))} has {counted(len(files), 'file')} of LiteLLM's scheduled FOCUS export. They repeat "
        "the totals of each day so far, and adding them up would bill days several times: export LiteLLM_SpendLogs, "
        "and convert it with `preset: litellm-spend`"
    )
    return Delivery(tree, LAYOUT, faults=(fault,))
