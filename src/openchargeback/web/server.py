"""Runs the web program with uvicorn, in this process, until it is stopped."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from openchargeback.problems import OutsideFault

_KEEP_ALIVE_SECONDS = 15
_LAST_SECONDS = 5


def serve(app: ASGIApp, host: str, port: int, cert: Path | None, key: Path | None) -> None:
    """Answer requests until Ctrl-C or SIGTERM. Raises OutsideFault if the address cannot be listened on."""
    config = uvicorn.Config(
        app,
        host=host.strip("[]"),
        port=port,
        ssl_certfile=cert,
        ssl_keyfile=str(key) if key else None,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    server = uvicorn.Server(config)
    # After its own end, uvicorn raises the signal again that ended it: SIGTERM, too, is to end this process in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt, SystemExit):  # SystemExit: it could not start
        server.run()
    if not server.started:
        raise OutsideFault(f"cannot listen on {host}, port {port}; another program may use it")
