"""Links that open a new file on the Git host, ready for a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from openchargeback.addresses import safe_address
from openchargeback.ledger.settings import PortalSettings

# GitHub refuses URLs of about 8,000 bytes.
MAX_ADDRESS = 7000


@dataclass(frozen=True, slots=True)
class NewFile:
    """A link to the Git host's page for a new file; `prefilled`: whether the link includes the content."""

    host: str
    address: str
    prefilled: bool


def new_file(settings: PortalSettings, path: str, content: str) -> NewFile | None:
    """The link that opens `path` with `content`, or None if the config names no repository on the web."""
    repository = safe_address(settings.repository).rstrip("/").removesuffix(".git")
    if not repository:
        return None
    forge = settings.forge.lower() or _guess(repository)
    branch = quote(settings.branch, safe="/")
    if forge == "github":
        return _fitting("GitHub", f"{repository}/new/{branch}?filename={quote(path, safe='/')}", content)
    if forge in ("gitea", "forgejo"):
        return _fitting(forge.capitalize(), f"{repository}/_new/{branch}/{quote(path, safe='/')}?", content)
    if forge == "gitlab":
        # GitLab does not reliably accept content in a URL.
        return NewFile("GitLab", f"{repository}/-/new/{branch}?file_name={quote(path, safe='/')}", False)
    return None


def _fitting(host: str, address: str, content: str) -> NewFile:
    full = f"{address}{'' if address.endswith('?') else '&'}value={quote(content, safe='')}"
    if len(full) <= MAX_ADDRESS:
        return NewFile(host, full, True)
    return NewFile(host, address.rstrip("?"), False)


def _guess(repository: str) -> str:
    try:
        host = urlsplit(repository).hostname or ""
    except ValueError:
        return ""
    return next((forge for forge in ("github", "gitlab", "gitea", "forgejo") if forge in host), "")
