"""One server under test: started on its core, waited for until it listens, ended afterwards."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from settings import Trouble

START_S_MAX = 20.0
STOP_S_MAX = 10.0
LISTENING = re.compile(r"listening on (?:http://)?127\.0\.0\.1:(\d+)")


class ServerProcess:
    """A context: the process lives as long as the block. Its output is kept, to be shown if it dies."""

    def __init__(
        self,
        name: str,
        command: list[str],
        core: int | None,
        port: int | None = None,
        workers: int = 0,
        headers: dict[str, str] | None = None,
    ) -> None:
        """`core` None: not pinned. `port` None: the server chooses one and prints it. `workers`:
        child processes to wait for (nginx listens before it has one). `headers`: of every request."""
        self.name = name
        self.headers = headers or {}
        self._workers = workers
        self.port = port
        self._command = command if core is None else ["taskset", "-c", str(core), *command]
        self._log = tempfile.NamedTemporaryFile("r", prefix=f"{name}-", suffix=".log")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        with open(self._log.name, "wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # SIGINT would be Node's and nginx's wish too, but a server must end on SIGTERM; the streams
        # are gone by now, so that nothing is left to drain.
        process = self._process
        if process and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pids(self) -> list[int]:
        """The process and its children (nginx has a worker)."""
        assert self._process
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_S_MAX)
        try:
            connection.request("GET", path, headers=self.headers)
            return connection.getresponse().read()
        finally:
            connection.close()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline:
            if self._process and self._process.poll() is not None:
                break
            if self._is_listening() and len(self.pids) > self._workers:
                return
            time.sleep(0.02)
        output = Path(self._log.name).read_text(errors="replace")[-2000:]
        raise Trouble(f"{self.name} did not start: {' '.join(self._command)}\n{output}")

    def _is_listening(self) -> bool:
        if self.port is None:
            match = LISTENING.search(Path(self._log.name).read_text(errors="replace"))
            if not match:
                return False
            self.port = int(match[1])
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def free_port() -> int:
    """For a server that can't choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
