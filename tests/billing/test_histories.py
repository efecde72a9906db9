"""Long random lives of a ledger, beside a second bookkeeping in plain Python that knows nothing of the program's.

Every charge is billed, held, rejected, decided late, credited and billed again at random, months are closed, reopened
and finalized, settings and directory change; after every step each statement, journal and held amount must be what the
second books say.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from closed_ledger import ON

from openchargeback.billing.pipeline import read_charges
from openchargeback.focus.database import database
from openchargeback.ledger.reading import read_ledger
from openchargeback.model import BilledPeriod, Entry
from openchargeback.problems import UsageFault, has_errors
from openchargeback.publish import closing
from openchargeback.publish.books import examine, open_books
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.ids import number_charges

HEAD = "BillingPeriodStart,BilledCost,ListCost,BillingCurrency,ChargeCategory,ServiceName,ResourceId,ChargeDescription,"
MONTHS = [f"2025-{number:02}" for number in range(1, 7)]
SCALE = {"USD": 100, "JPY": 1, "KWD": 1000}
Payer = tuple[str, str, str]
Key = tuple[str, str, str, str, str, str]


@dataclass
class Charge:
    """A charge as its file has it, and what the second books know about it.

    state: billed, held, rejected or credited. posted, payer, cents: where, to whom and what it was billed last.
    """

    name: str
    month: str
    source: str
    service: str
    resource: str
    cost: Decimal
    currency: str
    payer: Payer
    fund_tagged: bool
    flag: str = ""
    id: str = ""
    state: str = ""
    posted: str = ""
    cents: int = 0

    @property
    def kind(self) -> str:
        return "credit" if self.cost < 0 else "usage"

    def row(self) -> str:
        pi, project, fund = self.payer
        named = {"pi_email": pi, "project_id": project, "fund_org": fund if self.fund_tagged else ""}
        tags = json.dumps({key: value for key, value in named.items() if value}).replace('"', '""')
        return (
            f"{self.month}-01,{self.cost},{self.cost * 2},{self.currency},{self.kind.capitalize()},{self.service},"
            f'{self.resource},{self.name},"{tags}"\n'
        )


@dataclass
class Books:
    """The second bookkeeping: cents by month and (pi, project, fund, source, entry, original)."""

    currency: str
    charges: list[Charge] = field(default_factory=list)
    closed: dict[str, dict[Key, int]] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)
    revisions: dict[str, int] = field(default_factory=dict)

    def of(self, month: str) -> list[Charge]:
        return [each for each in self.charges if each.month == month]


def units(amount: Decimal, scale: int) -> int:
    """Rounded once, halves away from zero."""
    return int((amount * scale).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def shared(total: int, parts: list[tuple[object, Decimal]], scale: int) -> dict[object, int]:
    """Largest remainders on floored amounts; ties go to the first."""
    floors = {key: int((exact * scale).to_integral_value(rounding=ROUND_FLOOR)) for key, exact in parts}
    rests = sorted(parts, key=lambda part: -(part[1] * scale - floors[part[0]]))
    for key, _ in rests[: total - sum(floors.values())]:
        floors[key] += 1
    return floors


def cents_of(charges: list[tuple[Charge, Payer]], scale: int) -> dict[str, int]:
    """The cents of every charge: source total, lines, resources, charges, each level shared from the one above."""
    result: dict[str, int] = {}

    def split(total: int, rest: list[tuple[Charge, Payer]], keys: list[Callable[[tuple[Charge, Payer]], Any]]) -> None:
        if not keys:
            result.update({each.name: total for each, _ in rest})
            return
        key, *deeper = keys
        groups: dict[object, list[tuple[Charge, Payer]]] = {}
        for each in sorted(rest, key=key):
            groups.setdefault(key(each), []).append(each)
        sums = [(name, sum((each.cost for each, _ in group), Decimal(0))) for name, group in groups.items()]
        for name, part in shared(total, sums, scale).items():
            split(part, groups[name], deeper)

    for source in {each.source for each, _ in charges}:
        own = [(each, payer) for each, payer in charges if each.source == source]
        total = units(sum((each.cost for each, _ in own), Decimal(0)), scale)
        line = lambda pair: (*pair[1], pair[0].service)  # noqa: E731
        split(total, own, [line, lambda pair: (pair[0].kind, pair[0].resource), lambda pair: pair[0].id])
    return result


def ids(root: Path, month: str) -> dict[str, str]:
    """The ids of a month's charges by their description: of names, the second books take the program's."""
    ledger, _ = read_ledger(root)
    assert ledger is not None
    with database() as con:
        read, _ = read_charges(con, RecordedLedger.of(ledger), [month])
        number_charges(read, read.sources)
        query = "SELECT ChargeDescription, id FROM charge_id JOIN cell USING (n)"
        return dict(con.execute(query).fetchall())


class Walk:
    """A ledger on disk and its second books, taken through the months together."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.rng = root, random.Random(seed)  # noqa: S311 - a walk that is the same each time
        self.books = Books(self.rng.choice(sorted(SCALE)))
        self.scale = SCALE[self.books.currency]
        self.plans: dict[str, list[tuple[str, Charge, Payer | None]]] = {}
        self.before: dict[str, dict[str, Charge]] = {}
        self.settings()

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def settings(self) -> None:
        """Something else each time: nothing of it may reach a closed month."""
        number = self.rng.randrange(1000)
        self.put(
            "config.yaml",
            f"organization: {{name: X {number}}}\ncurrency: {self.books.currency}\n"
            f"portal: {{accent: '#{number:06}'}}\n"
            f"review: {{unusual_amount: {{factor: {1 + number % 3}, minimum: 100000000}}}}\n"
            f"sources:\n  aws: {{label: A{number}, credit_fund: C-{number}}}\n  hpc: {{credit_fund: H-{number}}}\n",
        )
        self.put("directory/people.yaml", f"people: [{{email: a@x.edu, name: Ada {number}}}, {{email: c@x.edu}}]\n")
        self.put(
            "directory/projects.yaml",
            f"projects: [{{id: p, title: P{number}}}, {{id: q, title: Q{number}}}]\n",
        )

    def bring(self, month: str) -> None:
        """Charges of a month, of which some are going to be held."""
        for number in range(self.rng.randrange(3, 14)):
            digits = self.rng.choice([0, 1, 2, 3, 5, 18])
            cost = Decimal(self.rng.randrange(-3000, 9000)) / 1000 + Decimal(self.rng.randrange(10**6)).scaleb(-digits)
            short = [cost.quantize(Decimal("0.001")), Decimal("0.005"), Decimal("-0.005"), Decimal(0)]
            cost = self.rng.choice([cost, *short])
            project = self.rng.choice("pq")
            flag = self.rng.choice(["", "", "", "missing-fund", "foreign-currency"])
            if flag == "missing-fund" and not cost:
                cost = Decimal("0.001")
            project = "p" if flag else project
            payer = ("a@x.edu", project, "" if flag == "missing-fund" else f"F-{self.rng.randrange(2)}")
            self.books.charges.append(
                Charge(
                    f"{month}-{number}", month, self.rng.choice(["aws", "hpc"]), self.rng.choice(["Compute", "Disk"]),
                    f"r{self.rng.randrange(4)}", cost, "EUR" if flag == "foreign-currency" else self.books.currency,
                    payer, True, flag,
                )
            )  # fmt: skip
        self.write(month)

    def write(self, month: str) -> None:
        for source in {each.source for each in self.books.of(month)}:
            rows = [each.row() for each in self.books.of(month) if each.source == source]
            self.put(f"charges/{month}/{source}.csv", HEAD + "Tags\n" + "".join(rows))
        known = ids(self.root, month)
        for each in self.books.of(month):
            each.id = known[each.name]

    def decide(self, month: str) -> None:
        """Decisions of an open month: on its own charges, and on those of closed months."""
        plan = self.plans.setdefault(month, [])
        for each in self.books.charges:
            payer = (self.rng.choice(["a@x.edu", "c@x.edu"]), each.payer[1], f"N-{self.rng.randrange(3)}")
            draw = self.rng.random()
            own, past = each.month == month, each.month in self.books.closed
            if (own and each.flag) or (past and each.state == "held"):
                if each.flag == "foreign-currency" and draw < 0.4:
                    plan.append(("reject", each, None))
                elif each.flag == "missing-fund" and draw < 0.7:
                    plan.append(("reject", each, None) if draw < 0.2 else ("reassign", each, payer))
            elif past and each.state == "billed" and each.posted in self.books.closed and draw < 0.25:
                plan.append(("credit", each, payer if draw < 0.12 else None))
        self.rng.shuffle(plan)
        self.write_decisions(month)

    def write_decisions(self, month: str) -> None:
        groups: dict[int, list[dict[str, object]]] = {}
        for verb, each, payer in self.plans.get(month, []):
            decision: dict[str, object] = {"charges": [each.id[:16]], "decision": verb, "reason": "r", "by": "r@x.edu"}
            if verb != "credit":
                decision["clears"] = [each.flag]
            if each.month != month:
                decision["period"] = each.month
            if payer:
                decision["set"] = dict(zip(("pi", "project", "fund"), payer, strict=True))
            groups.setdefault(self.rng.randrange(3), []).append(decision)
        for path in (self.root / "approvals" / month).glob("*.yaml"):
            path.unlink()
        for number, decisions in groups.items():
            self.put(f"approvals/{month}/{number}.yaml", json.dumps({"decisions": decisions}, indent=1))

    def posts(self, month: str) -> tuple[dict[Key, int], list[Charge]]:
        """What an open month has to bill, and its charges and those it decides on as they are afterwards."""
        plan = {each.name: (verb, payer) for verb, each, payer in self.plans.get(month, [])}
        posts: dict[Key, int] = {}
        after: list[Charge] = []

        def post(payer: Payer, each: Charge, entry: str, cents: int) -> None:
            key = (*payer, each.source, entry, each.month if entry != "own" else "")
            posts[key] = posts.get(key, 0) + cents

        billed: dict[str, list[tuple[Charge, Payer]]] = {}
        for each in self.books.of(month):
            verb, payer = plan.get(each.name, ("", None))
            if verb == "reassign" or not each.flag:
                billed.setdefault("", []).append((each, payer or each.payer))
            else:
                after.append(replace(each, state="rejected" if verb == "reject" else "held"))
        for verb, each, payer in self.plans.get(month, []):
            if each.month == month:
                continue
            if verb == "reassign" and payer:
                billed.setdefault(each.month, []).append((each, payer))
            elif verb == "reject":
                after.append(replace(each, state="rejected"))
            elif verb == "credit":
                post(each.payer, each, "credit", -each.cents)
                if payer:
                    post(payer, each, "rebill", each.cents)
                    after.append(replace(each, payer=payer, posted=month))
                else:
                    after.append(replace(each, state="credited"))
        for original, pairs in billed.items():
            cents = cents_of(pairs, self.scale)
            for each, payer in pairs:
                post(payer, each, "late" if original else "own", cents[each.name])
                after.append(replace(each, state="billed", posted=month, payer=payer, cents=cents[each.name]))
        return posts, after

    def compare(self) -> None:
        """Every month of the ledger with the second books."""
        books = open_books(self.root)
        for period in books.periods:
            expected = self.books.closed.get(period.period) or self.posts(period.period)[0]
            assert stated(period, self.scale) == expected, period.period
            assert journalled(period, self.scale) == statements(period, self.scale)
            assert period.revision == self.books.revisions.get(period.period, 1)
            ending = f"-r{period.revision}" if period.revision > 1 else ""
            assert all(each.number[18:] == ending for each in period.statements)
        held: dict[tuple[str, str, str], Decimal] = {}
        for period in books.periods:
            for group in period.undecided:
                key = (period.period, group.source, group.currency)
                held[key] = held.get(key, Decimal(0)) + group.exact_billed
        wanted: dict[tuple[str, str, str], Decimal] = {}
        after = {each.name: each for each in self.books.charges}
        for month in self.plans.keys() - self.books.closed.keys():
            after.update({each.name: each for each in self.posts(month)[1]})
        for each in after.values():
            if each.state == "held":
                key = (each.month, each.source, each.currency)
                wanted[key] = wanted.get(key, Decimal(0)) + each.cost
        assert held == wanted

    def close(self, month: str) -> None:
        posts, after = self.posts(month)
        closing.close(open_books(self.root), month, ON)
        self.books.closed[month] = posts
        known = {each.name: each for each in after}
        self.books.charges = [known.get(each.name, each) for each in self.books.charges]

    def may_reopen(self, month: str) -> bool:
        """Nothing of another month rests on what this one billed, held or decided."""
        names = {each.name for each in self.books.of(month)} | {each.name for _, each, _ in self.plans[month]}
        others = {each.name for other, plan in self.plans.items() if other > month for _, each, _ in plan}
        return not names & others and month not in self.books.final

    def reopen(self, month: str) -> None:
        ledger, _ = read_ledger(self.root)
        assert ledger is not None
        if not self.may_reopen(month):
            with pytest.raises(UsageFault):
                closing.reopen(ledger, month)
            return
        closing.reopen(ledger, month)
        del self.books.closed[month]
        self.books.revisions[month] = self.books.revisions.get(month, 1) + 1
        self.plans[month] = [(verb, self.before[month][each.name], payer) for verb, each, payer in self.plans[month]]
        known = self.before[month]
        self.books.charges = [known.get(each.name, each) for each in self.books.charges]
        changed = next((each for each in self.books.of(month) if not each.flag), None)
        if changed:
            changed.cost += Decimal("1.005")
            self.write(month)
        self.compare()
        self.close(month)

    def refuse(self, month: str) -> None:
        """A second decision on the same charge, in the same or a later folder, stops everything."""
        settled = [each for _, each, _ in self.plans[month] if each.month != month]
        if not settled:
            return
        each = self.rng.choice(settled)
        verb = self.rng.choice(["reject", "credit"])
        extra = {} if verb == "credit" else {"clears": [each.flag or "missing-fund"]}
        named = {"charges": [each.id[:16]], "period": each.month}
        decision = {**named, "decision": verb, "reason": "r", "by": "r@x.edu", **extra}
        path = f"approvals/{self.rng.choice([month, '2025-12'])}/twice.yaml"
        self.put(path, json.dumps({"decisions": [decision]}))
        assert has_errors(examine(self.root)[2])
        (self.root / path).unlink()
        if "2025-12" in path:
            (self.root / path).parent.rmdir()

    def run(self) -> None:
        """Six months, one after the other."""
        for month in MONTHS:
            self.bring(month)
            self.decide(month)
            self.before[month] = {each.name: each for each in self.books.of(month)} | {
                each.name: each for _, each, _ in self.plans[month]
            }
            self.compare()
            self.refuse(month)
            self.close(month)
            self.settings()
            self.compare()
            if self.rng.random() < 0.6:
                self.reopen(self.rng.choice(sorted(self.books.closed)))
                self.compare()
            if self.rng.random() < 0.3:
                final = self.rng.choice(sorted(self.books.closed.keys() - self.books.final) or [""])
                if final:
                    closing.finalize(open_books(self.root).ledger, final, ON)
                    self.books.final.add(final)
                self.compare()


