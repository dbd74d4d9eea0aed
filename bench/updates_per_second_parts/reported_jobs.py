"""The measures in which jobs are reported on over HTTP, and followed.

Each run has a server of its own, freshly started, so that no measure sees another's memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from load import LoadResult, run_load
from measure import Measure, Outcome, timed_flags
from server_process import ServerProcess
from settings import Settings
from systems import System

STREAMS = 18_000
STREAMS_FIRST_MARK = 1_000
JOBS = 5_000
LINES = 50
PACED_PER_SECOND = 10_000
# How far readers may be behind the reports that are on their way: enough to join many events for
# one write, little enough for the socket buffers, so that nobody has to be conflated.
PIPELINE = 64
WINDOW_EVENTS_MAX = 256
WINDOW_DELIVERIES_MAX = 1_280_000
# The slowest of the systems needs a while for as many deliveries.
SETTLE = "90s"

STUCK_PADDING = "x" * 1_000
STUCK_WINDOW = 32
STUCK_FILL_S = 8.0

ALL_STREAMS = "/v1/jobs/job-{i}/events"
ONE_JOB = "/v1/jobs/job-0/events"


class Idle(Measure):
    """Streams of one job, which nobody reports on: the slope of the server's PSS."""

    def load(self, settings: Settings, system: System, server: ServerProcess) -> Outcome:
        system.prepare_jobs(server, 1)
        marks = [settings.scaled(STREAMS_FIRST_MARK), settings.scaled(STREAMS)]
        flags = ["-c", str(marks[1]), "--memory-marks", str(marks[0]), "--hold", "100ms"]
        result = run_load(settings, server, ONE_JOB, flags)
        return Outcome({"bytes": result.number("server", "pssBytesPerStream")}, result.failures)


class Open(Measure):
    """Streams opened as fast as they are taken."""

    def load(self, settings: Settings, system: System, server: ServerProcess) -> Outcome:
        system.prepare_jobs(server, 1)
        flags = ["-c", str(settings.scaled(STREAMS)), "--hold", "100ms"]
        result = run_load(settings, server, ONE_JOB, flags)
        values = {
            "rate": result.number("streams", "openedPerSecond"),
            "cpu": result.number("server", "cpuMicrosecondsPerOpen"),
        }
        return Outcome(values, result.failures, {"rate"} if result.was_bottleneck_opening else set())


def throughput_outcome(result: LoadResult) -> Outcome:
    values = {
        "rate": result.number("events", "perSecond"),
        "cpu": result.number("server", "cpuMicrosecondsPerEvent"),
        "bytes": result.bytes_per_event,
    }
    return Outcome(values, result.failures, {"rate"} if result.was_bottleneck else set())


