"""A plan as a comment on a pull request, and evidence for a job summary: Markdown within a Git host's limits.

All data is escaped: a project may be called `<img>` or `@everyone`, and a reason may contain a table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from openchargeback import money
from openchargeback.characters import MISLEADING
from openchargeback.cli.reports import place_below
from openchargeback.model import LEVELS, Evidence
from openchargeback.plan import words
from openchargeback.plan.values import DecisionChange, PeriodChange, Plan
from openchargeback.publish.paragraphs import paragraphs, totals
from openchargeback.wording import counted

MARKER = "<!-- openchargeback-plan -->"
"""The first line, by which a workflow finds its own comment to update it; `marker` for a ledger in a folder."""

LIMIT = 60_000
"""Most characters of a comment; GitHub accepts 65,535."""

_LONGEST_TEXT = 300
_SPECIAL = re.compile(r"[\\`*_{}\[\]()<>#|~@&:$\"']|(?<=www)\.")
# A host looks for @names and #numbers after decoding entities; a zero-width character keeps it from finding any.
_REFERENCE = re.compile(r"(?<!\w)[@#](?=\w)")
_NO_WIDTH = "\N{ZERO WIDTH SPACE}"
_UNSAFE = dict.fromkeys(map(ord, MISLEADING), " ")


@dataclass(slots=True)
class _Table:
    """Rows under a title, collapsed: the first `shown` of them or all, and a count of the rest."""

    title: str
    head: tuple[str, ...]
    right: frozenset[int]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    shown: int = -1

    def text(self) -> str:
        rows = self.rows if self.shown < 0 else self.rows[: self.shown]
        marks = ("---:" if index in self.right else "---" for index in range(len(self.head)))
        lines = [_row(self.head), _row(tuple(marks)), *(_row(row) for row in rows)]
        more = len(self.rows) - len(rows)
        if more:
            lines.append(_row((f"and {more:,} more", *("" for _ in self.head[1:]))))
        return f"<details><summary>{self.title}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def plan_comment(plan: Plan, prefix: str = "") -> str:
    """The comment. If it would be too long, the longest tables lose rows; no row is cut.

    prefix: from the top of the repository to the ledger, put before paths.
    """
    parts: list[str | _Table] = [marker(prefix), _headline(plan)]
    parts += _problems(plan, prefix)
    for period in plan.periods:
        parts += _period(period, plan.currency)
    parts += _settings(plan, prefix)
    parts += _evidence(plan.evidence, prefix)
    if plan.moves or plan.periods or plan.settings:
        parts.append(_inputs(plan))
    return _fitted(parts)


def marker(prefix: str) -> str:
    """The first line of a ledger's comment: each ledger of a repository has its own. prefix: as in `plan_comment`."""
    folder = prefix.rstrip("/").replace("-->", "")
    return MARKER.replace(" -->", f": {folder} -->") if folder else MARKER


def evidence_summary(found: Sequence[Evidence], prefix: str = "") -> str:
    """Who approved what, under a heading. prefix: as in `plan_comment`."""
    if not found:
        return f"### {words.EVIDENCE}\n\nNo decisions or closings.\n"
    return _fitted([f"### {words.EVIDENCE}", *_evidence(found, prefix)])


def escaped(text: str) -> str:
    """Data as plain text: Markdown, HTML, mentions, issue references and addresses have no effect."""
    flat = " ".join(text.encode("utf-8", "replace").decode().translate(_UNSAFE).split())
    if len(flat) > _LONGEST_TEXT:
        flat = flat[: _LONGEST_TEXT - 1] + "…"
    apart = _REFERENCE.sub(lambda match: match[0] + _NO_WIDTH, flat)
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", apart)


def _fitted(parts: Sequence[str | _Table]) -> str:
    tables = [part for part in parts if isinstance(part, _Table)]

    def render() -> str:
        return "\n\n".join(part.text() if isinstance(part, _Table) else part for part in parts) + "\n"

    most = max((len(table.rows) for table in tables), default=0)
    while len(text := render()) > LIMIT and most > 0:
        most //= 2
        for table in tables:
            table.shown = min(most, len(table.rows))
    if len(text) <= LIMIT:
        return text
    # Reached only with very many periods: whole sections that do not fit are counted.
    kept: list[str] = []
    size = 0
    for number, part in enumerate(parts):
        piece = part.text() if isinstance(part, _Table) else part
        if size + len(piece) > LIMIT - 100:
            kept.append(f"… and {len(parts) - number:,} more sections: see `focus-billing plan`.")
            break
        kept.append(piece)
        size += len(piece) + 2
    return "\n\n".join(kept) + "\n"


def _headline(plan: Plan) -> str:
    return words.summary(plan) if not plan.moves and not plan.unread else f"**{words.summary(plan)}**"


def _problems(plan: Plan, prefix: str) -> list[str | _Table]:
    found = paragraphs(plan.problems)
    if not found:
        return []
    table = _Table(totals(found), ("", "Where", "What", "Fix"), frozenset())
    table.rows = [
        (
            str(each.severity),
            escaped(place_below(prefix, each.head)),
            escaped(each.head.message) + each.times,
            escaped(each.head.fix),
        )
        for each in found
    ]
    folded = any(each.beyond for each in found)
    return [table, "`focus-billing validate --full` lists every location."] if folded else [table]