def stated(period: BilledPeriod, scale: int) -> dict[Key, int]:
    """Cents of a month's statements as the second books key them."""
    sums: dict[Key, int] = {}
    for statement in period.statements:
        for line in statement.lines:
            original = line.original if line.entry is not Entry.OWN else ""
            key = (statement.pi.email, statement.project.id, line.fund, line.source, str(line.entry), original)
            sums[key] = sums.get(key, 0) + units(line.amounts.billed, scale)
    return sums


def statements(period: BilledPeriod, scale: int) -> dict[tuple[str, str], int]:
    """Totals by statement and fund that are not zero."""
    sums: dict[tuple[str, str], int] = {}
    for statement in period.statements:
        for line in statement.lines:
            key = (statement.number, line.fund)
            sums[key] = sums.get(key, 0) + units(line.amounts.billed, scale)
    return {key: cents for key, cents in sums.items() if cents}


def journalled(period: BilledPeriod, scale: int) -> dict[tuple[str, str], int]:
    """Debits − credits of payers' funds by statement and fund; the counterparts are their negative by source."""
    sums: dict[tuple[str, str], int] = {}
    sources: dict[str, int] = {}
    for line in period.journal.lines:
        cents = units(line.amount, scale) * (1 if line.side.value == "debit" else -1)
        sources[line.source] = sources.get(line.source, 0) + cents
        if line.payer:
            sums[line.statement, line.fund] = sums.get((line.statement, line.fund), 0) + cents
    assert not any(sources.values())
    return {key: cents for key, cents in sums.items() if cents}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_every_cent_is_where_the_second_books_have_it(tmp_path: Path, seed: int) -> None:
    """Six months with late decisions, credits, re-billings and reopenings."""
    Walk(tmp_path, seed).run()
