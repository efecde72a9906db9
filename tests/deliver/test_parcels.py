"""Who gets what: one message to each person, copies without other people's money, and after a revision what changed."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from openchargeback.billing.statements import statement_number
from openchargeback.deliver.parcels import Request, plan_messages
from openchargeback.ledger.deliveries import Bounce, DeliveryKind, DeliveryState
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.settings import CopyRule, EmailSettings
from openchargeback.model import (
    Amounts,
    BilledPeriod,
    BillingLine,
    Journal,
    Person,
    Project,
    QueueItem,
    State,
    Statement,
)
from openchargeback.problems import UsageFault

EMAIL = EmailSettings(sender="billing@example.edu")
ADA, BEN, CLEO = (
    Person(f"{name}@example.edu", name.title(), department)
    for name, department in (("ada", "Biology"), ("ben", "Biology"), ("cleo", "Physics"))
)


def statement(pi, project, billed="10.00", *, listed="12.00", revision=1, draft=False):
    billed, listed = Decimal(billed), Decimal(listed)
    amounts = Amounts(list=listed, billed=billed, discount=listed - billed)
    line = BillingLine(
        period="2025-01", pi=pi.email, project=project, fund="F-1", source="aws", service="Compute", charges=1,
        exact_list=listed, exact_billed=billed, amounts=amounts,
    )  # fmt: skip
    return Statement(
        number=statement_number("2025-01", pi.email, project, revision), period="2025-01", pi=pi,
        project=Project(project, project.title()), lines=(line,), revision=revision, draft=draft,
        issued=dt.date(2025, 2, 5), accounting_date=dt.date(2025, 1, 31), resources=(), held=(), digest="0" * 64,
    )  # fmt: skip


def held(pi, project, *flags, amount="5"):
    return QueueItem(
        period="2025-01", source="aws", service="Compute", project=project, pi=pi.email, currency="USD", sub_account="",
        resource="", flags=flags or ("missing-fund",), uncleared=flags or ("missing-fund",), charges=3,
        exact_list=Decimal(amount), exact_billed=Decimal(amount),
    )  # fmt: skip


def month(*statements, queue=(), state=State.CLOSED, revision=1):
    return BilledPeriod(
        period="2025-01", state=state, revision=revision, closed_on=dt.date(2025, 2, 5), closed_by="a",
        finalized_on=None, accounting_date=dt.date(2025, 1, 31), currency="USD", queue=tuple(queue),
        statements=statements, journal=Journal("2025-01", ()), sources=(), files=(), lines=(), flags=(), decisions=(),
    )  # fmt: skip


JANUARY = month(
    statement(ADA, "genomics"), statement(ADA, "proteins"), statement(BEN, "cells"), statement(CLEO, "stars")
)


def plan(period=JANUARY, log=(), email=EMAIL, **request):
    return plan_messages(period, Directory(), email, log, Request(**request))


def who(plan_):
    return {
        (message.parcel.to, message.parcel.copy): [part.project.id for part in message.parcel.parts]
        for message in plan_.messages
    }


def sent(plan_, state=DeliveryState.SENT, at="2025-02-06T09:00:00Z"):
    return [replace(each.delivery, state=state, at=at, reply="250 OK") for each in plan_.messages]


def test_one_message_to_each_pi_with_everything():
    assert who(plan()) == {
        (ADA.email, ""): ["genomics", "proteins"],
        (BEN.email, ""): ["cells"],
        (CLEO.email, ""): ["stars"],
    }


def test_ids_are_the_same_each_time_and_differ_by_recipient():
    ids = [message.id for message in plan().messages]
    assert ids == [message.id for message in plan().messages]
    assert len({*ids}) == 3
    assert all(id_.endswith("@example.edu") for id_ in ids)


def test_nothing_is_sent_twice():
    assert plan(log=sent(plan())).messages == ()


def test_what_failed_is_sent_again_with_the_same_id():
    log = sent(plan(), DeliveryState.FAILED)
    assert [message.id for message in plan(log=log).messages] == [each.id for each in log]


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.UNKNOWN])
def test_what_is_unknown_is_named_and_repeated_with_the_same_id_only_when_someone_says_so(state):
    log = sent(plan(), state)[:1]
    again = plan(log=log)
    assert [each.id for each in again.open] == [log[0].id]
    assert (ADA.email, "") not in who(again)
    repeated = plan(log=log, why="she has nothing", unknown=True)
    assert [(message.id, message.attempt) for message in repeated.messages] == [(log[0].id, 1)]
    assert repeated.messages[0].why == "she has nothing"


def test_sending_again_has_a_new_id_and_a_higher_attempt():
    log = sent(plan())
    (again,) = plan(log=log, only=("ada@example.edu",), why="deleted").messages
    assert (again.attempt, again.why, again.revised) == (2, "deleted", False)
    assert again.id not in {each.id for each in log}
    (third,) = plan(
        log=[*log, *sent(plan(log=log, only=("ada@example.edu",), why="x"))], only=(ADA.email,), why="y"
    ).messages
    assert third.attempt == 3


def test_a_bounced_message_is_not_sent_again_by_itself():
    log = [replace(each, bounce=Bounce(dt.date(2025, 2, 7), "5.1.1")) for each in sent(plan())]
    assert plan(log=log).messages == ()


def test_a_revision_sends_only_what_changed():
    log = sent(plan())
    revised = month(
        statement(ADA, "genomics", "9.00", revision=2), statement(ADA, "proteins", revision=2),
        statement(BEN, "cells", revision=2), statement(CLEO, "stars", revision=2), revision=2,
    )  # fmt: skip
    (message,) = plan(revised, log).messages
    assert [part.number for part in message.parcel.parts] == [statement_number("2025-01", ADA.email, "genomics", 2)]
    assert (message.revised, message.others) == (True, 1)
    assert plan(revised, [*log, *sent(plan(revised, log))]).messages == ()
    # Back to what it was: they have the second version, so the first one is news.
    back = month(*(replace(each, number=each.number + "-r3", revision=3) for each in JANUARY.statements), revision=3)
    assert who(plan(back, [*log, *sent(plan(revised, log))])) == {(ADA.email, ""): ["genomics"]}


def test_a_statement_that_a_revision_removes_is_withdrawn():
    log = sent(plan())
    revised = month(*(each for each in JANUARY.statements if each.project.id != "cells"), revision=2)
    (message,) = plan(revised, log).messages
    assert (message.parcel.to, message.parcel.parts, message.revised) == (BEN.email, (), True)
    assert [each.project for each in message.withdrawn] == ["cells"]
    assert plan(revised, [*log, *sent(plan(revised, log))]).messages == ()


def test_copies_have_the_statements_of_their_project_or_department_and_nothing_else():
    email = replace(
        EMAIL,
        copy_to=(
            CopyRule("manager@example.edu", project="genomics"),
            CopyRule("Office@example.edu", department="biology "),
            CopyRule(BEN.email, department="Biology"),
        ),
    )
    found = who(plan(email=email))
    assert found["manager@example.edu", "project genomics"] == ["genomics"]
    assert found["office@example.edu", "department biology"] == ["genomics", "proteins", "cells"]
    # Ben gets his own statements as a PI, and those of others as a copy: two messages.
    assert found[BEN.email, ""] == ["cells"]
    assert found[BEN.email, "department Biology"] == ["genomics", "proteins"]
    assert not any("stars" in projects for (to, _), projects in found.items() if to != CLEO.email)


def test_who_had_nothing_gets_nothing_but_a_subsidized_month_is_sent():
    period = month(statement(ADA, "genomics", "0.00", listed="0.00"), statement(BEN, "cells", "0.00", listed="40.00"))
    assert who(plan(period)) == {(BEN.email, ""): ["cells"]}
    assert who(plan(period, email=replace(EMAIL, nothing_due=True))) == {
        (ADA.email, ""): ["genomics"],
        (BEN.email, ""): ["cells"],
    }


def test_held_charges_alone_are_worth_a_message_but_not_to_an_address_that_nobody_knows():
    period = month(queue=[held(ADA, ""), held(BEN, "cells", "unknown-pi"), held(CLEO, "stars", "malformed-tags")])
    assert who(plan(period)) == {(ADA.email, ""): [""]}
    assert plan(period).messages[0].parcel.parts[0].statement is None


def test_only_some():
    assert who(plan(only=("ben@example.edu",))) == {(BEN.email, ""): ["cells"]}
    assert who(plan(only=("proteins",))) == {(ADA.email, ""): ["proteins"]}
    with pytest.raises(
        UsageFault, match=r"nothing in 2025-01 is for nobody@example\.edu; name an email address or a proj"
    ):
        plan(only=("nobody@example.edu", "cells"))
    # An address in capital letters is the same one, for the copies, too.
    copied = replace(EMAIL, copy_to=(CopyRule("manager@example.edu", project="genomics"),))
    whole = who(plan(email=copied, only=("ADA@Example.edu",)))
    assert whole == who(plan(email=copied, only=(ADA.email,)))
    assert len(whole) == 2
    # What was left out is sent later, and what was sent is not.
    log = sent(plan(only=("proteins",)))
    assert who(plan(log=log))[ADA.email, ""] == ["genomics"]


def test_a_draft_is_no_statement():
    period = month(*(replace(each, draft=True) for each in JANUARY.statements), state=State.OPEN)
    request = {"kind": DeliveryKind.DRAFT, "object_by": dt.date(2025, 2, 3)}
    drafts = sent(plan(period, **request))
    assert {each.kind for each in drafts} == {DeliveryKind.DRAFT}
    assert plan(period, drafts, **request).messages == ()
    assert len(plan(log=drafts).messages) == 3
    # A later draft with another date or other amounts is another message.
    assert len(plan(period, drafts, kind=DeliveryKind.DRAFT, object_by=dt.date(2025, 2, 4)).messages) == 3
    changed = replace(period, statements=(replace(statement(BEN, "cells", "11.00"), draft=True),))
    assert who(plan(changed, drafts, **request))[BEN.email, ""] == ["cells"]


def test_an_address_with_a_domain_beyond_ascii_makes_an_ascii_id():
    email = replace(EMAIL, sender="billing@bücher.example")
    assert plan(email=email).messages[0].id.endswith("@xn--bcher-kva.example")
