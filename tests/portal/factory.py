"""Made-up billing results, the same on every run: what the pages are tried on.

The figures keep the invariants that the stages before the portal guarantee: statements add up to their lines, sources
to imported = billed + held + rejected, journals balance. Nothing here is random; amounts follow from small arithmetic.
"""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from openchargeback.billing.browsed_charges import packed_resources
from openchargeback.ledger.settings import Config, Contact, Organization, PortalSettings, Source
from openchargeback.model import (
    Amounts,
    BilledPeriod,
    BillingLine,
    DecisionRecord,
    FileRecord,
    FlagNote,
    FlagTotal,
    HeldCharge,
    ItemDetails,
    Journal,
    JournalLine,
    Kind,
    Page,
    Person,
    Project,
    Provenance,
    QueueItem,
    ResourceLine,
    Side,
    SourceTotals,
    State,
    Statement,
)
from openchargeback.portal import paths
from openchargeback.portal.charge_scripts import resources_script
from openchargeback.portal.site import Site, site_jobs
from openchargeback.templating.environment import make_environment

CENT = Decimal("0.01")
PEOPLE = {
    "lovelace@example.edu": Person("lovelace@example.edu", "Ada Lovelace", "Mathematics"),
    "nightingale@example.edu": Person("nightingale@example.edu", "Florence Nightingale", "Public Health"),
    "mcclintock@example.edu": Person("mcclintock@example.edu", "Barbara McClintock", "Biology"),
    "noether@example.edu": Person("noether@example.edu", "Emmy Noether", "Mathematics"),
    "chandra@example.edu": Person("chandra@example.edu", "Subrahmanyan Chandrasekhar", "Astronomy and Astrophysics"),
    "franklin@example.edu": Person("franklin@example.edu", "Rosalind Franklin", "Chemistry"),
    "ramanujan@example.edu": Person("ramanujan@example.edu", "Srinivasa Ramanujan", "Mathematics"),
    "hopper@example.edu": Person("hopper@example.edu", "Grace Hopper", "Computer Science"),
}
PROJECTS = {
    "genomics-sequencing": Project("genomics-sequencing", "Maize genome sequencing"),
    "analytical-engine": Project("analytical-engine", "Analytical engine simulation"),
    "ward-statistics": Project("ward-statistics", "Ward statistics"),
    "stellar-limits": Project("stellar-limits", "Stellar limits"),
    "ring-theory": Project("ring-theory", "Ideal theory in rings"),
    "fibre-diffraction": Project("fibre-diffraction", "Fibre diffraction"),
    "partitions": Project("partitions", "Partition functions"),
    "compilers": Project("compilers", "Compilers"),
    "mock-theta": Project("mock-theta", "Mock theta functions"),
}
SERVICES = {
    "aws": ("Amazon EC2", "Amazon S3"),
    "hpc": ("GPU hours", "Node hours"),
    "storage": ("Project storage",),
    "azure": ("Virtual Machines",),
}
# PI, project, fund, size of use; the order matters to nothing.
WORK = (
    ("lovelace@example.edu", "analytical-engine", "MATH-2024-017", 900),
    ("nightingale@example.edu", "ward-statistics", "PH-2023-004", 310),
    ("mcclintock@example.edu", "genomics-sequencing", "BIO-2024-001", 4200),
    ("noether@example.edu", "ring-theory", "MATH-2022-003", 40),
    ("chandra@example.edu", "stellar-limits", "ASTRO-2024-011", 2600),
    ("franklin@example.edu", "fibre-diffraction", "CHEM-2025-002", 1250),
    ("ramanujan@example.edu", "partitions", "MATH-2024-017", 0),
    ("ramanujan@example.edu", "mock-theta", "MATH-2024-018", 120),
    ("hopper@example.edu", "compilers", "CS-2021-009", 700),
)
HOSTILE = (
    '<script>alert("x")</script>',
    "\"><img src=x onerror='alert(1)'>",
    "</title></style></script><b>bold</b>",
    "W" * 300,
    "{{ 7 * 7 }} &amp; 'quoted' \\ `ticks`",
    "../../../etc/passwd",
)


