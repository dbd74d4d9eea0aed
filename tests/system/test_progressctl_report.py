"""progressctl report: a program's lines become a job's progress."""

from __future__ import annotations

import itertools
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import tokens
from cutting_proxy import CuttingProxy
from harness import Server, wait_until
from progressctl import Running, ctl


def report(server: Server, *words: str, stdin: str | bytes = b"") -> tuple[Any, dict[str, Any]]:
    """A run that ends by itself, and what became of its job."""
    done = ctl("report", "--url", server.url, *words, stdin=stdin)
    job_id = done.stderr.split("reporting on job ")[1].split()[0]
    return done, server.job(job_id)


def test_lines_are_counted_and_the_last_one_is_the_message(shared: Server) -> None:
    done, job = report(shared, "--kind", "import", stdin="one\r\ntwo\n\nthree")
    assert done.returncode == 0 and done.stdout == "", done
    assert (job["state"], job["done"], job["total"], job["message"]) == ("completed", 4, 4, "three")
    assert (job["kind"], job["runner"]) == ("import", "external")


def test_more_lines_than_expected_do_no_harm(shared: Server) -> None:
    done, job = report(shared, "--total", "3", stdin="a\nb\nc\nd\ne\n")
    assert done.returncode == 0 and (job["done"], job["total"], job["message"]) == (3, 3, "e")
    done, job = report(shared, stdin="x\n" * 1000)
    assert done.returncode == 0 and (job["done"], job["total"]) == (1000, 1000)


def test_no_lines_at_all_complete_a_job(shared: Server) -> None:
    done, job = report(shared)
    assert done.returncode == 0 and job["state"] == "completed"


def test_tee_passes_every_byte_on(shared: Server) -> None:
    sent = bytes(range(256)) * 2000 + b"\n" + b"long" * 5000
    done = ctl("report", "--tee", "--url", shared.url, "--", "sh", "-c", r"printf 'a\nb\r\nc'")
    assert done.returncode == 0 and done.stdout.encode() == b"a\nb\r\nc"
    # Not as text: these bytes are none.
    with Running("report", "--tee", "--url", shared.url) as running:
        running.process.communicate  # the pipes are read by threads
        assert running.process.stdin
        running.process.stdin.write(sent)
        running.close_input()
        assert running.wait() == 0
    assert len("\n".join(running.out.all)) > len(sent) // 2


def test_percent_comes_from_the_line(shared: Server) -> None:
    with Running("report", "--percent-regex", "([0-9.]+) ?%", "--total", "1000", "--interval", "20ms",
                 "--url", shared.url) as running:  # fmt: skip
        job = {"id": (running.err.next() or "").split()[-1]}
        for line, done in [("12.5 % of it\r", 125), ("a word\n", 125), ("50%\n", 500), ("20%\n", 500), ("900%\n", 500)]:
            running.write(line)
            text = line.rstrip()
            wait_until(lambda: shared.job(job)["message"] == text, text)  # noqa: B023
            assert shared.job(job)["done"] == done
        running.close_input()
        assert running.wait() == 0
    assert shared.job(job)["done"] == 1000


def test_a_line_can_mean_that_it_failed(shared: Server) -> None:
    done, job = report(shared, "--fail-on", "^(E|error)", "--tee", stdin="good\nerror: no paper\nmore\n")
    assert done.returncode == 1
    assert done.stdout == "good\nerror: no paper\nmore\n", "the rest is passed on all the same"
    assert (job["state"], job["failedReason"]) == ("failed", "error: no paper")


def test_a_command_that_fails_fails_its_job(shared: Server) -> None:
    done, job = report(shared, "--tee", "--", "sh", "-c", "echo working; echo aside >&2; exit 7")
    assert done.returncode == 7
    assert done.stdout == "working\n" and "aside" in done.stderr
    assert (job["state"], job["failedReason"], job["done"]) == ("failed", "exit status 7", 1)
    done, job = report(shared, "--", "sh", "-c", "kill -TERM $$")
    assert done.returncode == 128 + signal.SIGTERM
    assert job["state"] == "failed" and "signal 15" in job["failedReason"]


def test_a_command_that_goes_well_completes_its_job(shared: Server) -> None:
    done, job = report(shared, "--stderr", "--", "sh", "-c", "echo one; echo two >&2; echo --three")
    assert done.returncode == 0
    assert (job["state"], job["done"], job["message"]) == ("completed", 3, "--three")


def test_a_command_that_is_not_there_fails_its_job(shared: Server) -> None:
    done, job = report(shared, "--", "/nowhere/at/all", "--flag")
    assert done.returncode == 2 and "/nowhere/at/all" in done.stderr
    assert job["state"] == "failed"


def test_cancelling_the_job_ends_the_command(shared: Server, tmp_path: Path) -> None:
    mark = tmp_path / "told"
    script = f"trap 'echo > {mark}; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with Running("report", "--tee", "--url", shared.url, "--", "bash", "-c", script) as running:
        job = {"id": (running.err.next() or "").split()[-1]}
        assert running.out.next() == "ready"
        shared.cancel(job)
        assert running.wait() == 3
    assert mark.exists() and shared.job(job)["state"] == "cancelled"


