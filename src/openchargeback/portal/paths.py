"""The path of each page in the output folder, and links from one page to another.

All paths are relative to the output folder and use forward slashes. Folder names made from people's email addresses
and from ids are safe on every file system: they never collide, even where case is ignored, and never leave the folder.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence

from openchargeback.addresses import with_conditions
from openchargeback.billing.span_statements import SpanStatement
from openchargeback.model import BilledPeriod, State, Statement

MAX_PLAIN = 80
"""A longer identifier gets a shortened name with a digest: Windows and archives limit the whole path to 255."""

MOST_PLAIN_CHARGES = 100_000
"""The charges of a larger month are compressed: a million of them would take 200 MB."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._@+-]*", re.ASCII)
_UNCLEAN = re.compile(r"[^a-z0-9@_+]+", re.ASCII)
_STEM = 40

# Windows opens a device for these, whatever follows the first dot (Microsoft, "Naming Files, Paths, and Namespaces").
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


@functools.lru_cache(maxsize=65536)
def folder_name(identifier: str) -> str:
    """A safe file or folder name for an email address or id.

    Lowercase identifiers of letters, digits and `._@+-` are unchanged, except for `index.html`. Any other gets a
    cleaned stem, `~` and the first twelve hex digits of the SHA-256 of the exact identifier. No unchanged identifier
    contains `~`, so the two kinds cannot collide.
    """
    if (
        len(identifier) <= MAX_PLAIN
        and _PLAIN.fullmatch(identifier)
        and ".." not in identifier
        and not identifier.endswith(".")
        and identifier.split(".", 1)[0] not in _RESERVED
        # The list beside the folders of what it lists.
        and identifier != "index.html"
    ):
        return identifier
    stem = _UNCLEAN.sub("-", identifier.lower()).strip("-+@_")[:_STEM].rstrip("-") or "unnamed"
    # surrogatepass: an identifier read from a damaged file must still get a name.
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{stem}~{digest}"


def month_folder(period: str) -> str:
    """The folder of a month; `*` stands for any month, as in `shell.Head.others`."""
    return period if period == "*" else folder_name(period)


DASHBOARD = "index.html"
PERIODS = "periods/index.html"
PIS = "pis/index.html"
PROJECTS = "projects/index.html"
REVIEW = "review/index.html"
REVIEW_ITEMS = "review/items.js"
FUNDS = "funds/index.html"
DEPARTMENTS = "departments/index.html"
REPORTS = "reports/index.html"
APPROVALS = "approvals/index.html"
SOURCES = "sources/index.html"
FILES = "files/index.html"
CHARGES = "charges/index.html"
CHARGE_NAMES = "charges/names.js"
RATES = "rates/index.html"
ABOUT = "about/index.html"
STATEMENTS = "statements"
SPANS = "spans"
DATA_FOLDER = "data"
DATA = f"{DATA_FOLDER}/index.html"
DATA_PACKAGE = f"{DATA_FOLDER}/datapackage.json"


def review_data(period: str) -> str:
    """The evidence on what a month holds, as a script beside the review page."""
    return f"review/{folder_name(period)}.js"


def schema(name: str) -> str:
    """The table schema of a dialect of charge files, or the schema of a file in the output."""
    return f"schemas/{name}.json"


def period_page(period: str) -> str:
    """One month."""
    return f"periods/{month_folder(period)}/index.html"


def statements_page(period: str) -> str:
    """All statements of one month."""
    return f"{statements_folder(period)}/index.html"


def pi_months(email: str) -> str:
    """A script that lists a PI's pages by month, for the month picker."""
    return f"pis/{folder_name(email)}/months.js"


def pi_page(email: str) -> str:
    """One principal investigator."""
    return f"pis/{folder_name(email)}/index.html"


def project_page(project: str) -> str:
    """One project."""
    return f"projects/{folder_name(project)}/index.html"


def fund_page(fund: str) -> str:
    """One fund; the empty one for what no fund pays."""
    return f"funds/{folder_name(fund)}/index.html"


def department_page(department: str) -> str:
    """One department; the empty one for PIs without one."""
    return f"departments/{folder_name(department)}/index.html"


def source_page(source: str) -> str:
    """One source of charges."""
    return f"sources/{folder_name(source)}/index.html"


def report_page(year: int) -> str:
    """The report of a fiscal year."""
    return f"reports/FY{year:04}/index.html"


def report_pdf(year: int) -> str:
    """The same as a PDF."""
    return f"reports/FY{year:04}.pdf"


def table_file(name: str, kind: str = "", of: str = "") -> str:
    """All rows of a table as CSV: `tables/sources.csv`, or those of one fund or the like, `tables/fund/F/pis.csv`."""
    return f"tables/{kind}/{folder_name(of)}/{name}.csv" if kind else f"tables/{name}.csv"


def statements_folder(period: str) -> str:
    """The folder of one month's statements."""
    return f"{STATEMENTS}/{month_folder(period)}"


