"""What hangs together in a charge file: every rule across columns, in one list.

A rule is a condition in SQL that selects the rows that break it. It may name any column of its own (`column`, `needs`,
`any_of`), which then exist in the file, and besides:

    category    ChargeCategory in lower case, NULL where the file or the row has none
    usage       whether the charge is usage: also one without a category
    correction  whether its ChargeClass says so
    {cost}      the column that the source bills
    {null_zero} whether a ListCost of 0 means that there is none, as in the files of Azure (`dialects.py`)
    tag_text    a table of the different texts in Tags, for rules with a trigger

The macros are in `rules.sql`. What one column alone must be (type, allowed values, null) is in the table schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from openchargeback.focus.columns import OLDER_VALUES, TABLE
from openchargeback.problems import Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    code: its stable name; several rules may share one, on different columns. column: where the fault stands.
    where: SQL condition of the rows that break it. trigger: SQL aggregate that is true where any row does, for rules
    that a row cannot break alone; `where` may then select from `file`.
    message: one sentence, {cost} as above. fix: what to do. clause: where the standard says so, or "ours".
    needs: the further columns without which the rule is not run; any_of: of these one must be there, and `{any}` in
    `where` is the first of them that is not null.
    cost: only where the source bills this column. simple: whether the rule holds in the simple dialect too.
    """

    code: str
    column: str
    where: str
    message: str
    fix: str
    clause: str = "ours"
    severity: Severity = Severity.WARNING
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    trigger: str = ""
    cost: str = ""
    simple: bool = True


