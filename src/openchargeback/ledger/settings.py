"""The settings of a ledger: `config.yaml` declared key by key, each with its default, format and description."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from openchargeback import money
from openchargeback.addresses import holds_credentials
from openchargeback.ledger import check_codes
from openchargeback.ledger.declared import Key, shape_of, values_of
from openchargeback.ledger.shape import (
    Boolean,
    Choice,
    Either,
    Integer,
    ListOf,
    MapOf,
    Number,
    Record,
    RegularExpression,
    Text,
    Verbatim,
)
from openchargeback.ledger.yaml_tree import Node, Reader, Scalar
from openchargeback.model import PayerClass, field_values
from openchargeback.money import ZERO
from openchargeback.problems import Problem

SOURCE_PATTERN = r"[a-z0-9][a-z0-9_-]{0,39}"
COST_COLUMNS = ("BilledCost", "EffectiveCost")
DIALECTS = ("azure", "focus", "focus-1.0", "focus-1.1", "focus-1.2", "focus-1.3", "focus-1.4", "simple")
FORGES = ("github", "gitlab", "forgejo")
QUESTIONS = ("mail", "issue", "none")
EVIDENCE_LEVELS = ("A", "B", "W", "C")
PAPERS = ("a4", "letter")
GIGABYTE = 10**9
FORMAT_PATTERN = r"[a-z0-9][a-z0-9-]{0,39}"
UNLISTED = ("refused", "accepted")
DEFAULT_FORMATS = ("detail", "summary", "gl")
"""The journal formats that a build writes unless `journal.formats` says otherwise."""
MONTHLY, IRREGULAR = "monthly", "irregular"
EXPECTED = (MONTHLY, IRREGULAR)
VENDOR, INSTITUTION = "vendor", "institution"
DISCOUNTS = (VENDOR, INSTITUTION)
OVERWRITE, APPEND = "overwrite", "append"
DELIVERIES = (OVERWRITE, APPEND)
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_PERCENT = r"\d{1,6}(\.\d{1,6})? ?%"
SECURITIES = ("starttls", "tls", "none")
ATTACHMENTS = ("pdf", "link", "none")
APPROVALS = ("forge", "second-person")
EMAIL_ADDRESS = r"[^@\s<>,;\"]+@[^@\s<>,;\"]+"
PASSWORD_VARIABLE = "OPENCHARGEBACK_EMAIL_PASSWORD"  # noqa: S105 - the name of a variable
TOKEN_VARIABLE = "OPENCHARGEBACK_EMAIL_TOKEN"  # noqa: S105 - as above
_MOST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Address:
    """An http(s) address, which is published, so it must not contain a user or password. any_text: or any text."""

    help: str
    any_text: bool = False

    def read(self, node: Node, reader: Reader) -> str | None:
        """The address; None with a problem if it is not one."""
        if isinstance(node, Scalar) and holds_credentials(node.text.strip()):
            message = "the address contains a user name or password, and it is published"
            fix = "remove everything before the @, and revoke the password or token: the ledger's history keeps it"
            reader.problems.append(Problem(reader.path, "url-credentials", message, fix, node.line, node.column))
            return None
        return self._text().read(node, reader)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of an address, or of any text."""
        return self._text().schema()

    def _text(self) -> Text:
        return Text(help=self.help) if self.any_text else Text(r"https?://\S+", "an http(s) address", self.help)


@dataclass(frozen=True, slots=True)
class Percent:
    """A share such as `5%`, read as a Decimal in percent."""

    help: str

    def read(self, node: Node, reader: Reader) -> Decimal | None:
        """The number before the percent sign; None with a problem if it is not a percentage."""
        text = self._text().read(node, reader)
        return None if text is None else Decimal(text.rstrip("% "))

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of text in this format."""
        return self._text().schema()

    def _text(self) -> Text:
        return Text(_PERCENT, "a percentage such as 5%", self.help)


@dataclass(frozen=True, slots=True)
class OnlyLocal:
    """A key that is refused in `config.yaml`: a secret, or a command, which anyone who may propose a change could run.

    secret: whether its value is one, so that it has to be changed.
    """

    help: str
    secret: bool = False

    def read(self, node: Node, reader: Reader) -> None:
        """None, with a problem that quotes no value."""
        message = "this setting does not belong in a file that is committed"
        fix = f"remove it, and set it in config.local.yaml, or set the environment variable {PASSWORD_VARIABLE}"
        if self.secret:
            fix += "; change the password: the ledger's history keeps it"
        reader.problems.append(Problem(reader.path, "committed-secret", message, fix, node.line, node.column))

    def schema(self) -> dict[str, Any]:
        """The JSON Schema that refuses every value but none."""
        return {"type": "null", "description": self.help}


@dataclass(frozen=True, slots=True)
class FixedLevel:
    """The severity of a check that may only be `error`."""

    code: str

    def read(self, node: Node, reader: Reader) -> str | None:
        """`error`; None with a problem for any other word."""
        if isinstance(node, Scalar) and node.text.strip() == "error":
            return "error"
        reader.fault(node, "fixed-severity", f"{self.code} protects money and stays an error", "remove this line")
        return None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of that one word."""
        return {"enum": ["error"], "description": "This check protects money and stays an error."}


