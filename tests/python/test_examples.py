"""The programs that start tasks and follow them, run as a user runs them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from scripted_server import END_OF_CHUNKS, PATIENCE_S, Reply, Request, ScriptedServer, answer, chunked, json_answer

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"
PROGRAMS = TOOLS / "examples" / "python"
sys.path.append(str(PROGRAMS))

from progress_bars import WIDTH, ProgressBars, bar  # noqa: E402

ONE_TASK = ["follow_task_sync.py", "follow_task_async.py"]
ALL = [*ONE_TASK, "follow_tasks_concurrently.py"]


class StartedTasks:
    """Tasks as section 4.5 of the wire contract has them: four steps, told in two connections, the first one cut."""

    def __init__(self, last_status: str = "completed") -> None:
        self.last_status = last_status
        self._started = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        if (request.method, request.target) == ("POST", "/start-task"):
            with self._lock:
                self._started += 1
                return json_answer(200, b'{"task_id":"task-%d"}' % self._started)
        task_id = request.target.removeprefix("/task-progress/")
        steps = [(0, "started"), (40, "processing"), (80, "processing"), (100, self.last_status)]
        told = [
            b"id: %d\ndata: %s\n\n"
            % (at, json.dumps({"task_id": task_id, "progress": progress, "status": status}).encode())
            for at, (progress, status) in enumerate(steps)
        ]
        seen = request.headers["Last-Event-ID"]
        if seen is None:
            return Reply(chunked([b"retry: 1\n\n", *told[:2], told[2][:20]]), "reset")
        return Reply(chunked(told[int(seen) + 1 :]) + END_OF_CHUNKS)


def begin(program: str, *flags: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(TOOLS / "clients" / "python"), "NO_PROXY": "*"}
    command = [sys.executable, str(PROGRAMS / program), *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def run(program: str, *flags: str) -> subprocess.CompletedProcess[str]:
    process = begin(program, *flags)
    out, complaint = process.communicate(timeout=PATIENCE_S)
    return subprocess.CompletedProcess(process.args, process.returncode, out, complaint)


@pytest.mark.parametrize("program", ONE_TASK)
def test_a_task_is_followed_to_its_end(serve: Any, program: str) -> None:
    done = run(program, "--url", serve(StartedTasks()).url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "task-1 " + bar(0, "started"),
        "task-1 " + bar(40, "processing"),
        "task-1 " + bar(80, "processing"),
        "task-1 " + bar(100, "completed"),
    ]


def test_several_tasks_are_followed_at_once(serve: Any) -> None:
    server = serve(StartedTasks())
    done = run("follow_tasks_concurrently.py", "--url", server.url, "--tasks", "5")
    assert (done.returncode, done.stderr) == (0, "")
    for number in range(1, 6):
        mine = [line for line in done.stdout.splitlines() if line.startswith(f"task-{number} ")]
        assert [line.rpartition("] ")[2].split() for line in mine] == [
            ["0.0%", "started"], ["40.0%", "processing"], ["80.0%", "processing"], ["100.0%", "completed"],
        ]  # fmt: skip
    assert [request.target for request in server.requests[:5]] == ["/start-task"] * 5


@pytest.mark.parametrize("program", ALL)
def test_a_task_that_fails_is_an_exit_status_of_1(serve: Any, program: str) -> None:
    done = run(program, "--url", serve(StartedTasks("failed")).url)
    assert (done.returncode, done.stderr) == (1, "")
    assert "failed" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("program", ALL)
def test_a_server_that_is_not_there_is_told_in_a_line(program: str) -> None:
    with ScriptedServer(lambda _: answer(204)) as gone:
        pass
    done = run(program, "--url", gone.url)
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize("program", ALL)
@pytest.mark.parametrize("url", ["localhost", "localhost:8080", "ftp://localhost", "http://", "http://localhost:x", "http://["])
def test_what_is_no_url_of_a_server_is_told_in_a_line(program: str, url: str) -> None:
    done = run(program, "--url", url)
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "http://127.0.0.1:8080" in done.stderr, done.stderr


@pytest.mark.parametrize("program", ALL)
def test_a_task_that_is_gone_is_told_in_a_line(serve: Any, program: str) -> None:
    tasks = StartedTasks()
    done = run(program, "--url", serve(lambda r: tasks(r) if r.method == "POST" else answer(404)).url)
    assert done.returncode == 1 and done.stderr == "NotFoundError: 404\n"


@pytest.mark.parametrize("program", ALL)
def test_bad_flags_are_an_exit_status_of_2(program: str) -> None:
    done = run(program, "--speed", "9")
    assert done.returncode == 2 and "--speed" in done.stderr
    assert "--url" in run(program, "--help").stdout


@pytest.mark.parametrize("program", ONE_TASK)
def test_ctrl_c_is_an_exit_status_of_130(serve: Any, program: str) -> None:
    begun = b'data: {"task_id":"a","progress":1,"status":"processing"}\n\n'
    held = Reply(chunked([begun]), "hold")
    process = begin(program, "--url", serve(lambda r: StartedTasks()(r) if r.method == "POST" else held).url)
    assert process.stdout and process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_S) == ("", "") and process.returncode == 130


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_are_drawn_in_place_on_a_terminal() -> None:
    out = Terminal()
    bars = ProgressBars(["a", "b"], out)
    bars.show("b", 50, "processing")
    bars.show("b", 50, "processing")
    bars.show("a", 100, "completed")
    half, full = "#" * (WIDTH // 2) + "-" * (WIDTH // 2), "#" * WIDTH
    first, second = out.getvalue().split("\x1b[2A\r")
    assert [line.rstrip("\x1b[K") for line in first.splitlines()] == [
        f"a [{'-' * WIDTH}]   0.0% waiting", f"b [{half}]  50.0% processing",
    ]  # fmt: skip
    assert second.splitlines()[0].startswith(f"a [{full}] 100.0% completed")


@pytest.mark.parametrize("progress, filled", [(-1, 0), (0, 0), (49.9, 14), (50, 15), (99.9, 29), (100, 30), (120, 30)])
def test_a_bar_is_full_only_at_the_end(progress: float, filled: int) -> None:
    assert bar(progress, "s").count("#") == filled
