"""The Python clients of the seed systems, against the real server: progress channels, and tasks that are started."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import islice
from typing import Any

import pytest
from cutting_proxy import CuttingProxy
from harness import REPOSITORY, Server, patience, plain_environment
from progressd_client import InvalidError

TOOLS = REPOSITORY / "tools"


@pytest.fixture
def user_id(request: pytest.FixtureRequest) -> str:
    """A user whom no other test knows, with a name that has to be encoded."""
    return f"{request.node.name}/\u00fc %"


# ------------------------------------------------------------------------------------------------ progress channels


def test_a_user_gets_the_latest_update_and_each_one_after_it(shared: Server, connect: Any, user_id: str) -> None:
    client = connect(shared.url)
    assert client.get_progress(user_id) is None
    first = {"completed": 3, "total": 10, "status": "processing", "message": "Processing file 3 of 10\u2026"}
    last = {"completed": 10, "status": "completed", "results": [{"score": 0.1}], "big": 2**60, "failed_files": 0}
    client.update_progress(user_id, {"completed": 1})
    client.update_progress(user_id, first)
    with client.follow_progress(user_id) as updates:
        assert next(updates) == first
        client.update_progress(user_id, last)
        client.update_progress(user_id, {"completed": 0})
        assert list(islice(updates, 2)) == [last, {"completed": 0}], "a completed update is not the end"
    assert client.get_progress(user_id) == {"completed": 0}
    client.delete_progress(user_id)
    assert client.get_progress(user_id) is None
    with pytest.raises(InvalidError):
        client.update_progress(user_id, [1, 2])


def test_no_update_is_lost_or_repeated_when_streams_are_cut(shared: Server, connect: Any, user_id: str) -> None:
    dice = random.Random(1)
    worker = connect(shared.url)
    worker.update_progress(user_id, {"completed": 0})
    with CuttingProxy(shared, lambda: dice.randrange(100, 2_000), lambda: dice.random() < 0.5) as proxy:
        with connect(proxy.url).follow_progress(user_id) as updates:
            seen = [next(updates)["completed"]]
            for number in range(1, 200):
                worker.update_progress(user_id, {"completed": number, "status": f"step {number}"})
            seen += [update["completed"] for update in islice(updates, 199)]
    assert seen == list(range(200))
    assert proxy.cuts >= 5


# ------------------------------------------------------------------------------------------------ tasks


def run(program: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOLS / "examples" / "python" / program), *flags],
        capture_output=True,
        text=True,
        env=plain_environment(PYTHONPATH=str(TOOLS / "clients" / "python")),
        timeout=patience() * 3,
    )


PROGRAMS = {
    "follow_task_sync.py": (1, []),
    "follow_task_async.py": (1, []),
    "follow_tasks_concurrently.py": (5, ["--tasks", "5"]),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_follow_their_tasks_to_the_end(server: Any, program: str) -> None:
    running = server("--demo-duration", "1s")
    tasks, flags = PROGRAMS[program]
    done = run(program, "--url", running.url, *flags)
    assert (done.returncode, done.stderr) == (0, ""), done
    lines: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, rest = line.partition(" ")
        lines.setdefault(name, []).append(rest)
    assert len(lines) == tasks
    for shown in lines.values():
        percents = [float(line.rpartition("] ")[2].partition("%")[0]) for line in shown]
        assert percents == sorted(percents) and len(percents) > 3
        assert shown[-1].endswith("100.0% completed")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_task_that_was_lost_with_its_server_is_an_exit_status_of_1(server: Any, program: str) -> None:
    running = server("--demo-duration", "1h")
    command = [sys.executable, str(TOOLS / "examples" / "python" / program), "--url", running.url]
    environment = plain_environment(PYTHONPATH=str(TOOLS / "clients" / "python"))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stdout and process.stdout.readline(), "it follows"
    running.process.kill()
    running.wait()
    server(listen=(f"{running.address[0]}:{running.address[1]}",))
    _, complaint = process.communicate(timeout=patience() * 3)
    assert process.returncode == 1 and complaint.startswith("NotFoundError: 404"), complaint
