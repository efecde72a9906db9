"""Further processes of this program: copies of one that has loaded its modules once, gone when this one is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing import connection
from multiprocessing.context import BaseContext


def context(*modules: str) -> BaseContext:
    """How processes begin. modules: loaded before, where the system can copy a process that has no threads.

    Never a plain fork: it would inherit threads and open libraries in an unknown state.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload([*modules])
    return forkserver


def begin() -> None:
    """The first thing in a process: leave Ctrl-C to the one that started it, and end when that one is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
