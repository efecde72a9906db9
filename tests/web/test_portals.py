"""The served portal: each sees their own, changes show by themselves, and a fault leaves the last good build."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import office
import pytest
from office import Browser, Office, served

from openchargeback.portal.audience import Audience, AudienceKind
from openchargeback.problems import OutsideFault
from openchargeback.web import portals


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = office.ledger(tmp_path_factory.mktemp("portals") / "ledger")
    with served(made.root) as found:
        yield found


def state(browser: Browser) -> dict[str, object]:
    """What the portal's pages are told."""
    text = browser.get("/web/state.js").text
    found = re.fullmatch(r"window\.webProgram && window\.webProgram\.state\((.*)\);\n", text)
    assert found, text
    return dict(json.loads(found[1]))


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_pi_sees_exactly_the_build_for_this_audience(here: Office, tmp_path: Path) -> None:
    """Every file of `build --audience`, byte for byte, but for the script that connects pages with the server."""
    pia = here.browser("pia")
    pia.follow("/index.html")
    until(lambda: not state(pia)["building"])
    ledger = office.Repository.__new__(office.Repository)
    ledger.root = here.root
    ledger.run("build", "--audience", "pi=ada@example.edu", "-o", str(tmp_path / "own"))
    files = [path for path in (tmp_path / "own").rglob("*") if path.is_file() and path.name != "manifest.json"]
    assert any(path.suffix == ".pdf" for path in files)
    for path in files:
        name = path.relative_to(tmp_path / "own").as_posix()
        got = pia.get(f"/{name}")
        assert got.status == 200, name
        assert got.data == path.read_bytes() or (name == "assets/portal.js" and got.data.startswith(path.read_bytes()))


def build_slowly(root: Path, folder: Path, audience: Audience, pdfs: bool) -> None:
    """As `build_portal`, but the PDFs of everyone's portal take longer than a test."""
    if pdfs and audience.sees_all:
        time.sleep(300)
    portals.build_portal(root, folder, audience, pdfs)


def test_the_first_pages_of_a_pi_do_not_wait_for_the_pdfs_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = office.ledger(tmp_path / "ledger")
    monkeypatch.setattr(portals, "build_portal", build_slowly)
    with served(made.root) as busy:
        for user in ("admin", "pia"):
            got = busy.browser(user).follow("/index.html", seconds=60)
            assert (got.status, "being built" in got.words) == (200, False), user


@pytest.mark.parametrize("audience", [Audience(AudienceKind.INTERNAL), Audience(AudienceKind.PI, "ada@example.edu")])
def test_the_page_says_how_far_the_first_build_has_come(
    here: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, audience: Audience
) -> None:
    monkeypatch.setattr(portals, "PAUSE", -1)
    portal, told = portals.Portal(tmp_path / "made"), []
    reported = portals.step_words

    def watched(what: str, done: int, total: int) -> str:
        told.append((portal.progress, words := reported(what, done, total)))
        return words

    monkeypatch.setattr(portals, "step_words", watched)
    assert portal.progress == "Building"
    portals.build_portal(here.root, portal.folder, audience, pdfs=False)
    assert [before for before, _ in told] == ["Building", *(words for _, words in told[:-1])]
    assert "Billing months: 0 of 1" in {words for _, words in told}
    assert portal.progress == "Building"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_what_is_another_s_is_not_found(here: Office) -> None:
    admin, pia = here.browser("admin"), here.browser("pia")
    admin.follow("/index.html")
    pia.follow("/index.html")
    everything, own = (here.program.folder / "portals" / name for name in ("internal", "pi-ada@example.edu"))
    pages = [path.relative_to(everything) for path in everything.rglob("*.html")]
    others = [path.as_posix() for path in pages if not (own / path).exists()]
    assert any("ben@example.edu" in each for each in others)
    for name in others:
        assert admin.get(f"/{name}").status == 200
        assert pia.get(f"/{name}").status == 404