def _words(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def _spelling() -> Iterator[Rule]:
    """How cells are written: read all the same, but told."""
    for name, column in TABLE.items():
        if column.type == "datetime":
            yield Rule(
                "date-time-spelling",
                name,
                f"loosely_written({name})",
                f"{name} is written with a blank or without a zone, and read as UTC",
                "write it like 2025-01-01T00:00:00Z",
                "FOCUS 1.2, Date/Time Format",
            )
        if column.type == "datetime" and name.endswith("End"):
            yield Rule(
                "date-only-end",
                name,
                f"strlen({name}) = 10",
                f"{name} is a day without a time: in FOCUS an end is excluded, so the day itself would not count",
                "write the end as a date-time, or say `dialect: simple` where the last day counts",
                "FOCUS 1.2, Date/Time Format",
                simple=False,
            )
        if column.type == "json":
            yield Rule(
                "duplicate-json-key",
                name,
                "Tags IN (SELECT text FROM tag_text WHERE doubled_keys(text))"
                if name == "Tags"
                else f"doubled_keys({name})",
                f"{name} has a key twice: programs take the first value or the last",
                "write each key once",
                "FOCUS 1.2, Key-Value Format (RFC 8259, section 4)",
                trigger="bool_or(EXISTS (SELECT 1 FROM tag_text WHERE doubled_keys(text)))" if name == "Tags" else "",
            )
        if column.values:
            yield Rule(
                "value-case",
                name,
                f"other_case({name}, {_words(column.values)})",
                f"{name} is an allowed value in another case",
                f"spell it as FOCUS does: {', '.join(column.values[:5])}{', …' * (len(column.values) > 5)}",
                f"FOCUS 1.2, {name}",
            )
        if not column.nulls and not column.required:
            yield Rule(
                "null-value",
                name,
                f"{name} IS NULL",
                f"{name} is null, and FOCUS wants a value in every row once the column is there",
                "nothing for billing; tell the provider",
                f"FOCUS 1.2, {name}",
            )
    for name, words in OLDER_VALUES.items():
        yield Rule(
            "older-value",
            name,
            f"list_contains({_words(tuple(words))}, {name})",
            f"{name} has a value of FOCUS 1.0-preview",
            "export FOCUS 1.0 or later: " + ", ".join(f"{old} is now {new}" for old, new in words.items()),
            "FOCUS 1.0, release notes",
        )
    yield Rule(
        "currency-code",
        "BillingCurrency",
        "NOT regexp_full_match(BillingCurrency, '[A-Z]{3}')",
        "BillingCurrency is not a code of three capital letters",
        "write it like USD",
        "FOCUS 1.2, Currency Code Format (ISO 4217)",
    )


def _spans() -> Iterator[Rule]:
    """Ends after starts. A charge period may lie outside of its billing period: purchases span years."""
    for span in ("BillingPeriod", "ChargePeriod"):
        yield Rule(
            "end-before-start",
            f"{span}End",
            f"ends_too_early({span}Start, {span}End)",
            f"{span}End is not after {span}Start",
            "correct the file at its source and export it again",
            severity=Severity.ERROR,
            needs=(f"{span}Start",),
        )


def _prices() -> Iterator[Rule]:
    """Costs, unit prices and quantities."""
    for kind in ("List", "Contracted"):
        yield Rule(
            f"{kind.lower()}-cost-product",
            f"{kind}Cost",
            f"not_product({kind}Cost, {kind}UnitPrice, PricingQuantity) AND NOT correction",
            f"{kind}Cost is not {kind}UnitPrice × PricingQuantity, by more than a cent and a ten-thousandth",
            "ask the provider which of the three is right",
            f"FOCUS 1.2, {kind} Cost",
            needs=(f"{kind}UnitPrice", "PricingQuantity"),
        )
    for name in TABLE:
        if name.endswith("UnitPrice"):
            yield Rule(
                "negative-unit-price",
                name,
                f"negative({name})",
                f"{name} is negative",
                "a refund has a negative cost or quantity, not a negative price; ask the provider",
                f"FOCUS 1.2, {name}",
            )
    for kind in ("Pricing", "Consumed", "CommitmentDiscount"):
        yield Rule(
            "unit-and-quantity",
            f"{kind}Unit",
            f"({kind}Unit IS NULL) <> ({kind}Quantity IS NULL)",
            f"{kind}Unit and {kind}Quantity must be null together",
            "nothing for billing; tell the provider",
            f"FOCUS 1.2, {kind} Unit",
            needs=(f"{kind}Quantity",),
        )
    # charges.sql decides what 0 means; these two say it.
    zero_list = "zero(ListCost) AND NOT zero({cost}) AND NOT correction AND category IS DISTINCT FROM 'credit' AND "
    no_list_price = "({null_zero} OR coalesce(category IN ('tax', 'adjustment'), false))"
    yield Rule(
        "list-cost-zero",
        "ListCost",
        f"{zero_list} NOT {no_list_price}",
        "ListCost is 0 where usage or a purchase is billed: any amount above 0 is flagged above-list",
        "leave ListCost empty where there is no list price",
        needs=("{cost}",),
    )
    yield Rule(
        "list-cost-zero",
        "ListCost",
        f"{zero_list} {no_list_price}",
        "ListCost is 0 where there is no list price: the amount billed counts as the list price",
        "nothing for billing; leave ListCost empty where there is no list price",
        needs=("{cost}",),
    )


def _charges() -> Iterator[Rule]:
    """Categories, signs, accounts, services."""
    yield Rule(
        "tax-details",
        "ChargeCategory",
        "category = 'tax' AND {any} IS NOT NULL",
        "a tax has a quantity, a unit price or a SKU",
        "nothing for billing; tell the provider",
        "FOCUS 1.2, Pricing Quantity, List Unit Price, SKU ID",
        any_of=(
            "PricingQuantity",
            "ConsumedQuantity",
            "ListUnitPrice",
            "ContractedUnitPrice",
            "SkuId",
            "SkuPriceId",
        ),
    )
    yield Rule(
        "frequency-of-purchase",
        "ChargeFrequency",
        "category = 'purchase' AND lower(ChargeFrequency) = 'usage-based'",
        "ChargeFrequency of a purchase is Usage-Based",
        "nothing for billing; tell the provider",
        "FOCUS 1.2, Charge Frequency",
        needs=("ChargeCategory",),
    )
    yield Rule(
        "negative-usage",
        "{cost}",
        "usage AND negative({cost}) AND NOT correction",
        "{cost} of usage is negative and the charge is no correction",
        "ask the source, and decide the charges flagged negative-usage",
    )
    yield Rule(
        "effective-zero",
        "EffectiveCost",
        "usage AND zero(EffectiveCost) AND NOT zero(BilledCost) AND NOT correction",
        "EffectiveCost is 0 on usage that is billed",
        "bill such a source by BilledCost",
        needs=("BilledCost",),
    )
    yield Rule(
        "sub-account-name",
        "SubAccountName",
        "(SubAccountName IS NULL) <> (SubAccountId IS NULL)",
        "SubAccountName and SubAccountId must be null together",
        "nothing for billing; tell the provider",
        "FOCUS 1.2, Sub Account Name",
        needs=("SubAccountId",),
    )
    yield Rule(
        "service-in-categories",
        "ServiceCategory",
        "ServiceName IN (SELECT ServiceName FROM file GROUP BY ServiceName HAVING count(DISTINCT ServiceCategory) > 1)",
        "a service is in more than one ServiceCategory",
        "nothing for billing; tell the provider",
        "FOCUS 1.2, Service Category",
        needs=("ServiceName",),
        trigger="count(DISTINCT (ServiceName, ServiceCategory)) "
        "FILTER (ServiceName IS NOT NULL AND ServiceCategory IS NOT NULL) "
        "> count(DISTINCT ServiceName) FILTER (ServiceCategory IS NOT NULL)",
    )
    yield Rule(
        "mixed-currencies",
        "BillingCurrency",
        "upper(BillingCurrency) <> (SELECT upper(BillingCurrency) FROM file WHERE BillingCurrency IS NOT NULL "
        "GROUP BY ALL ORDER BY count(*) DESC, upper(BillingCurrency) LIMIT 1)",
        "the file holds a second currency",
        "ask the source to bill in one currency, or reject the charges that are held as foreign-currency",
        trigger="min(upper(BillingCurrency)) <> max(upper(BillingCurrency))",
    )


def _commitments() -> Iterator[Rule]:
    """Reservations, savings plans and the like."""
    status, of = "CommitmentDiscountStatus", "FOCUS 1.2, Commitment Discount Status"
    yield Rule(
        "covered-usage-billed",
        "BilledCost",
        f"category = 'usage' AND lower({status}) = 'used' AND NOT zero(BilledCost) AND NOT correction",
        "BilledCost is not 0 on usage that a commitment covers",
        "ask the provider which of the two is wrong, the cost or the status",
        "FOCUS 1.2, Billed Cost",
        needs=("ChargeCategory", status),
    )
    yield Rule(
        "commitment-purchase-effective",
        "EffectiveCost",
        "category = 'purchase' AND CommitmentDiscountId IS NOT NULL AND NOT zero(EffectiveCost) AND NOT correction",
        "EffectiveCost is not 0 on the purchase of a commitment",
        "ask the provider before you bill this source by EffectiveCost",
        "FOCUS 1.2, Effective Cost",
        needs=("ChargeCategory", "CommitmentDiscountId"),
    )
    yield Rule(
        "commitment-purchase-billed",
        "BilledCost",
        "category = 'purchase' AND CommitmentDiscountId IS NOT NULL AND NOT zero(BilledCost)",
        "the purchase of a commitment is billed, and whom the commitment covers pays 0",
        "say who pays for commitments, or bill this source by EffectiveCost",
        needs=("ChargeCategory", "CommitmentDiscountId"),
        cost="BilledCost",
    )
    yield Rule(
        "unused-commitment",
        "EffectiveCost",
        f"lower({status}) = 'unused' AND NOT zero(EffectiveCost)",
        "unused commitment is billed",
        "say who pays for it: `default` of the source, or a decision",
        needs=(status,),
        cost="EffectiveCost",
    )
    yield Rule(
        "unused-not-usage",
        status,
        f"lower({status}) = 'unused' AND category <> 'usage'",
        "unused commitment is not of the category Usage",
        "nothing for billing; tell the provider",
        of,
        needs=("ChargeCategory",),
    )
    yield Rule(
        "commitment-status",
        status,
        f"({status} IS NOT NULL AND CommitmentDiscountId IS NULL) "
        f"OR ({status} IS NULL AND CommitmentDiscountId IS NOT NULL AND category = 'usage')",
        f"{status} must say of usage whether it used a commitment, and be null where there is none",
        "nothing for billing; tell the provider",
        of,
        needs=("ChargeCategory", "CommitmentDiscountId"),
    )


RULES: tuple[Rule, ...] = (*_spelling(), *_spans(), *_prices(), *_charges(), *_commitments())
"""All rules, in the order in which they are told."""
