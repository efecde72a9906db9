"""What a value of the mapping is: a column, or a formula of columns; as SQL of generated names and literals only.

    Quantity                         the column of that name
    =12.5   ='text'                  a constant
    =[Pod hours] * rate / 100        + - * / and parentheses; a name with other characters than letters, digits,
                                     _ and . stands in brackets
    =first(cached, 0)                the first that is not empty; also lower, upper, trim, join(separator, …)
    =part(name, 'vm-(\\w+)')          the group of a regular expression (RE2), found anywhere; empty if it is not there
    =when(batch, 'true', 'b', 's')   the third if the first matches the expression as a whole, else the fourth
    =convert(memory, 'MiB', 'GiB')   a number in another unit of size or time

The language is total: every formula has a value or none for every row (a division by zero has none), in a time that is
linear in its length. Numbers are decimals with 18 places, rounded half up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from openchargeback.convert.csv.units import factor
from openchargeback.focus.database import literal
from openchargeback.ledger.patterns import expression

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,20}(?:\.\d{1,18})?)|(?P<text>'(?:[^']|'')*')|\[(?P<bracket>[^\]]+)\]"
    r"|(?P<name>[^\W\d][\w.]*)|(?P<sign>[-+*/(),]))"
)
_MOST = 24
"""Operations and functions in one formula."""

Places = Mapping[str, str]
"""The SQL of each column by its name in the table."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a formula: its SQL, made of the SQL of columns, as a number or as text (NULL if empty)."""

    sql: Callable[[Places], str]
    number: bool = False

    def as_number(self) -> Callable[[Places], str]:
        """Its SQL as a DECIMAL(38, 18)."""
        return self.sql if self.number else lambda places: f"as_number({self.sql(places)})"

    def as_written(self) -> Callable[[Places], str]:
        """Its SQL as text that `as_number` reads: with the decimal sign of the table."""
        return (lambda places: f"as_written({self.sql(places)})") if self.number else self.sql

    def as_text(self) -> Callable[[Places], str]:
        """Its SQL as text."""
        return (lambda places: f"trimmed({self.sql(places)})") if self.number else self.sql


@dataclass(frozen=True, slots=True)
class Formula:
    """A value of the mapping. source: as written. columns: the names that it refers to, in order.

    needed: those that are not in `first(…)`, which JSON may lack.
    """

    source: str
    columns: tuple[str, ...] = field(compare=False)
    needed: tuple[str, ...] = field(compare=False)
    _root: Node = field(compare=False, repr=False)

    def __str__(self) -> str:
        """As written."""
        return self.source

    def text(self, places: Places) -> str:
        """SQL of the value as text; NULL if it is empty."""
        return self._root.as_text()(places)

    def number(self, places: Places) -> str:
        """SQL of the value as DECIMAL(38, 18); NULL if it is empty or no number."""
        return self._root.as_number()(places)


def formula(source: str) -> Formula:
    """The formula of a value as written. Raises ValueError with the reason if it is none."""
    if not source.startswith("="):
        if not source:
            raise ValueError("it is empty")
        return Formula(source, (source,), (source,), _column(source))
    parser = _Parser(source[1:])
    root = parser.whole()
    return Formula(source, tuple(dict.fromkeys(parser.columns)), tuple(dict.fromkeys(parser.needed)), root)


def _column(name: str) -> Node:
    return Node(lambda places: places[name])


def _constant(text: str, *, number: bool) -> Node:
    return Node(lambda _: f"{text}::DECIMAL(38, 18)" if number else f"nullif({literal(text)}, '')", number)


