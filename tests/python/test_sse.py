"""The event-stream parser: WHATWG HTML's rules, whatever the network does to the bytes."""

from __future__ import annotations

import pytest
from progressd_client import ProtocolError, SseEvent, SseParser

# One of everything: a mark at the start, comments, all three line ends, names, ids, several data lines, multi-byte
# characters, fields without a value or a space, unknown fields, an id with NUL, an empty block, and a cut end.
EVERYTHING = (
    "\ufeff: hello\r\n"
    "retry: 1500\n\n"
    "event: progress\nid: a-1\ndata: {\"done\": 1}\n\n"
    "data:no space\rdata:  two spaces\rid: a-2\r\r"
    "data: caf\u00e9 \u4e2d\u6587 \U0001f600\r\n\r\n"
    ": keepalive\n\n"
    "event: nothing\n\n"
    "id: a\0b\ndata\ndata: after NUL\n\n"
    "nobody: knows\nid\ndata: id is empty\n\n"
    "id: \u00fc-3\n\n"
    "data: the id alone counts\n\n"
    "data: cut"
).encode()  # fmt: skip
EVENTS = [
    SseEvent("progress", '{"done": 1}', "a-1"),
    SseEvent("message", "no space\n two spaces", "a-2"),
    SseEvent("message", "caf\u00e9 \u4e2d\u6587 \U0001f600", "a-2"),
    SseEvent("message", "\nafter NUL", "a-2"),
    SseEvent("message", "id is empty", ""),
    SseEvent("message", "the id alone counts", "\u00fc-3"),
]


def parsed(*pieces: bytes) -> list[SseEvent]:
    parser = SseParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def test_a_whole_stream() -> None:
    parser = SseParser()
    assert parser.feed(EVERYTHING) == EVENTS
    assert (parser.retry_ms, parser.comments, parser.last_event_id) == (1500, 2, "\u00fc-3")


def test_split_at_every_byte() -> None:
    for at in range(len(EVERYTHING) + 1):
        assert parsed(EVERYTHING[:at], EVERYTHING[at:]) == EVENTS, at


def test_split_at_every_two_places_among_line_ends_of_two_bytes() -> None:
    block = "event: e\r\ndata: \u00e9\r\ndata:\r\n\r\ndata: b\r\n\r\n".encode()
    for first in range(len(block)):
        for second in range(first, len(block)):
            pieces = (block[:first], block[first:second], block[second:])
            assert parsed(*pieces) == [SseEvent("e", "\u00e9\n", ""), SseEvent("message", "b", "")], (first, second)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_of_any_size(size: int) -> None:
    pieces = [EVERYTHING[at : at + size] for at in range(0, len(EVERYTHING), size)]
    assert parsed(*pieces) == EVENTS


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_line_end(end: str) -> None:
    stream = end.join(["event: e", "id: 1", "data: x", "", "data: y", "", ""]).encode()
    assert parsed(stream) == [SseEvent("e", "x", "1"), SseEvent("message", "y", "1")]


def test_a_carriage_return_ends_its_line_at_once() -> None:
    """An event must not wait for the byte after it, which may not come for an hour."""
    parser = SseParser()
    assert parser.feed(b"data: x\r\r") == [SseEvent("message", "x", "")]
    assert parser.feed(b"\ndata: y\n\n") == [SseEvent("message", "y", "")], "the line feed belongs to the line before"


def test_a_mark_is_only_one_at_the_start() -> None:
    assert parsed("\ufeffdata: x\n\n\ufeffdata: y\n\n".encode()) == [SseEvent("message", "x", "")]


def test_an_id_counts_when_its_block_has_ended() -> None:
    parser = SseParser("before")
    parser.feed(b"id: 1\ndata: x\n")
    assert parser.last_event_id == "before", "a cut here resumes after the event before"
    parser.feed(b"\n")
    assert parser.last_event_id == "1"


def test_the_id_that_was_resumed_from_holds_until_there_is_another() -> None:
    parser = SseParser("seen")
    assert parser.feed(b"event: gap\ndata: {}\n\n") == [SseEvent("gap", "{}", "seen")]
    assert parser.last_event_id == "seen"


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1s", "\u0661", "9" * 5_000])
def test_a_retry_that_is_no_number_is_ignored(value: str) -> None:
    parser = SseParser()
    parser.feed(b"retry: 7\n")
    parser.feed(f"retry: {value}\n\n".encode())
    assert parser.retry_ms == 7


def test_bad_utf_8_is_replaced() -> None:
    assert parsed(b"data: a\xff\xc3\n\n") == [SseEvent("message", "a\ufffd\ufffd", "")]


@pytest.mark.parametrize("endless", [b"x" * 1000, b"data: " + b"x" * 60 + b"\n"])
def test_an_endless_event_is_refused(endless: bytes) -> None:
    parser = SseParser(event_bytes_max=10_000)
    with pytest.raises(ProtocolError):
        for _ in range(1000):
            parser.feed(endless)


def test_many_events_do_not_add_up_to_the_bound() -> None:
    parser = SseParser(event_bytes_max=100)
    assert sum(len(parser.feed(b"data: " + b"x" * 50 + b"\n\n")) for _ in range(100)) == 100
