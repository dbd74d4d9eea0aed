"""The words of a measure: what it is called, which figures it gives, what one run of it saw."""

from __future__ import annotations

from dataclasses import dataclass, field

from server_process import ServerProcess
from settings import Settings
from systems import System


@dataclass(frozen=True)
class Figure:
    """A row of the table."""

    key: str
    label: str
    is_more_better: bool = False
    is_compared: bool = True
    """Whether a ratio to the floor says anything."""
    digits: int = 0


@dataclass(frozen=True)
class Outcome:
    """One run. A value that could not be measured is None."""

    values: dict[str, float | None]
    failures: list[str]
    """Checks that did not hold: events lost, twice or out of order, streams dropped…"""
    at_least: set[str] = field(default_factory=set)
    """Figures that the load generator bounded: the server may be better."""


@dataclass(frozen=True)
class Measure:
    """`figures` are its rows in the table; the first one is drawn."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    streams_max: int = 0

    def suits(self, system: System) -> bool:
        return True

    def run(self, settings: Settings, system: System) -> Outcome:
        with system.started() as server:
            return self.load(settings, system, server)

    def load(self, settings: Settings, system: System, server: ServerProcess) -> Outcome:
        raise NotImplementedError


def seconds(value: float) -> str:
    return f"{value * 1000:.0f}ms"


def timed_flags(settings: Settings, longer_s: float = 0) -> list[str]:
    """`longer_s`: additional warm-up."""
    hold, warmup = settings.hold_s + longer_s, settings.warmup_s + longer_s
    return ["--hold", seconds(hold), "--warmup", seconds(warmup)]
