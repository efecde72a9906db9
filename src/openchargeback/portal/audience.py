"""Whom a build is for, and what of a site that audience may see.

A static host protects folders, not rows. So everything of another PI is taken away before any page is made: an audience
has its own lines, statements and held charges, and neither journals, control totals, files received, decisions nor
evidence, which are about all of them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from openchargeback.billing.span_statements import SpanStatement, SubjectKind
from openchargeback.model import BilledPeriod, Journal
from openchargeback.portal.paths import folder_name
from openchargeback.problems import UsageFault


class AudienceKind(enum.StrEnum):
    """The kinds of audiences. internal: everyone inside, who sees everything."""

    INTERNAL = "internal"
    PI = "pi"
    PROJECT = "project"
    DEPARTMENT = "department"
    FINANCE = "finance"
    PUBLIC = "public"


NAMED = (AudienceKind.PI, AudienceKind.PROJECT, AudienceKind.DEPARTMENT)
"""The kinds that need a name."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a build is for. name: the PI's email address, the project's id, or the department."""

    kind: AudienceKind = AudienceKind.INTERNAL
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Audience:
        """`finance`, `public`, `pi=EMAIL`, `project=ID` or `department=NAME`. Raises UsageFault for anything else."""
        kind, equals, name = text.partition("=")
        try:
            audience = cls(AudienceKind(kind.strip()), name.strip())
        except ValueError:
            audience = cls()
        if audience.kind is AudienceKind.INTERNAL or (audience.kind in NAMED) != bool(equals and audience.name):
            raise UsageFault(
                f"there is no audience {text!r}; write pi=EMAIL, project=ID, department=NAME, finance or public"
            )
        return audience

    def __str__(self) -> str:
        return f"{self.kind}={self.name}" if self.name else str(self.kind)

    @property
    def folder(self) -> str:
        """The folder of the audience among those of all audiences: `pi-ada@example.edu`, `finance`."""
        return f"{self.kind}-{folder_name(self.name)}" if self.name else str(self.kind)

    @property
    def sees_all(self) -> bool:
        """Whether nothing of any PI is kept from it."""
        return self.kind in (AudienceKind.INTERNAL, AudienceKind.FINANCE)

    @property
    def sees_charges(self) -> bool:
        """Whether it gets single charges as data and in the charge browser."""
        return self.kind not in (AudienceKind.FINANCE, AudienceKind.PUBLIC)

    def member(self, department: Callable[[str], str]) -> Callable[[str, str], bool]:
        """Whether what a PI (email address) uses for a project (id) is the audience's own.

        department: that of a PI, by email address.
        """
        match self.kind:
            case AudienceKind.PI:
                return lambda pi, _project: pi == self.name
            case AudienceKind.PROJECT:
                return lambda _pi, project: project == self.name
            case AudienceKind.DEPARTMENT:
                return lambda pi, _project: department(pi) == self.name
            case AudienceKind.PUBLIC:
                return lambda _pi, _project: False
        return lambda _pi, _project: True


INTERNAL = Audience()


def restricted(period: BilledPeriod, owns: Callable[[str, str], bool], audience: Audience) -> BilledPeriod:
    """A period with nothing but what is the audience's own. owns: whether a PI's use for a project is."""
    undecided = tuple(item for item in period.undecided if owns(item.pi, item.project))
    return replace(
        period,
        closed_by="",
        lines=tuple(line for line in period.lines if owns(line.pi, line.project)),
        statements=tuple(each for each in period.statements if owns(each.pi.email, each.project.id)),
        queue=tuple(item for item in period.queue if owns(item.pi, item.project)),
        still_queued=None if period.still_queued is None else undecided,
        journal=Journal(period.period, ()),
        digest=f"{period.digest} {audience}",
        sources=(),
        files=(),
        flags=(),
        decisions=(),
        corrections=(),
        unusual=(),
        evidence=(),
        without=(),
        invoices=(),
        documents=(),
        again=(),
    )


def own_spans(spans: tuple[SpanStatement, ...], audience: Audience) -> tuple[SpanStatement, ...]:
    """Of the statements over several projects, those that sum up only what is the audience's own."""
    if audience.sees_all:
        return spans
    kinds = {AudienceKind.PI: SubjectKind.PI, AudienceKind.DEPARTMENT: SubjectKind.DEPARTMENT}
    wanted = kinds.get(audience.kind)
    return tuple(
        each for each in spans if each.request.subject.kind is wanted and each.request.subject.id == audience.name
    )