def periods_between(first: str, count: int) -> list[str]:
    """`count` months from `first` on."""
    year, month = (int(part) for part in first.split("-"))
    months = [year * 12 + month - 1 + i for i in range(count)]
    return [f"{m // 12}-{m % 12 + 1:02d}" for m in months]


def digest(*parts: object) -> str:
    """Sixty-four hex digits that follow from the parts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def number(*parts: object, below: int) -> int:
    """A whole number that follows from the parts."""
    return int(digest(*parts)[:12], 16) % below


def site(months: int = 14, last_open: bool = True, hostile: bool = False, **settings: object) -> Site:
    """A portal's worth of months from 2024-01 on; with `hostile`, every text is out to break the page."""
    people, projects = dict(PEOPLE), dict(PROJECTS)
    work = list(WORK)
    if hostile:
        for i, text in enumerate(HOSTILE):
            email, project = f"{text}@example.edu", f"p{i}-{text}"
            people[email] = Person(email, text, text)
            projects[project] = Project(project, text)
            work.append((email, project, text, 100 + i))
    names = periods_between("2024-01", months)
    billed = tuple(
        billed_period(name, people, projects, work, i == len(names) - 1 and last_open, hostile)
        for i, name in enumerate(names)
    )
    text = HOSTILE[0] if hostile else ""
    rates = "# Rates\n\nWhat you pay.\n\n| service | list | you pay |\n|---|--:|--:|\n"
    rates += "| Node hours | 0.80 | 0.30 |\n| GPU hours | 2.40 | 1.00 |\n\n[Write to us](mailto:hpc@example.edu).\n"
    pages = [Page("rates", "Rates", rates)]
    if hostile:
        pages.append(Page("../evil", text, f"# {text}\n\n{text}\n\n[a](javascript:alert(1)) <b onclick=x>b</b>\n"))
    return Site(
        config=config(text, **settings),
        periods=billed,
        people=people,
        projects=projects,
        pages=tuple(pages),
        provenance=Provenance("4f1c2a9b7d3e5f60718293a4b5c6d7e8f9012345", "2025-02-14T09:30:00+00:00", "0.1.0"),
        journal_files={
            p.period: tuple(f"journals/{p.period}/{f}" for f in ("detail.csv", "gl.csv", "control-totals.json"))
            for p in billed
        },
    )


def many(pis: int, projects: int = 1) -> Site:
    """One month of that many PIs, each with a department and so many projects, each of which has a fund."""
    people = {f"p{n}@example.edu": Person(f"p{n}@example.edu", f"Person {n}", f"Dept {n % 120}") for n in range(pis)}
    ids = [f"project-{n}" for n in range(pis * projects)]
    work = [(f"p{n % pis}@example.edu", id_, f"F-{n:04}", 100 + n) for n, id_ in enumerate(ids)]
    named = {id_: Project(id_, f"Project {n}") for n, id_ in enumerate(ids)}
    period = billed_period("2024-01", people, named, work, is_open=False, hostile=False)
    return replace(site(months=1, last_open=False), people=people, projects=named, periods=(period,), journal_files={})


RESOURCES = (("", ""), ("<b>bold</b> & #1", ""), ("gpu-node-7", "i-0abc7f21"), ("old gpu-node", "i-0abc7f22"))


def write(site: Site, folder: Path) -> Path:
    """Render every file of a site into a folder, and the names of resources for the search box."""
    files = [(job.path, job.render()) for job in site_jobs(site, make_environment())]
    for period in site.periods:
        found = resources_script(packed_resources(RESOURCES))
        files.append((paths.resources_script(period.period), found))
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def config(text: str = "", **settings: object) -> Config:
    """The settings of an invented institution."""
    contact = Contact(text or "Research Computing", "hpc@example.edu", "", "javascript:alert(1)" if text else "")
    portal = {"repository": "https://github.com/example-university/ledger", "title": text, **settings}
    return Config(
        organization=Organization(text or "Example University", text or "Research Computing", contact=contact),
        sources={
            "aws": Source("aws", text or "Amazon Web Services", note=text),
            "hpc": Source("hpc", "Cluster"),
            "storage": Source("storage", "Storage"),
            "azure": Source("azure", "Microsoft Azure"),
        },
        portal=PortalSettings(**portal),  # type: ignore[arg-type]
    )


