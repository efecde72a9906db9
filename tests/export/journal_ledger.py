"""A ledger with journals that are posted, and the program run on it in this process, as `main` does."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

from openchargeback.cli.main import main

HEAD = "BillingPeriodStart,ChargeCategory,BilledCost,ListCost,BillingCurrency,ServiceName,ResourceId,Tags\n"
CONFIG = """organization: Northfield University
sources: {hpc: {label: Cluster, credit_fund: RC-900, severity: {missing-label: off}}}
journal:
  account: "7300"
  answers:
    document: Doc
    line: Seq
    status: Status
    debit: Debit
    credit: Credit
    fund: Fund
    reason: Message
    date: Posted
    date_format: "%m/%d/%Y"
    accepted: [POSTED, "OK"]
    suspense: SUSP
    rejected: [ERROR]
"""
ANSWER = """Doc,Seq,Status,Fund,Debit,Credit,Message,Posted
OCB-2025-01,1,POSTED,BIO-1,90.00,,,02/10/2025
OCB-2025-01,2,ok,RC-900,,90.00,,02/10/2025
OCB-2025-01,3,ERROR,BIO-1,"1,212.50",,Fund is closed,02/10/2025
OCB-2025-01,4,ERROR,RC-900,,"1,212.50",,02/10/2025
OCB-2025-01,5,SUSP,AST-3,7.25,,Unknown org,02/11/2025
OCB-2025-01,6,POSTED,RC-900,,7.25,,02/10/2025
"""


@dataclass(frozen=True)
class Done:
    """What a command printed."""

    stdout: str
    stderr: str


def run(root: Path, *arguments: object, code: int = 0) -> Done:
    """Run a command on a ledger; it must end with this exit code."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    found: object = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["--ledger", str(root), *map(str, arguments)])
        except SystemExit as ended:
            found = ended.code
    done = Done(*(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]
    assert found == code, done
    return done


def row(month: str, cost: str, pi: str, project: str, fund: str, service: str) -> str:
    tags = json.dumps({"pi_email": pi, "project_id": project, "fund_org": fund}).replace('"', '""')
    return f'{month}-01T00:00:00Z,Usage,{cost},{cost},USD,{service},r-{month},"{tags}"\n'


def charges(month: str) -> str:
    """Three lines: two of Ada's, one of Zoe's."""
    return HEAD + "".join(
        (
            row(month, "90.00", "ada@example.edu", "genomics", "BIO-1", "Compute"),
            row(month, "1212.50", "ada@example.edu", "genomics", "BIO-1", "Storage"),
            row(month, "7.25", "zoe@example.edu", "sky", "AST-3", "Storage"),
        )
    )


def put(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def close(root: Path, month: str) -> None:
    run(root, "periods", "close", month, "--on", f"{month}-28", "--by", "admin")
