"""The JavaScript client over kill -9 of a server with a journal on disk: the job goes on, and so does its following."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import Peer, node_script

STEPS = 200  # fewer events than the server keeps of a job
KILLED_AT = [10, 100]  # told so many steps
FOLLOWINGS = ("job", "mine")
STAYS = ("id", "kind", "runner", "owner", "total", "createdAt", "startedAt")


def test_a_job_that_goes_on_after_kills_is_told_every_step_once_and_whole(server: Any, tmp_path: Path) -> None:
    journal = ("--journal", f"sqlite:{tmp_path / 'journal'}")
    running = server(*journal)
    port = running.address[1]
    job = running.create(runner="timer", kind="letters", total=STEPS, stepMs=40, result={"rows": 7})
    said: list[dict[str, Any]] = []
    with Peer(*node_script("follow_over_kills.mjs"), running.url, job["id"]) as follower:
        for killed_at in KILLED_AT:
            for by in FOLLOWINGS:
                while not any(fact.get("by") == by and fact.get("job", {}).get("done", 0) >= killed_at for fact in said):
                    said += follower.until(lambda fact: "job" in fact)
            running.process.kill()
            running.process.wait()
            running.stopped = True
            running = server(*journal, listen=(f"127.0.0.1:{port}",))
        said += follower.rest()
    known = running.job(job["id"])
    assert known["attempt"] == 1 + len(KILLED_AT) and known["result"] == {"rows": 7}
    assert said[-1]["end"] == known
    for by in FOLLOWINGS:
        facts = [fact for fact in said if fact.get("by") == by]
        assert any(fact.get("connection") == "reconnecting" for fact in facts)
        events = [fact for fact in facts if "type" in fact]
        types = [fact["type"] for fact in events]
        assert types == ["snapshot", *["progress"] * (len(types) - 2), "completed"]
        ids = [fact["eventId"] for fact in events]
        assert len(set(ids)) == len(ids), "each event once"
        done = [fact["job"]["done"] for fact in events]
        steps = [at for at, before in zip(done, [-1, *done]) if at != before]
        assert steps == list(range(steps[0], STEPS + 1)), "every step, in order"
        for fact in events:
            assert set(fact["job"]) == set(known), "the whole job"
            whole = {name: fact["job"][name] for name in STAYS if name != "startedAt" or fact["job"]["done"]}
            assert whole == {name: known[name] for name in whole}
