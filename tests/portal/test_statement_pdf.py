"""PDFs of statements: what they say, what they carry, that they are whole, and the same each time."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import zlib
from decimal import Decimal
from pathlib import Path

import pytest
import statement_cases as cases
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pdf_text import lost, packed, pages_of, unsaid

from conformance import faults
from needed import needs
from openchargeback import money
from openchargeback.model import Attribution, Person, Project, Reference, Statement
from openchargeback.portal import pdf as pdf_module
from openchargeback.portal import pdf_pool
from openchargeback.portal.logo import logo_fault, usable_logo
from openchargeback.portal.pdf import PrintStyle, print_style, statement_pdf
from openchargeback.portal.pdf_pool import PdfJob, render_job, render_pdfs
from openchargeback.problems import OutsideFault
from openchargeback.templating.environment import make_environment

HERE = Path(__file__).parent
OUR_FONTS = {"Inter", "Inter-Semi-Bold", "IBM-Plex-Mono"}


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@needs("pdftotext")
@pytest.mark.parametrize("name", cases.CASES)
def test_a_statement_says_who_what_and_how_much(printed: dict[str, Path], name: str) -> None:
    of = cases.CASES[name]()
    text = run("pdftotext", "-layout", printed[name], "-")
    due = of.shown if of.only_shown else of.amounts
    for words in (of.number, of.pi.name, money.human(due.billed, "USD"), "January 2025", "Example University"):
        assert words in text
    pages = int(re.search(r"Pages:\s+(\d+)", run("pdfinfo", printed[name]))[1])
    for page in range(1, pages + 1):
        sheet = run("pdftotext", "-layout", "-f", str(page), "-l", str(page), printed[name], "-")
        assert f"Page {page} of {pages}" in sheet
        assert cases.view(of).name in sheet
        assert of.digest[:16] in sheet
        assert ("DRAFT, NOT FINAL" in sheet) == of.draft


@pytest.mark.parametrize("name", cases.CASES)
def test_nothing_is_lost_on_the_way_to_paper(printed: dict[str, Path], name: str) -> None:
    content = printed[name].read_bytes()
    assert lost(cases.job_of(name), content) == []
    assert unsaid(content) == []


@pytest.mark.mostly_slow(but=3)
@pytest.mark.parametrize("name", cases.CASES)
def test_nothing_is_lost_on_letter_paper(name: str) -> None:
    resources = 200 if name == "very-large" else 60
    job = cases.job(cases.CASES[name](), settings=cases.config(resources=resources, paper="letter"))
    content = render_job(job)
    assert lost(job, content) == []
    assert unsaid(content) == []


def test_short_statements_are_one_sheet(printed: dict[str, Path]) -> None:
    short = ("normal", "two-funds", "external", "only-shown", "mixed", "nothing", "free", "subsidized", "many-services")
    assert {name: len(pages_of(printed[name].read_bytes())) for name in short} == dict.fromkeys(short, 1)


@pytest.mark.parametrize("name", cases.CASES)
def test_page_1_is_complete(printed: dict[str, Path], name: str) -> None:
    first, *_ = pages_of(printed[name].read_bytes())
    view = cases.view(cases.CASES[name]())
    for words in (view.answer.heading, view.answer.sentence, "Twelve months", "Questions", "Attached data"):
        assert packed(words) in first
    for row in view.summary:
        assert packed(f"{row.label}: {row.detail}" if row.detail else row.label) in first
    if view.main.services:
        assert packed(f"Total{money.human(view.main.total.list, 'USD')}") in first


def test_150_resources_are_listed_one_line_each(printed: dict[str, Path]) -> None:
    pages = pages_of(printed["very-large"].read_bytes())
    assert len(pages) <= 4
    whole = "".join(pages)
    for block in cases.view(cases.large(150), cases.config(resources=200)).main.services:
        for row in block.rows:
            figures = money.human(row.figures.list, "USD") + money.human(row.figures.due, "USD")
            assert packed(row.quantity + figures) in whole


@needs("pdftotext")
def test_many_resources_are_cut_with_their_sum(printed: dict[str, Path]) -> None:
    text = " ".join(run("pdftotext", "-layout", printed["large"], "-").split())
    for block in cases.view(cases.large()).main.services:
        assert block.rest_count
        amounts = (money.human(amount, "USD") for amount in (block.rest.list, block.rest.due))
        assert " ".join([block.rest_words, *amounts]) in text


def test_many_services_are_summed_up(printed: dict[str, Path]) -> None:
    first, *_ = pages_of(printed["many-services"].read_bytes())
    assert "7moreservices140.00" in first


def test_quantities_stand_in_one_line_with_their_resource(printed: dict[str, Path]) -> None:
    (first,) = pages_of(printed["two-funds"].read_bytes())
    assert "gpu-hours-node-02·i-75c41" in first
    assert "64,000core-hours×0.0125800.00300.00" in first


@needs("pdftotext")
def test_who_pays_and_the_grants(tmp_path: Path) -> None:
    grants = tuple(f"GR-{number}" for number in range(10, 40))
    of = dataclasses.replace(
        cases.normal(),
        attributions=(
            Attribution(
                pi="tag",
                project="tag",
                fund="project",
                by=(),
                charges=12,
                exact_billed=Decimal("341.20"),
                billed=Decimal("341.20"),
            ),
            Attribution(
                pi="tag",
                project="tag",
                fund="decision",
                by=("a\u202e<b>@example.edu",),
                charges=3,
                exact_billed=Decimal(1),
                billed=Decimal("1.00"),
            ),
        ),
        references=(Reference("grant_number", grants, 150), Reference("request", ("R-1",), 1)),
    )
    path = tmp_path / "a.pdf"
    path.write_bytes(render_job(cases.job(of)))
    text = " ".join(run("pdftotext", path, "-").split())
    assert "Grant number GR-10, GR-11" in text
    assert "GR-21 and 138 more Request R-1" in text
    assert (
        "PI and project from the tags of the charges; fund from the project’s entry in the directory for 12 charges "
        "(USD 341.20), decided by a<b>@example.edu for 3 charges (USD 1.00)."
    ) in text


@needs("pdffonts", "pdfinfo")
@pytest.mark.parametrize("name", cases.CASES)
def test_only_our_fonts_and_all_embedded(printed: dict[str, Path], name: str) -> None:
    rows = run("pdffonts", printed[name]).splitlines()[2:]
    assert {re.match(r"[A-Z]{6}\+(\S+)", row)[1] for row in rows} == OUR_FONTS
    assert all(re.search(r"yes yes yes\s+\d+\s+\d+$", row) for row in rows)


@needs("pdfinfo")
def test_title_author_language_dates_and_tags(printed: dict[str, Path]) -> None:
    told = run("pdfinfo", "-isodates", printed["normal"])
    of = cases.normal()
    for line in (
        rf"Title:\s+Statement {of.number}: {of.project.title}, January 2025\n",
        r"Author:\s+Example University\n",
        r"CreationDate:\s+2025-02-03T00:00:00(Z|\+00)",
        r"ModDate:\s+2025-02-03T00:00:00(Z|\+00)",
        r"Tagged:\s+yes\n",
        r"Page size:.*A4",
    ):
        assert re.search(line, told), line
    content = printed["normal"].read_bytes()
    # PDF/A wants its metadata readable without unpacking, and both standards are named there.
    assert b'pdfaid:part="3" pdfaid:conformance="A"' in content
    assert b"<pdfuaid:part>1</pdfuaid:part>" in content


@needs("qpdf")
@pytest.mark.parametrize("name", cases.CASES)
def test_qpdf_finds_no_fault(printed: dict[str, Path], name: str) -> None:
    run("qpdf", "--check", printed[name])


@pytest.mark.parametrize("profile", ["3a", "ua1"])
@pytest.mark.parametrize("name", cases.CASES)
def test_archivable_and_accessible(printed: dict[str, Path], name: str, profile: str) -> None:
    assert faults(printed[name], profile) == []


@needs("pdfdetach", "qpdf")
def test_the_data_is_inside(printed: dict[str, Path], tmp_path: Path) -> None:
    listed = run("pdfdetach", "-list", printed["corrected"])
    assert re.findall(r"\d+: (\S+)", listed) == ["charges.csv", "lines.csv", "statement.json"]
    run("pdfdetach", "-saveall", "-o", tmp_path, printed["corrected"])
    for file in cases.job(cases.corrected()).files:
        assert (tmp_path / file.name).read_bytes() == file.content
    record = json.loads((tmp_path / "statement.json").read_bytes())
    assert Decimal(record["total"]["billed"]) == cases.corrected().amounts.billed
    # Named once each as associated files, although WeasyPrint lists them twice.
    pdf = json.loads(run("qpdf", "--json=2", "--json-key=qpdf", printed["corrected"]))["qpdf"][1]
    root = pdf[f"obj:{pdf['trailer']['value']['/Root']}"]["value"]
    assert len(root["/AF"]) == len(set(root["/AF"])) == 3


ONE_MORE = """
import hashlib, sys
sys.path[:0] = sys.argv[1:]
import statement_cases as cases
from openchargeback.portal.pdf_pool import render_job
for make in cases.CASES.values():
    print(hashlib.sha256(render_job(cases.job(make()))).hexdigest())
