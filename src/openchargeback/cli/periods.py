"""`focus-billing periods`: the life of a month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import click

from openchargeback import money
from openchargeback.billing.completeness import (
    GONE_SHOWN,
    Completeness,
    completeness,
    missing_sources,
    month_of,
)
from openchargeback.billing.journal import posts_nothing
from openchargeback.cli.git_commands import commit_lines
from openchargeback.cli.host import host_record, kept_option, review_options
from openchargeback.cli.options import PERIOD, as_json, root_of, with_ledger
from openchargeback.cli.report import (
    amount_columns,
    note_problems,
    print_held,
    print_json,
    print_table,
    progress,
    shown,
)
from openchargeback.evidence.gathering import gather, read_evidence
from openchargeback.files import git
from openchargeback.files.git import Loose
from openchargeback.ledger.line_table import amount_values
from openchargeback.ledger.lock import locked
from openchargeback.ledger.periods import Event, first_day
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.shape import did_you_mean
from openchargeback.ledger.uncommitted import closing_rests_on, sealing_rests_on, uncommitted_record
from openchargeback.model import Amounts, BilledPeriod, State, Without
from openchargeback.plan import words
from openchargeback.portal.discount_words import discount_rows
from openchargeback.portal.paths import statement_pdf
from openchargeback.problems import LedgerFault, OutsideFault, Problem, UsageFault, has_errors
from openchargeback.publish import closing
from openchargeback.publish.build import Books, open_books
from openchargeback.record.seal import left_over, no_longer_finalized
from openchargeback.review.held_sums import by_reason, in_total
from openchargeback.wording import counted, listed

_commit_option = click.option(
    "--commit",
    is_flag=True,
    help="Commit what this writes, with every file that it rests on, and nothing else that is staged.",
)


@click.group()
def periods() -> None:
    """List, show, open, close and finalize billing months."""


@periods.command("list")
@with_ledger
@as_json
def list_periods(named: str | None, json_: bool) -> None:
    """Every period with its state and totals.

    \b
    Example: focus-billing periods list
    """
    with progress() as step:
        books = open_books(root_of(named), step=step)
    currency = books.ledger.config.currency
    if json_:
        rows = [
            {
                "period": each.period,
                "state": each.state,
                "charges": sum(source.charges for source in each.sources),
                "statements": len(each.statements),
                **amount_values(each.amounts, currency),
                "shown": money.plain(each.shown.billed, currency),
                "held": money.exact(_held(each)),
                "still_held": money.exact(_still_held(each)),
            }
            for each in books.periods
        ]
        print_json({"currency": currency, "periods": rows})
        return
    note_problems(books.warnings)
    if not books.periods:
        click.echo("no periods yet: put charges in place with `focus-billing ingest FILE --source NAME`")
        return
    heads, amounts = amount_columns(books.periods, currency)
    # What was held when a month closed may have been decided since.
    since = any(_still_held(each) != _held(each) for each in books.periods)
    last = ("Held when closed", "Still held") if since else ("Held",)
    print_table(
        ("Period", "State", "Charges", "Statements", *heads, *last),
        [
            (
                each.period,
                each.state.capitalize(),
                f"{sum(source.charges for source in each.sources):,}",
                str(len(each.statements)),
                *cells,
                money.human(_held(each), currency),
                *((money.human(_still_held(each), currency),) if since else ()),
            )
            for each, cells in zip(books.periods, amounts, strict=True)
        ],
        right=(2, 3, 4, 5, 6, 7, 8, 9),
    )


@periods.command("show")
@click.argument("period", type=PERIOD)
@click.option("--why", metavar="NUMBER", help="Trace this statement's lines to their charges.")
@click.option("--line", "lines", type=click.IntRange(1), multiple=True, help="With --why: only this line; repeatable.")
@with_ledger
@as_json
def show_period(period: str, why: str | None, lines: tuple[int, ...], named: str | None, json_: bool) -> None:
    """One period: sources, statements, flags, journal. With --why: where the amounts of a statement come from.

    \b
    Example: focus-billing periods show 2025-01 --json
             focus-billing periods show 2025-01 --why 2025-01-3f9a1c22b7
    """
    if lines and not why:
        raise UsageFault("--line goes with --why NUMBER")
    books = _books(named, period)
    billed = _period(books, period)
    if why:
        from openchargeback.cli.why import tell_why

        tell_why(books, billed, why, lines, json_=json_)
        return
    rows = completeness(
        month_of(billed), [month_of(each) for each in books.periods], books.ledger.settings(billed.period)
    )
    if json_:
        print_json(_as_json(billed, rows))
        return
    note_problems(books.warnings)
    currency = billed.currency
    click.secho(f"{period}  {billed.state.capitalize()}", bold=True)
    click.echo(f"Accounting date {billed.accounting_date.isoformat()}")
    for absent in billed.without:
        click.echo(shown(f"Without {absent.source}: {words.without(absent)}"))
    print_table(
        ("Source", "Charges", "Imported", "Billed", "Held", "Rejected", "Currency"),
        [
            (
                each.source,
                f"{each.charges:,}",
                *(
                    money.human(amount, each.currency)
                    for amount in (each.imported, each.billed, each.held, each.rejected)
                ),
                each.currency,
            )
            for each in billed.sources
        ],
        right=(1, 2, 3, 4, 5),
    )
    _print_completeness(rows, books, currency)
    if billed.flags:
        click.echo()
        print_table(
            ("Flag as raised", "Charges", "Amount"),
            [
                (
                    each.flag,
                    f"{each.charges:,}",
                    f"{money.human(each.exact_billed, each.currency)} {each.currency}",
                )
                for each in billed.flags
            ],
            right=(1, 2),
        )
    if billed.undecided:
        click.echo()
        scope = period if billed.state is State.OPEN else f"{period}, still held"
        print_held(by_reason(billed.undecided), in_total(billed.undecided, currency), scope)
    if billed.corrections:
        click.echo()
        print_table(
            ("Earlier period", "Entry", "Charges", "Exact", f"Due {currency}"),
            [
                (original, entry, f"{charges:,}", f"{money.signed_exact(exact)} {unit}", money.human(cents, currency))
                for (original, entry, unit), (charges, exact, cents) in sorted(_earlier(billed).items())
            ],
            right=(2, 3, 4),
        )
    click.echo()
    count = len(billed.statements)
    nothing = posts_nothing(billed, books.ledger.settings(period))
    lead = f"{counted(count, 'statement')}: "
    if not nothing:
        click.echo(shown(lead + _amounts(billed.amounts, "due", books)))
        lead = ""
    if any(not line.posted for line in billed.lines):
        click.echo(f"{lead}for information, not charged: {_amounts(billed.shown, 'value', books)}")
    if nothing:
        click.echo("no journal: nothing is posted, since no source of the period is charged (`post: false`)")
        return
    journal = billed.journal
    click.echo(
        f"journal of {len(journal.lines):,} lines: debits {money.human(journal.debits, currency)}, "
        f"credits {money.human(journal.credits, currency)}, net {money.human(journal.net, currency)} {currency}"
    )
    if journal.debits != journal.net:
        click.echo("The net is what is owed: a refund swaps sides, so it adds to both debits and credits.")


@periods.command("open")
@click.argument("period", type=PERIOD)
@_commit_option
@with_ledger
def open_period(period: str, commit: bool, named: str | None) -> None:
    """Open a period; a closed one is reopened as its next revision.

    Of an open one, a record that lies beside it all the same is removed.

    \b
    Example: focus-billing periods open 2025-02
             focus-billing periods open 2025-02 --commit
    """
    root = root_of(named)
    _refuse_commit(root, commit)
    with locked(root):
        # A ledger with errors can be opened up too: that may be what fixes it.
        ledger, problems = read_ledger(root)
        if ledger is None:
            raise LedgerFault(problems)
        known = ledger.period_file(period)
        # But a period file that was tampered with is restored, lest a finalized month be opened after all.
        problems += no_longer_finalized(ledger)
        faults = [each for each in problems if each.path == f"periods/{period}.yaml"]
        if has_errors(faults):
            raise LedgerFault(faults, root)
        if known.state is State.OPEN and period in ledger.period_files and not left_over(ledger, period):
            click.echo(f"{period} is open already")
            return
        _tell(root, period, closing.reopen(ledger, period), State.OPEN, {} if commit else None)


@periods.command("close")
@click.argument("period", type=PERIOD)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The closing date; today without it.")
@click.option(
    "--accounting-date",
    "dated",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The date of every journal line; the last day of the period without it.",
)
@click.option("--by", help="Who closes; Git's user.email without it.")
@click.option("--leave-held", is_flag=True, help="Close although charges are undecided; they stay held.")
@click.option(
    "--without",
    metavar="SOURCE",
    multiple=True,
    help="Close although this source, expected monthly, has no charges; repeatable, with --reason.",
)
@click.option("--reason", help="With --without: why the month is complete all the same.")
@_commit_option
@review_options
@kept_option
@with_ledger
def close_period(
    period: str,
    day: dt.datetime | None,
    dated: dt.datetime | None,
    by: str | None,
    leave_held: bool,
    without: tuple[str, ...],
    reason: str | None,
    commit: bool,
    event: Path | None,
    reviews: Path | None,
    commits: Path | None,
    kept: tuple[Path, ...],
    named: str | None,
) -> None:
    """Close a period: its statements are no drafts any more, and it takes no further charges.

    Statements carry the closing date, journals the accounting date. Who approved its decisions is recorded, as far as
    it is known (`review evidence`). What it rests on (charges, decisions, settings, directory, templates, earlier
    records) must be committed; --commit does it.

    \b
    Example: focus-billing periods close 2025-01 --on 2025-02-05
             focus-billing periods close 2025-01 --commit
             focus-billing periods close 2025-06 --on 2025-07-08 --accounting-date 2025-06-30
             focus-billing periods close 2025-06 --without hpc --reason "down for maintenance all June"
    """
    if dated and dated.date() < first_day(period):
        raise UsageFault(f"the accounting date {dated.date()} lies before {period} begins")
    if without and not (reason or "").strip():
        raise UsageFault("--without goes with --reason TEXT, which says why the month is complete without the source")
    if reason is not None and not without:
        raise UsageFault("--reason goes with --without SOURCE")
    root = root_of(named)
    _refuse_commit(root, commit)
    with locked(root):
        books = _books(named, period, lines=True)
        known = books.ledger.period_file(period)
        if known.state is not State.OPEN:
            done = known.state is State.CLOSED
            rests_on = closing_rests_on(books.ledger, period) if done else {}
            _done_already(root, period, known.state, rests_on, commit=commit and done)
            return
        recorded = [each for path in kept for each in read_evidence(path)]
        host = host_record(event, reviews, commits)
        loose = closing_rests_on(books.ledger, period)
        evidence, missing = gather(
            books.ledger, periods=(period,), host=host, recorded=recorded, pending=loose if commit else ()
        )
        skipped = tuple(dict.fromkeys(each.strip().lower() for each in without))
        _refuse_close(books, _period(books, period), missing, leave_held, skipped, {} if commit else loose)
        closed = Event(day.date() if day else dt.datetime.now(dt.UTC).date(), by or git.user(root))
        with progress("Writing the closing record", lines=True):
            paths = closing.close(
                books,
                period,
                closed,
                evidence,
                dated=dated.date() if dated else None,
                without=[Without(source, (reason or "").strip(), closed.by) for source in skipped],
            )
        _tell(root, period, paths, State.CLOSED, loose if commit else None)


def _refuse_close(
    books: Books,
    billed: BilledPeriod,
    missing: Sequence[Problem],
    leave_held: bool,
    without: Sequence[str],
    loose: Mapping[str, Loose],
) -> None:
    """Say everything that stands in the way of closing.

    missing: evidence of who approved its decisions. without: the sources that it shall be closed without. loose: files
    that it rests on and that are not committed.
    """
    obstacles = []
    held = sum(item.charges for item in billed.queue)
    if held and not leave_held:
        what = "1 charge is" if held == 1 else f"{held:,} charges are"
        obstacles.append(f"{what} undecided: decide them with `review`, or give --leave-held")
    obstacles += [
        f"{each.path}:{each.line}: {each.void} (`review refresh` proposes another)"
        for each in billed.decisions
        if each.void
    ]
    obstacles += [
        f"the source {each} has no credit fund: set `sources: {each}: credit_fund:` in config.yaml, "
        "or `journal: credit_fund:` for all sources"
        for each in sorted({line.source for line in billed.lines if line.amounts.billed})
        if books.ledger.config.posts(each) and not books.ledger.config.credit_fund(each)
    ]
    obstacles += _incomplete(books, billed, without)
    obstacles += [f"{each.path}: {each.message}; {each.fix}" for each in missing]
    if not billed.files and not billed.corrections:
        obstacles.append("it has no charges")
    obstacles += _to_commit(books.ledger.root, billed.period, loose, "closing")
    if obstacles:
        raise UsageFault(f"{billed.period} cannot be closed\n  " + "\n  ".join(dict.fromkeys(obstacles)))


def _incomplete(books: Books, billed: BilledPeriod, without: Sequence[str]) -> list[str]:
    """The expected sources that have no charges, and those that it cannot be closed without as they are not missing."""
    config, month = books.ledger.config, month_of(billed)
    absent = missing_sources(month, config)
    found = [
        f"the source {each} is expected monthly and has no charges in {billed.period}: put its file in place with "
        f"`ingest`, or give --without {each} --reason TEXT"
        for each in absent
        if each not in without
    ]
    for each in without:
        if each in absent:
            continue
        if month.charges(each):
            found.append(f"--without {each}: it has {counted(month.charges(each), 'charge')} in {billed.period}")
        elif each not in config.sources:
            found.append(f"--without {each}: config.yaml lists no such source; {did_you_mean(each, config.sources)}")
        else:
            found.append(f"--without {each}: it is not expected monthly, so nothing needs to be said")
    return found


@periods.command("finalize")
@click.argument("period", type=PERIOD)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The date; today without it.")
@click.option("--by", help="Who finalizes; Git's user.email without it.")
@_commit_option
@with_ledger
def finalize_period(period: str, day: dt.datetime | None, by: str | None, commit: bool, named: str | None) -> None:
    """Finalize a closed period: it can never be opened again.

    What it seals (charges, decisions and the closing record) must be committed; --commit does it.

    \b
    Example: focus-billing periods finalize 2025-01
    """
    root = root_of(named)
    _refuse_commit(root, commit)
    with locked(root):
        ledger = _books(named, period, lines=True).ledger
        known = ledger.period_file(period)
        if known.state is State.FINALIZED:
            _done_already(root, period, known.state, sealing_rests_on(ledger, period), commit=commit)
            return
        if known.state is not State.CLOSED:
            raise UsageFault(f"{period} is {known.state}; only a closed period can be finalized")
        loose = sealing_rests_on(ledger, period)
        if loose and not commit:
            obstacles = _to_commit(root, period, loose, "seal")
            raise UsageFault(f"{period} cannot be finalized\n  " + "\n  ".join(obstacles))
        event = Event(day.date() if day else dt.datetime.now(dt.UTC).date(), by or git.user(root))
        paths = [closing.finalize(ledger, period, event)]
        _tell(root, period, paths, State.FINALIZED, loose if commit else None)


def _books(named: str | None, wanted: str, *, lines: bool = False) -> Books:
    with progress(lines=lines) as step:
        return open_books(root_of(named), wanted=wanted, step=step)


def _period(books: Books, period: str) -> BilledPeriod:
    billed = books.period(period)
    if billed is None:
        raise UsageFault(f"the ledger has no period {period}")
    return billed


_DONE = {State.OPEN: "Open", State.CLOSED: "Close", State.FINALIZED: "Finalize"}
_LISTED = 10
"""How many files that are not committed are named one by one."""


def _refuse_commit(root: Path, commit: bool) -> None:
    """Refuse --commit where Git could not commit, before anything is written."""
    if commit and not git.is_kept(root):
        raise UsageFault("--commit needs a ledger in a Git repository")
    if commit and (why := git.cannot_commit(root)):
        raise UsageFault(f"--commit: {why}")


def _to_commit(root: Path, period: str, loose: Mapping[str, Loose], what: str) -> list[str]:
    """The lines that say which files must be committed before, and how; none where nothing must be."""
    if not loose:
        return []
    count = f"{len(loose):,} files" if len(loose) > 1 else "1 file"
    named = [shown(f"  {path} ({why})") for path, why in list(loose.items())[:_LISTED]]
    more = [f"  and {len(loose) - _LISTED:,} more"] if len(loose) > _LISTED else []
    commands = commit_lines(root, loose, f"Files that {period} rests on", Path.cwd())
    return [
        f"{count} that this {what} depends on {'is' if len(loose) == 1 else 'are'} not committed:",
        *named,
        *more,
        "commit with these commands, or run again with --commit:",
        *(f"  {command}" for command in commands),
    ]


def _done_already(root: Path, period: str, state: State, rests_on: Mapping[str, Loose], *, commit: bool) -> None:
    """Commit what an earlier command wrote and nobody committed; else UsageFault, which says how to commit it.

    rests_on: what that command rested on and nobody committed.
    """
    written = {**rests_on, **uncommitted_record(root, period)}
    if commit and written:
        _tell(root, period, [], state, rests_on)
        return
    lines = commit_lines(root, written, f"{_DONE[state]} {period}", Path.cwd()) if written else []
    raise UsageFault("\n  ".join([f"{period} is {state} already" + (". Commit it:" if lines else ""), *lines]))


def _tell(root: Path, period: str, paths: list[str], state: State, commit: Mapping[str, Loose] | None) -> None:
    """Say what was written and commit it, or say how.

    commit: the files to commit as well; None where the person commits.
    """
    for path in paths:
        click.echo(path)
    message, done = f"{_DONE[state]} {period}", f"{period} is {state}"
    written = uncommitted_record(root, period)
    if commit is None:
        lines = commit_lines(root, written, message, Path.cwd()) if written else []
        click.echo("\n  ".join([f"{done}. Commit it:" if lines else f"{done}.", *lines]))
        return
    loose = {**commit, **written}
    if not loose:
        click.echo(f"{done}. There is nothing to commit.")
        return
    try:
        made = git.commit_files(root, loose, message)
    except OutsideFault as fault:
        commands = "\n  ".join(commit_lines(root, loose, message, Path.cwd()))
        raise OutsideFault(f"{done}, but it was not committed: {fault}\nCommit it yourself:\n  {commands}") from fault
    click.echo(f"{done}, in commit {made[:12]}.")


def _held(period: BilledPeriod) -> Decimal:
    return money.total(*(each.held for each in period.sources if each.currency == period.currency))


def _still_held(period: BilledPeriod) -> Decimal:
    return in_total(period.undecided, period.currency)[0].exact_billed


def _amounts(amounts: Amounts, what: str, books: Books) -> str:
    currency = books.ledger.config.currency
    between = [
        f"{row.label[:1].lower()}{row.label[1:]} {money.human(row.amount, currency)}"
        for row in discount_rows(amounts, books.ledger.config.organization.name)
    ]
    parts = (f"list {money.human(amounts.list, currency)}", *between, f"{what} {money.human(amounts.billed, currency)}")
    return f"{', '.join(parts)} {currency}"


def _earlier(period: BilledPeriod) -> dict[tuple[str, str, str], tuple[int, Decimal, Decimal]]:
    """Charges of earlier periods by period, what was done with them, and currency: how many, exact sum, cents."""
    result: dict[tuple[str, str, str], tuple[int, Decimal, Decimal]] = {}
    for each in period.corrections:
        key = (each.original, str(each.entry), each.currency)
        charges, exact, cents = result.get(key, (0, money.ZERO, money.ZERO))
        result[key] = (charges + 1, money.total(exact, each.exact_billed), cents + each.amounts.billed)
    return result


def _print_completeness(rows: Sequence[Completeness], books: Books, currency: str) -> None:
    """What each source delivered against the months before, and who is gone."""
    if not rows:
        return
    click.echo()
    print_table(
        ("Source", "File", "Days", f"Total {currency}", "Median of 3", "Change", "PIs gone"),
        [
            (
                each.source,
                _files(each),
                words.days(each),
                money.human(each.total, currency),
                "" if each.median is None else money.human(each.median, currency),
                words.against_median(each),
                f"{len(each.gone):,}" if each.gone else "",
            )
            for each in rows
        ],
        right=(3, 4, 5, 6),
    )
    directory = books.ledger.directory
    for each in rows:
        if each.gone:
            names = [directory.person(pi).name for pi in each.gone]
            click.echo(shown(f"Gone from {each.source}: {listed(names, GONE_SHOWN)}"))


def _files(row: Completeness) -> str:
    """The charge file without its folder, the number of several, or that there is none."""
    if not row.charges:
        return "missing" if row.missing else "none"
    return row.files[0].split("/", 2)[-1] if len(row.files) == 1 else f"{len(row.files):,} files"


def _as_json(period: BilledPeriod, rows: Sequence[Completeness]) -> dict[str, object]:
    currency = period.currency
    return {
        "period": period.period,
        "state": period.state,
        "revision": period.revision,
        "accounting_date": period.accounting_date.isoformat(),
        "currency": currency,
        "sources": [
            {
                "source": each.source,
                "currency": each.currency,
                "files": each.files,
                "charges": each.charges,
                "imported": money.exact(each.imported),
                "billed": money.exact(each.billed),
                "held": money.exact(each.held),
                "rejected": money.exact(each.rejected),
            }
            for each in period.sources
        ],
        "completeness": [each.as_json() for each in rows],
        "without": [{"source": each.source, "reason": each.reason, "by": each.by} for each in period.without],
        "statements": [
            {
                "number": each.number,
                "pi": each.pi.email,
                "project": each.project.id,
                **amount_values(each.amounts, currency),
                "shown": money.plain(each.shown.billed, currency),
                "pdf": statement_pdf(each),
            }
            for each in period.statements
        ],
        "earlier": [
            {
                "original": original,
                "entry": entry,
                "charges": charges,
                "exact": money.exact(exact),
                "currency": unit,
                "billed": money.plain(cents, currency),
            }
            for (original, entry, unit), (charges, exact, cents) in sorted(_earlier(period).items())
        ],
        "flags": [
            {
                "flag": each.flag,
                "currency": each.currency,
                "charges": each.charges,
                "amount": money.exact(each.exact_billed),
            }
            for each in period.flags
        ],
        "held": [
            {
                "flags": list(each.flags),
                "items": each.items,
                "charges": each.charges,
                "amount": money.exact(each.exact_billed),
                "currency": each.currency,
            }
            for each in by_reason(period.undecided)
        ],
        "journal": {
            "debits": money.plain(period.journal.debits, currency),
            "credits": money.plain(period.journal.credits, currency),
            "net": money.plain(period.journal.net, currency),
            "lines": len(period.journal.lines),
        },
        # Nothing is invoiced yet: everybody pays by journal.
        "invoiced": money.plain(money.ZERO, currency),
        "shown": money.plain(period.shown.billed, currency),
    }
