"""A Dask cluster that does part of a build: connect to its scheduler, compare its workers with us, hand out tasks.

Whoever can reach a scheduler can run code on its workers, and what they return is unpickled here: both sides trust the
other, and their network.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

from openchargeback.ledger.reading import read_ledger
from openchargeback.model import BilledPeriod
from openchargeback.portal.libraries import versions
from openchargeback.problems import LedgerFault, OpenChargebackError, OutsideFault, UsageFault
from openchargeback.publish.books import Step
from openchargeback.publish.gathering import recorded
from openchargeback.publish.keys import files_digest
from openchargeback.publish.month_charges import Month, MonthCharges, make_month
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.wording import listed

T = TypeVar("T")

CONNECT_SECONDS = 10.0
WITHOUT_WORKERS_SECONDS = 60.0
"""How long to wait for a worker if there is none: jobs of a batch system start late, and others replace them."""
_LOOK_SECONDS = 5.0
"""How often to look whether scheduler and workers are still there while we wait for a result."""

_ADDRESS = re.compile(r"(tcp|tls)://[^\s/@]+:\d{1,5}", re.ASCII)

_ONE_AT_A_TIME = Lock()
"""Held while a worker works, which may have several threads: they cannot share WeasyPrint's fonts."""


@dataclass(frozen=True, slots=True)
class Common:
    """What every worker must have in common with us.

    root: the ledger's folder. files: `files_digest` of it. build: names the build, since files change from one to the
    next.
    """

    root: Path
    files: str
    versions: tuple[tuple[str, str], ...]
    build: str = field(default_factory=lambda: secrets.token_hex(8))


@lru_cache(maxsize=1)
def difference(common: Common) -> str:
    """How this process, a worker, differs: the end of a sentence, empty if it does not."""
    here = versions()
    other = [
        f"{name} {here.get(name)} instead of {version}"
        for name, version in common.versions
        if here.get(name) != version
    ]
    if other:
        return f"has {listed(other, len(other))}; let it run in the same environment"
    if not common.root.is_dir():
        return f"does not see the ledger at {common.root}; use a file system that all computers share"
    if files_digest(common.root) != common.files:
        return f"sees other files than this computer in the ledger at {common.root}"
    return ""


def run_here(common: Common, function: Callable[..., T], *arguments: object) -> T:
    """Run a function in this process, a worker. Raises OutsideFault if the worker differs or cannot read a file."""
    from distributed import get_worker

    with _ONE_AT_A_TIME:
        # Also compared before the work begins; but this worker may have joined later.
        if found := difference(common):
            raise OutsideFault(f"the worker {get_worker().address} {found}")
        try:
            return function(*arguments)
        except OSError as fault:
            raise OutsideFault(f"the worker {get_worker().address} failed: {fault}") from fault


def make_month_here(common: Common, period: BilledPeriod, statements: bool) -> Month:  # noqa: FBT001
    """`make_month` on a worker."""
    return make_month(_ledger_here(common), period, statements=statements)


@lru_cache(maxsize=1)
def _ledger_here(common: Common) -> RecordedLedger:
    """The ledger; its problems are those that the build has found in the same files."""
    ledger, problems = read_ledger(common.root)
    if ledger is None:
        raise LedgerFault(problems, common.root)
    return recorded(ledger)[0]


@contextmanager
def connected(address: str, root: Path, files: str) -> Iterator[Cluster]:
    """The cluster of a scheduler, once every worker that it has was compared.

    root, files: the ledger, which the workers see at the same path, and `files_digest` of it.
    Raises UsageFault for an address of another kind or without Dask, OutsideFault for everything else.
    """
    client = _client(address)
    try:
        cluster = Cluster(client, address, Common(root.resolve(), files, tuple(versions().items())))
        cluster.compare()
        yield cluster
    finally:
        # Tasks that nobody waits for any more are dropped with their client.
        with suppress(OSError):
            client.close(timeout=CONNECT_SECONDS)


