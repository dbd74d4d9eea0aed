"""A job with ten events, as a scripted server tells it."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, Callable

from scripted_server import END_OF_CHUNKS, Reply, Request, answer, chunked

RETRY = b"retry: 1489\n\n"


def event(number: int, type_: str = "progress", state: str = "active", **more: Any) -> bytes:
    data = {"id": "a", "state": state, "done": number, "total": 9, "percent": 11.1 * number, **more}
    return f"event: {type_}\nid: e-{number}\ndata: {json.dumps(data)}\n\n".encode()


BEGINNING = [RETRY, event(0, "snapshot", "pending")]
END = event(9, "completed", "completed", result={"caf\u00e9": 1})
WHOLE = Reply(chunked([*BEGINNING, *(event(number) for number in range(1, 9)), END]) + END_OF_CHUNKS)


def resumed_from(request: Request) -> str | None:
    return request.headers["Last-Event-ID"]


def numbers(events: Any) -> list[Any]:
    """What was done by each event; a hundred of them, where a client never comes to the end."""
    return [event.done for event in islice(events, 100)]


def story(reply: Callable[[list[bytes]], Reply]) -> Callable[[Request], Reply]:
    """A job with ten events, told as progressd tells it: from after the one that the reader has seen.

    `reply` makes the answer out of the blocks that are to be sent.
    """

    def handle(request: Request) -> Reply:
        seen = resumed_from(request)
        if seen == "e-9":
            return answer(204)
        blocks = [event(0, "snapshot", "pending"), *(event(number) for number in range(1, 9)), END]
        return reply([RETRY, *blocks[int(seen.removeprefix("e-")) + 1 if seen else 0 :]])

    return handle


def whole(blocks: list[bytes]) -> Reply:
    return Reply(chunked(blocks) + END_OF_CHUNKS)
