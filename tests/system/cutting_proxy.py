"""TCP proxies that cut or hold up connections in the middle of what the server answers: clients have to bear it."""

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


class HoldingProxy(CuttingProxy):
    """Holds each connection up where its answers come to `hold_at`, until `go_on` is set."""

    def __init__(self, server: Server) -> None:
        super().__init__(server, lambda: 0, lambda: False)
        self.hold_at: bytes | None = None  # of those connections that begin later
        self.go_on = threading.Event()
        self.held = threading.Event()
        self._clients: list[socket.socket] = []

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.go_on.set()

    def cut(self) -> None:
        """Ends the connections there are; what is held up of them never comes."""
        clients, self._clients = self._clients, []
        for client in clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended
                pass

    def _hand_on(self, client: socket.socket, left: int) -> None:
        upstream = socket.create_connection(self._server.address)
        self._clients.append(client)
        threading.Thread(target=self._hand_up, args=(client, upstream), daemon=True).start()
        hold_at, before = self.hold_at, b""
        with client, upstream:
            try:
                while received := upstream.recv(65536):
                    seen = before + received
                    if hold_at and hold_at in seen:
                        held = max(0, seen.index(hold_at) - len(before))
                        client.sendall(received[:held])
                        received, hold_at = received[held:], None
                        self.held.set()
                        self.go_on.wait()
                    client.sendall(received)
                    before = seen[-len(hold_at) :] if hold_at else b""  # it may come in two pieces
            except OSError:  # the client left first, or was cut off
                pass
            for end in (client, upstream):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