_SEVERITY = Record(
    {
        **{code: Choice(check_codes.LEVELS, help="The severity of this check.") for code in check_codes.SETTABLE},
        **{code: FixedLevel(code) for code in check_codes.FIXED},
    },
    help="The severity of charge file checks, by code: error, warning or off.",
)


def _tag_keys(field_: str) -> Key:
    words = f"Tag key, or list of tag keys, for {field_}; the first one with a value wins."
    keys = Text(filled=True, what="a tag key")
    return Key(shape=ListOf(keys, single=True, least=1, help=words), write=_one_or_list)


def _one_or_list(keys: tuple[str, ...]) -> str | list[str]:
    return keys[0] if len(keys) == 1 else list(keys)


def _each_one_or_list(references: dict[str, tuple[str, ...]]) -> dict[str, str | list[str]]:
    return {name: _one_or_list(keys) for name, keys in references.items()}


def _by_name(entries: tuple[Pattern, ...]) -> dict[str, dict[str, Any]]:
    return {each.name: values_of(each) for each in entries}


def _pattern(name: str, values: dict[str, Any]) -> Pattern:
    return Pattern(name=name, **values)


def _source(name: str, values: dict[str, Any]) -> Source:
    return Source(name=name, **{"label": name, **values})


def _unusual(on: bool) -> UnusualAmount | bool:  # noqa: FBT001 - the only argument
    return UnusualAmount() if on else False


def _unusual_values(rule: UnusualAmount | None) -> dict[str, Any] | bool:
    return values_of(rule) if rule else False


def _organization(name: str) -> Organization:
    return Organization(name=name)


def _account(help_: str) -> Text:
    # A spreadsheet runs what starts with any other sign, and an account cannot be changed to prevent that.
    return Text(r"[A-Za-z0-9][^\r\n]*", "an account, which starts with a letter or digit", help_)


def _sorted(match: dict[str, str]) -> dict[str, str]:
    return dict(sorted(match.items()))


@dataclass(frozen=True, slots=True)
class Contact:
    """The contact for questions about a statement."""

    name: Annotated[str, "A person or an office."] = ""
    email: Annotated[str, "Email address."] = ""
    phone: Annotated[str, "Phone number."] = ""
    url: Annotated[str, Address("Web page.", any_text=True)] = ""


@dataclass(frozen=True, slots=True)
class Organization:
    """The letterhead of statements and portal."""

    name: Annotated[str, "The institution, as shown on statements."]
    unit: Annotated[str, "The group that sends the bills."] = ""
    address: Annotated[tuple[str, ...], ListOf(Text(), single=True, help="Lines of the postal address.")] = ()
    logo: Annotated[str, "An SVG or PNG file in the ledger, at most 1 MB."] = ""
    contact: Annotated[Contact, "The contact for questions about a statement."] = Contact()


@dataclass(frozen=True, slots=True)
class Payer:
    """Who is responsible and what pays; any field may be unknown (empty)."""

    pi: Annotated[str, "Email address of the PI."] = ""
    project: Annotated[str, "Id of the project."] = ""
    fund: Annotated[str, "The fund that pays."] = ""


NOBODY = Payer()


@dataclass(frozen=True, slots=True)
class SourceDefault(Payer):
    """Who pays for charges without other attribution (tax, support), field by field.

    Without `untagged_only`, partly tagged charges get missing fields from here and are not flagged.
    """

    untagged_only: Annotated[bool, "Only charges with no attribution from tags or directory."] = False


@dataclass(frozen=True, slots=True)
class Tags:
    """The tag keys for PI, project, fund and named references such as a grant number.

    If a field has several keys, the first one with a value wins.
    """

    pi: Annotated[tuple[str, ...], _tag_keys("the PI's email address")] = ()
    project: Annotated[tuple[str, ...], _tag_keys("the project's id")] = ()
    fund: Annotated[tuple[str, ...], _tag_keys("the fund")] = ()
    references: Annotated[
        dict[str, tuple[str, ...]],
        Key(
            shape=MapOf(
                ListOf(Text(filled=True, what="a tag key"), single=True, least=1),
                help="Further references, name to tag key or list of keys; statements show them next to the project.",
            ),
            write=_each_one_or_list,
        ),
    ] = field(default_factory=dict)

    def overridden_by(self, own: Tags) -> Tags:
        """These keys, except those that `own` overrides."""
        return Tags(
            pi=own.pi or self.pi,
            project=own.project or self.project,
            fund=own.fund or self.fund,
            references={**self.references, **own.references},
        )


