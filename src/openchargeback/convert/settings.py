"""The settings of a conversion (YAML), declared key by key: what is read, what the example and the documents show."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from openchargeback import money
from openchargeback.ledger.declared import Key
from openchargeback.ledger.directory import EMAIL_PATTERN
from openchargeback.ledger.shape import Choice, ListOf, Number, RegularExpression, Text
from openchargeback.ledger.yaml_tree import Node, Reader
from openchargeback.money import ZERO

PRICE_PLACES = 9
"""Decimals of a price: a quantity has nine as well, and a cost is their product, exactly, with eighteen."""

MONTHS = {"calendar": 0, "30 days": 30 * 86_400, "730 hours": 730 * 3600}
"""How long a month is in units of prices, in seconds; 0 for the month that is billed."""

_HUNDRED = Decimal(100)


def _matching(what: str) -> Key:
    help_ = f"The {what} that the rate is for: names or regular expressions, matched whole; all unless set."
    return Key(shape=ListOf(RegularExpression(), single=True, help=help_))


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone of the IANA database, such as `Europe/Berlin`."""

    help: str

    def read(self, node: Node, reader: Reader) -> str | None:
        """The name; None with a problem if there is no such zone."""
        name = Text(what="a time zone").read(node, reader)
        try:
            if name is not None:
                zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            fix = "use a name of the IANA database, such as UTC or America/New_York"
            reader.fault(node, "wrong-value", f"`{str(name)[:60]}` is not a time zone", fix)
            return None
        return name

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of a name."""
        return Text(help=self.help).schema()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A price of one resource, from one day to another.

    line: its place in the config. base: set once the unit is checked: base units of the meter in one unit.
    """

    id: Annotated[str, Text(filled=True, help="Names the rate in x_RateId; keep it when the price changes.")]
    resource: Annotated[str, "What is priced: a meter of the kind, such as cpu."]
    unit: Annotated[str, "The unit of the price, as FOCUS spells it: Core-Hours, GiB-Hours, 1000 GiB-Hours."]
    price: Annotated[
        Decimal | None,
        Number(ZERO, "What is charged for one unit, at most nine decimals; `list` less `subsidy` unless set."),
    ] = None
    list: Annotated[Decimal | None, Number(ZERO, "The published price of one unit; `price` unless set.")] = None
    subsidy: Annotated[Decimal, Number(ZERO, "Percent of `list` that the institution covers; sets `price`.")] = ZERO
    currency: Annotated[
        str, Text("[A-Z]{3}", "a currency such as USD", "The currency; that of the settings unless set.")
    ] = ""
    since: Annotated[dt.date | None, Key("First day of the rate (UTC).", name="from")] = None
    until: Annotated[dt.date | None, "Last day of the rate, inclusive (UTC)."] = None
    history: Annotated[
        str, "A name in `rates_file`; its history gives the prices and months in place of price, from and until."
    ] = ""
    type: Annotated[tuple[str, ...], _matching("types of the resource, such as GPU models,")] = ()
    cluster: Annotated[tuple[str, ...], _matching("clusters")] = ()
    partition: Annotated[tuple[str, ...], _matching("partitions")] = ()
    qos: Annotated[tuple[str, ...], _matching("QOS")] = ()
    tier: Annotated[tuple[str, ...], _matching("tiers")] = ()
    customer: Annotated[tuple[str, ...], _matching("customer classes (`owners: customer`)")] = ()
    line: int = 0
    path: str = ""

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Rate | None:
        """The rate with its price; None with a problem if it has none that is exact."""
        since, until = values.get("since"), values.get("until")
        if since and until and until < since:
            reader.fault(node, "date-order", "`until` is before `from`", "swap the dates")
            return None
        listed, price = values.get("list"), values.get("price")
        subsidy = values.get("subsidy", ZERO)
        named = bool(values.get("history"))
        given = [name for name in ("price", "history") if values.get(name) is not None and values.get(name) != ""]
        if subsidy and (price is not None or (listed is None and not named) or subsidy > _HUNDRED):
            fix = "give `list` and `subsidy`, or `list` and `price`"
            reader.fault(node, "rate-price", "`subsidy` is a percentage of `list`, up to 100, in place of `price`", fix)
            return None
        if len(given) != 1 and not (subsidy and len(given) == 0):
            reader.fault(
                node,
                "rate-price",
                "the rate needs exactly one price",
                "give one of `price`, `list` with `subsidy`, `history`",
            )
            return None
        if not named:
            price = price if price is not None else listed * (_HUNDRED - subsidy) / _HUNDRED
            listed = price if listed is None else listed
            if too_fine(price) or too_fine(listed):
                fault_of_decimals(reader, node, price if too_fine(price) else listed)
                return None
        made = values | {"price": price, "list": listed}
        return cls(**made, line=node.line, path=reader.path)


