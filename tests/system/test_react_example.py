"""tools/examples/react: built as its users build it, and used by Chromium against the real program."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Any

from harness import HERE, Peer, node_script, patience, plain_environment, wait_until

EXAMPLE = HERE.parent.parent / "tools" / "examples" / "react"
TITLES = ["A job of one’s own", "Job status", "Resume screening", "Queued jobs", "A looping task", "A started task"]


def build(folder: Path) -> Path:
    if not (EXAMPLE / "node_modules").is_dir():
        raise AssertionError(f"the Node packages are missing: npm ci --prefix {EXAMPLE}")
    done = subprocess.run(
        ["npm", "run", "build", "--", "--outDir", str(folder), "--emptyOutDir"],
        cwd=EXAMPLE,
        env=plain_environment(),
        capture_output=True,
        timeout=patience() * 6,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return folder


def test_the_cards_of_all_systems_run_to_their_end(server: Any, tmp_path: Path) -> None:
    running = server("--demo-duration", "6s")
    pages = build(tmp_path / "pages")
    said: dict[str, Any] = {}
    complaints = []
    with Peer(*node_script("use_react_example.mjs"), str(tmp_path / "profile"), running.url, str(pages), str(tmp_path)) as user:
        widths = {}
        for fact in user.rest():
            complaints += [fact] if "complaint" in fact or "outside" in fact else []
            if "width" in fact:
                widths[fact["width"]] = fact["overflow"]
            said |= fact
    assert complaints == []
    assert said["bars"] == [1] * 6 and said["live"] == 1, "each card has a bar that is named by its title"
    assert widths == {1200: 0, 400: 0}, "nothing is wider than the screen"
    assert said["reached"] == TITLES, "the keyboard reaches every card, in order, and shows where it is"
    assert said["keepsFocus"]
    assert said["made"].startswith("made: ")
    for title in TITLES:
        values = said["values"][title]
        if title == "Job status":
            assert values == [100], "how far it is is not known before the end"
            continue
        if title == "A looping task":
            # A browser that has much to do may draw one value for several, but none backwards.
            assert len(values) > 20 and all((after - before) % 101 < 50 for before, after in zip(values, values[1:]))
            continue
        # The first card was cancelled and started again: only there a bar goes back, once.
        begins = [at for at in range(1, len(values)) if values[at] < values[at - 1]]
        assert len(begins) == (1 if title == TITLES[0] else 0), (title, values)
        last = values[begins[-1] if begins else 0 :]
        assert len(last) > 5 and last[-1] == 100, (title, values)
    for title, state in (
        ("A job of one’s own", "cancelled"),
        *((title, "completed") for title in TITLES if title != "A looping task"),
    ):
        assert f"{title}: {state}" in said["said"], said["said"]
    for name in ("wide", "narrow", "dark", "ended"):
        content = (tmp_path / f"{name}.png").read_bytes()
        width, height = struct.unpack(">II", content[16:24])
        assert width == (400 if name == "narrow" else 1200) and height >= 500, (name, width, height)
    print(f"the screenshots are in {tmp_path}")
    wait_until(lambda: running.stats()["streams"] == 0, "the page's streams to be gone")
