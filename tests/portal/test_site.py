"""What holds for every page: links lead somewhere, hostile text stays text, equal keys mean equal bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import posixpath
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import factory
import pytest

from openchargeback.focus.schema import SCHEMAS, schema_bytes
from openchargeback.ledger.schema_files import shipped_schemas
from openchargeback.model import Page, Provenance
from openchargeback.portal import paths
from openchargeback.portal.site import Site, site_jobs
from openchargeback.portal.statements import statement_jobs
from openchargeback.problems import LedgerFault
from openchargeback.templating.environment import make_environment
from openchargeback.templating.filters import period_human, period_short, relative


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, its links and its id."""
        self.tags.add(tag)
        self.scripts += tag == "script"
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")


def pages(folder: Path) -> dict[str, Reader]:
    """Every page of a built portal by its path."""
    found = sorted(folder.rglob("*.html"))
    return {path.relative_to(folder).as_posix(): Reader(path.read_text()) for path in found}


def made_elsewhere(site: Site) -> set[str]:
    """Statement pages, PDFs, journal files and open data, which other parts of a build write."""
    statements = [statement for period in site.periods for statement in period.statements]
    made = {paths.statement_page(s) for s in statements} | {paths.statement_pdf(s) for s in statements}
    made |= {paths.DATA, paths.DATA_PACKAGE} | {paths.charges_file(p) for p in site.periods}
    made |= {paths.report_pdf(year) for year in (2024, 2025)}
    made |= {paths.lines_file(p.period) for p in site.periods}
    made |= {paths.CHARGES} | {paths.charges_page(p.period) for p in site.periods}
    return made | {path for files in site.journal_files.values() for path in files}


@pytest.mark.parametrize("kind", ["built", "hostile"])
def test_every_link_leads_somewhere(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    read, elsewhere = pages(folder), made_elsewhere(factory.site(hostile=kind == "hostile"))
    for page, reader in read.items():
        for link in reader.links:
            if link.startswith(("mailto:", "https://", "data:,")):
                continue
            target, _, fragment = link.partition("#")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(target))) if target else page
            assert not path.startswith(".."), (page, link)
            assert (folder / path).is_file() or path in elsewhere, (page, link)
            if fragment and "=" not in fragment:  # with it, a filter that a script applies
                assert unquote(fragment) in read[path].ids, (page, link)


def test_every_page_allows_only_the_files_of_its_own_build() -> None:
    """Each has the policy before anything that it could apply to, those of statements and the institution's too."""
    site, env = factory.site(months=2), make_environment()
    jobs = [job for job in (*site_jobs(site, env), *statement_jobs(site, env)) if job.path.endswith(".html")]
    made = {job.path: job.render().decode() for job in jobs}
    assert {paths.DASHBOARD, *(paths.own_page(page.name) for page in site.pages)} < set(made)
    assert any(path.startswith("statements/") for path in made)
    for path, text in made.items():
        head = text.partition("</head>")[0]
        before, _, policy = head.partition('<meta http-equiv="Content-Security-Policy" content="')
        assert not {"<script", "<link", "<style", "<img"} & set(re.findall(r"<\w+", before)), path
        rules = dict(rule.strip().split(" ", 1) for rule in policy.partition('"')[0].split(";"))
        assert (rules.pop("default-src"), rules.pop("base-uri"), rules.pop("form-action")) == ("'none'",) * 3, path
        assert set(rules.values()) == {"'self' file:"}, path


def test_ids_are_unique_on_each_page(hostile: Path) -> None:
    for page, reader in pages(hostile).items():
        assert len(reader.ids) == len(set(reader.ids)), page


