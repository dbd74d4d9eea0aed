"""What the emulated machine says on its serial line: progress to show, and a line with the result."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from typing import Any, Callable

from settings import Trouble

SHOW_EVERY_S = 5.0
LINES_KEPT = 30
# A live line of sseload begins again with this.
CLEAR_LINE = "\x1b[K"
RESULT = re.compile(r"result: (\{.*\}) :result$")


class Console:
    """`say` is told each line, but of sseload's live line only one in a while."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._began_at = time.monotonic()
        self._shown_at = 0.0
        self._rest = b""
        self._latest: deque[str] = deque(maxlen=LINES_KEPT)
        self._result: str | None = None

    def feed(self, output: bytes) -> None:
        *lines, self._rest = re.split(rb"[\r\n]+", self._rest + output)
        for line in lines:
            self._take(line.decode(errors="replace"))

    def report(self) -> dict[str, Any]:
        """sseload's report."""
        try:
            report: dict[str, Any] = json.loads(self._result or "")
            return report
        except json.JSONDecodeError:
            latest = "\n".join([*self._latest, self._rest.decode(errors="replace")])
        raise Trouble(f"the machine ended without a result. Its latest words:\n{latest}")

    def _take(self, line: str) -> None:
        is_live = line.startswith(CLEAR_LINE)
        line = line.removeprefix(CLEAR_LINE).rstrip()
        if not line:
            return
        if found := RESULT.search(line):
            self._result = found[1]
            return
        self._latest.append(line)
        now = time.monotonic()
        if is_live and now - self._shown_at < SHOW_EVERY_S:
            return
        if is_live:
            self._shown_at = now
        self._say(f"{now - self._began_at:5.0f} s  {line}")
