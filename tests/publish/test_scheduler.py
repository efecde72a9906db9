"""A build whose months and PDFs are made by the workers of a Dask cluster equals a local one, byte for byte."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cloudpickle
import dask
import pytest
from distributed import LocalCluster

import program
from openchargeback.ledger.links import CACHE
from openchargeback.ledger.periods import Event
from openchargeback.portal import pdf_pool
from openchargeback.portal.pdf_pool import PdfJob, render_job
from openchargeback.problems import LedgerFault, OutsideFault, Problem, UsageFault
from openchargeback.publish import closing, cluster, month_charges
from openchargeback.publish.books import open_books
from openchargeback.publish.build import build
from openchargeback.publish.cluster import connected
from openchargeback.publish.keys import files_digest

HEAD = "BillingPeriodStart,ResourceId,BilledCost,Tags,x_user\n"
ROW = '{period}-01,vm-{number},{number}.37,"{{""pi_email"": ""{pi}@example.edu"", ""project_id"": ""p{number}"", '
ROW += '""fund_org"": ""F1""}}",user{number}\n'
PERIODS = ("2025-01", "2025-02", "2025-03")


pytestmark = pytest.mark.slow


def rows(period: str) -> str:
    return HEAD + "".join(
        ROW.format(period=period, number=number, pi=("ann", "bo")[number % 2]) for number in range(1, 6)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ledger with closed and open months, and of a local build of it, `out`, made without a cache."""
    folder = tmp_path_factory.mktemp("whole")
    root = folder / "ledger"
    for period in PERIODS:
        (root / "charges" / period).mkdir(parents=True)
        (root / "charges" / period / "aws.csv").write_text(rows(period))
    (root / "config.yaml").write_text("organization: {name: Example University}\nsources: {aws: {credit_fund: C-1}}\n")
    (root / "directory").mkdir()
    (root / "directory/people.yaml").write_text("people:\n  - {email: ann@example.edu, name: Ann}\n")
    closing.close(open_books(root), "2025-01", Event(dt.date(2025, 2, 3), "ann@example.edu"))
    build(root, folder / "out", workers=1)
    shutil.move(root / CACHE, folder / "cache")
    return folder


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    """The ledger in a copy, without a cache."""
    return shutil.copytree(whole / "ledger", tmp_path / "ledger")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of the scheduler of two workers, in processes of their own, that may die once for each task.

    One that stops answering is replaced after half a minute instead of Dask's five, which is as long as a command here
    may take.
    """
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1, "distributed.scheduler.worker-ttl": "30s"}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as workers,
    ):
        yield workers.scheduler_address


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nothing_published(out: Path) -> bool:
    return not out.exists() and not list(out.parent.glob(f".{out.name}*"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_it_equals_a_local_build(
    whole: Path, root: Path, address: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as here:
        # This process makes no month and no PDF.
        here.setattr(month_charges, "make_month", None)
        here.setattr(pdf_pool, "statement_pdf", None)
        built = build(root, out, scheduler=address)
    assert built.changed
    assert built.rendered == len(list(out.rglob("*.pdf"))) > len(PERIODS)
    assert contents(out) == contents(whole / "out")
    # What the workers made is in the cache under the keys of a local build.
    shutil.rmtree(out)
    assert build(root, out).rendered == 0
    assert contents(out) == contents(whole / "out")


def test_it_uses_the_cache_of_a_local_build(
    whole: Path, root: Path, address: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole / "cache", root / CACHE)
    monkeypatch.setattr(cluster.Cluster, "submit", None)
    assert build(root, out, scheduler=address).rendered == 0
    assert contents(out) == contents(whole / "out")


def test_a_cache_that_cannot_be_written_is_done_without(whole: Path, root: Path, address: str, out: Path) -> None:
    (root / CACHE).write_text("")
    build(root, out, scheduler=address)
    assert contents(out) == contents(whole / "out")


def test_an_unchanged_ledger_needs_no_scheduler(root: Path, address: str, out: Path) -> None:
    build(root, out, pdfs=False, scheduler=address)
    assert not build(root, out, pdfs=False, scheduler="tcp://nowhere.example.edu:1").changed


def test_the_command(whole: Path, root: Path, address: str, out: Path) -> None:
    done = program.run("--ledger", root, "build", "-o", out, "--scheduler", address, code=0)
    assert "error" not in done.stderr.lower()
    assert contents(out) == contents(whole / "out")


@pytest.mark.parametrize("other", [("--workers", "2"), ("--audience", "public"), ("--all-audiences",)])
def test_what_a_cluster_is_not_for(root: Path, other: tuple[str, ...]) -> None:
    done = program.run("--ledger", root, "build", "--scheduler", "tcp://login1:8786", *other, code=2)
    assert f"--scheduler and {other[0]} cannot be used together" in done.stderr


def test_the_command_says_in_one_line_that_a_scheduler_does_not_answer(root: Path, out: Path) -> None:
    done = program.run("--ledger", root, "build", "-o", out, "--scheduler", "tcp://127.0.0.1:1", code=3)
    line = done.stderr.splitlines()[-1]
    assert line.startswith("focus-billing: cannot connect to the Dask scheduler at tcp://127.0.0.1:1: ")
    assert nothing_published(out)


@pytest.mark.parametrize("wrong", ["", "login1:8786", "http://login1:8786", "inproc://1", "tcp://", "tcp://login1:x"])
def test_an_address_of_another_kind_is_refused(root: Path, out: Path, wrong: str) -> None:
    with pytest.raises(UsageFault, match="is not the address of a Dask scheduler; write it like tcp://login1:8786"):
        build(root, out, scheduler=wrong)


def test_without_dask_it_says_how_to_install_it(root: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageFault, match=r'pip install "openchargeback\[dask\]"'):
        build(root, out, scheduler="tcp://login1:8786")


@pytest.mark.parametrize("unreachable", ["tcp://127.0.0.1:1", "tls://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer(
    root: Path, out: Path, unreachable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(OutsideFault, match=f"cannot connect to the Dask scheduler at {unreachable}: "):
        build(root, out, scheduler=unreachable)
    assert nothing_published(out)


def test_a_scheduler_without_workers(root: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WITHOUT_WORKERS_SECONDS", 0.2)
    with (
        LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as none,
        pytest.raises(OutsideFault, match="no worker"),
    ):
        build(root, out, scheduler=none.scheduler_address)
    assert nothing_published(out)


OTHERS = {
    "version": "has Pango .* instead of 9.9; ",
    "folder": "does not see the ledger at ",
    "files": "sees other files than this computer ",
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("joined", ["before", "later"])
def test_a_worker_that_differs_is_refused(
    root: Path, address: str, out: Path, other: str, joined: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that joins later is not among those that are compared before the work begins."""
    made = cluster.Common

    def common(place: Path, files: str, versions: tuple[tuple[str, str], ...]) -> cluster.Common:
        if other == "version":
            return made(place, files, (*versions, ("Pango", "9.9")))
        return made(place / "none", files, versions) if other == "folder" else made(place, "0" * 64, versions)

    monkeypatch.setattr(cluster, "Common", common)
    if joined == "later":
        monkeypatch.setattr(cluster.Cluster, "compare", lambda _cluster: None)
    with pytest.raises(OutsideFault, match=rf"^the worker tcp://127\.0\.0\.1:\d+ {OTHERS[other]}"):
        build(root, out, scheduler=address)
    assert nothing_published(out)


