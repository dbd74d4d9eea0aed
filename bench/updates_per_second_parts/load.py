"""Runs sseload on its core, and reads what it measured."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from server_process import ServerProcess
from settings import Settings, Trouble

# Far above what a run takes: the bound for a server that hangs.
RUN_S_MAX = 300


@dataclass(frozen=True)
class LoadResult:
    """sseload's JSON. Its exit status is 0 where every event came once and in order."""

    report: dict[str, Any]
    failures: list[str]

    def number(self, *path: str) -> float | None:
        """The number at report[path[0]][path[1]]…; None where it was not measured."""
        node: Any = self.report
        for key in path:
            if not isinstance(node, dict) or key not in node:
                return None
            node = node[key]
        return float(node)

    @property
    def bytes_per_event(self) -> float | None:
        """On the wire, heads and first snapshots included: long runs make them vanish."""
        events = self.number("events", "total")
        return self.report["events"]["bytes"] / events if events else None

    @property
    def was_bottleneck(self) -> bool:
        return bool(self.number("self", "wasBottleneck"))

    @property
    def was_bottleneck_opening(self) -> bool:
        return bool(self.number("self", "wasBottleneckOpening"))

    @property
    def pss_at_end(self) -> float | None:
        return self.number("server", "end", "pssBytes")


def run_load(
    settings: Settings, server: ServerProcess, path: str, flags: list[str], is_pinned: bool = True
) -> LoadResult:
    pids = ",".join(map(str, server.pids))
    with tempfile.NamedTemporaryFile("r", suffix=".json") as result:
        command = [settings.binary("sseload"), server.url + path, *flags]
        for header, value in server.headers.items():
            command += ["--header", f"{header}: {value}"]
        command += ["--pid", pids, "--quiet", "--json", result.name]
        if is_pinned:
            command = ["taskset", "-c", str(settings.load_core), *command]
        if settings.is_verbose:
            print("  " + shlex.join(command), file=sys.stderr)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S_MAX)
        except subprocess.TimeoutExpired:
            return LoadResult({}, [f"not over within {RUN_S_MAX} s"])
        text = result.read()
    if done.returncode not in (0, 1) or not text:
        raise Trouble(f"sseload failed: {shlex.join(command)}\n{done.stdout}{done.stderr}")
    report = json.loads(text)
    failures = list(report["checks"]["failures"])
    if done.returncode == 1 and not failures:
        failures = ["sseload's checks failed"]
    return LoadResult(report, failures)
