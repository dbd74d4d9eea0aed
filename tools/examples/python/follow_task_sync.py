#!/usr/bin/env python3
"""Starts a task and follows it to its end, synchronously, over requests."""

from __future__ import annotations

import sys

import requests
from progress_bars import ProgressBars
from progressd_client import Client
from task_program import SETTINGS, exit_status, is_over, new_flags, read_task


def follow_task(url: str) -> bool:
    """Whether it completed."""
    with requests.Session() as session, Client(url, session=session, settings=SETTINGS) as client:
        started = session.post(f"{url}/start-task", timeout=SETTINGS.answer_timeout_s)
        started.raise_for_status()
        task_id = started.json()["task_id"]
        bars = ProgressBars([task_id])
        with client.follow_path(f"/task-progress/{task_id}") as events:
            for event in events:
                task = read_task(event)
                bars.show(task_id, task["progress"], task["status"])
                if is_over(task):
                    return task["status"] == "completed"
    return False


if __name__ == "__main__":
    arguments = new_flags(__doc__).parse_args()
    sys.exit(exit_status(lambda: follow_task(arguments.url), requests.RequestException))
