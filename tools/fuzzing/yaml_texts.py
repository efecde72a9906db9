"""Makes faulty YAML files: values, lines, what YAML readers disagree about, and what is designed to exhaust one."""

from __future__ import annotations

import random
import re

from fuzzing.cells import CELLS
from fuzzing.tables import changed_bytes

_VALUES = (
    "NO", "no", "yes", "on", "012", "0o14", "0x1F", "1:30", "190:20:30", "1_000", "1e3", ".inf", "-.nan", "~", "null",
    "2025-01-31", "2025-02-30", "2025-01-31T00:00:00Z", "2001-12-14 21:59:43.10 -5", "=", "<<", "&a 1", "*a", "!!int 3",
    "!!python/object/apply:os.system [ls]", "!!binary R0lGODlh", "'", '"', "''", '""', "[", "]", "{", "}", "[]", "{}",
    "[1, 2]", "{a: b}", "[[[[]]]]", "|", ">", "|\n  text", ">-\n  text", "- a", "? a", ": b", "a: b: c", "# none", "%",
    "@", "`", "\t", "\tx", "a\tb", "\x00", "\x1b[2J", "\ufeff", "\u2028", "\x85", "é", "😀", "\ud800", '"\\x00"',
    '"\\ud83d"', '"\\U00110000"', "-1", "0", "1", "99999999999999999999", "9" * 5000, "1.5", "true", "FALSE",
    "/etc/passwd",
    "../../x", "a/../b", "(((((a+)+)+)+)+)$", "(", "[a-", "\\", "x" * 1_000_000, "USD", "usd", "XXX", "JPY", "a@b", "@",
    "a@b@c", " padded ", "2025-13", "2025-1", "closed", "finalized", "open", "credit", "reject", "deadbeefdeadbeef",
)  # fmt: skip
_LINES = (
    "<<<<<<< HEAD", "=======", ">>>>>>> branch", "---", "...", "%YAML 1.2", "%TAG ! tag:x,2000:", "<<: *a", "\t- a",
    "  - ", "-", ":", "? ", "# comment", "", "  ", "unknown: 1", "a: &a [x]", "b: *a", "on: 2025-01-01", "NO: 1",
    "charges: [x]", "currency: [USD]", "  - {}", "- - - a", "'", '"', "{", "[",
)  # fmt: skip


def changed_yaml(rng: random.Random, content: bytes) -> bytes:
    """A faulty YAML file made from a valid one."""
    if rng.random() < 0.05:
        return _bomb(rng)
    lines = content.decode().split("\n")
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _change(rng, lines)
    end = rng.choice(("\n",) * 8 + ("\r\n", "\r"))
    encoding = rng.choice(("utf-8",) * 12 + ("utf-8-sig", "utf-16", "latin-1"))
    data = end.join(lines).encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    return changed_bytes(rng, data) if rng.random() < 0.25 else data


def _change(rng: random.Random, lines: list[str]) -> None:
    place = rng.randrange(len(lines))
    line = lines[place]
    match rng.randrange(10):
        case 0 | 1 | 2 | 3:
            lines[place] = _with_value(rng, line)
        case 4:
            lines.insert(place, line)
        case 5:
            if len(lines) > 1:
                del lines[place]
        case 6:
            lines[place] = rng.choice(("", " ", "  ", "\t", "      ")) + line.lstrip()
        case 7:
            indent = line[: len(line) - len(line.lstrip())]
            lines.insert(place, rng.choice((indent, "")) + rng.choice(_LINES))
        case 8:
            lines[place : place + 1] = [line, *rng.sample(lines, min(len(lines), rng.randint(1, 5)))]
        case 9:
            cut = rng.randrange(len(line) + 1)
            lines[place] = line[:cut] + rng.choice(":-#&*!|>'\"%@`{}[],? \t\x00\x07\u200b") + line[cut:]


def _with_value(rng: random.Random, line: str) -> str:
    """The line with one of its values (or keys) replaced, even inside flow collections."""
    words = list(re.finditer(r"[^\s,:{}\[\]#][^,:{}\[\]#\n]*", line))
    value = rng.choice(_VALUES) if rng.random() < 0.8 else rng.choice(CELLS)
    if not words:
        return f"{line}{value}"
    word = words[-1] if rng.random() < 0.6 else rng.choice(words)
    return line[: word.start()] + value + line[word.end() :]


def _bomb(rng: random.Random) -> bytes:
    """A small file that becomes large, deep or slow in a naive reader."""
    depth = rng.choice((50, 2_000, 20_000))
    match rng.randrange(8):
        case 0:
            levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
            text = f"a0: &a0 [x, x]\n{levels}"
        case 1:
            text = "[" * depth
        case 2:
            text = "organization: " + "{a: " * depth + "1" + "}" * depth
        case 3:
            text = "".join(f"{' ' * n}a:\n" for n in range(min(depth, 2_000)))
        case 4:
            text = "- " * depth + "a"
        case 5:
            text = "organization: A\n" + "".join(f"k{n}: 1\n" for n in range(depth))
        case 6:
            text = "? " * depth + "a"
        case _:
            text = "a: " + '"' + "\\n" * depth + "x" * 1_000_000
    return text.encode()
