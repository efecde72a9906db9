"""Hooks for the website that `make site` builds (mkdocs.yml): pages from outside docs/, links to files, no other hosts.

Documents link to each other and to files by their paths in the repository, so that the links work on every Git host.
Here, links between documents become links between pages; a link to another file points to the repository if
`source_url` names it, else it becomes plain text. A broken link is left, so that MkDocs stops with an error.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "README.md": "index.md",
    "SECURITY.md": "VULNERABILITIES.md",
}
"""Documents outside docs/ → their pages."""

# Code, fenced or between backticks, has no links.
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"(?P<code>(?P<ticks>`+)(?:(?!\n\n).)+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<image>!?)\[(?P<text>(?:`[^`]*`|[^\[\]])*)\]\((?P<target>[^)\s]+)\)",
    re.DOTALL,
)
_LOADED = re.compile(
    r"<(?:script|img|iframe|link(?![^>]*\brel=\"?canonical))\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^>]*>"
)
_STYLE = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^\s)]*")


def on_config(config: MkDocsConfig) -> None:
    """Give headings the same anchors as on Git hosts."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = anchor


def anchor(heading: str, separator: str) -> str:
    """The anchor of a heading, as on GitHub."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", separator)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents from outside docs/."""
    for name, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The text with its links as the site needs them."""
    here = page.file.src_uri
    pages = {document(file.src_uri): file.src_uri for file in files if file.inclusion.is_included()}
    source = config.extra["source_url"]
    parts = _FENCED.split(markdown)
    parts[::2] = [_LINK.sub(lambda link: linked(link, here, pages, source), part) for part in parts[::2]]
    return "".join(parts)


def linked(link: re.Match[str], here: str, pages: dict[str, str], source: str) -> str:
    """A link on the page `here`, pointed to a page or to a file in the repository at `source`, or made plain text."""
    if link["code"]:
        return link["code"].replace("\\|", "|")  # escaped for tables on Git hosts; here the backslash would show
    if link["target"].startswith("#") or re.match(r"[a-z]+:", link["target"]):
        return link[0]
    target, mark, fragment = link["target"].partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(document(here)), target))
    if path in pages:
        place = posixpath.relpath(pages[path], posixpath.dirname(here) or ".") + mark + fragment
    elif not (ROOT / path).exists():
        return link[0]
    elif source:
        place = f"{source.rstrip('/')}/{path}{mark}{fragment}"
    else:
        return link["text"]
    return f"{link['image']}[{link['text']}]({place})"


def document(page: str) -> str:
    """The path in the repository of a page's document."""
    outside = {there: name for name, there in OUTSIDE.items()}
    return outside.get(page, f"docs/{page}")


def on_post_build(config: MkDocsConfig) -> None:
    """Fail if a page or a style would load something from another host."""
    for kind, pattern in (("*.html", _LOADED), ("*.css", _STYLE)):
        for path in sorted(Path(config.site_dir).rglob(kind)):
            if found := pattern.search(path.read_text(encoding="utf-8")):
                raise PluginError(f"{path.name} loads from another host: {found[0]}")
