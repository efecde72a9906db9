"""`focus-billing web`."""

from __future__ import annotations

import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from openchargeback.cli.options import root_of, with_ledger
from openchargeback.ledger.config import LOCAL_FILE_NAME
from openchargeback.ledger.lock import locked
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.settings import Role, WebUser
from openchargeback.problems import LedgerFault, UsageFault

if TYPE_CHECKING:
    from openchargeback.web.program import Options

_SHOWN_HOST = "localhost"


@click.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--cert", type=click.Path(path_type=Path), help="TLS certificate (PEM), with --key.")
@click.option("--key", type=click.Path(path_type=Path), help="Private key of the certificate (PEM).")
@click.option(
    "--behind-proxy",
    "proxies",
    metavar="ADDRESS",
    multiple=True,
    help="Address or network from which a trusted proxy connects; repeatable. Needs --url.",
)
@click.option("--user-header", metavar="NAME", help="Header in which the proxy passes on the person's email address.")
@click.option("--url", metavar="URL", help="Where people reach the program, such as https://billing.example.edu.")
@with_ledger
@click.pass_context
def web(
    context: click.Context,
    host: str,
    port: int,
    cert: Path | None,
    key: Path | None,
    proxies: tuple[str, ...],
    user_header: str | None,
    url: str | None,
    named: str | None,
) -> None:
    """Serve the portal with a login, review by form and import by drag and drop, on http://localhost:8000.

    Changes become commits on branches. Listens beyond this machine only with a certificate or behind a proxy.

    \b
    Example: focus-billing web
             focus-billing web passwd ada --role admin --email ada.okafor@example.edu
             focus-billing web --host 0.0.0.0 --cert cert.pem --key key.pem --url https://billing.example.edu
             focus-billing web --behind-proxy 127.0.0.1 --user-header X-Forwarded-Email
             --url https://billing.example.edu
    """
    if context.invoked_subcommand is not None:
        context.find_root().obj = named or context.find_root().obj
        return
    options = _options(host, port, cert, key, proxies, user_header, url)
    root = root_of(named)
    _serve(root, host, port, cert, key, options)


@web.command()
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in Role]), help="What the person may do.")
@click.option("--email", help="The person's address in commits; for a PI, the one in the directory.")
@click.option("--name", "full", help="The person's name in commits and on pages.")
@with_ledger
def passwd(name: str, role: str | None, email: str | None, full: str | None, named: str | None) -> None:
    """Set a person's password in config.local.yaml, which Git ignores; adds the person if needed.

    Asks for the password, or reads its first line from standard input.

    \b
    Example: focus-billing web passwd ada --role admin --email ada.okafor@example.edu
    """
    from openchargeback.ledger.web_users import write_user
    from openchargeback.web.people import People, hash_of, password_fault

    root = root_of(named)
    with locked(root):
        ledger, problems = read_ledger(root)
        if ledger is None:
            raise LedgerFault(problems, root)
        known = People.of(ledger).users.get(name)
        if known is None and (role is None or email is None):
            raise UsageFault(f"there is no user {name} yet: add --role and --email")
        password = _password()
        address = email or (known.email if known else "")
        if fault := password_fault(password, name, address):
            raise UsageFault(fault)
        user = WebUser(
            role=Role(role) if role else known.role if known else Role.VIEWER,
            email=address,
            hash=hash_of(password),
            name=full or (known.name if known else ""),
            signing_key=known.signing_key if known else "",
        )
        write_user(root, name, user)
    click.echo(f"{LOCAL_FILE_NAME}: {name} may log in as {user.role}.")


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _options(
    host: str,
    port: int,
    cert: Path | None,
    key: Path | None,
    proxies: tuple[str, ...],
    user_header: str | None,
    url: str | None,
) -> Options:
    """How to serve. Refuses what would be unsafe."""
    from openchargeback.web.program import Options, Proxy

    if (cert is None) != (key is None):
        raise click.UsageError("--cert and --key go together")
    if user_header and not proxies:
        raise click.UsageError("--user-header needs --behind-proxy ADDRESS, the only place it is accepted from")
    if not _is_loopback(host) and cert is None and not proxies:
        raise click.UsageError(
            f"{host} can be reached from other machines, where passwords would travel in the clear: add --cert and "
            "--key, or --behind-proxy ADDRESS, or listen on 127.0.0.1"
        )
    if proxies and not url:
        raise click.UsageError("--behind-proxy needs --url, the address that people use")
    names = [f"{each}:{port}" for each in ("localhost", "127.0.0.1", "[::1]")] if _is_loopback(host) else []
    secure = cert is not None
    if url:
        found = urlsplit(url)
        if found.scheme not in ("http", "https") or not found.hostname or found.path.strip("/"):
            raise click.UsageError(f"{url} is not the address of a server; write it like https://billing.example.edu")
        if found.scheme == "http" and not _is_loopback(found.hostname):
            raise click.UsageError(f"{url} is not encrypted; people need an https address")
        secure = found.scheme == "https"
        names = [found.netloc.casefold(), *names]
    elif not names:
        raise click.UsageError("add --url, the address that people use")
    networks = []
    for each in proxies:
        try:
            networks.append(ip_network(each))
        except ValueError:
            raise click.UsageError(f"{each} is not an address or network such as 127.0.0.1 or 10.1.0.0/16") from None
    proxy = Proxy(tuple(networks), user_header or "") if networks else None
    return Options(hosts=tuple(names), secure=secure, proxy=proxy)


def _is_loopback(host: str) -> bool:
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _serve(root: Path, host: str, port: int, cert: Path | None, key: Path | None, options: Options) -> None:
    from openchargeback.web.app import make_app
    from openchargeback.web.server import serve

    app, program = make_app(root, options)
    people = program.people
    public = options.proxy is not None or not _is_loopback(host)
    if public and people.demo:
        raise UsageFault(
            "config.yaml has web users, whose hashes Git keeps for good; they are for demonstrations on one machine. "
            "Move them to config.local.yaml with `focus-billing web passwd NAME`"
        )
    for path in filter(None, (cert, key)):
        if not path.is_file():
            raise UsageFault(f"{path} is not a file")
    scheme = "https" if cert else "http"
    click.echo(f"Serving {root} on {scheme}://{_SHOWN_HOST if _is_loopback(host) else host}:{port}", err=True)
    if not people.users:
        click.echo(
            "Nobody can log in yet: add the first person with\n"
            "  focus-billing web passwd NAME --role admin --email EMAIL",
            err=True,
        )
    try:
        serve(app, host, port, cert, key)
    finally:
        program.stop()
