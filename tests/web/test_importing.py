"""Importing charge files: what is recognized, shown and asked, and that Git gets what the command line would commit."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import office
import pytest
from office import Answer, Browser, Office

from repository import HEAD, Repository, row

FEBRUARY = (HEAD + row("10", month="2025-02") + row("2.5", "r2", month="2025-02")).encode()


def january_file(root: Path) -> bytes:
    return (root / "charges/2025-01/aws.csv").read_bytes()


def imported(browser: Browser, files: dict[str, bytes], **fields: str) -> Answer:
    """The page that someone sees once the files are checked: of the draft, before its plan, or what keeps it."""
    got = browser.upload("/web/import", files, **fields)
    assert got.status == 303, got.words
    return checked(browser, got.location)


def checked(browser: Browser, path: str) -> Answer:
    """The page of an import or its draft, as soon as the files are checked."""
    return browser.follow(path, until="Working out what this changes in money")


def import_of(got: Answer) -> str:
    """The address of an import, on a page that asks something or refuses it."""
    found = re.search(r'action="[./]*(?:web/)?(?:import/)?([0-9a-f]{16})(?:/discard)?"', got.text)
    assert found, got.text
    return f"/web/import/{found[1]}"


def answered(browser: Browser, page: Answer, **fields: str) -> Answer:
    """The page after an answer, once nothing runs any more."""
    got = browser.post(import_of(page), **fields)
    assert got.status == 303, got.words
    return checked(browser, got.location)


def planned(browser: Browser, page: Answer) -> Answer:
    """The page of a draft with its plan."""
    return browser.follow(f"/web/drafts/{draft_of(page)}")


def draft_of(page: Answer) -> str:
    """The id of the draft on whose page someone is."""
    return page.path.rpartition("/")[2]


def committed(browser: Browser, page: Answer) -> str:
    """Commit the draft of a page; gives the branch."""
    got = browser.post(f"/web/drafts/{draft_of(page)}/commit")
    assert got.status == 303, got.words
    return got.location.removeprefix("/web/proposals/")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A served ledger whose `main` no test changes: December is closed, January and the rest are open."""
    made = office.ledger(tmp_path_factory.mktemp("desk") / "ledger")
    made.write("charges/2024-12/aws.csv", HEAD + row("4", month="2024-12"))
    made.commit(message="Add December")
    made.run("periods", "close", "2024-12", "--by", "admin@example.edu", "--on", "2025-01-03")
    made.commit(message="Close December")
    with office.served(made.root) as served:
        yield served


@pytest.fixture
def rita(desk: Office) -> Iterator[Browser]:
    """A reviewer, who leaves nothing unfinished to the next test."""
    browser = desk.browser("rita")
    yield browser
    for each in desk.program.imports.all():
        place = f"drafts/{each.pending.id}" if each.drafted and each.pending else f"import/{each.id}"
        desk.browser(each.person.user).post(f"/web/{place}/discard")


def test_a_file_becomes_a_draft_with_sums_and_plan(desk: Office, rita: Browser) -> None:
    got = imported(rita, {"aws_2025-02.csv": FEBRUARY})
    got = planned(rita, got)
    assert "Import aws charges for February 2025" in got.words
    assert "aws_2025-02.csv charges/2025-02/aws.csv new 2 12.50 40.00" in got.words
    assert "aws, February 2025 nothing 12.50 USD (2 charges) +12.50" in got.words
    assert "1 period changes: 0.00 → 12.50 USD (+12.50)" in got.words
    assert "Commit puts this on a new branch, import/aws-2025-02" in got.words
    assert not (desk.root / "charges/2025-02").exists()


def test_many_files_of_several_sources_are_one_change(rita: Browser) -> None:
    hpc = (HEAD + row("3", "n1", month="2025-02")).encode()
    got = imported(rita, {"aws-2025-02.csv": FEBRUARY, "hpc.csv": hpc}, source="")
    # Nothing tells what hpc is: the ledger has no such source yet.
    assert "Source of hpc.csv" in got.words
    assert "Source of aws" not in got.words
    got = answered(rita, got, **{"source-1": "HPC"})
    assert "Import aws and hpc charges for February 2025" in got.words
    assert "charges/2025-02/hpc.csv" in got.words


