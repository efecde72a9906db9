"""Write the list of codes in docs/VALIDATION.md anew: `make docs`. --check only tells whether it is out of date."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

from openchargeback.explanations import SUBJECTS, Explanation, catalogue

DOCUMENT = Path(__file__).parents[1] / "docs" / "VALIDATION.md"
BEGIN = "<!-- Written by `make docs` from src/openchargeback/explanations.toml. -->\n"
END = "<!-- The end of what `make docs` writes. -->\n"


def main() -> int:
    """0 where the document is up to date or was written; 1 where --check finds it out of date."""
    old = DOCUMENT.read_text(encoding="utf-8")
    new = replaced(old)
    if "--check" in sys.argv[1:]:
        if old != new:
            print(f"{DOCUMENT.name} is out of date: run `make docs`", file=sys.stderr)
        return int(old != new)
    DOCUMENT.write_text(new, encoding="utf-8", newline="\n")
    return 0


def replaced(text: str) -> str:
    """The document with the part between its two marks written anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in text:
        raise SystemExit(f"{DOCUMENT.name} has lost its marks:\n{BEGIN}{END}")
    return f"{before}{BEGIN}\n{codes()}\n{END}{after}"


def codes() -> str:
    """An overview of all codes by subject, then each at length."""
    parts = []
    for subject, heading in SUBJECTS.items():
        entries = [each for each in catalogue().values() if each.subject == subject]
        rows = [f"| [`{each.code}`](#{anchor(each.code)}) | {each.kind} | {each.title} |" for each in entries]
        parts.append("\n".join([f"## {heading}", "", "| code | weight | what |", "|---|---|---|", *rows]) + "\n")
        parts += [entry(each) for each in entries]
    return "\n".join(parts)


def anchor(code: str) -> str:
    """The address that GitHub and GitLab give a heading."""
    return re.sub(r"[^a-z0-9-]", "", code)


def entry(each: Explanation) -> str:
    """One code at length."""
    return "\n".join(
        [
            f"### `{each.code}`",
            "",
            f"{each.kind.capitalize()}: **{each.title}.**",
            "",
            folded(f"{each.means} {each.matters}"),
            "",
            folded(f"*Mend:* {each.mend}"),
            "",
            "```text",
            each.example,
            "```",
            "",
            f"*Rule:* {each.source}",
            "",
        ]
    )


def folded(text: str) -> str:
    """Prose in lines of at most 120 characters, as in the other documents."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    sys.exit(main())
