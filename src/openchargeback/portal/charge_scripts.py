"""The charges of a month as scripts for the charge browser, and their resources for the search box.

A page that is opened from a folder can load scripts but no data, so each file is one call with compressed JSON.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping

from openchargeback.billing.browsed_charges import BrowsedCharges
from openchargeback.portal import paths
from openchargeback.portal.scripts import script


def charge_scripts(period: str, browsed: BrowsedCharges) -> Iterator[tuple[str, bytes]]:
    """The path and bytes of each script of a month."""
    yield paths.charges_script(period), _call("month", period, _text(browsed.columns))
    yield paths.resources_script(period), resources_script(browsed.resources)
    for number, data in enumerate(browsed.details):
        yield paths.charge_details_script(period, number), _call("details", period, number, _text(data))


def resources_script(packed: bytes) -> bytes:
    """The script with the names and ids of a month's resources (`BrowsedCharges.resources`)."""
    return script("resources", _text(packed))


def names_script(names: Mapping[str, Mapping[str, str]]) -> bytes:
    """The script that says how texts are shown: `pi`, `source` and `flag`, each text → name."""
    return _call("names", names)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _call(function: str, *values: object) -> bytes:
    # ASCII only, so the script is the same in every encoding that a server may claim for it.
    arguments = ",".join(json.dumps(value) for value in values)
    return f"charges.{function}({arguments});\n".encode("ascii")
