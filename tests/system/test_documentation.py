"""The README and the guides: what they show is typed in as written, but for the port and the journal's folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Iterator

import pytest
from documentation import GUIDES, Block, anchors, blocks, links, prose
from harness import BINARY, CHROMIUM, REPOSITORY, Lines, Server, patience, plain_environment, wait_until
from proxies import free_port, make_certificate

NOT_RUN_MAX = 12
PAINTED_BYTES_MIN = 20_000  # of a screenshot with something on it; it is 78,000, and an empty one 4,000
ALL_BLOCKS = [block for file in GUIDES for block in blocks(file)]


def name_of(file: Path) -> str:
    return str(file.relative_to(REPOSITORY))


# ------------------------------------------------------------------------------------------------ a reader's machine


class Sandbox:
    """A folder like the repository, with a server, in which a guide is followed from its beginning to its end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.other_port = free_port()
        (folder / "build").mkdir()
        (folder / "build" / "bin").symlink_to(BINARY.parent)
        for name in ("tools", "bench"):
            (folder / name).symlink_to(REPOSITORY / name)
        (folder / "lib").mkdir()
        # A guide's request that is refused is a mistake in the guide.
        (folder / ".curlrc").write_text("fail-with-body\nshow-error\n")
        self._make_keys()
        self.server: Server | None = None
        self.environment = plain_environment(
            CURL_HOME=str(folder),
            HOME=str(folder),
            PATH=f"{BINARY.parent}:/usr/sbin:/usr/bin:/bin",
            PROGRESSD_LISTEN=f"127.0.0.1:{self.port}",
            PROGRESSCTL_URL=f"http://127.0.0.1:{self.port}",
        )

    def _make_keys(self) -> None:
        """Whoever has an identity provider has these."""
        keys = self.folder / "keys"
        keys.mkdir()
        make_certificate(keys)
        public = subprocess.run(
            ["openssl", "pkey", "-in", str(keys / "key.pem"), "-pubout"], check=True, capture_output=True
        )
        (self.folder / "key.pem").write_bytes(public.stdout)
        # A key set of an example that is known to be one: RFC 7517, appendix A.1.
        key = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig",
               "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}  # fmt: skip
        (self.folder / "jwks.json").write_text(json.dumps({"keys": [key]}))

    def serve(self, *flags: str) -> None:
        self.stop_server()
        there = ["env", f"--chdir={self.folder}"]
        self.server = Server(*flags, listen=[f"127.0.0.1:{self.port}"], prefix=there)

    def stop_server(self) -> None:
        if self.server is not None:
            self.server.stop()
            self.server = None

    def typed(self, text: str) -> str:
        """As this machine takes it: ports that are free, and a folder of the test's own."""
        text = re.sub(r"\b(127\.0\.0\.1|localhost):8080\b", rf"\1:{self.port}", text)
        text = re.sub(r"\b127\.0\.0\.1:9000\b", f"127.0.0.1:{self.other_port}", text)
        return text.replace("/var/lib/progressd", str(self.folder / "lib"))

    def start(self, text: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail", "-c", self.typed(text)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, block: Block) -> None:
        until = block.marks.get("until")
        if until is None:
            self._run_to_its_end(block.text, block)
        else:
            for line in block.text.splitlines():
                self._run_until(line, until, block)

    def _run_to_its_end(self, text: str, block: Block) -> None:
        # What it leaves in the background would keep a pipe open: its output is a file.
        output = self.folder / "output"
        shell = self.start(f"exec >{shlex.quote(str(output))} 2>&1\n{text}")
        try:
            status = shell.wait(3 * patience())  # several commands, each of some seconds
        finally:
            end_group(shell, signal.SIGKILL)
        assert status == 0, f"{block.place} ended with {status}:\n{output.read_text()}"
        print(f"--- {block.place}", output.read_text(), sep="\n")

    def _run_until(self, line: str, until: str, block: Block) -> None:
        shell = self.start(line)
        said = Lines(shell.stdout)
        try:
            wait_until(
                lambda: shell.poll() is not None or any(until in text for text in said.all),
                f"{block.place} to say {until!r} after {line!r}",
            )
            went_on = any(until in text for text in said.all)
            end_group(shell, signal.SIGINT)
            status = shell.wait(patience())
        finally:
            end_group(shell, signal.SIGKILL)
            said.finish()
        assert went_on or status == 0, f"{block.place}: {line} ended with {status}:\n" + "\n".join(said.all)


def end_group(shell: subprocess.Popen[bytes], how: signal.Signals) -> None:
    try:
        os.killpg(shell.pid, how)
    except ProcessLookupError:
        pass  # all of it has ended


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path)
    yield made
    if made.server is not None:
        print("--- log of the server", *made.server.log.all, sep="\n")
    made.stop_server()