"""


@pytest.mark.slow
def test_same_bytes_in_another_process_time_zone_and_language() -> None:
    runs = set()
    for zone, language, seed in (("UTC", "C", "0"), ("Pacific/Kiritimati", "ar_EG.UTF-8", "77")):
        env = {"TZ": zone, "LANG": language, "LC_ALL": language, "PYTHONHASHSEED": seed, "PATH": os.environ["PATH"]}
        paths = [str(HERE), *(path for path in sys.path if path)]
        command = [sys.executable, "-c", ONE_MORE, *paths]
        runs.add(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout)
    assert len(runs) == 1
    assert len(set(next(iter(runs)).split())) == len(cases.CASES)


def test_bytes_do_not_depend_on_what_was_printed_before(printed: dict[str, Path]) -> None:
    for name in reversed(cases.CASES):
        assert render_job(cases.job_of(name)) == printed[name].read_bytes()


def named(name: str, title: str) -> Statement:
    """A statement whose texts are all foreign to us."""
    lines = [dataclasses.replace(line, service=name, fund=title) for line in cases.normal_lines()[:1]]
    parts = [
        dataclasses.replace(part, service=name, fund=title, resource_name=title) for part in cases.split(lines[0], 1)
    ]
    return cases.statement(lines, parts, pi=Person(name, name, title), project=Project(title, title))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("<b>Bobby</b>", "</title></style><script>alert(1)</script>")
@example("W" * 300, "x" * 300)
@example("\u0639\u0644\u064a \u202e12.00\u202c", "👩\u200d🔬 研究 \u200f")
@example("first\nsecond\r\x00\x0b\u2028", "{{ 7 * 7 }} &amp; \" ' ` ]]> url(file:///etc/passwd)")
@example("", "")
@given(st.text(max_size=300), st.text(max_size=300))
@pytest.mark.slow
def test_hostile_names_print(name: str, title: str) -> None:
    job = cases.job(named(name, title))
    assert "<b>Bobby" not in job.html
    assert "<script" not in job.html
    assert render_job(job).startswith(b"%PDF-1.7")


@needs("pdftotext")
def test_markup_in_names_is_shown_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(render_job(cases.job(named("<b>Bobby</b>", "{{ 7 * 7 }}"))))
    text = run("pdftotext", path, "-")
    assert "<b>Bobby</b>" in text
    assert "{{ 7 * 7 }}" in text


@needs("pdftotext", "pdffonts")
@pytest.mark.parametrize(
    ("email", "lines"),
    [
        ("lovelace@example.edu", ["lovelace@example.edu"]),
        ("ada.lovelace@mathematics.northfield.example.edu", ["ada.lovelace@mathematics", ".northfield.example.edu"]),
        ("x" * 40 + "@example.edu", ["x" * 40 + "@example.edu"]),
    ],
)
def test_a_long_address_breaks_before_its_parts(tmp_path: Path, email: str, lines: list[str]) -> None:
    of = dataclasses.replace(cases.normal(), pi=Person(email, "Ada Lovelace", ""))
    path = tmp_path / "a.pdf"
    path.write_bytes(render_job(cases.job(of)))
    # The column of the first page below its head, in points.
    text = run("pdftotext", "-l", "1", "-x", "45", "-y", "115", "-W", "147", "-H", "60", path, "-")
    shown = text.split("Ada Lovelace\n")[1].split("\n\n")[0].splitlines()
    assert "".join(shown) == email
    if len(lines) > 1:
        assert shown == lines
    assert "\N{ZERO WIDTH SPACE}" not in text
    assert {row.split("+")[1].split()[0] for row in run("pdffonts", path).splitlines()[2:]} <= OUR_FONTS


@needs("pdfinfo")
def test_letter_paper(tmp_path: Path) -> None:
    config = cases.config()
    letter = dataclasses.replace(config, statements=dataclasses.replace(config.statements, paper="letter"))
    style = print_style(make_environment(), letter)
    path = tmp_path / "letter.pdf"
    path.write_bytes(render_job(cases.job(cases.normal(), style)))
    assert re.search(r"Page size:\s+612 x 792 pts \(letter\)", run("pdfinfo", path))


@pytest.mark.parametrize(
    "outside",
    [
        '<img src="file:///etc/hostname" alt="x">',
        '<img src="http://127.0.0.1:9/x.png" alt="x">',
        '<link rel="stylesheet" href="https://example.edu/a.css">',
        '<p style="background: url(../secret.png)">x</p>',
        '<object data="data:text/html,x" type="image/png">x</object>',
        '<img src="statement:fonts/../../secret" alt="x">',
    ],
)
def test_nothing_outside_is_fetched(outside: str) -> None:
    style = print_style(make_environment(), cases.config())
    html = f'<html lang="en"><title>x</title><body>{outside}</body></html>'
    with pytest.raises(OutsideFault, match="requests an outside resource"):
        statement_pdf(html, style, created=cases.normal().issued)


def test_attachments_named_in_a_template_are_not_taken() -> None:
    style = print_style(make_environment(), cases.config())
    html = '<html lang="en"><title>x</title><link rel="attachment" href="file:///etc/hostname"><body>x</body></html>'
    assert b"/EmbeddedFile" not in statement_pdf(html, style, created=cases.normal().issued)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{}</svg>'
DOUBLING = (
    "".join(f'<g id="g{i}"><use href="#g{i + 1}"/><use xlink:href="#g{i + 1}"/></g>' for i in range(40))
    + '<g id="g40"><rect width="1" height="1"/></g>'
)
ENTITIES = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "x" * 10}">' for i in range(12))
UNUSABLE = {
    "empty": b"",
    "no image": b"logo",
    "cut SVG": cases.LOGO[:-20],
    "not SVG": b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
    "endless use": SVG.format('<g id="a"><use href="#a"/></g>').encode(),
    "doubling use": SVG.format(DOUBLING).encode(),
    "billion laughs": f"<!DOCTYPE svg [{ENTITIES}]>{SVG.format('<text>&e11;</text>')}".encode(),
    "too large": SVG.format("<!--" + "x" * 1_000_000 + "-->").encode(),
}
OUTSIDE = {
    "image": '<image href="file:///etc/hostname" width="9" height="9"/><image xlink:href="http://127.0.0.1:9/a.png"/>',
    "style": '<style>@import "http://127.0.0.1:9/a.css"; rect { fill: url(http://127.0.0.1:9/#a) }</style>',
    "attribute": '<rect width="9" height="9" fill="url(http://127.0.0.1:9/#a)" style="fill: url(file:///etc/hostname)"/>',
    "use": '<use href="http://127.0.0.1:9/a.svg#b"/><use href="file:///etc/hostname#a"/>',
    "script": '<script>alert(1)</script><rect width="9" height="9" onclick="alert(1)"/>',
}


def png(width: int = 4, height: int = 4, data: bytes | None = None) -> bytes:
    """An RGB picture, with other pixels than it should have where `data` is given."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    pixels = zlib.compress((b"\0" + b"\x1d\x4e\x89" * width) * height) if data is None else data
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_broken_logo_is_no_logo(name: str) -> None:
    assert usable_logo(UNUSABLE[name]) is None
    assert logo_fault(UNUSABLE[name])