class _Parser:
    """Reads one formula, from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), ("end", "")]
        self._at = 0
        self._operations = 0
        self._optional = 0
        self.columns: list[str] = []
        self.needed: list[str] = []

    def whole(self) -> Node:
        """The formula up to its end."""
        node = self._sum()
        if self._peek() != ("end", ""):
            raise ValueError(f"`{self._peek()[1]}` is not expected there")
        return node

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _take(self) -> tuple[str, str]:
        self._at += 1
        return self._tokens[self._at - 1]

    def _sum(self) -> Node:
        node = self._product()
        while self._peek() in (("sign", "+"), ("sign", "-")):
            node = self._operation(self._take()[1], node, self._product())
        return node

    def _product(self) -> Node:
        node = self._atom()
        while self._peek() in (("sign", "*"), ("sign", "/")):
            node = self._operation(self._take()[1], node, self._atom())
        return node

    def _operation(self, sign: str, one: Node, other: Node) -> Node:
        self._count()
        macro = {"+": "plus", "-": "minus", "*": "times", "/": "over"}[sign]
        left, right = one.as_number(), other.as_number()
        return Node(lambda places: f"{macro}({left(places)}, {right(places)})", number=True)

    def _count(self) -> None:
        self._operations += 1
        if self._operations > _MOST:
            raise ValueError(f"it has more than {_MOST} operations")

    def _atom(self) -> Node:
        kind, text = self._take()
        if kind == "number":
            return _constant(text, number=True)
        if kind == "text":
            return _constant(_unquoted(text), number=False)
        if (kind, text) == ("sign", "("):
            self._count()
            node = self._sum()
            self._expect(")")
            return node
        if (kind, text) == ("sign", "-"):
            return self._operation("-", _constant("0", number=True), self._atom())
        if kind == "name" and self._peek() == ("sign", "("):
            return self._call(text)
        if kind in ("name", "bracket"):
            self.columns.append(text)
            if not self._optional:
                self.needed.append(text)
            return _column(text)
        raise ValueError(f"`{text}` is not expected there" if text else "it ends too early")

    def _expect(self, sign: str) -> None:
        kind, text = self._take()
        if (kind, text) != ("sign", sign):
            raise ValueError(f"expected `{sign}`, found {f'`{text}`' if text else 'the end'}")

    def _call(self, name: str) -> Node:
        self._count()
        make = _FUNCTIONS.get(name)
        if make is None:
            raise ValueError(f"`{name}` is not a function: use one of {', '.join(sorted(_FUNCTIONS))}")
        self._expect("(")
        self._optional += name == "first"
        arguments = self._arguments()
        self._optional -= name == "first"
        self._expect(")")
        return make(arguments)

    def _arguments(self) -> list[Node | str]:
        arguments: list[Node | str] = []
        while True:
            kind, text = self._peek()
            follows = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
            if kind == "text" and follows in (("sign", ","), ("sign", ")")):
                self._take()
                arguments.append(_unquoted(text))
            else:
                arguments.append(self._sum())
            if self._peek() != ("sign", ","):
                return arguments
            self._take()


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError(f"cannot read it from `{text[at:].strip()[:20]}` on")
        yield str(found.lastgroup), found[str(found.lastgroup)]
        at = found.end()


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


Arguments = list[Node | str]


def _node(argument: Node | str) -> Node:
    return argument if isinstance(argument, Node) else _constant(argument, number=False)


def _plain(macro: str) -> Callable[[Arguments], Node]:
    """A function of one text."""

    def make(arguments: Arguments) -> Node:
        if len(arguments) != 1:
            raise ValueError(f"`{macro}` takes one value")
        text = _node(arguments[0]).as_text()
        return Node(lambda places: f"filled({macro}({text(places)}))")

    return make


def _first(arguments: Arguments) -> Node:
    nodes = [_node(each) for each in arguments]
    number = any(each.number for each in nodes)
    if number:
        # Only an empty value gives way to the next; one that is no number stays, and is no number.
        texts = [each.as_written() for each in nodes]
        return Node(lambda places: f"as_number(coalesce({', '.join(text(places) for text in texts)}))", number=True)
    parts = [each.as_text() for each in nodes]
    return Node(lambda places: f"coalesce({', '.join(part(places) for part in parts)})")


def _join(arguments: Arguments) -> Node:
    if len(arguments) < 2 or not isinstance(arguments[0], str):
        raise ValueError("`join` takes a separator as text, and values")
    separator = literal(arguments[0])
    parts = [_node(each).as_text() for each in arguments[1:]]
    return Node(lambda places: f"filled(concat_ws({separator}, {', '.join(part(places) for part in parts)}))")


def _pattern(argument: Node | str) -> tuple[str, int]:
    """A regular expression as SQL, and which group it has: the first, or the whole."""
    if not isinstance(argument, str):
        raise ValueError("a regular expression is text in quotes")  # noqa: TRY004 - a fault of the text
    return literal(argument), min(1, expression(argument).groups_count)


def _part(arguments: Arguments) -> Node:
    if len(arguments) != 2:
        raise ValueError("`part` takes a value and a regular expression")
    text, (pattern, group) = _node(arguments[0]).as_text(), _pattern(arguments[1])
    return Node(lambda places: f"filled(regexp_extract({text(places)}, {pattern}, {group}))")


def _when(arguments: Arguments) -> Node:
    if len(arguments) != 4:
        raise ValueError("`when` takes a value, a regular expression, and a value for each case")
    text, (pattern, _) = _node(arguments[0]).as_text(), _pattern(arguments[1])
    nodes = [_node(each) for each in arguments[2:]]
    number = all(each.number for each in nodes)
    yes, no = [each.as_number() if number else each.as_text() for each in nodes]

    def case(places: Places) -> str:
        matches = f"regexp_full_match(coalesce({text(places)}, ''), {pattern})"
        return f"CASE WHEN {matches} THEN {yes(places)} ELSE {no(places)} END"

    return Node(case, number)


def _convert(arguments: Arguments) -> Node:
    if len(arguments) != 3 or not isinstance(arguments[1], str) or not isinstance(arguments[2], str):
        raise ValueError("`convert` takes a value and two units in quotes")
    share = factor(arguments[1], arguments[2])
    if share is None:
        raise ValueError(f"`{arguments[1]}` cannot be converted to `{arguments[2]}`")
    value = _node(arguments[0]).as_number()
    return Node(lambda places: _scaled(value(places), share), number=True)


def _scaled(value: str, share: Fraction) -> str:
    """A number times a ratio of whole numbers, multiplied first, so that it is rounded once."""
    product = f"times({value}, {share.numerator}::DECIMAL(38, 18))" if share.numerator != 1 else value
    return f"over({product}, {share.denominator}::DECIMAL(38, 18))" if share.denominator != 1 else product


_FUNCTIONS: dict[str, Callable[[Arguments], Node]] = {
    "convert": _convert,
    "first": _first,
    "join": _join,
    "lower": _plain("lower"),
    "part": _part,
    "trim": _plain("trim"),
    "upper": _plain("upper"),
    "when": _when,
}
