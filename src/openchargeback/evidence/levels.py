"""Who approved the files of a ledger, as far as Git and a host's own record of reviews show.

Levels, never overstated:

    A        the host's record of an approving review by someone other than every author of the commits
    B        the merge or commit that brought the current content, signed by someone other than its authors with a key
             that was valid before the change reached the branch (see `signing`)
    W        the merge that brought the current content says that whoever made it approved it (`Approved-by`), and they
             wrote nothing of what it merges: how the web program merges. Git does not prove it; it is worth what the
             program's login and audit log, and the protection of the main branch, are worth
    C        only names in Git and YAML, where anyone can write any name
    unknown  the history is missing (a shallow clone), or the file has uncommitted changes

Git holds no reviews, and after a squash merge the host is the committer; so a level says what is recorded, not what
happened. Only signatures by SSH keys on the list count (git 2.34 or newer), never those by a keyring.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from openchargeback.evidence.history import History, Integrations
from openchargeback.evidence.identities import Identities, identities_at
from openchargeback.evidence.signing import (
    ALLOWED_SIGNERS,
    Integration,
    Signers,
    approver_of,
    change_of,
    signers_at,
    signing_commits,
)
from openchargeback.files import git
from openchargeback.ledger.settings import EvidenceRule
from openchargeback.model import Evidence, Level
from openchargeback.problems import OutsideFault, Problem

_RANK = {Level.A: 4, Level.B: 3, Level.W: 2, Level.C: 1, Level.UNKNOWN: 0}
_SHALLOW = "the clone is shallow; fetch the full history (in a workflow, with `fetch-depth: 0`)"


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A host's own record of one pull request.

    name: of the host and the request, such as `github #12`. head: the reviewed commit. merged: the commit it became on
    the branch; empty while it is open. approvers: who approved that head, by their names on the host, except authors of
    its commits under that name. doubt: why no approval counts, if so.
    addresses: approver → the email addresses that the host has for them. written_by: the addresses of all authors and
    committers of its commits.
    """

    name: str
    head: str
    merged: str
    approvers: tuple[str, ...]
    doubt: str = ""
    addresses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    written_by: frozenset[str] = frozenset()

    def others(self, who: Identities) -> tuple[str, ...]:
        """The approvers who did not write its commits under another address either."""
        authors = who.people(self.written_by)
        return tuple(each for each in self.approvers if authors.isdisjoint(who.people(self.addresses.get(each, ()))))


def evidence_of(
    root: Path,
    files: Mapping[str, Sequence[str]],
    base: str = "",
    host: HostRecord | None = None,
    pending: Collection[str] = (),
) -> list[Evidence]:
    """The evidence for each file, by its path in the ledger, sorted.

    files: path → who approved according to the file itself. base: the commit where the current branch left the main
    branch; empty on the main branch. pending: files that the user of the command is about to commit as they are. Empty
    outside a repository and before the first commit.
    """
    if not files or not git.inside_repository(root) or git.head(root) is None:
        return []
    if git.is_shallow(root):
        return [Evidence(path, Level.UNKNOWN, tuple(named), why=_SHALLOW) for path, named in sorted(files.items())]
    asked = _EvidenceQuery(root, files, base, host)
    return [
        _pending(asked, path, tuple(named)) if path in pending else _evidence(asked, path, tuple(named))
        for path, named in sorted(files.items())
    ]


class _EvidenceQuery:
    """What Git and the host say about all files together, so that Git is not called for each file."""

    def __init__(self, root: Path, files: Iterable[str], base: str, host: HostRecord | None) -> None:
        self.root, self.host = root, host
        self.tip = git.resolve(root, "HEAD")
        self.base = "" if base == self.tip else base
        self.committed = _contents(root, self.tip)
        self.on_disk = git.content_ids_of_files(root, files)
        self.history = History(root)
        self._before = _contents(root, base) if self.base else {}
        self._integrations = Integrations(root, self.base or self.tip)
        self._signers: dict[str, Signers] = {}
        self._merged: dict[str, bool] = {}
        # The reviewed commit: its content, if this clone has it, and whether the request is open on this branch.
        here = host is not None and git.resolve(root, host.head) == host.head
        self.reviewed = _contents(root, host.head) if host and here else None
        self.is_open = bool(host and here and not host.merged and git.is_ancestor(root, host.head, self.tip))

    def integration(self, path: str, content: str) -> Integration:
        """The commits that brought a file's content to the main branch."""
        if self.base and self._before.get(path) != content:
            return Integration(self.base, self.tip)
        last = self._integrations.of(path)
        if last is None:
            raise OutsideFault(f"git could not determine which commit brought {path}")
        self._merged[last.id] = len(last.parents) > 1
        return Integration(last.parents[0] if last.parents else "", last.id)

    def is_merge(self, integration: Integration) -> bool:
        """Whether the commit that brought a content has a second parent."""
        if integration.tip not in self._merged:
            self._merged[integration.tip] = bool(git.resolve(self.root, f"{integration.tip}^2"))
        return self._merged[integration.tip]

    def signers(self, commit: str) -> Signers:
        """The keys that are valid for changes after a commit."""
        if commit not in self._signers:
            self._signers[commit] = signers_at(self.root, commit)
        return self._signers[commit]


