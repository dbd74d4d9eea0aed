"""The emulated machine: what it is given, how long it may take, and its end in any case."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import guest_image
from guest_console import Console
from settings import Trouble

MEMORY_MIB_MIN = 2_048
# Twice what the kernel and both programs hold for a stream: the rest is for a burst to all of them.
MEMORY_KIB_PER_STREAM = 16

# Of the time limit; what remains is for booting and measuring memory.
OPEN_SHARE = 0.6
SETTLE_SHARE = 0.25

PROCESSORS = 2
# As new as the programs want (SSE 4.2), and no newer: QEMU emulates a "fast" string move of later
# models byte by byte.
PROCESSOR = "Westmere"
# Emulation has no speculation to guard against, and its time-stamp counter is this machine's.
KERNEL_WORDS = "console=ttyS0 rdinit=/init quiet panic=-1 mitigations=off tsc=reliable"


@dataclass(frozen=True)
class Plan:
    """What the machine has to do."""

    streams: int
    time_limit_s: float

    def environment(self) -> dict[str, int]:
        """For `measure`."""
        return {
            "STREAMS": self.streams,
            "FIRST_MARK": max(1, self.streams // 10),
            "OPEN_S_MAX": max(1, int(self.time_limit_s * OPEN_SHARE)),
            "SETTLE_S_MAX": max(1, int(self.time_limit_s * SETTLE_SHARE)),
        }


def memory_for(streams: int) -> int:
    """In MiB."""
    return MEMORY_MIB_MIN + streams * MEMORY_KIB_PER_STREAM // 1024


def require_free_memory(memory_mib: int) -> None:
    found = re.search(r"MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text())
    free_mib = int(found[1]) // 1024 if found else 0
    if free_mib < memory_mib:
        raise Trouble(
            f"{memory_mib / 1024:.1f} GiB of free memory are needed, and there are "
            f"{free_mib / 1024:.1f}: use fewer --streams, or say --memory"
        )


def run(kernel: Path, programs: list[Path], memory_mib: int, plan: Plan, console: Console) -> None:
    with tempfile.TemporaryDirectory(prefix="million-streams-") as folder:
        image = guest_image.write(programs, Path(folder))
        words = [f"{name}={value}" for name, value in plan.environment().items()]
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", PROCESSOR]
        command += ["-smp", str(PROCESSORS), "-m", f"{memory_mib}M", "-nodefaults", "-no-reboot"]
        command += ["-display", "none", "-serial", "stdio"]
        command += ["-kernel", str(kernel), "-initrd", str(image)]
        command += ["-append", " ".join([KERNEL_WORDS, *words])]
        follow(command, console, plan.time_limit_s)


def follow(command: Sequence[str], console: Console, time_limit_s: float) -> None:
    """Runs it to its end, at the time limit at the latest. What it says goes to the console."""
    deadline = time.monotonic() + time_limit_s
    with (
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as machine,
        selectors.DefaultSelector() as selector,
    ):
        assert machine.stdout
        selector.register(machine.stdout, selectors.EVENT_READ)
        try:
            while True:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    limit = f"{time_limit_s / 60:g} minutes"
                    raise Trouble(f"not over within {limit}: see --time-limit")
                output = os.read(machine.stdout.fileno(), 65536)
                if not output:
                    return
                console.feed(output)
        finally:
            # It has ended, unless something went wrong. It is not waited for yet: the number is its.
            os.killpg(machine.pid, signal.SIGKILL)
