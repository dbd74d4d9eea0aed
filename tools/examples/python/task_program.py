"""What the three programs share: a task as its stream tells it, their flags, and their exit statuses."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Callable, TypedDict

from progressd_client import ProgressdError, ReconnectPolicy, Settings, SseEvent

# A program that somebody looks at gives up after about half a minute without its server.
SETTINGS = Settings(stream_policy=ReconnectPolicy(cap_s=5.0, asked_s_max=5.0, failures_max=8))

EXIT_COMPLETED = 0
EXIT_FAILED = 1  # a task, or the way to it
EXIT_INTERRUPTED = 130  # as a shell says it of Ctrl-C


class Task(TypedDict):
    task_id: str
    progress: float  # 0 to 100
    status: str  # started, processing, completed or failed


def read_task(event: SseEvent) -> Task:
    task: Task = json.loads(event.data)
    return task


def is_over(task: Task) -> bool:
    return task["status"] in ("completed", "failed")


def new_flags(description: str) -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(description=description)
    flags.add_argument("--url", default="http://127.0.0.1:8080", help="the server (default: %(default)s)")
    return flags


def exit_status(follow: Callable[[], bool], lost: type[Exception]) -> int:
    """Runs it. It answers whether all went well; an error, the HTTP library's `lost` too, is told in a line."""
    try:
        return EXIT_COMPLETED if follow() else EXIT_FAILED
    except (ProgressdError, ValueError, lost) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
