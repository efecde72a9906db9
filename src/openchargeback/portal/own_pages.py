"""Check what the institution's pages link to: each other, images next to them, and hosts listed in the config.

Reading the portal must not reveal to another host that a statement was read, and a build must contain everything it
shows.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator
from urllib.parse import unquote, urlsplit

from markdown_it.token import Token

from openchargeback.model import Page
from openchargeback.portal import paths
from openchargeback.portal.markdown import parser
from openchargeback.problems import Problem
from openchargeback.templating.filters import relative

_FOLDER = "pages"
_WITHOUT_HOST = ("mailto", "tel")
_FIX = f"link to a page or an image in {_FOLDER}/, or add the host to `portal.links`"


def page_problems(pages: Collection[Page], images: Collection[str], hosts: Collection[str]) -> list[Problem]:
    """Links and images that the portal does not allow.

    images: paths in the ledger of the images beside the pages. hosts: allowed in links, not for images.
    """
    known = {*images, *(page_path(page) for page in pages)}
    problems = []
    for page in pages:
        for target, line, is_image in _targets(page.markdown):
            fault = _fault(page_path(page), target, known, () if is_image else hosts)
            if fault:
                what = "the image" if is_image else "the link"
                problems.append(Problem(page_path(page), "page-link", f"{what} {target[:100]} {fault}", _FIX, line))
    return problems


def page_path(page: Page) -> str:
    """The path of a page in the ledger."""
    return f"{_FOLDER}/{page.name}.md"


def href(name: str, target: str) -> str:
    """The link from the page of that name to a target in the ledger, as written in the portal."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or not parts.path:
        return target
    path = _resolved(f"{_FOLDER}/{name}.md", parts.path)
    if path.endswith(".md"):
        other = paths.own_page(path.removeprefix(f"{_FOLDER}/").removesuffix(".md"))
        return relative(paths.own_page(name), other) + (f"#{parts.fragment}" if parts.fragment else "")
    return target


def _resolved(page: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(path)))


def _fault(page: str, target: str, known: Collection[str], hosts: Collection[str]) -> str:
    """What is wrong with a target; empty if nothing."""
    try:
        parts = urlsplit(target)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "is not a valid URL"
    if parts.scheme or parts.netloc:
        if parts.scheme in _WITHOUT_HOST or (parts.scheme in ("http", "https") and host and host in hosts):
            return ""
        return f"points to another host, {host}" if host else "points outside the portal"
    if not parts.path:
        return "" if parts.fragment else "is empty"
    path = _resolved(page, parts.path)
    if not path.startswith(f"{_FOLDER}/"):
        return f"points outside {_FOLDER}/"
    return "" if path in known else "does not point to a page or a PNG, JPEG, GIF or WebP image"


def _targets(text: str) -> Iterator[tuple[str, int, bool]]:
    """Every target in a page with its line, and whether it is an image."""
    for block in parser().parse(text):
        line = block.map[0] + 1 if block.map else 1
        for token in _flat(block.children or ()):
            if token.type in ("softbreak", "hardbreak"):
                line += 1
            elif token.type == "link_open":
                yield str(token.attrGet("href") or ""), line, False
            elif token.type == "image":
                yield str(token.attrGet("src") or ""), line, True


def _flat(tokens: Collection[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        if token.type != "image":
            yield from _flat(token.children or ())
