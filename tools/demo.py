"""Builds the portal of the sample ledger in build/demo, as a university does: ingest, convert, commit, build.

Everything runs through the program's command line. The demo ledger is recreated each time, with the same commits; only
its `.openchargeback/` is kept, the cache that makes a second run quick.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_LEDGER = ROOT / "ledger"
SAMPLE_DATA = ROOT / "sample_data"
MONTHS = ("2025-01", "2025-12")
CONVERTED = "2025-12"
"""The month whose charges of the university's own services are converted from usage records."""
KINDS = {"hpc": "slurm", "storage": "storage", "vm": "vm"}
"""The sources that are converted, each with the kind of its usage records."""

DEMO = ROOT / "build" / "demo"
LEDGER = DEMO / "ledger"
PUBLIC = DEMO / "public"
# This file in build/demo marks the folder as ours to replace.
MARK = DEMO / ".openchargeback-demo"
CACHE = ".openchargeback"

PROGRAM = Path(sys.executable).with_name("focus-billing")

# Variables from an enclosing Git command (a hook, say) would point our commands at the wrong repository.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
# Personal Git settings must not change the demo's commits.
PLAIN_GIT = {**ENVIRONMENT, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def main() -> None:
    """Create the demo ledger, fill it, build it, and print where the portal is."""
    files = [file for month in MONTHS for file in sorted(SAMPLE_DATA.glob(f"*_{month}.csv")) if not converted(file)]
    if not (SAMPLE_LEDGER / "config.yaml").is_file() or not files or not all(usage_of(source) for source in KINDS):
        stop(f"the sample ledger ({SAMPLE_LEDGER}) or its charges ({SAMPLE_DATA}) are missing from this checkout")

    print("demo: creating a ledger in build/demo from the samples", file=sys.stderr, flush=True)
    claim_demo_folder()
    renew_ledger()
    git("init", "--quiet", "--initial-branch=main", "--template=")
    commit("The sample ledger", on="2025-01-01T09:00:00+00:00")
    for file in files:
        run(PROGRAM, "ingest", file, "--source", source_of(file), "--ledger", LEDGER)
    commit("Ingest the charges of January and December 2025", on="2026-01-05T09:00:00+00:00")
    for source in KINDS:
        run(PROGRAM, *conversion(source, LEDGER))
    commit("Convert the usage of December 2025", on="2026-01-05T09:30:00+00:00")
    run(PROGRAM, "build", "-o", PUBLIC, "--ledger", LEDGER)

    index = PUBLIC / "index.html"
    if not index.is_file():
        stop(f"the build wrote no {index}")
    print(index)


def source_of(file: Path) -> str:
    """The source of a sample file: `aws` for aws_2025-01.csv."""
    return re.sub(r"_\d{4}-\d{2}\.csv$", "", file.name)


def converted(file: Path) -> bool:
    """Whether the charges in a sample file are converted from usage records instead."""
    return source_of(file) in KINDS and file.stem.endswith(CONVERTED)


def usage_of(source: str) -> list[Path]:
    """The usage records of a source."""
    return sorted((SAMPLE_DATA / "usage" / source).glob(f"*{CONVERTED}*"))


def conversion(source: str, ledger: Path) -> list[str | Path]:
    """The arguments that convert the usage records of a source into a ledger."""
    config = ledger / "conversions" / f"{source}.yaml"
    output = ledger / "charges" / CONVERTED / f"{source}.csv"
    return ["convert", KINDS[source], *usage_of(source), "--config", config, "--ledger", ledger, "-o", output]


def claim_demo_folder() -> None:
    """Create build/demo, or check that it is an earlier demo."""
    DEMO.mkdir(parents=True, exist_ok=True)
    if not MARK.exists() and any(DEMO.iterdir()):
        stop(f"{DEMO} contains something other than an earlier demo; move it away and try again")
    MARK.touch()


def renew_ledger() -> None:
    """Replace the last demo's ledger with a fresh copy of the sample ledger, but keep its cache."""
    LEDGER.mkdir(exist_ok=True)
    for entry in LEDGER.iterdir():
        if entry.name == CACHE:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    # Do not copy the secrets and cache of someone who works in the sample itself.
    leave = shutil.ignore_patterns(".git", CACHE, "config.local.yaml")
    shutil.copytree(SAMPLE_LEDGER, LEDGER, ignore=leave, dirs_exist_ok=True)


def commit(message: str, *, on: str) -> None:
    """Commit everything, if anything is new. Author and date are fixed, so that the commit is the same each time."""
    git("add", "--all")
    if subprocess.run(git_command("diff", "--cached", "--quiet"), env=PLAIN_GIT, check=False).returncode == 0:
        return
    identity = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", "Demo"), ("EMAIL", "demo@example.edu"), ("DATE", on))
    }
    git("commit", "--quiet", "--message", message, identity=identity)


def git(*arguments: str, identity: dict[str, str] | None = None) -> None:
    """Run Git in the demo ledger."""
    run(*git_command(*arguments), environment={**PLAIN_GIT, **(identity or {})})


def git_command(*arguments: str) -> list[str]:
    """A command line for Git in the demo ledger, without the person's global list of ignored files."""
    return ["git", "-C", str(LEDGER), "-c", f"core.excludesFile={os.devnull}", *arguments]


def run(*command: str | Path, environment: dict[str, str] = ENVIRONMENT) -> None:
    """Run a command that must succeed, with its output on the terminal."""
    try:
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True)
    except FileNotFoundError:
        stop(f"{command[0]} is not installed")
    except subprocess.CalledProcessError as error:
        stop(f"command failed with exit code {error.returncode}: {' '.join(map(str, command))}")


def stop(message: str) -> NoReturn:
    """End with a message for the person at the terminal."""
    sys.exit(f"demo: {message}")


if __name__ == "__main__":
    main()
