"""Tasks that pages show later: their faults are told once, to whoever asks, and those of the program to its log."""

import asyncio
import gc
import logging

import pytest

from openchargeback.problems import UsageFault
from openchargeback.web.jobs import begun


async def fail(error: Exception) -> None:
    raise error


async def ended(error: Exception) -> None:
    task = begun(fail(error))
    await asyncio.wait([task])
    await asyncio.sleep(0)
    del task
    gc.collect()


@pytest.mark.parametrize(("error", "told"), [(UsageFault("refused"), 0), (ZeroDivisionError("by zero"), 1)])
def test_only_a_fault_of_the_program_is_logged_if_nobody_asks(
    caplog: pytest.LogCaptureFixture, error: Exception, told: int
) -> None:
    with caplog.at_level(logging.ERROR):
        asyncio.run(ended(error))
    assert [record.name for record in caplog.records] == ["asyncio"] * told
