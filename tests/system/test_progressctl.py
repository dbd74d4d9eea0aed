"""progressctl in a pipe: run, watch, list, cancel, top, bench; what it writes, and its exit status."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
from typing import Any

import pytest
from harness import Server, patience
from progressctl import Running, ctl, json_lines


def test_run_follows_its_job_to_the_end(shared: Server) -> None:
    done = ctl("run", "--url", shared.url, "--total", "5", "--step-ms", "20", "--kind", "sum", "--result", '{"a": 1}')
    assert done.returncode == 0 and done.stderr == "", done
    events = json_lines(done.stdout)
    assert events[0]["event"] == "snapshot"
    # On a slow machine the job may be over before it is followed: then the snapshot tells the end.
    assert events[-1]["event"] == ("completed" if len(events) > 1 else "snapshot")
    last = events[-1]["data"]
    assert last["state"] == "completed" and (last["kind"], last["done"], last["result"]) == ("sum", 5, {"a": 1})
    assert all(event["id"] for event in events)


@pytest.mark.parametrize("flags, status, state", [(["--fail-at", "2"], 1, "failed"), ([], 3, "cancelled")])
def test_the_exit_status_tells_the_outcome(shared: Server, flags: list[str], status: int, state: str) -> None:
    with Running("run", "--url", shared.url, "--step-ms", "50", "--total", "400", *flags) as running:
        job = running.event()["data"]
        if state == "cancelled":
            shared.cancel(job)
        assert running.wait() == status
        assert json.loads(running.out.all[-1])["data"]["state"] == state


def test_ctrl_c_cancels_the_job_of_run(shared: Server) -> None:
    with Running("run", "--url", shared.url, "--step-ms", "50", "--total", "100000") as running:
        job = running.event()["data"]
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 3
        assert shared.job(job)["state"] == "cancelled"


def test_ctrl_c_can_leave_the_job_alone(shared: Server) -> None:
    words = ["run", "--url", shared.url, "--runner", "external", "--leave-on-interrupt"]
    with Running(*words) as running:
        job = running.event()["data"]
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 130
        assert shared.job(job)["state"] == "pending"


def test_a_detached_run_writes_the_id(shared: Server) -> None:
    done = ctl("run", "--url", shared.url, "--runner", "external", "--detach", "--idempotency-key", "once")
    again = ctl("run", "--url", shared.url, "--runner", "external", "--detach", "--idempotency-key", "once")
    assert done.returncode == again.returncode == 0
    as_json = ctl("run", "--url", shared.url, "--runner", "external", "--detach", "--json")
    assert len(json_lines(as_json.stdout)) == 1
    assert done.stdout == again.stdout and shared.job(done.stdout.strip())["runner"] == "external"


def test_watch_ends_with_the_last_of_its_jobs(shared: Server) -> None:
    one, other = shared.external(), shared.external()
    with Running("watch", one["id"], other["id"], "--url", shared.url) as running:
        assert {running.event()["data"]["id"], running.event()["data"]["id"]} == {one["id"], other["id"]}
        shared.patch(one, state="completed")
        running.until("completed", id=one["id"])
        shared.patch(other, done=3)
        running.until("progress", id=other["id"], done=3)
        shared.patch(other, state="failed", failedReason="no paper")
        assert running.wait() == 1, "the worst of both"


def test_watch_of_a_kind_sees_jobs_to_come(shared: Server) -> None:
    with Running("watch", "--kind", "night", "--url", shared.url) as running:
        # A stream without a job has nothing to say yet, so wait until the server knows of it.
        first = shared.external(kind="night")
        running.until("snapshot", id=first["id"])
        second = shared.external(kind="night")
        shared.external(kind="day")
        third = shared.external(kind="night")
        assert running.event()["data"]["id"] == second["id"]
        assert running.event()["data"]["id"] == third["id"]
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 128 + signal.SIGTERM


def test_watch_goes_on_across_a_restart(server: Any) -> None:
    first = server()
    old = first.external()
    address = f"127.0.0.1:{first.address[1]}"
    with Running("watch", "--all", "--url", first.url) as running:
        running.until("snapshot", id=old["id"])
        first.stop()
        assert "reconnecting" in (running.err.next() or "")
        second = server(listen=[address])
        new = second.external()
        # The journal was in memory, so what was told before can't be resumed.
        gap = running.until("gap")
        assert gap["id"] is None and gap["data"]["lastEventId"]
        running.until("snapshot", id=new["id"])
        second.patch(new, done=7)
        running.until("progress", id=new["id"], done=7)


def test_a_stream_that_is_cut_is_resumed_without_a_gap(server: Any) -> None:
    running_server = server("--max-stream-age", "400ms")
    job = running_server.external(total=1000)
    with Running("watch", job["id"], "--url", running_server.url) as running:
        seen = [running.event()["data"]["done"]]
        for done in range(1, 4):
            running_server.patch(job, done=done)
            # Several of these come over a connection after the first.
            while seen[-1] < done:
                event = running.event()
                assert event["event"] == "progress", event
                seen.append(event["data"]["done"])
            assert running.err.next()  # it was cut off, and says so
        assert seen == sorted(set(seen)), "nothing twice, nothing missed"
        running_server.patch(job, state="completed")
        assert running.wait() == 0


class ScriptedServer:
    """Answers one connection after the other with what it was given, and keeps what it was asked."""

    def __init__(self, *answers: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._serve, args=(answers,), daemon=True)
        self._thread.start()

    def _serve(self, answers: tuple[bytes, ...]) -> None:
        for answer in answers:
            connection, _ = self._listener.accept()
            with connection:
                self.asked.append(connection.recv(65536).decode())
                for byte in answer:  # each by itself: pieces end anywhere
                    connection.sendall(bytes([byte]))

    def close(self) -> None:
        self._thread.join(patience())
        self._listener.close()


EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def job_event(name: str, number: int, state: str = "active") -> bytes:
    data = json.dumps({"id": "a", "state": state, "done": number, "total": 9})
    return f"event: {name}\r\nid: e-{number}\r\ndata: {data}\r\n\r\n".encode()


def test_a_stream_is_read_as_the_standard_says_and_resumed_from_its_last_whole_event() -> None:
    scripted = ScriptedServer(
        EVENTS + b"retry: 1\n\n: hello\n\n" + job_event("snapshot", 1) + job_event("progress", 2)[:-20],
        b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
        EVENTS + job_event("progress", 2) + b"id: e-7\n\n",
        EVENTS + job_event("completed", 9, "completed"),
    )
    done = ctl("watch", "a", "--url", scripted.url)
    scripted.close()
    assert done.returncode == 0, done
    assert [(event["event"], event["id"]) for event in json_lines(done.stdout)] == [
        ("snapshot", "e-1"), ("progress", "e-2"), ("completed", "e-9"),
    ]  # fmt: skip
    resumed_from = [re.findall(r"^Last-Event-ID: (.*)\r$", asked, re.M | re.I) for asked in scripted.asked]
    assert resumed_from == [[], ["e-1"], ["e-1"], ["e-7"]], "an id without data counts, too"
    assert "503" in done.stderr


@pytest.mark.parametrize("data", ["no JSON", "[1]", '{"id":"a","state":"happy"}', '{"id":7}'])
def test_events_that_are_none_of_progressds_end_it(data: str) -> None:
    scripted = ScriptedServer(EVENTS + f"event: progress\ndata: {data}\n\n".encode())
    done = ctl("watch", "a", "--url", scripted.url)
    scripted.close()
    assert done.returncode == 4 and "none of progressd's" in done.stderr, done
    assert done.stdout == ""


def test_a_job_that_is_deleted_meanwhile_has_no_outcome(shared: Server) -> None:
    job, other = shared.external(), shared.external()
    with Running("watch", job["id"], other["id"], "--url", shared.url) as running:
        running.event(), running.event()
        shared.delete(job)
        running.until("removed", id=job["id"])
        shared.patch(other, state="completed")
        assert running.wait() == 3, "deleting cancels first"


def test_list_follows_pages_and_filters(server: Any) -> None:
    running = server()
    for number in range(620):
        running.external(id=f"job-{number}", kind="odd" if number % 2 else "even")
    everything = json_lines(ctl("list", "--limit", "0", "--url", running.url).stdout)
    assert [job["id"] for job in everything] == [f"job-{number}" for number in reversed(range(620))]
    assert len(json_lines(ctl("list", "--limit", "510", "--url", running.url).stdout)) == 510
    odd = json_lines(ctl("list", "--kind", "odd", "--state", "pending", "--limit", "3", "--url", running.url).stdout)
    assert [job["id"] for job in odd] == ["job-619", "job-617", "job-615"]
    assert ctl("list", "--state", "failed", "--url", running.url).stdout == ""


def test_cancel_tries_every_job(shared: Server) -> None:
    one, over, other = shared.external(), shared.external(), shared.external()
    shared.patch(over, state="completed")
    done = ctl("cancel", one["id"], over["id"], "no such job", other["id"], "--url", shared.url)
    assert done.returncode == 4
    assert [job["id"] for job in json_lines(done.stdout)] == [one["id"], other["id"]]
    assert over["id"] in done.stderr and "completed" in done.stderr and "404" in done.stderr
    assert shared.job(other)["state"] == "cancelled"


def test_top_in_a_pipe_is_a_json_line_a_look(shared: Server) -> None:
    with shared.follow(shared.external()):
        done = ctl("top", "--count", "2", "--interval", "100ms", "--url", shared.url)
    assert done.returncode == 0 and done.stderr == ""
    looks = json_lines(done.stdout)
    assert len(looks) == 2
    assert looks[1]["stats"]["streams"] >= 1 and looks[1]["streams"][0]["topics"]


def test_bench_delivers_and_leaves_nothing_behind(server: Any) -> None:
    running = server()
    done = ctl("bench", "--streams", "5", "--rate", "200", "--duration", "300ms", "--url", running.url)
    assert done.returncode == 0, done
    (report,) = json_lines(done.stdout)
    assert report["events"]["total"] >= 5
    assert sum(running.stats()["jobs"].values()) == 0


# ------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    "words, named",
    [
        ([], "subcommand"),
        (["sing"], "sing"),
        (["watch"], "--all"),
        (["watch", "a", "--all"], "--all"),
        (["watch", "a b"], "a b"),
        (["list", "--url", "ftp://127.0.0.1"], "--url"),
        (["list", "--url", "http://"], "--url"),
        (["list", "--state", "happy"], "--state"),
        (["list", "--token-file", "/nowhere/token"], "/nowhere/token"),
        (["run", "--total", "many"], "--total"),
        (["run", "--result", "{"], "--result"),
        (["run", "--idempotency-key", "a\r\nX: y"], "--idempotency-key"),
        (["top", "--interval", "1ms"], "--interval"),
        (["bench", "--rate", "often"], "--publish-rate"),
        (["cancel"], "ID"),
    ],
)
def test_wrong_words_are_named(shared: Server, words: list[str], named: str) -> None:
    done = ctl(*words, PROGRESSCTL_URL=shared.url)
    assert done.returncode == 2 and done.stdout == "", done
    assert done.stderr.startswith("progressctl: ") and named in done.stderr, done


def test_what_the_server_refuses_is_said_with_its_detail(shared: Server) -> None:
    done = ctl("run", "--total", "0", "--url", shared.url)
    assert done.returncode == 4 and "422" in done.stderr and "total" in done.stderr, done
    done = ctl("list", "--url", shared.url.removeprefix("http://"))
    assert done.returncode == 0, "http:// goes without saying"
    done = ctl("list", "--limt", "5")
    assert done.returncode == 2 and "--limt: no such flag; did you mean --limit?" in done.stderr, done
    done = ctl("watch", "nobody", "--url", shared.url)
    assert "reconnecting" not in done.stderr, done
    assert done.returncode == 4 and "404" in done.stderr and "nobody" in done.stderr, done


@pytest.mark.parametrize("words", [["list"], ["watch", "--all"], ["run"], ["top"], ["cancel", "a"], ["bench"]])
def test_a_server_that_is_not_there_is_said(words: list[str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        done = ctl(*words, "--url", f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert done.returncode == 4 and "connect" in done.stderr.lower(), done


def test_the_url_comes_from_the_environment_too(shared: Server) -> None:
    assert ctl("list", PROGRESSCTL_URL=shared.url + "/").returncode == 0


def test_a_proxy_for_others_is_none_for_this_machine(shared: Server) -> None:
    nobody = "http://127.0.0.1:1"
    assert ctl("list", "--url", shared.url, http_proxy=nobody, ALL_PROXY=nobody).returncode == 0


def test_what_a_server_says_controls_no_terminal() -> None:
    """An error's detail is foreign bytes too."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                body = json.dumps({"detail": "\x1b]0;mine\x07\u202eevil\u009b2J"}).encode()
                connection.sendall(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        thread = threading.Thread(target=answer)
        thread.start()
        done = ctl("list", "--url", f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert done.returncode == 4
    assert r"\x1b]0;mine\x07\u{202e}evil\u{9b}2J" in done.stderr, done.stderr
