"""What /openapi.json is held against: requests with the status that each is answered with, and streams."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Callable

from harness import Server

NDJSON = {"Content-Type": "application/x-ndjson"}
CHANNEL = "/api/v1/sse/progress"
numbers = itertools.count(1)


def ended(running: Server, **fields: Any) -> str:
    job = running.external(**fields)
    return running.patch(job, state="completed", result={"rows": 5})["id"]


def of_demo(running: Server, path: str, find: Callable[[Any], str], fields: Any = None) -> str:
    return find(running.request("POST", path, fields).json())


# What stands in braces in a request is one of these, made for it.
MADE: dict[str, Callable[[Server], str]] = {
    "external": lambda running: running.external(total=10)["id"],
    "timer": lambda running: running.create(stepMs=1000)["id"],
    "ended": ended,
    "status": lambda running: of_demo(running, "/create_job", lambda said: said["job_id"]),
    "task": lambda running: of_demo(running, "/start-task", lambda said: said["task_id"]),
    "character": lambda running: of_demo(
        running, "/api/v1/characters/queue", lambda said: said["data"]["jobId"], {"name": "Test"}
    ),
    "media": lambda running: of_demo(running, "/api/v1/media/queue", lambda said: said["data"]["jobId"], {}),
    "new": lambda running: f"new-{next(numbers)}",
}


@dataclass
class Ask:
    """A request, and the status that it is answered with."""

    operation: str
    status: int
    target: str = ""  # the operation's path, where nothing is put into it
    fields: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def __str__(self) -> str:
        return f"{self.operation}-{self.status}"


ASKS = [
    Ask("createJob", 201, fields={"total": 3, "stepMs": 1, "kind": "k", "result": {"a": [1]}, "message": "m"}),
    Ask("createJob", 201, fields={"id": "{new}", "runner": "external", "stallAfterMs": 60_000, "owner": "ann"}),
    Ask("createJob", 201, fields={"runner": "cpu", "total": 1, "stepWork": 1, "failAt": 1, "failedReason": "so"}),
    Ask("createJob", 201, fields={"stepMs": 1000, "repeat": 0}),
    Ask("createJob", 200, fields={"total": 1}, headers={"Idempotency-Key": "again"}),
    Ask("createJob", 400, body=b"{", headers={"Content-Type": "application/json"}),
    Ask("createJob", 409, fields={"id": "{external}"}),
    Ask("createJob", 413, body=b" " * (1024 * 1024 + 1), headers={"Content-Type": "application/json"}),
    Ask("createJob", 415, body=b"{}", headers={"Content-Type": "text/csv"}),
    Ask("createJob", 422, fields={"total": 0}),
    Ask("listJobs", 200, "/v1/jobs?state=completed&limit=2"),
    Ask("listJobs", 422, "/v1/jobs?limit=501"),
    Ask("getJob", 200, "/v1/jobs/{external}"),
    Ask("getJob", 200, "/v1/jobs/{ended}"),
    Ask("getJob", 404, "/v1/jobs/nobody"),
    Ask("reportJob", 200, "/v1/jobs/{external}", {"done": 3, "message": "three"}),
    Ask("reportJob", 200, "/v1/jobs/{external}", {"state": "failed", "failedReason": "no paper"}),
    Ask("reportJob", 400, "/v1/jobs/{external}", body=b"", headers={"Content-Type": "application/json"}),
    Ask("reportJob", 404, "/v1/jobs/nobody", {"done": 1}),
    Ask("reportJob", 409, "/v1/jobs/{timer}", {"done": 1}),
    Ask("reportJob", 412, "/v1/jobs/{external}", {"done": 1}, {"If-Match": '"other"'}),
    Ask("reportJob", 415, "/v1/jobs/{external}", body=b"{}", headers={"Content-Type": "text/plain"}),
    Ask("reportJob", 422, "/v1/jobs/{external}", {"done": 11}),
    Ask("cancelJob", 202, "/v1/jobs/{timer}/cancel"),
    Ask("cancelJob", 404, "/v1/jobs/nobody/cancel"),
    Ask("cancelJob", 409, "/v1/jobs/{ended}/cancel"),
    Ask("cancelJob", 412, "/v1/jobs/{timer}/cancel", headers={"If-Match": '"other"'}),
    Ask("deleteJob", 204, "/v1/jobs/{external}"),
    Ask("deleteJob", 404, "/v1/jobs/nobody"),
    Ask("deleteJob", 412, "/v1/jobs/{external}", headers={"If-Match": '"other"'}),
    Ask("reportJobs", 200, body=b'{"job":"nobody","done":1}\nno JSON\n', headers=NDJSON),
    Ask("reportJobs", 400, body=b"", headers=NDJSON),
    Ask("reportJobs", 415, fields={"job": "a"}),
    Ask("issueTicket", 201, fields={"ttlSeconds": 60}),
    Ask("issueTicket", 201),
    Ask("issueTicket", 404, fields={"job": "nobody"}),
    Ask("issueTicket", 415, body=b"{}", headers={"Content-Type": "text/plain"}),
    Ask("issueTicket", 422, fields={"ttlSeconds": 61}),
    Ask("followJob", 404, "/v1/jobs/nobody/events"),
    Ask("followJob", 406, "/v1/jobs/{external}/events", headers={"Accept": "text/html"}),
    Ask("followJob", 422, "/v1/jobs/{external}/events?events=none"),
    Ask("followJobs", 404, "/v1/events?job=nobody"),
    Ask("followJobs", 406, "/v1/events?all=true", headers={"Accept": "text/html"}),
    Ask("followJobs", 422, "/v1/events"),
    Ask("listStreams", 200),
    Ask("listStreams", 422, "/v1/streams?cursor=none"),
    Ask("getStats", 200),
    Ask("getMetrics", 200),
    Ask("getHealth", 200),
    Ask("getReadiness", 200),
    Ask("getDashboard", 200),
    Ask("getOpenApi", 200),
    Ask("createStatusJob", 201),
    Ask("getStatus", 200),
    Ask("getStatus", 200, "/status?job_id={status}"),
    Ask("getStatus", 404, "/status?job_id=nobody"),
    Ask("getStatus", 422, "/status?job_id="),
    Ask("followStatus", 404, "/client_status?watch=nobody"),
    Ask("followStatus", 406, headers={"Accept": "text/html"}),
    Ask("followStatus", 422, "/client_status?watch=a&job_id=b"),
    Ask("followChannel", 406, f"{CHANNEL}/stream/a", headers={"Accept": "text/html"}),
    Ask("followChannel", 422, f"{CHANNEL}/stream/" + 257 * "a"),
    Ask("postToChannel", 202, f"{CHANNEL}/a", {"completed": 3, "total": 10, "status": "processing"}),
    Ask("postToChannel", 400, f"{CHANNEL}/a", body=b"{", headers={"Content-Type": "application/json"}),
    Ask("postToChannel", 415, f"{CHANNEL}/a", body=b"{}", headers={"Content-Type": "text/plain"}),
    Ask("postToChannel", 422, f"{CHANNEL}/a", [1]),
    Ask("getChannel", 200, f"{CHANNEL}/status/a"),
    Ask("getChannel", 200, f"{CHANNEL}/status/nobody"),
    Ask("getChannel", 422, f"{CHANNEL}/status/" + 257 * "a"),
    Ask("clearChannel", 200, f"{CHANNEL}/b"),
    Ask("clearChannel", 422, f"{CHANNEL}/" + 257 * "a"),
    Ask("countChannelStreams", 200),
    Ask("queueCharacter", 201, fields={"name": "Test"}),
    Ask("queueCharacter", 400, body=b"{", headers={"Content-Type": "application/json"}),
    Ask("queueCharacter", 422, fields=[1]),
    Ask("queueMedia", 201, fields={}),
    Ask("queueMedia", 415, body=b"{}", headers={"Content-Type": "text/plain"}),
    Ask("followCharacter", 404, "/api/v1/sse/jobs/character/{media}"),
    Ask("followMedia", 404, "/api/v1/sse/jobs/media/{character}"),
    Ask("followQueued", 406, headers={"Accept": "text/html"}),
    Ask("followLoop", 406, headers={"Accept": "text/html"}),
    Ask("startTask", 200),
    Ask("followTask", 404, "/task-progress/nobody"),
]


def filled(text: str, running: Server) -> str:
    for name, make in MADE.items():
        if "{" + name + "}" in text:
            text = text.replace("{" + name + "}", make(running))
    return text


@dataclass
class Follow:
    """What a stream is told, and by what. Without `types` it is one of a job that the server runs, read to its end."""

    operation: str
    target: str
    types: list[str] = field(default_factory=list)
    act: Callable[[Server, str], object] = lambda running, target: None

    def __str__(self) -> str:
        return f"{self.operation}-{'-'.join(self.types)}"


def job_of(target: str) -> dict[str, str]:
    return {"id": target.partition("/v1/jobs/")[2].partition("/")[0] or target.partition("job=")[2].partition("&")[0]}


def complete(running: Server, target: str) -> None:
    running.patch(job_of(target), done=2)
    running.patch(job_of(target), state="completed", result=[1])


FOLLOWS = [
    Follow("followJob", "/v1/jobs/{external}/events", ["snapshot", "progress", "completed"], complete),
    Follow("followJob", "/v1/jobs/{external}/events", ["snapshot", "cancelled"],
           lambda running, target: running.cancel(job_of(target))),
    Follow("followJob", "/v1/jobs/{external}/events", ["snapshot", "failed"],
           lambda running, target: running.patch(job_of(target), state="failed", failedReason="so")),
    Follow("followJob", "/v1/jobs/{external}/events?lastEventId=none", ["gap", "snapshot"]),
    Follow("followJob", "/v1/jobs/{external}/events?events=message&lastEventId=none", 2 * ["message"]),
    Follow("followJobs", "/v1/events?job={external}", ["snapshot", "cancelled", "removed"],
           lambda running, target: running.delete(job_of(target))),
    Follow("followJobs", "/v1/events?kind=none&lastEventId=none", ["gap"]),
    Follow("followStatus", "/client_status?job_id={status}"),
    Follow("followChannel", f"{CHANNEL}/stream/told", ["message"],
           lambda running, target: running.request("POST", f"{CHANNEL}/told", {"status": "processing", "n": 1e300})),
    Follow("followCharacter", "/api/v1/sse/jobs/character/{character}"),
    Follow("followMedia", "/api/v1/sse/jobs/media/{media}"),
    Follow("followQueued", "/api/v1/sse/jobs/my", ["message"]),
    Follow("followLoop", "/events", ["message", "message"]),
    Follow("followTask", "/task-progress/{task}"),
]  # fmt: skip
