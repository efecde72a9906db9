"""Credits by form: the file and the commit that the command line makes, and what cannot be credited."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import office
import proposing
import pytest
from office import Answer, Office
from playwright import sync_api as playwright

from needed import needs
from programs import find
from repository import HEAD, Repository, row

REASON = 'billed twice, "REQ-142"'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """January, closed, with three charges of two PIs; February and March, open."""
    made = office.ledger(tmp_path_factory.mktemp("credits") / "ledger")
    made.write(
        "config.yaml",
        "organization: Test University\nsources: {aws: {credit_fund: C-1}}\nweb: {approve: second-person}\n",
    )
    made.write(
        "charges/2025-01/aws.csv", HEAD + row("12.345") + row("1.005", "r2") + row("7", "r3", pi="ben@example.edu")
    )
    made.commit(message="January")
    made.run("periods", "close", "2025-01", "--on", "2025-02-03", "--by", "me")
    for month in ("2025-02", "2025-03"):
        made.write(f"charges/{month}/aws.csv", HEAD + row("5", month=month))
    made.commit(message="Close January")
    return made


@pytest.fixture(scope="module")
def served(made: Repository) -> Iterator[Office]:
    """The ledger, served."""
    with office.served(made.root) as found:
        yield found


def charge(made: Repository, resource: str) -> str:
    """The id of the charge of a resource: what `review credit` writes, and does not keep."""
    options = ("--period", "2025-02", "--of", "2025-01", "--resource", resource, "--reason", "x", "--by", "me")
    made.run("review", "credit", *options)
    path = made.root / "approvals/2025-02/credit-2025-01.yaml"
    text = path.read_text("utf-8")
    shutil.rmtree(path.parents[1])
    return text.partition('charges: ["')[2].partition('"')[0]


def sent(served: Office, user: str = "rita", **fields: str) -> Answer:
    """The page of the draft that the form makes."""
    form = {"of": "2025-01", "period": "2025-02", "reason": REASON, **fields}
    browser = served.browser(user)
    return browser.follow(browser.post("/web/credit", **form).location)


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize(
    ("options", "form"),
    [
        (("--charge", "{r1}"), {"charge": "{r1}\r\n"}),
        pytest.param(("--resource", "r1", "--resource", "r2"), {"resource": "r1\r\nr2"}, marks=pytest.mark.slow),
        pytest.param(("--charge", "{r3}", "--project", "p1", "--source", "AWS"),
         {"charge": "{r3}", "project": "p1", "source": "AWS"}, marks=pytest.mark.slow),
        (("--resource", "r3", "--set-pi", "ada@example.edu", "--set-fund", "F-9"),
         {"resource": "r3", "set_pi": "ada@example.edu", "set_fund": "F-9"}),
    ],
    ids=["charge", "resources", "all-of-a-source", "billed-again"],
)  # fmt: skip
def test_a_credit_is_the_same_file_as_on_the_command_line(
    made: Repository, served: Office, options: tuple[str, ...], form: dict[str, str]
) -> None:
    ids = {name: charge(made, name) for name in ("r1", "r3")}
    draft = sent(served, **{name: value.format(**ids) for name, value in form.items()})
    assert "Nothing is in the ledger yet." in draft.words, draft.words
    branch = proposing.commit(served.browser("rita"), draft)
    assert branch == "review/2025-02-credit-2025-01"
    made.run(
        "review", "credit", "--period", "2025-02", "--of", "2025-01", *(each.format(**ids) for each in options),
        "--reason", REASON, "--by", "rita@example.edu",
    )  # fmt: skip
    path = "approvals/2025-02/credit-2025-01.yaml"
    assert made.git("diff", "--name-status", "main", branch) == f"A\t{path}"
    assert made.git("show", f"{branch}:{path}").encode() + b"\n" == (made.root / path).read_bytes()
    shutil.rmtree(made.root / "approvals")
    made.git("branch", "-D", branch)


def test_the_draft_says_what_is_taken_back_and_the_plan_has_it(served: Office) -> None:
    draft = sent(served, resource="r1\nr3")
    assert "Credit 2 charges of January 2025. Nothing is in the ledger yet." in draft.words
    assert "USD 12.35 of 2025-01-" in draft.words
    assert "(ben@example.edu, p1): 1 charge." in draft.words
    assert "\N{MINUS SIGN}12.35" in draft.words


@pytest.mark.slow
def test_what_cannot_be_credited_is_refused_and_the_form_is_kept(made: Repository, served: Office) -> None:
    one = charge(made, "r1")
    for form, told in (
        ({}, "no charges selected"),
        ({"charge": "r1"}, "r1 is not a charge id; write it like 7f3a9c21d0b41e66"),
        ({"charge": "0123456789abcdef"}, "0123456789abcdef matches no charge of 2025-01"),
        ({"statement": "2025-01-none"}, "2025-01 has no statement 2025-01-none"),
        ({"project": "p2"}, "nothing billed in 2025-01 matches"),
        ({"charge": one, "period": "2025-01"}, "only an open period accepts decisions"),
        ({"charge": one, "of": "2025-02"}, "2025-02 is open: decide its charges in the queue. Review"),
        ({"charge": one, "of": "../../x"}, "has no period"),
        ({"charge": one, "period": ""}, "choose the month of the charges"),
        ({"charge": one, "reason": " "}, "reason"),
        ({"charge": one, "set_pi": "nobody"}, "is not an email address"),
    ):
        got = sent(served, **form)
        assert told in got.words, (form, got.words)
        assert "/commit" not in got.text
        assert not re.search(r"focus-billing|--\w", got.words), got.words
    got = sent(served, charge=one, resource="none", set_fund="F-9")
    back = got.text.partition('<p><a href="')[2].partition('"')[0].replace("&amp;", "&")
    kept = served.browser("rita").get(f"/web/{back.removeprefix('../')}")
    assert one in kept.text
    assert 'name="set_fund" value="F-9"' in kept.text
    assert '<option value="2025-02" selected>' in kept.text


def test_a_form_that_no_address_can_hold_leads_back_to_an_empty_one(served: Office) -> None:
    got = sent(served, resource="\n".join(f"i-{number:06}" for number in range(10_000)))
    assert "nothing billed in 2025-01 matches" in got.words
    assert '<p><a href="../credit">' in got.text


@pytest.mark.slow
@needs("chromium")
def test_an_open_charge_of_a_closed_month_leads_to_the_form(made: Repository, served: Office) -> None:
    one = charge(made, "r1")
    rita = served.browser("rita")
    assert rita.follow("/index.html").status == 200
    expect = playwright.expect
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        page = chromium.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{served.address}/web/login?next=/charges/2025-01/index.html")
        page.get_by_label("User name").fill("rita")
        page.get_by_label("Password").fill(office.PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/charges/2025-01/index.html")
        page.goto(f"{served.address}/charges/2025-01/index.html#c={one}")
        page.get_by_role("link", name="Credit this charge").click()
        expect(page.get_by_label("Month of the charges")).to_have_value("2025-01")
        expect(page.get_by_label("Charges, one id per line")).to_have_value(one)
        page.get_by_label("Open month that carries the credit").select_option("2025-02")
        page.get_by_label("Reason").fill("billed twice")
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_text("Credit 1 charge of January 2025.")).to_be_visible(timeout=60_000)
        page.goto(f"{served.address}/charges/2025-02/index.html")
        page.get_by_role("link", name="r1").first.click()
        expect(page.get_by_role("heading", name="In the charge file")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("link", name="Credit this charge")).to_have_count(0)
        page.goto(f"{served.address}/review/index.html")
        expect(page.get_by_role("link", name="Credit charges of a closed month")).to_be_visible(timeout=60_000)
        chromium.close()


@pytest.mark.slow
def test_a_second_person_sees_that_a_branch_credits_the_charge(made: Repository, served: Office) -> None:
    one = charge(made, "r1")
    branch = proposing.commit(served.browser("rita"), sent(served, charge=one))
    got = sent(served, "rob", resource="r1", period="2025-03")
    assert f"{one}: rita@example.edu credits it on the branch {branch} ({REASON})" in got.words
    assert "Nothing is in the ledger yet." in sent(served, "rob", resource="r3").words
    proposing.approve(served.browser("rob"), branch)
    assert made.run("validate").returncode == 0
    got = sent(served, "rob", charge=one, period="2025-03")
    assert f"{one} was already credited in 2025-02" in got.words
