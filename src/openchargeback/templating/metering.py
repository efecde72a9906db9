"""Limits what a ledger's own templates may cost: in steps and sizes, never in time, so the same everywhere.

Jinja's sandbox keeps a template from Python, but not from looping forever, from `"x" * 10**10`, or from macros that
each call another twice. So `Meterer` rewrites the syntax tree of a ledger's template: every loop iteration, call,
filter, test, operator and output is counted, and every value that the template makes is measured. Operations that
multiply sizes are checked before they run. Templates that ship with the program are trusted and left unchanged.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from jinja2 import nodes, pass_context, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext, Macro, markup_join, str_join
from jinja2.visitor import NodeTransformer

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

MAX_STEPS = 5_000_000
"""Loop iterations, calls, filters, outputs and list elements in one rendering; sixteen characters count as one."""

MAX_VALUE = 10_000_000
"""Most characters and elements in a value that a template makes."""

MAX_DEPTH = 80
"""The greatest depth of a template's syntax tree."""

MAX_PRODUCT = 100_000_000
"""The largest value from an operation whose result grows with the product of its inputs."""

_PER_STEP = 16
_MACRO = 20  # steps of one macro call, which takes about as long
_MAX_BITS = 4096
_GENERATED = 100_000  # assumed length of a generator, the most that the sandbox allows for `range`
_WIDE = re.compile(r"\d{5}|%[^%a-zA-Z]*\*|\{[^{}]*:[^{}]*\{")  # a width of five digits, or one from an argument
_GROWING = (str, bytes, int, range, list, tuple, dict, set, frozenset)
_SLOW = frozenset({"wordwrap", "striptags", "urlize"})  # superlinear in the length of the text
_SLOW_LENGTH = 20_000
_TO_TEXT = frozenset({"format", "format_map"})
_MARK = "metered "
_EACH, _SEEN, _VALUE, _TEXT, _JOINED = (_MARK + word for word in ("each", "seen", "value", "text", "joined"))


_Node = TypeVar("_Node", bound=nodes.Node)


class TemplateLimit(SecurityError):
    """A template exceeds a limit."""


class TooDeep(Exception):
    """An expression or block of a template is nested too deeply; compiling it would take very long."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


class Meter:
    """The steps of one task, which may be many renderings."""

    def __init__(self, steps: int | None = None) -> None:
        self.steps = MAX_STEPS if steps is None else steps

    def spend(self, steps: int) -> None:
        """Count steps. Raises TemplateLimit if none are left."""
        self.steps -= steps
        if self.steps < 0:
            raise TemplateLimit(f"it needs more than {MAX_STEPS:,} steps; reduce nested loops")


_current: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def counted(meter: Meter | None = None) -> Iterator[None]:
    """Count what is rendered in the block with this meter; by default with the enclosing task's, or a new one."""
    token = _current.set(meter or _current.get() or Meter())
    try:
        yield
    finally:
        _current.reset(token)


def spend(steps: int) -> None:
    """Count steps in the current rendering."""
    meter = _current.get()
    if meter is not None:  # None while a constant is folded at compile time
        meter.spend(steps)


