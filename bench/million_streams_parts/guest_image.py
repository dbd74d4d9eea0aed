"""What the emulated machine boots from: busybox, the two programs, the libraries they link to."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from settings import Trouble

PARTS = Path(__file__).resolve().parent


def write(programs: list[Path], folder: Path) -> Path:
    """An initramfs in `folder`, which is nobody else's."""
    root = folder / "root"
    for script in ("init", "measure"):
        put(PARTS / script, root / script)
    busybox = shutil.which("busybox")
    if not busybox:
        raise Trouble("busybox is missing: apt-get install busybox-static")
    for program in [Path(busybox), *programs]:
        put(program, root / "bin" / program.name)
        for library in shared_libraries(program):
            put(library, root / library.relative_to("/"))
    (root / "bin" / "sh").symlink_to("busybox")  # init makes the other names

    image = folder / "initramfs"
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    command = ["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet"]
    with image.open("wb") as file:
        subprocess.run(command, cwd=root, input=names.encode(), stdout=file, check=True)
    return image


def put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)  # with its mode; a link is followed


def shared_libraries(program: Path) -> list[Path]:
    """Where they are on this machine, the loader included; none of a program that is static."""
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    if missing := re.findall(r"(\S+) => not found", told):
        raise Trouble(f"{program} needs {', '.join(missing)}")
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", told)]
