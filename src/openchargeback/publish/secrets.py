"""The final check of an output before it is published: no file may contain a secret of this machine.

Secrets are the passwords, tokens and hashes in `config.local.yaml` and the credentials in URLs of Git remotes, if they
have at least eight characters. Each is searched for verbatim and in the forms that text takes in outputs: escaped for
JSON, HTML, URLs, CSV and PDF, in Base64, and as UTF-16. Compressed data is searched decompressed, also in the scripts
of the charge browser, and pages also without their tags.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from openchargeback.addresses import credentials_in
from openchargeback.files import git
from openchargeback.ledger.config import LOCAL_FILE_NAME
from openchargeback.ledger.files import read_bytes
from openchargeback.ledger.yaml_tree import Mapping, Node, Scalar, parse
from openchargeback.ledger.yaml_tree import Sequence as List
from openchargeback.problems import LedgerFault, Problem
from openchargeback.publish.manifest import files_below

if TYPE_CHECKING:
    from openchargeback.portal.statements import PdfPlan

SHORTEST = 8
"""The minimum length of a secret to search for: a shorter one would be found in any output."""

_BLOCK = 1 << 20
_SECRET_KEY = re.compile(r"pass|token|secret|hash|key|salt|cookie|credential", re.IGNORECASE)
_HASH = re.compile(r"\$[0-9a-z-]+\$.+|\{[A-Z0-9-]+\}.+|[0-9a-fA-F]{32,}")
_TAG = re.compile(rb"<[^<>]*>")
_PDF_STREAM = re.compile(rb"stream\r?\n")
_PACKED_TEXT = re.compile(rb'"(H4sI[A-Za-z0-9+/]+=*)"')  # how gzip data starts in Base64


class Secrets:
    """The texts that no output may contain. False if there are none, so that nothing needs to be searched."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        self._needles: dict[bytes, str] = {}
        for name, value in named:
            if len(value) >= SHORTEST:
                self._needles |= dict.fromkeys(_forms(value), name)
        self._longest = max(map(len, self._needles), default=0)

    def __bool__(self) -> bool:
        return bool(self._needles)

    @property
    def digest(self) -> str:
        """SHA-256 over the texts: equal for equal secrets."""
        return hashlib.sha256(b"\0".join(sorted(self._needles))).hexdigest()

    def found_in(self, path: str, data: bytes) -> list[Problem]:
        """A problem for each secret in a file of an output, with the secret's name, never its text."""
        if not self:
            return []
        names: set[str] = set()
        for pieces in _contents(data):
            kept = b""
            for piece in pieces:
                block = kept + piece
                names.update(name for needle, name in self._needles.items() if needle in block)
                kept = block[1 - self._longest :]
        fix = "remove it from its source (page, note, template, charge), or change the secret"
        return [Problem(path, "secret-published", f"contains the secret {name}", fix) for name in sorted(names)]

    def refuse_in(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Raise LedgerFault with every secret in these files. Does not read them if there are no secrets."""
        found = [problem for path, data in (files if self else ()) for problem in self.found_in(path, data)]
        if found:
            raise LedgerFault(found)

    def check(self, folder: Path) -> None:
        """Raise LedgerFault with every secret in the files of a folder."""
        self.refuse_in((path, (folder / path).read_bytes()) for path, _ in files_below(folder))

    def refuse_in_statements(self, plans: Iterable[PdfPlan]) -> None:
        """The same for the text of PDFs, checked before rendering since a PDF stores text as glyph numbers."""
        self.refuse_in((plan.path, plan.job().html.encode()) for plan in plans)


def secrets_of(root: Path) -> Secrets:
    """The secrets that this machine has for a ledger. Raises LedgerFault if `config.local.yaml` cannot be read."""
    named = [("in the address of a Git remote", each) for each in credentials_in(git.remote_addresses(root))]
    problems: list[Problem] = []
    data = read_bytes(root, LOCAL_FILE_NAME, problems)
    tree, reader = parse(data, LOCAL_FILE_NAME) if data else (None, None)
    if problems or (reader and reader.problems):
        what = "cannot be read, so outputs cannot be checked for its secrets"
        fix = "run `focus-billing validate` to find the fault"
        raise LedgerFault([Problem(LOCAL_FILE_NAME, "secret-published", what, fix)])
    if isinstance(tree, Mapping):
        named += _of_settings(tree, ())
    return Secrets(named)


def _of_settings(node: Node, keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match node:
        case Mapping():
            for key, value in node.items:
                yield from _of_settings(value, (*keys, key.text))
        case List():
            for item in node.items:
                yield from _of_settings(item, keys)
        case Scalar():
            # A command is not a secret: it prints one.
            named = any(_SECRET_KEY.search(key) and not key.endswith("_command") for key in keys)
            if named or _HASH.fullmatch(node.text):
                yield f"{'.'.join(keys)} of {LOCAL_FILE_NAME}", node.text.strip()


def _forms(value: str) -> set[bytes]:
    """The forms in which a text may occur in a file."""
    plain = json.dumps(value, ensure_ascii=False)[1:-1]
    ascii_only = json.dumps(value)[1:-1]
    texts = {value, plain, ascii_only, value.replace('"', '""'), quote(value), quote(value, safe=""), quote_plus(value)}
    for json_text in (plain, ascii_only):  # as Jinja writes JSON into HTML
        for sign in "<>&'":
            json_text = json_text.replace(sign, f"\\u{ord(sign):04x}")  # noqa: PLW2901 - one sign after the other
        texts.add(json_text)
    for text in (value, plain, ascii_only):
        escaped = html.escape(text, quote=False)
        texts |= {escaped, html.escape(text), escaped.replace('"', "&#34;").replace("'", "&#39;")}
        texts.add(escaped.replace('"', "&quot;").replace("'", "&#39;"))
    texts.add(re.sub(r"([()\\])", r"\\\1", value))  # a string of a PDF
    forms = {text.encode("utf-8", "surrogatepass") for text in texts}
    for data in (value.encode("utf-8", "surrogatepass"), value.encode("utf-16-be", "surrogatepass")):
        forms |= {data, data.hex().encode(), data.hex().upper().encode(), *_base64(data)}
    return {*forms, value.encode("utf-16-le", "surrogatepass")}


def _base64(data: bytes) -> Iterator[bytes]:
    """The Base64 form of bytes in the middle of others: the part that does not depend on those."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data)
        start, end = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        yield text[start:end]
        yield text[start:end].translate(bytes.maketrans(b"+/", b"-_"))


def _contents(data: bytes) -> Iterator[Iterable[bytes]]:
    """A file's bytes, and those of everything compressed in it, each in chunks."""
    yield (data,)
    if b"<html" in data[:_BLOCK]:
        # Markdown may format part of a password.
        yield (html.unescape(_TAG.sub(b"", data).decode("utf-8", "replace")).encode(),)
    elif data.startswith(b"\x1f\x8b"):
        yield _inflated(data, 31)
    elif data.startswith(b"%PDF"):
        for start in _PDF_STREAM.finditer(data):
            yield _inflated(data[start.end() : data.find(b"endstream", start.end())], 15)
    elif data.startswith(b"charges."):
        for packed in _PACKED_TEXT.finditer(data):
            yield _inflated(base64.b64decode(packed[1]), 31)


def _inflated(data: bytes, window: int) -> Iterator[bytes]:
    """The content of a zlib or gzip stream, in chunks; empty if it is not one."""
    try:
        while data:
            unpacker = zlib.decompressobj(window)
            while not unpacker.eof:
                piece = unpacker.decompress(data, _BLOCK)
                data = unpacker.unconsumed_tail
                if not piece and not data:
                    break
                yield piece
            data = unpacker.unused_data
    except zlib.error:
        return
