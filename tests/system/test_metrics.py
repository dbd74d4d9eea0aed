"""/metrics: what Prometheus collects, checked by its own tool."""

from __future__ import annotations

import re
import subprocess
from typing import Any

from harness import patience, wait_until
from tokens import SECRET, bearer, token

Samples = dict[str, float]


def collect(running: Any) -> Samples:
    """Every sample by its name and labels, as they are written."""
    response = running.request("GET", "/metrics")
    assert response.status == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = response.body.decode()
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=patience()
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout + checked.stderr == "", "promtool has no advice"
    samples = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in samples, f"{name} is there twice"
            samples[name] = float(value)
    return samples


def test_metrics_tell_what_happened(server: Any) -> None:
    running = server()
    before = collect(running)
    job = running.external(id="a", total=10)
    stream = running.follow(job)
    assert stream.next().type == "snapshot"
    for done in (1, 2, 3):
        running.patch(job, done=done)
        assert stream.next().json["done"] == done
    assert running.request("PATCH", "/v1/jobs/a", {"done": 1}).status == 422
    after = collect(running)

    def grown(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    assert after["progressd_streams"] == 1
    assert after["progressd_connections"] >= 2
    assert after['progressd_jobs{runner="external",state="active"}'] == 1
    assert grown("progressd_events_published_total") == 4
    assert grown("progressd_events_delivered_total") == 4, "the first snapshot is one"
    assert grown("progressd_delivery_latency_seconds_count") == 3
    assert after['progressd_delivery_latency_seconds_bucket{le="+Inf"}'] == 3
    assert grown('progressd_changes_total{outcome="applied"}') == 4
    assert grown('progressd_changes_total{outcome="refused"}') == 1
    assert grown('progressd_http_responses_total{code="422"}') == 1
    assert grown("progressd_sent_bytes_total") > 400
    assert after["progressd_loop_lag_seconds_count"] > 0
    assert after["process_open_fds"] < after["process_max_fds"]
    assert any(re.fullmatch(r'progressd_build_info\{version="[0-9.]+"\}', name) for name in after)


def test_metrics_are_for_operators(server: Any, tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    running = server("--jwt-secret-file", str(secret))
    for scope, status in ((None, 401), ("", 403), ("jobs:report", 403), ("jobs:admin", 200)):
        headers = {} if scope is None else bearer(token("ann", scope))
        assert running.request("GET", "/metrics", headers=headers).status == status, scope
