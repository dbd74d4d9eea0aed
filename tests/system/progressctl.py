"""What the tests of the command line stand on: progressctl in a pipe, and in a real terminal."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import tempfile
from typing import Any

from harness import BINARY, Lines, patience, plain_environment, wait_until

PROGRESSCTL = BINARY.parent / "progressctl"


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in plain_environment().items() if not name.startswith("PROGRESSCTL_")}
    kept.pop("NO_COLOR", None)
    return {**kept, "LC_ALL": "C.UTF-8", **more}


def ctl(*words: str, stdin: str | bytes = b"", **more: str) -> subprocess.CompletedProcess[str]:
    """A run that ends by itself, in a pipe."""
    done = subprocess.run(
        [str(PROGRESSCTL), *words],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=patience(),
        env=environment(**more),
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "replace")
    )


def json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


class Running:
    """progressctl while it runs."""

    def __init__(self, *words: str, **more: str) -> None:
        self.process = subprocess.Popen(
            [str(PROGRESSCTL), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**more),
        )
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr)

    def write(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def close_input(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def event(self) -> Any:
        """The next JSON line."""
        line = self.out.next()
        assert line is not None, "\n".join(self.err.all)
        return json.loads(line)

    def until(self, name: str, **fields: Any) -> Any:
        """The next event of that name whose data has these fields."""
        while True:
            event = self.event()
            if event["event"] == name and fields.items() <= event["data"].items():
                return event

    def wait(self) -> int:
        """The exit status; all that was written has been read then."""
        status = self.process.wait(patience())
        self.out.finish()
        self.err.finish()
        return status

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Terminal:
    """A terminal of its own, by tmux, in which progressctl runs."""

    def __init__(self, *words: str, columns: int = 100, rows: int = 20, **more: str) -> None:
        assert shutil.which("tmux"), "tmux is missing: tools/packages check installs it"
        self._folder = tempfile.mkdtemp(prefix="progressctl-")  # a socket's path must be short
        self._environment = environment(TMUX_TMPDIR=self._folder, TERM="screen-256color", SHELL="/bin/sh", **more)
        self._environment.pop("TMUX", None)
        command = shlex.join([str(PROGRESSCTL), *words])
        # The shell stays, so that the last screen can be looked at. Ctrl-C is not for it.
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(rows),
                   f"trap : INT; {command}; echo status=$?; exec cat")  # fmt: skip

    def _tmux(self, *words: str) -> str:
        return subprocess.run(
            ["tmux", *words], check=True, capture_output=True, text=True, timeout=patience(), env=self._environment
        ).stdout

    def screen(self, *, with_colors: bool = False) -> str:
        return self._tmux("capture-pane", "-p", "-t", "t", *(["-e"] if with_colors else []))

    def wait_for(self, *texts: str) -> str:
        """Until all of these are on the screen."""
        last = ""

        def shown() -> str | None:
            nonlocal last
            last = self.screen()
            return last if all(text in last for text in texts) else None

        try:
            found: str = wait_until(shown, f"{texts} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{last}") from None
        return found

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def press(self, key: str) -> None:
        self._tmux("send-keys", "-t", "t", key)

    def close(self) -> None:
        subprocess.run(["tmux", "kill-server"], env=self._environment, capture_output=True, timeout=patience())
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
