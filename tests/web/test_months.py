"""Months by form: the same files as the command line writes, obstacles with their links, and who may do what."""

from __future__ import annotations

import datetime as dt
import io
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import office
import pytest
from office import Answer, Browser, Office

from openchargeback.web import downloads
from openchargeback.web.workspace import Place
from repository import HEAD, Repository, row

TODAY = dt.datetime.now(dt.UTC).date().isoformat()
BY = office.PEOPLE["finn"].email
ANSWERS = (
    "journal:\n  answers: {document: Document, line: Line, status: Status, reason: Reason, "
    "accepted: [ok], suspense: [wait], rejected: [no], unlisted: accepted}\n"
)
MONTH = "/web/months/2025-01"


def make(root: Path) -> Repository:
    """January with a held charge that a reviewer decided, an expected source that delivered nothing, and February."""
    made = office.ledger(root)
    made.write(
        "config.yaml",
        "organization: Test University\nsources:\n  aws: {credit_fund: C-1}\n"
        f"  hpc: {{credit_fund: C-2, expected: monthly}}\n{ANSWERS}",
    )
    made.write("charges/2025-01/aws.csv", HEAD + row("12.345") + row("7", "r3", pi="ben@example.edu"))
    made.write("charges/2025-02/aws.csv", HEAD + row("5", month="2025-02"))
    made.write("charges/2025-02/hpc.csv", HEAD + row("1.5", "n1", month="2025-02"))
    made.commit(message="Two months")
    return made


def approve(ledger: Repository) -> None:
    """A held charge of January and a reviewer's decision on it."""
    ledger.write("charges/2025-01/aws.csv", HEAD + row("12.345") + row("7", "r3", fund=""))
    ledger.commit(message="Another export")
    found = ledger.run("review", "list", "--json")
    item = re.search(r'"charge": "([0-9a-f]+)"', found.stdout)
    assert item, found.stdout
    options = ("--set-fund", "F-2", "--by", "rita@example.edu", "--reason", "asked")
    ledger.run("review", "reassign", "--period", "2025-01", "--charge", item[1], *options)
    ledger.commit(message="Decide January", who="rita")
    ledger.write("pages/rates.md", "# Rates\n")
    ledger.commit(message="Publish the rates")  # the last commit is not the one that brought the decision


def copied(ledger: Repository, to: Path) -> Repository:
    """The same ledger elsewhere, for the command line."""
    shutil.copytree(ledger.root, to, ignore=shutil.ignore_patterns(".openchargeback"))
    other = object.__new__(Repository)
    other.root = to
    return other


def written(ledger: Repository, branch: str = "") -> dict[str, bytes]:
    """The files about the state of months: on a branch, else in the folder."""
    if not branch:
        folders = ("periods", "postings")
        found = [path for each in folders for path in (ledger.root / each).rglob("*") if path.is_file()]
        return {path.relative_to(ledger.root).as_posix(): path.read_bytes() for path in found}
    names = ledger.git("ls-tree", "-r", "--name-only", branch, "periods", "postings").split()
    return {name: ledger.git("show", f"{branch}:{name}").encode() + b"\n" for name in names}


def taken(browser: Browser, got: Answer) -> str:
    """Commit the draft that a form began; the branch."""
    assert got.status == 303, got.words
    draft = got.location
    shown = browser.follow(draft)
    assert "Commit puts this on a new branch" in shown.words, shown.words
    done = browser.post(f"{draft}/commit")
    assert done.location.startswith("/web/proposals/"), done.words
    return done.location.removeprefix("/web/proposals/")


def merge(ledger: Repository, branch: str) -> None:
    """What the approval of a proposal does."""
    ledger.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch, who="rita")


