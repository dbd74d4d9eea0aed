"""A Debian that has nothing but what the package depends on, and a machine that boots it: systemd is its first
process, in namespaces of its own, with a network of its own. It takes root, mmdebstrap and systemd-nspawn."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Iterator

from harness import Lines, wait_until

SUITE = "bookworm"
BUILD_SECONDS_MAX = 600.0  # mirrors may be slow
COMMAND_SECONDS_MAX = 120.0
BOOT_SECONDS_MAX = 60.0
CLONE_NEWNET = 0x40000000  # sched.h


def run(*command: str | Path, seconds_max: float = COMMAND_SECONDS_MAX) -> str:
    """What a command said; it must have gone well."""
    assert shutil.which(command[0]), f"{command[0]} is missing: tools/packages check"
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=seconds_max)  # fmt: skip
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}"
    return done.stdout


def dependencies(package: Path) -> list[str]:
    """The packages that it depends on, the first ones where others would do."""
    field = run("dpkg-deb", "--field", package, "Depends")
    return sorted({entry.replace("|", "(").split("(")[0].strip() for entry in field.split(",")})


def mirrors() -> list[str]:
    """Where this machine's apt has its Debian from."""
    if not (found := known_mirrors()):
        run("apt-get", "-qq", "update")  # who is of Debian is said by what that fetches
        found = known_mirrors()
    assert found, "apt knows no mirror of Debian 12"
    return found


def known_mirrors() -> list[str]:
    form = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    said = run("apt-get", "indextargets", "--format", form, "Created-By: Packages", "Origin: Debian")
    return sorted({line for line in said.splitlines() if line.split()[2].startswith(SUITE)})


def debian_with(packages: list[str], cache: Path) -> Path:
    """An archive of Debian's essential packages and these, made once."""
    sources = mirrors()
    name = hashlib.sha256("\n".join([SUITE, *packages, *sources]).encode()).hexdigest()[:16]
    archive = cache / f"debian-{name}.tar"
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        # Proxies and such: as apt has them here.
        settings = Path(folder, "apt.conf")
        settings.write_text(run("apt-config", "dump", "Acquire"))
        sources_list = Path(folder, "sources.list")
        sources_list.write_text("\n".join(sources) + "\n")
        made = Path(folder, "debian.tar")
        run("mmdebstrap", "--quiet", "--variant=essential", "--dpkgopt=force-unsafe-io", f"--aptopt={settings}",
            f"--include={','.join(packages)}", SUITE, made, sources_list, seconds_max=BUILD_SECONDS_MAX)  # fmt: skip
        made.rename(archive)
    return archive


def own_groups() -> list[Path]:
    """Where systemd has no say, new control groups for the machine, beside our own: it makes more of them inside."""
    if Path("/run/systemd/system").is_dir():
        return []
    groups = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "name=systemd"):
            continue
        mounted = Path("/sys/fs/cgroup", "systemd" if controllers else "unified")
        group = Path(f"{mounted if mounted.is_dir() else mounted.parent}{path}", f"progressd-{os.getpid()}")
        group.mkdir()
        groups.append(group)
    return groups


def remove_groups(groups: list[Path]) -> None:
    for group in groups:
        for folder, _, _ in os.walk(group, topdown=False):
            wait_until(lambda: is_removed(Path(folder)), f"{folder} to be empty")


def is_removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:  # its last process has not gone yet
        return False
    return True


class Machine:
    """It runs until stop()."""

    def __init__(self, archive: Path, root: Path) -> None:
        assert os.geteuid() == 0, "a machine takes root: sudo tools/check, or this test as root"
        self.root = root
        root.mkdir()
        run("tar", "--extract", "--file", archive, "--directory", root, "--numeric-owner")
        self._groups = own_groups()

        def join_groups() -> None:
            for group in self._groups:
                (group / "cgroup.procs").write_text(str(os.getpid()))

        self._nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", *(["--keep-unit"] if self._groups else []),
             f"--machine=progressd-{os.getpid()}", "--private-network", "--directory", root, "--boot", "--console=pipe"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=join_groups)  # fmt: skip
        self._console = Lines(self._nspawn.stdout)
        try:
            self._pid = wait_until(self._first_process, "the machine's first process", BOOT_SECONDS_MAX)
            wait_until(self._has_booted, "the machine to boot", BOOT_SECONDS_MAX)
        except BaseException:
            self.stop()
            raise

    def _first_process(self) -> int:
        assert self._nspawn.poll() is None, "\n".join(self._console.all)
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        # The child is systemd once it has become that.
        is_systemd = children and Path(f"/proc/{children[0]}/comm").read_text() == "systemd\n"
        return int(children[0]) if is_systemd else 0

    def _has_booted(self) -> bool:
        return self.ask("systemctl", "is-system-running").strip() in ("running", "degraded")

    def _enter(self, command: tuple[str, ...]) -> list[str]:
        return ["nsenter", "--target", str(self._pid), "--all", "env", "--ignore-environment", "LC_ALL=C.UTF-8",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *command]  # fmt: skip

    def run(self, *command: str) -> str:
        """What a command said, run on it as root; it must have gone well."""
        return run(*self._enter(command))

    def ask(self, *command: str) -> str:
        """The same, however it went."""
        done = subprocess.run(self._enter(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=COMMAND_SECONDS_MAX)  # fmt: skip
        return done.stdout

    def unit(self, name: str, key: str) -> str:
        return self.run("systemctl", "show", "--value", "--property", key, name).strip()

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """This thread, and those that it starts, are on the machine's network."""
        libc = ctypes.CDLL(None, use_errno=True)

        def enter(namespace: int) -> None:
            assert libc.setns(namespace, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        its = os.open(f"/proc/{self._pid}/ns/net", os.O_RDONLY)
        try:
            enter(its)
            yield
        finally:
            enter(own)
            os.close(its)
            os.close(own)

    def stop(self) -> None:
        """With its first process all of them end."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        try:
            self._nspawn.wait(BOOT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        remove_groups(self._groups)
