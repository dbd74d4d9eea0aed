"""tests/layering finds what it is there for: here, a merge that was not resolved, in any kind of file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

LAYERING = Path(__file__).resolve().parents[1] / "layering"
CONFLICT = "a\n{0}{1}\nb\n=======\nc\n{2} theirs\n"


def faults(root: Path) -> list[str]:
    done = subprocess.run([LAYERING, root], capture_output=True, text=True)
    *found, verdict = done.stdout.splitlines()
    assert (done.returncode == 0) == (found == []), done
    assert verdict.startswith("layering: ")
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("core", "net"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.cc").write_text("int a;\n")
    return tmp_path


def test_a_heading_and_a_shift_are_no_markers(tree: Path) -> None:
    (tree / "README.md").write_text("Title\n=======\n\n    <<<<<<< indented\n<<<<<<<\n")
    assert faults(tree) == []


def test_markers_are_found_in_any_file_of_ours(tree: Path) -> None:
    text = CONFLICT.format("<" * 7, " ours", ">" * 7)
    (tree / "README.md").write_text(text)
    (tree / "node_modules").mkdir()
    (tree / "node_modules" / "others.js").write_text(text)
    assert faults(tree) == ["README.md:2: a merge's marker", "README.md:6: a merge's marker"]
