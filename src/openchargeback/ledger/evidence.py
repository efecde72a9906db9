"""Who approved the files of a ledger, as far as Git and a host's own record of reviews can tell.

Levels, never more than they are worth:

    A        the host's record of an approving review by somebody other than every author of the commits
    B        the merge or commit that brought the file as it is, signed by somebody other than its authors with a key
             that the list `allowed_signers` had before the change came to the branch
    C        names in Git and YAML only: anybody can write any name there
    unknown  the history is not there (a shallow clone), or the file is not committed as it lies

Git holds no reviews, and after a squash merge the host stands there as committer; so a level says what is recorded,
not what happened. Signatures count by SSH keys of the list alone (git 2.34 or newer), never by a keyring.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openchargeback.ledger import git
from openchargeback.ledger.settings import EvidenceRule
from openchargeback.model import Evidence, Level
from openchargeback.problems import Problem

ALLOWED_SIGNERS = "allowed_signers"
"""Beside config.yaml: who may sign with which key, in the format of ssh-keygen(1)."""

_RANK = {Level.A: 3, Level.B: 2, Level.C: 1, Level.UNKNOWN: 0}
_SHALLOW = "the clone is shallow: fetch the whole history, in a workflow with `fetch-depth: 0`"


@dataclass(frozen=True, slots=True)
class HostRecord:
    """What a host's own record says of one pull request.

    name: of the host and the request, such as `github #12`. head: the commit that was reviewed. merged: the commit that
    it became on the branch; empty while it is open. approvers: who approved that head, by their names on the host, none
    of them an author of its commits. doubt: why nobody counts, where that is so.
    """

    name: str
    head: str
    merged: str
    approvers: tuple[str, ...]
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class _Landing:
    """What brought a file's content to the branch: the commits after `start` up to `tip`.

    start: the commit before; empty for the first one of a repository.
    """

    start: str
    tip: str


def evidence_of(
    root: Path, files: Mapping[str, Sequence[str]], base: str = "", host: HostRecord | None = None
) -> list[Evidence]:
    """The evidence for each file, by its path in the ledger, sorted.

    files: path → who approved according to the file itself. base: the commit where the branch that is checked out left
    the one that counts; empty on that branch itself. Nothing outside a repository and before the first commit.
    """
    if not git.inside_repository(root) or git.head(root) is None:
        return []
    if git.is_shallow(root):
        return [Evidence(path, Level.UNKNOWN, tuple(named), why=_SHALLOW) for path, named in sorted(files.items())]
    return [_evidence(root, path, tuple(named), base, host) for path, named in sorted(files.items())]


def _evidence(root: Path, path: str, named: tuple[str, ...], base: str, host: HostRecord | None) -> Evidence:
    content = git.content_id(root, "HEAD", path)
    if not content:
        return Evidence(path, Level.UNKNOWN, named, why="the file is not committed")
    if git.content_id_of_file(root, path) != content:
        return Evidence(path, Level.UNKNOWN, named, why="the file has changes that are not committed")
    landing = _landing(root, path, content, base)
    authors = tuple(sorted({name for commit in git.logged(root, "HEAD", path) for name in commit.authors}))

    def found(level: Level, approvers: tuple[str, ...], why: str) -> Evidence:
        return Evidence(path, level, approvers, authors, landing.tip, content, why)

    doubt = ""
    if host is not None and _is_about(root, host, path, content, landing):
        if host.approvers:
            return found(Level.A, host.approvers, f"{host.name}: approving review of {host.head[:12]}")
        doubt = f"; {host.name}: {host.doubt}" if host.doubt else ""
    signers = _signers(root, path, content, landing, authors)
    if signers:
        names = tuple(sorted(set(signers.values())))
        return found(Level.B, names, f"signed commit {next(iter(signers))[:12]}, by a key of {ALLOWED_SIGNERS}")
    return found(Level.C, named, f"names only: no signed commit of anybody else{doubt}")


def _landing(root: Path, path: str, content: str, base: str) -> _Landing:
    tip = git.resolve(root, "HEAD")
    if base and base != tip and git.content_id(root, base, path) != content:
        return _Landing(base, tip)
    last = git.landings(root, base or tip, path)[0]
    return _Landing(git.resolve(root, f"{last}^1"), last)


def _is_about(root: Path, host: HostRecord, path: str, content: str, landing: _Landing) -> bool:
    """Whether the host's record is about what brought this content: the same commit, or a head that holds the same."""
    if host.merged:
        return host.merged == landing.tip
    tip = git.resolve(root, "HEAD")
    return (
        landing.tip == tip
        and git.resolve(root, host.head) == host.head
        and git.is_ancestor(root, host.head, tip)
        and git.content_id(root, host.head, path) == content
    )


