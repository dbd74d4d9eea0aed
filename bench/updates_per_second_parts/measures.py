"""All measures, in the order of the table, with their rows. The first row of each is drawn."""

from __future__ import annotations

from measure import Figure
from own_jobs import TIMER_JOBS, Cpu, Timer
from reported_jobs import JOBS, STREAMS, Broadcast, Channels, Idle, Jobs, JobsPaced, Open, Posts, Stuck

RATE = Figure("rate", "deliveries/s", is_more_better=True)
CPU_EACH = Figure("cpu", "server CPU µs each", digits=2)
EVENT_BYTES = Figure("bytes", "bytes an event", is_compared=False)
THROUGHPUT = [RATE, CPU_EACH, EVENT_BYTES]
UPDATES = [Figure("rate", "updates/s", is_more_better=True), CPU_EACH, EVENT_BYTES]
TIMER_FIGURES = [
    Figure("p99", "p99 of lateness, ms", digits=2),
    Figure("p50", "p50 of lateness, ms", digits=2),
    Figure("rate", "updates/s", is_more_better=True),
    Figure("kept", "of those that were due", is_more_better=True, digits=3),
    Figure("share", "share of the core", digits=2),
]
CPU_FIGURES = [
    Figure("lag", "loop lag p99, ms", digits=2),
    Figure("p99", "report → reader p99, ms", digits=2),
    Figure("p50", "report → reader p50, ms", digits=2),
    Figure("share", "cores in use", digits=2),
]
LATENCY = [Figure("p99", "p99 ms", digits=2), Figure("p50", "p50 ms", digits=2), CPU_EACH]


def broadcast(readers: int, coalesces: bool) -> Broadcast:
    name = f"broadcast-{readers}" + ("" if coalesces else "-single")
    title = f"one job, {readers:,} readers, " + ("pipelined reports" if coalesces else "one at a time")
    return Broadcast(name, title, THROUGHPUT, readers, readers=readers, coalesces=coalesces)


MEASURES = [
    Idle("idle", "memory of an idle stream", [Figure("bytes", "PSS bytes a stream")], STREAMS),
    Open(
        "open",
        "streams opened",
        [Figure("rate", "streams/s", is_more_better=True), Figure("cpu", "server CPU µs each", digits=1)],
        STREAMS,
    ),
    broadcast(1_000, coalesces=True),
    broadcast(1_000, coalesces=False),
    broadcast(10_000, coalesces=True),
    broadcast(10_000, coalesces=False),
    Jobs("jobs-5000", "5,000 jobs, a reader each, 50 reports a request", UPDATES, JOBS),
    JobsPaced("jobs-5000-paced", "the same at 10,000 updates/s", LATENCY, JOBS),
    Posts("posts-5000", "5,000 jobs, a reader each, one request per update", UPDATES, JOBS),
    Channels(
        "channels-5000",
        "5,000 progress channels, a reader each, one request per object",
        UPDATES,
        JOBS,
    ),
    Timer("timer", "10,000 timer jobs at 10 Hz, a reader each", TIMER_FIGURES, TIMER_JOBS),
    Cpu("cpu", "cpu jobs on all cores beside 1,000 reports/s", CPU_FIGURES, 100),
    Stuck(
        "stuck",
        "broadcast with 1,000 of 10,000 readers stuck",
        [
            Figure("share", "throughput ÷ without them", is_more_better=True, digits=2, is_compared=False),
            Figure("memory", "server bytes a stuck reader", is_compared=False),
            Figure("conflated", "conflated, a stuck reader", is_compared=False),
            Figure("rate", "deliveries/s to the others", is_more_better=True, is_compared=False),
        ],
        10_000,
    ),
]
BY_NAME = {measure.name: measure for measure in MEASURES}
