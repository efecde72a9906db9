"""Invented statements of every kind, and how to print them."""

from __future__ import annotations

import datetime as dt
import hashlib
from decimal import Decimal

from openchargeback.ledger.settings import Config, Contact, Organization, Source, StatementSettings
from openchargeback.model import (
    Amounts,
    BillingLine,
    Kind,
    PeriodAmounts,
    Person,
    Project,
    QueueItem,
    ResourceLine,
    Statement,
)
from openchargeback.portal.logo import Logo, usable_logo
from openchargeback.portal.pdf import PrintStyle, print_style, statement_html
from openchargeback.portal.pdf_pool import PdfJob
from openchargeback.portal.statement_data import data_files
from openchargeback.portal.statement_view import StatementView, statement_view
from openchargeback.templating.environment import make_environment

LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    b'<path fill="#1d4e89" d="M32 3 58 13v21c0 14-11 23-26 '
    b'27C17 57 6 48 6 34V13z"/>'
    b'<path fill="none" stroke="#fff" stroke-width="3.5" d="M17 24h30M17 33h30M17 42h30"/></svg>'
)
PI = Person("lovelace@example.edu", "Ada Lovelace", "Department of Mathematics")
COVERED = ("hpc", "storage")
"""The sources whose discount is the institution's."""
PROJECT = Project("analytical-engine", "Analytical engine simulation")


def config(resources: int = 60, logo: str = "logo.svg", currency: str = "USD") -> Config:
    """An institution with notes and labels."""
    return Config(
        Organization(
            "Example University",
            "Research Computing",
            ("100 Library Walk", "Springfield, EX 01234"),
            logo,
            Contact("Research Computing", "hpc@example.edu", "+1 555 0100"),
        ),
        currency=currency,
        sources={
            "aws": Source("aws", "Amazon Web Services", note="The university's agreement takes 12 % off list prices."),
            "hpc": Source(
                "hpc", "Cluster", discount="institution", note="The Provost pays 62.5 % of cluster use for research."
            ),
            "storage": Source("storage", "Project storage", discount="institution"),
        },
        statements=StatementSettings(
            "Rates change on 1 July. They are published with the portal.\n\nPlease acknowledge us.",
            resources=resources,
        ),
    )


def line(source: str, service: str, fund: str, billed: str, list_price: str) -> BillingLine:
    """A billing line whose exact amounts go on behind the cents."""
    discount = Decimal(list_price) - Decimal(billed)
    covered = discount if source in COVERED else Decimal("0.00")
    amounts = Amounts(list=Decimal(list_price), discount=discount, billed=Decimal(billed), covered=covered)
    return BillingLine(
        period="2025-01",
        pi=PI.email,
        project=PROJECT.id,
        fund=fund,
        source=source,
        service=service,
        charges=12,
        exact_list=amounts.list + Decimal("0.000612"),
        exact_billed=amounts.billed + Decimal("0.000012"),
        amounts=amounts,
    )


def split(of: BillingLine, count: int, kind: Kind = Kind.USAGE) -> list[ResourceLine]:
    """The line in `count` resources of falling size that add up to it."""
    weights = [count - i for i in range(count)]
    parts = []
    left = of.amounts
    for i, weight in enumerate(weights):
        last = i == count - 1
        billed = left.billed if last else (of.amounts.billed * weight / sum(weights)).quantize(Decimal("0.01"))
        listed = left.list if last else (of.amounts.list * weight / sum(weights)).quantize(Decimal("0.01"))
        discount = listed - billed
        covered = discount if of.source in COVERED else Decimal("0.00")
        amounts = Amounts(list=listed, discount=discount, billed=billed, covered=covered)
        left -= amounts
        digest = hashlib.sha256(f"{of.service}{i}".encode()).hexdigest()
        name = f"{of.service.lower().replace(' ', '-')}-node-{i + 1:02}" if i % 3 else ""
        parts.append(
            ResourceLine(
                fund=of.fund,
                source=of.source,
                service=of.service,
                kind=kind,
                resource_id=f"i-{digest[:17]}",
                resource_name=name,
                charges=3,
                amounts=amounts,
            )
        )
    return parts


def statement(
    lines: list[BillingLine],
    resources: list[ResourceLine],
    held: tuple[QueueItem, ...] = (),
    pi: Person = PI,
    project: Project = PROJECT,
    draft: bool = False,
) -> Statement:
    """A statement of January 2025."""
    return Statement(
        number="2025-01-3f9a1c22b7",
        period="2025-01",
        revision=1,
        draft=draft,
        issued=dt.date(2025, 1, 31) if draft else dt.date(2025, 2, 3),
        pi=pi,
        project=project,
        lines=tuple(lines),
        resources=tuple(resources),
        held=held,
        digest=hashlib.sha256(b"inputs").hexdigest(),
    )


FUND = "MATH-2024-017"


def normal_lines(fund: str = FUND) -> list[BillingLine]:
    """Three sources, five services."""
    return [
        line("aws", "Amazon Elastic Compute Cloud", fund, "1086.40", "1234.55"),
        line("aws", "Amazon Simple Storage Service", fund, "80.07", "90.99"),
        line("hpc", "GPU hours", fund, "900.00", "2400.00"),
        line("hpc", "Node hours", fund, "2612.63", "6967.01"),
        line("storage", "Project storage", fund, "0.00", "312.50"),
    ]


