"""Where a reader asks about a charge: in a message, or as an issue on the Git host, with the numbers filled in."""

from __future__ import annotations

from urllib.parse import quote

from openchargeback.characters import one_line
from openchargeback.ledger.settings import Config
from openchargeback.portal.forge import issue_of
from openchargeback.portal.shell import whom_to_ask

CHARGE, SUBJECT = "{charge}", "{subject}"
"""Places in the address for a script: the id of a charge, and what it is about."""

NO_QUESTIONS, BY_MAIL, BY_ISSUE = "none", "mail", "issue"


def question_address(config: Config, statement: str = "", charge: str = "") -> str:
    """The address that asks about a charge of a statement, each by its number or id; empty if there is none.

    statement may be SUBJECT and charge CHARGE, which stay in the address as they are.
    """
    what = f"Question about {statement}" if statement == SUBJECT else f"Question about statement {statement}"
    lines = [] if statement == SUBJECT else [f"Statement: {statement}"]
    lines += [f"Charge: {charge or '(its id is in charges.csv, or in the list of charges)'}", "", ""]
    title, text = _quoted(one_line(what)), _quoted("\n".join(lines))
    if config.portal.questions == BY_ISSUE:
        return issue_of(config.portal, title, text)
    _, mail = whom_to_ask(config)
    if config.portal.questions == NO_QUESTIONS or not mail:
        return ""
    return f"mailto:{quote(mail, safe='@')}?subject={title}&body={text.replace('%0A', '%0D%0A')}"


def _quoted(text: str) -> str:
    """Text for an address (RFC 6068, RFC 3986), with the places for a script as they are."""
    return quote(text, safe="").replace(quote(CHARGE, safe=""), CHARGE).replace(quote(SUBJECT, safe=""), SUBJECT)
