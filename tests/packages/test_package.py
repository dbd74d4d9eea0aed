"""The Debian package: what is in it, and its life on a clean machine, with systemd in charge."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any, Iterator

import pytest
from clean_machine import Machine, debian_with, dependencies, run
from conftest import BUILD, make_packages
from harness import BINARY, REPOSITORY, Connection, wait_until
from restless_reader import Reader, Visitor, Worker, until_more

ADDRESS = ("127.0.0.1", 8080)
STATE = "var/lib/progressd/journal"
CONFIG = "etc/progressd/progressd.toml"


def test_lintian_has_nothing_to_say(package: Path) -> None:
    both = [*package.parent.glob("*.deb")]
    assert len(both) == 2, both
    run("lintian", "--allow-root", "--fail-on=error,warning", *both)


def test_the_same_tree_gives_the_same_bytes(package: Path, build: Path, tmp_path: Path) -> None:
    former = os.umask(0o077)
    try:
        again = make_packages(build, tmp_path, "0.1.0")
    finally:
        os.umask(former)
    assert again.read_bytes() == package.read_bytes()


def test_the_config_file_shows_every_flag_with_its_default(tmp_path: Path) -> None:
    """A new flag takes a line in tools/packaging/progressd.toml."""
    shipped = REPOSITORY / "tools" / "packaging" / "progressd.toml"
    setting = re.compile(r"^(?:# )?([a-z-]+) = (.*?)(?: +#.*)?$", re.M)
    shown = dict(setting.findall(run(BINARY, "config", "show")))
    names = re.findall(r"^# ([a-z-]+)(?: |$)", run(BINARY, "config", "show"), re.M)
    written = dict(setting.findall(shipped.read_text()))
    assert set(written) == {name for name in names if name != "config"}
    assert written.pop("journal") == '"sqlite:/var/lib/progressd/journal"'
    named = {"listen", "max-connections", "job-threads"}  # their defaults are of the machine, or of the socket
    assert {name: value for name, value in written.items() if name in shown and name not in named} == {
        name: value for name, value in shown.items() if name in written and name not in named
    }
    # And all of it means something when the # is taken away.
    all_of_it = tmp_path / "all.toml"
    lines = [re.sub(r"^# (?=[a-z-]+ = )", "", line) for line in shipped.read_text().splitlines()]
    all_of_it.write_text("\n".join(line for line in lines if not re.search(r'= ""|^jwt-|^insecure', line)))
    run(BINARY, "config", "check", "--config", all_of_it)


@pytest.fixture
def machine(package: Path, tmp_path: Path) -> Iterator[Machine]:
    """A clean one: of the package it has what the package says that it needs, and nothing else."""
    archive = debian_with(sorted({"systemd-sysv", *dependencies(package)}), BUILD / "packages")
    booted = Machine(archive, tmp_path / "root")
    try:
        with booted.network():
            yield booted
    finally:
        booted.stop()
        shutil.rmtree(booted.root)  # pytest would keep it, and it is large


def install(machine: Machine, package: Path) -> None:
    run("cp", package, machine.root / "root")
    machine.run("dpkg", "--install", f"/root/{package.name}")


def curl(*arguments: str) -> str:
    return run("curl", "--silent", "--show-error", "--fail", "--max-time", "60", *arguments)


def url(path: str) -> str:
    return f"http://{ADDRESS[0]}:{ADDRESS[1]}{path}"


def create(fields: str) -> None:
    curl(url("/v1/jobs"), "--header", "Content-Type: application/json", "--data", fields)


def state_of(machine: Machine, unit: str) -> str:
    return machine.unit(unit, "ActiveState")


def all_is_well(machine: Machine) -> None:
    assert machine.run("dpkg", "--audit") == ""
    assert machine.run("systemctl", "--failed", "--no-legend", "--plain") == ""


def check_the_service_is_confined(machine: Machine) -> None:
    user = machine.run("id", "--user", "progressd").strip()
    process = machine.unit("progressd.service", "MainPID")
    status = dict(line.split(":", 1) for line in machine.run("cat", f"/proc/{process}/status").splitlines())
    assert status["Uid"].split() == [user] * 4 and user != "0"
    assert (status["CapEff"].strip(), status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("0" * 16, "1", "2")
    assert machine.run("stat", "--format=%U %a", "/var/lib/progressd").strip() == "progressd 750"
    assert machine.run("stat", "--format=%U %a", f"/{STATE}").strip() == "progressd 600"


def check_a_connection_starts_it(machine: Machine) -> None:
    machine.run("systemctl", "stop", "progressd.service")
    assert state_of(machine, "progressd.socket") == "active"
    create('{"id":"first","total":5,"stepMs":20}')
    followed = curl("--no-buffer", url("/v1/jobs/first/events"))
    assert '"state":"completed","done":5' in followed, followed
    assert state_of(machine, "progressd.service") == "active"


def check_an_upgrade_is_not_noticed(machine: Machine, newer: Path) -> None:
    config = machine.root / CONFIG
    config.write_text(config.read_text() + "max-jobs = 5000\n")
    create('{"id":"long","runner":"external","total":1000000}')
    socket, process = machine.unit("progressd.socket", "InvocationID"), machine.unit("progressd.service", "MainPID")

    readers = [Reader(ADDRESS, "long") for _ in range(20)]
    worker, visitor = Worker(ADDRESS, "long", readers), Visitor(ADDRESS)
    asking: list[Any] = [worker, visitor, *readers]
    try:
        until_more(lambda: worker.done, 20, "reports before the upgrade")
        before = worker.done
        install(machine, newer)
        until_more(lambda: worker.done, 20, "reports after the upgrade")
        until_more(lambda: visitor.answers, 3, "visits after the upgrade")
        worker.finish()
        for reader in readers:
            reader.join()
    finally:
        for thread in asking:
            thread.over = True
        for thread in asking:
            thread.join()

    assert machine.run("dpkg-query", "--show", "--showformat=${Version}", "progressd") == "0.1.1"
    assert machine.unit("progressd.socket", "InvocationID") == socket
    assert machine.unit("progressd.service", "MainPID") != process
    assert not [thread.refused for thread in asking if thread.refused]
    for reader in readers:
        assert reader.connections > 1 and reader.gaps == 0, "the upgrade did not restart the service"
        assert len(set(reader.ids)) == len(reader.ids), "an event came twice"
        lost = set(range(reader.done[0], worker.done + 1)) - set(reader.done)
        assert reader.done[0] <= before and not lost, f"lost: {sorted(lost)}"
    assert '"state":"completed"' in curl(url("/v1/jobs/first"))
    assert '"maxJobs":5000' in curl(url("/v1/stats"))
    # What the administrator changed is all that is not as the package has it.
    assert machine.ask("dpkg", "--verify", "progressd").split() == ["??5??????", "c", f"/{CONFIG}"]


def check_what_was_kept_outlives_a_removal(machine: Machine, newer: Path) -> None:
    machine.run("dpkg", "--remove", "progressd")
    with pytest.raises(ConnectionRefusedError):
        Connection(ADDRESS)
    assert (machine.root / STATE).exists() and (machine.root / CONFIG).exists()
    assert not (machine.root / "usr/bin/progressd").exists()
    install(machine, newer)
    assert '"state":"completed"' in curl(url("/v1/jobs/long"))


def check_nothing_outlives_a_purge(machine: Machine) -> None:
    machine.run("dpkg", "--purge", "progressd")
    for copied in (machine.root / "root").glob("*.deb"):
        copied.unlink()
    left = run("find", machine.root, "-xdev", "-iname", "*progressd*").splitlines()
    assert not left, left
    assert "progressd" in machine.run("getent", "passwd", "progressd")
    assert machine.ask("systemctl", "is-enabled", "progressd.socket").strip() != "masked"


def test_its_life_on_a_clean_machine(machine: Machine, package: Path, newer_package: Path) -> None:
    install(machine, package)
    assert {state_of(machine, f"progressd.{kind}") for kind in ("socket", "service")} == {"active"}
    assert {machine.run("systemctl", "is-enabled", f"progressd.{kind}").strip() for kind in ("socket", "service")} == {
        "enabled"
    }
    assert machine.run("dpkg", "--verify", "progressd") == ""
    all_is_well(machine)
    check_the_service_is_confined(machine)
    check_a_connection_starts_it(machine)
    check_an_upgrade_is_not_noticed(machine, newer_package)
    all_is_well(machine)
    check_what_was_kept_outlives_a_removal(machine, newer_package)
    all_is_well(machine)
    check_nothing_outlives_a_purge(machine)
    all_is_well(machine)


def test_an_administrator_who_stopped_and_disabled_it_is_heard(machine: Machine, package: Path,
                                                               newer_package: Path) -> None:  # fmt: skip
    install(machine, package)
    machine.run("systemctl", "disable", "--now", "progressd.socket", "progressd.service")
    install(machine, newer_package)
    assert {state_of(machine, f"progressd.{kind}") for kind in ("socket", "service")} == {"inactive"}
    assert machine.ask("systemctl", "is-enabled", "progressd.socket").strip() == "disabled"


def test_it_is_installed_where_no_systemd_runs(machine: Machine, package: Path) -> None:
    """As in an image of a container that is being made."""
    machine.stop()
    run("cp", package, machine.root / "root")
    run("chroot", machine.root, "dpkg", "--install", f"/root/{package.name}")
    run("chroot", machine.root, "progressd", "config", "check", "--config", f"/{CONFIG}")
    run("chroot", machine.root, "dpkg", "--purge", "progressd")
    assert not (machine.root / CONFIG).parent.exists()
