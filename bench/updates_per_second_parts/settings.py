"""What one invocation of the harness was told: programs, cores, sizes, durations."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent

# Sockets that a server or the load generator needs besides its streams.
DESCRIPTORS_RESERVED = 200


class Trouble(Exception):
    """Something that the user can mend; the text says what."""


@dataclass(frozen=True)
class Settings:
    binaries: Path
    """The folder with progressd, floor and sseload."""
    server_core: int
    load_core: int
    scale: float
    """Of the numbers of streams and jobs."""
    is_quick: bool
    is_verbose: bool

    def binary(self, name: str) -> str:
        path = self.binaries / name
        if not os.access(path, os.X_OK):
            raise Trouble(f"{path} is missing: build it first (tools/run, or cmake --build build)")
        return str(path)

    def scaled(self, count: int) -> int:
        return max(10, round(count * self.scale))

    @property
    def hold_s(self) -> float:
        """How long a measured phase takes, warm-up included."""
        return 1.0 if self.is_quick else 5.0

    @property
    def warmup_s(self) -> float:
        return 0.2 if self.is_quick else 1.0


def choose_cores() -> tuple[int, int]:
    """One for the server, another for the load; the same one twice where there is no other."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[min(1, len(cores) - 1)]


def raise_descriptor_limit(streams_max: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < streams_max + DESCRIPTORS_RESERVED:
        raise Trouble(
            f"{streams_max} streams need {streams_max + DESCRIPTORS_RESERVED} descriptors, and the "
            f"limit is {hard}: raise it (ulimit -Hn), or use a smaller --connections-scale"
        )