def _signers(root: Path, path: str, content: str, landing: _Landing, authors: tuple[str, ...]) -> dict[str, str]:
    """Commit → signer, of the commits that brought this content and were signed by nobody of the authors.

    They are those that changed the file (somebody else may have signed what another wrote) and the merge that took it
    to the branch. Other commits that happen to hold the file vouch for nothing.
    """
    with _allowed_signers(root, landing.start) as signers:
        if signers is None:
            return {}
        commits = git.logged(root, f"{landing.start}..{landing.tip}", path, signers)
        tip = git.logged(root, f"{landing.tip}^!", signers=signers)
        commits += [each for each in tip if len(each.parents) > 1 and each.parents[0] == landing.start]
        return {
            each.id: each.signer
            for each in commits
            if each.signer and each.signer not in authors and git.content_id(root, each.id, path) == content
        }


@contextmanager
def _allowed_signers(root: Path, commit: str) -> Iterator[Path | None]:
    """The list of signers as it was before a change, so that no change vouches for itself; None for none."""
    id_ = git.content_id(root, commit, ALLOWED_SIGNERS) if commit else ""
    if not id_:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder:
        path = Path(folder) / ALLOWED_SIGNERS
        path.write_bytes(git.read_blob(root, id_))
        yield path


def better_of(live: Sequence[Evidence], recorded: Sequence[Evidence]) -> list[Evidence]:
    """The evidence at hand, or that which was recorded earlier of the very same content, whichever says more."""
    known: dict[tuple[str, str], Evidence] = {}
    for each in recorded:
        key = (each.path, each.content)
        if each.content and (key not in known or _RANK[each.level] > _RANK[known[key].level]):
            known[key] = each
    result = []
    for each in live:
        other = known.get((each.path, each.content))
        result.append(other if other and each.content and _RANK[other.level] > _RANK[each.level] else each)
    return result


def missing_evidence(found: Sequence[Evidence], rule: EvidenceRule) -> list[Problem]:
    """Where the evidence is not what the ledger demands."""
    problems = []
    for each in found:
        if rule.level and _RANK[each.level] < _RANK[Level(rule.level)]:
            said = f"who approved this is known at level {each.level}, and {rule.level} is asked for ({each.why})"
            problems.append(Problem(each.path, "evidence-missing", said, _remedy(each, rule.level)))
        elif rule.other_than_author and not set(map(str.casefold, each.approvers)) - set(each.authors):
            who = ", ".join(each.approvers) or "nobody"
            said = f"nobody but its authors approved this ({who})"
            problems.append(Problem(each.path, "evidence-missing", said, "let somebody else approve it"))
    return problems


def _remedy(each: Evidence, level: str) -> str:
    if each.level is Level.UNKNOWN:
        return "commit the file, and fetch the whole history (`fetch-depth: 0`)"
    if level == "A":
        return "have the pull request reviewed, and give the host's record of it (--event, --reviews, --commits)"
    if level == "B":
        return f"have somebody else sign the merge with a key of {ALLOWED_SIGNERS}"
    return "commit the file"
