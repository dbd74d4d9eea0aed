"""The systems under test. Each serves the same addresses, so that the load is the same:

    GET  /v1/jobs/job-{i}/events    a stream of job i
    POST /v1/reports                reports as NDJSON, a line each ("job", "done", "message")
    POST /v1/jobs/job-{i}           one report (PATCH with progressd)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import packages
from load import run_load
from server_process import ServerProcess, free_port
from settings import BENCH, Settings, Trouble

# 2^53 - 1: a job that no run completes.
TOTAL = 9007199254740991


class System:
    """How to start one system, and how to tell it something."""

    name: str
    report_method = "POST"
    report_body = '{"done":{iseq},"message":"{now_us}"}'
    takes_many_reports = True
    """Whether it has /v1/reports."""
    has_comparable_ids = True
    has_queues = True
    """Whether it can have readers that never read: the floor cuts them off."""
    has_jobs = False
    """Whether it runs jobs itself."""
    headers: dict[str, str] = {}
    """Of every request to it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def why_missing(self) -> str | None:
        """Why it can't be started here; None if it can."""
        return None

    @contextmanager
    def started(self) -> Iterator[ServerProcess]:
        core = self.settings.server_core
        with ServerProcess(self.name, self.command(), core, headers=self.headers) as server:
            yield server

    def command(self) -> list[str]:
        raise NotImplementedError

    def prepare_jobs(self, server: ServerProcess, jobs: int) -> None:
        """Makes job-0 to job-{jobs-1}, where jobs must exist to be followed."""

    def conflated(self, server: ServerProcess) -> float | None:
        """Events that were replaced by newer ones before a slow reader took them, if it counts."""
        return None

    def check_flags(self) -> list[str]:
        """What sseload checks: each stream's "done" rises by one from 1, and ids rise."""
        flags = ["--seq-field", "done", "--expect-step", "1", "--expect-first", "1"]
        flags += ["--time-field", "message", "--expect-events", "published"]
        return flags if self.has_comparable_ids else [*flags, "--id-order", "none"]

    def one_report_flags(self, path: str, body: str | None = None) -> list[str]:
        """One request per event."""
        flags = ["--publish-url", path, "--publish-method", self.report_method]
        return [*flags, "--publish-body", body or self.report_body]

    posts_streams = "/v1/jobs/job-{i}/events"
    """Where an event per request is read."""

    def posts_flags(self) -> list[str]:
        """The same as cheaply as the system's API allows, for many topics."""
        return self.one_report_flags("/v1/jobs/job-{i}")

    def many_reports_flags(self, lines: int) -> list[str]:
        """`lines` events in one request."""
        flags = ["--publish-url", "/v1/reports", "--publish-content-type", "application/x-ndjson"]
        flags += ["--publish-body", '{"job":"job-{i}","done":{iseq},"message":"{now_us}"}']
        return [*flags, "--publish-lines", str(lines), "--publish-accepted-field", "accepted"]


# An event as progressd makes one of a report, for systems that pass on what they are told.
WHOLE_EVENT = (
    '{"id":"job-{i}","kind":null,"state":"active","done":{iseq},'
    f'"total":{TOTAL},"percent":0,"message":"{{now_us}}",'
    '"ratePerSecond":1090.91,"etaSeconds":2000000000}'
)


