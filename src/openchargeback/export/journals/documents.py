"""The documents of a month's journal: how it is split, and their numbers.

Closing assigns the numbers and records them; no other command does. A number is the profile's prefix, then period,
revision and part, in the form for which the profile's length has room after the prefix:

    OCB-2025-01, OCB-2025-01-r2, OCB-2025-01-r2-p3    22 characters or more
    RC251101                                          six to 21: year, month, revision, part

In the short form the month is `1` to `9` and `A` to `C`; revision and part count on from 9 with A to Z. The estimate
of an open month has letters of its own (`D` to `O`), and so has its reversal (`P` to `Z` and `0`); in the long form
they are `…-acc` and `…-rev`. So no two documents of a profile share a number, and the prefix keeps profiles apart.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from openchargeback.billing.journal import summary_key
from openchargeback.ledger.journal_profiles import Profile
from openchargeback.model import Journal, JournalLine, RowKind

LONG = len("2025-01-r999-p9999-acc")
"""The longest form after the prefix."""
SHORT = 6
"""The shortest form after the prefix."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_REVISIONS = len(_DIGITS) - 1
_MOST_PARTS = len(_DIGITS) ** 2 - 1


class DocumentKind(enum.StrEnum):
    """What a document is: the journal of a month, the estimate of an open one, or its reversal."""

    JOURNAL = ""
    ACCRUAL = "-acc"
    REVERSAL = "-rev"


class NoNumber(ValueError):
    """A profile's numbers are too short for a document. The message says why."""


def document_number(
    profile: Profile, period: str, revision: int, part: int, kind: DocumentKind = DocumentKind.JOURNAL
) -> str:
    """The number of a document. Raises NoNumber if the profile's length has no room for it."""
    room = profile.document.length - len(profile.prefix)
    if room < SHORT:
        raise NoNumber(f"the prefix {profile.prefix!r} leaves {max(room, 0)} of {profile.document.length} characters")
    if room >= LONG:
        again = f"-r{revision}" if revision > 1 else ""
        number = f"{profile.prefix}{period}{again}" + (f"-p{part}" if part > 1 else "") + kind
        if len(number) > profile.document.length:
            raise NoNumber(f"{number} has more than {profile.document.length} characters")
        return number
    if revision > _MOST_REVISIONS or part > _MOST_PARTS:
        raise NoNumber(f"revision {revision}, part {part} has no number of {room} characters after the prefix")
    month = _DIGITS[(int(period[5:]) + 12 * list(DocumentKind).index(kind)) % len(_DIGITS)]
    parts = f"{_DIGITS[part // len(_DIGITS)]}{_DIGITS[part % len(_DIGITS)]}"
    return f"{profile.prefix}{period[2:4]}{month}{_DIGITS[revision]}{parts}"


def split(journal: Journal, profile: Profile) -> list[tuple[int, int]]:
    """The lines of each document of a journal, first and last, from 1; a single empty one for an empty journal.

    A line and its counterpart are never separated, so each document balances.
    """
    if profile.rows is RowKind.LINES:
        size, count = profile.most_lines // 2 * 2, len(journal.lines)
        return [(first, min(first + size - 1, count)) for first in range(1, count + 1, size)] or [(1, 0)]
    return list(_split_summary(journal.lines, profile.most_lines))


def _split_summary(lines: Sequence[JournalLine], most: int) -> Sequence[tuple[int, int]]:
    """The same for a summary: a document ends before the pair of lines with which it would have too many rows."""
    documents, first = [], 1
    keys: set[tuple[str | bool, ...]] = set()
    for index in range(0, len(lines), 2):
        own = {summary_key(line) for line in lines[index : index + 2]}
        if keys and len(keys | own) > most:
            documents.append((first, index))
            first, keys = index + 1, set()
        keys |= own
    return [*documents, (first, len(lines))]
