"""Takes the pictures for the documents: pages of the demo's portal, and a plan as shown on a pull request.

`make pictures` writes them to docs/images. They show current output of the program for the sample data; nothing in them
is drawn by hand. Needs Debian's Chromium, which the tests use, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

import demo
from programs import find

IMAGES = demo.ROOT / "docs" / "images"
FOLDER = demo.ROOT / "build" / "pictures"
LEDGER = FOLDER / "ledger"

THERE = ("aws", "azure", "hpc")
"""The sources of January that are on main; the branch brings the last one, storage, and decisions."""
DECISIONS = (
    ("approve", "--flag", "pattern:gpu", "--reason", "Agreed with the PI, REQ-142"),
    ("reject", "--flag", "possible-duplicate", "--reason", "Sent twice by the provider"),
    (
        "reassign",
        "--flag",
        "invalid-fund",
        "--set-fund",
        "CHM-4410-001",
        "--reason",
        "The department confirmed the fund",
    ),
)
PAGES = {
    "overview": ("index.html", ""),
    "pi": ("pis/ada.okafor@example.edu/index.html", ""),
    "charges": ("charges/2025-12/index.html#state=held&sort=-amount", ""),
    "review": ("review/index.html", "document.querySelector('tbody [type=checkbox]').click()"),
    "report": ("reports/FY2025/index.html", ""),
}
"""Picture → page of the portal, and what is done there first."""
WHO = ("--by", "rita.reviewer@example.edu", "--on", "2025-02-03")

# How a Git host shows a comment, in no host's particular style: the comment's box, tables, collapsible sections.
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><style>
body {{ margin: 0; padding: 24px; background: #fff; color: #1c2126; font: 15px/1.5 "Liberation Sans", sans-serif; }}
article {{ border: 1px solid #c9ced4; border-radius: 8px; overflow: hidden; }}
header {{ padding: 8px 18px; background: #f2f4f6; border-bottom: 1px solid #c9ced4; color: #545d66; font-size: 14px; }}
header b {{ color: #1c2126; }}
main {{ padding: 4px 18px 10px; }}
h3 {{ margin: 16px 0 10px; font-size: 18px; }}
table {{ border-collapse: collapse; margin: 10px 0; }}
th, td {{ padding: 5px 12px; border: 1px solid #d8dce0; font-variant-numeric: tabular-nums; }}
th {{ background: #f7f8f9; text-align: left; }}
summary {{ margin: 8px 0; cursor: pointer; }}
sub {{ vertical-align: baseline; color: #545d66; font-size: 12px; }}
</style><article><header><b>The checks of the ledger</b> commented on the pull request <b>Storage of January,
and decisions</b></header><main>{comment}</main></article></html>"""


def main() -> None:
    """Build the demo, create the branch, take all pictures."""
    demo.main()
    make_branch()
    comment = FOLDER / "plan.html"
    comment.write_text(PAGE.format(comment=as_html(plan())), encoding="utf-8")
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        for name, (path, prepare) in PAGES.items():
            page.goto(f"{demo.PUBLIC.as_uri()}/{path}")
            page.evaluate("document.fonts.ready")
            page.wait_for_timeout(500)
            if prepare:
                page.evaluate(prepare)
                page.wait_for_timeout(500)
            page.screenshot(path=IMAGES / f"{name}.png")
            print(IMAGES / f"{name}.png")
        page.set_viewport_size({"width": 1280, "height": 400})
        page.goto(comment.as_uri())
        page.locator("details").first.evaluate("details => { details.open = true }")
        page.screenshot(path=IMAGES / "plan.png", full_page=True)
        browser.close()
    print(IMAGES / "plan.png")


def make_branch() -> None:
    """Create a ledger with three sources of January on main, and a branch with the fourth and three decisions."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(demo.SAMPLE_LEDGER, LEDGER, ignore=shutil.ignore_patterns(".git", demo.CACHE, "config.local.yaml"))
    git("init", "--quiet", "--initial-branch=main", "--template=")
    for source in THERE:
        ingest(source)
    commit("Charges of January 2025")
    git("switch", "--quiet", "--create", "storage")
    ingest("storage")
    for verb, *options in DECISIONS:
        demo.run(demo.PROGRAM, "review", verb, "--period", "2025-01", *options, *WHO, "--ledger", LEDGER)
    commit("Storage of January 2025, and decisions")


def ingest(source: str) -> None:
    """Ingest a file of the sample data."""
    demo.run(demo.PROGRAM, "ingest", demo.SAMPLE_DATA / f"{source}_2025-01.csv", "--source", source, "--ledger", LEDGER)


def commit(message: str) -> None:
    """Commit everything, with the same author and date each time."""
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def git(*arguments: str) -> None:
    """Run Git in the ledger, with a fixed identity and date."""
    identity = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", "Demo"), ("EMAIL", "demo@example.edu"), ("DATE", "2025-02-03T09:00:00+00:00"))
    }
    command = ("git", "-C", str(LEDGER), "-c", f"core.excludesFile={os.devnull}", *arguments)
    demo.run(*command, environment={**demo.PLAIN_GIT, **identity})


def plan() -> str:
    """The comment that a workflow would write."""
    command = (demo.PROGRAM, "plan", "main", "--head", "HEAD", "--format", "markdown", "--ledger", LEDGER)
    done = subprocess.run(command, env=demo.ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=False)
    # 1: the change exceeds the ledger's limit; the comment is written anyway.
    if done.returncode not in (0, 1):
        demo.stop(f"plan ended with exit code {done.returncode}")
    return done.stdout


def as_html(markdown: str) -> str:
    """Markdown rendered as Git hosts do: with tables and HTML."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


if __name__ == "__main__":
    main()
