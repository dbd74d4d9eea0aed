"""The installed library: its headers, and the example program, found by CMake and by pkg-config."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from clean_machine import run
from harness import REPOSITORY, Lines, patience, plain_environment

EXAMPLE = REPOSITORY / "tools" / "examples" / "embed"
LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:[0-9]+)")


@pytest.fixture(scope="module")
def prefix(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that everything was installed in, and that was moved afterwards."""
    first = tmp_path_factory.mktemp("installed") / "first"
    run("cmake", "--install", build, "--prefix", first)
    return first.rename(first.with_name("moved"))


@pytest.fixture(scope="module")
def flags(prefix: Path) -> list[str]:
    """What pkg-config says for it."""
    [description] = prefix.rglob("progressd.pc")
    environment = plain_environment(PKG_CONFIG_PATH=str(description.parent))
    said = subprocess.run(["pkg-config", "--cflags", "--libs", "progressd"], env=environment, check=True,
                          capture_output=True, text=True)  # fmt: skip
    return ["-std=c++20", *said.stdout.split()]


def by_cmake(prefix: Path, folder: Path) -> Path:
    run("cmake", "-G", "Ninja", "-S", EXAMPLE, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", folder, seconds_max=300)
    return folder / "thumbnails"


def by_pkg_config(flags: list[str], folder: Path) -> Path:
    run("g++", EXAMPLE / "main.cc", *flags, "-o", folder / "thumbnails", seconds_max=300)
    return folder / "thumbnails"


@pytest.fixture
def thumbnails(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The example, built in the way that the test asks for. Where it listens."""
    how = request.param
    program = by_cmake(request.getfixturevalue("prefix"), tmp_path) if how == "CMake" else by_pkg_config(
        request.getfixturevalue("flags"), tmp_path)  # fmt: skip
    running = subprocess.Popen([program, "127.0.0.1:0"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    log = Lines(running.stderr)
    try:
        line = log.next()
        found = LISTENING.search(line or "")
        assert found, log.all
        yield found[1]
        running.terminate()
        assert running.wait(patience()) == 0, log.all
    finally:
        running.kill()
        running.wait()


def curl(*arguments: str) -> str:
    return run("curl", "--silent", "--show-error", "--fail", "--max-time", "60", *arguments).rstrip("\n")


@pytest.mark.parametrize("thumbnails", ["CMake", "pkg-config"], indirect=True)
def test_a_program_has_the_server_inside(thumbnails: str) -> None:
    assert curl("--request", "POST", f"{thumbnails}/thumbnails") == '{"job":"thumbnails-1"}'
    events = curl("--no-buffer", f"{thumbnails}/v1/jobs/thumbnails-1/events")
    # Its first report may be there before the stream is.
    told = [int(done) for done in re.findall(r'^data: .*?"done":([0-9]+)', events, re.M)]
    assert told[-1] == 20 and len(told) > 2 and told == sorted(told), events
    assert '"kind":"thumbnails"' in events and "event: completed\n" in events

    # Work that somebody cancels through the server's own routes ends, and so does the program.
    assert curl("--request", "POST", f"{thumbnails}/thumbnails") == '{"job":"thumbnails-2"}'
    curl("--request", "POST", f"{thumbnails}/v1/jobs/thumbnails-2/cancel")
    assert '"state":"cancelled"' in curl(f"{thumbnails}/v1/jobs/thumbnails-2")
    assert "progressd" in curl(f"{thumbnails}/")


def test_every_header_can_be_used(prefix: Path, flags: list[str], tmp_path: Path) -> None:
    headers = sorted(prefix.glob("include/progressd/*/**/*.h"))
    assert len(headers) > 100
    # In both directions, since what one of them lacks the ones before it may have brought. A compiler for each of
    # them would take minutes.
    for name, order in (("forward", headers), ("backward", headers[::-1])):
        program = tmp_path / f"{name}.cc"
        names = [header.relative_to(prefix / "include/progressd") for header in order]
        program.write_text("".join(f'#include "{included}"\n' for included in names))
        run("g++", "-fsyntax-only", *flags, program, seconds_max=300)


def test_another_minor_version_is_not_taken(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(wants LANGUAGES C CXX)\nfind_package(progressd 0.999 QUIET)\n"
        'message(STATUS "progressd_FOUND=${progressd_FOUND}")\n'
    )
    said = run("cmake", "-G", "Ninja", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    assert "progressd_FOUND=0" in said, said


def test_the_unit_is_of_the_prefix_that_is_installed_to(prefix: Path) -> None:
    unit = (prefix / "lib/systemd/system/progressd.service").read_text()
    first = prefix.with_name("first")
    assert f"ExecStart={first}/bin/progressd --config {first}/etc/progressd/progressd.toml\n" in unit
    assert "@PROGRESSD" not in unit


def test_a_config_file_that_is_there_is_left_alone(build: Path, tmp_path: Path) -> None:
    config = tmp_path / "etc/progressd/progressd.toml"
    config.parent.mkdir(parents=True)
    config.write_text("max-jobs = 7\n")
    staged = subprocess.run(["cmake", "--install", build, "--prefix", "/usr", "--component", "runtime"],
                            env=plain_environment(DESTDIR=str(tmp_path)), capture_output=True, text=True)  # fmt: skip
    assert staged.returncode == 0, staged.stdout + staged.stderr
    assert config.read_text() == "max-jobs = 7\n"
    assert "ExecStart=/usr/bin/progressd " in (tmp_path / "usr/lib/systemd/system/progressd.service").read_text()
