"""The unit and the container file of the web program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from needed import needs
from openchargeback.web.guard import HEALTH
from test_packaging import FILES, SHIPPED

HOSTING = Path(__file__).parents[2] / "docs/hosting"


@needs("systemd-analyze")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """With a program and a folder that exist here."""
    unit = (HOSTING / "openchargeback.service").read_text("utf-8")
    there = unit.replace("/opt/openchargeback/bin/focus-billing", str(shutil.which("true")))
    path = tmp_path / "openchargeback.service"
    path.write_text(there, "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Unknown" not in done.stderr
    assert "ProtectSystem=strict\nReadWritePaths=/srv/billing/ledger\n" in unit
    assert "User=root" not in unit


def test_the_container_runs_as_an_unprivileged_user_from_the_locked_packages() -> None:
    lines = (HOSTING / "Containerfile").read_text("utf-8").splitlines()
    words = {line.split()[0] for line in lines if line and not line.startswith(("#", " "))}
    assert words <= {"FROM", "RUN", "WORKDIR", "COPY", "USER", "VOLUME", "ENV", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    text = "\n".join(lines)
    assert text.index("USER openchargeback") < text.index("ENTRYPOINT")
    assert "--require-hashes -r requirements.lock" in text
    root = HOSTING.parents[1]
    readme = (root / "README.md").read_text("utf-8")
    for package in re.findall(r"\blib[\w.]+-[\w.-]+", text):
        assert package in readme, "as the Quick Start installs"
    assert "ssh-client" in text, "people's own keys sign, and remotes are pushed to"
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    assert copied == {*FILES, *SHIPPED}, "and nothing that a checkout has besides, such as config.local.yaml"
    assert f"http://127.0.0.1:8000{HEALTH}'" in text
    assert "podman build --format docker " in text, "the other format has no HEALTHCHECK"
