"""progressctl backup: a copy of a SQLite file while somebody writes to it."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path

import pytest
from progressctl import ctl


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A file as a journal is one: in WAL mode."""
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA application_id = {0x70726764}")
        database.execute("CREATE TABLE change (sequence INTEGER PRIMARY KEY, body TEXT)")
        database.executemany("INSERT INTO change (body) VALUES (?)", [("x" * 500,)] * 5000)
    database.close()
    return path


def test_a_backup_is_whole_while_somebody_writes(journal: Path, tmp_path: Path) -> None:
    wrote, stop = threading.Event(), threading.Event()

    def write() -> None:
        database = sqlite3.connect(journal, isolation_level=None, timeout=30)
        while not stop.is_set():
            # Two rows in each change: a copy that holds an odd number was torn.
            database.execute("BEGIN")
            database.executemany("INSERT INTO change (body) VALUES (?)", [("y" * 500,)] * 2)
            database.execute("COMMIT")
            wrote.set()
        database.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert wrote.wait(30)
        copy = tmp_path / "copy.sqlite"
        done = ctl("backup", str(journal), str(copy))
    finally:
        stop.set()
        thread.join()
    assert done.returncode == 0 and done.stderr == "", done
    said = json.loads(done.stdout)
    assert said == {"path": str(copy), "bytes": copy.stat().st_size, "verified": True}
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.sqlite"], "nothing beside it"
    with sqlite3.connect(copy) as database:
        (rows,) = database.execute("SELECT count(*) FROM change").fetchone()
        assert rows > 5000 and rows % 2 == 0
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_nothing_is_overwritten(journal: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    done = ctl("backup", str(journal), str(there))
    assert done.returncode == 4 and str(there) in done.stderr, done
    assert there.read_text() == "mine"
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert ctl("backup", str(journal), str(link)).returncode == 4
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("content", [b"", b"no database at all, but longer than a header" * 40, None])
def test_what_is_no_journal_leaves_no_copy(tmp_path: Path, content: bytes | None) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    if content is not None:
        source.write_bytes(content)
    done = ctl("backup", str(source), str(copy))
    assert done.returncode == 4 and str(source) in done.stderr, done
    assert not copy.exists()


@pytest.mark.parametrize("name", ["", ":memory:", ".", "of-another-program"])
def test_what_sqlite_would_open_and_is_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("of-another-program") as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    done = ctl("backup", name, "copy")
    assert done.returncode in (2, 4) and done.stderr, done
    assert not Path("copy").exists()


def test_a_damaged_journal_is_noticed(journal: Path, tmp_path: Path) -> None:
    with sqlite3.connect(journal) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    with journal.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\xff" * 4096 * 10)
    copy = tmp_path / "copy"
    done = ctl("backup", str(journal), str(copy))
    assert done.returncode == 4 and "damaged" in done.stderr, done
    assert not copy.exists()