def billed_period(
    period: str,
    people: dict[str, Person],
    projects: dict[str, Project],
    work: list[tuple[str, str, str, int]],
    is_open: bool,
    hostile: bool,
) -> BilledPeriod:
    """One month of that work."""
    year, month = (int(part) for part in period.split("-"))
    last_day = dt.date(year, month, calendar.monthrange(year, month)[1])
    closed_on = None if is_open else last_day + dt.timedelta(days=3)
    lines = [
        line
        for pi, project, fund, size in work
        for source, services in SERVICES.items()
        for service in services
        if (line := billing_line(period, pi, project, fund, source, service, size))
    ]
    lines.sort(key=lambda line: line.key)
    held = queue_items(period, hostile) if is_open else ()
    payers = sorted({(line.pi, line.project) for line in lines})
    statements = tuple(
        statement(period, people[pi], projects[project], lines, held, is_open, closed_on or last_day)
        for pi, project in payers
    )
    sources = tuple(source_totals(source, lines, held) for source in SERVICES if any(x.source == source for x in lines))
    return BilledPeriod(
        period=period,
        state=State.OPEN if is_open else State.FINALIZED if month % 3 else State.CLOSED,
        revision=1,
        closed_on=closed_on,
        closed_by="" if is_open else "billing@example.edu",
        accounting_date=last_day,
        finalized_on=last_day + dt.timedelta(days=12) if not is_open and month % 3 else None,
        currency="USD",
        sources=sources,
        files=tuple(file_record(period, s) for s in sources),
        lines=tuple(lines),
        statements=statements,
        queue=held,
        flags=flag_totals(held),
        decisions=decisions(period, hostile, is_open),
        journal=journal(period, lines, statements, last_day),
        digest=digest("period", period),
    )


def billing_line(
    period: str, pi: str, project: str, fund: str, source: str, service: str, size: int
) -> BillingLine | None:
    """One line, or none where this project does not use this service in this month."""
    if number(project, source, service, below=10) < 3 or (period < "2024-06" and source == "azure"):
        return None
    wave = 60 + number(period, project, service, below=80)
    exact_list = Decimal(size * wave * (1 + number(service, below=4))) / 240 + Decimal("0.0003125")
    share = {"aws": "0.82", "azure": "0.9"}.get(source, "0.375") if size != 40 else "0"
    exact_billed = exact_list * Decimal(share)
    list_price, billed = exact_list.quantize(CENT), exact_billed.quantize(CENT)
    return BillingLine(
        period=period,
        pi=pi,
        project=project,
        fund=fund,
        source=source,
        service=service,
        charges=3 + wave % 40,
        exact_list=exact_list,
        exact_billed=exact_billed,
        amounts=Amounts(list=list_price, discount=list_price - billed, billed=billed),
    )


def statement(
    period: str,
    pi: Person,
    project: Project,
    lines: list[BillingLine],
    held: tuple[QueueItem, ...],
    draft: bool,
    issued: dt.date,
) -> Statement:
    """The statement of one PI and project with one resource a line."""
    own = tuple(line for line in lines if (line.pi, line.project) == (pi.email, project.id))
    resources = tuple(
        ResourceLine(
            fund=x.fund,
            source=x.source,
            service=x.service,
            kind=Kind.USAGE,
            resource_id=f"{x.source}/{x.project}",
            resource_name="",
            charges=x.charges,
            amounts=x.amounts,
        )
        for x in own
    )
    name = digest(pi.email, project.id)[:10]
    return Statement(
        number=f"{period}-{name}",
        period=period,
        revision=1,
        draft=draft,
        issued=issued,
        accounting_date=issued,
        pi=pi,
        project=project,
        lines=own,
        resources=resources,
        held=tuple(item for item in held if (item.pi, item.project) == (pi.email, project.id)),
        digest=digest(period, own),
    )


