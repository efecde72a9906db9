"""Folders for audiences: each has its own figures and nothing of anyone else, in whatever file."""

from __future__ import annotations

import base64
import csv
import gzip
import html
import io
import json
import posixpath
import re
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from openchargeback.billing.own_charges import charge_ids
from openchargeback.portal.audience import Audience, AudienceKind
from openchargeback.problems import LedgerFault, UsageFault
from openchargeback.publish import audiences
from openchargeback.publish.audiences import build_audiences
from openchargeback.publish.build import build
from repository import HEAD, january
from repository import row as charge

SAMPLE = Path(__file__).parents[2] / "ledger"
ADA, MARCUS = "ada.okafor@example.edu", "marcus.delgado@example.edu"
PI = Audience(AudienceKind.PI, ADA)
MONTHS = ("2024-11", "2024-12")


pytestmark = pytest.mark.slow


def copied(folder: Path) -> Path:
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns(".openchargeback", ".git"))
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("audiences") / "ledger")


@pytest.fixture(scope="module")
def everything(root: Path) -> Path:
    """The build for everyone inside."""
    build(root, root.parent / "internal", pdfs=False)
    return root.parent / "internal"


@pytest.fixture(scope="module")
def read() -> list[str]:
    """The months whose charges were read for `folders`, each time."""
    return []


@pytest.fixture(scope="module")
def folders(root: Path, read: list[str]) -> Path:
    """The folders of all audiences."""
    with pytest.MonkeyPatch.context() as patch:
        real = audiences.month_table

        def table(charges: bytes, *rest: Any) -> Any:
            period = next(csv.DictReader(io.StringIO(charges.decode(), newline="")))["period"]
            read.append(period)
            return real(charges, *rest)

        patch.setattr(audiences, "month_table", table)
        build_audiences(root, root.parent / "folders", None, pdfs=False)
    return root.parent / "folders"


