"""Which email addresses belong to one person, as of a commit: aliases in people.yaml and Git's `.mailmap`.

Both are read from the commit before the change that is judged, so that no branch decides who its own authors are. They
only ever join addresses: an entry can void a person's approval of what they wrote under another address, but never turn
one person into two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from openchargeback.files import git
from openchargeback.ledger.directory import PEOPLE_FILE, read_directory

MAILMAP = ".mailmap"
"""At the top of the repository; see gitmailmap(5)."""

# `Proper Name <proper@x> Commit Name <commit@x>`; the names are optional. An address that several people commit with,
# told apart by name, joins them all: evidence cannot tell people with a shared address apart.
_ENTRY = re.compile(r"(?!#)[^<>]*<([^<>]+)>[^<>]*<([^<>]+)>")


@dataclass(frozen=True, slots=True)
class Identities:
    """Addresses joined to people. known: address, in lower case → the person's canonical address."""

    known: Mapping[str, str] = field(default_factory=dict)

    def person(self, address: str) -> str:
        """The canonical address of the person with this address."""
        folded = address.strip().casefold()
        return self.known.get(folded, folded)

    def named(self, text: str) -> str:
        """The same for a name as written, which is returned unchanged if unknown."""
        return self.known.get(text.strip().casefold(), text)

    def people(self, addresses: Iterable[str]) -> frozenset[str]:
        """The same for several addresses."""
        return frozenset(map(self.person, addresses))


@lru_cache(maxsize=4096)
def identities_at(root: Path, commit: str) -> Identities:
    """The identities as of a commit; without a commit, every address is its own person."""
    if not commit:
        return Identities()
    return _identities(root, git.content_id(root, commit, PEOPLE_FILE), git.content_id(git.top(root), commit, MAILMAP))


@lru_cache(maxsize=256)
def _identities(root: Path, people: str, mailmap: str) -> Identities:
    """Cached by the ids of the two files: most commits change neither."""
    directory, _ = read_directory(git.read_blob(root, people) if people else None, None)
    text = git.read_blob(root, mailmap).decode("utf-8", "replace") if mailmap else ""
    entries = [found.groups() for line in text.splitlines() if (found := _ENTRY.match(line.strip()))]
    return joined([*directory.aliases.items(), *((old, proper) for proper, old in entries)], directory.people)


def joined(pairs: Iterable[tuple[str, str]], preferred: Iterable[str] = ()) -> Identities:
    """Addresses joined pair by pair. Canonical is a preferred address, else the second of the first pair."""
    groups: dict[str, list[str]] = {}
    for one, other in pairs:
        names = [name.strip().casefold() for name in (other, one)]
        members = list(dict.fromkeys(each for name in names for each in groups.get(name, [name])))
        groups.update(dict.fromkeys(members, members))
    first = {name.casefold() for name in preferred}
    return Identities(
        {name: next((each for each in members if each in first), members[0]) for name, members in groups.items()}
    )
