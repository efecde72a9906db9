"""Who signed a change to a file, by a list of signers that the change itself could not alter.

The root of trust is the first version of `allowed_signers`. A key added later becomes valid if the commit or merge that
brings it is signed by someone on the list who did not write that change; a key that is removed is no longer valid. So a
branch gains nothing by bringing its own keys, however it lands on the main branch: merged, fast-forwarded or rebased.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from openchargeback.evidence.history import History, Trace
from openchargeback.evidence.identities import identities_at
from openchargeback.files import git

ALLOWED_SIGNERS = "allowed_signers"
"""Next to config.yaml: who may sign with which key, in the format of ssh-keygen(1)."""

_LINE = re.compile(
    r"""(?P<people>[^\s"#]+)[ \t]+"""
    r"""(?:(?P<options>(?:[^\s"]|"[^"]*")+)[ \t]+)??"""
    r"""(?P<kind>(?:ssh|ecdsa|sk)-\S+)[ \t]+(?P<key>[A-Za-z0-9+/]+=*)(?:[ \t].*)?"""
)


@dataclass(frozen=True, slots=True)
class Integration:
    """How a file's content reached the branch: the commits after `start` up to `tip`.

    start: the commit before; empty for the first one of a repository.
    """

    start: str
    tip: str


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the list: a key with its fingerprint and its ssh-keygen form, and all names of its owner."""

    fingerprint: str
    people: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Signers:
    """The keys that are valid at a commit. doubt: why other keys on the list are not valid; empty if all are."""

    keys: tuple[Key, ...] = ()
    doubt: str = ""

    def people(self, fingerprint: str) -> frozenset[str]:
        """All names of a key's owner."""
        return frozenset(name for key in self.keys if key.fingerprint == fingerprint for name in key.people)


def keys_of(text: str) -> tuple[Key, ...]:
    """The keys on a list with a known owner: skips certificate authorities, name patterns and unreadable lines."""
    found, refused = [], set()
    for line in text.splitlines():
        parts = _LINE.fullmatch(line.strip())
        fingerprint = _fingerprint(parts["key"]) if parts else ""
        if not parts or not fingerprint:
            continue
        people = frozenset(name for name in parts["people"].casefold().split(",") if name)
        options = parts["options"] or ""
        if re.search(r"[*?!]", parts["people"]) or "cert-authority" in options.casefold() or not people:
            refused.add(fingerprint)
        words = (parts["people"], options, parts["kind"], parts["key"])
        found.append(Key(fingerprint, people, " ".join(word for word in words if word)))
    return tuple(key for key in found if key.fingerprint not in refused)


def _fingerprint(key: str) -> str:
    try:
        digest = hashlib.sha256(base64.b64decode(key, validate=True)).digest()
    except binascii.Error:
        return ""
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Change:
    """A file as an integration brought it, by the id of its content.

    authors: their email addresses. commits: those that changed it, under any name. merges: those that gave it content
    that none of their parents had.
    """

    path: str
    content: str
    integration: Integration
    authors: frozenset[str]
    commits: frozenset[str]
    merges: frozenset[str]


def change_of(path: str, content: str, integration: Integration, traced: Trace) -> Change:
    """A change with its authors: everyone who wrote the file, under any name it had."""
    authors = frozenset(name for commit in (*traced.commits, *traced.merges) for name in commit.authors)
    commits, merges = (frozenset(each.id for each in side) for side in (traced.commits, traced.merges))
    return Change(path, content, integration, authors, commits, merges)


def signing_commits(root: Path, change: Change, keys: Sequence[Key]) -> dict[str, frozenset[str]]:
    """Commit → names of its signer, for commits that brought this content and were not signed by one of its authors.

    These are the commits that changed the file (which may be signed by someone other than the author) and the merge
    that brought it to the branch, unless the merge has content that none of its parents had. Other commits that happen
    to contain the file vouch for nothing.
    """
    integration = change.integration
    if not keys:
        return {}
    span = _signed(root, integration, tuple(keys))
    commits = [each for each in span if each.id in change.commits]
    commits += [
        each
        for each in span
        if each.id == integration.tip and len(each.parents) > 1 and each.parents[0] == integration.start
    ]
    listed = Signers(tuple(keys))
    who = identities_at(root, integration.start)
    authors = who.people(change.authors)
    return {
        each.id: listed.people(each.key)
        for each in commits
        if each.key
        and each.id not in change.merges
        and who.people(listed.people(each.key)).isdisjoint(authors)
        and _content(root, each.id, change.path) == change.content
    }


def approver_of(root: Path, change: Change) -> str:
    """Who merged a change and says there that they approved it (`Approved-by`), by the person's address; else empty.

    Only for a merge onto the branch whose author, committer and approver are one person, who neither wrote nor
    committed anything it merges, and whose content is that of the merged branch. It proves nothing: anyone who may push
    to the branch can write this.
    """
    integration = change.integration
    span = _span(root, integration) if integration.start else ()
    merge = next((each for each in span if each.id == integration.tip), None)
    if merge is None or len(merge.parents) != 2 or merge.parents[0] != integration.start:
        return ""
    who = identities_at(root, integration.start)
    (approver, *others) = who.people((*merge.authors, merge.committer, *merge.approvers))
    merged = who.people(name for each in span if each is not merge for name in (*each.authors, each.committer))
    if others or not merge.approvers or approver in merged | who.people(change.authors):
        return ""
    return approver if _content(root, merge.parents[1], change.path) == change.content else ""


@lru_cache(maxsize=256)
def _span(root: Path, integration: Integration) -> tuple[git.LoggedCommit, ...]:
    """The commits of an integration, whoever signed them."""
    return tuple(git.logged(root, f"{integration.start}..{integration.tip}"))


@lru_cache(maxsize=256)
def _signed(root: Path, integration: Integration, keys: tuple[Key, ...]) -> tuple[git.LoggedCommit, ...]:
    """The commits of an integration, with the keys that signed them."""
    with _as_file(keys) as signers:
        return tuple(git.logged(root, f"{integration.start}..{integration.tip}", signers=signers))


def _content(root: Path, commit: str, path: str) -> str:
    entry = _tree(root, commit).get(path)
    return entry.id if entry else ""


@lru_cache(maxsize=8)
def _tree(root: Path, commit: str) -> dict[str, git.Entry]:
    return git.tree(root, commit)


def signers_at(root: Path, commit: str) -> Signers:
    """The keys that are valid for changes after a commit in the current history; none without a commit."""
    return _signers_at(root, commit, git.resolve(root, "HEAD")) if commit else Signers()


@lru_cache(maxsize=256)
def _signers_at(root: Path, commit: str, head: str) -> Signers:
    changes = git.integrations(root, commit, ALLOWED_SIGNERS)
    if not changes:
        return Signers()
    # A second root could be a branch that started before the list existed and has its own list.
    roots = _root_commits(root, head)
    if len(roots) != 1:
        return Signers(doubt=f"{ALLOWED_SIGNERS} was created in more than one commit, so none of its keys count")
    keys = _keys_at(root, roots[0])
    for change in reversed(changes):
        keys = _after(root, change, keys)
    left_out = len(set(_keys_at(root, commit)) - set(keys))
    return Signers(keys, f"keys not signed by anyone on the list: {left_out}" if left_out else "")


@lru_cache(maxsize=256)
def _after(root: Path, commit: str, keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """The keys that are valid after a change to the list; those it added only if a signature vouches for it."""
    integration = Integration(git.resolve(root, f"{commit}^1"), commit)
    now, content = _keys_at(root, integration.tip), git.content_id(root, integration.tip, ALLOWED_SIGNERS)
    if integration.start and content and set(now) - set(keys):
        span = f"{integration.start}..{integration.tip}"
        if signing_commits(
            root, change_of(ALLOWED_SIGNERS, content, integration, History(root, span).trace(ALLOWED_SIGNERS)), keys
        ):
            # Content that was already there unsigned is not covered by a later signature.
            before = _keys_at(root, integration.start)
            return tuple(key for key in now if key in keys or key not in before)
    return tuple(key for key in keys if key in now)


@lru_cache(maxsize=16)
def _root_commits(root: Path, _head: str) -> tuple[str, ...]:
    return tuple(git.root_commits(root, ALLOWED_SIGNERS))


@lru_cache(maxsize=256)
def _keys_at(root: Path, commit: str) -> tuple[Key, ...]:
    content = git.content_id(root, commit, ALLOWED_SIGNERS)
    return keys_of(git.read_blob(root, content).decode("utf-8", "replace")) if content else ()


@contextmanager
def _as_file(keys: Sequence[Key]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        path = Path(folder) / ALLOWED_SIGNERS
        path.write_text("".join(f"{key.text}\n" for key in keys), encoding="utf-8")
        yield path
