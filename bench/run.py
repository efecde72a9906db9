"""Measures ratios in one run, on generated data: `make bench`.

Prints the median of several runs. Nothing else should run on the machine at the same time.
"""

from __future__ import annotations

import argparse

import browser
import commands
import converting
import plan
import program
import publishing
import reading
import review
import sending
import statements
import validation


def main() -> None:
    """Measure and print each ratio with its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="charges per file (default: %(default)s)")
    parser.add_argument("--large", action="store_true", help="also ten times as many rows; needs some GB of disk")
    parser.add_argument(
        "--only",
        choices=(
            *("reading", "validation", "program", "plan", "review", "commands", "publishing", "converting"),
            *("statements", "sending", "browser"),
        ),
        help="measure only one subject",
    )
    parser.add_argument("--profile", action="store_true", help="print where the time of commands goes, by module")
    options = parser.parse_args()
    if options.profile:
        commands.measure(options.rows, large=options.large, profile=True)
        return
    if options.only in (None, "reading"):
        reading.measure(options.rows)
    if options.only in (None, "validation"):
        validation.measure(options.rows, large=options.large)
    if options.only in (None, "program"):
        program.measure()
    if options.only in (None, "plan"):
        plan.measure()
    if options.only in (None, "review"):
        review.measure()
    if options.only in (None, "commands"):
        commands.measure(options.rows, large=options.large)
    if options.only in (None, "publishing"):
        publishing.measure()
    if options.only in (None, "converting"):
        converting.measure(options.rows, large=options.large)
    if options.only in (None, "statements"):
        statements.measure()
    if options.only in (None, "sending"):
        sending.measure()
    if options.only in (None, "browser"):
        browser.measure()


if __name__ == "__main__":
    main()
