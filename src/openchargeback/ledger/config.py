"""Reading `config.yaml`: its shape, its defaults, its faults."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from openchargeback.addresses import holds_credentials
from openchargeback.explanations import explain
from openchargeback.ledger import check_codes, shape
from openchargeback.ledger.settings import (
    COST_COLUMNS,
    DIALECTS,
    DISCOUNTS,
    EVIDENCE_LEVELS,
    EXPECTED,
    FORGES,
    NO_TAGS,
    PAPERS,
    Config,
    Contact,
    EvidenceRule,
    JournalFormat,
    JournalSettings,
    Limits,
    Organization,
    Pattern,
    Payer,
    PlanSettings,
    PortalSettings,
    Review,
    Source,
    StatementSettings,
    Tags,
    UnusualAmount,
)
from openchargeback.ledger.yaml_tree import Node, Reader, Scalar, parse
from openchargeback.money import ZERO
from openchargeback.problems import Problem

FILE_NAME = "config.yaml"
LOCAL_FILE_NAME = "config.local.yaml"
SOURCE_PATTERN = r"[a-z0-9][a-z0-9_-]{0,39}"

_TEXT = shape.Text()


@dataclass(frozen=True, slots=True)
class _Address:
    """An http(s) address, which is published, so it must not hold a user or password. any_text: or another text."""

    help: str
    any_text: bool = False

    def read(self, node: Node, reader: Reader) -> str | None:
        if isinstance(node, Scalar) and holds_credentials(node.text.strip()):
            told = "the address holds a user name or password, and it is published"
            fix = "remove what stands before the @, and revoke the password or token: the ledger's history keeps it"
            reader.problems.append(Problem(reader.path, "url-credentials", told, fix, node.line, node.column))
            return None
        return self._text().read(node, reader)

    def schema(self) -> dict[str, Any]:
        return self._text().schema()

    def _text(self) -> shape.Text:
        if self.any_text:
            return shape.Text(help=self.help)
        return shape.Text(pattern=r"https?://\S+", what="an http(s) address", help=self.help)


_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_PERCENT = r"\d{1,6}(\.\d{1,6})? ?%"


def _tag_keys(carries: str) -> shape.ListOf:
    words = f"Tag key that carries {carries}, or several: the first one with a value wins."
    return shape.ListOf(shape.Text(filled=True, what="a tag key"), single=True, least=1, help=words)


_TAG_FIELDS: dict[str, shape.Shape] = {
    "pi": _tag_keys("the PI's e-mail address"),
    "project": _tag_keys("the project's id"),
    "fund": _tag_keys("the fund"),
    "references": shape.MapOf(_tag_keys("the reference"), help="Further references, name to tag key."),
}


def _tags(values: dict[str, Any], unset: Tags) -> Tags:
    keys = {name: tuple(found) for name, found in values.items() if name != "references"}
    references = {name: tuple(found) for name, found in values.get("references", {}).items()}
    return replace(unset, **keys, references=references)


_DEFAULT = shape.Record(
    {
        "pi": shape.Text(help="E-mail address of the PI who is responsible."),
        "project": shape.Text(help="Id of the project."),
        "fund": shape.Text(help="The fund that pays."),
        "untagged_only": shape.Boolean(help="Only charges with no attribution from tags or directory."),
    },
    help="Who pays what nothing else attributes, such as tax and support.",
)

_ORGANIZATION = shape.Either(
    _TEXT,
    shape.Record(
        {
            "name": shape.Text(help="The institution, as it stands on statements."),
            "unit": shape.Text(help="The group that bills."),
            "address": shape.ListOf(_TEXT, single=True, help="Lines of the postal address."),
            "logo": shape.Text(help="An SVG or PNG file in the ledger."),
            "contact": shape.Record(
                {
                    "name": shape.Text(help="A person or an office."),
                    "email": shape.Text(help="E-mail address."),
                    "phone": shape.Text(help="Telephone number."),
                    "url": _Address("Web page.", any_text=True),
                },
                make=lambda v, _n, _r: Contact(**v),
                help="Whom a PI asks about a statement.",
            ),
        },
        required=("name",),
        make=lambda v, _n, _r: Organization(**{**v, "address": tuple(v.get("address", ()))}),
        help="The letterhead of statements and portal.",
    ),
    lambda name: Organization(name=name),
    help="Who bills: a name, or a mapping with name, unit, address, logo, contact.",
)


@dataclass(frozen=True, slots=True)
class _Fixed:
    """The level of a check that may only be `error`."""

    code: str

    def read(self, node: Node, reader: Reader) -> str | None:
        if isinstance(node, Scalar) and node.text.strip() == "error":
            return "error"
        reader.fault(node, "fixed-severity", f"{self.code} protects money and stays an error", "remove this line")
        return None

    def schema(self) -> dict[str, Any]:
        return {"enum": ["error"], "description": "This check protects money and stays an error."}


_SEVERITY = shape.Record(
    {
        **{code: shape.Choice(check_codes.LEVELS, help="How much this check weighs.") for code in check_codes.SETTABLE},
        **{code: _Fixed(code) for code in check_codes.FIXED},
    },
    help="How much a check of charge files weighs: error, warning or off, by its code.",
)

_SOURCE = shape.Record(
    {
        "label": shape.Text(help="The name of the source on pages and statements."),
        "dialect": shape.Choice(DIALECTS, help="Recognized from the columns unless set."),
        "cost": shape.Choice(COST_COLUMNS, help="The FOCUS column that is billed."),
        "tags": shape.Record(
            _TAG_FIELDS,
            make=lambda v, _n, _r: _tags(v, NO_TAGS),
            help="Which tag keys carry PI, project and fund in this source; the ledger's `tags` unless set.",
        ),
        "credit_fund": shape.Text(help="The accounting string that is credited; `journal.credit_fund` unless set."),
        "account": shape.Text(help="Journal account of the debit side."),
        "credit_account": shape.Text(help="Journal account of the credit side; the debit account unless set."),
        "post": shape.Boolean(help="false: only shown on statements, never journaled; as `journal.post` unless set."),
        "discount": shape.Choice(
            DISCOUNTS,
            help="Who grants what the list price is reduced by; vendor unless set. Only the institution covers.",
        ),
        "note": shape.Text(help="Explains the discount, a sentence for statements."),
        "default": _DEFAULT,
        "expected": shape.Choice(EXPECTED, help="Whether a month can be closed without charges of this source."),
        "severity": _SEVERITY,
    },
    help="Settings of one source.",
)


def _pattern(values: dict[str, Any], _node: Node, _reader: Reader) -> dict[str, Any]:
    return values


_REVIEW = shape.Record(
    {
        "patterns": shape.MapOf(
            shape.Record(
                {
                    "match": shape.MapOf(
                        shape.RegularExpression(), help="Regular expressions by FOCUS column, searched; all must match."
                    ),
                    "minimum": shape.Number(help="Only charges of at least this amount."),
                    "reason": shape.Text(help="Why such a charge needs a look."),
                },
                required=("match",),
                make=_pattern,
                help="A pattern; the flag is called `pattern:` and its name.",
            ),
            key_pattern=r"[A-Za-z0-9][A-Za-z0-9_-]*",
            help="Charges that a person must look at, by name.",
        ),
        "fund_patterns": shape.ListOf(
            shape.RegularExpression(), single=True, help="A fund that none of these matches whole is flagged."
        ),
        "unusual_amount": shape.Either(
            shape.Boolean(),
            shape.Record(
                {
                    "factor": shape.Number(minimum=ZERO, help="Times the median of the last six closed months."),
                    "minimum": shape.Number(minimum=ZERO, help="Sums up to this are never unusual."),
                    "first_time": shape.Boolean(help="Flag spending without history too."),
                },
                make=lambda v, _n, _r: UnusualAmount(**v),
                help="The rule for unusual amounts.",
            ),
            lambda on: UnusualAmount() if on else False,
            help="When spending counts as unusual; `off` switches the rule off.",
        ),
        "evidence": shape.Record(
            {
                "level": shape.Choice(
                    EVIDENCE_LEVELS,
                    help="A: the host's record of a review; B: a signed commit of a known key; C: names only.",
                ),
                "other_than_author": shape.Boolean(help="Somebody who did not write the file must have approved it."),
            },
            make=lambda v, _n, _r: EvidenceRule(**v),
            help="What must be known of who approved decisions and closings.",
        ),
    },
    help="What a person must look at before it is billed.",
)

_JOURNAL = shape.Record(
    {
        "post": shape.Boolean(help="false: showback, where nothing is journaled unless a source says `post: true`."),
        "fund": shape.RegularExpression(
            help="Takes an accounting string apart by named groups; a fund that does not match it is flagged."
        ),
        "credit_fund": shape.Text(help="The accounting string that is credited where the source names none."),
        "account": shape.Text(help="Account of the debit side where the source names none."),
        "credit_account": shape.Text(help="Account of the credit side where the source names none."),
        "description": shape.Text(help="Jinja template of a line's description."),
        "description_limit": shape.Integer(8, 500, help="Longest description the accounting system takes."),
        "formats": shape.MapOf(
            shape.Record(
                {
                    "template": shape.Text(help="A file in `templates/`."),
                    "extension": shape.Text(
                        pattern=r"[A-Za-z0-9]{1,8}", what="a file ending", help="Ending of the file; csv unless set."
                    ),
                },
                required=("template",),
                help="A journal format of the institution.",
            ),
            key_pattern=r"[a-z0-9][a-z0-9_-]*",
            help="Own formats: a Jinja template in `templates/` each.",
        ),
    },
    make=lambda v, _n, _r: JournalSettings(
        **{
            **v,
            "formats": tuple(
                JournalFormat(name=name, **values) for name, values in sorted(v.get("formats", {}).items())
            ),
        }
    ),
    help="How journals are written.",
)

_EMAIL: dict[str, shape.Shape] = {
    "host": shape.Text(help="The server that takes mail."),
    "port": shape.Integer(1, 65535, help="Its port."),
    "security": shape.Text(help="How the connection is encrypted."),
    "user": shape.Text(help="Who logs in there."),
    "password": shape.Verbatim(help="The password of the user."),
    "password_command": shape.ListOf(_TEXT, single=True, help="A command that prints the password."),
    "token_command": shape.ListOf(_TEXT, single=True, help="A command that prints an OAuth 2 access token."),
    "throttle": shape.Text(help="How many messages are sent in a while."),
    "outbox": shape.Text(help="A folder for messages instead of a server."),
}

LOCAL = shape.Record(
    {
        "email": shape.Record(_EMAIL, help="How this machine sends mail."),
        "web": shape.Anything("Who may log in to the local server."),
    },
    help="What one machine keeps to itself: secrets, and where it sends mail.",
)
"""The whole of `config.local.yaml`."""

_LOCAL_FIX = f"move it to config.yaml; config.local.yaml holds only email.{{{', '.join(_EMAIL)}}} and web"

CONFIG = shape.Record(
    {
        "organization": _ORGANIZATION,
        "currency": shape.Text(
            pattern=r"[A-Z]{3}",
            what="a currency code such as USD (ISO 4217)",
            help="The ledger's currency (ISO 4217); charges in another one are held.",
        ),
        "fiscal_year_starts": shape.Integer(1, 12, help="The month in which the fiscal year begins."),
        "tags": shape.Record(
            _TAG_FIELDS,
            make=lambda v, _n, _r: _tags(v, Tags()),
            help="Which tag keys carry PI, project and fund; pi_email, project_id and fund_org unless set.",
        ),
        "sources": shape.MapOf(_SOURCE, fold=True, key_pattern=SOURCE_PATTERN, help="Settings by source."),
        "review": _REVIEW,
        "statements": shape.Record(
            {
                "note": shape.Text(max_length=4000, help="A note on every statement."),
                "questions_until_days": shape.Integer(1, 365, help="Days for questions about a statement."),
                "resources": shape.Integer(1, 2000, help="How many resources a PDF lists before it sums up the rest."),
                "paper": shape.Choice(PAPERS, help="The size of a PDF's pages."),
            },
            make=lambda v, _n, _r: StatementSettings(**v),
            help="How statements look.",
        ),
        "journal": _JOURNAL,
        "portal": shape.Record(
            {
                "title": shape.Text(help="Title of the portal."),
                "accent": shape.Text(
                    pattern=r"#[0-9a-fA-F]{6}", what="a color such as #1d4e89", help="Accent color, in quotes."
                ),
                "repository": _Address("Address of the ledger's repository."),
                "forge": shape.Choice(FORGES, help="What runs at that address."),
                "branch": shape.Text(help="The branch that counts; main unless set."),
                "links": shape.ListOf(
                    shape.Text(pattern=_HOST, what="the name of a host such as www.example.edu"),
                    single=True,
                    help="Hosts that links on the institution's pages may lead to.",
                ),
            },
            make=lambda v, _n, _r: PortalSettings(**{**v, "links": tuple(host.lower() for host in v.get("links", ()))}),
            help="How the portal looks, and where its links lead.",
        ),
        "plan": shape.Record(
            {
                "warn": shape.Text(
                    pattern=_PERCENT, what="per cent such as 5%", help="Warn when more of a month moves."
                ),
                "fail": shape.Text(
                    pattern=_PERCENT, what="per cent such as 50%", help="Fail when more of a month moves."
                ),
            },
            make=lambda v, _n, _r: PlanSettings(**{key: Decimal(text.rstrip("% ")) for key, text in v.items()}),
            help="How much of a month's total a change may move, in per cent.",
        ),
        "limits": shape.Record(
            {
                "charge_file_gb": shape.Integer(
                    1, 10_000, help="How many gigabytes a charge file may hold once it is decompressed; 20 unless set."
                )
            },
            make=lambda v, _n, _r: Limits(**v),
            help="How much the program takes on.",
        ),
        "email": shape.Anything("How statements are sent."),
        "web": shape.Anything("Who may log in to the local server."),
    },
    required=("organization",),
    help="The settings of a ledger.",
)


def read_config(data: bytes, local: bytes | None = None) -> tuple[Config | None, list[Problem]]:
    """The settings of a ledger, and what is wrong with them.

    data: the bytes of `config.yaml`; local: those of the git-ignored `config.local.yaml`, which is checked, but no part
    of the settings: it holds secrets, and nothing that money, review, pages or records depend on. None where no
    settings can be had; otherwise the result is usable, with defaults for what is faulty.
    """
    root, reader = parse(data, FILE_NAME)
    problems = reader.problems
    if root is None:
        if not problems:
            problems.append(Problem(FILE_NAME, "empty-file", "empty", "write at least `organization: Name`", 1))
        return None, problems
    values = CONFIG.read(root, reader)
    if local is not None:
        problems.extend(_local_faults(local))
    return (config_of(values), problems) if values is not None else (None, problems)


def _local_faults(data: bytes) -> list[Problem]:
    """What is wrong with `config.local.yaml`. Neither lines nor values are quoted: they may be secrets."""
    root, reader = parse(data, LOCAL_FILE_NAME)
    if root is not None:
        LOCAL.read(root, reader)
    # Other YAML readers do not read this file, so what they would make of a value does not matter.
    return [_local_fault(problem) for problem in reader.problems if problem.code != "yaml-ambiguous"]


def _local_fault(problem: Problem) -> Problem:
    """What is wrong in words that hold no key and no value of the file, but for keys of `config.yaml`."""
    if problem.code == "unknown-key":
        key = problem.message.partition(" ")[0].strip("`")
        what = f"`{key}`" if key in CONFIG.fields else "this key"
        return replace(problem, excerpt="", code="local-setting", message=f"{what} cannot be set here", fix=_LOCAL_FIX)
    known = explain(problem.code)
    if known is None:
        raise ValueError(f"{problem.code} is not explained")
    return replace(problem, excerpt="", message=known.title[:1].lower() + known.title[1:], fix=known.fix)


def config_of(values: dict[str, Any]) -> Config:
    """The settings of what CONFIG has read, with the defaults filled in."""
    sources = {name: _source(name, settings) for name, settings in values.get("sources", {}).items()}
    chosen = {
        key: values[key]
        for key in ("currency", "fiscal_year_starts", "tags", "statements", "journal", "portal", "plan", "limits")
        if key in values
    }
    return Config(
        organization=values["organization"],
        sources=dict(sorted(sources.items())),
        review=_review(values.get("review", {})),
        **chosen,
    )


def _source(name: str, settings: dict[str, Any]) -> Source:
    default = dict(settings.pop("default", {}))
    only = default.pop("untagged_only", False)
    return Source(name=name, default=Payer(**default), default_untagged_only=only, **{"label": name, **settings})


def _review(values: dict[str, Any]) -> Review:
    patterns = tuple(Pattern(name=name, **entry) for name, entry in sorted(values.get("patterns", {}).items()))
    unusual = values.get("unusual_amount", UnusualAmount())
    funds = tuple(values.get("fund_patterns", ()))
    return Review(patterns, funds, unusual or None, values.get("evidence", EvidenceRule()))
