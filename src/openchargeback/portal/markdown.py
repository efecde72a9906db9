"""Render the institution's own pages: Markdown with tables, without HTML, with safe links only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup


def parser() -> MarkdownIt:
    """A CommonMark parser with tables and strikethrough. HTML is shown as text, and so are unsafe links."""
    # A fresh parser each time: it is cheap, and no state is carried from page to page.
    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    return made.enable(["table", "strikethrough"])


def to_html(text: str, href: Callable[[str], str] = str) -> Markup:
    """Markdown as HTML: HTML in the text is shown, not run; `javascript:` and `data:` links stay plain text.

    href: maps a link as written to the one on the page.
    """
    reader = parser()
    tokens = reader.parse(text)
    _point(tokens, href)
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704  # html is off: it escapes


def _point(tokens: Sequence[Token], href: Callable[[str], str]) -> None:
    for token in tokens:
        align = str(token.attrs.pop("style", ""))
        if align:
            # Alignment of a table cell; the content security policy allows no style attributes.
            token.attrSet("class", align.removeprefix("text-align:"))
        if token.type == "link_open":
            token.attrSet("href", href(str(token.attrGet("href") or "")))
        _point(token.children or (), href)


def split_title(text: str, title: str) -> tuple[str, str]:
    """The page's title and the text without it: a first-level heading at the very top is the title."""
    head, _, rest = text.lstrip("\ufeff\n").partition("\n")
    if head.startswith("# "):
        return title or head[2:].strip(), rest
    return title, text
