"""Faults of approval files: each is told once, at its root."""

import pytest

from openchargeback.ledger.approvals import read_approvals

PATH = "approvals/2025-01/batch.yaml"


@pytest.mark.parametrize(
    ("target", "codes"),
    [
        ("charges: [nonsense]", ["wrong-type"]),
        ("charges: nonsense", ["wrong-type"]),
        ("where: {project: p1}", ["missing-key"]),
        ("where: {}", ["missing-key"]),
        ("where: [a]", ["wrong-type"]),
        ("charges: []", ["no-target"]),
        ("charges:", ["no-target"]),
        ("clears: [missing-pi]", ["no-target"]),
        ("charges: [7f3a9c21d0b41e66]\n    where: {flag: missing-pi}", ["no-target"]),
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