def test_what_is_wrong_with_a_logo_is_said() -> None:
    assert logo_fault(cases.LOGO) == logo_fault(png()) == ""
    assert logo_fault(b"logo") == "is neither PNG nor well-formed SVG"
    assert logo_fault(png()[:-12]) == "is not a whole PNG of at most 4,000,000 pixels"
    assert logo_fault(SVG.format(OUTSIDE["script"]).encode()) == (
        "contains <script>, `onclick`, which could run or load something"
    )


def test_pictures_are_checked_to_the_last_pixel() -> None:
    assert usable_logo(png()) is not None
    broken = [png()[:-12], png(data=b"no zlib"), png(data=zlib.compress(b"\0" * 5)), png(9000, 9000)]
    assert [usable_logo(content) for content in [*broken, png().replace(b"IDAT", b"IDAU")]] == [None] * 5


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_logo_reaches_nothing(name: str) -> None:
    content = SVG.format(OUTSIDE[name] + '<rect width="3" height="3"/>').encode()
    logo = usable_logo(content)
    assert logo is not None
    assert "could run or load something" in logo_fault(content)
    for word in (b"file:", b"http://127", b"alert", b"@import"):
        assert word not in logo.content
    assert render_job(cases.job(cases.normal(), logo=content)).startswith(b"%PDF")


