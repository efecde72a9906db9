"""A plan as one JSON document; amounts are text."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from openchargeback import money
from openchargeback.plan import words
from openchargeback.plan.values import (
    Cause,
    ControlTotal,
    LineChange,
    PeriodChange,
    Plan,
    ProjectChange,
    Revision,
    SettingChange,
)
from openchargeback.problems import has_errors


def document(plan: Plan) -> dict[str, object]:
    """What `plan --format json` prints."""
    return {
        "base": _revision(plan.base),
        "head": _revision(plan.head),
        "currency": plan.currency,
        "moves": plan.moves,
        "not_compared": list(plan.unread),
        "failed": has_errors(plan.problems),
        "periods": [_period(period, plan.currency) for period in plan.periods],
        "evidence": [
            each.as_json() | {"commit": each.commit or None, "content": each.content or None} for each in plan.evidence
        ],
        "settings": [_setting(setting) for setting in plan.settings],
        "effects": {
            str(cause): {"more": money.plain(more, plan.currency), "less": money.plain(less, plan.currency)}
            for cause, (more, less) in plan.effects.items()
        },
        "problems": [problem.as_json() for problem in plan.problems],
    }


def _revision(side: Revision) -> dict[str, object]:
    return {
        "name": side.name,
        "commit": side.commit,
        "work_tree": side.work_tree,
        "inputs": side.digest,
        "request": side.request or None,
        "reviewed": side.reviewed or None,
    }


def _period(period: PeriodChange, currency: str) -> dict[str, object]:
    share = None
    if period.old:
        share = money.plain(period.difference * 100 / abs(period.old), "")
    return {
        "period": period.period,
        "state": {"old": _state(period.old_state), "new": _state(period.new_state)},
        **_amounts(period.old, period.new, currency),
        "percent": share,
        "shown": _amounts(period.old_shown, period.new_shown, currency),
        "invoiced": _amounts(period.old_invoiced, period.new_invoiced, currency),
        "moved": money.plain(period.moved, currency),
        "pis": {"changed": period.pis_changed, "new": period.pis_appeared, "gone": period.pis_gone},
        "causes": _causes(period.causes, currency),
        "control": [
            {
                "source": each.source,
                "currency": each.currency,
                "old": _control(each.old),
                "new": _control(each.new),
            }
            for each in period.control
        ],
        "completeness": [each.as_json() for each in period.sources if each.needs_attention],
        "without": [{"source": each.source, "reason": each.reason, "by": each.by} for each in period.without],
        "invoices": [each.as_json() for each in period.invoices],
        "projects": [_project(each, currency) for each in period.projects],
        "lines": [_line(each, currency) for each in period.lines],
        "decisions": [
            {
                "change": each.change,
                "decision": each.decision,
                "what": each.what,
                "charges": each.charges,
                "billed": money.exact(each.exact_billed),
                "reason": each.reason,
                "by": each.by,
                "path": each.path,
                "line": each.line,
                "void": each.void,
            }
            for each in period.decisions
        ],
        "undecided": [
            {"flags": flags.split(", "), "currency": unit, "charges": charges, "amount": money.exact(amount)}
            for flags, unit, charges, amount in words.undecided(period)
        ],
    }


def _amounts(old: Decimal, new: Decimal, currency: str) -> dict[str, object]:
    names: Sequence[tuple[str, Decimal]] = (("old", old), ("new", new), ("difference", new - old))
    return {name: money.plain(amount, currency) for name, amount in names}


def _causes(parts: dict[Cause, Decimal], currency: str) -> dict[str, str]:
    return {str(cause): money.plain(amount, currency) for cause, amount in parts.items()}


def _control(total: ControlTotal) -> dict[str, object]:
    return {
        "charges": total.charges,
        "imported": money.exact(total.exact_imported),
        "billed": money.exact(total.exact_billed),
        "held": money.exact(total.exact_held),
        "rejected": money.exact(total.exact_rejected),
    }


def _project(change: ProjectChange, currency: str) -> dict[str, object]:
    return {
        "pi": change.pi,
        "project": change.project,
        "posted": change.posted,
        **_amounts(change.old, change.new, currency),
        "moved": money.plain(change.moved, currency),
        "causes": _causes(change.causes, currency),
        "funds": [{"fund": fund, "difference": money.plain(amount, currency)} for fund, amount in change.funds],
    }


def _line(line: LineChange, currency: str) -> dict[str, object]:
    key = line.key
    return {
        "pi": key.pi,
        "project": key.project,
        "fund": key.fund,
        "source": key.source,
        "service": key.service,
        "correction": key.correction,
        "posted": key.posted,
        "old": None if line.old is None else money.plain(line.old, currency),
        "new": None if line.new is None else money.plain(line.new, currency),
        "difference": money.plain(line.difference, currency),
        "causes": _causes(line.parts, currency),
    }


def _setting(setting: SettingChange) -> dict[str, object]:
    return {
        "path": setting.path,
        "key": setting.key,
        "old": setting.old or None,
        "new": setting.new or None,
    }


def _state(state: object) -> str | None:
    return None if state is None else str(state)