WHY = {
    "missing-fund": (),
    "pattern:gpu": ("GPU bursts are looked at before they are billed.",),
    "missing-pi": ("“Ada Lovelace” is not an email address; did you mean lovelace@example.edu?",),
    "unusual-amount": ("9,120.00; the median of 6 closed months is 2,758.92",),
    "negative-usage": (),
}
"""Flag to the reasons for it; every other flag has hostile ones."""


def queue_items(period: str, hostile: bool) -> tuple[QueueItem, ...]:
    """What waits in the open month: the second item carries two flags, and decisions have cleared one of the last's."""
    rows = [
        ("aws", "Amazon EC2", "genomics-sequencing", "mcclintock@example.edu", ("missing-fund",), 12, "4123.00"),
        (
            "hpc",
            "GPU hours",
            "analytical-engine",
            "lovelace@example.edu",
            ("pattern:gpu", "unusual-amount"),
            3,
            "812.4",
        ),
        ("aws", "AWS Support", "", "", ("missing-pi", "missing-project"), 1, "98.117"),
        ("hpc", "Node hours", "stellar-limits", "chandra@example.edu", ("unusual-amount",), 41, "9120"),
        (
            "azure",
            "Virtual Machines",
            "compilers",
            "hopper@example.edu",
            ("missing-fund", "negative-usage"),
            2,
            "-31.5",
        ),
    ]
    if hostile:
        text = HOSTILE[0]
        rows.append(("aws", text, f"p0-{text}", f"{text}@example.edu", (f"pattern:{text}",), 2, "10.5"))
    return tuple(queue_item(period, row) for row in rows)


def queue_item(period: str, row: tuple[str, str, str, str, tuple[str, ...], int, str]) -> QueueItem:
    """Held charges of one item, the first five of them in full."""
    source, service, project, pi, flags, charges, billed = row
    hostile = service in HOSTILE
    ids = tuple(sorted(digest(period, service, i) for i in range(charges)))
    first = dt.date.fromisoformat(f"{period}-01")
    each, text = Decimal(billed) / charges, HOSTILE[1] if hostile else ""
    samples = tuple(
        HeldCharge(
            id=ids[i][:16],
            path=f"charges/{period}/{source}.csv",
            row=i + 2,
            first_day=first,
            last_day=first + dt.timedelta(days=i),
            sub_account=text or ("" if project else "123456789012"),
            resource_id=text or f"{source}/{i}",
            resource_name=text or (f"node-{i}" if i % 2 else ""),
            quantity=Decimal(i) if i else None,
            unit="Hours" if i else "",
            unit_price=Decimal("1.25") if i else None,
            exact_list=each * 2,
            exact_billed=each,
            tags=text or '{"pi_email": "Ada Lovelace"}',
        )
        for i in range(min(charges, 5))
    )
    return QueueItem(
        period=period,
        source=source,
        service=service,
        project=project,
        pi=pi,
        currency="USD",
        sub_account="" if project else "123456789012",
        resource="",
        flags=flags,
        uncleared=flags[-1:] if service == "Virtual Machines" else flags,
        charges=charges,
        exact_list=Decimal(billed) * 2,
        exact_billed=Decimal(billed),
        digest=hashlib.sha256("".join(f"{id_}\n" for id_ in ids).encode()).hexdigest(),
        ids=tuple(id_[:16] for id_ in ids[:5]),
        details=ItemDetails(
            notes=tuple(FlagNote(flag, WHY.get(flag, HOSTILE[:2] if hostile else ())) for flag in flags),
            sub_accounts=tuple(sorted({sample.sub_account for sample in samples} - {""})),
            resources=tuple(sorted({sample.resource_name or sample.resource_id for sample in samples})),
            resource_count=charges,
            first_day=first,
            last_day=first + dt.timedelta(days=len(samples) - 1),
            samples=samples,
        ),
    )


