"""Who may do what: the one table of roles and actions."""

from __future__ import annotations

import enum

from openchargeback.ledger.settings import Role
from openchargeback.portal.audience import INTERNAL, Audience, AudienceKind


class Action(enum.StrEnum):
    """What an address of the web program does. Every route names one; OPEN ones need no login."""

    OPEN = "open"
    READ = "read"  # one's own part of the portal
    WATCH = "watch"  # what waits on branches, and the plan of each
    IMPORT = "import"
    REVIEW = "review"
    DIRECTORY = "directory"
    APPROVE = "approve"
    CLOSE = "close"  # close, finalize and reopen months; bundles and journals
    POST = "post"  # the accounting system's answers, deliveries
    AUDIT = "audit"


_INSIDE = {Action.OPEN, Action.READ, Action.WATCH}

MAY: dict[Role, frozenset[Action]] = {
    Role.ADMIN: frozenset(Action),
    Role.REVIEWER: frozenset({*_INSIDE, Action.IMPORT, Action.REVIEW, Action.DIRECTORY, Action.APPROVE}),
    Role.FINANCE: frozenset({*_INSIDE, Action.CLOSE, Action.POST}),
    Role.VIEWER: frozenset(_INSIDE),
    Role.PI: frozenset({Action.OPEN, Action.READ}),
}
"""What each role may do. A PI sees nothing of others, so not even the plan of a branch."""


def may(role: Role | None, action: Action) -> bool:
    """Whether someone may do something. role: None for a visitor who is not signed in."""
    return action is Action.OPEN if role is None else action in MAY[role]


def audience_of(role: Role, email: str) -> Audience:
    """Which build of the portal a person sees."""
    match role:
        case Role.PI:
            return Audience(AudienceKind.PI, email)
        case Role.FINANCE:
            return Audience(AudienceKind.FINANCE)
    return INTERNAL