DEFAULT_TAGS = Tags(("pi_email",), ("project_id",), ("fund_org",))
"""The default tag keys."""


@dataclass(frozen=True, slots=True)
class Source:
    """Settings of one source; one that is not listed in the config gets these defaults.

    dialect: `focus` (a version of FOCUS, detected from the columns), one version such as `focus-1.2`, `simple`, or
    empty, which means detected from the columns.
    post: None means the value of `journal.post`.
    discount: who grants the difference between list price and cost: the vendor, or the institution, which then covers
    that part of the list price.
    delivery: whether a new delivery of a month has all of it again (`overwrite`) or only what is new (`append`); empty
    means that `ingest` asks.
    """

    name: str
    label: Annotated[str, "The label of the source on pages and statements; its name unless set."] = ""
    dialect: Annotated[
        str, Choice(DIALECTS, "The format of the charge files; detected from the columns unless set.")
    ] = ""
    cost: Annotated[str, Choice(COST_COLUMNS, "The FOCUS column that is billed.")] = "BilledCost"
    tags: Annotated[Tags, "Tag keys in this source's exports; keys not set here are as in the ledger's `tags`."] = (
        Tags()
    )
    credit_fund: Annotated[str, "The accounting string to credit; `journal.credit_fund` unless set."] = ""
    account: Annotated[str, "Journal account of the debit side; `journal.account` unless set."] = ""
    credit_account: Annotated[str, "Journal account of the credit side; the debit account unless set."] = ""
    post: Annotated[bool | None, "false: only shown on statements, never journaled; as `journal.post` unless set."] = (
        None
    )
    discount: Annotated[
        str,
        Choice(DISCOUNTS, "Who grants the discount from the list price. Only the institution's counts as covered."),
    ] = VENDOR
    note: Annotated[str, "A sentence for statements that explains the discount."] = ""
    default: Annotated[SourceDefault, "Who pays for charges without other attribution, such as tax and support."] = (
        SourceDefault()
    )
    expected: Annotated[str, Choice(EXPECTED, "monthly: closing a month requires charges of this source.")] = IRREGULAR
    delivery: Annotated[
        str,
        Choice(
            DELIVERIES,
            "What a new delivery of a month has. overwrite: all of it, so `ingest` replaces the files; append: only "
            "what is new, so `ingest` adds it; it asks unless set.",
        ),
    ] = ""
    invoice_tolerance: Annotated[
        Decimal | None,
        Number(
            ZERO,
            "By how much an invoice of the provider may differ from its charges when a month is closed, such as 0.05; "
            "half of a cent unless set.",
        ),
    ] = None
    severity: Annotated[dict[str, str], _SEVERITY] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Charges whose columns all match are flagged `pattern:` and the pattern's name."""

    name: str
    match: Annotated[
        dict[str, str],
        Key(
            shape=MapOf(RegularExpression(), help="Regular expressions by FOCUS column, searched; all must match."),
            write=_sorted,
        ),
    ]
    minimum: Annotated[Decimal | None, "Only charges of at least this amount, regardless of sign."] = None
    reason: Annotated[str, "Why such a charge needs review."] = ""


@dataclass(frozen=True, slots=True)
class UnusualAmount:
    """When the spending of a project on a service counts as unusual."""

    factor: Annotated[
        Decimal, Key(shape=Number(ZERO, "Multiple of the median of the last six closed months."), always=True)
    ] = Decimal(3)
    minimum: Annotated[Decimal, Key(shape=Number(ZERO, "Sums up to this are never unusual."), always=True)] = Decimal(
        100
    )
    first_time: Annotated[bool, Key("Also flag spending without history.", always=True)] = False


@dataclass(frozen=True, slots=True)
class EvidenceRule:
    """The evidence required for approvals of decisions and closings."""

    level: Annotated[
        str,
        Choice(
            EVIDENCE_LEVELS,
            "A: the host's record of a review; B: a commit signed by a known key; W: merged in the web program by "
            "another; C: names only.",
        ),
    ] = ""
    other_than_author: Annotated[bool, "Someone who did not write the file must have approved it."] = False


