"""The package as it is installed: what is in it, what it needs, and its types."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import progressd_client
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PACKAGE = REPOSITORY / "tools" / "clients" / "python"
EXAMPLES = REPOSITORY / "tools" / "examples"


def run(*command: str, path: Path = PACKAGE, cwd: Path = REPOSITORY) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path), "MYPYPATH": str(path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_type_is_right(tmp_path: Path) -> None:
    """As strict as mypy can be, for the oldest Python that is promised."""
    flags = ["--strict", "--python-version", "3.9", "--cache-dir", str(tmp_path)]
    run(sys.executable, "-m", "mypy", *flags, "--package", "progressd_client")
    run(sys.executable, "-m", "mypy", *flags, *map(str, sorted((EXAMPLES / "python").glob("*.py"))))
    run(sys.executable, "-m", "mypy", *flags, str(EXAMPLES / "celery" / "job_reporter.py"))


def test_wrong_use_is_found_by_the_types(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "from progressd_client import AsyncClient, Client\n"
        "client = Client()\n"
        'client.create_job({"totl": 5})\n'
        'client.report("a", {"done": "5"})\n'
        'client.get_job("a")["percnt"]\n'
        "async def main(asynchronous: AsyncClient) -> str:\n"
        '    return await asynchronous.get_job("a")\n'
    )
    environment = {**os.environ, "MYPYPATH": str(PACKAGE)}
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "wrong.py")]
    said = subprocess.run(command, capture_output=True, text=True, env=environment).stdout
    assert [line.split(":")[1] for line in said.splitlines() if ": error:" in line] == ["3", "4", "5", "7"], said


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy, because setuptools builds where the sources are."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(PACKAGE, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('..'))"
    name = run(sys.executable, "-c", build, cwd=folder / "source").splitlines()[-1]
    return folder / name


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {f"progressd_client/{path.name}" for path in (PACKAGE / "progressd_client").glob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == sources | {"progressd_client/py.typed"}
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("/METADATA"))).decode()
    for line in ("Name: progressd-client", "Requires-Python: >=3.9", "Provides-Extra: sync", "Provides-Extra: async"):
        assert line in metadata, metadata
    print(run(sys.executable, "-c", "import progressd_client as p; print(p.__file__)", path=wheel, cwd=wheel.parent))


@pytest.mark.parametrize("present, absent", [("requests", "aiohttp"), ("aiohttp", "requests")])
def test_each_client_needs_its_own_library_only(present: str, absent: str) -> None:
    client = {"requests": "Client", "aiohttp": "AsyncClient"}
    run(sys.executable, "-c", f"""
import sys
sys.modules[{absent!r}] = None  # as if it were not installed
from progressd_client import NotFoundError, {client[present]}
try:
    from progressd_client import {client[absent]}
except ImportError as error:
    assert {absent!r} in str(error), error
else:
    raise AssertionError
assert {present!r} in sys.modules
""")  # fmt: skip


def test_every_name_that_is_promised_is_there() -> None:
    for name in progressd_client.__all__:
        assert getattr(progressd_client, name) is not None
    with pytest.raises(AttributeError):
        progressd_client.no_such_name