def _contents(root: Path, commit: str) -> dict[str, str]:
    return {path: entry.id for path, entry in git.tree(root, commit).items()}


def _evidence(asked: _EvidenceQuery, path: str, named: tuple[str, ...]) -> Evidence:
    content = asked.committed.get(path, "")
    if not content:
        return Evidence(path, Level.UNKNOWN, named, why="the file is not committed")
    if asked.on_disk[path] != content:
        return Evidence(path, Level.UNKNOWN, named, why="the file has uncommitted changes")
    integration = asked.integration(path, content)
    change = change_of(path, content, integration, asked.history.trace(path))
    who = identities_at(asked.root, integration.start)
    authors = tuple(sorted(who.people(change.authors)))
    named = tuple(dict.fromkeys(map(who.named, named)))

    def found(level: Level, approvers: tuple[str, ...], why: str) -> Evidence:
        return Evidence(path, level, named, approvers, authors, integration.tip, content, why)

    doubt, host = "", asked.host
    if host is not None:
        proof, doubt = _host_proof(asked, host, path, content, integration, who)
        if proof:
            return found(Level.A, host.others(who), f"{host.name}: {proof}")
    listed = asked.signers(integration.start)
    signed = signing_commits(asked.root, change, listed.keys)
    if signed:
        names = tuple(sorted(who.people(name for people in signed.values() for name in people)))
        return found(Level.B, names, f"commit {next(iter(signed))[:12]}, signed with a key in {ALLOWED_SIGNERS}")
    doubts = "".join(f"; {each}" for each in (listed.doubt, f"{host.name}: {doubt}" if host and doubt else "") if each)
    if asked.is_merge(integration) and (approver := approver_of(asked.root, change)):
        merge = integration.tip[:12]
        return found(Level.W, (approver,), f"merge {merge} says `{git.APPROVED_BY}`, which Git does not prove{doubts}")
    return found(Level.C, (), f"names only: no commit was signed by someone else{doubts}")


def _pending(asked: _EvidenceQuery, path: str, named: tuple[str, ...]) -> Evidence:
    """The evidence for a file that is about to be committed as it is; whoever commits it is one of its authors."""
    traced = asked.history.trace(path)
    wrote = {name for commit in (*traced.commits, *traced.merges) for name in commit.authors}
    who = identities_at(asked.root, asked.base or asked.tip)
    authors = who.people({*wrote, git.user(asked.root)} - {""})
    names = tuple(dict.fromkeys(map(who.named, named)))
    why = "names only: committed together with the closing"
    return Evidence(path, Level.C, names, (), tuple(sorted(authors)), "", asked.on_disk[path], why)


def _host_proof(
    asked: _EvidenceQuery, host: HostRecord, path: str, content: str, integration: Integration, who: Identities
) -> tuple[str, str]:
    """What a host's record proves about this content, or why it proves nothing; both empty if it is unrelated.

    The request must have become the commit that brought the content, or contain it while it is open, and the reviewed
    commit must have the same content. After a squash that commit may be gone; then the host's record has to suffice.
    """
    review = f"approving review of {host.head[:12]}"
    if not (host.merged == integration.tip if host.merged else asked.is_open and integration.tip == asked.tip):
        return "", ""
    if not host.approvers:
        return "", host.doubt
    if not host.others(who):
        return "", "only its authors approved it, under other addresses"
    if asked.reviewed is not None:
        same = asked.reviewed.get(path) == content
        return (review, "") if same else ("", f"the reviewed commit {host.head[:12]} has different content")
    if asked.is_merge(integration):
        return "", f"the reviewed commit {host.head[:12]} is not part of the merge"
    return f"{review}; this clone lacks that commit for comparison (squashed or rebased by the host)", ""


def better_of(live: Sequence[Evidence], recorded: Sequence[Evidence]) -> list[Evidence]:
    """The current evidence or the evidence recorded earlier for exactly the same content, whichever is stronger."""
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
    """Where the evidence falls short of what the ledger requires."""
    problems = []
    for each in found:
        if rule.level and _RANK[each.level] < _RANK[Level(rule.level)]:
            message = f"approval evidence is level {each.level}; level {rule.level} is required ({each.why})"
            problems.append(Problem(each.path, "evidence-missing", message, _fix(each, rule.level)))
        elif rule.other_than_author and not set(map(str.casefold, each.approvers or each.named)) - set(each.authors):
            message = f"must be approved by someone other than its authors ({each.who})"
            problems.append(Problem(each.path, "evidence-missing", message, "ask someone else to approve it"))
    return problems


def _fix(each: Evidence, level: str) -> str:
    if each.level is Level.UNKNOWN:
        return "commit the file, and fetch the full history (`fetch-depth: 0`)"
    if level == "A":
        return "have the pull request reviewed, and pass the host's record of it (--event, --reviews, --commits)"
    if level == "B":
        return f"have someone else sign the merge with a key in {ALLOWED_SIGNERS}"
    if level == "W":
        return "have someone else approve it in the web program, which needs `approve: second-person`"
    return "commit the file"
