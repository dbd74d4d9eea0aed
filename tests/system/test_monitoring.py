"""The Grafana dashboard and the alert rules: what they ask for is what /metrics has, and Prometheus can read it."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any, Iterator

import pytest
from harness import HERE, REPOSITORY, patience, wait_until

FOLDER = REPOSITORY / "tools" / "grafana"
DASHBOARD = json.loads((FOLDER / "progressd.json").read_text())
PANELS = DASHBOARD["panels"]
COLUMNS = 24  # Grafana's
METRIC = re.compile(r"\b(?:progressd|process)_[a-z_]+\b")


def expressions() -> Iterator[str]:
    for panel in PANELS:
        for target in panel.get("targets", []):
            yield target["expr"]


def promtool(*words: str) -> None:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=patience())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def served(server: Any, tmp_path: Path) -> set[str]:
    """The names of all samples of a server that has a journal and a watch, and has refused something."""
    watched = server()
    running = server("--journal", f"sqlite:{tmp_path / 'journal'}", "--watch", f"a={watched.url}/status")
    assert running.request("GET", "/nowhere").status == 404

    def names() -> set[str]:
        text = running.request("GET", "/metrics").body.decode()
        return set(re.findall(r"^([a-z_]+)", text, re.M))

    assert wait_until(lambda: "progressd_http_responses_total" in names(), "an answer to be counted")
    return names()


def test_every_metric_is_one_that_is_served(served: set[str]) -> None:
    asked = set(METRIC.findall(" ".join(expressions()))) | set(METRIC.findall((FOLDER / "alerts.yml").read_text()))
    assert len(asked) >= 20
    assert asked <= served


def test_no_metric_is_left_out(served: set[str]) -> None:
    """Of histograms the buckets are enough."""
    shown = set(METRIC.findall(" ".join(expressions())))
    ours = {name for name in served if not re.search(r"_(sum|count)$", name)}
    assert ours - shown == set()


def test_every_expression_is_promql(tmp_path: Path) -> None:
    rules = []
    for number, text in enumerate(expressions()):
        plain = text.replace("$__rate_interval", "5m").replace("$job", ".*").replace("$instance", ".*")
        assert "$" not in plain
        rules.append({"record": f"panel:number{number}", "expr": plain})
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
    promtool("check", "rules", str(file))


def test_panels_stand_beside_each_other() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= COLUMNS, panel["title"]
    for one, other in combinations(PANELS, 2):
        a, b = one["gridPos"], other["gridPos"]
        apart = (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                 or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])  # fmt: skip
        assert apart, f"{one['title']} lies on {other['title']}"


def test_any_prometheus_will_do() -> None:
    assert DASHBOARD["schemaVersion"] >= 37
    assert {"datasource", "job", "instance"} == {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    for panel in PANELS:
        if panel["type"] != "row":
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert {source["uid"] for source in sources} == {"${datasource}"}, panel["title"]


def test_alerts_are_rules_that_fire(tmp_path: Path) -> None:
    """Each of them fires when it should: the cases stand beside this file."""
    promtool("check", "rules", str(FOLDER / "alerts.yml"))
    cases = (HERE / "alerts_test.yml").read_text()
    file = tmp_path / "cases.yml"
    file.write_text(cases.replace("ALERTS", str(FOLDER / "alerts.yml")))
    promtool("test", "rules", str(file))
    named = set(re.findall(r"alert: (\w+)", (FOLDER / "alerts.yml").read_text()))
    assert set(re.findall(r"alertname: (\w+)", cases)) == named
