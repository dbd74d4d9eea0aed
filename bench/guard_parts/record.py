"""The recorded figures, what they were made with, and the verdict on new ones."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """Less is better."""

    key: str
    label: str
    digits: int
    tolerance: float
    """How far from the record is still the same, as a share of it."""


# Wider than runs of one build were apart, some of them on cores that four others wanted too: 0.5 %
# and 1.2 %.
INSTRUCTIONS_TOLERANCE = 0.02
SYSTEM_CALLS_TOLERANCE = 0.03
# 91.3 to 96.7 bytes were seen: how full the wheel of deadlines has its vectors depends on how many
# streams are opened in one tick. Eight bytes more for each connection are found all the same.
MEMORY_TOLERANCE = 0.05

LOAD_LABELS = {
    "broadcast": "one job, 100 readers",
    "reports": "100 jobs, 50 reports a request",
    "patch": "one request per update",
}
FIGURES = [
    Figure("idleBytes", "bytes of an idle stream", 1, MEMORY_TOLERANCE),
    *(
        Figure(f"{load}.instructions", f"instructions an update: {label}", 0, INSTRUCTIONS_TOLERANCE)
        for load, label in LOAD_LABELS.items()
    ),
    *(
        Figure(f"{load}.systemCalls", f"system calls an update: {label}", 3, SYSTEM_CALLS_TOLERANCE)
        for load, label in LOAD_LABELS.items()
    ),
]


@dataclass(frozen=True)
class Record:
    made_with: dict[str, str]
    figures: dict[str, float]

    @staticmethod
    def load(path: Path) -> Record:
        fields = json.loads(path.read_text())
        return Record(fields["madeWith"], fields["figures"])

    def save(self, path: Path) -> None:
        figures = {figure.key: round(self.figures[figure.key], figure.digits) for figure in FIGURES}
        fields = {"madeWith": self.made_with, "figures": figures}
        path.write_text(json.dumps(fields, indent=2) + "\n")


@dataclass(frozen=True)
class Verdict:
    lines: list[str]
    is_worse: bool


def judge(record: Record, now: Record) -> Verdict:
    lines = []
    worse = better = 0
    for figure in FIGURES:
        value = now.figures[figure.key]
        recorded = record.figures.get(figure.key)
        if recorded is None:
            lines.append(f"{figure.label:<60}{'–':>10}{value:>10,.{figure.digits}f}  NOT RECORDED")
            worse += 1
            continue
        change = value / recorded - 1
        word = "holds"
        if change > figure.tolerance:
            word = "WORSE"
            worse += 1
        elif change < -figure.tolerance:
            word = "better"
            better += 1
        numbers = f"{recorded:>10,.{figure.digits}f}{value:>10,.{figure.digits}f}"
        lines.append(f"{figure.label:<60}{numbers}  {word} ({change:+.1%}, ±{figure.tolerance:.0%})")
    if other := [
        f"  {name}: {record.made_with.get(name, '–')} then, {now.made_with.get(name, '–')} now"
        for name in record.made_with | now.made_with
        if record.made_with.get(name) != now.made_with.get(name)
    ]:
        lines += ["The record was made with something else, which may be why figures differ:", *other]
    if worse:
        lines.append(f"Worse than bench/guard.json: {worse} of {len(FIGURES)}. What to do: bench/README.md.")
    if better:
        lines.append(f"Better: {better} of {len(FIGURES)}. Lower the record: bench/guard --record.")
    return Verdict(lines, worse > 0)


def made_with(progressd: str) -> dict[str, str]:
    """All that moves the figures besides our code."""
    comment = _output("readelf", "--string-dump=.comment", progressd)
    flags = Path("/proc/cpuinfo").read_text()
    linked = re.findall(r"=> (/\S+)", _output("ldd", progressd))
    return {
        "architecture": platform.machine(),
        # glibc and simdjson choose their loops by it.
        "avx2": "yes" if re.search(r"^flags\s*:.*\bavx2\b", flags, re.MULTILINE) else "no",
        "compiler": ", ".join(sorted(set(re.findall(r"\]\s+(.*)", comment)))),
        "glibc": os.confstr("CS_GNU_LIBC_VERSION") or "?",
        **{
            name: Path(path).resolve().name
            for name in ("libstdc++", "libuv", "libsimdjson", "libfmt")
            for path in linked
            if Path(path).name.startswith(f"{name}.so")
        },
        "valgrind": _output("valgrind", "--version").strip(),
    }


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
