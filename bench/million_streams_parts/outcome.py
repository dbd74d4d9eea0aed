"""What a run has shown: figures to compare, checks that must hold."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from load import LoadResult
from report import align

# A stream of many costs no more than one of few; between runs it differs by so much.
USER_BYTES_GROWTH_MAX = 1.2

# Where they stand in sseload's report.
SSELOADS_FIGURES = [
    ("openedPerSecond", "streams opened per second", ("streams", "openedPerSecond")),
    ("openCpu", "progressd's CPU µs a stream opened", ("server", "cpuMicrosecondsPerOpen")),
    ("eventCpu", "progressd's CPU µs an event delivered", ("server", "cpuMicrosecondsPerEvent")),
    ("userBytes", "progressd's memory a stream (PSS), bytes", ("server", "pssBytesPerStream")),
    (
        "kernelBytes",
        "the kernel's a stream, both ends, bytes",
        ("server", "machineKernelBytesPerStream"),
    ),
    ("slabBytes", "  of it in slabs", ("server", "machineSlabBytesPerStream")),
]


@dataclass(frozen=True)
class Figure:
    key: str
    label: str
    value: float | None
    digits: int = 0

    def row(self) -> list[str]:
        return [self.label, "–" if self.value is None else f"{self.value:,.{self.digits}f}"]


@dataclass(frozen=True)
class Check:
    label: str
    seen: int
    wanted: int

    @property
    def holds(self) -> bool:
        return self.seen == self.wanted

    def row(self) -> list[str]:
        return [self.label, f"{self.seen:,}", f"{self.wanted:,}", "" if self.holds else "FAILED"]


@dataclass(frozen=True)
class Bound(Check):
    """What may be less than wanted, but not more; 0 was not measured."""

    @property
    def holds(self) -> bool:
        return 0 < self.seen <= self.wanted


class Outcome:
    """`report` is sseload's. `user_bytes`: what a stream costs with far fewer of them."""

    def __init__(self, streams: int, report: dict[str, Any], user_bytes: float) -> None:
        self.user_bytes_max = int(user_bytes * USER_BYTES_GROWTH_MAX)
        self.load = LoadResult(report, list(report["checks"]["failures"]))
        self.figures = self._figures()
        self.checks = self._checks(streams)

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    def _figures(self) -> list[Figure]:
        number = self.load.number
        first, last = self.load.report["server"]["marks"]
        slowest_ms = number("events", "latencyMs", "max")
        return [
            *(Figure(key, label, number(*path)) for key, label, path in SSELOADS_FIGURES),
            Figure("fromStreams", "  measured between so many streams", first["streams"]),
            Figure("toStreams", "  and so many", last["streams"]),
            Figure("userMiB", "progressd's memory in all, MiB", last["pssBytes"] / 2**20, 1),
            Figure(
                "deliverSeconds",
                "from the report to the last reader, s",
                None if slowest_ms is None else slowest_ms / 1000,
                1,
            ),
        ]

    def _checks(self, streams: int) -> list[Check]:
        def count(*path: str) -> int:
            return int(self.load.number(*path) or 0)

        def faults(*keys: str) -> int:
            return sum(count("checks", key) for key in keys)

        return [
            Check("streams opened", count("streams", "opened"), streams),
            Check("streams open at the end", count("streams", "openAtEnd"), streams),
            Check("snapshots", count("events", "byName", "snapshot"), streams),
            Check("reports accepted", count("publish", "accepted"), 1),
            Check("events", count("events", "byName", "progress"), streams),
            Check("  of any other kind", count("events", "total") - 2 * streams, 0),
            Check("  lost", faults("missing", "shortEvents"), 0),
            Check("  twice", faults("duplicates", "idDuplicates", "surplusEvents"), 0),
            Check("  out of order", faults("reordered", "idReordered"), 0),
            Check("complaints of sseload", len(self.load.failures), 0),
            Bound(
                "progressd's bytes a stream, at most",
                math.ceil(self.load.number("server", "pssBytesPerStream") or 0),
                self.user_bytes_max,
            ),
        ]

    def text(self) -> str:
        checks = [["check", "seen", "wanted", ""], *(check.row() for check in self.checks)]
        parts = [
            align([figure.row() for figure in self.figures], left_columns=1),
            align(checks, left_columns=1, right_columns=2),
        ]
        if self.load.failures:
            notes = [*self.load.failures, *self.load.report["checks"]["notes"]]
            parts.append("sseload says:\n" + "\n".join(notes))
        parts.append("every check held" if self.holds else "FAILED")
        return "\n\n".join(parts)

    def write_json(self, path: Path, settings: dict[str, Any]) -> None:
        everything = {
            "settings": settings,
            "figures": {figure.key: figure.value for figure in self.figures},
            "checks": [asdict(check) | {"holds": check.holds} for check in self.checks],
            "sseload": self.load.report,
        }
        path.write_text(json.dumps(everything, indent=2, ensure_ascii=False) + "\n")
