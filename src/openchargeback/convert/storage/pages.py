"""Whether all pages of a listing are among the inputs."""

from __future__ import annotations

from collections.abc import Sequence

from openchargeback.convert.storage.sheet import Sheet
from openchargeback.problems import Problem


def unfollowed(sheets: Sequence[Sheet]) -> list[Problem]:
    """The problems of pages of one sample that another should follow and none does."""
    firsts = [first for sheet in sheets for first in sheet.firsts]
    after = [(sheet, each) for sheet in sheets for each in sheet.after]
    lasts = any(sheet.last for sheet in sheets)
    problems = []
    for sheet, each in after:
        known = each is not None and any(first is not None and first > each for first in firsts)
        follows = lasts if each is None else known or (lasts and None in firsts)
        if not follows or len(firsts) <= len(after):
            fix = "export every page of the sample, and convert them together"
            after_id = f" after {each}" if each is not None else ""
            message = f"a page says that another follows{after_id}, but it is not among the inputs"
            problems.append(Problem(sheet.source.file.name, "usage-page", message, fix))
    return problems