@pytest.fixture
def ledger(tmp_path: Path) -> Repository:
    return make(tmp_path / "ledger")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """January closed and February open, which no test changes."""
    made = make(tmp_path_factory.mktemp("closed") / "ledger")
    made.run(
        "periods", "close", "2025-01", "--without", "hpc", "--reason", "no usage", "--on", "2025-02-03", "--by", "me"
    )
    made.write(
        "deliveries/2025-01.yaml",
        "deliveries:\n"
        "  - {id: a@example.edu, kind: statements, to: ada@example.edu, state: sent, at: '2025-02-03T09:30:00Z', "
        "reply: ok, statements: [{number: 2025-01-aaaaaaaaaa}]}\n"
        "  - {id: b@example.edu, kind: statements, to: ben@example.edu, state: failed, at: '2025-02-03T09:31:00Z', "
        "reply: no such person, statements: [{number: 2025-01-bbbbbbbbbb}]}\n",
    )
    made.commit(message="Close 2025-01")
    with office.served(made.root) as served:
        yield served


@pytest.mark.slow
def test_a_month_is_closed_finalized_and_reopened_with_the_bytes_of_the_command_line(
    ledger: Repository, tmp_path: Path
) -> None:
    """Evidence included, although the clone is older than the decisions that it is about."""
    with office.served(ledger.root) as served:
        browser = served.browser("finn")
        assert "is expected monthly" in browser.follow(MONTH).words
        approve(ledger)
        cli = copied(ledger, tmp_path / "cli")
        form = {"accounting_date": "2025-01-30", "without": "hpc", "reason": "down all month"}
        branch = taken(browser, browser.post(f"{MONTH}/close", **form))
        assert branch == "close-2025-01"
        options = ("--on", TODAY, "--by", BY, "--accounting-date", "2025-01-30")
        cli.run("periods", "close", "2025-01", *options, "--without", "hpc", "--reason", "down all month")
        assert written(ledger, branch) == written(cli)
        assert b"evidence:" in written(cli)["periods/2025-01.frozen.yaml"]
        assert ledger.git("log", "-1", "--format=%an <%ae> %s", branch) == f"Finn Finance <{BY}> Close 2025-01"
        assert ledger.git("status", "--porcelain") == ""
        merge(ledger, branch)
        cli.commit(message="Close 2025-01")

        again = copied(cli, tmp_path / "again")
        branch = taken(browser, browser.post(f"{MONTH}/finalize"))
        cli.run("periods", "finalize", "2025-01", "--on", TODAY, "--by", BY)
        assert written(ledger, branch) == written(cli)

        branch = taken(browser, browser.post(f"{MONTH}/reopen"))
        again.run("periods", "open", "2025-01")
        assert written(ledger, branch) == written(again)


def test_everything_that_stands_in_the_way_is_shown_with_its_link(ledger: Repository) -> None:
    """In the words of the command line, and with nothing to press while it cannot be closed."""
    ledger.write(
        "config.yaml",
        "organization: Test University\nreview: {evidence: {level: B}}\nsources:\n"
        f"  aws: {{}}\n  hpc: {{credit_fund: C-2, expected: monthly}}\n{ANSWERS}",
    )
    invoiced = HEAD.replace("Tags", "InvoiceId,Tags")
    above = row("25", "r9")
    ledger.write("charges/2025-01/aws.csv", invoiced + above.replace(',"{', ',A,"{'))
    ledger.commit(message="A charge above its list price")
    ledger.run(
        *("review", "approve", "--period", "2025-01", "--flag", "above-list"),
        *("--by", "rita@example.edu", "--reason", "seen"),
    )
    rows = above + row("26", "r9") + row("12.345") + row("9", pi="mia@example.org")
    ledger.write("charges/2025-01/aws.csv", invoiced + rows.replace(',"{', ',A,"{'))
    ledger.write("charges/2025-01/azure/estimate-1.csv", HEAD + row("2", "z1"))
    ledger.write(
        "directory/people.yaml",
        "people:\n"
        + "".join(f"  - {{email: {pi}@example.edu, name: {pi.title()}}}\n" for pi in ("ada", "ben"))
        + "  - {email: mia@example.org, name: Mia, payer_class: external-academic, organization: A College}\n",
    )
    ledger.write("invoices/2025-01/aws.yaml", "invoices:\n  - {id: A, amount: 100.00}\n")
    ledger.commit(message="Everything at once")
    refused = ledger.run("periods", "close", "2025-01", code=2).stderr
    with office.served(ledger.root) as served:
        admin = served.browser("admin").follow(MONTH)
        finance = served.browser("finn").follow(MONTH)
    found = re.findall(r'<li><p>(.*?)\.</p>\s*<p class="note">(.*?)</p></li>', admin.text, re.DOTALL)
    shown = {re.sub(r"&#39;", "'", what): note for what, note in found}
    lines = [line.strip() for line in refused.splitlines() if line.startswith("  ")]
    assert len(shown) == len(lines) == 9, (refused, shown)
    for what, line in zip(shown, lines, strict=True):
        assert line.casefold().startswith(what.casefold())

    def note(words: str) -> str:
        return next(note for what, note in shown.items() if words in what)

    assert 'href="../../review/index.html#period=2025-01"' in note("undecided")
    assert 'href="../../review/index.html#void"' in note("approvals/2025-01/approve-above-list.yaml:2: approve is void")
    assert 'href="../../approvals/index.html"' in note("approval evidence is level C")
    assert "credit_fund" in note("The source aws has no credit fund")
    assert 'href="../directory"' in note("mia@example.org is to be invoiced")
    assert 'href="../import?period=2025-01&amp;source=hpc"' in note("hpc is expected monthly")
    assert 'href="../import?period=2025-01"' in note("is an estimate")
    assert 'href="../../periods/2025-01/index.html"' in note("invoice A of aws")
    assert "/close" not in admin.text
    assert "hpc is expected monthly" in finance.words
    assert "import?" not in finance.text  # finance does not import


