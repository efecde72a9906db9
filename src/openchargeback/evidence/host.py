"""A host's record of a pull request, read from files that a workflow downloaded.

GitHub: the event (`GITHUB_EVENT_PATH`), or `gh api repos/O/R/pulls/N`; `gh api --paginate repos/O/R/pulls/N/reviews`
and `gh api --paginate repos/O/R/pulls/N/commits`. Forgejo and Gitea: the same three from their API. Does not access the
network.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openchargeback.evidence.levels import HostRecord
from openchargeback.problems import UsageFault

_INSIDERS = ("OWNER", "MEMBER", "COLLABORATOR")
"""Associations that imply write access or a membership; anyone may review in a public repository."""

_VERDICTS = {"REQUEST_CHANGES": "CHANGES_REQUESTED"}
"""Verdicts of Forgejo and Gitea, mapped to GitHub's."""


def host_record(event: Path | None, reviews: Path | None, commits: Path | None) -> HostRecord | None:
    """The host's record of an event's pull request; None if there is no pull request or no reviews are given.

    Raises UsageFault if a file does not have the expected content.
    """
    if event is None or reviews is None:
        return None
    request = _object(event)
    request = request.get("pull_request", request)
    head = request.get("head")
    if not isinstance(head, dict) or not isinstance(head.get("sha"), str):
        return None
    number, sha = request.get("number"), head["sha"]
    listed = _list(reviews)
    made = _list(commits) if commits else None
    approvers = _approvers(listed, sha)
    host = "forgejo" if any("official" in each for each in listed) else "github"
    authors, doubt = _authors(request, made, host)
    others = tuple(sorted(approvers - authors))
    if not doubt and not others:
        doubt = "only authors approved it" if approvers else f"no approving review of {sha[:12]} by a member"
    merged = request.get("merge_commit_sha") if request.get("merged") else ""
    return HostRecord(
        f"{host} #{number}",
        sha,
        str(merged or ""),
        () if doubt else others,
        doubt,
        addresses={name: _addresses(listed, name, host) for name in others},
        written_by=_written_by(request, made or ()),
    )


def _approvers(reviews: Sequence[Any], head: str) -> set[str]:
    """Who approved exactly this head and did not retract it: each person's latest review with a verdict counts."""
    last: dict[str, tuple[str, str]] = {}
    for review in reviews:
        user = review.get("user") or {}
        state, login = _verdict(review), user.get("login")
        if (
            not login
            or user.get("type", "User") != "User"
            or state not in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
        ):
            continue
        # Forgejo and Gitea mark the reviews that count for branch protection.
        if review.get("author_association") in _INSIDERS or review.get("official") is True:
            last[login.casefold()] = (state, str(review.get("commit_id", "")))
    return {login for login, (state, commit) in last.items() if (state, commit) == ("APPROVED", head)}


def _verdict(review: dict[str, Any]) -> str:
    state = str(review.get("state", "")).upper()
    return "DISMISSED" if review.get("dismissed") is True else _VERDICTS.get(state, state)


def _authors(request: dict[str, Any], commits: Sequence[Any] | None, host: str) -> tuple[set[str], str]:
    """All authors of the request's commits, by their names on the host, or why they are unknown."""
    if commits is None:
        return set(), "without --commits, approvers cannot be told apart from authors"
    count = request.get("commits")
    if not commits:
        return set(), "--commits is empty"
    if host == "github" and not isinstance(count, int):
        # The event of a review lacks it, and GitHub lists at most 250 commits.
        return set(), "--event does not have its number of commits; use the output of `gh api repos/O/R/pulls/N`"
    if isinstance(count, int) and count > len(commits):
        return set(), f"--commits has only {len(commits)} of its {count} commits"
    names = {str((request.get("user") or {}).get("login", "")).casefold()} - {""}
    for commit in commits:
        login = (commit.get("author") or {}).get("login")
        sha = str(commit.get("sha", ""))[:12]
        if not login:
            return set(), f"the author of its commit {sha} has no account on the host"
        if "co-authored-by:" in str((commit.get("commit") or {}).get("message", "")).casefold():
            return set(), f"its commit {sha} has co-authors, whose accounts on the host are unknown"
        names.add(login.casefold())
        committer = (commit.get("committer") or {}).get("login")
        names |= {committer.casefold()} if committer and committer != "web-flow" else set()
    return names, ""


def _addresses(reviews: Sequence[Any], name: str, host: str) -> frozenset[str]:
    """The email addresses that a host has for a reviewer, including its private no-reply addresses."""
    users = [user for each in reviews if str((user := each.get("user") or {}).get("login", "")).casefold() == name]
    found = {str(user["email"]) for user in users if user.get("email")}
    if host == "github":
        found |= {f"{name}@users.noreply.github.com"}
        found |= {f"{user['id']}+{name}@users.noreply.github.com" for user in users if user.get("id")}
    return frozenset(found)


def _written_by(request: dict[str, Any], commits: Sequence[Any]) -> frozenset[str]:
    """The email addresses of a request's opener and of its commits' authors and committers, except the host."""
    found = {(request.get("user") or {}).get("email")}
    for commit in commits:
        inner = commit.get("commit") or {}
        for role in ("author", "committer"):
            named, user = inner.get(role) or {}, commit.get(role) or {}
            if user.get("login") != "web-flow":
                found |= {named.get("email"), user.get("email")}
    return frozenset(str(each) for each in found if each)


def _object(path: Path) -> dict[str, Any]:
    values = _documents(path)
    if len(values) != 1 or not isinstance(values[0], dict):
        raise UsageFault(f"{path} is not a webhook event: expected one JSON object")
    return values[0]


def _list(path: Path) -> list[dict[str, Any]]:
    """The objects of a listing, in one array or, as written by `gh api --paginate`, one array per page."""
    found: list[Any] = []
    for value in _documents(path):
        pages = value if isinstance(value, list) else [value]
        for page in pages:
            found += page if isinstance(page, list) else [page]
    if not all(isinstance(each, dict) for each in found):
        raise UsageFault(f"{path} is not an API listing: expected a JSON array of objects")
    return found


def _documents(path: Path) -> list[Any]:
    """The concatenated JSON documents in a file."""
    try:
        text = path.read_text("utf-8").strip()
        decoder, place, values = json.JSONDecoder(), 0, []
        while place < len(text):
            value, end = decoder.raw_decode(text, place)
            values.append(value)
            place = end + len(text[end:]) - len(text[end:].lstrip())
    except (ValueError, RecursionError) as fault:
        raise UsageFault(f"{path} is not JSON: {fault}") from fault
    return values
