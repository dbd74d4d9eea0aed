#!/usr/bin/env python3
"""Starts several tasks and follows them all at once with asyncio, a bar for each."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from follow_task_async import follow_task, start_task
from progress_bars import ProgressBars
from progressd_client import AsyncClient
from task_program import SETTINGS, exit_status, new_flags


async def main(url: str, tasks: int) -> bool:
    # No limit of connections: each stream keeps one to itself.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async with AsyncClient(url, session=session, settings=SETTINGS) as client:
            task_ids = await asyncio.gather(*(start_task(session, url) for _ in range(tasks)))
            bars = ProgressBars(task_ids)
            completed = await asyncio.gather(*(follow_task(client, task_id, bars) for task_id in task_ids))
            return all(completed)


if __name__ == "__main__":
    flags = new_flags(__doc__)
    flags.add_argument("--tasks", type=int, default=3, help="how many (default: %(default)s)")
    arguments = flags.parse_args()
    sys.exit(exit_status(lambda: asyncio.run(main(arguments.url, arguments.tasks)), aiohttp.ClientError))
