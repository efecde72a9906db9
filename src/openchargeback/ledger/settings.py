"""What `config.yaml` says, as values. `ledger/config.py` reads it; every room may take the part it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

COST_COLUMNS = ("BilledCost", "EffectiveCost")
DIALECTS = ("azure", "focus", "focus-1.0", "focus-1.1", "focus-1.2", "focus-1.3", "focus-1.4", "simple")
FORGES = ("github", "gitlab", "forgejo")
EVIDENCE_LEVELS = ("A", "B", "C")
PAPERS = ("a4", "letter")
GIGABYTE = 10**9
MONTHLY, IRREGULAR = "monthly", "irregular"
EXPECTED = (MONTHLY, IRREGULAR)
VENDOR, INSTITUTION = "vendor", "institution"
DISCOUNTS = (VENDOR, INSTITUTION)


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom a PI asks about a statement."""

    name: str = ""
    email: str = ""
    phone: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Organization:
    """The institution on the letterhead. `logo` is a path in the ledger (SVG or PNG), empty for none."""

    name: str
    unit: str = ""
    address: tuple[str, ...] = ()
    logo: str = ""
    contact: Contact = Contact()


@dataclass(frozen=True, slots=True)
class Payer:
    """Who is responsible and what pays; any field may be unknown (empty)."""

    pi: str = ""
    project: str = ""
    fund: str = ""


@dataclass(frozen=True, slots=True)
class Tags:
    """The tag keys that carry PI, project, fund and named references such as a grant number.

    Where a field has several keys, the first one with a value wins.
    """

    pi: tuple[str, ...] = ("pi_email",)
    project: tuple[str, ...] = ("project_id",)
    fund: tuple[str, ...] = ("fund_org",)
    references: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def overridden_by(self, own: Tags) -> Tags:
        """These keys, except where `own` names others."""
        return Tags(
            pi=own.pi or self.pi,
            project=own.project or self.project,
            fund=own.fund or self.fund,
            references={**self.references, **own.references},
        )


NO_TAGS = Tags((), (), ())
"""What a source says of tags that keeps to the ledger's keys."""


