"""`verify PDF`: honest files, and files that someone really altered."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import ArrayObject, ByteStringObject, ContentStream, NameObject, NumberObject, TextStringObject

from openchargeback.verify.pdf_comparing import describe_differences
from openchargeback.verify.pdf_reading import AMBIGUOUS, differing_values, read_pdf
from repository import HEAD, Repository, poison, row

pytestmark = pytest.mark.slow

LOOP = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[2 0 R]/Count 9>>endobj "
    b"trailer<</Root 1 0 R>>\n%%EOF"
)


@pytest.fixture
def pdf(ledger: Repository) -> Path:
    """Ada's statement of January, a draft of 16.35."""
    return statement(ledger)


def statement(ledger: Repository, who: str = "ada") -> Path:
    """The PDF that `generate` writes now."""
    ledger.run("generate", "--period", "2025-01", "-o", "out")
    (found,) = (ledger.root / "out").rglob(f"{who}@*/*.pdf")
    return found


def verify(ledger: Repository, path: Path, code: int = 1) -> dict[str, Any]:
    """What the program says of a file."""
    told: dict[str, Any] = json.loads(ledger.run("verify", str(path), "--json", code=code).stdout)
    return told


def rewritten(path: Path, change: Callable[[PdfWriter], object]) -> Path:
    """A copy that another program changed and wrote again."""
    writer = PdfWriter(clone_from=str(path))
    change(writer)
    result = path.with_name("altered.pdf")
    writer.write(str(result))
    return result


def swap_glyphs(path: Path, now: str) -> Path:
    """Exchange two neighboring glyphs of the first page's text, so that an amount reads as `now`."""

    def change(writer: PdfWriter) -> None:
        page = writer.pages[0]
        content = ContentStream(page.get_contents(), writer)
        page[NameObject("/Contents")] = content
        operations = content.operations
        for operands, operator in operations:
            if operator != b"TJ":
                continue
            kept = operands[0]
            raw = b"".join(
                part.original_bytes for part in kept if isinstance(part, ByteStringObject | TextStringObject)
            )
            glyphs = [raw[i : i + 2] for i in range(0, len(raw), 2)]
            if len(glyphs) != len(now):
                continue
            glyphs[:2] = glyphs[1], glyphs[0]
            operands[0] = ArrayObject([ByteStringObject(b"".join(glyphs))])
            content.operations = operations
            if now in page.extract_text().split():
                return
            operands[0] = kept
            content.operations = operations
        pytest.fail(f"no glyphs could be exchanged to read {now}")

    return rewritten(path, change)


def test_what_the_ledger_gives_is_identical(ledger: Repository, pdf: Path) -> None:
    told = verify(ledger, pdf, code=0)
    assert (told["verdict"], told["number"][:8], told["altered"]) == ("identical", "2025-01-", [])


def test_a_cache_that_says_otherwise_is_not_asked(ledger: Repository, pdf: Path) -> None:
    """Figures that were kept and tampered with vouch for nothing."""
    ledger.run("build", "--no-pdf", "-o", "public")
    assert poison(ledger, b"16.35", b"61.35")
    assert verify(ledger, pdf, code=0)["verdict"] == "identical"


def test_a_file_that_another_program_saved_again_matches(ledger: Repository, pdf: Path) -> None:
    """Other bytes, numbers and packing, the same objects."""
    packed = pdf.with_name("packed.pdf")
    command = ["qpdf", "--linearize", "--object-streams=generate", "--recompress-flate", "--compression-level=1"]
    subprocess.run([*command, pdf, packed], check=True)
    for path in (rewritten(pdf, lambda _: None), packed):
        assert path.read_bytes() != pdf.read_bytes()
        told = verify(ledger, path, code=0)
        assert (told["verdict"], told["altered"]) == ("same content", [])