def statement_page(statement: Statement) -> str:
    """The statement as a page."""
    return _statement(statement) + ".html"


def statement_pdf(statement: Statement) -> str:
    """The statement as a PDF, beside the page."""
    return f"{_statement(statement).rpartition('/')[0]}/{statement_name(statement)}.pdf"


def statement_name(statement: Statement) -> str:
    """The name of a statement's PDF everywhere, without its ending: `2025-01_genomics-sequencing_911fec2428`.

    Period, project, and the statement's number, which is unique in the ledger.
    """
    number = statement.number.removeprefix(f"{statement.period}-")
    return f"{statement.period}_{folder_name(statement.project.id)}_{number}"


def span_pdf(statement: SpanStatement) -> str:
    """A statement over a span as a PDF: `spans/2025-01/2025-01_chemistry_department-9b1f00c2d4.pdf`."""
    request = statement.request
    kind, _, digest = statement.number.partition(f"-{request.days}-")
    return f"{SPANS}/{request.days}/{request.days}_{folder_name(request.subject.id)}_{kind}-{digest}.pdf"


def span_page(statement: SpanStatement) -> str:
    """The same as a page."""
    return span_pdf(statement).removesuffix(".pdf") + ".html"


def journal_page(period: str) -> str:
    """The journal of one month."""
    return f"{journal_folder(period)}/index.html"


def journal_folder(period: str) -> str:
    """The folder of one closed month's journal files."""
    return f"journals/{month_folder(period)}"


def drafts_folder(period: str) -> str:
    """The folder of one open month's drafts of journal files: apart, so that no one downloads them to post them."""
    return f"drafts/{folder_name(period)}"


def receivables_file(period: BilledPeriod) -> str:
    """What external payers owe for a month; the name of an open month's file says that it is a draft."""
    draft = "DRAFT-" if period.state is State.OPEN else ""
    return f"receivables/{draft}{folder_name(period.period)}.csv"


def charges_file(period: BilledPeriod) -> str:
    """Every charge of a month as data."""
    packed = sum(file.charges for file in period.files) > MOST_PLAIN_CHARGES
    return f"{DATA_FOLDER}/{folder_name(period.period)}/charges.csv" + (".gz" if packed else "")


def charges_page(period: str) -> str:
    """The charge browser of one month."""
    return f"charges/{month_folder(period)}/index.html"


def charges_view(period: str, **conditions: str | Sequence[str]) -> str:
    """The charge browser with conditions, each a value or several of which one must match; `sort`, `group` as well.

    `charges_view("2025-01", project="x", state="held")` is `charges/2025-01/index.html#project=x&state=held`. An empty
    period means the last twelve months, which needs a project or PI. Fields: state, source, service, resource, project,
    pi, fund, flag, decision (its place, `path:line`), day; c is the id of a single charge, or its start.
    """
    return with_conditions(charges_page(period) if period else CHARGES, **conditions)


def charges_script(period: str) -> str:
    """The charges of one month as data for its charge browser."""
    return f"charges/{folder_name(period)}/data.js"


def resources_script(period: str) -> str:
    """The names and ids of the resources of one month, which the search box finds."""
    return f"charges/{folder_name(period)}/resources.js"


def charge_details_script(period: str, number: int) -> str:
    """The details of some of the charges of one month."""
    return f"charges/{folder_name(period)}/details-{number}.js"


def lines_file(period: str) -> str:
    """The billing lines of a month as data."""
    return f"{DATA_FOLDER}/{folder_name(period)}/lines.csv"


def cost_and_usage_file(period: BilledPeriod) -> str:
    """What a month charges to PIs, as "Cost and Usage" of FOCUS."""
    return charges_file(period).replace("/charges.csv", "/focus-cost-and-usage.csv")


def invoice_detail_file(period: str) -> str:
    """The lines of a month's statements, as "Invoice Detail" of FOCUS."""
    return f"{DATA_FOLDER}/{folder_name(period)}/focus-invoice-detail.csv"


BILLING_PERIOD_FILE = f"{DATA_FOLDER}/focus-billing-period.csv"
"""The months, as "Billing Period" of FOCUS."""


def own_page(name: str) -> str:
    """A page of the institution's own."""
    return f"pages/{folder_name(name)}.html"


def ledger_schema(name: str) -> str:
    """A JSON Schema of a ledger's YAML files, by its file name."""
    return f"schemas/ledger/{name}"


MONTHS = "assets/months.js"
"""A script that lists the months, for the month picker of every page."""


SEARCH_INDEX = "assets/index.js"
"""What the search box searches."""


def asset(name: str) -> str:
    """A file shared by pages, such as `portal.css`."""
    return f"assets/{name}"


def _statement(statement: Statement) -> str:
    pi, project = folder_name(statement.pi.email), folder_name(statement.project.id)
    return f"{statements_folder(statement.period)}/{pi}/{project}"
