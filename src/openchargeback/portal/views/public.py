"""The page for the public: what research computing is worth by month and service, without telling about any PI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.billing.suppression import FEWEST, MOST_SHARE, TOTAL, Place, published
from openchargeback.ledger.periods import CHART_MONTHS, months_until
from openchargeback.model import BilledPeriod, State
from openchargeback.money import ZERO

SERVICES = 12
"""How many services have a column of their own."""

_OTHERS = "Other services"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicPage:
    """List prices by month and service.

    rows: a month (empty for the total) and its cells, the total last; a cell is None if it is withheld, and zero if
    nothing was used.
    """

    services: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Decimal | None, ...]], ...]
    withheld: int
    fewest: int = FEWEST
    most_percent: int = int(MOST_SHARE * 100)


def public_page(periods: Sequence[BilledPeriod]) -> PublicPage:
    """The page of the last twelve months that are closed."""
    closed = [period for period in periods if period.state is not State.OPEN]
    year = months_until(closed[-1].period, CHART_MONTHS) if closed else []
    shown = [period for period in closed if period.period in year]
    worth: dict[str, Decimal] = {}
    for period in shown:
        for line in period.lines:
            worth[line.service] = worth.get(line.service, ZERO) + line.amounts.list
    largest = sorted(worth, key=lambda service: (-worth[service], service))[:SERVICES]
    names = {service: service or _OTHERS if service in largest else _OTHERS for service in worth}
    services = tuple(dict.fromkeys([*(names[service] for service in largest), *sorted(set(names.values()))]))
    cells: dict[Place, dict[str, Decimal]] = {}
    for period in shown:
        for line in period.lines:
            own = cells.setdefault((period.period, names[line.service]), {})
            own[line.pi] = own.get(line.pi, ZERO) + line.amounts.list
    months = [period.period for period in reversed(shown)]
    table = published(cells, months, services)
    rows = tuple(
        (month, tuple(table.cells.get((month, service), ZERO) for service in (*services, TOTAL)))
        for month in (*months, TOTAL)
    )
    withheld = sum(amount is None for amount in table.cells.values())
    return PublicPage(services=services, rows=rows, withheld=withheld)