def test_a_file_that_programs_may_read_in_two_ways_is_not_confirmed(ledger: Repository, pdf: Path) -> None:
    """Each leads to the same objects for the program that compares them, and to others for another one."""
    plain = pdf.with_name("plain.pdf")
    subprocess.run(["qpdf", "--object-streams=disable", pdf, plain], check=True)
    data = plain.read_bytes()
    table = data.rindex(b"xref\n0 ")
    unused = b"1 0 obj\n<< /Type /Catalog >>\nendobj\n"
    moved = (
        data[:table] + unused + data[table:].replace(b"startxref\n%d" % table, b"startxref\n%d" % (table + len(unused)))
    )
    doubles = {
        "an object twice": moved,
        "something before the header": b"%" + b"x" * 98 + b"\n" + data,
        "something after the end": data + b"startxref\n0\n",
        "a damaged table": data.replace(b"startxref\n%d" % table, b"startxref\n%d" % (table + 1)),
    }
    assert differing_values(data, pdf.read_bytes(), "plain") == []
    for name, content in doubles.items():
        assert differing_values(content, pdf.read_bytes(), name) == [AMBIGUOUS], name
    plain.write_bytes(moved)
    assert verify(ledger, plain)["altered"][0]["what"] == "structure: programs may show different documents"


def test_an_amount_changed_on_the_page_is_found_though_the_record_is_whole(ledger: Repository, pdf: Path) -> None:
    """Two glyphs of the content stream exchanged; the attachment is untouched."""
    altered = swap_glyphs(pdf, "61.35")
    assert PdfReader(altered).attachments == PdfReader(pdf).attachments
    told = verify(ledger, altered)
    assert told["verdict"] == "altered"
    assert told["altered"] == [{"where": "page 1", "what": "text and graphics", "ledger": "16.35", "file": "61.35"}]
    said = ledger.run("verify", str(altered), code=1).stdout
    assert "16.35 → 61.35" in said