@pytest.mark.slow
def test_a_month_that_someone_else_closed_meanwhile_is_not_closed_again(ledger: Repository) -> None:
    form = {"without": "hpc", "reason": "down"}
    with office.served(ledger.root) as served:
        late, later = served.browser("finn"), served.browser("admin")
        assert "/close" in later.follow(MONTH).text
        got = late.post(f"{MONTH}/close", **form)
        assert "Commit puts" in late.follow(got.location).words
        ledger.run("periods", "close", "2025-01", "--without", "hpc", "--reason", "down", "--commit", "--by", "me")
        # Who has the old page is told; who was ahead makes a branch that cannot be merged.
        refused = later.follow(later.post(f"{MONTH}/close", **form).location)
        assert "2025-01 is already closed" in refused.words
        branch = late.post(f"{got.location}/commit").location.removeprefix("/web/proposals/")
        assert "Finalize January 2025" in until(late, "on the branch close-2025-01").words
    with pytest.raises(Exception, match="merge"):
        merge(ledger, branch)


@pytest.mark.slow
def test_a_branch_outlives_a_restart_of_the_server(ledger: Repository) -> None:
    with office.served(ledger.root) as served:
        browser = served.browser("finn")
        branch = taken(browser, browser.post(f"{MONTH}/close", without="hpc", reason="down"))
        draft = browser.post(f"{MONTH}/close", without="hpc", reason="down").location
    with office.served(ledger.root) as served:
        browser = served.browser("finn")
        assert browser.get(draft).status == 404  # a draft was never in the ledger
        assert f'href="../proposals/{branch}"' in browser.follow(MONTH).text
        merge(ledger, branch)
        until(browser, "Closed on", without="waiting for approval")
    assert ledger.git("fsck", "--no-dangling") == ""


def until(browser: Browser, words: str, without: str = "\0") -> Answer:
    """The page of January once it says one thing and not another: the server looks at the repository twice a second."""
    for _ in range(100):
        got = browser.follow(MONTH)
        if words in got.words and without not in got.words:
            return got
        time.sleep(0.05)
    raise AssertionError(got.words)


