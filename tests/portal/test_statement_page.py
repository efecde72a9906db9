"""The statement as a page of the portal, and the plans of all statements of a site."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import factory
import pytest
import statement_cases as cases

from openchargeback import money
from openchargeback.model import BilledPeriod, Statement
from openchargeback.portal import paths
from openchargeback.portal.pdf_pool import render_job
from openchargeback.portal.site import Site, site_jobs
from openchargeback.portal.statements import statement_jobs, statement_pdfs
from openchargeback.templating.environment import make_environment
from openchargeback.templating.filters import relative


class OneCharge:
    """Every statement has a single charge, about which nothing is said."""

    def key(self, _period: BilledPeriod, statement: Statement) -> str:
        return statement.number

    def rows(self, _period: BilledPeriod, _statement: Statement) -> str:
        return "\r\n"


CHARGES = OneCharge()


def with_cases(leave_out: Collection[str] = (), **changes: Any) -> Site:
    """An invented site whose last month has every kind of statement, each of a project of its own."""
    site = factory.site(months=3)
    last = site.periods[-1]
    own = tuple(
        dataclasses.replace(make(), period=last.period, project=dataclasses.replace(make().project, id=name))
        for name, make in cases.CASES.items()
        if name not in leave_out
    )
    last = dataclasses.replace(last, statements=(*last.statements, *own))
    changed: dict[str, Any] = {
        "config": cases.config(),
        "logo": cases.LOGO,
        "periods": (*site.periods[:-1], last),
        **changes,
    }
    return dataclasses.replace(site, **changed)


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {job.path: job.render().decode() for job in statement_jobs(with_cases(), make_environment())}


@pytest.mark.parametrize("name", cases.CASES)
def test_a_page_says_who_what_and_how_much(pages: dict[str, str], name: str) -> None:
    of = cases.CASES[name]()
    text = html.unescape(pages[f"statements/2024-03/{of.pi.email}/{name}.html"])
    due = of.shown if of.only_shown else of.amounts
    for words in (of.number, of.pi.name, of.project.title, money.human(due.billed, "USD"), of.digest[:16]):
        assert words in text
    assert ("the period is open" in text) == of.draft


def test_links_lead_to_pages_that_exist(pages: dict[str, str]) -> None:
    # The invented months have no charges of the source that is only shown.
    site, env = with_cases(("only-shown", "mixed")), make_environment()
    pages = {path: text for path, text in pages.items() if not path.endswith(("only-shown.html", "mixed.html"))}
    files = (
        {job.path for job in site_jobs(site, env)}
        | set(pages)
        | {plan.path for plan in statement_pdfs(site, env, CHARGES)}
        | {paths.DATA, *(paths.charges_page(period.period) for period in site.periods)}
    )
    for page, text in pages.items():
        for target in re.findall(r'(?:href|src)="([^"#]+)', text):
            if not target.startswith(("mailto:", "data:", "https:")):
                path = Path("/", page).parent.joinpath(html.unescape(target))
                parts: list[str] = []
                for part in path.parts[1:]:
                    parts = parts[:-1] if part == ".." else [*parts, part]
                assert "/".join(parts) in files, (page, target)


def test_a_page_leads_to_its_pdf_pi_project_and_period(pages: dict[str, str]) -> None:
    text = pages["statements/2024-03/lovelace@example.edu/normal.html"]
    page = "statements/2024-03/lovelace@example.edu/normal.html"
    targets = (
        "statements/2024-03/lovelace@example.edu/2024-03_normal_2025-01-3f9a1c22b7.pdf",
        paths.pi_page("lovelace@example.edu"),
        paths.project_page("normal"),
        paths.period_page("2024-03"),
    )
    for target in targets:
        assert f'href="{relative(page, target)}"' in text


def test_hostile_names_stay_text() -> None:
    jobs = statement_jobs(factory.site(months=2, hostile=True), make_environment())
    assert len({job.path.casefold() for job in jobs}) == len(jobs)
    for job in jobs:
        text = job.render().decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "javascript:" not in re.sub(r">[^<]*<", "><", text)


def test_plans_have_the_same_keys_each_time_and_others_for_other_figures() -> None:
    site, env = with_cases(), make_environment()
    plans = statement_pdfs(site, env, CHARGES, period="2024-03")
    keys = {plan.path: plan.key for plan in plans}
    assert keys == {
        plan.path: plan.key for plan in statement_pdfs(with_cases(), make_environment(), CHARGES, period="2024-03")
    }
    assert len(set(keys.values())) == len(keys)
    paper = dataclasses.replace(cases.config().statements, paper="letter")
    on_letter = with_cases(config=dataclasses.replace(cases.config(), statements=paper))
    letter = {plan.path: plan.key for plan in statement_pdfs(on_letter, env, CHARGES)}
    other = {plan.path: plan.key for plan in statement_pdfs(with_cases(logo=None), env, CHARGES)}
    assert not set(keys.values()) & {*letter.values(), *other.values()}


def test_a_later_month_changes_no_earlier_statement() -> None:
    env = make_environment()
    short, long = factory.site(months=3, last_open=False), factory.site(months=5)
    for plans in (statement_jobs, lambda site, env: statement_pdfs(site, env, CHARGES)):
        later = {plan.path: plan.key for plan in plans(long, env)}
        assert all(later[plan.path] == plan.key for plan in plans(short, env))


def test_a_plan_prints() -> None:
    site = with_cases(logo=b"no logo at all")
    plan = next(plan for plan in statement_pdfs(site, make_environment(), CHARGES) if "_normal_" in plan.path)
    job = plan.job()
    assert job.name == plan.path
    assert "statement:logo" not in job.html
    assert render_job(job).startswith(b"%PDF")


def test_a_template_of_the_ledger_replaces_ours(tmp_path: Path) -> None:
    (tmp_path / "statement.pdf.html").write_text(
        '<html lang="en"><title>x</title><p>Ours: {{ view.pi_name }}</p></html>'
    )
    env = make_environment(tmp_path)
    job = statement_pdfs(with_cases(), env, CHARGES, period="2024-03")[-1].job()
    assert "Ours: " in job.html
    assert render_job(job).startswith(b"%PDF")
