"""The dashboard where a token is asked for: signing in and out, what one may see, and a token that ends."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from dashboard_browser import Dashboard
from harness import Server, sanitized
from tokens import SECRET, bearer, hs256, token

LEEWAY = 30  # seconds that a token is accepted for after its `exp`
SOON = 20 if sanitized() else 5  # seconds, in which one can sign in
Secured = Callable[..., Server]


@pytest.fixture
def secured(server: Any, tmp_path: Path) -> Secured:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    return lambda *flags, **options: server("--jwt-secret-file", str(secret), *flags, **options)


def create(server: Server, user: str, job: str) -> None:
    answer = server.request("POST", "/v1/jobs", {"runner": "external", "id": job}, headers=bearer(token(user)))
    assert answer.status == 201, answer


def sign_in(dashboard: Dashboard, text: str) -> None:
    dashboard.wait_for_shown("#sign-in")
    dashboard.fill("#token", text)
    dashboard.click("#sign-in-button")
    dashboard.wait("document.getElementById('sign-in').hidden")
    dashboard.wait_for_connection("live")
    dashboard.wait("document.getElementById('loading').hidden")


def test_a_user_sees_their_own_jobs(secured: Secured, dashboard: Dashboard) -> None:
    running = secured()
    create(running, "ada", "of-ada")
    create(running, "eve", "of-eve")
    dashboard.open(running, live=False)
    sign_in(dashboard, "  Bearer " + token("ada") + "\n")  # as it is copied from somewhere
    assert dashboard.rows() == ["of-ada"]
    assert dashboard.text("#user-name") == "ada" and dashboard.focused() == "jobs-title"
    assert dashboard.text("#follow-command") == ""
    create(running, "eve", "of-eve-2")
    create(running, "ada", "of-ada-2")
    dashboard.wait_for_row("of-ada-2")
    assert dashboard.rows() == ["of-ada-2", "of-ada"]
    # What is done with the token works, too.
    dashboard.click('[data-id="of-ada"] .act')
    dashboard.wait_for_row("of-ada", "cancelled")
    dashboard.check_console(401)


def test_a_user_who_may_not_report_is_told_so(secured: Secured, dashboard: Dashboard) -> None:
    dashboard.open(secured(), live=False)
    sign_in(dashboard, token("ada"))
    dashboard.click('.starts [data-start="external"]')
    dashboard.wait_for_text("#toasts", "Reporting takes the scope jobs:report")
    [job] = dashboard.rows()
    dashboard.wait_for_row(job, "cancelled")
    dashboard.check_console(401, 403)


def test_an_administrator_sees_everything(secured: Secured, dashboard: Dashboard) -> None:
    running = secured()
    create(running, "ada", "of-ada")
    create(running, "eve", "of-eve")
    dashboard.open(running, live=False)
    sign_in(dashboard, token("root", "jobs:admin"))
    assert set(dashboard.rows()) == {"of-ada", "of-eve"}
    dashboard.eval("void (location.hash = '#/streams')")
    dashboard.wait_for_text("#streams-rows", "root")
    dashboard.eval("void (location.hash = '#/figures')")
    dashboard.wait("/[0-9]/.test(document.querySelector('#cards [data-figure=memory] .card-value').textContent)")
    dashboard.check_console(401)


def claims_shown(dashboard: Dashboard) -> list[str]:
    return [dashboard.text(f"#token-{what}") for what in ("user", "scopes", "expiry")]


def test_a_token_is_read_before_it_is_sent(secured: Secured, dashboard: Dashboard) -> None:
    dashboard.open(secured(), live=False)
    dashboard.wait_for_shown("#sign-in")
    dashboard.fill("#token", token("ada", "jobs:report jobs:admin", lives=7_200))
    dashboard.wait_for_shown("#token-claims")
    assert claims_shown(dashboard)[:2] == ["ada", "jobs:report, jobs:admin"]
    assert re.search(r", in (1 h [0-9]+ min|2 h)$", claims_shown(dashboard)[2])
    dashboard.fill("#token", token("ünïque ☃", lives=None))
    assert claims_shown(dashboard) == ["ünïque ☃", "none: your own jobs", "never"]
    dashboard.fill("#token", "no token")
    dashboard.wait("document.getElementById('token-claims').hidden")
    dashboard.check_console(401)


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        (token("ada", sign=hs256(b"another secret of at least 32 bytes")), "refused"),
        (token("ada", lives=-120), "refused"),
        ("nonsense", "refused"),
        ("two words", "no token"),
        ("schlüssel", "no token"),
        ("", "Paste a token first"),
    ],
    ids=["forged", "expired", "nonsense", "words", "letters", "nothing"],
)
def test_a_token_that_is_none_is_refused_with_a_reason(
    secured: Secured, dashboard: Dashboard, pasted: str, why: str
) -> None:
    dashboard.open(secured(), live=False)
    dashboard.wait_for_shown("#sign-in")
    dashboard.fill("#token", pasted)
    dashboard.click("#sign-in-button")
    dashboard.wait_for_text("#sign-in-why", why)
    assert dashboard.eval("document.getElementById('token').getAttribute('aria-invalid')") == "true"
    assert dashboard.focused() == "token" and dashboard.is_shown("#sign-in")
    dashboard.check_console(401)


def test_a_token_that_ends_asks_for_another_and_keeps_the_list(secured: Secured, dashboard: Dashboard) -> None:
    running = secured()
    create(running, "ada", "of-ada")
    dashboard.open(running, live=False)
    # It ends some seconds from now, as the server sees it: the leeway is over by then.
    sign_in(dashboard, token("ada", exp=int(time.time()) - LEEWAY + SOON, lives=None))
    assert dashboard.rows() == ["of-ada"]
    dashboard.wait_for_shown("#sign-in")
    dashboard.wait_for_text("#sign-in-why", "Your token expired at")
    assert dashboard.is_shown("#grid") and dashboard.rows() == ["of-ada"]
    assert dashboard.text("#connection-word") == "Signed out" and not dashboard.is_shown("#notice")
    dashboard.check_look("expired")
    create(running, "ada", "of-ada-2")
    dashboard.eval("void (document.querySelector('[data-id=of-ada]').dataset.kept = 'yes')")
    sign_in(dashboard, token("ada"))
    dashboard.wait_for_row("of-ada-2")
    assert dashboard.eval("document.querySelector('[data-id=of-ada]').dataset.kept") == "yes", "it went on where it was"
    dashboard.check_console(401)


def test_the_next_user_sees_nothing_of_the_one_before(secured: Secured, dashboard: Dashboard) -> None:
    running = secured()
    create(running, "ada", "of-ada")
    create(running, "eve", "of-eve")
    dashboard.open(running, live=False)
    sign_in(dashboard, token("ada"))
    dashboard.eval("void (location.hash = '#/jobs/of-ada')")
    dashboard.wait_for_shown("#job-shown")
    dashboard.click("#sign-out")
    dashboard.wait_for_shown("#sign-in")
    assert dashboard.eval("sessionStorage.length") == 0 and not dashboard.is_shown("#user")
    assert dashboard.rows() == [] and dashboard.text("#job-facts") == "", "nothing is left in the page"
    dashboard.eval("void (location.hash = '#/')")
    sign_in(dashboard, token("eve"))
    assert dashboard.rows() == ["of-eve"]
    dashboard.do("reload")
    dashboard.wait_for_row("of-eve")  # the tab keeps the token
    dashboard.check_console(401)


def test_another_user_after_a_token_ended_sees_their_own_jobs(secured: Secured, dashboard: Dashboard) -> None:
    running = secured()
    create(running, "ada", "of-ada")
    create(running, "eve", "of-eve")
    dashboard.open(running, live=False)
    sign_in(dashboard, token("ada", exp=int(time.time()) - LEEWAY + SOON, lives=None))
    dashboard.wait_for_shown("#sign-in")
    dashboard.fill("#token", token("eve"))
    dashboard.click("#sign-in-button")
    dashboard.wait_for_row("of-eve")
    assert dashboard.rows() == ["of-eve"] and dashboard.text("#user-name") == "eve"
    dashboard.check_console(401)


def test_a_cookie_signs_in_as_well(secured: Secured, dashboard: Dashboard) -> None:
    running = secured()
    create(running, "ada", "of-ada")
    create(running, "eve", "of-eve")
    dashboard.open(running, live=False)
    dashboard.wait_for_shown("#sign-in")
    dashboard.do("cookie", origin=running.url, name="progressd_token", value=token("ada"))
    dashboard.do("reload")
    dashboard.wait_for_row("of-ada")
    assert dashboard.rows() == ["of-ada"] and not dashboard.is_shown("#sign-in")
    dashboard.eval("void (location.hash = '#/figures')")
    dashboard.wait_for_shown("#figures-forbidden")
    dashboard.eval("void (location.hash = '#/streams')")
    dashboard.wait_for_shown("#streams-forbidden")
    dashboard.check_console(401, 403)


def test_a_jobs_page_is_there_after_signing_in(secured: Secured, dashboard: Dashboard) -> None:
    running = secured()
    create(running, "ada", "of-ada")
    dashboard.open(running, "/#/jobs/of-ada", live=False)
    sign_in(dashboard, token("ada"))
    dashboard.wait_for_shown("#job-shown")
    assert '"Authorization: Bearer $TOKEN"' in dashboard.text("#follow-command")
    dashboard.check_console(401)