def test_hostile_text_stays_text(built: Path, hostile: Path) -> None:
    tame = list(pages(built).values())
    known_tags = {tag for reader in tame for tag in reader.tags}
    known_attributes = {name for reader in tame for name in reader.attributes}
    for page, reader in pages(hostile).items():
        own = sum(link.endswith("months.js") for link in reader.links) + 2 * (page == paths.REVIEW)
        assert reader.scripts == 3 + own, page
        assert reader.tags <= known_tags, page
        assert reader.attributes <= known_attributes, page
        assert not any(link.lower().startswith("javascript:") for link in reader.links), page


def test_no_file_leaves_the_folder() -> None:
    for job in site_jobs(factory.site(months=2, hostile=True), make_environment()):
        assert posixpath.normpath(job.path) == job.path
        assert not job.path.startswith(("/", ".."))


def test_no_two_files_share_a_path() -> None:
    names = [job.path.casefold() for job in site_jobs(factory.site(hostile=True), make_environment())]
    assert len(names) == len(set(names))


def test_the_same_site_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); import factory;"
        "from openchargeback.portal.site import site_jobs;"
        "from openchargeback.templating.environment import make_environment;"
        "jobs = site_jobs(factory.site(months=3, hostile=True), make_environment());"
        "[print(j.path, j.key, hashlib.sha256(j.render()).hexdigest()) for j in jobs]"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    path = os.pathsep.join(sys.path)
    runs = [
        subprocess.run(
            command,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": path, "LC_ALL": locale, "TZ": zone},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed, locale, zone in (("1", "C", "UTC"), ("2", "C.UTF-8", "Asia/Tokyo"))
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].splitlines()) > 30


def test_a_page_changes_its_key_when_and_only_when_its_bytes_change() -> None:
    env, before = make_environment(), factory.site(months=4)
    changes = [
        factory.site(months=5),
        dataclasses.replace(before, provenance=Provenance("f" * 40, "2025-03-01", "0.2.0")),
        dataclasses.replace(before, config=factory.config(title="Another title")),
        dataclasses.replace(before, people={}),
        dataclasses.replace(before, journal_files={}),
        dataclasses.replace(before, pages=(Page("rates", "Rates", "changed"),)),
        factory.site(months=4, last_open=False),
    ]
    old = {job.path: (job.key, job.render()) for job in site_jobs(before, env)}
    for changed in changes:
        for job in site_jobs(changed, env):
            if job.path in old:
                key, content = old[job.path]
                assert (job.key == key) <= (job.render() == content), job.path


def test_the_commit_stands_only_where_a_page_must_change_with_it() -> None:
    env, before = make_environment(), factory.site(months=3)
    after = dataclasses.replace(before, provenance=Provenance("f" * 40, "2025-03-01", "0.2.0"))
    keys = {job.path: job.key for job in site_jobs(before, env)}
    changed = {job.path for job in site_jobs(after, env) if job.key != keys[job.path]}
    assert changed == {"index.html", "about/index.html", "review/index.html", "review/items.js"}


def test_a_comparison_names_the_month_that_it_compares_with() -> None:
    """Also where that is not the calendar month before."""
    site = factory.site(months=4, last_open=False)
    *_, dropped, last = site.periods
    site = dataclasses.replace(site, periods=tuple(each for each in site.periods if each is not dropped))
    before = site.periods[-2].period
    jobs = [job for job in site_jobs(site, make_environment()) if job.path.endswith(".html")]
    made = {job.path: job.render().decode() for job in jobs}
    assert f" against {period_human(before)}" in made[paths.DASHBOARD]
    assert f"<dt>Change from {period_human(before)}</dt>" in made[paths.period_page(last.period)]
    for path in (paths.PIS, paths.PROJECTS):
        assert f"changes from {period_human(before)}" in made[path], path
    assert f'<span class="sort">{period_short(before)} ' in made[paths.DASHBOARD], "who moved most, from which month"


