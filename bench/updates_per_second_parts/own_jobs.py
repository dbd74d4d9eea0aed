"""The measures of the jobs that progressd runs itself. No other system has such jobs."""

from __future__ import annotations

import os

from load import run_load
from measure import Measure, Outcome, timed_flags
from settings import Settings
from systems import Progressd, System

TIMER_JOBS = 10_000
TIMER_STEP_MS = 100
# Opened while their jobs run: a rush would make steps late for once, and move the pace that all
# later ones are held against.
TIMER_STREAMS_OPENED_PER_SECOND = 2_500

FOLLOWED_JOBS = 100
REPORTS_PER_SECOND = 1_000
CPU_STEP_MS = 10
ALL_STREAMS = "/v1/jobs/job-{i}/events"


class Timer(Measure):
    """Every job makes a step each 100 ms. The server is on one core; lateness is from the step's
    due time, by the best step of the same stream, until its bytes were read."""

    def suits(self, system: System) -> bool:
        return system.has_jobs

    def run(self, settings: Settings, system: System) -> Outcome:
        assert isinstance(system, Progressd)
        jobs = settings.scaled(TIMER_JOBS)
        with system.started() as server:
            body = f'{{"id":"job-{{i}}","total":1000000,"stepMs":{TIMER_STEP_MS}}}'
            system.create(server, jobs, body)
            flags = ["-c", str(jobs), *timed_flags(settings), "--seq-field", "done"]
            flags += ["--expect-step", "1", "--pace", f"{TIMER_STEP_MS}ms"]
            flags += ["--ramp", str(TIMER_STREAMS_OPENED_PER_SECOND)]
            flags += ["--unchecked-event", "snapshot", "--forbid-event", "gap"]
            result = run_load(settings, server, ALL_STREAMS, flags)
        rate = result.number("events", "perSecond")
        values = {
            "p99": result.number("events", "latencyMs", "p99"),
            "p50": result.number("events", "latencyMs", "p50"),
            "rate": rate,
            "kept": None if rate is None else rate / (jobs * 1000 / TIMER_STEP_MS),
            "share": result.number("server", "coreShare"),
        }
        return Outcome(values, result.failures)


class Cpu(Measure):
    """Jobs that compute on every core of the machine, for ever; beside them, reports at a modest
    rate. Nothing is pinned: the server's loop and the load have to get their turn."""

    def suits(self, system: System) -> bool:
        return system.has_jobs

    def run(self, settings: Settings, system: System) -> Outcome:
        assert isinstance(system, Progressd)
        threads = len(os.sched_getaffinity(0))
        jobs = settings.scaled(FOLLOWED_JOBS)
        with system.started_on_all_cores(threads) as server:
            system.prepare_jobs(server, jobs)
            body = f'{{"id":"cpu-{{i}}","runner":"cpu","total":1000000,"stepWork":{CPU_STEP_MS}}}'
            system.create(server, 2 * threads, body)
            flags = ["-c", str(jobs), "--publish-targets", str(jobs), *timed_flags(settings)]
            flags += ["--publish-rate", str(REPORTS_PER_SECOND), "--pipeline", "16"]
            flags += [*system.many_reports_flags(1), *system.check_flags()]
            result = run_load(settings, server, ALL_STREAMS, flags, is_pinned=False)
            lag = system.stats(server)["loopLagMs"]["p99"]
        values = {
            "lag": float(lag),
            "p99": result.number("events", "latencyMs", "p99"),
            "p50": result.number("events", "latencyMs", "p50"),
            "share": result.number("server", "coreShare"),
        }
        return Outcome(values, result.failures)