def _size(value: object) -> int:
    """Characters and elements, including nested values each time they occur; stops a little over MAX_VALUE."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, range):
        return len(value)
    total, waiting = 1, [value]
    while waiting and total <= MAX_VALUE:
        each = waiting.pop()
        if isinstance(each, str | bytes):
            total += len(each)
        elif isinstance(each, dict):
            total += len(each)
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            total += len(each)
            waiting += each
    return total


def _spend_on(value: object, size: int) -> None:
    spend(1 + (size // _PER_STEP if isinstance(value, str | bytes) else size))


# Jinja does not evaluate functions that take the context at compile time.
@pass_context
def _seen(_context: Context, value: Any) -> Any:
    """Count a value that is read or output in full."""
    _spend_on(value, _size(value))
    return value


def _value(value: Any) -> Any:
    """Count and measure a value that the template has made."""
    size = _size(value)
    _spend_on(value, size)
    if size > MAX_VALUE:
        raise TemplateLimit(f"it makes a value of more than {MAX_VALUE:,} characters or elements")
    return value


def _each(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        spend(1)
        yield value


@pass_context
def _text(_context: Context, length: int) -> str:
    """Count this many characters of the template's own text; outputs nothing."""
    spend(length // _PER_STEP)
    return ""


@pass_eval_context
def _joined(context: EvalContext, *parts: Any) -> str:
    """Concatenate values, like `~`."""
    if sum(map(_size, parts)) > MAX_VALUE:
        raise TemplateLimit(f"it makes a value of more than {MAX_VALUE:,} characters or elements")
    return str(_value(markup_join(parts) if context.autoescape else str_join(parts)))


def _refuse_wide(form: str) -> None:
    if _WIDE.search(form):
        raise TemplateLimit("a width or precision in a format has more than four digits, or comes from a value")


def _judge(name: str, owner: Any, args: Sequence[Any]) -> None:
    """Refuse a filter or method whose result may be far larger than its input."""
    sizes, product = [1], _size(owner) if isinstance(owner, _GROWING) else _GENERATED if _is_generator(owner) else 1
    for each in args:
        if isinstance(each, int):
            product *= max(1, abs(each))
        else:
            sizes.append(_GENERATED if _is_generator(each) else _size(each))
    product *= sum(sizes)
    for each in (owner, *args):
        _spend_on(each, _size(each))
    if name in _TO_TEXT and isinstance(owner, str):
        _refuse_wide(owner)
        product = _size(owner) * max(sizes)
    if name == "sum" and any(isinstance(each, list | tuple) for each in args):
        raise TemplateLimit("sum adds numbers only")
    if name in _SLOW and isinstance(owner, str) and len(owner) > _SLOW_LENGTH:
        raise TemplateLimit(f"{name} accepts at most {_SLOW_LENGTH:,} characters")
    if product > MAX_PRODUCT and name not in ("default", "d"):
        raise TemplateLimit(f"{name} could make a value of more than {MAX_PRODUCT:,} characters or elements")


def _counting(value: Any) -> Any:
    """An iterator that counts each value as it is taken; any other value unchanged."""
    return _each(value) if _is_generator(value) else value


def _is_generator(value: object) -> bool:
    return isinstance(value, Iterator)


def judge_operator(operator: str, left: Any, right: Any) -> None:
    """Refuse an operator whose result would be too large. For `call_binop` of a sandbox, which then computes it."""
    for each in (left, right):
        _spend_on(each, _size(each))
    if operator == "%" and isinstance(left, str | bytes):
        _refuse_wide(str(left))
        too_large = _size(left) * _size(right) > MAX_PRODUCT
    elif operator == "*":
        sizes = [each if isinstance(each, int) else _size(each) for each in (left, right)]
        numbers = isinstance(left, int) and isinstance(right, int)
        too_large = _bits(left) + _bits(right) > _MAX_BITS if numbers else sizes[0] * sizes[1] > MAX_VALUE
    elif operator == "**":
        too_large = isinstance(left, int) and isinstance(right, int) and _bits(left) * abs(right) > _MAX_BITS
    else:
        too_large = operator == "+" and _size(left) + _size(right) > MAX_VALUE
    if too_large:
        raise TemplateLimit(f"the result of `{operator}` would be too large")


def _bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def call(environment: SandboxedEnvironment, context: Any, callee: Any, *args: Any, **kwargs: Any) -> Any:
    """Perform a call in a metered template: count it, check it, call, and measure the result."""
    inner = getattr(callee, "__wrapped__", callee)
    if isinstance(callee, LoopContext) and args:
        args = (_each(args[0]), *args[1:])
        spend(1)
    elif isinstance(callee, Macro):
        spend(_MACRO)
        for each in (*args, *kwargs.values()):
            _spend_on(each, _size(each))
    else:
        name = getattr(inner, "__name__", "a call").removeprefix("safe_")  # the sandbox's own `range`
        _judge(name, getattr(inner, "__self__", None), (*args, *kwargs.values()))
    return _counting(_value(environment.call(context, callee, *args, **kwargs)))


def _metered(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter or test that is checked first and measured afterwards."""
    skipped = 1 if hasattr(function, "jinja_pass_arg") else 0

    @functools.wraps(function)  # keeps Jinja's marks for the arguments that it passes
    def metered(*args: Any, **kwargs: Any) -> Any:
        context, given = args[:skipped], tuple(map(_counting, args[skipped:]))
        owner, *rest = given
        _judge(name, owner, (*rest, *kwargs.values()))
        return _counting(_value(function(*context, *given, **kwargs)))

    return metered


def metered_name(name: str, known: dict[str, Any]) -> str:
    """The name of the checked and measured form of a filter or test, which is created on first use."""
    if name not in known or name.startswith(_MARK):
        return name
    known.setdefault(_MARK + name, _metered(name, known[name]))
    return _MARK + name


_OWN = {_EACH: _each, _SEEN: _seen, _VALUE: _value, _TEXT: _text, _JOINED: _joined}


class Meterer(NodeTransformer):
    """Rewrites the syntax tree of one template so that everything it does is counted."""

    def __init__(self, environment: SandboxedEnvironment) -> None:
        self.environment = environment
        for name, function in _OWN.items():
            environment.filters.setdefault(name, function)

    def rewrite(self, template: nodes.Template) -> None:
        """Change the tree of a template in place. Raises TooDeep."""
        waiting: list[tuple[nodes.Node, int]] = [(template, 0)]
        while waiting:
            node, depth = waiting.pop()
            if depth > MAX_DEPTH:
                raise TooDeep(node.lineno)
            waiting += [(child, depth + 1) for child in node.iter_child_nodes()]
        self.visit(template)

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        """The replacement for a node, its children first."""
        length = _literal_length(node)
        node = self.generic_visit(node, *args, **kwargs)
        match node:
            case nodes.Filter():
                node.name = metered_name(node.name, self.environment.filters)
            case nodes.Test() if node.name not in ("defined", "undefined"):  # these accept undefined values
                node.name = metered_name(node.name, self.environment.tests)
            case nodes.Call():
                node.args = [node.node, *node.args]
                node.node = self._at(node, nodes.EnvironmentAttribute("metered_call"))
            case nodes.For():
                node.iter = self._filtered(node.iter, _EACH)
            case nodes.Output():
                node.nodes = [self._written(each) for each in node.nodes]
                if length >= _PER_STEP:
                    node.nodes.insert(0, self._filtered(self._at(node, nodes.Const(length)), _TEXT))
            case nodes.Compare():
                node.expr = self._filtered(node.expr, _SEEN)
                for operand in node.ops:
                    operand.expr = self._filtered(operand.expr, _SEEN)
            case nodes.Concat():
                first, *others = node.nodes
                return self._filtered(first, _JOINED, others)
            case nodes.Getitem(arg=nodes.Slice()) | nodes.List() | nodes.Dict() | nodes.Tuple(ctx="load"):
                return self._filtered(node, _VALUE)
        return node

    def _at(self, place: nodes.Node, node: _Node) -> _Node:
        node.set_lineno(place.lineno)
        node.set_environment(self.environment)
        return node

    def _filtered(self, node: Any, name: str, others: Sequence[nodes.Expr] = ()) -> nodes.Filter:
        return self._at(node, nodes.Filter(node, name, [*others], [], None, None))

    def _written(self, node: nodes.Expr) -> nodes.Expr:
        return node if isinstance(node, nodes.TemplateData) else self._filtered(node, _SEEN)


def _literal_length(node: nodes.Node) -> int:
    """The characters of a template's own text between its expressions."""
    if not isinstance(node, nodes.Output):
        return 0
    return sum(len(each.data) for each in node.nodes if isinstance(each, nodes.TemplateData))
