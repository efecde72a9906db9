"""Read `config.yaml` and `config.local.yaml`. Their keys are declared in `settings.py`."""

from __future__ import annotations

from dataclasses import replace

from openchargeback.explanations import explain
from openchargeback.ledger.declared import keys_of
from openchargeback.ledger.settings import CONFIG, LOCAL, Config, LocalConfig, Mail
from openchargeback.ledger.yaml_tree import Reader, parse
from openchargeback.problems import Problem

FILE_NAME = "config.yaml"
LOCAL_FILE_NAME = "config.local.yaml"
_MAIL_KEYS = ", ".join(key.name for key in keys_of(Mail))
_LOCAL_FIX = f"move it to config.yaml; config.local.yaml may contain only email.{{{_MAIL_KEYS}}} and web.users"


def read_config(data: bytes, local: bytes | None = None) -> tuple[Config | None, list[Problem]]:
    """The settings of a ledger, and their faults.

    data: the bytes of `config.yaml`; local: those of the git-ignored `config.local.yaml`, which is checked but not part
    of the settings: it has secrets, but nothing that money, review, pages or records depend on. None if there are no
    usable settings; otherwise the result has defaults for faulty keys.
    """
    root, reader = parse(data, FILE_NAME)
    problems = reader.problems
    if root is None:
        if not problems:
            problems.append(
                Problem(FILE_NAME, "empty-file", "this file is empty", "add at least `organization: Name`", 1)
            )
        return None, problems
    config: Config | None = CONFIG.read(root, reader)
    if local is not None:
        problems.extend(local_faults(local))
    return config, problems


def read_local(data: bytes | None) -> LocalConfig:
    """The settings of this machine, by `config.local.yaml`, whose faults `read_config` reports."""
    root = parse(data, LOCAL_FILE_NAME)[0] if data else None
    local: LocalConfig | None = LOCAL.read(root, Reader(LOCAL_FILE_NAME)) if root is not None else None
    return local or LocalConfig()


def local_faults(data: bytes) -> list[Problem]:
    """The faults of `config.local.yaml`. Quotes neither lines nor values, which may be secrets."""
    root, reader = parse(data, LOCAL_FILE_NAME)
    if root is not None:
        LOCAL.read(root, reader)
    # Other YAML readers do not read this file, so their interpretation of a value does not matter.
    return [_local_fault(problem) for problem in reader.problems if problem.code != "yaml-ambiguous"]


def _local_fault(problem: Problem) -> Problem:
    """The fault in words that contain no value of the file and no key except those of `config.yaml`."""
    if problem.code == "unknown-key":
        key = problem.message.partition(" ")[0].strip("`")
        what = f"`{key}`" if key in CONFIG.fields else "this key"
        return replace(problem, excerpt="", code="local-setting", message=f"{what} cannot be set here", fix=_LOCAL_FIX)
    known = explain(problem.code)
    if known is None:
        raise ValueError(f"{problem.code} has no explanation")
    return replace(problem, excerpt="", message=known.title[:1].lower() + known.title[1:], fix=known.fix)
