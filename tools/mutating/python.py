"""The small changes to a Python file."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from mutating.edits import Edit

_COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "sum": "len", "sorted": "list", "reversed": "list"}


def python_edits(text: bytes) -> list[Edit]:
    """Every change to a Python file. None are in text, so none in documentation."""
    return _Edits(text).edits


class _Edits(ast.NodeVisitor):
    """Walks through a file and collects its changes."""

    def __init__(self, text: bytes) -> None:
        self.text, self.edits = text, list[Edit]()
        self._lines = [0, *(match.end() for match in re.finditer(rb"\n", text))]
        self.visit(ast.parse(text))

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        last, column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[last - 1] + column

    def _between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Replace the operator between two expressions, skipping parentheses and comments."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = re.sub(rb"#[^\n]*", lambda match: b" " * len(match[0]), self.text[start:end])
        at = start + gap.index(old.encode())
        self.edits.append(Edit(at, at + len(old), new, f"{old} → {new}"))

    def _replace(self, node: ast.expr, new: str, operator: str) -> None:
        self.edits.append(Edit(*self._span(node), new, operator))

    def visit_Compare(self, node: ast.Compare) -> None:
        for op, (left, right) in zip(node.ops, pairwise([node.left, *node.comparators]), strict=True):
            self._between(left, right, *_COMPARED[type(op)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Add | ast.Sub):
            self._between(node.left, node.right, *(("+", "-") if isinstance(node.op, ast.Add) else ("-", "+")))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        words, neutral = (("and", "or"), "True") if isinstance(node.op, ast.And) else (("or", "and"), "False")
        for left, right in pairwise(node.values):
            self._between(left, right, *words)
        for number, value in enumerate(node.values, start=1):
            self._replace(value, neutral, f"{words[0]}: part {number} dropped")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            start, end = self._span(node)[0], self._span(node.operand)[0]
            self.edits.append(Edit(start, end, "(" * self.text[start:end].count(b"("), "not or minus removed"))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value), f"{node.value} → {not node.value}")
        elif isinstance(node.value, int):
            for step in (1, -1):
                self._replace(node, f"({node.value + step})", f"{node.value} → {step:+d}")

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and (name := _NAMES.get(node.func.id)):
            keywords = {word.arg for word in node.keywords}
            if not (name == "list" and keywords):
                self._replace(node.func, name, f"{node.func.id} → {name}")
        commutes = isinstance(node.func, ast.Name) and node.func.id in ("max", "min")
        if len(node.args) > 1 and not commutes and not any(isinstance(arg, ast.Starred) for arg in node.args[:2]):
            (start, middle), (other, end) = self._span(node.args[0]), self._span(node.args[1])
            one, two, gap = self.text[start:middle], self.text[other:end], self.text[middle:other]
            if one != two and b")" not in gap and b"(" not in gap:
                self.edits.append(Edit(start, end, (two + gap + one).decode(), "arguments swapped"))
        for word in node.keywords:
            if word.arg in ("key", "reverse") and isinstance(node.func, ast.Name):
                self._replace(word.value, "None" if word.arg == "key" else "False", f"{word.arg} removed")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._replace(node.value, "None", "return None")
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Skip annotations and decorators, which no test could notice."""
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)
