"""Invented statements of every kind, and how to print them."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace
from decimal import Decimal

from openchargeback.ledger.settings import Config, Contact, ExternalPayers, Organization, Source, StatementSettings
from openchargeback.model import (
    NO_USAGE,
    Amounts,
    Attribution,
    BillingLine,
    BillTo,
    Correction,
    Entry,
    Fund,
    Kind,
    PayerClass,
    PeriodAmounts,
    Person,
    Project,
    QueueItem,
    Reference,
    ResourceLine,
    Statement,
    Usage,
    Various,
)
from openchargeback.portal.logo import usable_logo
from openchargeback.portal.pdf import PrintStyle, print_style
from openchargeback.portal.pdf_pool import PdfJob
from openchargeback.portal.statement_view import StatementView, statement_view
from openchargeback.portal.statements import StatementPrint
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
PROJECT = Project(
    "analytical-engine",
    "Analytical engine simulation",
    award="MATH-2400123",
    start=dt.date(2023, 9, 1),
    end=dt.date(2026, 8, 31),
)
PRICES = {"hpc": ("Core-Hours", "0.0125"), "aws": ("Hours", "0.816"), "storage": ("GB-Months", "0.023")}


def config(resources: int = 60, logo: str = "logo.svg", currency: str = "USD", paper: str = "a4") -> Config:
    """An institution with notes and labels; a source whose charges are only shown."""
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
            "tape": Source("tape", "Tape archive", post=False),
        },
        external_payers=ExternalPayers(
            pay_to=("Accounts Receivable", "100 Library Walk", "Springfield, EX 01234"),
            exempt_text="No sales tax: sponsored research of a public university.",
        ),
        statements=StatementSettings(
            "Rates change on 1 July. They are published with the portal.\n\nPlease acknowledge us.",
            resources=resources,
            paper=paper,
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
        posted=source != "tape",
    )


def usage(source: str, listed: Decimal, at: int) -> Usage:
    """What was used for that list price; of some resources in various units or at various prices."""
    first, last = dt.date(2025, 1, 1 + at % 3), dt.date(2025, 1, 31 - at % 2)
    if source not in PRICES or at % 11 == 10:
        return Usage(first_day=first, last_day=last, various=Various.UNIT if at % 11 == 10 else Various.NOTHING)
    unit, price = PRICES[source]
    quantity = (listed / Decimal(price)).quantize(Decimal("0.0001"))
    if at % 7 == 6:
        return Usage(first_day=first, last_day=last, quantity=quantity, unit=unit, various=Various.PRICE)
    return Usage(first_day=first, last_day=last, quantity=quantity, unit=unit, list_unit_price=Decimal(price))


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
                usage=usage(of.source, amounts.list, i) if kind is Kind.USAGE else NO_USAGE,
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
        accounting_date=dt.date(2025, 1, 31),
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


def two_funds() -> Statement:
    """Two funds pay, one of them for a limited time; references name a grant."""
    lines = [*normal_lines(), line("hpc", "Node hours", "PHYS-2023-9", "612.63", "1633.68")]
    of = statement(lines, [part for at, one in enumerate(lines) for part in split(one, 1 + at % 3)])
    paying = (Fund(FUND, "Engines"), Fund("PHYS-2023-9", "Physics", dt.date(2023, 9, 1), dt.date(2025, 8, 31)))
    found = Attribution(
        pi="tag",
        project="tag",
        fund="decision",
        by=("finance@example.edu",),
        charges=12,
        exact_billed=Decimal("5291.73"),
        billed=Decimal("5291.73"),
    )
    references = (Reference("grant", ("GR-1", "GR-2"), 2), Reference("request_id", ("R-77",), 1))
    return replace(of, paying=paying, references=references, attributions=(found,))


def external(draft: bool = False) -> Statement:
    """Another university pays by invoice."""
    lines = normal_lines("")
    pi = Person(
        "gauss@goettingen.example.edu",
        "Carl Gauss",
        payer_class=PayerClass.EXTERNAL_ACADEMIC,
        bill_to=BillTo("University of Göttingen", ("Wilhelmsplatz 1", "37073 Göttingen", "Germany"), "PO-1801"),
    )
    parts = [part for one in lines for part in split(one, 1)]
    return statement([replace(one, pi=pi.email, invoiced=True) for one in lines], parts, pi=pi, draft=draft)


def only_shown() -> Statement:
    """Nothing is charged by design."""
    lines = [line("tape", "Tape", "", "40.00", "50.00"), line("tape", "Retrieval", "", "0.00", "4.00")]
    return statement(lines, [part for one in lines for part in split(one, 2)])


def mixed() -> Statement:
    """Charged lines, and one that is only shown."""
    lines = [*normal_lines()[:3], line("tape", "Tape", "", "40.00", "50.00")]
    return statement(lines, [part for one in lines for part in split(one, 2)])


def nothing() -> Statement:
    """Everything is held."""
    return statement([], [], corrected().held)


def free() -> Statement:
    """Most resources cost nothing, even at list price."""
    lines = normal_lines()[:2]
    costless = [
        ResourceLine(
            fund=FUND,
            source="aws",
            service=lines[1].service,
            kind=Kind.USAGE,
            resource_id=f"bucket-{i}",
            resource_name="",
            charges=1,
            amounts=Amounts(list=Decimal("0.00"), discount=Decimal("0.00"), billed=Decimal("0.00")),
            usage=usage("storage", Decimal(0), 0),
        )
        for i in range(23)
    ]
    return statement(lines, [*split(lines[0], 2), *split(lines[1], 2), *costless])


def correction(entry: Entry, at: int, billed: str, listed: str) -> Correction:
    """A charge of an earlier month on a cluster node."""
    amounts = Amounts(list=Decimal(listed), discount=Decimal(listed) - Decimal(billed), billed=Decimal(billed))
    return Correction(
        charge=hashlib.sha256(f"{entry}{at}".encode()).hexdigest(),
        original="2024-11" if entry is Entry.LATE else "2024-12",
        entry=entry,
        pi=PI.email,
        project=PROJECT.id,
        fund=FUND,
        source="aws",
        service="Amazon Elastic Compute Cloud",
        currency="USD",
        exact_list=amounts.list,
        exact_billed=amounts.billed,
        amounts=amounts,
        corrects="" if entry is Entry.LATE else "2024-12-3f9a1c22b7",
        place="approvals/2025-01/late.yaml:3",
        resource_id=f"i-{at:04}",
        resource_name=f"node-{at}",
        usage=Usage(
            first_day=dt.date(2024, 11, 28),
            last_day=dt.date(2024, 11, 30),
            quantity=(Decimal(listed) / Decimal("0.816")).quantize(Decimal("0.0001")),
            unit="Hours",
            list_unit_price=Decimal("0.816"),
        ),
    )


def earlier() -> Statement:
    """A late charge, a credit, and what it was billed again as."""
    corrections = (
        correction(Entry.LATE, 1, "41.68", "45.80"),
        correction(Entry.LATE, 2, "42.72", "46.95"),
        correction(Entry.CREDIT, 3, "-168.31", "-184.96"),
        correction(Entry.REBILL, 3, "168.31", "184.96"),
    )
    lines = list(normal_lines())
    for entry in (Entry.LATE, Entry.CREDIT, Entry.REBILL):
        own = [each for each in corrections if each.entry is entry]
        total = Amounts.total(each.amounts for each in own)
        lines.append(
            replace(
                line("aws", "Amazon Elastic Compute Cloud", FUND, str(total.billed), str(total.list)),
                entry=entry,
                original=own[0].original,
                corrects=own[0].corrects,
                charges=len(own),
                exact_list=total.list,
                exact_billed=total.billed,
            )
        )
    of = statement(lines, [part for one in lines[:5] for part in split(one, 1)])
    return replace(of, corrections=corrections)


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


def many_services() -> Statement:
    """More services than page 1 lists."""
    return small(20)


def revision() -> Statement:
    """Issued again after its month was opened and closed once more."""
    return replace(normal(), revision=2)


CASES = {
    "normal": normal,
    "revision": revision,
    "two-funds": two_funds,
    "external": external,
    "external-draft": lambda: external(draft=True),
    "only-shown": only_shown,
    "mixed": mixed,
    "nothing": nothing,
    "free": free,
    "earlier": earlier,
    "many-services": many_services,
    "very-large": lambda: large(150),
    "subsidized": subsidized,
    "large": large,
    "corrected": corrected,
    "draft": lambda: corrected(draft=True),
    "long-title": long_title,
}


def view(of: Statement, settings: Config | None = None) -> StatementView:
    """The view with a history."""
    return statement_view(of, settings or config(), history(), has_logo=True)


def rows_of(of: Statement) -> str:
    """Rows of `charges.csv` as the database writes them: one for each resource."""
    return "".join(
        f"{at:016x},own,,,yes,{part.fund},{part.source},{part.service},{part.kind},{part.resource_id},{part.resource_name},,"
        f"2025-01-01,2025-01-31,,,,,{part.amounts.list},{part.amounts.discount},{part.amounts.covered},"
        f"{part.amounts.billed},{part.amounts.list},{part.amounts.billed},USD\r\n"
        for at, part in enumerate(of.resources)
    )


def job(of: Statement, style: PrintStyle | None = None, settings: Config | None = None, logo: bytes = LOGO) -> PdfJob:
    """The job that prints it."""
    settings, templates, usable = settings or config(), make_environment(), usable_logo(logo)
    printed = StatementPrint(templates, settings, style or print_style(templates, settings), usable)
    seen = statement_view(of, settings, history(), has_logo=usable is not None)
    return printed.job(of.number, of, seen, lambda: rows_of(of))


SETTINGS = {"very-large": config(resources=200)}
"""Settings of cases that need their own."""


def job_of(name: str) -> PdfJob:
    """The job that prints a case."""
    return job(CASES[name](), settings=SETTINGS.get(name))
