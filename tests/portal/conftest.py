"""A built portal for the tests of this folder, once for the whole run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import factory
import statement_cases as cases

from openchargeback.portal.pdf_pool import render_job
from openchargeback.portal.site import site_jobs
from openchargeback.templating.environment import make_environment


def write(site: factory.Site, folder: Path) -> Path:
    """Render every file of a site into a folder."""
    for job in site_jobs(site, make_environment()):
        path = folder / job.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(job.render())
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portal of the invented university."""
    return write(factory.site(), tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The PDF of every case in `statement_cases`."""
    folder = tmp_path_factory.mktemp("statements")
    paths = {}
    for name in cases.CASES:
        paths[name] = folder / f"{name}.pdf"
        paths[name].write_bytes(render_job(cases.job_of(name)))
    return paths


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portal where every text is out to break the page."""
    return write(factory.site(hostile=True), tmp_path_factory.mktemp("hostile"))