@dataclass(frozen=True, slots=True)
class Review:
    """Which charges need review before they are billed. `unusual_amount` is None if it is switched off."""

    patterns: Annotated[
        tuple[Pattern, ...],
        Key(
            shape=MapOf(
                shape_of(Pattern, whole=False),
                key_pattern=r"[A-Za-z0-9][A-Za-z0-9_-]*",
                help="Charges that need review, by name.",
                named=_pattern,
                listed=True,
            ),
            write=_by_name,
        ),
    ] = ()
    fund_patterns: Annotated[
        tuple[str, ...],
        ListOf(RegularExpression(), single=True, help="A fund is flagged unless one of these matches it in full."),
    ] = ()
    unusual_amount: Annotated[
        UnusualAmount | None,
        Key(
            shape=Either(
                Boolean(),
                shape_of(UnusualAmount),
                _unusual,
                help="When spending counts as unusual; `off` switches the rule off.",
            ),
            always=True,
            write=_unusual_values,
        ),
    ] = UnusualAmount()
    evidence: Annotated[EvidenceRule, "The evidence required for approvals of decisions and closings."] = EvidenceRule()

    @classmethod
    def from_yaml(cls, values: dict[str, Any], _node: Node, _reader: Reader) -> Review:
        """The rules as read. A disabled rule is read as False, since None means that nothing was read."""
        return cls(**{**values, "unusual_amount": values.get("unusual_amount", UnusualAmount()) or None})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRule:
    """A statement that the portal has: of one project, fund, PI or department, for a fiscal year or other days."""

    project: Annotated[str, "The id of the project."] = ""
    fund: Annotated[str, "The fund."] = ""
    pi: Annotated[str, "The email address of the PI."] = ""
    department: Annotated[str, "The department of the PIs."] = ""
    since: Annotated[dt.date | None, Key("The first day of its charges, in UTC.", name="from")] = None
    until: Annotated[dt.date | None, "The last day of its charges."] = None
    fiscal_year: Annotated[int | None, Integer(1900, 9000, "The fiscal year of its charges, instead of days.")] = None

    RULES: ClassVar[dict[str, Any]] = {
        "allOf": [
            {"oneOf": [{"required": [key]} for key in ("project", "fund", "pi", "department")]},
            {"oneOf": [{"required": ["from", "until"]}, {"required": ["fiscal_year"]}]},
        ]
    }

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> SpanRule:
        """The rule; one that does not say whose charges or which days is recorded as a problem."""
        rule = cls(**values)
        if sum(map(bool, rule.subject.values())) != 1:
            message = "a statement over a span is for one project, fund, PI or department"
            reader.fault(node, "span-rule", message, "keep one of the keys `project`, `fund`, `pi` and `department`")
        days = (rule.since, rule.until)
        if (None in days) if rule.fiscal_year is None else any(days):
            message = "a statement over a span needs its days"
            reader.fault(node, "span-rule", message, "write `from` and `until`, or `fiscal_year`")
        elif rule.since and rule.until and rule.until < rule.since:
            message = f"`until` {rule.until} is before `from` {rule.since}"
            reader.fault(node, "span-rule", message, "correct one of the dates")
        return rule

    @property
    def subject(self) -> dict[str, str]:
        """What it may be for, by kind; one of them is filled."""
        return {"project": self.project, "fund": self.fund, "pi": self.pi, "department": self.department}


