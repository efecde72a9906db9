"""The codes of the charge file checks that a source's settings may change, from `explanations.toml`."""

from __future__ import annotations

import re
from importlib import resources

LEVELS = ("error", "warning", "off")

# Every command needs these codes, and parsing all explanations takes 30 ms; a test checks that both agree.
_BY_SOURCE = re.compile(r'^\[[a-z]+\.([a-z-]+)\]\nseverity = "[a-z]+"\nby_source = (true|false)$', re.MULTILINE)
_FOUND = _BY_SOURCE.findall(resources.files("openchargeback").joinpath("explanations.toml").read_text(encoding="utf-8"))

SETTABLE = tuple(sorted(code for code, settable in _FOUND if settable == "true"))
"""The codes that `sources: NAME: severity:` may set. `missing-label`, `type-error` and `constraint-error` change only
for columns that billing does not need; for others they stay errors."""

FIXED = tuple(sorted(code for code, settable in _FOUND if settable == "false"))
"""Errors that protect money: a file with one could be read in more than one way, or not at all."""
