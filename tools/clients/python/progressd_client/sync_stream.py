"""A stream that is followed synchronously: an iterator, which any thread may close."""

from __future__ import annotations

import socket
import threading
from typing import Callable, Generic, Iterator, Mapping, Optional, TypeVar

import requests

from .errors import Answer
from .following import Follower

T = TypeVar("T")

# What requests raises when a connection fails; its other errors are mistakes of the caller.
LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class EventStream(Generic[T]):
    """An iterator over what is followed; it reconnects and resumes by itself. Close it, or use a `with`."""

    def __init__(
        self, follower: Follower[T], connect: Callable[[str, Mapping[str, str]], requests.Response]
    ) -> None:
        self._follower = follower
        self._connect = connect
        self._closed = threading.Event()
        self._turn = threading.RLock()  # held by the thread that takes the next event
        self._response: Optional[requests.Response] = None
        self._chunks: Iterator[bytes] = iter(())
        self._socket: Optional[socket.socket] = None

    @property
    def last_event_id(self) -> str:
        """The id of the last event that was taken, for another stream to resume after it."""
        return self._follower.last_event_id

    def __iter__(self) -> EventStream[T]:
        return self

    def __next__(self) -> T:
        with self._turn:
            try:
                while not self._closed.is_set():
                    item = self._follower.take()
                    if item is not None:
                        return item
                    if self._follower.is_over:
                        break
                    self._advance()
            except Exception:
                self.close()
                raise
            self.close()
            raise StopIteration

    def close(self) -> None:
        """Ends the iteration, from any thread: a read that is under way returns."""
        self._closed.set()
        # Whoever reads sees the end of the connection, and then the flag. Closing it under a reader
        # would hand its descriptor to another connection.
        connection = self._socket
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it ended by itself
                pass
        if self._turn.acquire(blocking=False):
            try:
                self._disconnect()
            finally:
                self._turn.release()

    def __enter__(self) -> EventStream[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _advance(self) -> None:
        """Connects, or reads once, or waits once."""
        try:
            if self._response is None:
                wait_s = self._open()
            elif chunk := next(self._chunks, b""):
                self._follower.received(chunk)
                return
            else:
                self._disconnect()
                wait_s = self._follower.lost(None)
        except LOST as error:
            self._disconnect()
            if self._closed.is_set():
                return
            wait_s = self._follower.lost(error)
        self._closed.wait(wait_s)

    def _open(self) -> float:
        response = self._connect(self._follower.path(), self._follower.headers())
        if not self._follower.is_opened_by(response.status_code, response.headers.get("Content-Type", "")):
            return self._follower.refused(answer_of(response))
        self._response = response
        # Without chunks the library would wait until its buffer is full: then byte by byte, out of the
        # socket's buffer.
        self._chunks = response.iter_content(None if response.raw.chunked else 1)
        self._socket = _socket_of(response)
        return 0.0

    def _disconnect(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def answer_of(response: requests.Response) -> Answer:
    """Reads the body of a response that was asked for with `stream`; one that was cut is a lost one.

    http.client takes a head that was cut for a whole one, and urllib3, before its version 2, a body too.
    """
    response.raw.enforce_content_length = True
    with response:
        body = response.content
        has_length = response.headers.get("Content-Length") or response.raw.chunked or response.status_code == 204
        if not body and not has_length:
            raise requests.ConnectionError("the answer was cut")
        return Answer(response.status_code, response.headers, body)


def _socket_of(response: requests.Response) -> Optional[socket.socket]:
    """A handle of our own on the connection, for another thread to shut it down."""
    try:
        return socket.fromfd(response.raw.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, AttributeError):  # the response has already ended
        return None
