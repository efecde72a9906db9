"""What the accounting system did with a month's journal (`postings/2025-01.yaml`).

Written by `focus-billing journal posted`, or by hand. Lines of a document that are not listed were accepted.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from openchargeback.ledger.declared import Key, shape_of, values_of
from openchargeback.ledger.files import POSTINGS as FOLDER
from openchargeback.ledger.shape import PERIOD_PATTERN, Integer, Number, Text
from openchargeback.ledger.yaml_text import flow, scalar
from openchargeback.ledger.yaml_tree import Node, Reader, parse
from openchargeback.problems import Problem


class PostingStatus(enum.StrEnum):
    """What became of a line: posted as sent, posted to a suspense account, or not posted."""

    ACCEPTED = "accepted"
    SUSPENSE = "suspense"
    REJECTED = "rejected"


def _has(status: PostingStatus) -> dict[str, Any]:
    """A JSON Schema for lines of that status."""
    return {"properties": {"status": {"const": status}}}


def _amount(side: str) -> Key:
    shape = Number(help=f"The amount of a {side}, in quotes; checked against the journal.")
    return Key(shape=shape, write=lambda cents: f"{cents:f}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedLine:
    """One line of a document that was not simply accepted.

    line: its number in the document. amount: without a side, from an answer in CSV. at: its line in the file.
    """

    line: Annotated[int, Integer(1, 9_999_999, "The number of the line in the document.")]
    status: Annotated[PostingStatus, "What became of the line; lines that are not listed were accepted."]
    fund: Annotated[str, "The fund of the line; checked against the journal."] = ""
    debit: Annotated[Decimal | None, _amount("debit")] = None
    credit: Annotated[Decimal | None, _amount("credit")] = None
    reason: Annotated[str, Text(max_length=4000, help="Why, as the accounting system says.")] = ""
    again: Annotated[
        str,
        Text(PERIOD_PATTERN, "a period such as 2025-02", "The open month whose journal repeats a rejected line."),
    ] = ""
    new_fund: Annotated[str, "The fund that pays when the line is repeated, if not the same."] = ""
    amount: Decimal | None = None
    at: int = 0

    RULES: ClassVar[dict[str, Any]] = {
        "allOf": [
            {"if": _has(PostingStatus.ACCEPTED), "else": {"required": ["reason"]}},
            {"if": _has(PostingStatus.REJECTED), "else": {"properties": {"again": False, "new_fund": False}}},
        ]
    }

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> PostedLine:
        """The line; a contradiction is recorded as a problem."""
        line = cls(**values, at=node.line)
        if line.status is not PostingStatus.REJECTED and (line.again or line.new_fund):
            message = (
                f"`{'again' if line.again else 'new_fund'}` is for rejected lines, and line {line.line} is not one"
            )
            reader.fault(node, "posting-again", message, "remove it, or write `status: rejected`")
        if line.status is not PostingStatus.ACCEPTED and not line.reason:
            reader.fault(node, "missing-key", "reason is missing", "add `reason:` here")
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What became of one document of a month's journal. path, at: its place."""

    document: Annotated[str, Text(filled=True, help="The document number.")]
    format: Annotated[str, "The journal format of the document."] = ""
    sha256: Annotated[
        str, Text(r"[0-9a-f]{64}", "a SHA-256 digest", "SHA-256 of the file that was posted, in quotes.")
    ] = ""
    on: Annotated[dt.date, Key("The day on which the document was posted.", write=lambda day: day)]
    by: Annotated[str, "Who recorded it."] = ""
    reference: Annotated[str, "The number that the accounting system gave the document, if it is another one."] = ""
    lines: Annotated[tuple[PostedLine, ...], Key("The lines that were not accepted.")] = ()
    path: str = ""
    at: int = 0

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Posting:
        """The posting with its place."""
        return cls(**values, path=reader.path, at=node.line)


@dataclass(frozen=True, slots=True)
class Postings:
    """What the accounting system did with a month's journal."""

    postings: Annotated[tuple[Posting, ...], "What became of each document."]


POSTINGS = shape_of(Postings)


def postings_path(period: str) -> str:
    """The path in the ledger of a month's postings."""
    return f"{FOLDER}/{period}.yaml"


def read_postings(data: bytes, path: str) -> tuple[tuple[Posting, ...], list[Problem]]:
    """The postings in a file, and its faults."""
    root, reader = parse(data, path)
    if root is None and not reader.problems:
        reader.problems.append(Problem(path, "empty-file", "this file is empty", "add postings or remove the file", 1))
    found: Postings | None = POSTINGS.read(root, reader) if root is not None else None
    return found.postings if found else (), reader.problems


def postings_text(postings: Sequence[Posting]) -> str:
    """The text of a file of postings, sorted by document."""
    text = ["# What the accounting system did with the journal; lines that are not listed were accepted.", "postings:"]
    for posting in sorted(postings, key=lambda each: each.document):
        values = values_of(posting)
        lines = values.pop("lines", ())
        text += [f"{'  - ' if key == 'document' else '    '}{key}: {scalar(value)}" for key, value in values.items()]
        if lines:
            text += ["    lines:", *(f"      - {flow(each)}" for each in lines)]
    return "\n".join(text) + "\n"