def test_the_same_file_again_is_already_in_the_ledger(desk: Office, rita: Browser) -> None:
    got = imported(rita, {"again aws.csv": january_file(desk.root)})
    assert "This is already in the ledger" in got.words
    assert "again aws.csv is already in the ledger as charges/2025-01/aws.csv." in got.words
    assert "Commit" not in got.words


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize(
    ("mode", "stored", "sums"),
    [
        (
            "replace",
            "charges/2025-01/aws.csv replaces what was there",
            "23.35 USD (4 charges) 5.00 USD (1 charge) −18.35",
        ),
        ("add", "charges/2025-01/aws/part-001.csv new", "23.35 USD (4 charges) 28.35 USD (5 charges) +5.00"),
    ],
)
def test_other_charges_of_a_month_are_replaced_or_added_as_the_person_says(
    rita: Browser, mode: str, stored: str, sums: str
) -> None:
    got = imported(rita, {"aws.csv": (HEAD + row("5", "r9")).encode()})
    assert "aws already has other charges in 2025-01" in got.words
    assert {"replace", "add"} == set(re.findall(r'type="radio" name="mode.aws" value="(\w+)"', got.text))
    got = answered(rita, got, **{"mode.aws": mode})
    assert stored in got.words
    assert f"aws, January 2025 {sums}" in got.words


@pytest.mark.slow
def test_added_rows_that_are_there_already_are_named_as_ingest_names_them(desk: Office, rita: Browser) -> None:
    data = january_file(desk.root) + row("5", "r9").encode()
    got = answered(rita, imported(rita, {"aws.csv": data}), **{"mode.aws": "add"})
    assert "warning: 4 rows of aws.csv are already in charges/2025-01/aws.csv" in got.words
    assert "row 2 is row 2 there" in got.words


@pytest.mark.slow
def test_a_file_of_two_months_is_split_or_kept_whole(rita: Browser) -> None:
    data = FEBRUARY + row("7", "r3", month="2025-03").encode()
    got = imported(rita, {"aws.csv": data})
    assert "aws.csv spans 2 months" in got.words
    whole = answered(rita, got, period="2025-03")
    assert "aws.csv charges/2025-03/aws.csv new 3 19.50" in whole.words
    split = answered(rita, imported(rita, {"aws.csv": data}), **{"mode.aws": "split"})
    assert "aws.csv charges/2025-02/aws.csv one month of the file 2 12.50" in split.words
    assert "aws.csv charges/2025-03/aws.csv one month of the file 1 7.00" in split.words


def test_charges_of_a_closed_month_go_into_an_open_one(rita: Browser) -> None:
    got = imported(rita, {"aws.csv": (HEAD + row("9", "late", month="2024-12")).encode()})
    assert "2024-12 is closed: late charges go into an open period" in got.words
    assert 'name="period"' in got.text
    got = answered(rita, got, period="2025-02")
    assert "aws.csv charges/2025-02/aws.csv new 1 9.00" in got.words


def test_estimates_are_stored_as_such(rita: Browser) -> None:
    got = imported(rita, {"aws.csv": FEBRUARY}, estimate="on")
    assert "charges/2025-02/aws/estimate-000.csv" in got.words


def test_the_faults_of_all_files_are_shown_in_place(rita: Browser) -> None:
    bad = (HEAD + row("abc", month="2025-02")).encode()
    got = imported(rita, {"aws-1.csv": bad, "aws-2.csv": bad + row("5").encode(), "aws-3.csv": FEBRUARY})
    for name in ("aws-1.csv", "aws-2.csv"):
        assert f"BilledCost is not a number: abc {name}, line 2, column BilledCost" in got.words
    assert "2025-02-01,abc,20" in got.text  # the excerpt
    assert "Write a plain number" in got.words
    assert "aws-3.csv" not in got.words
    assert "Choose other files" in got.words


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("aws.csv", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF, not CSV text"),
        ("aws.csv", b"PK\x03\x04[Content_Types].xml xl/", "an Excel workbook, not CSV text"),
        ("aws.csv.gz", b"\x1f\x8b\x08\x00", "Check that the file is complete"),
        ("aws.parquet", b"PAR1 and then nothing", "Parquet"),
        ("aws.zip", b"PK\x03\x04 and then nothing", "aws.zip cannot be read: it is not a zip archive"),
        ("aws.csv", b"", "no"),
    ],
)
def test_what_is_not_a_charge_file_is_refused_with_a_reason(rita: Browser, name: str, data: bytes, said: str) -> None:
    got = imported(rita, {name: data})
    assert said in got.words
    assert "These files were not imported" in got.words