@dataclass(frozen=True)
class Broadcast(Measure):
    """Reports on one job, a request each, to all readers of it."""

    readers: int = 1_000
    coalesces: bool = True

    def load(self, settings: Settings, system: System, server: ServerProcess) -> Outcome:
        system.prepare_jobs(server, 1)
        flags = ["-c", str(settings.scaled(self.readers)), *timed_flags(settings)]
        flags += [*system.check_flags(), *system.one_report_flags("/v1/jobs/job-0")]
        window = min(WINDOW_EVENTS_MAX, WINDOW_DELIVERIES_MAX // self.readers)
        window, pipeline = (window, PIPELINE) if self.coalesces else (1, 1)
        flags += ["--publish-window", str(window), "--pipeline", str(pipeline), "--settle", SETTLE]
        return throughput_outcome(run_load(settings, server, ONE_JOB, flags))


class Jobs(Measure):
    """5,000 jobs with a reader each, reported in NDJSON as fast as the server takes it."""

    def suits(self, system: System) -> bool:
        return system.takes_many_reports

    def load(self, settings: Settings, system: System, server: ServerProcess) -> Outcome:
        return throughput_outcome(self.publish(settings, system, server, ["--pipeline", "8"]))

    def publish(
        self, settings: Settings, system: System, server: ServerProcess, flags: list[str]
    ) -> LoadResult:
        jobs = settings.scaled(JOBS)
        system.prepare_jobs(server, jobs)
        flags = [*flags, "-c", str(jobs), "--publish-targets", str(jobs), *timed_flags(settings)]
        if system.takes_many_reports:
            flags += system.many_reports_flags(LINES)
        else:
            flags += system.one_report_flags("/v1/jobs/job-{i}")
        return run_load(settings, server, ALL_STREAMS, [*flags, *system.check_flags()])


class JobsPaced(Jobs):
    """The same at a fixed rate; a system without /v1/reports is told one by one."""

    def suits(self, system: System) -> bool:
        return True

    def load(self, settings: Settings, system: System, server: ServerProcess) -> Outcome:
        rate = settings.scaled(PACED_PER_SECOND)
        flags = ["--publish-rate", str(rate), "--pipeline", "64"]
        result = self.publish(settings, system, server, flags)
        values = {
            "p50": result.number("events", "latencyMs", "p50"),
            "p99": result.number("events", "latencyMs", "p99"),
            "cpu": result.number("server", "cpuMicrosecondsPerEvent"),
        }
        return Outcome(values, result.failures)


class Patches(Measure):
    """5,000 jobs with a reader each, one request per update."""

    def load(self, settings: Settings, system: System, server: ServerProcess) -> Outcome:
        jobs = settings.scaled(JOBS)
        system.prepare_jobs(server, jobs)
        return self.publish(settings, system, server, ALL_STREAMS, system.one_report_flags("/v1/jobs/job-{i}"))

    def publish(
        self, settings: Settings, system: System, server: ServerProcess, streams: str, flags: list[str]
    ) -> Outcome:
        jobs = str(settings.scaled(JOBS))
        flags = [*flags, "-c", jobs, "--publish-targets", jobs, *timed_flags(settings)]
        flags += ["--publish-connections", "4", "--pipeline", "32", *system.check_flags()]
        return throughput_outcome(run_load(settings, server, streams, flags))


class Posts(Patches):
    """The same where a system has something for it that is cheaper than a job."""

    def load(self, settings: Settings, system: System, server: ServerProcess) -> Outcome:
        return self.publish(settings, system, server, system.posts_streams, system.posts_flags())


class Stuck(Measure):
    """The broadcast to 9,000 readers alone, and again beside 1,000 that never read.

    Events are large, windows and segments small (an Ethernet's, not loopback's): else the kernel
    keeps all that a stuck reader is sent within the run, and the server never sees that it is stuck.
    """

    def suits(self, system: System) -> bool:
        return system.has_queues

    def run(self, settings: Settings, system: System) -> Outcome:
        readers = settings.scaled(9_000)
        stuck = settings.scaled(1_000)
        alone, _ = self.broadcast(settings, system, readers, [])
        flags = ["--stuck", f"{stuck}/{readers + stuck}"]
        beside, conflated = self.broadcast(settings, system, readers + stuck, flags)
        rate, rate_alone = beside.number("events", "perSecond"), alone.number("events", "perSecond")
        values = {"rate": rate, "share": None, "memory": None, "conflated": None}
        if rate is not None and rate_alone:
            values["share"] = rate / rate_alone
        if beside.pss_at_end and alone.pss_at_end:
            values["memory"] = (beside.pss_at_end - alone.pss_at_end) / stuck
        if conflated is not None:
            values["conflated"] = conflated / stuck
        return Outcome(values, [*alone.failures, *beside.failures])

    def broadcast(
        self, settings: Settings, system: System, streams: int, flags: list[str]
    ) -> tuple[LoadResult, float | None]:
        body = system.report_body.replace("{now_us}", "{now_us} " + STUCK_PADDING)
        flags = [*flags, "-c", str(streams), "--segment-bytes", "1448", "--receive-buffer", "32768"]
        flags += [*timed_flags(settings, longer_s=STUCK_FILL_S), *system.check_flags()]
        flags += system.one_report_flags("/v1/jobs/job-0", body)
        flags += ["--publish-window", str(STUCK_WINDOW), "--pipeline", str(STUCK_WINDOW)]
        flags += ["--settle", SETTLE]
        with system.started() as server:
            system.prepare_jobs(server, 1)
            return run_load(settings, server, ONE_JOB, flags), system.conflated(server)