def test_a_closed_month_can_be_reopened_in_a_ledger_with_errors(ledger: Repository) -> None:
    """As on the command line: reopening may be the fix."""
    ledger.run("periods", "close", "2025-01", "--without", "hpc", "--reason", "down", "--commit", "--by", "me")
    ledger.write("charges/2025-01/aws.csv", HEAD + row("13"))
    ledger.commit(message="Change a closed month")
    with office.served(ledger.root) as served:
        browser = served.browser("finn")
        page = browser.follow(MONTH)
        assert page.status == 409
        assert "charges/2025-01/aws.csv" in page.words
        assert 'action="2025-01/reopen"' in page.text
        branch = taken(browser, browser.post(f"{MONTH}/reopen"))
    assert "state: open" in ledger.git("show", f"{branch}:periods/2025-01.yaml")


@pytest.mark.parametrize("who", ["rita", "vera", "pia"])
def test_only_admin_and_finance_see_months(closed: Office, who: str) -> None:
    browser = closed.browser(who)
    for path in ("/web/months", MONTH, f"{MONTH}/journal/detail.csv", "/web/bundles/1", "/web/bundles/1/file"):
        assert browser.get(path).status == 403, path
    for step in ("close", "finalize", "reopen", "bundle"):
        assert browser.post(f"{MONTH}/{step}").status == 403, step
    assert browser.upload("/web/postings", {"a.csv": b"x"}, "file").status == 403


def test_the_list_says_what_each_month_waits_for(closed: Office) -> None:
    words = closed.browser("finn").follow("/web/months").words
    assert "February 2025 Open 1 6.50 0.00 ready to close" in words
    assert "January 2025 Closed 2 19.35 0.00 4 journal lines not posted; 1 email did not arrive" in words


def test_who_got_which_statement_and_who_did_not(closed: Office) -> None:
    words = closed.browser("finn").follow(MONTH).words
    assert "ben@example.edu 2025-01-bbbbbbbbbb failed 2025-02-03 09:31 no such person" in words
    assert "ada@example.edu 2025-01-aaaaaaaaaa sent 2025-02-03 09:30" in words


@pytest.mark.parametrize(("period", "draft"), [("2025-01", ""), ("2025-02", "DRAFT-")])
def test_journal_files_are_those_of_the_command_line(closed: Office, tmp_path: Path, period: str, draft: str) -> None:
    browser = closed.browser("finn")
    page = browser.follow(f"/web/months/{period}")
    names = re.findall(rf'href="{period}/journal/([^"]+)"', page.text)
    assert names == [f"{draft}{name}" for name in ("detail.csv", "summary.csv", "gl.csv", "control-totals.json")]
    cli = copied(repository(closed.root), tmp_path / "cli")
    for name in names[:3]:
        (tmp_path / "out").mkdir(exist_ok=True)
        form = name.removeprefix(draft).removesuffix(".csv")
        cli.run("journal", "--period", period, "--format", form, "-o", str(tmp_path / "out"))
        got = browser.get(f"/web/months/{period}/journal/{name}")
        assert got.data == (tmp_path / "out" / name).read_bytes()
        assert got.headers["content-disposition"] == f"attachment; filename*=utf-8''{draft}{form}.{period}.csv"
    assert f'"period":"{period}"' in re.sub(r"\s", "", browser.get(f"/web/months/{period}/journal/{names[3]}").text)


def test_there_are_no_other_journal_files(closed: Office) -> None:
    browser = closed.browser("finn")
    for name in ("..", "kfs.data", "DRAFT-detail.csv"):
        assert browser.get(f"{MONTH}/journal/{name}").status == 404
    assert browser.get("/web/months/2031-01/journal/detail.csv").status == 404
    assert browser.follow("/web/months/2031-01").status == 404


