#!/usr/bin/env python3
"""Starts a task and follows it to its end with asyncio, over aiohttp."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from progress_bars import ProgressBars
from progressd_client import AsyncClient
from task_program import SETTINGS, exit_status, is_over, new_flags, read_task


async def start_task(session: aiohttp.ClientSession, url: str) -> str:
    async with session.post(f"{url}/start-task", raise_for_status=True) as started:
        task_id: str = (await started.json())["task_id"]
        return task_id


async def follow_task(client: AsyncClient, task_id: str, bars: ProgressBars) -> bool:
    """Whether it completed."""
    async with client.follow_path(f"/task-progress/{task_id}") as events:
        async for event in events:
            task = read_task(event)
            bars.show(task_id, task["progress"], task["status"])
            if is_over(task):
                return task["status"] == "completed"
    return False


async def main(url: str) -> bool:
    async with aiohttp.ClientSession() as session, AsyncClient(url, session=session, settings=SETTINGS) as client:
        task_id = await start_task(session, url)
        return await follow_task(client, task_id, ProgressBars([task_id]))


if __name__ == "__main__":
    arguments = new_flags(__doc__).parse_args()
    sys.exit(exit_status(lambda: asyncio.run(main(arguments.url)), aiohttp.ClientError))