def too_fine(price: Decimal) -> bool:
    """Whether a price has more decimals than a cost can keep exactly."""
    return price != price.quantize(Decimal(1).scaleb(-PRICE_PLACES))


def fault_of_decimals(reader: Reader, node: Node, price: Decimal) -> None:
    """Record that a price is too fine."""
    fix = "give the price of a larger unit, such as 1000 GiB-Hours"
    message = f"the price {money.exact(price)} has more than {PRICE_PLACES} decimals, so costs would not be exact"
    reader.fault(node, "rate-decimals", message, fix)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who is responsible for the usage of an account or a user, from one day to another."""

    account: Annotated[str, "The account, as the system writes it; case is ignored."] = ""
    user: Annotated[str, "The user; alone, or one user of the account."] = ""
    project: Annotated[str, "The project's id, for the tag."] = ""
    pi: Annotated[str, Text(EMAIL_PATTERN, "an email address", "The PI's email address, for the tag.")] = ""
    fund: Annotated[str, "The fund, for the tag."] = ""
    customer: Annotated[str, "The customer class, which rates may name."] = ""
    since: Annotated[dt.date | None, Key("First day on which this applies (UTC).", name="from")] = None
    until: Annotated[dt.date | None, "Last day on which this applies, inclusive (UTC)."] = None
    line: int = 0

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> Owner | None:
        """The owner with its place; None with a problem if it names neither account nor user."""
        if not values.get("account") and not values.get("user"):
            reader.fault(node, "missing-key", "account is missing", "add `account:` or `user:` here")
            return None
        since, until = values.get("since"), values.get("until")
        if since and until and until < since:
            reader.fault(node, "date-order", "`until` is before `from`", "swap the dates")
            return None
        return cls(**values, line=node.line)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a conversion that every kind has."""

    service: Annotated[str, Text(filled=True, help="The name of the service (ServiceName).")]
    provider: Annotated[
        str, Text(filled=True, help="Who provides it (ProviderName, PublisherName, InvoiceIssuerName).")
    ]
    billing_account: Annotated[str, Text(filled=True, help="The billing account of all rows (BillingAccountId).")]
    currency: Annotated[str, Text("[A-Z]{3}", "a currency such as USD", "The currency of the rates.")]
    timezone: Annotated[
        str, Zone("The time zone of times without one in the input. Required unless the input says it: JSON does.")
    ] = ""
    rows: Annotated[
        str,
        Choice(
            ("day", "month", "job"),
            "day: one row per UTC day, account and what is priced; month: one per month, or per part of it with one"
            " price and owner, as for everything that recurs; job: one row per record.",
        ),
    ] = "day"
    users: Annotated[bool, "Write user names to x_user. A ledger's history keeps them for good."] = False
    sku: Annotated[str, Text(r"[A-Za-z0-9_-]{1,40}", "letters, digits, - and _", "How each SkuId starts.")] = "hpc"
    account_is_project: Annotated[
        bool, "An account that nothing else claims belongs to the directory's project with the same id."
    ] = False
    owners: Annotated[
        tuple[Owner, ...], "Who is responsible; tried before the ledger's directory. Days outside are untagged."
    ] = ()
    rates: Annotated[tuple[Rate, ...], "The prices. Two for the same usage on the same day are a problem."] = ()
    month: Annotated[
        str,
        Choice(tuple(MONTHS), "How long a month is in units such as TB-Months: the month billed, or always the same."),
    ] = "calendar"
    rates_file: Annotated[
        str, "A file with dated values in the format of nerc-rates, next to the config, for `rates: history`."
    ] = ""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "service": "Northfield HPC",
        "provider": "Northfield Research Computing",
        "billing_account": "northfield-hpc",
        "currency": "USD",
        "timezone": "UTC",
        "owners": [
            {"account": "astro", "project": "sky-survey", "pi": "zoe.vanderberg@example.edu", "fund": "AST-3300-001"}
        ],
    }
