"""Approval files: decisions on charges, one file per batch (`approvals/2025-01/gpu-burst.yaml`)."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from openchargeback import money
from openchargeback.ledger.declared import Key, shape_of
from openchargeback.ledger.periods import period_of
from openchargeback.ledger.settings import NOBODY, Payer
from openchargeback.ledger.shape import PERIOD_PATTERN, ListOf, Number, Record, Text, Verbatim
from openchargeback.ledger.yaml_tree import Mapping, Node, Reader, Scalar, Sequence, parse
from openchargeback.model import ITEM_KEYS
from openchargeback.problems import Problem

ID_PATTERN = r"[0-9a-f]{8,64}"


class Verb(enum.StrEnum):
    """What a decision does."""

    APPROVE = "approve"
    REJECT = "reject"
    REASSIGN = "reassign"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What the decision was made on; the decision is void once this no longer matches."""

    charges: Annotated[int | None, "Number of charges."] = None
    billed: Annotated[
        Decimal | None,
        Number(help="Their exact sum in the ledger's currency, in quotes.", digits=money.SUM_DIGITS),
    ] = None
    digest: Annotated[
        str | None,
        Text(
            r"[0-9a-f]{16,64}",
            "a digest of 16 to 64 hexadecimal digits",
            "SHA-256 of their sorted ids, one per line.",
            digits=True,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Item:
    """A queue item as named by a decision: ITEM_KEYS, where empty text means "has none", and all flags as raised."""

    keys: dict[str, str]
    flags: tuple[str, ...]


_KEYS = {
    "source": "The source of the charges.",
    "service": 'Their service; "" for none.',
    "project": 'Their project; "" for none.',
    "pi": 'Their PI, an email address; "" for none.',
    "currency": "Their currency; the ledger's unless set.",
    "sub_account": "Their SubAccountId, if the project is missing.",
    "resource": "Their ResourceId, if project and sub-account are missing.",
}


def _item(values: dict[str, Any], node: Node, reader: Reader) -> Item | None:
    if not values["flags"]:
        reader.fault(node, "no-target", "`where` names no flags", "list all flags of the item under `flags`")
        return None
    return Item({key: values.get(key, "") for key in ITEM_KEYS}, tuple(sorted(set(values["flags"]))))


_WHERE = Record(
    {
        **{key: Verbatim(_KEYS[key]) for key in ITEM_KEYS},
        "flags": ListOf(Text(), single=True, help="All flags of the charges, as raised."),
    },
    required=("source", "flags"),
    make=_item,
    help="A queue item, by what its charges share; the decision applies to all of them.",
)


def _decided(verb: Verb) -> dict[str, Any]:
    return {"properties": {"decision": {"const": verb.value}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The email that a decision rests on: an answer to a question that was sent with `review ask`."""

    sender: Annotated[str, Key("The address that answered.", name="from")]
    on: Annotated[dt.date, Key("The day of the answer.", write=lambda day: day)]
    id: Annotated[str, "Its Message-ID."] = ""
    sha256: Annotated[str, Text(r"[0-9a-f]{64}", "a SHA-256 digest", "SHA-256 of the email as saved, in quotes.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision.

    charges: ids or prefixes of ids; item: the queue item. Exactly one of the two is given.
    clears: the flags that were shown to the deciding person and that the decision clears; empty for a credit.
    period: the closed period of the charges; empty for charges of the folder's own period.
    path, line, column: its place in the file.
    """

    charges: Annotated[
        tuple[str, ...],
        ListOf(
            Text(ID_PATTERN, "a charge id such as 7f3a9c21d0b41e66", digits=True),
            help="Ids of charges, at least 8 digits each. Use either this or `where`.",
        ),
    ] = ()
    item: Annotated[Item | None, Key(name="where", shape=_WHERE)] = None
    clears: Annotated[
        tuple[str, ...],
        ListOf(
            Text(),
            single=True,
            help="The flags that the person was shown and that the decision clears; an empty list for none.",
        ),
    ] = ()
    expect: Annotated[Expect | None, ""] = None
    verb: Annotated[Verb, Key("The decision.", name="decision")]
    set: Annotated[Payer, Key(shape=shape_of(Payer, "Who pays instead, with `decision: reassign`."))] = NOBODY
    reason: Annotated[
        str, Text(what="a reason", max_length=4000, filled=True, help="The reason, for reviewers and auditors.")
    ]
    by: Annotated[str, Text(what="a person", filled=True, help="The person who decides.")]
    on: Annotated[dt.date | None, "The day of the decision."] = None
    period: Annotated[
        str, Text(PERIOD_PATTERN, "a period such as 2025-01", "The closed month whose charges are decided late.")
    ] = ""
    answer: Annotated[Answer | None, "The email that the decision rests on."] = None
    path: str
    line: int
    column: int

    RULES: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": ["charges"]}, {"required": ["where"]}],
        "allOf": [
            {"if": _decided(Verb.REASSIGN), "then": {"required": ["set"]}},
            {"if": {"not": _decided(Verb.CREDIT)}, "then": {"required": ["clears"]}},
            {
                "if": {"required": ["where"]},
                "then": {"required": ["expect"], "properties": {"expect": {"minProperties": 1}}},
            },
        ],
    }

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Decision | None:
        """The decision; None if it contradicts itself."""
        if _unread(values, node):
            return None
        if fault := _contradiction(values["verb"], values):
            reader.fault(node, *fault)
            return None
        clears = tuple(dict.fromkeys(values.get("clears", ())))
        return cls(**{**values, "clears": clears}, path=reader.path, line=node.line, column=node.column)

    @property
    def place(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}"

    @property
    def charges_period(self) -> str:
        """The period of the charges: the closed one that it names, else that of its folder."""
        return self.period or period_of(self.path)

    @property
    def subject(self) -> str:
        """What the decision is on, in a few words: the first ids, or the item's keys."""
        if self.item is None:
            more = f" and {len(self.charges) - 4:,} more" if len(self.charges) > 4 else ""
            return ", ".join(self.charges[:4]) + more
        keys = self.item.keys
        account = keys["sub_account"] or keys["resource"]
        named = [keys["project"] or "no project", f"{keys['service'] or 'no service'} ({keys['source']})"]
        return ", ".join([*named, *filter(None, (account, keys["pi"])), " ".join(self.item.flags)])

    def problem(self, code: str, message: str, fix: str) -> Problem:
        """A problem at the decision's place."""
        return Problem(self.path, code, message, fix, self.line, self.column)


APPROVALS = Record(
    {"decisions": ListOf(shape_of(Decision, "One decision."), help="The decisions, in any order.")},
    required=("decisions",),
    help="Decisions on flagged charges of one month, one file per batch.",
)


def _unread(values: dict[str, Any], node: Node) -> bool:
    """Whether the decision's subject is present but unreadable, which is already a problem."""
    written = {key.text: value for key, value in node.items} if isinstance(node, Mapping) else {}
    pairs = (("charges", "charges"), ("where", "item"))
    return any(_says_something(written.get(name)) and not values.get(field) for name, field in pairs)


def _says_something(node: Node | None) -> bool:
    if isinstance(node, Sequence):
        return bool(node.items)
    return node is not None and not (isinstance(node, Scalar) and node.is_null)


def _contradiction(verb: Verb, values: dict[str, Any]) -> tuple[str, str, str] | None:
    charges, item, set_ = values.get("charges"), values.get("item"), values.get("set", NOBODY)
    clears = set(values.get("clears", ()))
    if verb is Verb.CREDIT:
        return _contradicting_credit(values)
    if bool(charges) == bool(item):
        return "no-target", "needs either `charges` or `where`, but not both", "list charge ids or name a queue item"
    # A charge without flags can still be rejected or moved by id: the list must be present, but empty.
    if not clears and (item or verb is Verb.APPROVE or "clears" not in values):
        fix = "list the flags that were reviewed under `clears`, as `focus-billing review` does"
        return "clears-nothing", f"{verb} without `clears`", fix
    if item and not clears <= set(item.flags):
        extra = ", ".join(sorted(clears - set(item.flags)))
        return "clears-nothing", f"clears {extra}, which `where` does not list", "list the flags of the item in both"
    if item and values.get("expect", Expect()) == Expect():
        fix = "add `expect`, as `focus-billing review` does"
        return "expect-missing", "names a queue item without `expect`", fix
    if verb is Verb.REASSIGN and set_ == NOBODY:
        return "set-missing", "reassigns without a new payer", "add `set: {pi: …, project: …, fund: …}`"
    if verb is not Verb.REASSIGN and set_ != NOBODY:
        return "set-unused", f"`set` has no effect with {verb}", "use `decision: reassign`"
    return None


def _contradicting_credit(values: dict[str, Any]) -> tuple[str, str, str] | None:
    if "period" not in values:
        return (
            "period-missing",
            "`credit` needs the month of its charges",
            "add the month as `period:`",
        )
    if "item" in values or not values.get("charges"):
        return "no-target", "`credit` needs `charges`", "list the ids of the charges, as `review credit` does"
    if values.get("clears") or values.get("expect"):
        return "clears-with-credit", "`clears` and `expect` have no effect with credit", "remove `clears` and `expect`"
    return None


def read_approvals(data: bytes, path: str) -> tuple[list[Decision], list[Problem]]:
    """The decisions of one file in order, and its faults; a faulty decision is left out."""
    root, reader = parse(data, path)
    if root is None and not reader.problems:
        reader.problems.append(Problem(path, "empty-file", "this file is empty", "add decisions or remove the file", 1))
    values = APPROVALS.read(root, reader) if root is not None else None
    return [*(values["decisions"] if values else ())], reader.problems
