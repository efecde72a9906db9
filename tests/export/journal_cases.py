"""Journals made by hand, and their files: what the tests of journal formats share."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from openchargeback.billing.journal import journal_of, with_descriptions
from openchargeback.export.journals.control_totals import control_totals, name_of
from openchargeback.export.journals.descriptions import describer
from openchargeback.export.journals.files import JournalFile, Month, assigned_documents, format_files, month_files
from openchargeback.export.journals.profiles import profile_of
from openchargeback.ledger.journal_profiles import Profile, read_profile
from openchargeback.ledger.settings import Config, JournalSettings, Organization, Source
from openchargeback.model import Amounts, BillingLine, Journal, JournalLine, State, SummedPeriod
from openchargeback.templating.environment import Templates, make_environment

ENV = make_environment()
CONFIG = Config(
    Organization("Example University"),
    sources={
        "aws": Source("aws", "Amazon Web Services", credit_fund="CORE-9000", account="6100", credit_account="4100"),
        "hpc": Source("hpc", "Cluster", credit_fund="CORE-9001", account="6200"),
    },
    journal=JournalSettings(fund=r"(?P<org>[A-Z]+)-(?P<fund>\d+)(-(?P<program>\d+))?"),
)


def line(
    billed: str | Decimal,
    pi: str = "ada@example.edu",
    project: str = "engine",
    fund: str = "MATH-2024",
    source: str = "aws",
    service: str = "EC2",
) -> BillingLine:
    """A billing line."""
    amount = Decimal(billed)
    return BillingLine(
        period="2025-01",
        pi=pi,
        project=project,
        fund=fund,
        source=source,
        service=service,
        charges=1,
        exact_list=amount,
        exact_billed=amount,
        amounts=Amounts(list=amount, billed=amount),
    )


LINES = [
    line("12.50"),
    line("1200.05", project="ward", fund="PH-2023-7", service="S3"),
    line("-3.10", project="ward", fund="PH-2023-7", source="hpc"),
    line("0.00", project="ward", fund="PH-2023-7", source="hpc", service="GPU"),
    line("0.01", source="hpc", fund="oddly named fund"),
]


def journal(
    lines: Sequence[BillingLine] = LINES,
    config: Config = CONFIG,
    describe: Callable[[JournalLine], str] | None = None,
    date: dt.date = dt.date(2025, 1, 31),
) -> Journal:
    """The journal of billing lines, with descriptions."""
    numbers = {
        (one.pi, one.project): f"2025-01-{hashlib.sha256(one.project.encode()).hexdigest()[:10]}" for one in lines
    }
    made = journal_of("2025-01", date, lines, numbers, lambda _: config)
    return with_descriptions(made, describe or describer(config, ENV))


def month(
    made: Journal,
    config: Config = CONFIG,
    own: Mapping[str, Profile] | None = None,
    env: Templates = ENV,
    state: State = State.CLOSED,
    revision: int = 1,
) -> Month:
    """A month with this journal; a closed one has the documents of the formats in its settings."""
    closed = state is not State.OPEN
    period = SummedPeriod(
        period="2025-01",
        state=state,
        revision=revision,
        closed_on=dt.date(2025, 2, 3) if closed else None,
        closed_by="admin",
        finalized_on=None,
        accounting_date=dt.date(2025, 1, 31),
        currency=config.currency,
        sources=(),
        files=(),
        lines=(),
        queue=(),
        flags=(),
        decisions=(),
    )
    found = Month(period=period, journal=made, config=config, own=own or {}, env=env)
    if not closed:
        return found
    profiles = [profile_of(name, found.own) for name in config.journal.formats]
    return replace(found, period=replace(period, documents=assigned_documents(found, profiles)))


def files(
    lines: Sequence[BillingLine] = LINES,
    config: Config = CONFIG,
    describe: Callable[[JournalLine], str] | None = None,
    **given: Any,
) -> dict[str, bytes]:
    """The files of a month by name, with its control totals."""
    found = month(journal(lines, config, describe), config, **given)
    made = month_files(found)
    return {**{file.name: file.data for file in made}, name_of(found.period): control_totals(found, made)}


def in_format(
    name: str,
    lines: Sequence[BillingLine] = LINES,
    config: Config = CONFIG,
    describe: Callable[[JournalLine], str] | None = None,
    **given: Any,
) -> list[JournalFile]:
    """The files in one format alone."""
    only = replace(config, journal=replace(config.journal, formats=(name,)))
    found = month(journal(lines, only, describe), only, **given)
    return format_files(found, profile_of(name, found.own))


def own_profile(name: str, text: str) -> dict[str, Profile]:
    """A profile of a ledger."""
    profile, problems = read_profile(text.encode(), f"templates/journals/{name}.yaml")
    assert problems == []
    assert profile is not None
    return {name: profile}


def own_template(tmp_path: Path, text: str, name: str = "banner", **keys: str) -> dict[str, Any]:
    """What `files` needs for a format of one's own with this template: config, own, env."""
    folder = tmp_path / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "own.txt").write_text(text, encoding="utf-8")
    of_file = {"extension": "txt", "template": "own.txt", **keys}
    profile = {"label": "Own", "sign": "signed", "files": [of_file]}
    return {
        "config": replace(CONFIG, journal=replace(CONFIG.journal, formats=("detail", "summary", "gl", name))),
        "own": own_profile(name, json.dumps(profile)),
        "env": make_environment(folder),
    }


def table(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file with a heading."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))
