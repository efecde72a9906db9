"""The words of a printed statement against what was to be printed: nothing may be lost on the way to paper."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

from pypdf import PdfReader

from openchargeback import money
from openchargeback.portal.pdf_pool import PdfJob

_UNSEEN = re.compile("[\\s\u00a0\u200b\u2060]+")


def packed(text: str) -> str:
    """A text without what separates words, since lines may break anywhere."""
    return _UNSEEN.sub("", text)


class _Texts(HTMLParser):
    """The texts of the body of a page, one for each stretch without markup."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.inside = False

    def handle_starttag(self, tag: str, _attrs: Any) -> None:
        self.inside = self.inside or tag == "body"

    def handle_data(self, data: str) -> None:
        if self.inside and packed(data):
            self.found[packed(data)] += 1


def pages_of(content: bytes) -> list[str]:
    """The text of each page of a PDF, packed."""
    return [packed(page.extract_text()) for page in PdfReader(io.BytesIO(content)).pages]


def lost(job: PdfJob, content: bytes) -> list[str]:
    """The texts of a job's HTML that its PDF has fewer times; empty if everything was printed."""
    texts = _Texts()
    texts.feed(job.html)
    whole = "".join(pages_of(content))
    return [text for text, times in texts.found.items() if whole.count(text) < times]


def unsaid(content: bytes) -> list[str]:
    """What the record inside a PDF says and its pages do not: who, which award, how much of what, who pays."""
    reader = PdfReader(io.BytesIO(content))
    record = json.loads(reader.attachments["statement.json"][0])
    first = packed(reader.pages[0].extract_text())
    words = [record["number"], record["pi"]["name"], record["project"]["title"], record["project"]["award"]]
    totals = [
        record[name] for name in ("total", "shown") if any(Decimal(record[name][key]) for key in ("list", "billed"))
    ]
    words += [_human(each["billed"], record) for each in totals or [record["total"]]]
    if len(record["funds"]) > 1:
        words += [word for fund in record["funds"] for word in (fund["fund"], _human(fund["billed"], record))]
    corrections = ("credit", "adjustment", "correction")
    services = {(each["source"], each["service"]) for each in record["resources"] if each["kind"] not in corrections}
    if len(services) <= 14:
        words += [service for _, service in services]
    return [word for word in words if packed(word) not in first]


def _human(amount: str, record: dict[str, Any]) -> str:
    return money.human(Decimal(amount), record["currency"])
