"""The Dockerfile, without Docker: what it copies is there, and what it runs means something."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from clean_machine import run
from harness import BINARY, REPOSITORY, Server, plain_environment

DOCKERFILE = REPOSITORY / "tools" / "packaging" / "Dockerfile"


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Each with its arguments, on one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", "")
    found = []
    for line in filter(None, text.splitlines()):
        name, _, arguments = line.partition(" ")
        found.append((name, " ".join(arguments.split())))
    return found


def of(instructions: list[tuple[str, str]], name: str) -> list[str]:
    return [arguments for found, arguments in instructions if found == name]


def test_what_it_copies_is_there(instructions: list[tuple[str, str]], package: Path) -> None:
    for arguments in of(instructions, "COPY"):
        source = arguments.split()[-2]
        if arguments.startswith("--from=builder "):
            # The packages, by the pattern of the name that cpack gives; no other file has it.
            assert source.startswith("/progressd/build/packages/")
            assert [*package.parent.glob(Path(source).name)] == [package]
        else:
            assert (REPOSITORY / source).exists(), arguments


def test_what_it_runs_to_build_is_there(instructions: list[tuple[str, str]]) -> None:
    presets = json.loads((REPOSITORY / "CMakePresets.json").read_text())
    first_image = instructions[: [name for name, _ in instructions].index("FROM", 1)]
    commands = " && ".join(of(first_image, "RUN"))
    assert commands.startswith("tools/packages run && ")
    for kind, form in (("configure", "cmake --preset"), ("build", "cmake --build --preset"), ("package", "cpack --preset")):
        named = re.findall(rf"{form} ([a-z]+)", commands)
        assert len(named) == 1 and named[0] in {preset["name"] for preset in presets[f"{kind}Presets"]}, commands
    # What CPack looks the dependencies up with.
    assert "dpkg-dev" in commands


def test_what_is_ignored_is_not_what_it_copies(instructions: list[tuple[str, str]]) -> None:
    ignored = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert {".git", "**/build", "**/node_modules"} <= set(ignored)
    tracked = run("git", "-C", REPOSITORY, "-c", f"safe.directory={REPOSITORY}", "ls-files").splitlines()
    names = {pattern.removeprefix("**/") for pattern in ignored}
    assert not [path for path in tracked if names & set(path.split("/"))]


def test_it_runs_as_nobody_of_importance_and_keeps_its_journal(instructions: list[tuple[str, str]]) -> None:
    assert of(instructions, "USER") == ["progressd"]
    [volume] = of(instructions, "VOLUME")
    shipped = (REPOSITORY / "tools" / "packaging" / "progressd.toml").read_text()
    assert f'journal = "sqlite:{volume}/journal"' in shipped


def test_without_a_key_it_says_what_to_give(instructions: list[tuple[str, str]], tmp_path: Path) -> None:
    [setting] = of(instructions, "ENV")
    name, _, value = setting.partition("=")
    [entry] = of(instructions, "ENTRYPOINT")
    assert "insecure" not in DOCKERFILE.read_text()
    assert json.loads(entry)[:2] == ["progressd", "--config"]
    done = subprocess.run([BINARY, "--journal", "memory:"], env=plain_environment(**{name: value}),
                          capture_output=True, text=True, timeout=20)  # fmt: skip
    assert done.returncode == 2
    assert "--jwt-secret-file" in done.stderr and "--jwks-file" in done.stderr, done.stderr


def test_its_health_check_tells_a_server_that_answers(instructions: list[tuple[str, str]]) -> None:
    [check] = of(instructions, "HEALTHCHECK")
    command: list[str] = json.loads(check.partition("CMD ")[2])
    server = Server()
    here = [word.replace("http://127.0.0.1:8080", server.url) for word in command]
    assert here != command
    try:
        run(*here)
    finally:
        server.stop()
    assert subprocess.run(here, capture_output=True).returncode != 0
