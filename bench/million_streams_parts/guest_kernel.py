"""The distribution's kernel: downloaded and unpacked, not installed, so that this machine stays as
it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from settings import Trouble

# Depends on the newest kernel of its kind: one with drivers for emulated machines built in.
PACKAGE = "linux-image-cloud-amd64"


def unpacked(folder: Path) -> Path:
    """The newest kernel that is in `folder` already; else the distribution's newest, put there."""
    known = sorted(folder.glob("vmlinuz-*"), key=lambda kernel: kernel.stat().st_mtime)
    if known:
        return known[-1]
    folder.mkdir(parents=True, exist_ok=True)
    # In the same folder, so that what is moved out of it is there whole or not at all.
    with tempfile.TemporaryDirectory(dir=folder) as work:
        package = download(Path(work))
        call(["dpkg-deb", "--extract", str(package), f"{work}/unpacked"], Path(work))
        kernel = next(Path(work).glob("unpacked/boot/vmlinuz-*"))
        return Path(shutil.move(kernel, folder / kernel.name))


def download(folder: Path) -> Path:
    """Looks the package lists up again where they are missing or too old."""
    try:
        return try_download(folder)
    except Trouble:
        if os.geteuid() != 0:
            raise
        call(["apt-get", "-qq", "update"], folder)
        return try_download(folder)


def try_download(folder: Path) -> Path:
    told = call(["apt-cache", "depends", PACKAGE], folder)
    names = re.findall(r"Depends: (linux-image-\S+)", told)
    if not names:
        raise Trouble(f"no package {PACKAGE}: apt-get update, as root")
    call(["apt-get", "-qq", "download", names[0]], folder)
    return next(folder.glob("*.deb"))


def call(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        raise Trouble(f"{command[0]} is missing: this needs Debian's packages") from None
    if done.returncode != 0:
        raise Trouble(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
