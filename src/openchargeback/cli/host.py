"""The options for what a host recorded about a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from openchargeback.cli.options import F
from openchargeback.problems import UsageFault

if TYPE_CHECKING:
    from openchargeback.evidence.levels import HostRecord

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS = (
    # A CI job always sets the variable, but the file may be missing; it is read only with --reviews.
    click.option(
        "--event", type=click.Path(path_type=Path), envvar="GITHUB_EVENT_PATH", help="The host's event (JSON)."
    ),
    click.option("--reviews", type=_FILE, envvar="OPENCHARGEBACK_REVIEWS", help="The pull request's reviews (JSON)."),
    click.option("--commits", type=_FILE, envvar="OPENCHARGEBACK_COMMITS", help="The pull request's commits (JSON)."),
)

kept_option = click.option("--evidence", "kept", type=_FILE, multiple=True, help="Evidence saved earlier; repeatable.")


def review_options(function: F) -> F:
    """Add the options for a host's files on who reviewed a pull request; `host_record` reads them."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def host_record(event: Path | None, reviews: Path | None, commits: Path | None) -> HostRecord | None:
    """As `evidence.host.host_record`. Raises UsageFault if an option lacks the one it depends on."""
    if reviews is None and event is not None and _is_named("event"):
        raise UsageFault("--event requires --reviews, the pull request's reviews")
    if reviews is None and commits is not None and _is_named("commits"):
        raise UsageFault("--commits requires --reviews, the pull request's reviews")
    if event is None and _is_named("reviews"):
        raise UsageFault("--reviews requires --event, the pull request that was reviewed")
    from openchargeback.evidence import host

    return host.host_record(event, reviews, commits)


def _is_named(option: str) -> bool:
    """Whether an option is on the command line, not only in the environment."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE
