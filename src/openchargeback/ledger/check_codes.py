"""The checks of charge files by their codes: which of them a source may weigh otherwise, and which are fixed.

The checks themselves are in `focus/`, a room further down; a test holds that both name the same codes.
"""

from __future__ import annotations

LEVELS = ("error", "warning", "off")

SETTABLE = (
    "commitment-purchase-billed",
    "commitment-purchase-effective",
    "commitment-status",
    "constraint-error",
    "contracted-cost-product",
    "covered-usage-billed",
    "currency-code",
    "date-only-end",
    "date-time-spelling",
    "duplicate-json-key",
    "effective-zero",
    "end-before-start",
    "frequency-of-purchase",
    "list-cost-product",
    "list-cost-zero",
    "missing-label",
    "mixed-currencies",
    "negative-unit-price",
    "negative-usage",
    "null-value",
    "null-word",
    "number-spelling",
    "older-value",
    "service-in-categories",
    "sub-account-name",
    "tax-details",
    "type-error",
    "unit-and-quantity",
    "unknown-label",
    "unused-commitment",
    "unused-not-usage",
    "value-case",
)
"""What `sources: NAME: severity:` may name. `missing-label`, `type-error` and `constraint-error` only where billing
does not need the column: elsewhere they stay errors."""

FIXED = (
    "binary-file",
    "blank-label",
    "duplicate-label",
    "empty-file",
    "encoding-error",
    "extra-cell",
    "lfs-pointer",
    "merge-conflict",
    "missing-cell",
    "not-focus",
    "repeated-header",
    "source-error",
    "unreadable",
)
"""Errors that protect money: a file with one could be read in two ways, or not at all."""