def test_cancelling_ends_what_the_command_has_started(shared: Server) -> None:
    with Running("report", "--tee", "--url", shared.url, "--", "sh", "-c", "sleep 1000 & echo $!; wait") as running:
        job = {"id": (running.err.next() or "").split()[-1]}
        pid = running.out.next()
        shared.cancel(job)
        assert running.wait() == 3
    # Gone, or dead and not yet waited for by whoever takes orphans in.
    stat = Path(f"/proc/{pid}/stat")
    wait_until(lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z", "its child to end")


def test_a_signal_reaches_the_command(shared: Server) -> None:
    script = "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    with Running("report", "--tee", "--url", shared.url, "--", "bash", "-c", script) as running:
        job = {"id": (running.err.next() or "").split()[-1]}
        assert running.out.next() == "ready"
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 9
        assert running.out.next() == "bye"
    assert shared.job(job)["failedReason"] == "exit status 9"


def test_an_interrupted_pipe_fails_its_job(shared: Server) -> None:
    with Running("report", "--url", shared.url) as running:
        job = {"id": (running.err.next() or "").split()[-1]}
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 130
    assert shared.job(job)["state"] == "failed" and "signal 2" in shared.job(job)["failedReason"]


def test_reports_are_coalesced(server: Any) -> None:
    running = server()
    began = time.monotonic()
    done, job = report(running, "--interval", "100ms", stdin="line\n" * 200_000)
    took = time.monotonic() - began
    assert done.returncode == 0 and job["done"] == 200_000
    # One for each interval, the creation, becoming active, the end; each is one event.
    assert running.stats()["eventsPublished"] <= took / 0.1 + 4


def test_a_job_that_is_there_is_carried_on(shared: Server) -> None:
    job = shared.external(total=10)
    shared.patch(job, done=4)
    done, after = report(shared, "--job", job["id"], "--total", "10", stdin="a\nb\n")
    assert done.returncode == 0 and after["state"] == "completed"
    assert ctl("report", "--job", job["id"], "--url", shared.url).returncode == 4, "it is over"


def test_answers_that_are_lost_lose_no_report(shared: Server) -> None:
    # The first connection lasts for the creation. Of the others each second one is cut within the first answer:
    # then the report has arrived, and nobody knows, so it is sent again; the last one, too.
    lengths = itertools.chain([1500], itertools.cycle([200, 4000]))
    with CuttingProxy(shared, lambda: next(lengths), lambda: True) as proxy:
        with Running("report", "--interval", "20ms", "--url", proxy.url) as running:
            job = {"id": (running.err.next() or "").split()[-1]}
            for count in range(1, 21):
                running.write(f"{count}\n")
                wait_until(lambda: shared.job(job)["done"] == count, f"report {count}")  # noqa: B023
            running.close_input()
            assert running.wait() == 0
        assert proxy.cuts >= 3
    assert shared.job(job)["state"] == "completed"


def test_without_the_scope_nothing_is_run_and_no_job_stays(server: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(tokens.SECRET)
    running = server("--jwt-secret-file", str(secret))
    # One may make an external job all the same, and not report on it.
    token = tokens.token("ann")
    mark = tmp_path / "run"
    for id, words in [("piped", []), ("command", ["--", "touch", str(mark)])]:
        done = ctl("report", "--id", id, "--url", running.url, *words, stdin="line\n", PROGRESSCTL_TOKEN=token)
        assert done.returncode == 4 and "this token lacks the scope jobs:report" in done.stderr, done
        job = running.request("GET", f"/v1/jobs/{id}", headers={"Authorization": f"Bearer {token}"}).json()
        assert job["state"] == "cancelled", job
    assert not mark.exists()
    # One that was there already is somebody's, and stays as it is.
    bearer = {"Authorization": f"Bearer {token}"}
    running.request("POST", "/v1/jobs", {"id": "theirs", "runner": "external"}, headers=bearer)
    done = ctl("report", "--job", "theirs", "--url", running.url, PROGRESSCTL_TOKEN=token)
    assert done.returncode == 4 and "jobs:report" in done.stderr, done
    assert running.request("GET", "/v1/jobs/theirs", headers=bearer).json()["state"] == "pending"


@pytest.mark.parametrize(
    "words, named",
    [
        (["--percent-regex", "("], "--percent-regex"),
        (["--fail-on", "[a"], "--fail-on"),
        (["--interval", "1ms"], "--interval"),
        (["--stderr"], "--stderr"),
        (["--total", "0"], "--total"),
        (["--job", "a b"], "a b"),
    ],
)
def test_wrong_words_make_no_job(server: Any, words: list[str], named: str) -> None:
    running = server()
    done = ctl("report", "--url", running.url, *words)
    assert done.returncode == 2 and named in done.stderr, done
    assert sum(running.stats()["jobs"].values()) == 0
