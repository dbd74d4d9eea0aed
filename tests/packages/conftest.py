"""Fixtures: the packages, made from the build tree, and a tree that the library is installed in."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("harness", "clean_machine", "restless_reader")

from clean_machine import run  # noqa: E402
from harness import BINARY  # noqa: E402

BUILD: Path = BINARY.parent.parent


@pytest.fixture(scope="session")
def build() -> Path:
    """The build tree."""
    if not (BUILD / "CPackConfig.cmake").exists():
        pytest.fail(f"{BUILD} is no build tree: build it, or set PROGRESSD_BIN")
    return BUILD


def make_packages(build: Path, folder: Path, version: str) -> Path:
    """Both packages, as that version. Returns progressd's."""
    run("cpack", "-G", "DEB", "--config", build / "CPackConfig.cmake", "-B", folder,
        "-D", f"CPACK_PACKAGE_VERSION={version}")  # fmt: skip
    [package] = folder.glob(f"progressd_{version}_*.deb")
    return package


@pytest.fixture(scope="session")
def package(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_packages(build, tmp_path_factory.mktemp("packages"), "0.1.0")


@pytest.fixture(scope="session")
def newer_package(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same program, as the version after it."""
    return make_packages(build, tmp_path_factory.mktemp("newer_packages"), "0.1.1")
