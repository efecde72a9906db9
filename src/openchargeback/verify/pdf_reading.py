"""Read a submitted PDF: its text, its embedded files, and where its objects differ from those of another PDF.

The file may be damaged or malicious, so it is read in a separate process with limited memory and time.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import re
import resource
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from openchargeback.problems import OutsideFault, UsageFault

if TYPE_CHECKING:
    from pypdf import PdfReader

MAX_BYTES = 64 * 1024 * 1024
MAX_PAGES = 2000
_MAX_VALUES = 1_000_000
_SECONDS = 60
_MEMORY = 2 * 1024**3

# How bytes are packed (ISO 32000-1, 7.4), which may change when a program saves the file again. All other filters
# define the meaning of the bytes, and count.
_PACKING = frozenset((
    *("/FlateDecode", "/Fl", "/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"),
    *("/ASCIIHexDecode", "/AHx", "/ASCII85Decode", "/A85"),
))  # fmt: skip
_OF_PACKING = frozenset(("/Length", "/Filter", "/DecodeParms", "/DL"))

_ROOTS = ("/Root", "/Info")
DATA = " (data)"
"""Suffix of a stream's path that means its bytes, not its dictionary."""
AMBIGUOUS = "/"
"""The path of a whole file that programs may read in different ways."""
_OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})[\0\t\n\f\r ]+[0-9]{1,5}[\0\t\n\f\r ]+obj(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class PdfContent:
    """The content of a PDF.

    pages: the visible words of each page in order. files: every embedded file; names may repeat.
    creator, title: from the file's metadata. updates: how often something was appended after its end.
    """

    pages: tuple[tuple[str, ...], ...]
    files: tuple[tuple[str, bytes], ...]
    creator: str
    title: str
    updates: int

    def embedded(self, name: str) -> list[bytes]:
        """The embedded files with that name."""
        return [content for known, content in self.files if known == name]


def read_pdf(data: bytes, name: str) -> PdfContent:
    """The content of a PDF. name: used in messages.

    Raises UsageFault if the data is not a readable PDF, OutsideFault if the library is missing.
    """
    if len(data) > MAX_BYTES:
        raise UsageFault(f"{name} is not a statement: it is larger than {MAX_BYTES // 1024**2} MiB")
    # Readers search for the header within the first kilobyte (ISO 32000-1, annex H, note 13).
    if b"%PDF-" not in data[:1024]:
        raise UsageFault(f"{name} is not a PDF")
    return PdfContent(*_apart(_content, name, data))


def differing_values(found: bytes, expected: bytes, name: str) -> list[str]:
    """The paths, such as `/Root/Pages/Kids/0/Rotate`, where two PDFs differ; with DATA for a stream's bytes.

    Compares every object reachable from the trailers, streams by their unpacked content. Files without a difference
    show and contain the same, however they are numbered and packed. Only the top of a differing part is named; a file
    that programs may read in different ways differs as a whole (AMBIGUOUS). Raises as `read_pdf` does.
    """
    if _is_ambiguous(found):
        return [AMBIGUOUS]
    return list(_apart(_differing, name, found, expected))


def _is_ambiguous(data: bytes) -> bool:
    """Whether two programs may find different documents in a file, so that a comparison by one proves nothing.

    Some programs count offsets from the first byte and others from the header, so the header must be first
    (ISO 32000-1, 7.5.2 and annex H). An object that is defined twice, or in both tables of a hybrid file, depends on
    which one a program looks up. Data after the end makes some programs search for another.
    """
    numbers = [int(found[1]) for found in _OBJECT.finditer(data)]
    _, end, rest = data.rpartition(b"%%EOF")
    return (
        not data.startswith(b"%PDF-")
        or len(numbers) != len(set(numbers))
        or b"/XRefStm" in data
        or not end
        or bool(rest.strip(b"\0\t\n\f\r "))
    )


def _apart(work: Callable[..., Any], name: str, *data: bytes) -> Any:
    """The result of work on these files, run in a separate process."""
    _need_pypdf()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_in_child, args=(theirs, work, data), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(_SECONDS):
            raise UsageFault(f"{name} could not be read within {_SECONDS} seconds")
        answer = ours.recv()
    except EOFError as fault:
        raise UsageFault(
            f"{name} could not be read: it is damaged, or takes over {_SECONDS} seconds to read"
        ) from fault
    finally:
        ours.close()
        child.kill()
        child.join()
    if isinstance(answer, str):
        raise UsageFault(f"{name} {answer}")
    return answer


def _need_pypdf() -> None:
    try:
        import pypdf  # noqa: F401 - only whether it is there; the child uses it
    except ImportError as fault:
        raise OutsideFault(f"reading PDFs needs pypdf: pip install pypdf ({fault})") from fault


def _in_child(answer: Connection, work: Callable[..., Any], data: tuple[bytes, ...]) -> None:
    """Send the result of work or, as the end of a sentence, why it failed."""
    from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

    _limit()
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    try:
        answer.send(work(*data))
    except (DependencyError, FileNotDecryptedError, WrongPasswordError):
        # Newer encryption needs a library that is not required here; the file is encrypted either way.
        answer.send("is encrypted, which statements never are: save it without a password")
    except (RecursionError, MemoryError):
        answer.send("could not be read: it is nested too deeply or too large when unpacked")
    except Exception as fault:  # noqa: BLE001 - a damaged file may raise anything in the library
        answer.send(f"is a damaged PDF: {' '.join(str(fault).split())[:200] or type(fault).__name__}")
    finally:
        answer.close()


def _limit() -> None:
    for kind, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


def _reader(data: bytes, *, strict: bool = False) -> PdfReader:
    import io

    from pypdf import PdfReader
    from pypdf.errors import WrongPasswordError

    reader = PdfReader(io.BytesIO(data), strict=strict)
    if reader.is_encrypted:
        raise WrongPasswordError
    return reader


def _content(data: bytes) -> tuple[Any, ...] | str:
    """The fields of a PdfContent."""
    reader = _reader(data)
    count = len(reader.pages)
    if not 0 < count <= MAX_PAGES:
        return f"is not a statement: it has {count:,} pages"
    pages = tuple(tuple(page.extract_text().split()) for page in reader.pages)
    files = tuple((name, content) for name, contents in reader.attachments.items() for content in contents)
    known: Any = reader.metadata or {}
    updates = max(len(re.findall(rb"%%EOF", data)) - 1, 0)
    return pages, files, str(known.get("/Creator", "")), str(known.get("/Title", "")), updates


def _differing(found: bytes, expected: bytes) -> list[str]:
    """Walk both files side by side from their trailers, each pair of objects once."""
    from pypdf.errors import PyPdfError

    try:
        one, other = (_reader(data, strict=True).trailer for data in (found, expected))
    except PyPdfError:
        # Each program repairs a damaged table in its own way.
        return [AMBIGUOUS]
    waiting: deque[tuple[str, Any, Any]] = deque((name, _entry(one, name), _entry(other, name)) for name in _ROOTS)
    seen: set[tuple[int, ...]] = set()
    paths: list[str] = []
    for _ in range(_MAX_VALUES):
        if not waiting:
            return paths
        path, theirs, ours = waiting.popleft()
        pair = (*_number(theirs), *_number(ours))
        if len(pair) == 4:
            if pair in seen:
                continue
            seen.add(pair)
        differs, parts = _beside(_resolved(theirs), _resolved(ours))
        paths += [path + ending for ending in differs]
        waiting.extend((path + name, *both) for name, *both in parts)
    raise MemoryError


def _beside(theirs: Any, ours: Any) -> tuple[list[str], list[tuple[str, Any, Any]]]:
    """Where two values themselves differ, as suffixes of their path, and their parts side by side, by name."""
    from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

    if _kind(theirs) is not _kind(ours):
        return [""], []
    if isinstance(theirs, ArrayObject):
        parts = [(f"/{place}", *both) for place, both in enumerate(zip(theirs, ours, strict=False))]
        return ([""] if len(theirs) != len(ours) else []), parts
    if not isinstance(theirs, DictionaryObject):
        return ([""] if theirs != ours else []), []
    keys = {*theirs, *ours}
    differs = []
    if isinstance(theirs, StreamObject):
        keys -= _OF_PACKING
        differs = [DATA] if _unpacked(theirs) != _unpacked(ours) else []
    return differs, [(key, _entry(theirs, key), _entry(ours, key)) for key in sorted(keys)]


def _entry(dictionary: Any, key: str) -> Any:
    """The raw value of a key, which may be a reference; None if the key is absent."""
    return dictionary.raw_get(key) if key in dictionary else None


def _number(value: Any) -> tuple[int, ...]:
    """The object number of a reference; empty for any other value."""
    from pypdf.generic import IndirectObject

    return (value.idnum, value.generation) if isinstance(value, IndirectObject) else ()


def _resolved(value: Any) -> Any:
    return value.get_object() if _number(value) else value


def _kind(value: Any) -> type:
    """The class of a value; packed and unpacked streams count as one class."""
    from pypdf.generic import StreamObject

    return StreamObject if isinstance(value, StreamObject) else type(value)


def _unpacked(stream: Any) -> tuple[bytes, list[str]]:
    """The unpacked content of a stream, and the filters that define the meaning of its bytes."""
    filters = stream.get("/Filter")
    names = [str(each) for each in (filters if isinstance(filters, list) else [filters]) if each is not None]
    return stream.get_data(), [name for name in names if name not in _PACKING]
