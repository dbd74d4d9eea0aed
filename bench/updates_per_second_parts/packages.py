"""Debian packages of the peers, installed when they are missing. Says what it does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    try:
        return subprocess.run(query, capture_output=True, text=True).stdout == "installed"
    except FileNotFoundError:
        return False


def install(packages: list[str]) -> str | None:
    """Returns why not, or None when all of them are there."""
    missing = [package for package in packages if not is_installed(package)]
    if not missing:
        return None
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        return f"{names} missing, and no apt-get to install them with"
    if os.geteuid() != 0:
        return f"{names} missing: run as root, or apt-get install {names}"
    print(f"installing {names}", file=sys.stderr)
    # RUNLEVEL=1: a package's own service is not started.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    command = [*apt, "install", "-y", "--no-install-recommends", *missing]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:  # the package lists may be missing or too old for the mirror
        subprocess.run([*apt, "update"], env=environment, capture_output=True)
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    return None if done.returncode == 0 else f"apt-get install {names} failed: {done.stderr[-500:]}"
