"""Imports the program once, then forks a process for each command that comes on standard input, one JSON object a line.

A command has `arguments`, a folder (`cwd`), an environment (`env`), and files for standard output and standard error
(`out`, `err`). The answer is its exit code. The server itself runs nothing of the program, so each command finds it as
it is after a start.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import sys
import threading
import time
from typing import Any, NoReturn

import openchargeback
from openchargeback.cli.main import main
from openchargeback.portal.pdf import load_weasyprint


def preload() -> None:
    """Import what commands import; the garbage collector of a forked process would copy it."""
    for module in pkgutil.walk_packages(openchargeback.__path__, "openchargeback."):
        importlib.import_module(module.name)
    load_weasyprint()
    gc.freeze()


def become(command: dict[str, Any]) -> None:
    """Take on the arguments, the folder, the environment and the streams of a command."""
    sys.argv = ["-c", *command["arguments"]]
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["env"])
    time.tzset()
    for number, path in enumerate((os.devnull, command["out"], command["err"])):
        handle = os.open(path, os.O_WRONLY if number else os.O_RDONLY)
        os.dup2(handle, number)
        os.close(handle)


def end(code: Any) -> NoReturn:
    """Do what Python does at its end, but for clearing all modules, which takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os._exit(code)


def serve() -> None:
    """Fork for each command, until there are no more."""
    with os.fdopen(os.dup(0)) as commands, os.fdopen(os.dup(1), "w") as answers:
        while command := commands.readline():
            child = os.fork()
            if not child:
                break
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), file=answers, flush=True)
    if command:
        become(json.loads(command))
        main()


if __name__ == "__main__":
    preload()
    try:
        serve()
    except SystemExit as ended:
        end(ended.code)
    end(0)