def test_a_logo_that_does_not_draw_leaves_a_statement() -> None:
    # A valid drawing, yet WeasyPrint stumbles over its sizes.
    content = SVG.format('<rect width="3" height="3" transform="matrix(1)"/><path d="M0 0 L"/>').encode()
    assert render_job(cases.job(cases.normal(), logo=content)).startswith(b"%PDF")


@needs("pdfimages")
def test_a_picture_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(render_job(cases.job(cases.normal(), logo=png())))
    assert "image" in run("pdfimages", "-list", path)


def small_jobs(count: int) -> list[PdfJob]:
    style = print_style(make_environment(), cases.config())
    return [dataclasses.replace(cases.job(cases.small(1 + i % 3), style), name=f"{i}.pdf") for i in range(count)]


@pytest.mark.slow
def test_processes_give_the_same_bytes_in_the_same_order() -> None:
    jobs, done = small_jobs(11), []
    many = list(render_pdfs(jobs, 2, done.append))
    assert many == list(render_pdfs(jobs, 1))
    assert [name for name, _ in many] == [job.name for job in jobs]
    assert done == list(range(1, 12))
    assert list(render_pdfs([], 2)) == []


def test_a_fault_in_a_worker_comes_back() -> None:
    jobs = small_jobs(3)
    jobs[1] = dataclasses.replace(
        jobs[1], html='<html lang="en"><title>x</title><img src="http://127.0.0.1:9/" alt="">'
    )
    with pytest.raises(OutsideFault, match="requests an outside resource"):
        list(render_pdfs(jobs, 2))