# ------------------------------------------------------------------------------------------------ typed in


@pytest.mark.parametrize("file", GUIDES, ids=name_of)
def test_what_it_shows_to_type_in_works(file: Path, sandbox: Sandbox) -> None:
    shell_blocks = [block for block in blocks(file) if block.language == "sh" and "not run" not in block.marks]
    for block in shell_blocks:
        if "no server" in block.marks:
            sandbox.stop_server()
        elif "server" in block.marks:
            sandbox.serve(*shlex.split(sandbox.typed(block.marks["server"])))
        elif sandbox.server is None:
            sandbox.serve("--demo", "--demo-duration", "500ms")
        sandbox.run(block)


def test_what_is_not_typed_in_is_little_and_has_a_reason() -> None:
    left_out = [block for block in ALL_BLOCKS if "not run" in block.marks]
    for block in left_out:
        assert len(block.marks["not run"]) >= 10, block.place
    assert len(left_out) <= NOT_RUN_MAX, [block.place for block in left_out]
    assert len([block for block in ALL_BLOCKS if block.language == "sh"]) > 4 * len(left_out)


def test_marks_are_known_and_languages_too() -> None:
    for block in ALL_BLOCKS:
        assert block.marks.keys() <= {"not run", "until", "server", "no server"}, block.place
        assert block.language in ("sh", "text", "js", "jsx", "ts", "json", "toml", "python", "nginx", "html", "cmake"), block.place


# ------------------------------------------------------------------------------------------------ read by programs


def of_language(language: str) -> list[Any]:
    return [pytest.param(block, id=block.place) for block in ALL_BLOCKS if block.language == language]


@pytest.mark.parametrize("block", of_language("json"))
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", of_language("toml"))
def test_toml_is_a_configuration(block: Block, tmp_path: Path) -> None:
    tomllib.loads(block.text)
    file = tmp_path / "progressd.toml"
    file.write_text(block.text)
    done = subprocess.run(
        [str(BINARY), "config", "check", "--config", str(file)],
        capture_output=True, text=True, timeout=patience(), env=plain_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", of_language("js"))
def test_js_is_a_module(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "block.mjs"
    file.write_text(block.text)
    done = subprocess.run(["node", "--check", str(file)], capture_output=True, text=True, timeout=patience())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", of_language("python"))
def test_python_is_python(block: Block) -> None:
    compile(block.text, block.place, "exec")


@pytest.mark.parametrize("file", GUIDES, ids=name_of)
def test_links_lead_somewhere(file: Path) -> None:
    for link in links(file):
        if re.match(r"https?://", link):
            continue
        target, _, anchor = link.partition("#")
        path = (file.parent / target).resolve() if target else file
        assert path.exists(), f"{link} in {name_of(file)}"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{link} in {name_of(file)}"


# ------------------------------------------------------------------------------------------------ true


def test_what_troubleshooting_quotes_is_what_the_server_says() -> None:
    """A quotation is a code span in quotes; what varies in it is written as …."""
    sources = "\n".join(
        path.read_text() for folder in ("core", "net", "tools/progressd") for path in (REPOSITORY / folder).rglob("*.[ch]*")
    )
    said = re.sub(r'"\s*\n\s*"', "", sources).replace('\\"', '"')
    quotations = re.findall(r'`"([^`]+)"`', prose(REPOSITORY / "tools" / "docs" / "troubleshooting.md"))
    assert len(quotations) >= 15
    for quotation in quotations:
        for part in filter(None, (part.strip() for part in quotation.split("…"))):
            assert part in said, quotation


def test_every_flag_that_is_named_is_one() -> None:
    described = subprocess.run([str(BINARY), "--help"], capture_output=True, text=True, env=plain_environment()).stdout
    known = set(re.findall(r"--[a-z][a-z-]+", described))
    for file in (REPOSITORY / "tools" / "docs").glob("*.md"):
        for flag in re.findall(r"`(--(?:max|jwt|jwks|cors|retain|history|demo|drain|keepalive|takeover)[a-z-]*)", prose(file)):
            assert flag in known, f"{flag} in {name_of(file)}"


def test_the_picture_is_painted_in_light_and_in_dark(tmp_path: Path) -> None:
    picture = REPOSITORY / "tools" / "docs" / "concepts.svg"
    shots = {scheme: tmp_path / f"{scheme}.png" for scheme in ("light", "dark")}
    for scheme, shot in shots.items():
        done = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=900,520",
             f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}",
             *(["--force-dark-mode"] if scheme == "dark" else []), picture.as_uri()],
            capture_output=True, timeout=patience(), env=plain_environment(),
        )  # fmt: skip
        assert done.returncode == 0 and shot.stat().st_size > PAINTED_BYTES_MIN, done.stderr
    assert shots["light"].read_bytes() != shots["dark"].read_bytes()
