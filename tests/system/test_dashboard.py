"""The page at /, used by a browser: jobs started, seen moving, cancelled."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from harness import Peer, node_script, wait_until


def test_the_dashboard_starts_shows_and_cancels_jobs(server: Any, tmp_path: Path) -> None:
    running = server()
    picture = tmp_path / "dashboard.png"
    with Peer(*node_script("use_dashboard.mjs"), str(tmp_path / "profile"), running.url, str(picture)) as browser:
        said = browser.rest()
    assert not [fact for fact in said if "complaint" in fact], "the browser's console is clean"
    assert not [fact for fact in said if "outside" in fact], "everything comes from the server itself"
    moved = [fact for fact in said if "values" in fact]
    assert [fact["runner"] for fact in moved] == ["timer", "cpu", "external", "cpu"]
    for fact in moved:
        assert fact["values"] == sorted(set(fact["values"])) and fact["positions"] > 1, fact
    for fact in said:
        if "cancelled" in fact:
            job = running.job(fact["cancelled"])
            assert (job["state"], job["runner"]) == ("cancelled", fact["runner"])
    assert [fact["completed"][:3] for fact in said if "completed" in fact] == ["100"]
    states = [job["state"] for job in running.request("GET", "/v1/jobs").json()["jobs"]]
    assert sorted(states) == ["cancelled"] * 3 + ["completed"]
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG") and struct.unpack(">II", content[16:24]) >= (1000, 300)
    print(f"the screenshot is {picture}")
    wait_until(lambda: running.stats()["streams"] == 0, "the browser's stream to be gone")