@pytest.mark.parametrize("name", ["notes.txt", "aws.csv.exe", "aws", "aws.csv/", ".CSV.zip.html"])
def test_other_endings_are_refused(desk: Office, rita: Browser, name: str) -> None:
    got = rita.upload("/web/import", {name: FEBRUARY, "aws.csv": FEBRUARY})
    assert got.status == 422
    assert "is not a charge file: names end in .csv, .csv.gz" in got.words
    assert list(desk.program.uploads.iterdir()) == []


def test_an_upload_without_files_is_refused(rita: Browser) -> None:
    for files in ({}, {"": b""}):
        got = rita.upload("/web/import", files)
        assert (got.status, "Choose at least one file" in got.words) == (422, True)
    assert rita.post("/web/import", files="aws.csv").status == 422


def test_a_month_that_is_none_is_refused(rita: Browser) -> None:
    assert rita.upload("/web/import", {"aws.csv": FEBRUARY}, period="../2025").status == 422


@pytest.mark.parametrize("source", ["../../x", "a b", "x" * 41])
def test_a_source_that_is_none_is_refused(rita: Browser, source: str) -> None:
    got = imported(rita, {"aws.csv": FEBRUARY}, source=source)
    assert "is not a valid source name" in got.words


@pytest.mark.parametrize(
    "name",
    [
        "../../x.csv",
        "..\\..\\x.csv",
        "/etc/x.csv",
        "a[1]*?.csv",
        "<b>aws</b>.csv",
        "a'; DROP TABLE charge; --.csv",
        "..csv",
    ],
)
def test_no_name_reaches_the_disk(desk: Office, rita: Browser, name: str) -> None:
    before = {path for path in desk.root.parent.rglob("*") if "clone" not in path.parts}
    got = imported(rita, {name: FEBRUARY}, source="aws")
    assert "aws, February 2025 nothing 12.50 USD" in got.words
    assert "<b>aws" not in got.text
    new = {path for path in desk.root.parent.rglob("*") if "clone" not in path.parts} - before
    ours = [path.relative_to(desk.program.uploads) for path in new if path.is_relative_to(desk.program.uploads)]
    assert sorted(path.name for path in ours if len(path.parts) == 2) == ["0.csv"]
    assert not any("x.csv" in path.name for path in new)


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def test_a_zip_archive_is_a_delivery(rita: Browser) -> None:
    parts = {"part-0.csv": FEBRUARY, "part-1.csv": (HEAD + row("1", "r7", month="2025-02")).encode()}
    got = imported(rita, {"aws.zip": zipped(parts)})
    assert "aws.zip/part-1.csv charges/2025-02/aws/part-001.csv new 1 1.00" in got.words
    assert "it has no manifest" in got.words


def test_an_archive_that_leads_outside_is_refused(rita: Browser) -> None:
    got = imported(rita, {"aws.zip": zipped({"../../x.csv": FEBRUARY})})
    assert "has a name that leads outside the archive" in got.words


def test_an_import_is_its_owner_s_alone(desk: Office, rita: Browser) -> None:
    got = imported(rita, {"what.csv": FEBRUARY.replace(b"ServiceName", b"x_Own")})
    assert "Source of what.csv" in got.words
    place = import_of(got)
    other = desk.browser("admin")
    assert other.get(place).status == 404
    assert other.post(place, **{"source-0": "aws"}).status == 404
    assert other.post(f"{place}/discard").status == 404
    assert rita.get(place).status == 200
    assert rita.post(f"{place}/discard").location == "/web/import"
    assert list(desk.program.uploads.iterdir()) == []


def test_only_so_many_imports_stay_unfinished(desk: Office, rita: Browser) -> None:
    unknown = FEBRUARY.replace(b"ServiceName", b"x_Own")
    for _ in range(10):
        assert rita.upload("/web/import", {"what.csv": unknown}).status == 303
    got = rita.upload("/web/import", {"what.csv": unknown})
    assert (got.status, "too many unfinished imports" in got.words) == (503, True)
    assert len(list(desk.program.uploads.iterdir())) == 10
    assert desk.browser("admin").upload("/web/import", {"what.csv": unknown}).status == 303


