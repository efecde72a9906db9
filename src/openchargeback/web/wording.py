"""Messages for someone with a browser: in place of a command or an option, the page that does the same.

Problems and refusals are worded once, for the terminal. What they name there is found here by its text, so that pages
need no messages of their own; what has no page stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from openchargeback.portal import paths
from openchargeback.web.access import Action


@dataclass(frozen=True, slots=True)
class Way:
    """Where something is dealt with: the label and the address of a page. action: who may go there."""

    label: str
    path: str
    action: Action


REVIEW = Way("Review", paths.REVIEW, Action.READ)
VOID = Way("Void decisions", f"{paths.REVIEW}#void", Action.READ)
CREDIT = Way("Credit charges", "web/credit", Action.REVIEW)
DIRECTORY = Way("Directory", "web/directory", Action.DIRECTORY)
MONTHS = Way("Months", "web/months", Action.CLOSE)
IMPORT = Way("Import", "web/import", Action.IMPORT)
PROBLEMS = Way("Problems", "web/problems", Action.WATCH)

WORDS: Sequence[tuple[str, str, Way | None]] = (
    (r"run `focus-billing review refresh` to replace it with a decision", "replace it with a decision", VOID),
    (r"; `focus-billing review refresh` cleans it up", "", None),
    (r"`review refresh` proposes a new decision", "make a new decision", VOID),
    (r"decide them with `review`, or add --leave-held", "decide them, or leave them held", REVIEW),
    (r"as `focus-billing review` does", "as the review page does", REVIEW),
    (r"as `review credit` does", "as the form for credits does", CREDIT),
    (r" \(`focus-billing review credit`\)", "", CREDIT),
    (r"decide it from an open period with --of [0-9-]+", "choose an open month", None),
    (r"decide its charges with --period [0-9-]+", "decide its charges in the queue", REVIEW),
    (r" with `focus-billing directory add (?:person|project|fund)`", " to the directory", DIRECTORY),
    (r"remove the record with `focus-billing periods open [0-9-]+`", "reopen the month", MONTHS),
    (r"run `focus-billing periods open [0-9-]+`", "use its page", MONTHS),
    (r"(reopen the (?:period|month)(?: as its next revision)?)(?: with |: )`focus-billing periods open [0-9-]+`",
     r"\1", MONTHS),
    (r"only `focus-billing periods` changes the state of a month", "the state of a month changes on its page", MONTHS),
    (r"add its file with `ingest`, or add --without \S+ --reason TEXT",
     "import its file, or close the month without it and say why", IMPORT),
    (r"replace it with `ingest`", "import it in its place", IMPORT),
    (r"^--without (\S+)", r"Close without \1", None),
    (r", so --without is not needed", "", None),
    (r"see `focus-billing validate`", "see the problems", PROBLEMS),
    (r"run `focus-billing validate` to find the fault", "find the fault among the problems", PROBLEMS),
    (r", or list all with `validate --full`", "", None),
    (r"add --replace;", "check “Replace what is recorded of these documents”;", None),
    (r"with `--period P --add`", "by its month and “Add to what is there”", None),
    (r"name (it|its month) with `--period P`", r"enter \1 below", None),
    (r"`--period P` stores the whole file in P", "a month below stores the whole file in it", None),
    (r"use `--period ([0-9-]+)`", r"enter the month \1 below", None),
    (r"correct `--source` or `--period`", "correct the source or the month", None),
    (r"`--period`", "a month", None),
    (r"`--replace`", "“Replace what is there”", None),
    (r"`--add`", "“Add to what is there”", None),
    (r"`--split`", "“Store each month separately”", None),
)  # fmt: skip
"""What messages say, as a pattern; what it is on a page; and where to go. In this order."""

_WORDS = [(re.compile(pattern), words, way) for pattern, words, way in WORDS]


@dataclass(frozen=True, slots=True)
class Said:
    """A message as a page says it. ways: where the person may go to do it."""

    text: str
    ways: tuple[Way, ...]


def on_page(text: str, may_do: Callable[[Action], bool]) -> Said:
    """A message without commands and options that have a page."""
    ways: list[Way] = []
    for pattern, words, way in _WORDS:
        text, count = pattern.subn(words, text)
        if count and way is not None and way not in ways and may_do(way.action):
            ways.append(way)
    return Said(text, tuple(ways))