def _client(address: str) -> Any:
    if not _ADDRESS.fullmatch(address):
        raise UsageFault(f"{address} is not the address of a Dask scheduler; write it like tcp://login1:8786")
    try:
        import dask
        import distributed
    except ImportError as fault:
        raise UsageFault('--scheduler needs Dask; install it: pip install "openchargeback[dask]"') from fault
    # What concerns us we say ourselves.
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", distributed.client.version_module.VersionMismatchWarning)
            return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    # A TLS address without certificates is a TypeError or ValueError.
    except (OSError, TypeError, ValueError, RuntimeError, ImportError) as fault:
        why = " ".join(str(fault).split())
        raise OutsideFault(f"cannot connect to the Dask scheduler at {address}: {why}") from fault


class Cluster:
    """The workers of a scheduler. Get one from `connected`."""

    ahead = 256
    """How many tasks to hand out before waiting for a result; workers may join at any time."""

    def __init__(self, client: Any, address: str, common: Common) -> None:
        self._client = client
        self._address = address
        self._common = common
        self._seen = time.monotonic()

    def compare(self) -> None:
        """Wait for a worker, then compare all that there are. Raises OutsideFault if one differs.

        One that goes away meanwhile need not be compared.
        """
        from distributed.comm import CommClosedError

        try:
            self._client.wait_for_workers(1, timeout=WITHOUT_WORKERS_SECONDS)
            found = self._client.run(difference, self._common, on_error="return")
        except TimeoutError as fault:
            raise self._without_workers() from fault
        except OSError as fault:
            raise self._lost() from fault
        for worker, lacking in sorted(found.items()):
            if isinstance(lacking, CommClosedError):
                continue
            if isinstance(lacking, Exception):
                raise OutsideFault(f"the worker {worker} cannot run this version of OpenChargeback: {lacking}")
            if lacking:
                raise OutsideFault(f"the worker {worker} {lacking}")

    def make_months(self, charges: MonthCharges, periods: Iterable[BilledPeriod], step: Step) -> None:
        """Have the workers make what the cache lacks of the charges of months."""
        missing = [period for period in periods if charges.lacks(period)]
        tasks = [self.submit(make_month_here, self._common, period, charges.statements) for period in missing]
        for done, (period, task) in enumerate(zip(missing, tasks, strict=True)):
            step("Billing months on the cluster", done, len(missing))
            charges.keep(period, task.result())

    def submit(self, function: Callable[..., T], /, *arguments: object) -> ClusterTask[T]:
        """Have a worker run a function; it and its arguments are pickled."""
        from distributed.client import ClosedClientError

        try:
            return ClusterTask(self, self._client.submit(run_here, self._common, function, *arguments, pure=False))
        except (OSError, RuntimeError, ClosedClientError) as fault:
            raise self._lost() from fault

    def result(self, future: Any) -> Any:
        """The result of a task, once there is one. Raises OutsideFault if there will be none."""
        from distributed import KilledWorker

        while True:
            try:
                return future.result(timeout=_LOOK_SECONDS)
            except TimeoutError:
                self._check()
            except OpenChargebackError:
                raise
            except CancelledError as fault:
                raise self._lost() from fault
            except KilledWorker as fault:
                raise OutsideFault("workers of the cluster died again and again, possibly out of memory") from fault
            except Exception as fault:
                raise OutsideFault(f"a worker of the cluster failed: {type(fault).__name__}: {fault}") from fault

    def _check(self) -> None:
        if self._client.status != "running":
            raise self._lost()
        if self._client.scheduler_info()["workers"]:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > WITHOUT_WORKERS_SECONDS:
            raise self._without_workers()

    def _lost(self) -> OutsideFault:
        return OutsideFault(f"lost the connection to the Dask scheduler at {self._address}")

    def _without_workers(self) -> OutsideFault:
        return OutsideFault(f"the Dask scheduler at {self._address} has had no worker for a minute; start some")


@dataclass(frozen=True, slots=True)
class ClusterTask(Generic[T]):
    """What a worker of a cluster runs."""

    _cluster: Cluster
    _future: Any

    def done(self) -> bool:
        """Whether `result` returns at once."""
        return bool(self._future.done())

    def result(self) -> T:
        """What the function returned. Raises what it raised, or OutsideFault if there is nobody to run it."""
        result: T = self._cluster.result(self._future)
        return result
