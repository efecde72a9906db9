"""The checks of charge files that a source's settings may name, by their codes, as `explanations.toml` says."""

from __future__ import annotations

import re
from importlib import resources

LEVELS = ("error", "warning", "off")

# Every command needs these codes, and reading all explanations takes 30 ms; a test checks that both give the same.
_BY_SOURCE = re.compile(r'^\[[a-z]+\.([a-z-]+)\]\nseverity = "[a-z]+"\nby_source = (true|false)$', re.MULTILINE)
_FOUND = _BY_SOURCE.findall(resources.files("openchargeback").joinpath("explanations.toml").read_text(encoding="utf-8"))

SETTABLE = tuple(sorted(code for code, settable in _FOUND if settable == "true"))
"""What `sources: NAME: severity:` may name. `missing-label`, `type-error` and `constraint-error` only where billing
does not need the column: elsewhere they stay errors."""

FIXED = tuple(sorted(code for code, settable in _FOUND if settable == "false"))
"""Errors that protect money: a file with one could be read in two ways, or not at all."""
