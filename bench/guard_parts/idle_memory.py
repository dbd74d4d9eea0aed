"""What an idle stream costs in user space: the slope of the server's memory between two numbers of
streams.

Of the proportional set size only the anonymous part (heap, stacks, written data) counts. The rest is
shared libraries, and their share moves whenever any other program of the machine starts or ends.
"""

from __future__ import annotations

import ctypes
import re
import statistics
from pathlib import Path

from lock_step import Reader, Requests
from server_process import ServerProcess
from settings import Trouble

STREAMS_FIRST = 1_000
STREAMS_LAST = 11_000
# A server's slope is a few pages off now and then.
SERVERS = 5


def measure(progressd: str) -> float:
    """Bytes per idle stream, the median over some servers."""
    _turn_off_huge_pages()
    return statistics.median(_slope(progressd) for _ in range(SERVERS))


def _slope(progressd: str) -> float:
    command = [progressd, "--listen", "127.0.0.1:0", "--job-threads", "1"]
    with ServerProcess("progressd", command, core=None) as server:
        readers: list[Reader] = []
        requests = Requests(server.port)
        requests.ask("POST", "/v1/jobs", '{"id":"idle","runner":"external"}')
        bytes_at = []
        for streams in (STREAMS_FIRST, STREAMS_LAST):
            # One at a time: what opening needs for a moment is the same at both marks.
            readers += [Reader(server.port, "/v1/jobs/idle/events") for _ in range(streams - len(readers))]
            bytes_at.append(_anonymous_bytes(server.pids[0]))
        for connection in [requests, *readers]:
            connection.close()
    return (bytes_at[1] - bytes_at[0]) / (STREAMS_LAST - STREAMS_FIRST)


def _turn_off_huge_pages() -> None:
    """For this process and its children. Where every program gets huge pages, memory would come in
    steps of 2 MiB. Source: prctl(2), linux/prctl.h."""
    set_thp_disable = 41
    arguments = [ctypes.c_ulong(value) for value in (1, 0, 0, 0)]
    if ctypes.CDLL(None).prctl(set_thp_disable, *arguments) != 0:
        raise Trouble("huge pages can't be turned off")


def _anonymous_bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    match = re.search(r"^Pss_Anon: +(\d+) kB$", text, re.MULTILINE)
    assert match, text
    return int(match[1]) * 1024
