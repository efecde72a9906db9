"""Faults of approval files: each is told once, at its root."""

import pytest

from openchargeback.ledger.approval_text import Proposal, approval_text
from openchargeback.ledger.approvals import Verb, read_approvals
from openchargeback.ledger.settings import NOBODY, Payer

PATH = "approvals/2025-01/batch.yaml"


@pytest.mark.parametrize(
    ("target", "codes"),
    [
        ("charges: [nonsense]", ["wrong-type"]),
        ("charges: nonsense", ["wrong-type"]),
        ("where: {source: aws}", ["missing-key"]),
        ("where: {}", ["missing-key"]),
        ("where: {source: aws, flags: []}", ["no-target"]),
        ("where: [a]", ["wrong-type"]),
        ("charges: []", ["no-target"]),
        ("charges:", ["no-target"]),
        ("clears: [missing-pi]", ["no-target"]),
        ("charges: [7f3a9c21d0b41e66]\n    where: {source: aws, flags: [missing-pi]}", ["no-target"]),
    ],
)
@pytest.mark.parametrize("verb", ["reject", "credit"])
def test_a_target_that_cannot_be_read_is_told_once(target, codes, verb):
    if verb == "credit":
        target += "\n    period: 2024-12"
    text = f"decisions:\n  - decision: {verb}\n    reason: r\n    by: a@x.edu\n    {target}\n"
    decisions, problems = read_approvals(text.encode(), PATH)
    assert decisions == []
    assert [problem.code for problem in problems] == codes


def test_a_pointer_of_git_lfs_is_named():
    data = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    _, problems = read_approvals(data, PATH)
    assert [(p.code, p.path, p.line) for p in problems] == [("lfs-pointer", PATH, 1)]


ITEM = "where: {source: aws, flags: [above-list, missing-pi]}"


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        ([ITEM, "expect: {charges: 1}", "clears: [missing-pi]"], []),
        ([ITEM, "expect: {charges: 1}"], ["clears-nothing"]),
        ([ITEM, "expect: {charges: 1}", "clears: []"], ["clears-nothing"]),
        ([ITEM, "expect: {charges: 1}", "clears: [missing-fund]"], ["clears-nothing"]),
        ([ITEM, "clears: [missing-pi]"], ["expect-missing"]),
        ([ITEM, "expect: {}", "clears: [missing-pi]"], ["expect-missing"]),
        (["charges: [7f3a9c21d0b41e66]", "clears: [missing-pi]"], []),
        (["charges: [7f3a9c21d0b41e66]"], ["clears-nothing"]),
    ],
)
@pytest.mark.parametrize("verb", ["approve", "reject", "reassign\n    set: {fund: F}"])
def test_a_decision_says_what_was_seen(lines, codes, verb):
    text = f"decisions:\n  - decision: {verb}\n    reason: r\n    by: a@x.edu\n"
    decisions, problems = read_approvals((text + "".join(f"    {line}\n" for line in lines)).encode(), PATH)
    assert [problem.code for problem in problems] == codes
    assert len(decisions) == (not codes)


def test_the_keys_of_an_item_are_read_as_they_stand():
    text = (
        "decisions: [{where: {source: aws, service: ' a b ', project: '', resource: \"x\\ny\", flags: [b, a, b]}, "
        "expect: {charges: 1}, clears: [a], decision: reject, reason: r, by: a@x.edu}]"
    )
    (decision,), problems = read_approvals(text.encode(), PATH)
    assert problems == []
    assert decision.item is not None
    assert decision.item.flags == ("a", "b")
    assert decision.item.keys == {
        "source": "aws", "service": " a b ", "project": "", "pi": "", "currency": "", "sub_account": "",
        "resource": "x\ny",
    }  # fmt: skip


@pytest.mark.parametrize("verb", [Verb.REJECT, Verb.REASSIGN])
def test_a_decision_by_id_that_clears_nothing_is_read_as_it_was_written(verb: Verb) -> None:
    """A charge that no flag holds can be rejected or moved by its id; the file says that there was nothing to clear."""
    payer = Payer(fund="F-1") if verb is Verb.REASSIGN else NOBODY
    proposal = Proposal(verb, payer, "Filed twice", "reviewer@example.edu", "2025-02-03")
    text = approval_text([proposal.on_charges(["7f3a9c21d0b41e66"])])
    (decision,), problems = read_approvals(text.encode(), PATH)
    assert problems == []
    assert (decision.verb, decision.clears, decision.charges) == (verb, (), ("7f3a9c21d0b41e66",))
