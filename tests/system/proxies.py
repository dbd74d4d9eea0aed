"""nginx, Caddy and HAProxy with the configuration files that the guide shows, but for ports and folders."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Callable

from harness import REPOSITORY, Connection, Lines, Stream, patience, plain_environment, request_bytes, wait_until

FOLDER = REPOSITORY / "tools" / "docs" / "proxies"
# Below what the kernel gives out by itself, so that no connection of another test has it.
PORTS = range(10_000, 32_000)


def free_port() -> int:
    """A port for a program that can't be told to take any."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.choice(PORTS)))
            except OSError:
                continue
            return int(probe.getsockname()[1])


def make_certificate(folder: Path) -> None:
    """For localhost, signed by itself: chain.pem, key.pem, and both.pem for HAProxy."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
               "-keyout", str(folder / "key.pem"), "-out", str(folder / "chain.pem")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "chain.pem").read_text() + (folder / "key.pem").read_text())


def nginx_command(config: Path) -> list[str]:
    ours = f"daemon off; pid {config.parent}/nginx.pid; error_log stderr;"
    return ["nginx", "-e", "stderr", "-c", str(config), "-g", ours]


COMMANDS: dict[str, tuple[str, Callable[[Path], list[str]]]] = {
    "nginx": ("nginx.conf", nginx_command),
    "caddy": ("Caddyfile", lambda config: ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]),
    "haproxy": ("haproxy.cfg", lambda config: ["haproxy", "-db", "-f", str(config)]),
}


class Proxy:
    """A proxy in front of the server that listens on `backend`."""

    def __init__(self, name: str, folder: Path, backend: int) -> None:
        self.name = name
        self.address = ("127.0.0.1", free_port())
        self.tls_port = free_port()
        make_certificate(folder)
        file, command = COMMANDS[name]
        config = folder / file
        config.write_text(self._adapted((FOLDER / file).read_text(), folder, backend))
        path = f"/usr/sbin:/usr/bin:{os.environ['PATH']}"
        if shutil.which(name, path=path) is None:
            raise AssertionError(f"{name} is missing: tools/packages check")
        self.process = subprocess.Popen(
            command(config),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=plain_environment(PATH=path, XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder)),
        )
        self.log = Lines(self.process.stderr)
        wait_until(self._listens, f"{name} to listen")

    def _adapted(self, text: str, folder: Path, backend: int) -> str:
        def replace(pattern: str, by: str) -> None:
            nonlocal text
            text, count = re.subn(pattern, by, text)
            assert count, f"{pattern} is not in the configuration of {self.name}"

        replace(r"127\.0\.0\.1:8080\b", f"127.0.0.1:{backend}")
        replace(r"(?m)^(\s*(?:listen |bind )?:?)80\b", rf"\g<1>{self.address[1]}")
        replace(r"(?m)^(\s*(?:listen |bind )?:?)443\b", rf"\g<1>{self.tls_port}")
        replace("/etc/ssl/progressd", str(folder))
        text = text.replace("/var/log/nginx", str(folder)).replace("localhost:2019", f"localhost:{free_port()}")
        return text

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            self.log.finish()
            raise AssertionError(f"{self.name} ended:\n" + "\n".join(self.log.all))
        try:
            socket.create_connection(self.address).close()
            socket.create_connection(("127.0.0.1", self.tls_port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def stream(self, target: str, *, last_event_id: str | None = None, method: str = "GET") -> Stream:
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        connection = Connection(self.address)
        connection.send(request_bytes(self.address, method, target, headers))
        return Stream(connection, method)

    def follow(self, job: dict[str, object], *, last_event_id: str | None = None) -> Stream:
        stream = self.stream(f"/v1/jobs/{job['id']}/events", last_event_id=last_event_id)
        assert stream.status == 200, stream.head
        return stream

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(patience())
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.finish()
        print(f"--- log of {self.name}", *self.log.all, sep="\n")  # pytest shows it for a test that failed
