"""Every charge on a statement: the rows of `charges.csv`, which is embedded in its PDF.

The cents of a line are allocated to its resources and theirs to their charges, so that the rows add up to the amount
due. DuckDB writes the text of the rows, so a million charges are never Python objects.
"""

from __future__ import annotations

from collections.abc import Collection

from openchargeback import money
from openchargeback.billing import lines as lines_
from openchargeback.billing.lines import StatementKey
from openchargeback.csv_writing import PLAIN, guarded, quoted
from openchargeback.focus.database import filled, insert, query, sql
from openchargeback.ledger.line_table import AMOUNT_COLUMNS, amount_values
from openchargeback.ledger.settings import Config
from openchargeback.ledger.table import yes_no
from openchargeback.model import BillingLine, Correction, Entry
from openchargeback.review.charges import Charges

LINE_END = "\r\n"  # RFC 4180

COLUMNS = {
    "charge": "Id of the charge: the first 16 hex digits of a SHA-256 of its content",
    "entry": "own: of the month itself; late: of an earlier one, approved since; credit: takes back a billed charge; "
    "rebill: bills it again",
    "original": "The earlier month that the charge belongs to; empty for the month's own",
    "corrects": "Number of the statement that billed it, for a credit or re-billing; otherwise empty",
    "posted": "yes: it is charged; no: it is only shown",
    "fund": "The accounting string that pays",
    "source": "Where the charge comes from",
    "service": "ServiceName of the charge",
    "kind": "usage, purchase, tax, credit, adjustment or correction",
    "resource_id": "Id of the resource",
    "resource_name": "Name of the resource",
    "user": "Who used it (x_user); empty if the charge files do not say",
    "first_day": "The first day that the charge covers (UTC)",
    "last_day": "The last day that it covers (UTC)",
    "quantity": "How much was used, exact",
    "unit": "The unit of the quantity and of the prices",
    "list_unit_price": "The list price of a unit, exact",
    "contracted_unit_price": "The negotiated price of a unit, exact",
    "list": "List price in cents: discount + billed",
    "discount": "List price less amount billed, in cents",
    "covered": "The part of the discount that the institution covers, in cents; the rest is the vendor's",
    "billed": "The amount billed, in cents; all posted rows add up to the amount due",
    "exact_list": "List price before rounding",
    "exact_billed": "Amount billed before rounding",
    "currency": "ISO 4217 currency code",
}
"""The columns of `charges.csv`, with their meaning."""


def statement_rows(charges: Charges, recorded: Collection[BillingLine] | None = None) -> dict[StatementKey, str]:
    """The rows of each statement for the own charges of its month. Call `focus_charges.share_all` first.

    recorded: the lines of a closed month. A statement with a line that is now computed differently is left out, since
    its charges would contradict it.
    """
    con, config = charges.con, charges.config
    made = lines_.numbered_lines(con, config, charges.directory)
    good = made if recorded is None else _as_recorded(made, recorded)
    sources = sorted({line.source for line in made})
    con.execute(filled(query(__package__, "text_macros"), unit=_unit(config.currency)))
    con.execute("CREATE TABLE odd_cell (text VARCHAR, cell VARCHAR)")
    odd = con.execute(query(__package__, "odd_texts"), {"plain": PLAIN}).fetchall()
    insert(con, "odd_cell", [(text, _cell(text)) for (text,) in odd])
    rows = con.execute(
        sql(__package__, "statement_charges.sql"),
        {
            "lines": sorted(good.values()),
            "posting": [source for source in sources if config.posts(source)],
            "covering": [source for source in sources if config.covers(source)],
            "currency": config.currency,
            "line_end": LINE_END,
        },
    ).fetchall()
    return {(period, pi, project): cells for period, pi, project, cells in rows}


def correction_rows(corrections: Collection[Correction], config: Config) -> str:
    """The rows of charges of earlier months."""
    return "".join(",".join(_correction_cells(each, config.currency)) + LINE_END for each in corrections)


def _as_recorded(made: dict[BillingLine, int], recorded: Collection[BillingLine]) -> dict[BillingLine, int]:
    """The lines of the statements whose own lines are all computed as recorded."""
    own = {line for line in recorded if line.entry is Entry.OWN}
    other = {(line.pi, line.project) for line in own ^ set(made)}
    return {line: number for line, number in made.items() if (line.pi, line.project) not in other}


def _unit(currency: str) -> str:
    """SQL for the minor unit of a currency, with all of its places."""
    places = money.places(currency)
    return f"{money.minor_unit(currency):f}::DECIMAL({places + 1}, {places})"


def _cell(text: str) -> str:
    return quoted(guarded(text))


def _correction_cells(each: Correction, currency: str) -> list[str]:
    usage, amounts = each.usage, amount_values(each.amounts, currency)
    texts = (each.fund, each.source, each.service, str(each.kind), each.resource_id, each.resource_name, "")
    days = (str(day) if day else "" for day in (usage.first_day, usage.last_day))
    quantity, *prices = (
        "" if value is None else money.exact(value)
        for value in (usage.quantity, usage.list_unit_price, usage.contracted_unit_price)
    )
    return [
        *(each.charge[:16], str(each.entry), each.original, each.corrects, yes_no(each.posted)),
        *map(_cell, texts),
        *days,
        *(quantity, _cell(usage.unit), *prices),
        *(amounts[name] for name in AMOUNT_COLUMNS),
        *(money.exact(each.exact_list), money.exact(each.exact_billed), each.currency),
    ]
