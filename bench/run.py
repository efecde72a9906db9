"""Measures ratios in one run, on generated data: `make bench`.

Prints the median of several runs. Nothing else should run on the machine at the same time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import browser
import commands
import converting
import pages
import plan
import program
import publishing
import reading
import review
import sending
import statements
import validation
import web

SUBJECTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "reading": lambda options: reading.measure(options.rows),
    "validation": lambda options: validation.measure(options.rows, large=options.large),
    "program": lambda _: program.measure(),
    "plan": lambda _: plan.measure(),
    "review": lambda _: review.measure(),
    "commands": lambda options: commands.measure(options.rows, large=options.large),
    "publishing": lambda _: publishing.measure(),
    "converting": lambda options: converting.measure(options.rows, large=options.large),
    "statements": lambda _: statements.measure(),
    "sending": lambda _: sending.measure(),
    "browser": lambda _: browser.measure(),
    "pages": lambda _: pages.measure(),
    "web": lambda _: web.measure(),
}


def main() -> None:
    """Measure and print each ratio with its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="charges per file (default: %(default)s)")
    parser.add_argument("--large", action="store_true", help="also ten times as many rows; needs some GB of disk")
    parser.add_argument("--only", choices=SUBJECTS, help="measure only one subject")
    parser.add_argument("--profile", action="store_true", help="print where the time of commands goes, by module")
    options = parser.parse_args()
    if options.profile:
        commands.measure(options.rows, large=options.large, profile=True)
        return
    for name in (options.only,) if options.only else SUBJECTS:
        SUBJECTS[name](options)


if __name__ == "__main__":
    main()
