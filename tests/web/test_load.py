"""Many people at once: no request is lost, and nobody sees what is another's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from office import Browser, Office

PEOPLE, CLICKS = 50, 20


def test_fifty_people_who_click_at_once_all_get_their_pages(shared_office: Office) -> None:
    first = {user: shared_office.browser(user) for user in ("pia", "vera")}
    pages = {user: browser.follow("/index.html").text for user, browser in first.items()}
    assert pages["pia"] != pages["vera"]

    def person(number: int) -> list[bool]:
        user = ("pia", "vera")[number % 2]
        browser = Browser(shared_office.port, dict(first[user].cookies))
        found = [browser.get("/index.html") for _ in range(CLICKS)]
        return [each.status == 200 and each.text == pages[user] for each in found]

    with ThreadPoolExecutor(PEOPLE) as crowd:
        answers = [each for found in crowd.map(person, range(PEOPLE)) for each in found]
    assert len(answers) == PEOPLE * CLICKS
    assert all(answers)


def test_many_logins_at_once_are_answered_one_after_the_other(shared_office: Office) -> None:
    """Each check of a password takes 64 MB, so few run at the same time."""
    with ThreadPoolExecutor(PEOPLE) as crowd:
        browsers = list(crowd.map(lambda _: shared_office.browser("vera"), range(PEOPLE)))
    assert len({each.cookies["openchargeback"] for each in browsers}) == PEOPLE