class Progressd(System):
    name = "progressd"
    report_method = "PATCH"
    has_jobs = True

    def command(self, job_threads: int = 1) -> list[str]:
        binary = self.settings.binary("progressd")
        return [binary, "--listen", "127.0.0.1:0", "--job-threads", str(job_threads)]

    @contextmanager
    def started_on_all_cores(self, job_threads: int) -> Iterator[ServerProcess]:
        command = self.command(job_threads)
        with ServerProcess(self.name, command, core=None, headers=self.headers) as server:
            yield server

    def prepare_jobs(self, server: ServerProcess, jobs: int) -> None:
        self.create(server, jobs, f'{{"id":"job-{{i}}","runner":"external","total":{TOTAL}}}')

    def create(self, server: ServerProcess, jobs: int, body: str) -> None:
        flags = ["-c", "0", "--publish-url", "/v1/jobs", "--publish-body", body]
        flags += ["--publish-targets", str(jobs), "--publish-count", str(jobs), "--pipeline", "16"]
        made = run_load(self.settings, server, "/", flags)
        if made.failures:
            raise Trouble(f"jobs could not be made: {'; '.join(made.failures)}")

    posts_streams = "/api/v1/sse/progress/stream/job-{i}"

    def posts_flags(self) -> list[str]:
        """Users' progress channels, which pass on any object."""
        flags = ["--publish-url", "/api/v1/sse/progress/job-{i}", "--publish-method", "POST"]
        return [*flags, "--publish-body", WHOLE_EVENT]

    def conflated(self, server: ServerProcess) -> float | None:
        return float(self.stats(server)["eventsConflated"])

    def stats(self, server: ServerProcess) -> dict[str, Any]:
        return json.loads(server.get("/v1/stats"))

    def check_flags(self) -> list[str]:
        return [*super().check_flags(), "--unchecked-event", "snapshot", "--forbid-event", "gap"]


class ProgressdWithAuth(Progressd):
    """The same where everybody says who they are. It is one user, whose own limits are off."""

    name = "progressd-auth"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        secret = secrets.token_hex(32)
        self._secret_file = tempfile.NamedTemporaryFile("w", prefix="secret-")
        self._secret_file.write(secret)
        self._secret_file.flush()
        self.headers = {"Authorization": f"Bearer {admin_token(secret.encode())}"}

    def command(self, job_threads: int = 1) -> list[str]:
        command = [*super().command(job_threads), "--jwt-secret-file", self._secret_file.name]
        for flag in ("report-rate", "read-rate", "create-rate", "max-streams-per-user", "max-jobs-per-user"):
            command += [f"--{flag}", "0"]
        return command


def admin_token(secret: bytes) -> str:
    """A JSON Web Token for an hour, HS256."""

    def encoded(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    claims = {"sub": "bench", "scope": "jobs:admin", "exp": int(time.time()) + 3600}
    text = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"


class Floor(System):
    name = "floor"
    has_queues = False

    def command(self) -> list[str]:
        return [self.settings.binary("floor"), "0"]


class FloorBatching(Floor):
    name = "floor-batching"

    def command(self) -> list[str]:
        return [*super().command(), "--batch"]


class Nchan(System):
    """nginx passes a message on as it is, so what it is told is the whole event."""

    name = "nchan"
    report_body = WHOLE_EVENT
    takes_many_reports = False
    has_comparable_ids = False  # TIME:NUMBER, where the number starts again each second

    def why_missing(self) -> str | None:
        return packages.install(["nginx", "libnginx-mod-nchan"])

    @contextmanager
    def started(self) -> Iterator[ServerProcess]:
        with tempfile.TemporaryDirectory(prefix="nchan-") as folder:
            port = free_port()
            template = (BENCH / "updates_per_second_parts" / "nchan.conf").read_text()
            config = Path(folder) / "nginx.conf"
            config.write_text(template.replace("@FOLDER@", folder).replace("@PORT@", str(port)))
            Path(folder).chmod(0o755)  # the worker is another user when nginx is started as root
            nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "nginx"
            command = [nginx, "-p", folder, "-c", str(config), "-e", f"{folder}/error.log"]
            core = self.settings.server_core
            with ServerProcess(self.name, command, core, port, workers=1) as server:
                yield server


class NodeHub(System):
    name = "node"

    def why_missing(self) -> str | None:
        return None if shutil.which("node") else "node missing: apt-get install nodejs"

    def command(self) -> list[str]:
        return ["node", str(BENCH / "node_hub" / "hub.mjs"), "0"]


ALL = {system.name: system for system in (Progressd, ProgressdWithAuth, Floor, FloorBatching, Nchan, NodeHub)}