@pytest.mark.parametrize("user", ["finn", "vera", "pia"])
def test_the_wrong_role_uploads_nothing(desk: Office, user: str) -> None:
    got = desk.browser(user).upload("/web/import", {"aws.csv": FEBRUARY})
    assert got.status == 403
    assert list(desk.program.uploads.iterdir()) == []


def test_another_site_uploads_nothing(desk: Office, rita: Browser) -> None:
    body = (
        b'--e\r\nContent-Disposition: form-data; name="files"; filename="aws.csv"\r\n\r\n' + FEBRUARY + b"\r\n--e--\r\n"
    )
    headers: dict[str, str | None] = {"Content-Type": "multipart/form-data; boundary=e"}
    assert rita.send("POST", "/web/import", body, {**headers, "Sec-Fetch-Site": "cross-site"}).status == 403
    assert list(desk.program.uploads.iterdir()) == []
    assert rita.send("POST", "/web/import", body, headers).status == 303


def tree_of(ledger: Repository, name: str) -> str:
    return ledger.git("rev-parse", f"{name}^{{tree}}")


def test_git_gets_what_the_command_line_would_commit(tmp_path: Path) -> None:
    """The same tree, from the same base; the work tree and the index of the ledger stay as they are."""
    made = office.ledger(tmp_path / "ledger")
    twin = tmp_path / "twin"
    shutil.copytree(made.root, twin)
    # Someone works in the ledger's folder.
    made.write("charges/2025-01/hpc.csv", HEAD + row("1", "own"))
    made.write("notes.md", "unfinished\n")
    made.git("add", "notes.md")
    made.write("config.yaml", (made.root / "config.yaml").read_text() + "# thinking\n")
    status, index = made.git("status", "--porcelain"), (made.root / ".git/index").read_bytes()
    head = made.git("rev-parse", "HEAD")
    files = {"aws one.csv": (HEAD + row("5", "r8")).encode(), "aws two.csv": (HEAD + row("6", "r9")).encode()}
    with office.served(made.root) as served:
        rita = served.browser("rita")
        page = answered(rita, imported(rita, files), **{"mode.aws": "add"})
        assert "charges/2025-01/aws/part-002.csv" in page.words
        name = committed(rita, page)
    assert name == "import/aws-2025-01"
    assert made.git("status", "--porcelain") == status
    assert (made.root / ".git/index").read_bytes() == index
    assert made.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert made.git("rev-parse", "HEAD", f"{name}^") == f"{head}\n{head}"
    assert made.git("log", "-1", "--format=%an <%ae>|%cn <%ce>|%s", name) == (
        "Rita Reviewer <rita@example.edu>|Rita Reviewer <rita@example.edu>|Import aws charges for January 2025"
    )
    made.git("fsck", "--strict")

    for given, data in files.items():
        (tmp_path / given).write_bytes(data)
    other = Repository.__new__(Repository)
    other.root = twin
    other.run("ingest", *map(str, sorted(tmp_path.glob("*.csv"))), "--source", "aws", "--add")
    other.commit(message="By hand")
    assert tree_of(made, name) == tree_of(other, "HEAD")


def test_a_file_beyond_what_git_hosts_take_is_stored_compressed(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here by the function alone: the process for changes does not see the patch."""
    from openchargeback.web import importing
    from openchargeback.web.importing import Answers, Form, Upload

    folder = desk.program.uploads / "own"
    folder.mkdir()
    try:
        (folder / "0.csv").write_bytes(FEBRUARY)
        base = desk.program.base()
        answers = Answers(("aws",))
        found = importing.check(desk.program.place, base, [Upload("aws.csv", folder / "0.csv")], answers)
        monkeypatch.setattr(importing, "MAX_STORED_BYTES", 100)
        change = importing.apply(desk.program.place.clone, Form(folder, answers, found), office.RITA)
        assert "charges/2025-02/aws.csv.gz: added, 2 charges, 12.50 USD" in change.body
        assert any("Stored as gzip" in note for note in change.notes)
    finally:
        shutil.rmtree(folder)


def test_an_unfinished_import_is_on_the_first_page(desk: Office, rita: Browser) -> None:
    place = rita.upload("/web/import", {"aws.csv": b"not,a,charge\n1,2,3\n"}).location
    rita.follow(place)
    assert place.removeprefix("/web/") in rita.get("/web/todo").text
    assert place.removeprefix("/web/") not in desk.browser("rob").get("/web/todo").text
