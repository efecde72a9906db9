"""Whether a PDF conforms to PDF/A-3a or PDF/UA-1."""

from __future__ import annotations

import re
from pathlib import Path

from page import validate_pdf


def faults(path: Path, profile: str) -> list[str]:
    """What page-validation finds against a profile, `3a` or `ua1`, without what it misreads."""
    report = str(validate_pdf(str(path), profile=profile))
    findings = re.findall(r"^\[.*", report, re.MULTILINE)
    counted = re.search(r"^Rules: .* (\d+) failed", report, re.MULTILINE)
    assert counted, report
    assert len(findings) == int(counted[1]), report
    content = path.read_bytes()
    return [line for line in findings if not _misread_length(line, content)]


def _misread_length(finding: str, content: bytes) -> bool:
    """Whether a stream's data ends in a carriage return, which page-validation 0.11 takes for part of the line end.

    The length is right if `endstream` follows on the next line (ISO 32000-1, 7.3.8.1).
    """
    if "STREAM-LENGTH" not in finding:
        return False
    start = content.index(b"\n%d 0 obj" % int(re.search(r"\(object (\d+) 0\)", finding)[1]))
    data = content.index(b"stream\n", start) + len(b"stream\n")
    end = data + int(re.search(rb"/Length (\d+)", content[start:data])[1])
    return content[end - 1 : end + 10] == b"\r\nendstream"