def test_a_change_shows_by_itself_and_pages_are_told(here: Office) -> None:
    admin = here.browser("admin")
    admin.follow("/index.html")
    until(lambda: not state(admin)["building"])
    before = state(admin)["build"]
    settings = here.root / "config.yaml"
    settings.write_text(settings.read_text("utf-8").replace("Test University", "Other University"), "utf-8")
    until(lambda: state(admin)["build"] != before)
    assert "Other University" in admin.get("/index.html").words


def _without_disk(*_arguments: object) -> None:
    raise OutsideFault("the disk is full")


def test_the_last_build_is_there_at_once_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = office.ledger(tmp_path / "ledger")
    with served(made.root) as first:
        admin = first.browser("admin")
        admin.follow("/index.html")
        until(lambda: not state(admin)["building"])
        before = admin.get("/index.html").data
    monkeypatch.setattr(portals, "build_portal", _without_disk)
    with served(made.root) as again:
        admin, pia = again.browser("admin"), again.browser("pia")
        assert (admin.get("/index.html").status, admin.get("/index.html").data) == (200, before)
        assert str(dt.datetime.now(dt.UTC).year) in str(state(admin)["at"])
        until(lambda: state(admin)["broken"])
        assert admin.get("/index.html").data == before
        assert "the disk is full" in admin.get("/web/problems").words
        assert pia.get("/index.html").status == 503


def test_a_fault_leaves_the_last_good_build_and_is_a_page(here: Office) -> None:
    admin, pia = here.browser("admin"), here.browser("pia")
    admin.follow("/index.html")
    pia.follow("/index.html")
    # A build that the ledger changes under fails for that, for a moment.
    until(lambda: not state(admin)["building"] and not state(pia)["building"])
    broken = here.root / "charges/2025-02/aws.csv"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("BillingPeriodStart,BilledCost\n2025-02-01,much\n", "utf-8")
    until(lambda: state(admin)["broken"])
    assert admin.get("/index.html").status == 200
    page = admin.get("/web/problems")
    assert "charges/2025-02/aws.csv" in page.words
    assert "The portal as last built" in page.words
    assert state(pia)["broken"] is False, "a PI learns nothing of others"
    broken.unlink()
    until(lambda: not state(admin)["broken"])
    assert admin.get("/web/problems").status == 303


def test_a_ledger_with_a_fault_from_the_start_says_so(tmp_path: Path) -> None:
    made = office.ledger(tmp_path / "ledger")
    made.write("charges/2025-01/aws.csv", "BillingPeriodStart,BilledCost\n2025-01-01,much\n")
    with served(made.root) as found:
        got = found.browser("admin").follow("/index.html")
        assert got.status == 503
        assert "much" in got.words
        pia = found.browser("pia").follow("/index.html")
        assert "much" not in pia.words


def test_settings_that_become_unusable_lock_nobody_in_or_out(tmp_path: Path) -> None:
    made = office.ledger(tmp_path / "ledger")
    with served(made.root) as found:
        admin = found.browser("admin")
        admin.follow("/index.html")
        made.write("config.yaml", "organization: [\n")
        until(lambda: admin.get("/web/health").status == 503)
        assert admin.get("/index.html").status == 200
        assert admin.get("/web/todo").status == 503
        assert found.browser().get("/index.html").status == 303
        made.write("config.yaml", "organization: Test University\nsources: {aws: {credit_fund: C-1}}\n")
        until(lambda: admin.get("/web/todo").status == 200)


def test_a_commit_alone_is_noticed(here: Office) -> None:
    """What waits on branches is read again when a reference changes."""
    admin = here.browser("admin")
    assert "proposals/topic" not in admin.get("/web/proposals").text
    git = ("git", "-C", str(here.root), "-c", "user.name=x", "-c", "user.email=x@example.edu")
    tree = subprocess.run([*git, "rev-parse", "main^{tree}"], capture_output=True, text=True, check=True).stdout.strip()
    made = subprocess.run(
        [*git, "commit-tree", tree, "-p", "main", "-m", "Empty"], capture_output=True, text=True, check=True
    ).stdout.strip()
    subprocess.run([*git, "branch", "topic", made], check=True)
    until(lambda: "proposals/topic" in admin.get("/web/proposals").text)