def test_a_worker_without_this_program_is_refused(
    root: Path, address: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_common: cluster.Common) -> str:
        raise ModuleNotFoundError("No module named 'openchargeback'")

    monkeypatch.setattr(cluster, "difference", absent)
    with pytest.raises(OutsideFault, match="cannot run this version of OpenChargeback: No module named"):
        build(root, out, scheduler=address)
    assert nothing_published(out)


def test_a_worker_that_goes_away_is_not_compared(
    whole: Path, root: Path, address: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = out.with_name("gone")

    def go_once(_common: cluster.Common) -> str:
        with suppress(FileExistsError):
            mark.touch(exist_ok=False)
            os._exit(1)
        return ""

    monkeypatch.setattr(cluster, "difference", go_once)
    build(root, out, scheduler=address)
    assert mark.exists()
    assert contents(out) == contents(whole / "out")


def die(_job: PdfJob) -> bytes:
    os._exit(1)


def test_workers_that_die_again_and_again(root: Path, address: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_pool, "render_job", die)
    with pytest.raises(OutsideFault, match="workers of the cluster died again and again"):
        build(root, out, scheduler=address)
    assert nothing_published(out)


def test_others_do_what_a_worker_that_died_left(
    whole: Path, root: Path, address: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = out.with_name("died")

    def die_once(job: PdfJob) -> bytes:
        if not mark.exists():
            mark.touch()
            os._exit(1)
        return render_job(job)

    monkeypatch.setattr(pdf_pool, "render_job", die_once)
    build(root, out, scheduler=address)
    assert mark.exists()
    assert contents(out) == contents(whole / "out")


@pytest.mark.parametrize("lost", ["scheduler", "workers"])
def test_what_is_gone_during_a_build_ends_it(root: Path, out: Path, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(cluster, "_LOOK_SECONDS", 0.2)
    with LocalCluster(n_workers=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0") as workers:

        def lose(_self: object, *_arguments: object) -> None:
            monkeypatch.setattr(cluster, "WITHOUT_WORKERS_SECONDS", 0.5)
            if lost == "scheduler":
                workers.close()
            else:
                workers.scale(0)
                workers.sync(workers._correct_state)

        monkeypatch.setattr(cluster.Cluster, "make_months", lose)
        words = "lost the connection" if lost == "scheduler" else "has had no worker"
        with pytest.raises(OutsideFault, match=f"{words}"):
            build(root, out, scheduler=workers.scheduler_address)
    assert nothing_published(out)


def raise_problems() -> None:
    raise LedgerFault([Problem("config.yaml", "bad-config", "wrong")], Path("ledger"))


def fail() -> None:
    raise ZeroDivisionError("by zero")


def test_what_a_worker_raises_is_raised_here(root: Path, address: str) -> None:
    with connected(address, root, files_digest(root)) as workers:
        with pytest.raises(LedgerFault) as fault:
            workers.submit(raise_problems).result()
        with pytest.raises(OutsideFault, match=r"the worker tcp://.* failed: .*No such file.*/none"):
            workers.submit(os.stat, str(root / "none")).result()
        with pytest.raises(OutsideFault, match="a worker of the cluster failed: ZeroDivisionError: by zero"):
            workers.submit(fail).result()
        workers._client.close()
        with pytest.raises(OutsideFault, match="lost the connection to the Dask scheduler"):
            workers.submit(fail)
    assert [problem.place for problem in fault.value.problems] == ["config.yaml"]
    assert fault.value.root == Path("ledger")
