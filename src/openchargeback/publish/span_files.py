"""The PDF of a statement over a span: planned, and written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from openchargeback import __version__
from openchargeback.billing.span_statements import SpanStatement
from openchargeback.files.writing import outside, write_file
from openchargeback.model import Provenance
from openchargeback.portal.span_documents import span_plans, span_print
from openchargeback.portal.statements import PdfPlan
from openchargeback.publish.books import AllBooks, open_cache
from openchargeback.publish.build import make_site
from openchargeback.publish.keys import environment, key_of
from openchargeback.publish.pdf_run import kept_or_rendered
from openchargeback.publish.secrets import secrets_of
from openchargeback.templating.environment import make_environment


def span_document(books: AllBooks, statement: SpanStatement) -> PdfPlan:
    """The planned PDF of a statement over a span, with today's letterhead, settings and directory."""
    env = make_environment(books.ledger.root / "templates")
    site = make_site(books, Provenance("", "", __version__), {})
    (plan,) = span_plans([statement], span_print(site, env, books.ledger.directory))
    return replace(plan, key=key_of(environment(books.ledger.root), plan.key))


def write_span(books: AllBooks, statement: SpanStatement, output: Path) -> Path:
    """Write the PDF of a statement over a span to a folder, all or nothing; returns its path."""
    root, plan = books.ledger.root, span_document(books, statement)
    secrets_of(root).refuse_in_statements([plan])
    path = output / PurePosixPath(plan.path).name
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise outside(output, fault) from fault
    for _, data in kept_or_rendered([plan], open_cache(root)):
        books.check_unchanged()
        write_file(path, data)
    return path
