"""`focus-billing review ask`."""

from __future__ import annotations

import os

import click

from openchargeback.cli.batches import books_of, queue
from openchargeback.cli.options import as_json, with_ledger
from openchargeback.cli.report import print_json, shown
from openchargeback.cli.send import UNSENT, print_commit, print_unsent, reason, result_json
from openchargeback.ledger.deliveries import deliveries_path
from openchargeback.problems import UsageFault


@click.command()
@click.argument("item")
@click.option("--to", default="", metavar="EMAIL", help="Ask this PI instead of the one the charges name.")
@click.option("--again", "why", default="", metavar="WHY", help="Ask again, and say why.")
@with_ledger
@as_json
def ask(item: str, to: str, why: str, named: str | None, json_: bool) -> None:
    """Email the PI which fund pays for a queue item; the answer goes to `review reassign --answer`.

    \b
    Example: focus-billing review ask q3f9a1c22b7
             focus-billing review reassign --answer answer.eml
    """
    from openchargeback.deliver.questions import ask as send_question
    from openchargeback.deliver.statements import Office

    books = books_of(named)
    found = next((each for each in queue(books) if each.id == item), None)
    if found is None:
        raise UsageFault(f"{item} is not in the queue; see `focus-billing review list`")
    root = books.ledger.root
    result = send_question(
        books.ledger, books.periods, found, to=to, why=reason(why), office=Office(environment=os.environ)
    )
    if json_:
        print_json({"item": item, **result_json(result)})
    elif result.outbox and result.outcome.complete:
        click.echo(f"the question is in {result.outbox}; nothing was sent, since config.yaml has no `email.host`")
    else:
        for each in result.outcome.sent:
            click.echo(shown(f"asked {each.to}; save the answer as an .eml file and run: "
                             "focus-billing review reassign --answer FILE.eml"))  # fmt: skip
        print_unsent(result)
        print_commit(root, deliveries_path(found.period), f"Record the question on {item}")
    if not result.outcome.complete:
        raise SystemExit(UNSENT)
