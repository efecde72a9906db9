from __future__ import annotations

from pathlib import Path

import pytest
from pools import Case


@pytest.fixture
def shared(tmp_path: Path) -> Case:
    return Case(tmp_path)
