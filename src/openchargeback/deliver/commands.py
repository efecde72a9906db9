"""Passwords and access tokens: from the environment, or from a command of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from openchargeback.ledger.settings import TOKEN_VARIABLE, Mail
from openchargeback.problems import OutsideFault, UsageFault

_SECONDS = 60


def password_of(mail: Mail, environment: Mapping[str, str]) -> str:
    """The password of the mail server's user. Raises UsageFault if there is none, OutsideFault if a command fails."""
    if mail.password_command:
        return _printed(mail.password_command, "password_command")
    password = mail.password or environment.get(mail.password_env, "")
    if not password:
        raise UsageFault(
            f"no password for the mail server; set {mail.password_env}, or `email.password_command` or "
            "`email.token_command` in config.local.yaml (docs/EMAIL.md)"
        )
    return password


def uses_token(mail: Mail, environment: Mapping[str, str]) -> bool:
    """Whether to log in with an access token (XOAUTH2)."""
    return bool(mail.token_command or (environment.get(TOKEN_VARIABLE) and not mail.password_command))


def token_of(mail: Mail, environment: Mapping[str, str]) -> str:
    """The access token, again for each login since it is valid for about an hour."""
    return _printed(mail.token_command, "token_command") if mail.token_command else environment[TOKEN_VARIABLE]


def _printed(command: tuple[str, ...], key: str) -> str:
    """What a command prints, without the line end. No shell reads it, so nothing in it is special."""
    try:
        done = subprocess.run(  # noqa: S603 - a list, from this machine's own settings
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it printed no text"
        raise OutsideFault(f"`email.{key}` cannot be run: {reason.lower()}") from error
    except subprocess.TimeoutExpired as error:
        raise OutsideFault(f"`email.{key}` did not end within {_SECONDS} seconds") from error
    printed = done.stdout.strip()
    if done.returncode or not printed:
        # What it printed may be the secret, so only what it said on stderr is shown.
        said = done.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        raise OutsideFault(f"`email.{key}` failed (exit code {done.returncode}): {said[0][:200]}")
    return printed
