"""Small whole ledgers (`tests/ledgers/<case>`) and what must come out of them (`tests/golden/<case>`), file by file.

Each case's README.md says in words and in tables what an accountant expects. The tables are compared too, so that
rewriting the golden files (`pytest tests/test_golden.py --update-golden`) never makes a wrong figure right.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from golden_ledgers import NAMES, PLACE, copied
from openchargeback.cli.main import cli
from openchargeback.model import Provenance
from openchargeback.portal.statements import statement_jobs
from openchargeback.publish.books import Books, open_books, open_cache
from openchargeback.publish.build import make_site
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.publish.open_data import data_files
from openchargeback.templating.environment import make_environment

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
JOURNALS = ("detail", "summary", "gl")
PAGES = {"allocated", "attribution", "credits", "decisions", "funds", "references", "showback"}
"""Cases whose statement pages are kept too, as text."""

Files = dict[str, bytes]


@pytest.fixture(scope="module", params=NAMES)
def case(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def ledger(case: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(case, tmp_path_factory.mktemp("golden"))


def test_what_comes_out(case: str, ledger: Path, request: pytest.FixtureRequest) -> None:
    found = made(case, ledger)
    if request.config.getoption("--update-golden"):
        replace(GOLDEN / case, found)
    different = list(differences(kept(GOLDEN / case), found))
    if different:
        pytest.fail("\n".join([f"tests/golden/{case} is not what comes out:", *different]), pytrace=False)


def test_an_accountant_expects_the_same(case: str, ledger: Path) -> None:
    sources, statements, shown = readme_tables((PLACE / case / "README.md").read_text("utf-8"))
    if not sources:
        assert case == "void-decision"
        return
    books = open_books(ledger)
    assert sources == {
        (period.period, each.source if each.currency == period.currency else f"{each.source}/{each.currency}"): (
            *(each.imported, each.billed, each.held, each.rejected),
        )
        for period in books.periods
        for each in period.sources
    }
    assert statements == {
        (each.period, each.pi.email, each.project.id): (each.amounts.list, each.amounts.discount, each.amounts.billed)
        for period in books.periods
        for each in period.statements
    }
    assert shown == {
        (each.period, each.pi.email, each.project.id): (each.shown.list, each.shown.discount, each.shown.billed)
        for period in books.periods
        for each in period.statements
        if not all(line.posted for line in each.lines)
    }


def readme_tables(text: str) -> tuple[dict[tuple[str, ...], tuple[Decimal, ...]], ...]:
    """The tables of a README: names of the row → amounts. By source, by statement what is due, and what is shown."""
    found: dict[str, dict[tuple[str, ...], tuple[Decimal, ...]]] = {"source": {}, "PI": {}, "shown to": {}}
    kind = ""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) < 6 or set(line) <= set("|-: "):
            continue
        if cells[0] == "period":
            kind = cells[1]
            continue
        names = 2 if kind == "source" else 3
        found[kind][tuple(cells[:names])] = tuple(Decimal(cell) for cell in cells[names:])
    return found["source"], found["PI"], found["shown to"]


def made(case: str, ledger: Path) -> Files:
    """Everything that a case is compared by: path below `tests/golden/<case>` → bytes."""
    files = {"problems.txt": run("validate", ledger=ledger, failing=True).encode()}
    if run("validate", "--format", "json", ledger=ledger, failing=True).startswith('{\n  "valid": false'):
        return files
    books = open_books(ledger, keep={Wanted.OPEN_DATA})
    for path, data in data_files(books.ledger, books.periods, MonthCharges(books.ledger, open_cache(ledger))):
        if path.endswith(".csv"):
            files[path.removeprefix("data/")] = data
    for period in books.periods:
        name = period.period
        files[f"{name}/period.json"] = run("periods", "show", name, "--json", ledger=ledger).encode()
        for form in JOURNALS:
            files[f"{name}/{form}.csv"] = run("journal", "--period", name, "--format", form, ledger=ledger).encode()
    if case in PAGES:
        files |= pages(books)
    return {path: data for path, data in files.items() if data}


def run(*arguments: str, ledger: Path, failing: bool = False) -> str:
    """What a command prints; its problems where it fails and may."""
    done = CliRunner().invoke(cli, [*arguments, "--ledger", str(ledger)])
    assert done.exit_code == 0 or (failing and done.exit_code == 1), done.output
    return done.stdout or done.stderr


def pages(books: Books) -> Files:
    """The text of the statement pages, without the digest of inputs, which changes with the program."""
    env = make_environment()
    site = make_site(books, Provenance("", "", "0"), {})
    result = {}
    for job in statement_jobs(site, env):
        text = _Text.of(job.render().decode())
        name = re.sub(r"^statements/([^/]+)/(.+)\.html$", r"\1/statements/\2.txt", job.path)
        result[name] = re.sub(r"\b[0-9a-f]{16}\b", "<digest>", text).encode()
    return result


class _Text(HTMLParser):
    """The words of a page's main part, a line for each block or row."""

    BREAKS = frozenset({"h1", "h2", "h3", "p", "div", "section", "tr", "li", "br", "caption", "dt", "figure", "table"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.depth = 0

    @staticmethod
    def of(html: str) -> str:
        parser = _Text()
        parser.feed(html[html.index("<main") : html.index("</main>")])
        lines = (" ".join(line.split()) for line in "".join(parser.parts).splitlines())
        return "\n".join(line.strip(" |") for line in lines if line.strip(" |")) + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - given
        self.depth += tag == "svg"
        self.parts.append("\n" if tag in self.BREAKS else " | " if tag in ("td", "th", "dd") else "")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "svg"

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.parts.append(data.replace("\n", " "))


def kept(folder: Path) -> Files:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def replace(folder: Path, files: Files) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def differences(expected: Files, found: Files) -> Iterator[str]:
    """One line for each file that is missing, unexpected or changed, with the first line that differs."""
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            yield f"missing: {name}"
        elif name not in expected:
            yield f"unexpected: {name}"
        elif expected[name] != found[name]:
            yield f"changed: {name}, {_first_difference(expected[name], found[name])}"


def _first_difference(expected: bytes, found: bytes) -> str:
    before, after = expected.splitlines(keepends=True), found.splitlines(keepends=True)
    number = next((i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    if number is None:
        return f"{len(before)} lines became {len(after)}"
    return f"line {number + 1}: {before[number]!r} became {after[number]!r}"


def test_missing_unexpected_and_changed_files_are_named() -> None:
    expected = {"a": b"1\n", "b": b"1\n2\n", "c": b"1\n"}
    found = {"b": b"1\n3\n", "c": b"1\n2\n", "d": b""}
    assert list(differences(expected, found)) == [
        "missing: a",
        "changed: b, line 2: b'2\\n' became b'3\\n'",
        "changed: c, 1 lines became 2",
        "unexpected: d",
    ]


def test_every_golden_folder_has_its_ledger() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == NAMES


@pytest.mark.parametrize(("ci", "refused"), [("true", True), ("", False)])
def test_updating_is_refused_in_ci(ci: str, *, refused: bool) -> None:
    command = [sys.executable, "-m", "pytest", "--update-golden", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(HERE / "test_golden.py")],
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (pytest.ExitCode.USAGE_ERROR if refused else pytest.ExitCode.OK)
    assert ("refused where CI is set" in done.stderr) is refused


def test_git_leaves_ledgers_and_golden_files_as_they_are() -> None:
    paths = [*PLACE.rglob("*"), *GOLDEN.rglob("*")]
    names = "".join(f"{path.relative_to(HERE.parent).as_posix()}\n" for path in paths if path.is_file())
    done = subprocess.run(
        ["git", "check-attr", "--stdin", "text"],
        cwd=HERE.parent,
        input=names,
        capture_output=True,
        text=True,
        check=True,
    )
    assert names
    assert {line.rsplit(" ", 1)[1] for line in done.stdout.splitlines()} == {"unset"}