def test_an_empty_ledger_has_all_its_pages() -> None:
    empty = dataclasses.replace(factory.site(months=1), periods=(), people={}, projects={}, pages=(), journal_files={})
    made = {
        job.path: job.render().decode() for job in site_jobs(empty, make_environment()) if job.path.endswith(".html")
    }
    assert set(made) == {
        *(paths.DASHBOARD, paths.PERIODS, paths.PIS, paths.PROJECTS, paths.REVIEW, paths.ABOUT),
        *(paths.FUNDS, paths.DEPARTMENTS, paths.REPORTS, paths.APPROVALS, paths.SOURCES, paths.FILES),
        *(paths.source_page(name) for name in empty.config.sources),
    }
    assert "focus-billing ingest" in made[paths.DASHBOARD]


def test_a_template_of_the_ledger_wins_and_cannot_reach_python(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "about.html").write_text("{{ ''.__class__.__mro__ }}")
    (tmp_path / "pages" / "sheet.html").write_text("<p>{{ page.title }} {{ view.tables[0].count }}</p>")
    jobs = {job.path: job for job in site_jobs(factory.site(months=1), make_environment(tmp_path))}
    plain = {job.path: job for job in site_jobs(factory.site(months=1), make_environment())}
    assert jobs[paths.FILES].render() == b"<p>Files received 3</p>"
    assert jobs[paths.FILES].key != plain[paths.FILES].key
    with pytest.raises(LedgerFault) as stopped:
        jobs[paths.ABOUT].render()
    [problem] = stopped.value.problems
    assert (problem.path, problem.line, problem.code) == ("templates/pages/about.html", 1, "template-fault")
    assert "unsafe" in problem.message


def test_a_link_out_of_the_templates_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.html").write_text("secret")
    ledger = tmp_path / "ledger/templates"
    (ledger / "pages").mkdir(parents=True)
    (ledger / "pages" / "about.html").symlink_to(tmp_path / "secret.html")
    jobs = {job.path: job for job in site_jobs(factory.site(months=1), make_environment(ledger))}
    assert b"secret" not in jobs[paths.ABOUT].render()


@pytest.mark.parametrize(
    ("folder", "fonts"),
    [
        ("assets/", "assets/fonts/"),
        ("assets/page_fonts/", "assets/page_fonts/"),
        ("assets/vendor/", "assets/vendor/"),
        ("fallback_fonts/", "fallback_fonts/"),
        ("print_fonts/", "print_fonts/"),
    ],
)
def test_vendored_files_are_the_ones_that_are_listed(folder: str, fonts: str) -> None:
    files = make_environment().files()
    listed = json.loads(files[f"{folder}vendor.json"].read_text())["vendored"]
    digests = {folder + name: digest for item in listed for name, digest in item["files"].items()}
    for name, digest in digests.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == digest
    assert {n for n in files if n.startswith(fonts)} - {f"{folder}vendor.json"} == set(digests)


def test_the_fonts_of_pdfs_are_not_part_of_the_portal(built: Path) -> None:
    """They are large, and a browser has its own."""
    named = [path.relative_to(built).as_posix() for path in built.rglob("*")]
    assert not [path for path in named if "print_fonts" in path or "fallback_fonts" in path or "Noto" in path]


def test_the_table_schemas_are_published_as_shipped_and_linked(built: Path) -> None:
    links = pages(built)[paths.ABOUT].links
    for dialect in SCHEMAS:
        assert (built / paths.schema(dialect)).read_bytes() == schema_bytes(dialect)
        assert relative(paths.ABOUT, paths.schema(dialect)) in links


def test_the_schemas_of_the_yaml_files_are_published(built: Path) -> None:
    found = {path.name: path.read_bytes() for path in (built / "schemas" / "ledger").iterdir()}
    assert found == shipped_schemas()
    assert "config.json" in found


def test_amounts_tie_out_on_the_period_page(built: Path) -> None:
    text = (built / "periods/2025-02/index.html").read_text()
    total = factory.site().periods[-1].amounts
    assert text.count(f"{total.billed:,}") >= 2
    assert f"\N{MINUS SIGN}{total.discount:,}" in text
