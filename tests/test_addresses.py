"""What of an address is secret."""

import pytest

from openchargeback.addresses import credentials_in, holds_credentials, without_credentials

LONG_USER = "ghp_0123456789abcdefghij"


@pytest.mark.parametrize(
    ("address", "secrets", "plain"),
    [
        ("https://example.edu/a.git", set(), "https://example.edu/a.git"),
        (f"https://{LONG_USER}@example.edu/a.git", {LONG_USER}, "https://example.edu/a.git"),
        (f"https://{LONG_USER}:x-oauth-basic@example.edu/a", {LONG_USER}, "https://example.edu/a"),
        ("https://ada:pass%2Fword@example.edu/a?b#c", {"pass%2Fword", "pass/word"}, "https://example.edu/a"),
        ("ssh://git@example.edu/a.git", set(), "ssh://git@example.edu/a.git"),
    ],
)
def test_credentials_are_found_and_left_out(address, secrets, plain):
    assert set(credentials_in(address)) - {""} == secrets
    assert without_credentials(address) == plain
    assert holds_credentials(address) == ("@" in address)
