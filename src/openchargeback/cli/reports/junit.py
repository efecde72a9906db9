"""A JUnit report: a test suite per file of the ledger, a test case per paragraph of problems in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from xml.etree import ElementTree as ET

from openchargeback.cli.reports import place_below
from openchargeback.explanations import explain
from openchargeback.problems import Severity
from openchargeback.publish.paragraphs import LISTED, Paragraph

WHOLE = "ledger"
"""The suite for problems that belong to no file."""

# XML 1.0, production 2: a document must not contain other characters, escaped or not.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(found: Sequence[Paragraph], files: Collection[str], *, strict: bool, prefix: str = "") -> str:
    """The report as XML. files: all files read, so that one without problems shows as passed.

    Warnings pass, with their text as output, unless strict. prefix: from the repository to the ledger, with a trailing
    slash, or empty.
    """
    root = ET.Element("testsuites", name="focus-billing validate")
    failures = tests = 0
    for path in sorted({*files, *(each.head.path for each in found)}):
        own = [each for each in found if each.head.path == path]
        suite = _suite(prefix + path if path else WHOLE, own, prefix, strict=strict)
        failures += int(suite.get("failures", "0"))
        tests += len(suite)
        root.append(suite)
    root.set("tests", str(tests))
    root.set("failures", str(failures))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(name: str, found: Sequence[Paragraph], prefix: str, *, strict: bool) -> ET.Element:
    name = _safe(name)
    cases = [_case(name, each, prefix, strict=strict) for each in found]
    if not cases:
        cases = [ET.Element("testcase", classname=name, name="has no problems", time="0")]
    failures = sum(case.find("failure") is not None for case in cases)
    suite = ET.Element("testsuite", name=name, tests=str(len(cases)), failures=str(failures), errors="0", skipped="0")
    suite.extend(cases)
    return suite


def _case(name: str, paragraph: Paragraph, prefix: str, *, strict: bool) -> ET.Element:
    head = paragraph.head
    place = f" at {head.line}:{head.column}" if head.column else f" at line {head.line}" if head.line else ""
    # GitLab treats cases of the same class and name as one test, so the message distinguishes those without a line.
    title = f"{head.code}{place}" if place else f"{head.code}: {head.message}"
    case = ET.Element("testcase", classname=name, name=_safe(title), time="0")
    failed = head.severity is Severity.ERROR or (strict and head.severity is Severity.WARNING)
    text = _text(paragraph, prefix)
    if failed:
        failure = ET.SubElement(case, "failure", type=_safe(head.code), message=_safe(head.message))
        failure.text = text
    else:
        ET.SubElement(case, "system-out").text = text
    return case


def _text(paragraph: Paragraph, prefix: str) -> str:
    known = explain(paragraph.head.code)
    places = paragraph.places[:LISTED]
    lines = [f"{place_below(prefix, each)}: {each.severity}: {each.message}" for each in places]
    rest = paragraph.count - sum(each.count for each in places)
    more = paragraph.lines[1:LISTED] if len(places) == 1 else ()
    lines += [f"lines {', '.join(map(str, more))}"] if more else []
    lines += [f"and {rest:,} more"] if rest else []
    lines += [f"why: {known.matters}"] if known else []
    lines += [f"fix: {paragraph.head.fix}"] if paragraph.head.fix else []
    lines += [f"set by {paragraph.setting}"] if paragraph.setting else []
    return _safe("\n".join(lines))


def _safe(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
