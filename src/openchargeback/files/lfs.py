"""Pointers that Git LFS leaves in place of a file that was not fetched."""

from __future__ import annotations

from openchargeback.problems import Problem

POINTER = b"version https://git-lfs.github.com/spec/"
"""The start of every pointer (Git LFS specification)."""


def pointer_problem(relative: str) -> Problem:
    """The problem of such a file."""
    return Problem(relative, "lfs-pointer", "a Git LFS pointer, not the file itself", "run `git lfs pull`", 1)
