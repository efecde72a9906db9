"""Create a new ledger: files with explanations, as a Git repository ready to push."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from openchargeback.files import git
from openchargeback.files.changes import change_files, finish
from openchargeback.files.lock import held
from openchargeback.files.writing import outside, temporary
from openchargeback.ledger.config import FILE_NAME, read_config
from openchargeback.ledger.files import LOCK_FILE, make_folder
from openchargeback.ledger.installed import Program, installed_program
from openchargeback.ledger.lock import locked
from openchargeback.ledger.pinning import OFF, installs, lock_text, pins
from openchargeback.ledger.schema_files import FOLDER as SCHEMAS
from openchargeback.ledger.schema_files import shipped_schemas
from openchargeback.ledger.shipped import PDF_PACKAGES, shipped_templates
from openchargeback.ledger.yaml_text import quoted
from openchargeback.problems import OutsideFault, UsageFault, has_errors

# Templates are stored without the dot, so that Git, forges and packaging tools do not act on them in this repository.
_DOTTED = ("gitignore", "gitattributes", "gitkeep", "github", "forgejo", "gitlab-ci.yml")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|])")

# The terms of each forge in README and CODEOWNERS. finance: what the checks save for finance. kept: for how long.
_WORDS = {
    "github": {
        "forge": "GitHub",
        "request": "pull request",
        "workflows": "/.github/",
        "finance": "an artifact `2025-01 for finance` of each month that is open or has changed",
        "kept": "Artifacts expire after 90 days. If the repository is private, a finalized month is also a release.",
    },
    "gitlab": {
        "forge": "GitLab",
        "request": "merge request",
        "workflows": "/.gitlab-ci.yml",
        "finance": "an artifact `finance` with each month that is open or has changed",
        "kept": "Artifacts expire after 90 days, but the artifact `finalized`, which has what was finalized, does not.",
    },
    "forgejo": {
        "forge": "Forgejo",
        "request": "pull request",
        "workflows": "/.forgejo/",
        "finance": "an artifact `finance` with each month that is open or has changed",
        "kept": "Artifacts expire: keep the zip of a finalized month with the records of finance, or in a release.",
    },
}


# The journal section of `config.yaml`, by whether the ledger is for showback.
_JOURNAL = {
    False: r"""
# The journal. `fund` splits accounting strings into named groups and also checks them: charges to a fund that does not
# match are held with the flag `invalid-fund`. `post: false` is for showback: nothing is charged.
# journal:
#   fund: "(?P<org>[A-Z]+)-(?P<fund>[A-Z0-9]+)-(?P<number>\\d{3})"
#   credit_fund: "RC-INCOME-001"      # credited for sources without a credit fund of their own
#   account: "7410"
#   formats: [workday, summary]       # `focus-billing journal --list` shows all; import one of them
#   post: true
""",
    True: """
# Showback: statements show what was used, but nothing is charged, so no fund is needed. A source with `post: true` is
# still charged; without `post: false`, all sources are.
journal:
  post: false
""",
}

# The last steps of the README, by whether the workflows are switched on.
_LAST_STEPS = {
    True: "4. Protect `main`:",
    False: """4. Switch on the workflows. Their names end in `.disabled` because CI cannot install the program that
   made this ledger. Install `openchargeback` from its Git repository or from a package index, then run
   `focus-billing init --upgrade .` here and commit what it changes.
5. Protect `main`:""",
}


@dataclass(frozen=True, slots=True)
class NewLedger:
    """The files written: relative paths, sorted. obstacle: why there is no initial commit; empty if there is one.

    program: installed by the workflows, which are switched off if it cannot be pinned.
    """

    paths: tuple[str, ...]
    obstacle: str
    program: Program


def create_ledger(
    target: Path,
    organization: str,
    currency: str,
    forge: str = "github",
    *,
    showback: bool = False,
    program: Program | None = None,
) -> NewLedger:
    """Write a new ledger and make it a Git repository with an initial commit on `main`.

    The folder may be missing, empty, or contain only `.git` (a fresh clone); else UsageFault. A folder inside a
    repository becomes part of that one, and nothing is committed. Writes all files or none; repeating a call with the
    same arguments completes an interrupted one. forge: one of FORGES, for the workflows. showback: nothing is charged,
    until the config says otherwise. program: installed by the workflows, by default the running one.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - resolve() would follow a link
    program = program or installed_program()
    contents = _contents(" ".join(organization.split()), currency.strip().upper(), forge, program, showback=showback)
    made: list[Path] = []
    try:
        make_folder(target.parent, made)
        with held(temporary(target), f"another command is writing to {target}; wait until it is done"):
            _write(target, contents, made)
            git.init_repository(target)
            return NewLedger(tuple(contents), git.first_commit(target, "A new ledger"), program)
    except OSError as error:
        _take_away(made)
        raise outside(target, error) from error
    except OutsideFault:
        _take_away(made)
        raise