def _period(period: PeriodChange, currency: str) -> list[str | _Table]:
    share = words.percent(period.difference, period.old)
    lines = [
        f"### {period.period} ({words.state(period)})",
        "",
        f"| {currency} | before | after | change |",
        "| --- | ---: | ---: | ---: |",
    ]
    change = words.signed(period.difference, currency) + (f" ({share})" if share else "")
    before, after = money.human(period.old, currency), money.human(period.new, currency)
    lines.append(_row(("**Billed to PIs**", before, after, f"**{change}**")))
    if period.invoices_any:
        invoiced = [money.human(amount, currency) for amount in (period.old_invoiced, period.new_invoiced)]
        lines.append(
            _row((words.INVOICED, *invoiced, words.signed(period.new_invoiced - period.old_invoiced, currency)))
        )
    if period.shows:
        shown = [money.human(amount, currency) for amount in (period.old_shown, period.new_shown)]
        lines.append(_row((words.SHOWN, *shown, words.signed(period.new_shown - period.old_shown, currency))))
    for unit, old, new in words.control(period):
        for name, was, now in (
            ("imported", old.exact_imported, new.exact_imported),
            ("= billed", old.exact_billed, new.exact_billed),
            ("+ held", old.exact_held, new.exact_held),
            ("+ rejected", old.exact_rejected, new.exact_rejected),
        ):
            label = name if unit == currency else f"{name} {escaped(unit)}"
            lines.append(_row((label, money.human(was, unit), money.human(now, unit), words.step(was, now, unit))))
    lines += ["", f"PIs: {words.people(period)}."]
    if period.causes:
        lines[-1] += f" Causes: {words.causes(period.causes, currency)}."
    parts: list[str | _Table] = ["\n".join(lines)]
    parts += _largest(period, currency)
    parts += _decisions(period.decisions, currency)
    parts += _undecided(period)
    parts += _sources(period, currency)
    parts += _invoices(period)
    return parts


def _largest(period: PeriodChange, currency: str) -> list[str | _Table]:
    if not period.projects:
        return []
    shown = period.projects[: words.LARGEST]
    rest = len(period.projects) - len(shown)
    title = f"The {len(shown)} largest of {len(period.projects):,} changes" if rest else "Changes by PI and project"
    table = _Table(title, ("PI", "Project", "Before", "After", "Change", "Causes"), frozenset({2, 3, 4}))
    for each in shown:
        why = words.causes(each.causes, currency)
        if each.funds:
            why += (
                ("; " if why else "")
                + "funds: "
                + ", ".join(
                    f"{escaped(fund) or 'none'} {words.signed(amount, currency)}" for fund, amount in each.funds
                )
            )
        amounts = (
            money.human(each.old, currency),
            money.human(each.new, currency),
            words.signed(each.difference, currency),
        )
        table.rows.append((escaped(each.pi), escaped(words.project(each)), *amounts, why))
    return [table]


def _decisions(decisions: Sequence[DecisionChange], currency: str) -> list[str | _Table]:
    if not decisions:
        return []
    table = _Table(
        counted(len(decisions), "decision"),
        ("", "Decision", "On", "Charges", f"{currency}", "Reason", "By"),
        frozenset({3, 4}),
    )
    for each in decisions:
        reason = escaped(each.reason) + (f" (void: {escaped(each.void)})" if each.void else "")
        amount = money.human(each.exact_billed, currency)
        table.rows.append(
            (each.change, each.decision, escaped(each.what), f"{each.charges:,}", amount, reason, escaped(each.by))
        )
    return [table]


def _undecided(period: PeriodChange) -> list[str | _Table]:
    held = words.undecided(period)
    if not held:
        return []
    table = _Table("Still held", ("Reason", "Charges", "Amount"), frozenset({1, 2}))
    table.rows = [
        (escaped(flags), f"{charges:,}", f"{money.human(amount, unit)} {escaped(unit)}")
        for flags, unit, charges, amount in held
    ]
    return [table]


def _sources(period: PeriodChange, currency: str) -> list[str | _Table]:
    table = _Table("Sources to check", ("Source", "What"), frozenset())
    table.rows = [
        (escaped(row.source), escaped(words.source(row, currency))) for row in period.sources if row.needs_attention
    ]
    table.rows += [
        (escaped(each.source), escaped(f"closed without it: {words.without(each)}")) for each in period.without
    ]
    return [table] if table.rows else []


def _invoices(period: PeriodChange) -> list[str | _Table]:
    table = _Table(words.INVOICES, ("", "What"), frozenset())
    table.rows = [
        (str(each.status), escaped(words.invoice(each, period)))
        for each in (*period.invoices_to_check, *period.invoices_gone)
    ]
    return [table] if table.rows else []


def _settings(plan: Plan, prefix: str) -> list[str | _Table]:
    if not plan.settings:
        return []
    table = _Table(counted(len(plan.settings), "setting"), ("File", "Key", "Before", "After"), frozenset())
    table.rows = [
        (escaped(prefix + each.path), escaped(each.key), escaped(each.old), escaped(each.new)) for each in plan.settings
    ]
    return [table, *(f"{line}." for line in words.effects(plan))]


def _evidence(found: Sequence[Evidence], prefix: str) -> list[str | _Table]:
    if not found:
        return []
    table = _Table(words.EVIDENCE, ("File", "Level", "Who", "Why"), frozenset())
    for each in found:
        table.rows.append((escaped(prefix + each.path), str(each.level), escaped(each.who), escaped(each.why)))
    return [table, LEVELS]


def _inputs(plan: Plan) -> str:
    digests = f"{plan.base.digest[:16]} → {plan.head.digest[:16]}"
    return f"<sub>{escaped(words.revision(plan.base))} → {escaped(words.revision(plan.head))}; inputs {digests}</sub>"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
