"""The addresses of pages on Git hosts."""

from __future__ import annotations

import pytest

from openchargeback.ledger.settings import PortalSettings
from openchargeback.portal.forge import pull_request_of

GITLAB = "https://gitlab.example.edu/o/r/-/merge_requests/new"


@pytest.mark.parametrize(
    ("repository", "forge", "address"),
    [
        ("https://github.com/o/r.git", "", "https://github.com/o/r/compare/main...import/aws%232?expand=1"),
        ("https://code.example.edu/o/r/", "forgejo", "https://code.example.edu/o/r/compare/main...import/aws%232"),
        (
            "https://gitlab.example.edu/o/r",
            "",
            f"{GITLAB}?merge_request%5Bsource_branch%5D=import%2Faws%232&merge_request%5Btarget_branch%5D=main",
        ),
        ("https://code.example.edu/o/r", "", ""),
        ("javascript:alert(1)", "github", ""),
        ("", "github", ""),
    ],
)
def test_where_a_branch_becomes_a_pull_request(repository: str, forge: str, address: str) -> None:
    assert pull_request_of(PortalSettings(repository=repository, forge=forge), "import/aws#2") == address