def rows(folder: Path, month: str) -> list[dict[str, str]]:
    text = (folder / f"data/{month}/charges.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def texts(folder: Path) -> str:
    """All that can be read in a folder, decoded: names of files, pages, scripts, data."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.suffix == ".woff2":
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        for packed in re.findall(r'"(H4sI[^"]+)"', text):
            text += gzip.decompress(base64.b64decode(packed)).decode()
        parts += [str(path.relative_to(folder)), unquote(html.unescape(text))]
    joined = "\n".join(parts)
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), joined)


def test_a_pi_sees_the_same_own_charges_as_everyone_inside_and_no_others(everything: Path, folders: Path) -> None:
    for month in MONTHS:
        own = [row for row in rows(everything, month) if row["pi"] == ADA]
        assert rows(folders / PI.folder, month) == own
        assert 0 < len(own) < len(rows(everything, month))


def test_a_month_is_read_once_for_all_audiences(folders: Path, read: list[str]) -> None:
    assert len(list(folders.glob("*/data"))) > 5
    # And once for what the others of each audience are known by.
    assert set(Counter(read).values()) == {2}


@pytest.mark.parametrize(
    "who", [PI, Audience(AudienceKind.PROJECT, "health-records"), Audience(AudienceKind.DEPARTMENT, "Chemistry")]
)
def test_no_file_knows_anyone_else(everything: Path, folders: Path, who: Audience) -> None:
    """Compared with what the charges for everyone inside say, not with what the check of the build looks for."""
    found = texts(folders / who.folder)
    own = {row["pi"] for month in MONTHS for row in rows(folders / who.folder, month)}
    seen = {(row["pi"], row["project"]) for month in MONTHS for row in rows(folders / who.folder, month)}
    others = [row for month in MONTHS for row in rows(everything, month) if (row["pi"], row["project"]) not in seen]
    assert own
    for row in others:
        assert row["charge"] not in found
        assert not row["pi"] or row["pi"] in own or row["pi"] not in found, row["pi"]
        if row["project"] not in {project for _, project in seen}:
            assert not re.search(rf"(?<![\w-]){re.escape(row['project'])}(?![\w-])", found), row["project"]
        assert not row["resource_id"] or row["resource_id"] not in found
    for pi in {row["pi"] for row in others} - own - {""}:
        assert not list((folders / who.folder).rglob(f"*{pi}*"))


def test_every_link_of_a_folder_leads_to_a_file_in_it(folders: Path) -> None:
    for folder in folders.iterdir():
        for path in folder.rglob("*.html"):
            for link in re.findall(r'(?:href|src)="([^"]*)"', path.read_text(encoding="utf-8")):
                target = unquote(html.unescape(link)).partition("#")[0]
                if target and not re.match(r"mailto:|https?:", target) and not target.endswith(".pdf"):
                    place = posixpath.normpath(posixpath.join(str(path.parent.relative_to(folder)), target))
                    assert (folder / place).is_file(), (folder.name, path.relative_to(folder), link)


def test_the_map_says_who_may_see_which_folder(folders: Path) -> None:
    listed = json.loads((folders / "audiences.json").read_text(encoding="utf-8"))
    assert {path.name for path in folders.iterdir() if path.is_dir()} - {"access"} == set(listed)
    assert listed[PI.folder] == {"audience": str(PI), "people": [ADA], "public": False}
    assert listed["project-health-records"]["people"] == ["nadia.haddad@example.edu"]
    assert listed["public"]["public"]
    assert f'"{ADA}:{PI.folder}" 1;' in (folders / "access/nginx.conf").read_text(encoding="utf-8")
    apache = (folders / "access/apache.conf").read_text(encoding="utf-8")
    assert f'<Location "/{PI.folder}/">\n    Require user "{ADA}"\n' in apache
    assert '<Location "/department-Biology' not in apache, "folders are lowercase"


def test_finance_sees_what_a_build_has(everything: Path, folders: Path) -> None:
    files = [path.relative_to(everything) for path in everything.rglob("*") if path.is_file()]
    for file in files:
        assert (folders / "finance" / file).read_bytes() == (everything / file).read_bytes(), file


def test_a_project_has_its_charges_that_no_pi_is_known_of(tmp_path: Path) -> None:
    ledger = january(tmp_path / "ledger")
    ledger.write("charges/2025-01/aws.csv", HEAD + charge("12") + charge("3", "r-no-pi", pi=""))
    build_audiences(ledger.root, tmp_path / "out", Audience(AudienceKind.PROJECT, "p1"), pdfs=False)
    own = rows(tmp_path / "out", "2025-01")
    assert [(each["resource_id"], each["pi"], each["disposition"]) for each in own] == [
        ("r1", "ada@example.edu", "billed"),
        ("r-no-pi", "", "held"),
    ]


def test_the_public_sees_no_pi_project_or_statement(everything: Path, folders: Path) -> None:
    page = (folders / "public/index.html").read_text(encoding="utf-8")
    assert "Withheld" in page
    found = texts(folders / "public")
    for row in rows(everything, "2024-12"):
        assert not row["project"] or not re.search(rf"(?<![\w-]){re.escape(row['project'])}(?![\w-])", found)
        assert not row["pi"] or row["pi"] not in found
    assert not (folders / "public/data").exists()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pages/news.md", f"# News\n\nThanks to {MARCUS}.\n"),
        ("pages/news.md", "# News\n\nThanks to **Marcus Delgado**.\n"),
        ("templates/pages/about.html", "<html><p title='forest-carbon'>x</p>"),
        ("templates/pages/pi.html", '<html><a href="../statements/forest%2Dcarbon.html">x</a>'),
    ],
)
def test_a_build_that_tells_of_others_is_refused(tmp_path: Path, path: str, text: str) -> None:
    root = copied(tmp_path / "ledger")
    build_audiences(root, tmp_path / "out", PI, pdfs=False)
    before = sorted(tmp_path.joinpath("out").rglob("*"))
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")
    with pytest.raises(LedgerFault) as refused:
        build_audiences(root, tmp_path / "out", PI, pdfs=False)
    assert {problem.code for problem in refused.value.problems} == {"leaked-identity"}
    assert sorted(tmp_path.joinpath("out").rglob("*")) == before


@pytest.mark.parametrize("project", ["genomics", "discount", "statement"])
def test_a_project_may_be_named_with_a_word_of_the_program(tmp_path: Path, project: str) -> None:
    """Templates, schemas and assets say it in every folder, so it tells nothing about the project."""
    charge = '2025-01-01,{cost},"{{""pi_email"": ""{pi}"", ""project_id"": ""{project}"", ""fund_org"": ""F-1""}}"\n'
    rows = charge.format(cost=1, pi=ADA, project="own") + charge.format(cost=2, pi=MARCUS, project=project)
    (tmp_path / "ledger/charges/2025-01").mkdir(parents=True)
    (tmp_path / "ledger/config.yaml").write_text("organization: Example\njournal: {credit_fund: RC-1}\n")
    (tmp_path / "ledger/charges/2025-01/hpc.csv").write_text(f"BillingPeriodStart,BilledCost,Tags\n{rows}")
    build_audiences(tmp_path / "ledger", tmp_path / "out", PI, pdfs=False)
    assert (tmp_path / "out/schemas/ledger/deliveries.json").is_file()


def test_pdfs_are_those_of_a_build(root: Path, tmp_path: Path) -> None:
    build(root, tmp_path / "internal")
    build_audiences(root, tmp_path / "own", PI)
    pdfs = [path.relative_to(tmp_path / "own") for path in (tmp_path / "own").rglob("*.pdf")]
    assert len(pdfs) > 3
    for pdf in pdfs:
        assert (tmp_path / "own" / pdf).read_bytes() == (tmp_path / "internal" / pdf).read_bytes()


def test_the_charge_browser_has_the_sums_of_the_file(folders: Path) -> None:
    script = (folders / PI.folder / "charges/2024-12/data.js").read_text()
    packed = re.search(r'"(H4sI[^"]+)"', script)
    assert packed
    data = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    own = rows(folders / PI.folder, "2024-12")
    assert set(data["texts"]["project"]) == {row["project"] for row in own}
    assert set(data["texts"]["pi"]) == {ADA}
    exact = sum((Decimal(row["billed"]) for row in own), Decimal(0))
    parts = [sum(data["columns"].get(f"cost_{part}", [0])) for part in range(1, 6)]
    assert sum(Decimal(part).scaleb(6 - 8 * n) for n, part in enumerate(parts)) == exact
    assert charge_ids((folders / PI.folder / "data/2024-12/charges.csv").read_bytes()) == [row["charge"] for row in own]


@pytest.mark.parametrize("text", ["", "pi", "pi=", "finance=x", "internal", "everyone", "=x"])
def test_an_audience_must_be_one(text: str) -> None:
    with pytest.raises(UsageFault):
        Audience.parse(text)


def test_an_unknown_audience_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="no charges of project=nothing"):
        build_audiences(root, tmp_path / "out", Audience.parse("project=nothing"))
    assert not (tmp_path / "out").exists()
