"""Progress channels as section 4.2 of the wire contract has them, in an aiohttp server: for what the clients make of them.

Enough to be followed, resumed and cut: every update has an id, a stream begins with the latest value or with what
came after the id it resumes from, and `cut_streams` ends all of them.
"""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

PROGRESS = "/api/v1/sse/progress"


@dataclass
class Channel:
    updates: list[str] = field(default_factory=list)
    first: int = 0  # of those that a fresh reader may see: a deletion forgets all before it
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class ChannelServer:
    """The server in a thread of its own. Use it in a `with`."""

    def __enter__(self) -> ChannelServer:
        self._channels: dict[str, Channel] = {}
        self._generation = 0  # of streams: older ones end
        self.streams_opened = 0
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)

    def cut_streams(self) -> None:
        self._loop.call_soon_threadsafe(self._end_streams)

    def _end_streams(self) -> None:
        self._generation += 1
        for channel in self._channels.values():
            channel.changed.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        application = web.Application()
        application.add_routes(
            [
                web.post(PROGRESS + "/{user_id}", self._update),
                web.delete(PROGRESS + "/{user_id}", self._delete),
                web.get(PROGRESS + "/status/{user_id}", self._latest),
                web.get(PROGRESS + "/stream/{user_id}", self._stream),
            ]
        )
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.1).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await self._stop.wait()
        self._end_streams()
        await runner.cleanup()

    def _channel(self, request: web.Request) -> Channel:
        return self._channels.setdefault(request.match_info["user_id"], Channel())

    async def _update(self, request: web.Request) -> web.Response:
        text = await request.text()
        if not isinstance(json.loads(text), dict):
            problem = {"type": "about:blank", "title": "Unprocessable", "status": 422, "detail": "must be an object"}
            return web.json_response(problem, status=422, content_type="application/problem+json")
        channel = self._channel(request)
        channel.updates.append(text)
        channel.changed.set()
        return web.Response(status=202)

    async def _delete(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        channel.first = len(channel.updates)
        return web.json_response({"message": "deleted"})

    async def _latest(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        kept = channel.updates[channel.first :]
        return web.Response(text=kept[-1] if kept else "null", content_type="application/json")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.streams_opened += 1
        channel, generation = self._channel(request), self._generation
        seen = request.headers.get("Last-Event-ID")
        next_ = int(seen) if seen else max(channel.first, len(channel.updates) - 1)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        while generation == self._generation:
            channel.changed.clear()
            for number in range(next_, len(channel.updates)):
                await response.write(f"id: {number + 1}\ndata: {channel.updates[number]}\n\n".encode())
            next_ = len(channel.updates)
            await channel.changed.wait()
        return response


def any_update(number: int) -> dict[str, Any]:
    """As the tasks of a resume screener send them."""
    return {"completed": number, "total": 10, "status": "processing", "message": f"Processing file {number} of 10\u2026"}
