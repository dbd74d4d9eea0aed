"""A TCP proxy that cuts connections in the middle of what the server answers, for clients that have to live with it."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Callable

from harness import Server


class CuttingProxy:
    """Hands connections on to the server, and cuts each one after so many bytes of its answer. Use it in a `with`."""

    def __init__(self, server: Server, bytes_until_cut: Callable[[], int], reset: Callable[[], bool]) -> None:
        self._server = server
        self._bytes_until_cut = bytes_until_cut
        self._reset = reset
        self.cuts = 0

    def __enter__(self) -> CuttingProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._hand_on, args=(client, self._bytes_until_cut()), daemon=True).start()

    def _hand_on(self, client: socket.socket, left: int) -> None:
        upstream = socket.create_connection(self._server.address)
        threading.Thread(target=self._hand_up, args=(client, upstream), daemon=True).start()
        with client, upstream:
            try:
                while left > 0 and (received := upstream.recv(65536)):
                    client.sendall(received[:left])
                    left -= len(received)
                if left <= 0:
                    self.cuts += 1
                    if self._reset():
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:  # the client left first
                pass
            for end in (client, upstream):
                try:
                    end.shutdown(socket.SHUT_RDWR)  # which ends the other thread's reading too
                except OSError:
                    pass

    @staticmethod
    def _hand_up(client: socket.socket, upstream: socket.socket) -> None:
        try:
            while received := client.recv(65536):
                upstream.sendall(received)
            upstream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
