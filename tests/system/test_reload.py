"""SIGHUP: keys, CORS and limits are read again, and no stream is dropped for it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Connection, Server, assert_problem, wait_until
from tokens import SECRET, bearer, hs256, token

Start = Callable[..., Server]
PAGE = "https://app.example"
OTHER_SECRET = b"a secret that came later, and is long enough too"
IN_FORCE = "read again, and is in force"


def hang_up(server: Server, said: str = IN_FORCE) -> list[str]:
    """Sends SIGHUP, and waits for what the log says of it. Returns the lines that came."""
    before = len(server.log.all)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: [line for line in server.log.all[before:] if said in line], f"the log to say {said!r}")
    return server.log.all[before:]


def allowed_origin(server: Server) -> str | None:
    return server.request("GET", "/healthz", headers={"Origin": PAGE})["Access-Control-Allow-Origin"]


def test_limits_and_origins_change_and_a_stream_misses_nothing(server: Start, tmp_path: Path) -> None:
    config = tmp_path / "progressd.toml"
    config.write_text(f'max-body-bytes = 1000\ncors-origin = ["{PAGE}"]\n')
    running = server("--config", str(config))
    assert allowed_origin(running) == PAGE
    job = running.external(total=100)
    stream = running.follow(job, headers={"Origin": PAGE})
    assert stream.next().type == "snapshot"
    assert_problem(running.request("POST", "/v1/jobs", {"message": "m" * 2_000}), 413)
    running.patch(job, done=1)

    config.write_text('max-body-bytes = 5000\ncors-origin = ["https://other.example"]\nmax-jobs = 2\nkeepalive = "3s"\n')
    hang_up(running)
    running.patch(job, done=2)
    assert [event.json["done"] for event in stream.take(2)] == [1, 2]
    assert allowed_origin(running) is None
    # Also where many share the head of their stream.
    refused = running.follow(job, headers={"Origin": PAGE})
    assert refused.head["Access-Control-Allow-Origin"] is None
    running.create(runner="external", message="m" * 2_000)
    assert_problem(running.request("POST", "/v1/jobs", {"runner": "external"}), 503)  # the third job
    limits = running.stats()["limits"]
    assert (limits["maxBodyBytes"], limits["maxJobs"], limits["keepalive"]) == (5_000, 2, 3_000)


def test_a_header_goes_by_the_new_limit_on_connections_old_and_new(server: Start, tmp_path: Path) -> None:
    config = tmp_path / "progressd.toml"
    config.write_text('max-header-bytes = "1KiB"\n')
    running = server("--config", str(config))
    job = running.external()
    for _ in range(3):  # what these leave behind is used again
        with running.stream(f"/v1/jobs/{job['id']}/events") as stream:
            assert stream.status == 200
    large = {"X-Large": "x" * 4_000}

    def answered(connection: Connection) -> int:
        return connection.request("GET", "/healthz", large).status

    for limit, status in (("16KiB", 200), ("2KiB", 431)):
        old = [running.connect() for _ in range(3)]
        assert {connection.request("GET", "/healthz").status for connection in old} == {200}
        config.write_text(f'max-header-bytes = "{limit}"\n')
        hang_up(running)
        fresh = [running.connect() for _ in range(6)]
        assert [answered(connection) for connection in old + fresh] == [status] * 9
        for connection in old + fresh:
            connection.close()


def test_history_and_retention_go_by_the_new_limits(server: Start, tmp_path: Path) -> None:
    config = tmp_path / "progressd.toml"
    config.write_text('history-events = 100\nretain-finished = "1h"\n')
    running = server("--config", str(config), "--journal", f"sqlite:{tmp_path}/journal")
    job, over = running.external(total=100), running.external()
    running.patch(over, state="completed")
    first = running.patch(job, done=1)["eventId"]
    for done in range(2, 6):
        running.patch(job, done=done)
    config.write_text('history-events = 2\nretain-finished = "10ms"\nmax-jobs = 1\n')
    hang_up(running)
    wait_until(lambda: running.request("GET", f"/v1/jobs/{over['id']}").status == 404, "the job to be forgotten")
    last = running.patch(job, done=6)["eventId"]
    assert running.follow(job, last_event_id=first).next().type == "gap"
    running.patch(job, done=7)
    assert running.follow(job, last_event_id=last).next().json["done"] == 7
    assert_problem(running.request("POST", "/v1/jobs", {"runner": "external"}), 503)


def test_a_key_is_rotated(server: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    running = server("--jwt-secret-file", str(secret), "--create-rate", "0")
    old, new = bearer(token("ann")), bearer(token("ann", sign=hs256(OTHER_SECRET)))
    external = {"runner": "external", "total": 9}
    job = running.request("POST", "/v1/jobs", external, headers=old).json()
    ticket = running.request("POST", "/v1/tickets", headers=old).json()["ticket"]
    stream = running.follow(job, headers=old)
    assert stream.next().type == "snapshot"

    secret.write_bytes(OTHER_SECRET)
    assert running.request("GET", f"/v1/jobs/{job['id']}", headers=old).status == 200, "not before it is told"
    hang_up(running)
    assert running.request("GET", f"/v1/jobs/{job['id']}", headers=old).status == 401, "it was remembered as good"
    assert running.request("GET", f"/v1/jobs/{job['id']}", headers=new).status == 200
    assert running.request("GET", f"/v1/events?owner=me&ticket={ticket}").status == 401
    # Who follows already is asked again.
    assert stream.rest() == []
    assert not stream.cut and stream.parser.comments[-1] == "token expired"


@pytest.mark.parametrize("change", ["key", "issuer"])
def test_streams_end_whose_tokens_are_no_longer_accepted(server: Start, tmp_path: Path, change: str) -> None:
    for name, secret in (("old", SECRET), ("new", OTHER_SECRET), ("tickets", SECRET)):
        (tmp_path / name).write_bytes(secret)
    config = tmp_path / "progressd.toml"
    tickets = f'ticket-secret-file = "{tmp_path}/tickets"\n'
    config.write_text(f'jwt-secret-file = "{tmp_path}/old"\n{tickets}')
    running = server("--config", str(config))
    old = bearer(token("ann"))
    ticket = running.request("POST", "/v1/tickets", headers=old).json()["ticket"]
    streams = [running.stream("/v1/events?owner=me", headers=old)]
    streams.append(running.stream(f"/v1/events?owner=me&ticket={ticket}"))
    unused = running.request("POST", "/v1/tickets", headers=old).json()["ticket"]
    settings = {"key": f'jwt-secret-file = "{tmp_path}/new"\n',
                "issuer": f'jwt-secret-file = "{tmp_path}/old"\njwt-issuer = "us"\n'}  # fmt: skip
    config.write_text(settings[change] + tickets)
    hang_up(running)
    for stream in streams:
        assert stream.rest() == []
        assert not stream.cut and stream.parser.comments[-1] == "token expired"
    assert running.request("GET", f"/v1/events?owner=me&ticket={unused}").status == 401


def test_tickets_stay_good_where_the_key_is_the_same(server: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    running = server("--jwt-secret-file", str(secret))
    ticket = running.request("POST", "/v1/tickets", headers=bearer(token("ann"))).json()["ticket"]
    hang_up(running)
    assert running.stream(f"/v1/events?owner=me&ticket={ticket}").status == 200
    assert running.request("GET", f"/v1/events?owner=me&ticket={ticket}").status == 401, "it is used up"


@pytest.mark.parametrize("wrong", ['max-body-bytes = "many"', "no toml at all", "no-such-flag = 1",
                                   'jwt-secret-file = "/not/there"'])  # fmt: skip
def test_a_bad_file_changes_nothing(server: Start, tmp_path: Path, wrong: str) -> None:
    config = tmp_path / "progressd.toml"
    config.write_text("max-body-bytes = 1000\nmax-jobs = 7\n")
    running = server("--config", str(config))
    stream = running.stream("/v1/events?all=true")
    config.write_text(f"max-jobs = 8\n{wrong}\n")
    hang_up(running, "everything stays as it was")
    assert running.stats()["limits"]["maxJobs"] == 7
    job = running.external()
    assert json.loads(stream.next().data)["id"] == job["id"]


def test_what_can_not_change_is_named_and_stays(server: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    config = tmp_path / "progressd.toml"
    config.write_text("max-jobs = 7\n")
    running = server("--config", str(config))
    changed: dict[str, Any] = {"max-jobs": 8, "journal": f"sqlite:{tmp_path}/journal", "job-threads": 33,
                               "jwt-secret-file": str(secret), "insecure": True}  # fmt: skip
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in changed.items()))
    said = "\n".join(hang_up(running))
    for flag in ("--journal", "--job-threads", "--auth", "--insecure"):
        assert f"{flag} can't change while the server runs: restart for it" in said
    for flag in ("--listen", "--watch", "--durability"):
        assert flag not in said
    assert running.stats()["limits"]["maxJobs"] == 8
    assert running.external()["owner"] == "anonymous"
    assert not (tmp_path / "journal").exists()


def test_hosts_change_where_auth_is_off(server: Start, tmp_path: Path) -> None:
    config = tmp_path / "progressd.toml"
    config.write_text("max-jobs = 7\n")
    running = server("--config", str(config))

    def status() -> int:
        return running.request("GET", "/v1/jobs", headers={"Host": "inside.example"}).status

    assert status() == 421
    config.write_text('allow-host = ["inside.example"]\n')
    hang_up(running)
    assert status() == 200


def test_rules_and_rates_change_where_auth_is_on(server: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    config = tmp_path / "progressd.toml"
    config.write_text("max-streams-per-user = 1\n")
    running = server("--config", str(config), "--jwt-secret-file", str(secret))
    ann = token("ann", "jobs:report", lives=None)
    query, header = f"?access_token={ann}", bearer(ann)
    external = {"runner": "external", "total": 1_000}
    job = running.request("POST", "/v1/jobs", external, headers=header).json()["id"]
    for done in (1, 2):
        assert running.request("PATCH", f"/v1/jobs/{job}", {"done": done}, headers=header).status == 200
    assert running.stream("/v1/events?owner=me", headers=header).status == 200
    assert running.request("GET", "/v1/events?owner=me", headers=header).status == 429
    assert running.request("GET", f"/v1/jobs{query}").status == 200

    config.write_text("no-query-token = true\nmax-jobs-per-user = 1\nmax-streams-per-user = 2\nreport-rate = 1\n")
    hang_up(running)
    assert running.request("GET", f"/v1/jobs{query}").status == 401
    assert running.stream("/v1/events?owner=me", headers=header).status == 200
    assert running.request("GET", "/v1/events?owner=me", headers=header).status == 429
    assert_problem(running.request("POST", "/v1/jobs", external, headers=header), 429, "--max-jobs-per-user")
    reports = [running.request("PATCH", f"/v1/jobs/{job}", {"done": 3}, headers=header).status for _ in range(30)]
    assert 429 in reports

    config.write_text("jwt-require-exp = true\n")
    hang_up(running)
    assert running.request("GET", "/v1/jobs", headers=header).status == 401
