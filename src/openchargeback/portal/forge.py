"""The pages of a Git host where a person proposes a new file, so that it becomes a pull request."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from openchargeback.addresses import safe_address
from openchargeback.ledger.settings import PortalSettings

MAX_ADDRESS = 7000
"""GitHub refuses addresses of about 8,000 bytes."""

PATH, FOLDER = "{path}", "{folder}"


@dataclass(frozen=True, slots=True)
class Host:
    """A Git host. Pages fill in the addresses.

    new: the page for a new file at PATH. prefilled: whether `&value=` adds its content. upload: the page for uploads to
    FOLDER; empty if the host has none with an address.
    """

    name: str
    new: str
    upload: str = ""
    prefilled: bool = True


def host_of(settings: PortalSettings) -> Host | None:
    """The host of the ledger's repository; None if the settings name no repository on a known kind of host."""
    repository = safe_address(settings.repository).rstrip("/").removesuffix(".git")
    if not repository:
        return None
    forge = settings.forge.lower() or _guess(repository)
    branch = quote(settings.branch, safe="/")
    if forge == "github":
        return Host("GitHub", f"{repository}/new/{branch}?filename={PATH}", f"{repository}/upload/{branch}/{FOLDER}")
    if forge in ("gitea", "forgejo"):
        # The question mark makes `&value=` a parameter.
        new = f"{repository}/_new/{branch}/{PATH}?"
        return Host(forge.capitalize(), new, f"{repository}/_upload/{branch}/{FOLDER}")
    if forge == "gitlab":
        # GitLab does not reliably accept content in an address.
        return Host("GitLab", f"{repository}/-/new/{branch}?file_name={PATH}", prefilled=False)
    return None


def pull_request_of(settings: PortalSettings, branch: str) -> str:
    """The page that opens a pull request of a branch on the host; empty as for `host_of`."""
    host = host_of(settings)
    if host is None:
        return ""
    repository = safe_address(settings.repository).rstrip("/").removesuffix(".git")
    main, name = quote(settings.branch, safe="/"), quote(branch, safe="/")
    if host.name == "GitLab":
        asked = {"merge_request[source_branch]": branch, "merge_request[target_branch]": settings.branch}
        return f"{repository}/-/merge_requests/new?{urlencode(asked)}"
    return f"{repository}/compare/{main}...{name}" + ("?expand=1" if host.name == "GitHub" else "")


def issue_of(settings: PortalSettings, title: str, text: str) -> str:
    """The page for a new issue on the host, with these texts, which are quoted; empty as for `host_of`."""
    repository = safe_address(settings.repository).rstrip("/").removesuffix(".git")
    forge = settings.forge.lower() or _guess(repository)
    if forge == "gitlab":
        return f"{repository}/-/issues/new?issue[title]={title}&issue[description]={text}"
    return f"{repository}/issues/new?title={title}&body={text}" if forge and repository else ""


def _guess(repository: str) -> str:
    try:
        host = urlsplit(repository).hostname or ""
    except ValueError:
        return ""
    return next((forge for forge in ("github", "gitlab", "gitea", "forgejo") if forge in host), "")
