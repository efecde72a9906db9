"""Reading a PDF that somebody hands in: its visible text, what is drawn on its pages, and what is embedded in it.

Such a file may be damaged or made to do harm, so it is read in a process of its own with little memory and little time.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from openchargeback.problems import OutsideFault, UsageFault

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

MAX_BYTES = 64 * 1024 * 1024
MAX_PAGES = 2000
_SECONDS = 60
_MEMORY = 2 * 1024**3

_PAINTING = frozenset((b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*", b"s", b"S", b"sh", b"BI", b"INLINE IMAGE"))
_INVISIBLE = frozenset((3, 7))
"""Text rendering modes that show nothing (ISO 32000-1, table 106)."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a page shows beside its text: how many strokes, fills, images, annotations of each kind; invisible text.

    frame: what part of the page is shown, in whole points and turned how: the rest may hide what the text says.
    """

    painted: int = 0
    images: int = 0
    annotations: dict[str, int] = field(default_factory=dict)
    invisible: int = 0
    frame: str = ""


@dataclass(frozen=True, slots=True)
class PdfContent:
    """A PDF as it was read.

    pages: the visible text of each page, as words in their order. files: every embedded file, names may repeat.
    producer: the library that says it wrote the file. updates: how often something was appended after its end.
    extras: what a statement never has: forms, scripts, actions, layers.
    """

    pages: tuple[tuple[str, ...], ...]
    drawings: tuple[Drawing, ...]
    files: tuple[tuple[str, bytes], ...]
    producer: str
    updates: int
    extras: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of all pages."""
        return tuple(word for page in self.pages for word in page)

    def embedded(self, name: str) -> list[bytes]:
        """The embedded files of that name."""
        return [content for known, content in self.files if known == name]


def read_pdf(data: bytes, name: str) -> PdfContent:
    """The content of a PDF. name: how messages call it.

    Raises UsageFault for what is no PDF that can be read, OutsideFault where the library for it is missing.
    """
    if len(data) > MAX_BYTES:
        raise UsageFault(f"{name} is larger than {MAX_BYTES // 1024**2} MiB, so it is no statement")
    # Readers look for the header within the first kilobyte (ISO 32000-1, annex H, note 13).
    if b"%PDF-" not in data[:1024]:
        raise UsageFault(f"{name} is no PDF")
    _need_pypdf()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_in_child, args=(theirs, data), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(_SECONDS):
            raise UsageFault(f"{name} could not be read within {_SECONDS} seconds")
        answer = ours.recv()
    except EOFError as fault:
        raise UsageFault(f"{name} could not be read: it is damaged, or takes more than {_SECONDS} seconds") from fault
    finally:
        ours.close()
        child.kill()
        child.join()
    if isinstance(answer, str):
        raise UsageFault(f"{name} {answer}")
    return PdfContent(*answer)


def _need_pypdf() -> None:
    try:
        import pypdf  # noqa: F401 - only whether it is there; the child uses it
    except ImportError as fault:
        raise OutsideFault(f"reading PDFs needs pypdf: pip install pypdf ({fault})") from fault


def _in_child(answer: Connection, data: bytes) -> None:
    """Send the fields of a PdfContent, or why there are none as the end of a sentence."""
    from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

    _limit()
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    try:
        answer.send(_content(data))
    except (DependencyError, FileNotDecryptedError, WrongPasswordError):
        # Newer encryption needs a library that is not asked for here; either way it is encrypted.
        answer.send("is encrypted, as no statement is: save it without a password")
    except (RecursionError, MemoryError):
        answer.send("could not be read: it is nested too deeply or unpacks to too much")
    except Exception as fault:  # noqa: BLE001 - a damaged file may raise anything in the library
        answer.send(f"is a damaged PDF: {' '.join(str(fault).split())[:200] or type(fault).__name__}")
    finally:
        answer.close()


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows, where the time limit alone holds
        return
    for kind, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


def _content(data: bytes) -> tuple[Any, ...] | str:
    import io

    from pypdf import PdfReader
    from pypdf.errors import WrongPasswordError

    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted:
        raise WrongPasswordError
    count = len(reader.pages)
    if not 0 < count <= MAX_PAGES:
        return f"has {count:,} pages, so it is no statement"
    pages = tuple(tuple(page.extract_text().split()) for page in reader.pages)
    drawings = tuple(_drawing(page, reader) for page in reader.pages)
    files = tuple((name, content) for name, contents in reader.attachments.items() for content in contents)
    producer = str(reader.metadata.get("/Producer", "")) if reader.metadata else ""
    updates = max(len(re.findall(rb"%%EOF", data)) - 1, 0)
    return pages, drawings, files, producer, updates, tuple(_extras(reader))


def _drawing(page: PageObject, reader: PdfReader) -> Drawing:
    seen: Counter[str] = Counter()
    _count_operators(page.get_contents(), page.get("/Resources"), reader, seen, 0)
    kinds: Counter[str] = Counter()
    for annotation in page.get("/Annots") or ():
        kinds[str(annotation.get_object().get("/Subtype", "?")).lstrip("/")] += 1
    return Drawing(seen["painted"], seen["images"], dict(sorted(kinds.items())), seen["invisible"], _frame(page))


def _frame(page: PageObject) -> str:
    """The part of a page that viewers show (ISO 32000-1, 14.11.2), how it is turned and enlarged."""
    sides = [round(float(side)) for box in (page.mediabox, page.cropbox) for side in box]
    shown = " ".join(map(str, sides[:4] if sides[:4] == sides[4:] else sides))
    turned = int(page.get("/Rotate") or 0) % 360
    unit = float(page.get("/UserUnit") or 1)
    return shown + (f", turned by {turned}" if turned else "") + (f", enlarged by {unit:g}" if unit != 1 else "")


def _count_operators(content: Any, resources: Any, reader: PdfReader, seen: Counter[str], depth: int) -> None:
    from pypdf.generic import ContentStream

    if content is None or depth > 20:
        return
    objects = _dictionary(_dictionary(resources).get("/XObject"))
    for operands, operator in ContentStream(content, reader).operations:
        if operator in _PAINTING:
            seen["painted"] += 1
        if operator == b"Tr" and operands and int(operands[0]) in _INVISIBLE:
            seen["invisible"] += 1
        if operator == b"Do" and operands:
            drawn = _dictionary(objects.get(operands[0]))
            if drawn.get("/Subtype") == "/Form":
                _count_operators(drawn, drawn.get("/Resources") or resources, reader, seen, depth + 1)
            else:
                seen["images"] += 1


def _dictionary(value: Any) -> Any:
    found = value.get_object() if value is not None else None
    return found if hasattr(found, "get") else {}


def _extras(reader: PdfReader) -> Iterator[str]:
    catalog = _dictionary(reader.trailer["/Root"])
    names = _dictionary(catalog.get("/Names"))
    for key, what in (("/AcroForm", "a form"), ("/OCProperties", "layers"), ("/AA", "actions")):
        if key in catalog:
            yield what
    if "/JavaScript" in names:
        yield "scripts"
    if _dictionary(catalog.get("/OpenAction")).get("/S") == "/JavaScript":
        yield "scripts"