def test_the_bundle_is_that_of_the_command_line_and_gone_once_it_was_sent(closed: Office, tmp_path: Path) -> None:
    browser, other = closed.browser("finn"), closed.browser("admin")
    address = browser.post(f"{MONTH}/bundle").location
    page = browser.follow(address)
    assert "2025-01-for-finance.zip, " in page.words
    assert f'href="{address.rpartition("/")[2]}/file"' in page.text
    assert other.get(address).status == 404
    assert browser.send("HEAD", f"{address}/file").status == 200  # which takes nothing
    got = browser.get(f"{address}/file")
    assert got.headers["content-disposition"] == 'attachment; filename="2025-01-for-finance.zip"'
    cli = copied(repository(closed.root), tmp_path / "cli")
    cli.run("bundle", "2025-01", "-o", str(tmp_path / "out"))
    with (
        zipfile.ZipFile(io.BytesIO(got.data)) as made,
        zipfile.ZipFile(tmp_path / "out/2025-01-for-finance.zip") as own,
    ):
        assert made.namelist() == own.namelist()
        assert {name: made.read(name) for name in made.namelist()} == {name: own.read(name) for name in own.namelist()}
    assert got.data == (tmp_path / "out/2025-01-for-finance.zip").read_bytes()
    assert browser.get(f"{address}/file").status == 404
    assert list(closed.program.uploads.glob("bundle-*")) == []


def test_a_bundle_takes_the_pdfs_that_the_portal_has_rendered(closed: Office) -> None:
    finn = closed.browser("finn")
    until = time.monotonic() + 300
    while '"building":true' in finn.get("/web/state.js").text:
        assert time.monotonic() < until
        time.sleep(0.2)
    rendered = pdfs(closed.root)
    assert rendered
    address = finn.post(f"{MONTH}/bundle").location
    assert "It is removed from the server" in finn.follow(address).words
    finn.get(f"{address}/file")
    assert pdfs(closed.root) == rendered


def pdfs(root: Path) -> set[Path]:
    """The PDFs in the caches of a served ledger."""
    caches = (root / ".openchargeback").rglob("cache/??/*")
    return {path.resolve() for path in caches if path.read_bytes()[32:].startswith(b"%PDF")}


def _slow_bundle(_place: Place, _base: str, _period: str, folder: Path) -> Path:
    """A bundle that is written once there is a file beside its folder. In the process for reads."""
    folder.mkdir()
    go, until = folder.with_suffix(".go"), time.monotonic() + 120
    while not go.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    archive = folder / "slow.zip"
    archive.write_bytes(b"PK")
    return archive


def test_neither_drafts_nor_journals_wait_for_a_bundle(closed: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "bundle", _slow_bundle)
    finn, rita = closed.browser("finn"), closed.browser("rita")
    address = finn.post(f"{MONTH}/bundle").location
    id_ = address.rpartition("/")[2]
    draft = rita.post("/web/directory/entry", kind="people", new="yes", email="zoe@example.edu", name="Zoe").location
    assert "Commit puts this on a new branch" in rita.follow(draft, seconds=90).words
    assert finn.get(f"{MONTH}/journal/control-totals.json").status == 200
    assert "Writing the statements and the journal" in finn.get(address).words
    (closed.program.uploads / f"bundle-{id_}.go").touch()
    assert "slow.zip, " in finn.follow(address).words
    assert finn.get(f"{address}/file").data == b"PK"
    rita.post(f"{draft}/discard")


def repository(root: Path) -> Repository:
    """A repository that is there."""
    found = object.__new__(Repository)
    found.root = root
    return found


ANSWER = b"Document,Line,Status,Reason\n{0},1,ok,\n{0},2,ok,\n{0},3,wait,inactive\n"


def document(root: Path) -> bytes:
    found = re.search(r"format: gl, number: (\S+),", (root / "periods/2025-01.frozen.yaml").read_text())
    assert found
    return found[1].encode()


def test_an_answer_is_recorded_with_the_bytes_of_the_command_line(closed: Office, tmp_path: Path) -> None:
    ledger = repository(closed.root)
    data = ANSWER.replace(b"{0}", document(closed.root))
    cli = copied(ledger, tmp_path / "cli")
    (tmp_path / "answer.csv").write_bytes(data)
    cli.run("journal", "posted", str(tmp_path / "answer.csv"), "--on", "2025-02-10", "--by", BY)
    browser = closed.browser("finn")
    before = {path for path in closed.root.parent.rglob("*") if ".git" not in path.parts}
    got = browser.upload("/web/postings", {"../../../x.csv": data}, "file", period="2025-01", on="2025-02-10")
    shown = browser.follow(got.location)
    assert "posted on 2025-02-10: 1 line in suspense" in shown.words
    branch = taken(browser, got)
    assert branch == "posting-2025-01"
    assert written(ledger, branch)["postings/2025-01.yaml"] == written(cli)["postings/2025-01.yaml"]
    after = {path for path in closed.root.parent.rglob("*") if ".git" not in path.parts}
    assert not [path for path in after - before if path.name == "x.csv"]


