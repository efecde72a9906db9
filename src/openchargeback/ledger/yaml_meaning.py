"""How other YAML readers interpret a value written without quotes.

This program reads a value as its key expects, so `010` is text where text is expected and ten where a number is.
Editors, scripts and other tools decide by the spelling: in YAML 1.1, `010` is eight, `12:30` is 750 and `no` is false;
in YAML 1.2, `08` is eight and `1e3` a thousand. So a reviewer may read a different value than the program.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

import yaml

_FIRST = re.compile(r"[-+.0-9]|(?i:y|n|t|f|o)")
_PREFIX = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)
_MOST = 40
_loader: Any = yaml.SafeLoader("")


def other_reading(text: str) -> str:
    """How other readers interpret a plain scalar, such as `the number 8`; empty if they read the same text."""
    if not _FIRST.match(text) or len(text) > _MOST:
        return ""
    tag = str(_loader.resolve(yaml.ScalarNode, text, (True, False))).removeprefix(_PREFIX)
    if tag == "bool":
        return str(_value(tag, text)).lower()
    if tag == "timestamp":
        value = _value(tag, text)
        return "" if isinstance(value, dt.date) and value.isoformat() == text else "a date"
    if tag in ("int", "float"):
        value = _value(tag, text)
    elif _INTEGER.fullmatch(text):
        value = int(text)
    elif _OCTAL.fullmatch(text):
        value = int(text, 8)
    elif _FLOAT.fullmatch(text):
        value = float(text)
    else:
        return ""
    if value is None or str(value) == text:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinity"
    return f"the number {value:.0f}" if isinstance(value, float) and value.is_integer() else f"the number {value}"


def _value(tag: str, text: str) -> Any:
    """The value of a scalar in YAML 1.1; None if it only looks like one, such as February 31."""
    try:
        return _loader.construct_object(yaml.ScalarNode(_PREFIX + tag, text))
    except (ValueError, OverflowError, yaml.YAMLError):
        return None
