"""Paths of files shipped with the program: page templates, styles, its lock, and the files of a new ledger."""

from __future__ import annotations

from pathlib import Path

import openchargeback

PDF_PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
"""The Debian packages with libraries that PDFs need and pip cannot install."""


def shipped_templates() -> Path:
    """The folder `site_templates`: inside the installed package, else in the checkout."""
    package = Path(openchargeback.__file__).parent
    for folder in (package / "site_templates", package.parents[1] / "site_templates"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("site_templates is missing from the installation")


def shipped_lock() -> Path:
    """The `requirements.lock` of the program: inside the installed package, else in the checkout."""
    package = Path(openchargeback.__file__).parent
    for path in (package / "requirements.lock", package.parents[1] / "requirements.lock"):
        if path.is_file():
            return path
    raise FileNotFoundError("requirements.lock is missing from the installation")
