"""The programs besides Python that tests and tools run: their names, and the Debian packages that contain them.

`python3 tools/programs.py` prints the packages of the missing ones, one per line.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

# Program: its Debian package, and its other names.
PROGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "apache2": ("apache2-bin", ("httpd",)),
    "chromium": ("chromium", ("chromium-browser", "google-chrome", "google-chrome-stable")),
    "hledger": ("hledger", ()),
    "jq": ("jq", ()),  # available on GitHub's runners; for a workflow step
    "nginx": ("nginx", ()),
    "qpdf": ("qpdf", ()),
    "soffice": ("libreoffice-calc", ("libreoffice", "localc")),
    "systemd-analyze": ("systemd", ()),
    **dict.fromkeys(("pdfdetach", "pdffonts", "pdfimages", "pdfinfo", "pdftoppm", "pdftotext"), ("poppler-utils", ())),
}


def find(program: str) -> str | None:
    """The path of a program, under the first of its names found on this machine.

    Also of one that pip installed, or of a server, which users other than root do not have on their path.
    """
    names = (program, *PROGRAMS.get(program, ("", ()))[1])
    folders = (None, str(Path(sys.executable).parent), "/usr/sbin")
    return next((path for folder in folders for name in names if (path := shutil.which(name, path=folder))), None)


def missing_packages() -> list[str]:
    """The Debian packages of the programs that the machine lacks."""
    return sorted({package for program, (package, _) in PROGRAMS.items() if find(program) is None})


if __name__ == "__main__":
    print("\n".join(missing_packages()))