def upgrade_ledger(root: Path, program: Program | None = None) -> list[str]:
    """Update schemas and lock of a ledger to the installed program, and switch its workflows on.

    Returns the changed paths.
    Raises UsageFault, without changing anything, if the program cannot be pinned.
    """
    program = program or installed_program()
    if program.obstacle:
        raise UsageFault(
            f"this program cannot be pinned, because {program.obstacle}; install it from its Git repository or from a "
            "package index, and run this again"
        )
    with locked(root):
        return _change(root, {**pins(root, program), **_schemas(root)})


def write_schemas(root: Path) -> list[str]:
    """Update `.schemas/` of a ledger to the installed program. Returns the changed paths."""
    with locked(root):
        return _change(root, _schemas(root))


def _schemas(root: Path) -> dict[str, bytes | None]:
    """The schemas that are missing or different in a ledger, by path."""
    shipped = {f"{SCHEMAS}/{name}": data for name, data in shipped_schemas().items()}
    return {
        path: data
        for path, data in shipped.items()
        if not (root / path).is_file() or (root / path).read_bytes() != data
    }


def _change(root: Path, changed: dict[str, bytes | None]) -> list[str]:
    """Change files of a ledger; returns the paths of those that exist afterwards, sorted."""
    if changed:
        change_files(root, changed)
    return sorted(path for path, data in changed.items() if data is not None)


def _write(target: Path, contents: dict[str, bytes], made: list[Path]) -> None:
    """Write the files of a new ledger; does nothing if exactly these exist and none is committed yet."""
    if target.is_dir():
        finish(target)
    elif os.path.lexists(target):
        raise UsageFault(f"{target} is not a folder; name a new or empty folder")
    make_folder(target, made)
    if any(path.name != ".git" for path in target.iterdir()):
        if git.head(target) is not None or not _is_complete(target, contents):
            raise UsageFault(f"{target} is not empty; name a new or empty folder")
        return
    change_files(target, contents)


def _is_complete(target: Path, contents: dict[str, bytes]) -> bool:
    """Whether a folder holds exactly these files, as left by a call that was killed before the commit."""
    found = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
    found = {name: path for name, path in found.items() if not name.startswith(".git/")}
    return found.keys() == contents.keys() and all(path.read_bytes() == contents[name] for name, path in found.items())


def _contents(organization: str, currency: str, forge: str, program: Program, *, showback: bool) -> dict[str, bytes]:
    """Every file of the new ledger by its path, sorted. The forge's own files override the common ones."""
    if not organization:
        raise UsageFault("the organization name is empty; enter the name to print on statements")
    templates = shipped_templates()
    words = {**_WORDS[forge], "forge_key": forge, "journal": _JOURNAL[showback].strip(), "pdf_packages": PDF_PACKAGES}
    words["last_steps"] = _LAST_STEPS[not program.obstacle]
    protection = (templates / "forges" / f"{forge}.md").read_text(encoding="utf-8").strip()
    words["protection"] = _filled(protection, words)
    result = {f"{SCHEMAS}/{name}": data for name, data in shipped_schemas().items()}
    for folder in (templates / "ledger", templates / "forges" / forge):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                escape = quoted if path.suffix == ".yaml" else _as_markdown
                values = {**words, "organization": escape(organization), "currency": escape(currency)}
                text = _filled(path.read_text(encoding="utf-8"), values)
                name = _name(path.relative_to(folder))
                result[name + (OFF if installs(text) and program.obstacle else "")] = text.encode()
    result[LOCK_FILE] = lock_text(program).encode()
    _, problems = read_config(result[FILE_NAME])
    if has_errors(problems):
        wrong = problems[0]
        raise UsageFault(f"not usable in {FILE_NAME}: {wrong.excerpt.strip() or wrong.message}: {wrong.message}")
    return dict(sorted(result.items()))


def _name(path: Path) -> str:
    return "/".join(f".{part}" if part in _DOTTED else part for part in path.parts)


def _filled(text: str, values: dict[str, str]) -> str:
    # In one pass, so that a name that looks like a placeholder is not replaced again. `${{ … }}` in workflows has
    # spaces inside and is left alone.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], text)


def _as_markdown(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)


def _take_away(made: list[Path]) -> None:
    """Remove folders that turned out not to be needed."""
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir()
