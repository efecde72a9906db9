"""Templates: where they are, and the Jinja environment that renders them.

The shipped templates can be replaced file by file by those in the ledger's `templates/` folder. Since a ledger's
templates come through pull requests, all templates run in Jinja's sandbox: they see values, not Python.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from importlib.util import cache_from_source
from pathlib import Path
from types import BuiltinMethodType, CodeType, MethodType
from typing import Any

from jinja2 import (
    ChoiceLoader,
    FileSystemBytecodeCache,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    compiler,
    nodes,
    pass_context,
)
from jinja2.environment import Environment
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from openchargeback.ledger.files import Gate
from openchargeback.ledger.shipped import shipped_templates
from openchargeback.problems import LedgerFault, Problem
from openchargeback.templating import metering, text_filters
from openchargeback.templating.clean_text import clean
from openchargeback.templating.filters import FILTERS

MARKUP_ENDINGS = (".html", ".htm", ".xhtml", ".xml", ".svg")
"""Templates whose output is markup, so every value is escaped. Journal and mail texts are not markup."""

# Errors that a template's expressions may raise; anything else is a bug in this program and must surface as one.
TEMPLATE_ERRORS = (
    *(TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError),
    *(RecursionError, MemoryError),
)

_TOO_DEEP = "it nests loops, blocks or expressions too deeply"
_LOADING = 100
"""The cost of including a template, in steps."""
_MOST_REMEMBERED = 10_000
_METHODS = (MethodType, BuiltinMethodType)


_special = re.compile("[&<>'\"]").search


def _escaped(value: Any) -> str:
    """As `markupsafe.escape`, for output: most values are plain text without any of its characters."""
    return value if type(value) is Markup or (type(value) is str and not _special(value)) else escape(value)


class _Metered(Template):
    """A template rendered under a meter, its own or that of a larger task."""

    @classmethod
    def _from_namespace(cls, environment: Environment, namespace: Any, globals: Any) -> Template:  # noqa: A002 - as Jinja
        namespace["escape"] = _escaped
        return super()._from_namespace(environment, namespace, globals)

    def render(self, *args: Any, **kwargs: Any) -> str:
        with metering.counted():
            return super().render(*args, **kwargs)


class Templates(ImmutableSandboxedEnvironment):
    """The Jinja environment, which also knows the folders that it reads from; the first one wins.

    plain: whether it makes plain text, with filters of its own.
    Templates from a ledger are metered (`metering.py`): none can run forever or exhaust memory.
    """

    template_class = _Metered
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self, roots: tuple[Path, ...]) -> None:
        super().__init__(
            loader=ChoiceLoader(
                [*(_GatedLoader(str(root)) for root in roots[:-1]), _ShippedLoader(roots[-1], followlinks=True)]
            ),
            autoescape=lambda name: name is None or name.lower().endswith(MARKUP_ENDINGS),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            optimized=False,  # searching for constants takes cubic time in the depth of an expression
        )
        self.roots = roots
        self.plain = False
        self._safe: dict[tuple[type, str], bool] = {}
        self.filters.update(FILTERS)
        # Without a seed, no two builds would give the same bytes.
        del self.filters["random"], self.globals["lipsum"]

    def files(self) -> dict[str, Path]:
        """Every template and asset by name (`assets/portal.css`), with overrides applied, sorted by name."""
        found: dict[str, Path] = {}
        *ledgers, shipped = self.roots
        for root in (shipped, *reversed(ledgers)):
            gate = Gate(root.parent) if root != shipped else None
            for path in sorted(root.rglob("*")):
                # An installer may have replaced the program's own files with links.
                if gate.is_file(path.relative_to(root.parent).as_posix()) if gate else path.is_file():
                    found[path.relative_to(root).as_posix()] = path
        return dict(sorted(found.items()))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As in Jinja's sandbox; at once where that would only look again at what it allowed before."""
        if self._safe.get((type(obj), attribute)):
            value = getattr(obj, attribute, None)
            # None may be missing, and the method of a text may be `format`.
            if value is not None and type(value) not in _METHODS:
                return value
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """As Jinja decides: by the type of the object and the name alone. Remembered, since pages ask often."""
        place = type(obj), attr
        safe = self._safe.get(place)
        if safe is None:
            safe = super().is_safe_attribute(obj, attr, value)
            if len(self._safe) < _MOST_REMEMBERED:
                self._safe[place] = safe
        return safe

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator of a template, unless its result would exhaust memory."""
        metering.judge_operator(operator, left, right)
        return super().call_binop(context, operator, left, right)

    @pass_context
    def metered_call(self, context: Context, callee: Any, *args: Any, **kwargs: Any) -> Any:
        """Perform a call in a template of a ledger."""
        return metering.call(self, context, callee, *args, **kwargs)

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Apply a filter on behalf of another one, such as `map`."""
        return super().call_filter(metering.metered_name(name, self.filters), *args, **kwargs)

    def call_test(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Apply a test on behalf of a filter, such as `select`."""
        return super().call_test(metering.metered_name(name, self.tests), *args, **kwargs)

    def _load_template(self, name: str, globals: Any) -> Template:  # noqa: A002 - as Jinja calls it
        metering.spend(_LOADING)
        return super()._load_template(name, globals)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        try:
            tree = super()._parse(source, name, filename)
            if filename is None or not Path(filename).is_relative_to(self.roots[-1]):
                metering.Meterer(self).rewrite(tree)
        except (RecursionError, metering.TooDeep) as error:
            raise TemplateSyntaxError(_TOO_DEEP, getattr(error, "line", 1), name, filename) from error
        return tree

    def _compile(self, source: str, filename: str) -> CodeType:
        try:
            return super()._compile(source, filename)
        except (SyntaxError, RecursionError, MemoryError) as error:  # Python's own limits
            raise TemplateSyntaxError(_TOO_DEEP, 1, None, filename) from error

    def render_page(self, name: str, **values: object) -> str:
        """Render a template with these values. Raises LedgerFault if a template of the ledger fails."""
        try:
            return self.get_template(name).render(**values)
        except TEMPLATE_ERRORS as error:
            place = place_of(error, self) or (f"templates/{name}", 0)
            if not self.roots[:-1] or not (self.roots[0] / place[0].removeprefix("templates/")).is_file():
                raise  # an error in a template that ships with the program
            fix = "correct the template, or remove it to use the one that ships with the program"
            problem = Problem(place[0], "template-fault", f"the template fails: {reason_of(error)}", fix, place[1])
            raise LedgerFault([problem]) from error

    @cached_property
    def shipped(self) -> Templates:
        """The templates that ship with the program, whatever replaces them."""
        return Templates(self.roots[-1:])

    @cached_property
    def for_text(self) -> Templates:
        """The same for plain-text output: nothing is escaped, and the filters of `text_filters` are available."""
        own = self.overlay(autoescape=lambda name: name is not None and name.lower().endswith(MARKUP_ENDINGS))
        # An overlay shares its filters with the environment of the pages, so they are replaced, not modified.
        own.filters = {**self.filters, **text_filters.FILTERS}
        own.plain = True
        return own

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the names and bytes of all templates and assets."""
        total = hashlib.sha256()
        for name, path in self.files().items():
            total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return total.hexdigest()


def make_environment(overrides: Path | None = None) -> Templates:
    """The environment for pages, PDFs, mails and journals; `overrides` is the ledger's `templates/` folder, if any.

    Filters: money, signed_money, exact, rounded, percent, signed_percent, plain_number, date_human, days_human,
    date_iso, period_human, period_short, breakable, unbroken, size_human, flag_title, link, where.
    `money` takes the currency from the template variable `currency` unless it is given; `link` starts from the variable
    `page` (a `shell.Head`), so macros must be imported `with context`.
    """
    roots: tuple[Path, ...] = (shipped_templates(),)
    if overrides is not None and overrides.is_dir():
        roots = (overrides, *roots)
    return Templates(roots)


def place_of(error: BaseException, env: Templates) -> tuple[str, int] | None:
    """File and line in the ledger: of a syntax error, else of the innermost template in the traceback."""
    files = {str(path): f"templates/{name}" for name, path in env.files().items()}
    if isinstance(error, TemplateSyntaxError):
        path = files.get(error.filename or "", f"templates/{error.name}" if error.name else "")
        return (path, error.lineno) if path else None
    found, trace = None, error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name in files:
            found = (files[name], trace.tb_lineno)
        trace = trace.tb_next
    return found


def missing_template(error: BaseException) -> str | None:
    """The name of a missing template, if that is the error; else None."""
    return str(error.name) if isinstance(error, TemplateNotFound) else None


def reason_of(error: BaseException) -> str:
    """What went wrong in a template, in one line without a period."""
    text = error.message if isinstance(error, TemplateSyntaxError) else str(error)
    return clean(text or type(error).__name__).rstrip(".")


_compiled: dict[tuple[bool, str, str], CodeType] = {}
"""What Jinja made of shipped templates, which takes longer than a small ledger's pages: once for all environments."""


class _ShippedLoader(FileSystemLoader):
    """Loads the templates that ship with the program."""

    def load(self, environment: Environment, name: str, globals: Any = None) -> Template:  # noqa: A002 - as Jinja
        source, filename, _ = self.get_source(environment, name)
        plain = isinstance(environment, Templates) and environment.plain
        key = plain, filename, source
        if key not in _compiled:
            _compiled[key] = _code(environment, name, filename, source, "text" if plain else "page")
        return environment.template_class.from_code(environment, _compiled[key], globals or {})


def _code(environment: Environment, name: str, filename: str, source: str, kind: str) -> CodeType:
    """What Jinja makes of a template, kept where Python keeps what it makes of this module, under the same terms."""
    kept = FileSystemBytecodeCache(str(Path(cache_from_source(__file__)).parent), f"{kind}-%s-{_maker()}.jinja")
    bucket = kept.get_bucket(environment, name, filename, source)
    if bucket.code is None:
        bucket.code = environment.compile(source, name, filename)
        # The program's folder may be read-only, or its disk full.
        with suppress(OSError):
            if not sys.dont_write_bytecode:
                kept.set_bucket(bucket)
    return bucket.code


@cache
def _maker() -> str:
    """Names what decides what is made of a template: Jinja's compiler, and the settings in this file."""
    files = (Path(compiler.__file__), Path(__file__))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


class _GatedLoader(FileSystemLoader):
    """Skips templates that a ledger must not read; `read_ledger` reports why."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        root = Path(self.searchpath[0])
        if Gate(root.parent).fault(f"{root.name}/{template}"):
            raise TemplateNotFound(template)
        return super().get_source(environment, template)