def normal() -> Statement:
    """What most PIs get."""
    lines = normal_lines()
    return statement(lines, [part for at, one in enumerate(lines) for part in split(one, 1 + at % 4)])


def small(rows: int) -> Statement:
    """`rows` services of one source, no resources: for measuring."""
    return statement([line("hpc", f"Service {i}", FUND, "10.00", "20.00") for i in range(rows)], [])


def subsidized() -> Statement:
    """Nothing is due."""
    lines = [line("hpc", "GPU hours", FUND, "0.00", "2400.00"), line("hpc", "Node hours", FUND, "0.00", "6967.01")]
    return statement(lines, [part for one in lines for part in split(one, 3)])


def large(resources: int = 90) -> Statement:
    """Many resources in two services and two funds, over several pages."""
    lines = [
        line("aws", "Amazon Elastic Compute Cloud", FUND, "10860.40", "12340.55"),
        line("hpc", "Node hours", FUND, "2612.63", "6967.01"),
        line("hpc", "Node hours", "PHYS-2023-9", "612.63", "1633.68"),
    ]
    first = resources * 2 // 3
    parts = split(lines[0], first) + split(lines[1], resources - first - 1) + split(lines[2], 1)
    return statement(lines, parts)


def corrected(draft: bool = False) -> Statement:
    """Credits, corrections and charges under review."""
    lines = [*normal_lines(), line("aws", "AWS Support", FUND, "-120.00", "-120.00")]
    parts = [part for at, one in enumerate(lines[:-1]) for part in split(one, 1 + at % 3)]
    credit = Amounts(list=Decimal("-100.00"), discount=Decimal("0.00"), billed=Decimal("-100.00"))
    fix = Amounts(list=Decimal("-20.00"), discount=Decimal("0.00"), billed=Decimal("-20.00"))
    parts += [
        ResourceLine(
            fund=FUND,
            source="aws",
            service="AWS Support",
            kind=Kind.CREDIT,
            resource_id="credit-2024-12-88",
            resource_name="Research credit of December",
            charges=1,
            amounts=credit,
        ),
        ResourceLine(
            fund=FUND,
            source="aws",
            service="AWS Support",
            kind=Kind.CORRECTION,
            resource_id="7f3a9c21d0b41e66",
            resource_name="Corrects 2024-12",
            charges=1,
            amounts=fix,
        ),
    ]
    held = (
        held_item("hpc", "GPU hours", ("pattern:gpu", "unusual-amount"), "812.40"),
        held_item("aws", "Amazon Elastic Compute Cloud", ("missing-fund",), "4123.005"),
        held_item("aws", "Marketplace", ("foreign-currency",), "77", "EUR"),
    )
    return statement(lines, parts, held, draft=draft)


def held_item(source: str, service: str, flags: tuple[str, ...], billed: str, currency: str = "USD") -> QueueItem:
    """Charges under review."""
    return QueueItem(
        period="2025-01",
        source=source,
        service=service,
        project=PROJECT.id,
        pi=PI.email,
        currency=currency,
        sub_account="",
        resource="",
        flags=flags,
        uncleared=flags,
        charges=3,
        exact_list=Decimal(billed),
        exact_billed=Decimal(billed),
    )


def long_title() -> Statement:
    """A title as grants have them, and one word that has no place to break."""
    title = (
        "Toward a comprehensive multi-scale understanding of the spatio-temporal dynamics of transposable elements "
        "in maize: long-read sequencing, single-molecule imaging, and population-level simulation "
        "(collaborative research) "
    ) + "x" * 90
    pi = Person("barbara.mcclintock.cytogenetics.laboratory@example.edu", "Barbara McClintock", "Biology")
    lines = normal_lines("BIO-2024-001-LONG-ACCOUNTING-STRING-0001-0002")
    return statement(
        lines, [part for one in lines for part in split(one, 1)], pi=pi, project=Project("maize-te", title)
    )


def history() -> list[PeriodAmounts]:
    """Some months with a gap."""
    due = {"2024-03": 2100, "2024-04": 2600, "2024-05": 1900, "2024-07": 4200, "2024-08": 6100, "2024-09": 5200}
    due |= {"2024-10": 3900, "2024-11": 4100, "2024-12": 4400}
    return [
        PeriodAmounts(
            period=period, amounts=Amounts(list=Decimal(cost) * 2, discount=Decimal(cost), billed=Decimal(cost))
        )
        for period, cost in due.items()
    ]


CASES = {
    "normal": normal,
    "subsidized": subsidized,
    "large": large,
    "corrected": corrected,
    "draft": lambda: corrected(draft=True),
    "long-title": long_title,
}


def view(of: Statement, settings: Config | None = None) -> StatementView:
    """The view with a history."""
    return statement_view(of, settings or config(), history(), has_logo=True)


def job(of: Statement, style: PrintStyle | None = None, settings: Config | None = None, logo: bytes = LOGO) -> PdfJob:
    """The job that prints it."""
    settings = settings or config()
    templates = make_environment()
    usable: Logo | None = usable_logo(logo)
    return PdfJob(
        name=of.number,
        html=statement_html(templates, statement_view(of, settings, history(), has_logo=usable is not None), settings),
        style=style or print_style(templates, settings),
        created=of.issued,
        files=data_files(of, settings.currency),
        logo=usable,
    )
