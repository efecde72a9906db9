"""Writes people who may sign in to the web program into `config.local.yaml`; everything else in it stays as it is."""

from __future__ import annotations

from pathlib import Path

import yaml

from openchargeback.files.writing import write_file
from openchargeback.ledger.config import LOCAL_FILE_NAME, local_faults
from openchargeback.ledger.declared import values_of
from openchargeback.ledger.settings import WebUser
from openchargeback.problems import LedgerFault, UsageFault

_SECTION = "web"
_OWNER_ONLY = 0o600


def write_user(root: Path, name: str, user: WebUser) -> None:
    """Add or replace a person in the file, which only its owner may read. The caller holds the ledger's lock.

    Raises UsageFault as `with_user` does, LedgerFault if the file would have a fault, OutsideFault for disk errors;
    nothing is written then.
    """
    path = root / LOCAL_FILE_NAME
    data = with_user(path.read_bytes() if path.is_file() else None, name, user)
    if faults := local_faults(data):
        raise LedgerFault(faults, root)
    write_file(path, data)
    path.chmod(_OWNER_ONLY)


def with_user(data: bytes | None, name: str, user: WebUser) -> bytes:
    """The content of `config.local.yaml` with a person added or replaced.

    data: the content so far; None if there is no such file. Comments outside of `web:` stay. Raises UsageFault if it is
    not YAML that can be extended.
    """
    text = (data or b"").decode("utf-8", "replace")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        settings = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise UsageFault(f"{LOCAL_FILE_NAME} is not valid YAML; see `focus-billing validate`") from error
    section = settings.get(_SECTION) if isinstance(settings, dict) else None
    if not isinstance(settings, dict) or not isinstance(section or {}, dict):
        raise UsageFault(f"{LOCAL_FILE_NAME} is not a mapping of settings; see `focus-billing validate`")
    users = dict((section or {}).get("users") or {})
    written = {**(section or {}), "users": {**users, name: values_of(user)}}
    block = yaml.safe_dump({_SECTION: written}, sort_keys=False, allow_unicode=True, width=1000)
    lines = text.splitlines(keepends=True)
    start, end = _place(root, len(lines))
    before, after = "".join(lines[:start]), "".join(lines[end:])
    if before and not before.endswith("\n"):
        before += "\n"
    return f"{before}{block}{after}".encode()


def _place(root: yaml.Node | None, length: int) -> tuple[int, int]:
    """The lines of the section `web`, from its key to before the next key; where it goes if there is none."""
    if not isinstance(root, yaml.MappingNode):
        return length, length
    starts = [(key.start_mark.line, key.value) for key, _ in root.value]
    for number, (line, key) in enumerate(starts):
        if key == _SECTION:
            following = starts[number + 1][0] if number + 1 < len(starts) else length
            return line, following
    return length, length