def test_a_faulty_answer_is_refused_with_its_places(closed: Office) -> None:
    browser = closed.browser("finn")
    number = document(closed.root)
    data = b"Document,Line,Status,Reason\n" + number + b",1,perhaps,\n" + number + b",x,ok,\n"
    got = browser.upload("/web/postings", {'<b>"answer".csv': data}, "file", period="2025-01")
    shown = browser.follow(got.location)
    assert "Status has an unknown word: perhaps" in shown.words
    assert "line 2" in shown.words
    assert "Line is not a line number: x" in shown.words
    assert "line 3" in shown.words
    assert "<b>" not in shown.text
    assert browser.post(f"{got.location}/commit").status == 409


@pytest.mark.parametrize(
    ("files", "fields", "status"),
    [({}, {}, 400), ({"empty.csv": b""}, {}, 400), ({"a.csv": b"x"}, {"on": "yesterday"}, 400)],
)
def test_what_is_no_answer_is_refused(
    closed: Office, files: dict[str, bytes], fields: dict[str, str], status: int
) -> None:
    assert closed.browser("finn").upload("/web/postings", files, "file", **fields).status == status


def test_an_answer_that_is_too_large_is_refused_before_it_is_read(closed: Office) -> None:
    browser = closed.browser("finn")
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(1 << 28)}
    assert browser.send("POST", "/web/postings", b"", headers).status == 413
    without = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Transfer-Encoding": "chunked",
        "Content-Length": None,
    }
    assert browser.send("POST", "/web/postings", b"0\r\n\r\n", without).status == 411


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "The source hpc is expected monthly"),
        ({"without": "hpc"}, "say why 2025-01 is complete without hpc"),
        ({"without": "hpc", "reason": "x", "accounting_date": "2024-12-31"}, "is before the start of 2025-01"),
        ({"without": "aws", "reason": "x"}, "it has 2 charges in 2025-01"),
    ],
)
def test_a_month_is_not_closed_for_a_form_that_lacks_something(
    opened: Office, form: dict[str, str], words: str
) -> None:
    browser = opened.browser("finn")
    browser.follow(MONTH)
    got = browser.post(f"{MONTH}/close", **form)
    shown = browser.follow(got.location)
    assert words.lower() in shown.words.lower()
    assert browser.post(f"{got.location}/commit").status == 409


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """January open, which no test changes."""
    made = make(tmp_path_factory.mktemp("opened") / "ledger")
    with office.served(made.root) as served:
        yield served


def test_a_date_that_is_none_is_refused(opened: Office) -> None:
    browser = opened.browser("finn")
    assert browser.post(f"{MONTH}/close", accounting_date="31.1.2025").status == 400
    assert browser.post("/web/months/2031-01/close").status == 404


def test_files_that_are_not_committed_are_named_where_they_are_missing(ledger: Repository) -> None:
    """Such as right after `ingest`: the portal has their month, the pages of `main` do not."""
    missing = "1 file in the folder of the ledger is not committed: charges/2025-09/aws.csv. The portal shows it;"

    def wait_for(path: str, *, shown: bool) -> None:
        until = time.monotonic() + 60
        while (missing in (words := admin.follow(path).words)) is not shown:
            assert time.monotonic() < until, words
            time.sleep(0.1)

    with office.served(ledger.root) as served:
        admin = served.browser("admin")
        assert "not committed" not in admin.get("/web/todo").words
        ledger.write("charges/2025-09/aws.csv", HEAD + row("5", month="2025-09"))
        for path in ("/web/todo", "/web/months"):
            wait_for(path, shown=True)
        ledger.commit()
        wait_for("/web/months", shown=False)