@pytest.mark.slow
def test_stopping_early_stops_the_workers() -> None:
    import multiprocessing

    results = render_pdfs(small_jobs(40), 2)
    next(results)
    results.close()  # type: ignore[attr-defined] # a generator
    assert multiprocessing.active_children() == []


INTERRUPTED = """
import sys
if __name__ == "__main__":
    sys.path[:0] = sys.argv[1:]
    import os, signal, statement_cases as cases
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite in the background is started without
    from openchargeback.portal.pdf_pool import render_pdfs
    one = cases.job(cases.normal())
    try:
        for _ in render_pdfs([one] * 400, 2):
            os.killpg(0, signal.SIGINT)
    except KeyboardInterrupt:
        print("stopped")
"""


@pytest.mark.slow
def test_interrupting_the_group_ends_quietly(tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    command = [sys.executable, str(script), str(HERE), *(path for path in sys.path if path)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, start_new_session=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("stopped\n", "", 0)


def test_a_missing_library_names_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weasyprint").mkdir()
    (tmp_path / "weasyprint" / "__init__.py").write_text("raise OSError('cannot load library libpango-1.0-0')\n")
    for module in [name for name in sys.modules if name.split(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(tmp_path)
    pdf_module.load_weasyprint.cache_clear()
    with pytest.raises(OutsideFault, match=r"apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"):
        pdf_module.load_weasyprint()


def test_planning_statements_does_not_load_the_renderer() -> None:
    code = "import sys, openchargeback.portal.statements; print('weasyprint' in sys.modules, 'pydyf' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env).stdout
    assert told.split() == ["False", "False"]


def test_a_style_is_parsed_once_a_process() -> None:
    style = print_style(make_environment(), cases.config())
    again = PrintStyle(tuple(style.css), tuple(style.fonts), tuple(style.fallback))
    assert pdf_module._press(style, ()) is pdf_module._press(again, ())
    assert pdf_pool.render_job(cases.job(cases.small(1), style))
