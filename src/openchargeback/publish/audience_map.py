"""Who may see which folder of a build for all audiences, for the web server that guards them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from openchargeback.ledger.settings import Config
from openchargeback.portal.audience import Audience, AudienceKind
from openchargeback.portal.site import Site

_ADDRESS = re.compile(r"[a-z0-9._%+-]+@[a-z0-9.-]+", re.ASCII)

MAP = "audiences.json"
NGINX = "access/nginx.conf"
APACHE = "access/apache.conf"


def audience_map(site: Site, audiences: Iterable[Audience]) -> dict[str, bytes]:
    """Path → file: the map of folders to people, and the same as rules for nginx and for Apache.

    A PI sees their own folder and those of their projects; a department's is for those who get its copies by email
    (`email.copy_to`), and finance's for those who get the bundle. Without anyone, a folder is for nobody.
    """
    folders = {each.folder: sorted(people_of(site, each)) for each in audiences if each.kind is not AudienceKind.PUBLIC}
    named = {each.folder: str(each) for each in audiences}
    listed = {
        folder: {"audience": text, "people": folders.get(folder, []), "public": folder not in folders}
        for folder, text in named.items()
    }
    return {
        MAP: (json.dumps(listed, indent=1, ensure_ascii=False) + "\n").encode(),
        NGINX: "".join(_nginx(folders)).encode(),
        APACHE: "".join(_apache(folders)).encode(),
    }


def people_of(site: Site, audience: Audience) -> set[str]:
    """The email addresses of those who may see the folder of an audience."""
    match audience.kind:
        case AudienceKind.PI:
            return {audience.name}
        case AudienceKind.PROJECT:
            statements = (each for period in site.periods for each in period.statements)
            return {each.pi.email for each in statements if each.project.id == audience.name}
        case AudienceKind.DEPARTMENT:
            return set(_copied(site.config, audience.name))
        case AudienceKind.FINANCE:
            return {site.config.email.finance} - {""}
    return set()


def _copied(config: Config, department: str) -> Iterator[str]:
    return (rule.to for rule in config.email.copy_to if rule.department == department)


def _plain(folders: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Folder and person, for those whose address needs no escaping in any configuration."""
    for folder, people in folders.items():
        yield from ((folder, person) for person in people if _ADDRESS.fullmatch(person))


def _nginx(folders: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "# Who may see which folder; include it in the http block. docs/AUDIENCES.md has the server that uses it.\n"
    # By default nginx refuses to start with keys of more than about 50 characters; an address may have 254.
    yield "map_hash_bucket_size 512;\nmap_hash_max_size 16384;\n"
    yield 'map "$http_x_forwarded_email:$audience" $may_see {\n    default 0;\n'
    yield from (f'    "{person}:{folder}" 1;\n' for folder, person in _plain(folders))
    yield "}\n"


def _apache(folders: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "# Who may see which folder; include it in the virtual host, below `Require all denied` for everything.\n"
    people: dict[str, list[str]] = {folder: [] for folder in folders}
    for folder, person in _plain(folders):
        people[folder].append(f'"{person}"')
    for folder, allowed in people.items():
        rule = f"Require user {' '.join(allowed)}" if allowed else "Require all denied"
        yield f'<Location "/{folder}/">\n    {rule}\n</Location>\n'
