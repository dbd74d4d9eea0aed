"""Progress bars in a terminal, a line for each task; where there is no terminal, a line for each change."""

from __future__ import annotations

import sys
from typing import Iterable, TextIO

WIDTH = 30  # characters of a bar

_UP = "\x1b[{}A\r"
_CLEAR_REST_OF_LINE = "\x1b[K"


def bar(progress: float, status: str) -> str:
    filled = int(WIDTH * min(max(progress, 0.0), 100.0) / 100)
    return f"[{'#' * filled}{'-' * (WIDTH - filled)}] {progress:5.1f}% {status}"


class ProgressBars:
    def __init__(self, names: Iterable[str], out: TextIO = sys.stdout) -> None:
        self._lines = {name: bar(0, "waiting") for name in names}
        self._out = out
        self._in_place = out.isatty()
        self._drawn = False

    def show(self, name: str, progress: float, status: str) -> None:
        line = bar(progress, status)
        if self._lines[name] == line:
            return
        self._lines[name] = line
        if self._in_place:
            self._draw()
        else:
            print(name, line, file=self._out, flush=True)

    def _draw(self) -> None:
        if self._drawn:
            self._out.write(_UP.format(len(self._lines)))
        self._drawn = True
        for name, line in self._lines.items():
            self._out.write(f"{name} {line}{_CLEAR_REST_OF_LINE}\n")
        self._out.flush()