def replaced_record(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy with another statement.json."""

    def exchange(writer: PdfWriter) -> None:
        for attachment in writer.attachment_list:
            if attachment.name == "statement.json":
                record = json.loads(attachment.content)
                change(record)
                text = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
                attachment.content = text.encode()

    return rewritten(path, exchange)


def more(record: dict[str, Any]) -> None:
    """A record of another total."""
    record["total"]["billed"] = "61.35"


def test_an_amount_changed_in_the_record_is_found(ledger: Repository, pdf: Path) -> None:
    """The pages are untouched."""
    told = verify(ledger, replaced_record(pdf, more))
    assert told["verdict"] == "altered"
    assert {
        "where": "statement.json",
        "what": "total.billed",
        "ledger": "16.35",
        "file": "61.35",
    } in told["altered"]
    assert told["commits_searched"] == 1


def test_record_and_page_changed_alike_are_found(ledger: Repository, pdf: Path) -> None:
    """They agree with each other, but not with the ledger."""
    altered = swap_glyphs(replaced_record(pdf, more), "61.35")
    told = verify(ledger, altered)
    assert told["verdict"] == "altered"
    assert {each["where"] for each in told["altered"]} == {"statement.json", "page 1", "the file"}


def test_amounts_exchanged_by_their_position_are_found(ledger: Repository, pdf: Path) -> None:
    """The text of the page holds the same words; only where they stand has changed."""

    def exchange(writer: PdfWriter) -> None:
        page = writer.pages[0]
        content = ContentStream(page.get_contents(), writer)
        places = [operands for operands, operator in content.operations if operator == b"Tm"]
        one, other = places[-1], places[-2]
        assert one != other
        one[4:], other[4:] = other[4:], one[4:]
        content.operations = list(content.operations)
        page[NameObject("/Contents")] = content

    told = verify(ledger, rewritten(pdf, exchange))
    assert (told["verdict"], [each["where"] for each in told["altered"]]) == ("altered", ["page 1"])


def test_a_font_that_shows_other_glyphs_is_found(ledger: Repository, pdf: Path) -> None:
    """The text and its characters are the same; what is drawn for them is not."""

    def exchange(writer: PdfWriter) -> None:
        page: Any = writer.pages[0]
        fonts = [each.get_object() for each in page["/Resources"]["/Font"].values()]
        files = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object() for font in fonts]
        files[0][NameObject("/FontFile2")], files[1][NameObject("/FontFile2")] = (
            files[1].raw_get("/FontFile2"),
            files[0].raw_get("/FontFile2"),
        )

    told = verify(ledger, rewritten(pdf, exchange))
    assert told["verdict"] == "altered"
    assert ("page 1", "fonts") in {(each["where"], each["what"]) for each in told["altered"]}


def searched_first(folder: Path) -> dict[str, str]:
    """An environment in which Python finds what lies in a folder before anything else."""
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


OTHER_PYDYF = """
import importlib.metadata as metadata
known = metadata.version
metadata.version = lambda name: "0.0.1" if name == "pydyf" else known(name)
"""


def test_a_file_of_other_versions_is_not_called_altered(ledger: Repository, tmp_path: Path) -> None:
    """It cannot be confirmed here, and what to install is named; a manifest that is trusted confirms it."""
    (tmp_path / "sitecustomize.py").write_text(OTHER_PYDYF)
    env = searched_first(tmp_path)
    ledger.write("requirements.lock", "pydyf==0.0.1 \\\n    --hash=sha256:0\n")
    locked = ledger.commit()
    ledger.write("requirements.lock", "pydyf==0.0.2 \\\n    --hash=sha256:0\n")
    ledger.commit()
    ledger.run("build", "-o", "other", env=env)
    (made,) = (ledger.root / "other/statements").rglob("ada@*/*.pdf")
    told = verify(ledger, made)
    assert (told["verdict"], told["altered"]) == ("cannot be confirmed here", [])
    assert told["other_versions"][0].startswith("pydyf 0.0.1, here ")
    assert told["lock"] == {"commit": locked, "pinned": True}
    assert told["system"] == []
    said = ledger.run("verify", str(made), code=1).stdout
    assert f"git show {locked[:12]}:requirements.lock" in said
    manifest = ledger.root / "other/manifest.json"
    assert "pydyf" in json.loads(manifest.read_bytes())["libraries"]
    told = json.loads(ledger.run("verify", str(made), "--json", "--manifest", str(manifest)).stdout)
    assert (told["verdict"], told["recorded_in"]) == ("identical", str(manifest))
    altered = ledger.run("verify", str(swap_glyphs(made, "61.35")), "--json", "--manifest", str(manifest), code=1)
    assert json.loads(altered.stdout)["verdict"] == "cannot be confirmed here"
    # What the record says can be compared whatever made the file.
    told = verify(ledger, replaced_record(made, more))
    assert told["verdict"] == "altered"
    assert [(each["where"], each["what"]) for each in told["altered"]] == [("statement.json", "total.billed")]


OTHER_PYTHON = """
import platform
platform.python_version = lambda: "3.99.1"
"""


def test_what_no_lock_pins_is_told_of_the_system(ledger: Repository, tmp_path: Path) -> None:
    """To install the lock that is installed already would not help."""
    (tmp_path / "sitecustomize.py").write_text(OTHER_PYTHON)
    ledger.write("requirements.lock", "pydyf==0.0.1 \\\n    --hash=sha256:0\n")
    ledger.commit()
    ledger.run("build", "-o", "other", env=searched_first(tmp_path))
    (made,) = (ledger.root / "other/statements").rglob("ada@*/*.pdf")
    told = verify(ledger, made)
    assert (told["verdict"], told["lock"], told["system"]) == ("cannot be confirmed here", None, ["Python 3.99.1"])
    assert "use a system with Python 3.99.1, then verify again" in ledger.run("verify", str(made), code=1).stdout


def test_a_manifest_beside_the_file_proves_nothing(ledger: Repository) -> None:
    """Whoever changes a file can change its digest too: it counts only where a person names it."""
    ledger.commit()
    ledger.run("build", "-o", "public")
    (made,) = (ledger.root / "public/statements").rglob("ada@*/*.pdf")
    altered = swap_glyphs(made, "61.35").replace(made)
    manifest = ledger.root / "public/manifest.json"
    listed = json.loads(manifest.read_bytes())
    entry = listed["files"][altered.relative_to(ledger.root / "public").as_posix()]
    entry["sha256"] = hashlib.sha256(altered.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(listed))
    assert verify(ledger, altered)["verdict"] == "altered"


def test_a_file_that_lost_its_record_is_altered(ledger: Repository, pdf: Path) -> None:
    """The number on its page tells what it claims to be."""

    def remove(writer: PdfWriter) -> None:
        del writer.root_object["/Names"]
        del writer.root_object["/AF"]

    told = verify(ledger, rewritten(pdf, remove))
    assert told["verdict"] == "altered"
    assert [(each["where"], each["what"]) for each in told["altered"]] == [
        ("statement.json", "the file"),
        ("the file", "embedded files"),
    ]


def test_a_second_record_of_that_name_is_altered(ledger: Repository, pdf: Path) -> None:
    told = verify(ledger, rewritten(pdf, lambda writer: writer.add_attachment("statement.json", b"{}")))
    assert told["verdict"] == "altered"


def test_what_is_laid_on_top_of_a_page_is_found(ledger: Repository, pdf: Path) -> None:
    """An annotation, an image or a white area hides an amount while the text below stays."""

    def annotate(writer: PdfWriter) -> None:
        writer.add_annotation(0, FreeText(text="1.00", rect=(50, 550, 200, 650)))

    told = verify(ledger, rewritten(pdf, annotate))
    assert ("page 1", "annotations") in {(each["where"], each["what"]) for each in told["altered"]}

    def cover(writer: PdfWriter) -> None:
        content = ContentStream(writer.pages[0].get_contents(), writer)
        content.set_data(content.get_data() + b"\nq 1 1 1 rg 50 550 200 100 re f Q\n")
        writer.pages[0][NameObject("/Contents")] = content

    told = verify(ledger, rewritten(pdf, cover))
    assert told["altered"] == [{"where": "page 1", "what": "text and graphics", "ledger": None, "file": None}]


def set_on_first_page(values: dict[Any, Any], writer: PdfWriter) -> None:
    writer.pages[0].update(values)


def test_a_page_that_does_not_show_all_of_itself_is_altered(ledger: Repository, pdf: Path) -> None:
    """The text is whole, but a reader sees the left half of it, or stands on their head."""
    half = ArrayObject([NumberObject(side) for side in (0, 0, 300, 842)])
    for key, value in (
        ("/MediaBox", half),
        ("/Rotate", NumberObject(180)),
        ("/UserUnit", NumberObject(2)),
        ("/CropBox", half),
    ):
        altered = rewritten(pdf, partial(set_on_first_page, {NameObject(key): value}))
        found = describe_differences(
            differing_values(altered.read_bytes(), pdf.read_bytes(), "altered"),
            *(read_pdf(path.read_bytes(), path.name) for path in (altered, pdf)),
        )
        assert [(each.where, each.what) for each in found] == [("page 1", "page size and rotation")], key
    assert verify(ledger, altered)["verdict"] == "altered"


def test_where_history_is_cut_off_an_earlier_statement_is_not_called_altered(
    ledger: Repository, pdf: Path, tmp_path: Path
) -> None:
    """It may be honest: only the whole history can tell."""
    kept = Path(shutil.copy(pdf, tmp_path / "draft.pdf"))
    ledger.write("charges/2025-01/aws.csv", HEAD + row("99"))
    ledger.commit()
    clone = Repository.__new__(Repository)
    clone.root = tmp_path / "clone"
    ledger.git("clone", "-q", "--depth=1", f"file://{ledger.root}", str(clone.root))
    assert verify(clone, kept)["verdict"] == "unknown"
    said = clone.run("verify", str(kept), code=1).stdout
    assert "cannot determine whether" in said
    assert "fetch-depth: 0" in said
    assert verify(ledger, kept)["verdict"] == "superseded"


def test_an_incremental_update_is_read_as_a_viewer_reads_it(ledger: Repository, pdf: Path) -> None:
    """The original bytes are all there; what was appended counts."""
    for change, verdict in ((None, "same content"), (FreeText(text="1.00", rect=(50, 550, 200, 650)), "altered")):
        writer = PdfWriter(str(pdf), incremental=True)
        if change is None:
            writer.add_metadata({"/ModDate": "D:20250401120000Z"})
        else:
            writer.add_annotation(0, change)
        updated = pdf.with_name("updated.pdf")
        writer.write(str(updated))
        assert updated.read_bytes().startswith(pdf.read_bytes())
        told = verify(ledger, updated, code=int(verdict == "altered"))
        assert told["verdict"] == verdict
        assert told["notes"] == ["data was appended to the file once after it was written"]


def test_an_earlier_revision_is_superseded_by_the_later(ledger: Repository) -> None:
    """It is what the ledger gave then; altered, it is not."""
    who = ("--by", "admin@example.edu", "--on", "2025-02-05")
    ledger.run("periods", "close", "2025-01", *who)
    ledger.commit()
    first = Path(shutil.copy(statement(ledger), ledger.root / "out/first.pdf"))
    assert verify(ledger, first, code=0)["verdict"] == "identical"
    ledger.run("periods", "open", "2025-01")
    ledger.commit()
    ledger.write("charges/2025-01/aws.csv", HEAD + row("15"))
    ledger.commit()
    ledger.run("periods", "close", "2025-01", *who)
    ledger.commit()
    told = verify(ledger, first)
    assert (told["verdict"], told["superseded_by"]) == ("superseded", told["number"] + "-r2")
    assert told["given_at"]["commit"] == ledger.git("rev-parse", "HEAD~3")
    told = verify(ledger, swap_glyphs(first, "61.35"))
    assert (told["verdict"], told["superseded_by"]) == ("altered", told["number"] + "-r2")
    assert [(each["ledger"], each["file"]) for each in told["altered"]] == [("16.35", "61.35")]


def test_a_draft_is_superseded_once_the_month_went_on(ledger: Repository, pdf: Path) -> None:
    """Under the same number."""
    ledger.write("charges/2025-01/hpc.csv", HEAD + row("50"))
    ledger.commit()
    told = verify(ledger, pdf)
    assert (told["verdict"], told["superseded_by"]) == ("superseded", told["number"])
    assert "a later state of the same number" in ledger.run("verify", str(pdf), code=1).stdout


def test_a_commit_is_named_only_where_it_holds_the_file_as_it_lies(ledger: Repository) -> None:
    """Identical to what the ledger gives now is not what a commit gives."""
    ledger.write("charges/2025-01/aws.csv", HEAD + row("17"))
    ledger.write("charges/2025-01/hpc.csv", HEAD + row("1"))
    now = statement(ledger)
    told = verify(ledger, now, code=0)
    assert [(each["path"], each["commit"]) for each in told["inputs"]] == [
        ("charges/2025-01/aws.csv", None),
        ("charges/2025-01/hpc.csv", None),
    ]
    assert "aws.csv, row 2: not committed" in ledger.run("verify", str(now)).stdout
    head = ledger.commit()
    assert {each["commit"] for each in verify(ledger, now, code=0)["inputs"]} == {head}
    # What was given at a commit rests on that commit, whatever lies there since.
    ledger.write("charges/2025-01/aws.csv", HEAD + row("18"))
    told = verify(ledger, now)
    assert told["verdict"] == "superseded"
    assert {each["commit"] for each in told["inputs"]} == {head}


def test_a_state_with_errors_gave_nothing(ledger: Repository) -> None:
    """Also where the errors stand in another month: no statement was written there."""
    ledger.write("charges/2025-01/aws.csv", HEAD + row("17"))
    made = statement(ledger)
    ledger.write("charges/2024-12/aws.csv", HEAD + row("much", month="2024-12"))
    ledger.commit()
    shutil.rmtree(ledger.root / "charges/2024-12")
    ledger.write("charges/2025-01/aws.csv", HEAD + row("11"))
    ledger.commit()
    told = verify(ledger, made)
    assert (told["verdict"], told["given_at"], told["commits_searched"]) == ("altered", None, 3)


def test_what_a_branch_gave_before_it_was_merged_is_said_so(ledger: Repository) -> None:
    """A preview's draft; what the merge brought to the line of main is named by the merge."""
    ledger.git("switch", "-qc", "branch")
    ledger.write("charges/2025-01/aws.csv", HEAD + row("17"))
    first = ledger.commit()
    preview = Path(shutil.copy(statement(ledger), ledger.root / "out-preview.pdf"))
    ledger.write("charges/2025-01/aws.csv", HEAD + row("18"))
    ledger.commit()
    merged = Path(shutil.copy(statement(ledger), ledger.root / "out-merged.pdf"))
    ledger.git("switch", "-q", "main")
    ledger.git("merge", "-q", "--no-ff", "-m", "merge", "branch")
    merge = ledger.git("rev-parse", "HEAD")
    ledger.write("charges/2025-01/aws.csv", HEAD + row("19"))
    ledger.commit()
    for path, commit, on_first_parent in ((preview, first, False), (merged, merge, True)):
        told = verify(ledger, path)
        assert (told["verdict"], told["given_at"]["commit"]) == ("superseded", commit)
        assert told["given_at"]["on_first_parent"] is on_first_parent
    said = ledger.run("verify", str(preview), code=1).stdout
    assert f"a branch produced it before it was merged, at commit {first[:12]}" in said


def test_a_statement_of_another_ledger_is_unknown(pdf: Path, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.write("config.yaml", "organization: Other\nsources: {aws: {credit_fund: C-1}}\n")
    other.write("charges/2025-01/aws.csv", HEAD + row("5", pi="eve@example.edu"))
    other.commit()
    assert verify(other, pdf)["verdict"] == "unknown"
    assert "it may be from another ledger" in other.run("verify", str(pdf), code=1).stdout


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.pdf", b"not a PDF at all", "is not a PDF"),
        ("empty.pdf", b"", "is not a PDF"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj <<", "damaged PDF"),
        ("loop.pdf", LOOP, "loop.pdf"),
        ("large.pdf", b"%PDF-1.7\n" + b" " * (65 * 1024 * 1024), "larger than 64 MiB"),
    ],
)  # fmt: skip
def test_what_is_no_statement_is_said_in_one_line(
    ledger: Repository, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    """Exit code 2, at once, without a traceback."""
    (tmp_path / name).write_bytes(content)
    done = ledger.run("verify", str(tmp_path / name), code=2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_pdfs_that_are_encrypted_cut_or_of_someone_else_are_said(ledger: Repository, pdf: Path, tmp_path: Path) -> None:
    def lock(writer: PdfWriter) -> None:
        writer.encrypt("secret", algorithm="RC4-128")

    assert "is encrypted" in ledger.run("verify", str(rewritten(pdf, lock)), code=2).stderr
    half = tmp_path / "half.pdf"
    half.write_bytes(pdf.read_bytes()[: pdf.stat().st_size // 2])
    assert "half.pdf" in ledger.run("verify", str(half), code=2).stderr
    blank = PdfWriter()
    blank.add_blank_page(100, 100)
    blank.write(str(tmp_path / "blank.pdf"))
    assert "is not a statement" in ledger.run("verify", str(tmp_path / "blank.pdf"), code=2).stderr


def test_a_page_that_unpacks_to_too_much_ends_in_time(ledger: Repository, pdf: Path) -> None:
    """Four hundred megabytes of page content in a small file."""
    import zlib

    from pypdf.generic import StreamObject

    def bomb(writer: PdfWriter) -> None:
        stream = StreamObject()
        stream._data = zlib.compress(b"q " * 200_000_000, 9)
        stream[NameObject("/Filter")] = NameObject("/FlateDecode")
        writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)

    ledger.run("verify", str(rewritten(pdf, bomb)), code=2)