def flag_totals(items: tuple[QueueItem, ...]) -> tuple[FlagTotal, ...]:
    """Every flag as raised: one more charge carries each than is held."""
    flags = sorted({flag for item in items for flag in item.flags})
    return tuple(
        FlagTotal(
            flag=flag,
            currency="USD",
            charges=sum(item.charges for item in items if flag in item.flags) + 1,
            exact_billed=sum((item.exact_billed for item in items if flag in item.flags), Decimal(5)),
        )
        for flag in flags
    )


def source_totals(source: str, lines: list[BillingLine], held: tuple[QueueItem, ...]) -> SourceTotals:
    """The control total of one source; a twentieth of the charges was rejected."""
    own, waiting = [x for x in lines if x.source == source], [x for x in held if x.source == source]
    billed, in_hold = sum((x.exact_billed for x in own), Decimal(0)), sum((x.exact_billed for x in waiting), Decimal(0))
    rejected = Decimal("17.25") if source == "aws" else Decimal(0)
    counts = sum(x.charges for x in own), sum(x.charges for x in waiting), 2 if rejected else 0
    return SourceTotals(
        source=source,
        currency="USD",
        files=1,
        charges=sum(counts),
        imported=billed + in_hold + rejected,
        billed=billed,
        held=in_hold,
        rejected=rejected,
        imported_list=sum((x.exact_list for x in own), Decimal(0)),
        charges_billed=counts[0],
        charges_held=counts[1],
        charges_rejected=counts[2],
    )


def file_record(period: str, totals: SourceTotals) -> FileRecord:
    """The file that a source's charges came in."""
    path = f"charges/{period}/{totals.source}.csv"
    return FileRecord(
        path=path,
        source=totals.source,
        sha256=digest(path),
        size=180 * totals.charges,
        charges=totals.charges,
        exact_billed=totals.imported,
    )


def decisions(period: str, hostile: bool, void: bool) -> tuple[DecisionRecord, ...]:
    """Two decisions, the second void if so wished."""
    path, day = f"approvals/{period}/gpu-burst.yaml", f"{period}-28"
    reason = HOSTILE[2] if hostile else "GPU burst agreed with the PI, REQ-142"
    by = "reviewer@example.edu"
    return (
        DecisionRecord(
            path=path,
            line=2,
            decision="approve",
            what="pattern:gpu, hpc, analytical-engine",
            charges=4,
            exact_billed=Decimal("211.5"),
            reason=reason,
            by=by,
            on=day,
        ),
        DecisionRecord(
            path=path,
            line=9,
            decision="reassign",
            what="missing-fund, aws, ward-statistics",
            charges=1,
            exact_billed=Decimal(12),
            reason="Fund confirmed",
            by=by,
            on=day,
            void="expected 2 charges, found 1" if void else "",
        ),
    )


def journal(period: str, lines: list[BillingLine], statements: tuple[Statement, ...], date: dt.date) -> Journal:
    """Payer and counterpart for each line that is not zero."""
    numbers = {(s.pi.email, s.project.id): s.number for s in statements}
    entries = []
    for line in lines:
        if not line.amounts.billed:
            continue
        for payer in (True, False):
            debit = payer == (line.amounts.billed > 0)
            entries.append(
                JournalLine(
                    period=period,
                    date=date,
                    side=Side.DEBIT if debit else Side.CREDIT,
                    payer=payer,
                    fund=line.fund if payer else f"SERVICE-{line.source.upper()}",
                    account="54000",
                    amount=abs(line.amounts.billed),
                    source=line.source,
                    service=line.service,
                    pi=line.pi,
                    project=line.project,
                    statement=numbers[line.pi, line.project],
                    description=f"{line.source} {period} {line.project}"[:80],
                )
            )
    return Journal(period, tuple(entries))
