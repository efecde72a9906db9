"""How many examples a property is tried with whose examples take long."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> int:
    """This many where all tests run; where the slow ones are left out, as small a part as of other properties."""
    return max(3, count * settings.default.max_examples // settings.get_profile("default").max_examples)
