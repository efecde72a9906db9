"""The served ledger that tests share which do not change it."""

from __future__ import annotations

from collections.abc import Iterator

import office
import pytest


@pytest.fixture(scope="session")
def shared_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[office.Office]:
    """A served ledger that no test changes."""
    made = office.ledger(tmp_path_factory.mktemp("office") / "ledger")
    with office.served(made.root) as served:
        yield served