@dataclass(frozen=True, slots=True)
class Source:
    """Settings of one source; one that is not listed in the config gets these defaults.

    dialect: `focus` (a version of FOCUS, recognized from the columns), one version such as `focus-1.2`, `simple`, or
    empty, which means recognized from the columns.
    cost: the column that is billed, `BilledCost` or `EffectiveCost`.
    tags: the tag keys of this source, where they are not those of the ledger.
    credit_fund: the accounting string that is credited, `journal.credit_fund` where empty; account: the journal account
    of both sides unless credit_account names another for the credit side.
    post: whether its charges go to the journal, or are only shown; None as `journal.post` says.
    discount: whose the difference between list price and cost is: the vendor's, or the institution's, which then covers
    that part of the list price.
    note: a sentence on how the discount of this source comes about, for statements.
    default: who pays what nothing else attributes (tax, support), field by field; default_untagged_only restricts it to
    charges of which neither tags nor directory say anything, so that what is tagged in part is still flagged.
    expected: `monthly` where a month is not complete without charges of this source, else `irregular`.
    severity: code of a check → `error`, `warning` or `off` (`ledger/check_codes.py`).
    """

    name: str
    label: str = ""
    dialect: str = ""
    cost: str = "BilledCost"
    tags: Tags = NO_TAGS
    credit_fund: str = ""
    account: str = ""
    credit_account: str = ""
    post: bool | None = None
    discount: str = VENDOR
    note: str = ""
    default: Payer = Payer()
    default_untagged_only: bool = False
    expected: str = IRREGULAR
    severity: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A review rule: a charge whose columns all match (regular expressions, searched) is flagged `pattern:<name>`."""

    name: str
    match: dict[str, str]
    reason: str = ""
    minimum: Decimal | None = None


@dataclass(frozen=True, slots=True)
class UnusualAmount:
    """When the spending of a project on a service counts as unusual (DESIGN section 4)."""

    factor: Decimal = Decimal(3)
    minimum: Decimal = Decimal(100)
    first_time: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """What must be known of who approved decisions and closings.

    level: A, B or C, empty for no demand. other_than_author: somebody who did not write the file must have approved.
    """

    level: str = ""
    other_than_author: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """Rules that make a person look at a charge. `unusual_amount` is None where it is switched off."""

    patterns: tuple[Pattern, ...] = ()
    fund_patterns: tuple[str, ...] = ()
    unusual_amount: UnusualAmount | None = UnusualAmount()
    evidence: EvidenceRule = EvidenceRule()


@dataclass(frozen=True, slots=True)
class StatementSettings:
    """What statements say beside figures.

    resources: how many resources a PDF lists before it sums the rest up. paper: one of PAPERS.
    """

    note: str = ""
    questions_until_days: int = 30
    resources: int = 60
    paper: str = "a4"


@dataclass(frozen=True, slots=True)
class JournalFormat:
    """A journal format of the institution: a Jinja template in the ledger's `templates/` and the file's ending."""

    name: str
    template: str
    extension: str = "csv"


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """How journals are written.

    fund: regular expression with named groups that takes an accounting string apart, empty for none.
    credit_fund: the accounting string that is credited where the source names none.
    description: Jinja template of a line's description; `description_limit` cuts it.
    formats: the institution's own formats beside detail, summary and gl.
    post: whether charges go to the journal, where the source does not say; without, the ledger is for showback.
    """

    post: bool = True
    fund: str = ""
    credit_fund: str = ""
    account: str = ""
    credit_account: str = ""
    description: str = "{{ source_label }} {{ period }} {{ project }}"
    description_limit: int = 80
    formats: tuple[JournalFormat, ...] = ()


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """How the portal looks and where its repository lives (for links that make a pull request).

    links: the hosts that links on the institution's pages may lead to.
    """

    title: str = ""
    accent: str = "#1d4e89"
    repository: str = ""
    forge: str = ""
    branch: str = "main"
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """How much of a period's total may move before the plan warns or fails, in per cent; None for no limit."""

    warn: Decimal | None = None
    fail: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the program takes on. charge_file_gb: of one charge file without its compression."""

    charge_file_gb: int = 20

    @property
    def charge_file_bytes(self) -> int:
        """The same in bytes."""
        return self.charge_file_gb * GIGABYTE


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of `config.yaml` with its defaults filled in."""

    organization: Organization
    currency: str = "USD"
    fiscal_year_starts: int = 1
    tags: Tags = Tags()
    sources: dict[str, Source] = field(default_factory=dict)
    review: Review = Review()
    statements: StatementSettings = StatementSettings()
    journal: JournalSettings = JournalSettings()
    portal: PortalSettings = PortalSettings()
    plan: PlanSettings = PlanSettings()
    limits: Limits = Limits()

    def source(self, name: str) -> Source:
        """The settings of a source, listed or not."""
        return self.sources.get(name) or Source(name=name, label=name)

    def covers(self, name: str) -> bool:
        """Whether a source's discount is the institution's own."""
        return self.source(name).discount == INSTITUTION

    def source_tags(self, name: str) -> Tags:
        """The tag keys of a source's charges."""
        return self.tags.overridden_by(self.source(name).tags)

    @property
    def reference_names(self) -> tuple[str, ...]:
        """The references that the ledger or a source names, sorted."""
        return tuple(sorted({*self.tags.references, *(n for s in self.sources.values() for n in s.tags.references)}))

    def credit_fund(self, name: str) -> str:
        """The fund that is credited with what a source bills; empty where the config names none."""
        return self.source(name).credit_fund or self.journal.credit_fund

    def posts(self, name: str) -> bool:
        """Whether a source's charges go to the journal. The others are only shown: they need no fund."""
        own = self.source(name).post
        return self.journal.post if own is None else own