@dataclass(frozen=True, slots=True)
class StatementSettings:
    """The content and layout of statements."""

    note: Annotated[str, Text(max_length=4000, help="A note on every statement.")] = ""
    questions_until_days: Annotated[int, Integer(1, 365, "How many days PIs have to ask about a statement.")] = 30
    resources: Annotated[int, Integer(1, 2000, "How many resources a PDF lists before it sums up the rest.")] = 60
    paper: Annotated[str, Choice(PAPERS, "The paper size of PDFs.")] = "a4"
    spans: Annotated[
        tuple[SpanRule, ...],
        "Statements over spans that the portal has, such as an award year: each a page and a PDF.",
    ] = ()


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How `journal posted` reads what the accounting system answers as CSV: columns by name, and words."""

    separator: Annotated[str, Verbatim("The character between columns.")] = ","
    document: Annotated[str, "The column with the document number."] = ""
    line: Annotated[str, "The column with the number of the line in the document."] = ""
    status: Annotated[str, "The column that says what became of the line."] = ""
    amount: Annotated[str, "The column with the amount, with or without a sign."] = ""
    debit: Annotated[str, "The column with the amount of a debit."] = ""
    credit: Annotated[str, "The column with the amount of a credit."] = ""
    fund: Annotated[str, "The column with the accounting string."] = ""
    reason: Annotated[str, "The column that says why."] = ""
    date: Annotated[str, "The column with the day on which the document was posted."] = ""
    date_format: Annotated[str, "The format of that day, such as `%m/%d/%Y`."] = "%Y-%m-%d"
    accepted: Annotated[
        tuple[str, ...], ListOf(Text(), single=True, help="The words for lines that were posted as sent.")
    ] = ()
    suspense: Annotated[
        tuple[str, ...], ListOf(Text(), single=True, help="The words for lines that were posted to suspense.")
    ] = ()
    rejected: Annotated[
        tuple[str, ...], ListOf(Text(), single=True, help="The words for lines that were not posted.")
    ] = ()
    unlisted: Annotated[
        str,
        Choice(
            UNLISTED, "Lines that the file does not list: `refused`, or `accepted` if only exceptions are exported."
        ),
    ] = "refused"


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """The content and format of journals. Without `post`, the ledger is for showback."""

    post: Annotated[bool, "false: showback; nothing is journaled except for sources with `post: true`."] = True
    fund: Annotated[
        str,
        RegularExpression(
            "Splits an accounting string into named groups; a fund that matches neither this nor any of "
            "`review.fund_patterns` is flagged."
        ),
    ] = ""
    credit_fund: Annotated[str, "The accounting string to credit for sources without their own."] = ""
    account: Annotated[str, "Account of the debit side for sources without their own."] = ""
    credit_account: Annotated[str, "Account of the credit side for sources without their own."] = ""
    description: Annotated[str, "Jinja template for the description of a line."] = (
        "{{ source_label }} {{ period }} {{ project }}"
    )
    description_limit: Annotated[int, Integer(8, 500, "Maximum length of descriptions in the accounting system.")] = 80
    formats: Annotated[
        tuple[str, ...],
        ListOf(
            Text(FORMAT_PATTERN, "the name of a journal format"),
            single=True,
            least=1,
            help="The formats that a build writes, by name; `focus-billing journal --list` shows all of them.",
        ),
    ] = DEFAULT_FORMATS
    answers: Annotated[AnswerSettings, "How to read what the accounting system answers."] = AnswerSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceTerms:
    """What invoices to external payers say, and how they are booked; a field that is not set is None or empty."""

    due_days: Annotated[
        int | None, Integer(0, 365, "How many days after its date an invoice is due; 30 unless set.")
    ] = None
    terms: Annotated[str, Text(max_length=200, help="The terms of payment; `Net 30 days` for 30 days unless set.")] = ""
    taxable: Annotated[bool | None, "Whether these payers owe tax; the directory may say otherwise for a payer."] = None
    tax_text: Annotated[
        str, Text(max_length=1000, help="A text on the invoices of those who owe tax. No tax is computed.")
    ] = ""
    exempt_text: Annotated[str, Text(max_length=1000, help="A text on the invoices of those who owe no tax.")] = ""
    revenue_account: Annotated[
        str, _account("Account of the revenue from them; the credit account of the source unless set.")
    ] = ""
    receivable_account: Annotated[str, _account("Account of what they owe.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalPayers(InvoiceTerms):
    """How external payers are invoiced; each class may have its own terms. Nothing is journaled for them."""

    pay_to: Annotated[
        tuple[str, ...], ListOf(Text(), single=True, help="How to pay: an address for checks, a bank account.")
    ] = ()
    external_academic: Annotated[
        InvoiceTerms, Key("What differs for external academic payers.", name=str(PayerClass.EXTERNAL_ACADEMIC))
    ] = InvoiceTerms()
    commercial: Annotated[InvoiceTerms, "What differs for commercial payers."] = InvoiceTerms()

    def terms_of(self, payer_class: PayerClass) -> InvoiceTerms:
        """The terms of a class of external payers; those in general for a payer who has become internal."""
        classes = {PayerClass.EXTERNAL_ACADEMIC: self.external_academic, PayerClass.COMMERCIAL: self.commercial}
        own = classes.get(payer_class, InvoiceTerms())
        found = {name: value for name, value in field_values(own).items() if value not in (None, "")}
        return InvoiceTerms(**{**field_values(self, InvoiceTerms), **found})


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """The appearance of the portal, and the targets of its links."""

    title: Annotated[str, "Title of the portal."] = ""
    url: Annotated[str, Address("Where the portal is published; emails link to it.")] = ""
    logo_dark: Annotated[
        str, "An SVG or PNG file in the ledger for dark colors; without it, the logo stands on white there."
    ] = ""
    accent: Annotated[str, Text(r"#[0-9a-fA-F]{6}", "a color such as #1d4e89", "Accent color, in quotes.")] = "#1d4e89"
    repository: Annotated[str, Address("Address of the ledger's repository.")] = ""
    forge: Annotated[str, Choice(FORGES, "The software that hosts the repository.")] = ""
    branch: Annotated[str, "The main branch."] = "main"
    questions: Annotated[
        str,
        Choice(
            QUESTIONS, "How readers ask about a charge: by `mail` to the contact, by `issue` on the host, or `none`."
        ),
    ] = "mail"
    links: Annotated[
        tuple[str, ...],
        ListOf(
            Text(_HOST, "the name of a host such as www.example.edu", fold=True),
            single=True,
            help="Hosts that the institution's pages may link to.",
        ),
    ] = ()
    views: Annotated[
        dict[str, str],
        MapOf(
            Text(r"#?[^#\s]+", "conditions of the charge browser such as state=held&sort=-due", max_length=2000),
            help="Links above the charges of a month: name to conditions, as in the address of the charge browser.",
        ),
    ] = field(default_factory=dict)


def _mail_address(help_: str) -> Text:
    return Text(EMAIL_ADDRESS, "an email address", help_)


@dataclass(frozen=True, slots=True)
class MailServer:
    """How messages reach the mail server: for everyone in `config.yaml`, or for one machine in `config.local.yaml`."""

    host: Annotated[str, "The mail server; without one, messages are written to a folder (development mode)."] = ""
    port: Annotated[int, Integer(0, 65535, "Its port; 0: 587, or 465 for `tls`, or 25 for `none`.")] = 0
    security: Annotated[
        str,
        Choice(
            SECURITIES,
            "How the connection is encrypted: `starttls`, `tls` from the start, or `none`, for a relay on a trusted "
            "network that needs no login.",
        ),
    ] = "starttls"
    user: Annotated[str, "The user to log in as; no login without one."] = ""
    throttle: Annotated[int, Integer(0, 100_000, "The most messages a minute; 0: no limit.")] = 25
    timeout: Annotated[int, Integer(1, 3600, "How many seconds to wait for the server.")] = 60

    @property
    def own_port(self) -> int:
        """The port as set, else the usual one."""
        return self.port or {"starttls": 587, "tls": 465}.get(self.security, 25)


@dataclass(frozen=True, slots=True)
class CopyRule:
    """Who besides the PI gets the statements of a project or of a department."""

    to: Annotated[str, _mail_address("The address that gets the copy.")]
    project: Annotated[str, "The id of the project whose statements are copied."] = ""
    department: Annotated[str, "The department of the PIs whose statements are copied."] = ""

    RULES: ClassVar[dict[str, Any]] = {"oneOf": [{"required": ["project"]}, {"required": ["department"]}]}

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> CopyRule:
        """The rule; one for both or neither is recorded as a problem."""
        rule = cls(**values)
        if bool(rule.project) == bool(rule.department):
            reader.fault(node, "copy-rule", "a copy needs either a project or a department", "keep one of the two keys")
        return rule


def _only_local(help_: str, *, secret: bool = False) -> OnlyLocal:
    return OnlyLocal(f"Not here: {help_} Only in config.local.yaml.", secret)


@dataclass(frozen=True, slots=True)
class EmailSettings(MailServer):
    """How statements are emailed, and to whom."""

    sender: Annotated[str, Key(shape=_mail_address("The address that messages are from."), name="from")] = ""
    sender_name: Annotated[
        str, Key(shape=Text(help="The name that messages are from; the organization's unless set."), name="from_name")
    ] = ""
    reply_to: Annotated[str, _mail_address("Where answers go; the sender's address unless set.")] = ""
    attach: Annotated[
        str,
        Choice(ATTACHMENTS, "Statements in messages: attached as `pdf`, as a `link` to the portal, or `none`."),
    ] = "pdf"
    max_size: Annotated[
        int, Integer(1, 100, "Maximum size of a message, in megabytes; a larger one has links instead of PDFs.")
    ] = 20
    copy_to: Annotated[tuple[CopyRule, ...], "Who besides the PI gets the statements of a project or department."] = ()
    nothing_due: Annotated[bool, "Whether PIs get a message in a month without charges."] = False
    note: Annotated[str, Text(max_length=_MOST_TEXT, help="A paragraph in every message with statements.")] = ""
    finance: Annotated[str, _mail_address("Who gets the month's bundle.")] = ""
    grants: Annotated[str, _mail_address("The grants administrator, who is asked along with the PI.")] = ""
    password: Annotated[None, _only_local("the password of the user.", secret=True)] = None
    password_env: Annotated[None, _only_local("the environment variable with the password.")] = None
    password_command: Annotated[None, _only_local("a command that prints the password.")] = None
    token_command: Annotated[None, _only_local("a command that prints an access token.")] = None

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> EmailSettings:
        """The settings; a contradiction is recorded as a problem."""
        email = cls(**values)
        if fault := sender_fault(email):
            reader.fault(node, *fault)
        return email


def sender_fault(email: EmailSettings) -> tuple[str, str, str] | None:
    """Code, message and fix of what the mail server or the recipients' servers would object to; None if nothing."""
    if not email.host:
        return None
    if not email.sender:
        return "missing-key", "`from` is missing from `email`, and messages need a sender", "add `from:` there"
    if email.security == "none" and email.user:
        message = "`email.user` is set and `email.security` is none, so the password would travel in the clear"
        return "open-login", message, "write `security: starttls` or `security: tls`"
    own, account = (address.rpartition("@")[2].casefold() for address in (email.sender, email.user))
    if "@" in email.user and own != account and not own.endswith(f".{account}"):
        message = (
            f"`email.from` is at {own}, and the account `email.user` at {account}: recipients' servers reject this"
        )
        return "sender-domain", message, f"send from an address at {account}, or with an account at {own}"
    return None


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """How much of a month's total a branch may change, in percent."""

    warn: Annotated[Decimal | None, Percent("Warn if more of a month changes, such as 5%.")] = None
    fail: Annotated[Decimal | None, Percent("Fail if more of a month changes, such as 50%.")] = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on what the program processes."""

    charge_file_gb: Annotated[int, Integer(1, 10_000, "Maximum decompressed size of a charge file, in gigabytes.")] = 20

    @property
    def charge_file_bytes(self) -> int:
        """The same, in bytes."""
        return self.charge_file_gb * GIGABYTE


class Role(enum.StrEnum):
    """What a person who signs in to the web program may do; `openchargeback.web.access` has the table."""

    ADMIN = "admin"
    REVIEWER = "reviewer"
    FINANCE = "finance"
    PI = "pi"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class WebUser:
    """A person who may sign in."""

    role: Annotated[Role, "What the person may do."]
    email: Annotated[str, _mail_address("The address in commits; for a PI, the one in the directory.")]
    hash: Annotated[
        str,
        Text(
            r"\$argon2id\$v=19\$[A-Za-z0-9+/=,$]{20,400}",
            "an Argon2id hash; `focus-billing web passwd NAME` writes one",
            "The Argon2id hash of the password; empty for people who only sign in through a proxy.",
        ),
    ] = ""
    name: Annotated[str, "The person's name in commits and on pages; the user name unless set."] = ""
    signing_key: Annotated[
        str, "The person's own SSH key on this machine, with which their commits are signed; none unless set."
    ] = ""


_USERS: Any = MapOf(
    shape_of(WebUser),
    key_pattern=r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}",
    help="Who may sign in, by user name.",
)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The web program: who signs in, and who approves."""

    approve: Annotated[
        str,
        Choice(
            APPROVALS,
            "Where changes are approved: on the `forge` that hosts the repository, or in the web program by a "
            "`second-person`, another than those who made and proposed the change.",
        ),
    ] = "forge"
    note: Annotated[str, Text(max_length=_MOST_TEXT, help="A note on the login page.")] = ""
    users: Annotated[
        dict[str, WebUser], Key("People for a demonstration; real ones belong in config.local.yaml.", shape=_USERS)
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a ledger."""

    organization: Annotated[
        Organization,
        Either(
            Text(),
            shape_of(Organization),
            _organization,
            help="The organization that sends the bills: a name, or a mapping with name, unit, address, logo, contact.",
        ),
    ]
    currency: Annotated[
        str,
        Key(
            shape=Text(
                r"[A-Z]{3}",
                "a currency code such as USD (ISO 4217)",
                "The ledger's currency (ISO 4217); charges in other currencies are held.",
            ),
            always=True,
        ),
    ] = "USD"
    fiscal_year_starts: Annotated[
        int,
        Key(
            shape=Integer(
                1,
                12,
                "The month in which fiscal years start; each is named for the calendar year in which it ends.",
            ),
            always=True,
        ),
    ] = 1
    tags: Annotated[Tags, Key("The tag keys for PI, project, fund and references.", always=True)] = DEFAULT_TAGS
    sources: Annotated[
        dict[str, Source],
        Key(
            shape=MapOf(
                shape_of(Source, "Settings of one source.", whole=False),
                fold=True,
                key_pattern=SOURCE_PATTERN,
                help="Settings by source.",
                named=_source,
            ),
            always=True,
        ),
    ] = field(default_factory=dict)
    review: Annotated[Review, Key("Which charges need review before they are billed.", always=True)] = Review()
    statements: Annotated[StatementSettings, Key("The content and layout of statements.", always=True)] = (
        StatementSettings()
    )
    journal: Annotated[JournalSettings, Key("The content and format of journals.", always=True)] = JournalSettings()
    external_payers: Annotated[ExternalPayers, "How external payers are invoiced."] = ExternalPayers()
    portal: Annotated[PortalSettings, Key("The appearance of the portal, and its links.", always=True)] = (
        PortalSettings()
    )
    plan: Annotated[PlanSettings, "How much of a month's total a branch may change, in percent."] = PlanSettings()
    limits: Annotated[Limits, "Limits on what the program processes."] = Limits()
    email: Annotated[EmailSettings, "How statements are emailed, and to whom."] = EmailSettings()
    web: Annotated[WebSettings, "The web program: who signs in, and who approves."] = WebSettings()

    def source(self, name: str) -> Source:
        """The settings of a source, listed or not."""
        return self.sources.get(name) or Source(name=name, label=name)

    def covers(self, name: str) -> bool:
        """Whether a source's discount is the institution's."""
        return self.source(name).discount == INSTITUTION

    def invoice_tolerance(self, name: str, currency: str) -> Decimal:
        """How much an invoice of a source may differ from its charges, exactly; unless set, half of the minor unit of
        the currency that both are in.
        """
        own = self.source(name).invoice_tolerance
        return money.minor_unit(currency) / 2 if own is None else own

    def source_tags(self, name: str) -> Tags:
        """The tag keys of a source's charges."""
        return self.tags.overridden_by(self.source(name).tags)

    @property
    def letterhead(self) -> tuple[str, ...]:
        """The texts that every statement shows."""
        organization, contact = self.organization, self.organization.contact
        return (
            *(organization.name, organization.unit, *organization.address),
            *(contact.name, contact.email, contact.phone, contact.url),
            self.statements.note,
        )

    @property
    def invoice_texts(self) -> tuple[str, ...]:
        """The texts that invoices to external payers may show besides the letterhead."""
        payers = self.external_payers
        classes = (payers, payers.external_academic, payers.commercial)
        return (*payers.pay_to, *(text for each in classes for text in (each.terms, each.tax_text, each.exempt_text)))

    @property
    def reference_names(self) -> tuple[str, ...]:
        """The references that the ledger or any source names, sorted."""
        return tuple(sorted({*self.tags.references, *(n for s in self.sources.values() for n in s.tags.references)}))

    def credit_fund(self, name: str) -> str:
        """The fund to credit for a source's charges; empty if the config has none."""
        return self.source(name).credit_fund or self.journal.credit_fund

    def credit_account(self, name: str) -> str:
        """The journal account of the credit side for a source's charges."""
        own = self.source(name)
        return own.credit_account or self.journal.credit_account or own.account or self.journal.account

    def posts(self, name: str) -> bool:
        """Whether a source's charges are due. If not, they are only shown and need no fund."""
        own = self.source(name).post
        return self.journal.post if own is None else own

    def of_month(self, sources: Iterable[str]) -> dict[str, Any]:
        """The settings that affect a month with these sources, as in `config.yaml`.

        From `portal`, only the accent color of statements counts; journal formats name live profiles, and answers come
        later.
        """
        kept = {name: self.sources[name] for name in sorted({*sources} & {*self.sources})}
        return values_of(
            replace(
                self,
                sources=kept,
                journal=replace(self.journal, formats=DEFAULT_FORMATS, answers=AnswerSettings()),
                portal=PortalSettings(accent=self.portal.accent),
                plan=PlanSettings(),
                limits=Limits(),
                email=EmailSettings(),
                web=WebSettings(),
            )
        )


CONFIG = shape_of(Config)
"""The shape of `config.yaml`."""


@dataclass(frozen=True, slots=True)
class Mail(MailServer):
    """How this machine sends mail: what is set here wins over `config.yaml`, and the secrets of the mail server."""

    password: Annotated[str, Verbatim("The password of the user.")] = ""
    password_env: Annotated[str, "The environment variable with the password."] = PASSWORD_VARIABLE
    password_command: Annotated[
        tuple[str, ...], ListOf(Text(), single=True, help="A command that prints the password; no shell runs it.")
    ] = ()
    token_command: Annotated[
        tuple[str, ...],
        ListOf(Text(), single=True, help="A command that prints an OAuth 2 access token; no shell runs it."),
    ] = ()
    outbox: Annotated[
        str, "The folder for messages while there is no `host`; within the ledger unless it is absolute."
    ] = "outbox"
    drop_folder: Annotated[str, "A folder that gets the month's bundle for finance, instead of an email."] = ""
    given: frozenset[str] = frozenset()

    @classmethod
    def from_yaml(cls, values: dict[str, Any], _node: Node, _reader: Reader) -> Mail:
        """The settings; given: the names of those that the file sets."""
        return cls(**values, given=frozenset(values))

    def over(self, email: EmailSettings) -> EmailSettings:
        """The settings of the ledger with those of this machine over them."""
        own = {each.name: getattr(self, each.name) for each in fields(MailServer) if each.name in self.given}
        return replace(email, **own)


@dataclass(frozen=True, slots=True)
class LocalWeb:
    """Who signs in to the web program on this machine."""

    users: Annotated[dict[str, WebUser], Key("Who may sign in.", shape=_USERS)] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LocalConfig:
    """Settings of one machine: secrets, how it sends mail, and who signs in to its web program."""

    email: Annotated[Mail, "How this machine sends mail."] = Mail()
    web: Annotated[LocalWeb, "Who signs in to the web program on this machine."] = LocalWeb()


LOCAL = shape_of(LocalConfig)
"""The shape of `config.local.yaml`."""
