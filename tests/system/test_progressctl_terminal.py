"""progressctl in a real terminal: bars, colours, changes of size, and bytes that would take it over."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Server, wait_until
from progressctl import Terminal


def lines_with(screen: str, text: str) -> list[str]:
    return [line for line in screen.splitlines() if text in line]


def is_filled(screen: str, columns: int, rows: int) -> bool:
    """Whether there are so many lines, nothing left over of those before, and they take the width that there is."""
    lines = [line for line in screen.splitlines() if line.strip()]
    return len(lines) == rows and all(columns * 0.6 < len(line) <= columns for line in lines)


def test_run_draws_a_bar_with_rate_and_eta(shared: Server) -> None:
    words = ["run", "--id", "bar", "--total", "1000", "--step-ms", "50", "--url", shared.url]
    with Terminal(*words) as terminal:
        screen = terminal.wait_for("bar ", "/s", "ETA ", "%", "█")
        assert len(lines_with(screen, "bar ")) == 1, screen
        terminal.press("C-c")
        screen = terminal.wait_for("cancelled", "status=3")
        assert len(lines_with(screen, "bar ")) == 1, screen
    assert shared.job("bar")["state"] == "cancelled"


def test_the_last_bar_stays(shared: Server) -> None:
    with Terminal("run", "--id", "short", "--total", "3", "--step-ms", "10", "--url", shared.url) as terminal:
        screen = terminal.wait_for("status=0")
        (line,) = lines_with(screen, "short ")
        assert "100%" in line and "completed" in line and "░" not in line


def test_a_list_has_a_header_and_whole_ids(server: Any) -> None:
    running = server()
    job = running.external()
    with Terminal("list", "--url", running.url, columns=60) as terminal:
        screen = terminal.wait_for("status=0")
        assert "ID" in screen.splitlines()[0] and "STATE" in screen.splitlines()[0], screen
        assert job["id"] in screen, screen
    with Terminal("watch", job["id"], "--url", running.url, columns=60) as terminal:
        terminal.wait_for(job["id"])
        terminal.press("C-c")
        # Not behind the ^C.
        assert "status=130" in terminal.wait_for("status=130").splitlines()


def test_watch_follows_a_change_of_size(shared: Server) -> None:
    jobs = [shared.external(id=f"wide-{number}", message="a long message " * 9) for number in range(3)]
    for number, job in enumerate(jobs):
        shared.patch(job, done=10 * (number + 1))
    with Terminal("watch", *(job["id"] for job in jobs), "--url", shared.url) as terminal:
        terminal.wait_for("10%", "20%", "30%", "a long message")
        for columns, rows in [(40, 20), (20, 10), (130, 30), (9, 5), (80, 24)]:
            terminal.resize(columns, rows)
            # Also when nothing else is new: the change of size itself is drawn.
            wait_until(lambda: is_filled(terminal.screen(), columns, 3), f"a screen of {columns} columns")  # noqa: B023
            done = shared.patch(jobs[0], done=shared.job(jobs[0])["done"] + 1)["done"]
            assert is_filled(terminal.wait_for(f"{done}%"), columns, 3), terminal.screen()
        for job in jobs:
            shared.patch(job, state="completed")
        terminal.wait_for("completed", "status=0")


def test_more_jobs_than_rows_are_counted(shared: Server) -> None:
    jobs = [shared.external(id=f"many-{number:02}", kind="many") for number in range(30)]
    with Terminal("watch", "--kind", "many", "--url", shared.url, rows=10) as terminal:
        screen = terminal.wait_for("many-00", "and 22 more")
        assert len(lines_with(screen, "many-")) == 8, screen
        # What moves stands before what is over.
        shared.patch(jobs[0], state="completed")
        terminal.wait_for("many-08")
        terminal.press("C-c")
        terminal.wait_for("status=130")


def test_ctrl_c_reaches_a_command_on_a_terminal_once(shared: Server) -> None:
    script = "count=0; trap 'count=$((count+1)); echo told $count' INT; echo ready; read line; echo got $count; exit 6"
    with Terminal("report", "--id", "pressed", "--tee", "--url", shared.url, "--", "bash", "-c", script) as terminal:
        terminal.wait_for("ready")
        terminal.press("C-c")
        terminal.wait_for("told 1")
        terminal.press("Enter")  # the keyboard is still the command's
        terminal.wait_for("got 1", "status=6")
    assert shared.job("pressed")["failedReason"] == "exit status 6"


def test_no_colours_where_they_are_not_wanted(shared: Server) -> None:
    job = shared.external(id="grey")
    shared.patch(job, done=50)
    with Terminal("watch", "grey", "--url", shared.url) as terminal:
        terminal.wait_for("50%")
        assert "\x1b[36m" in terminal.screen(with_colors=True)
    with Terminal("watch", "grey", "--url", shared.url, "--no-color") as terminal:
        terminal.wait_for("50%")
        assert "\x1b[3" not in terminal.screen(with_colors=True)
    with Terminal("watch", "grey", "--url", shared.url, NO_COLOR="1") as terminal:
        terminal.wait_for("50%")
        assert "\x1b[3" not in terminal.screen(with_colors=True)


@pytest.mark.parametrize("command", ["watch", "list"])
def test_a_message_controls_no_terminal(shared: Server, command: str) -> None:
    message = "\x1b]0;t\x07\x1b[2J\rover \u202egnp"
    job = shared.external(id=f"evil-{command}", kind=f"\x1b[31m{command}", message=message)
    shared.patch(job, done=50)
    words = ["watch", job["id"]] if command == "watch" else ["list", "--limit", "1"]
    with Terminal(*words, "--url", shared.url, columns=180) as terminal:
        terminal.wait_for(job["id"], r"\x1b]0;t\x07\x1b[2J\x0dover \u{202e}gnp")


def test_without_utf8_the_bar_is_ascii(shared: Server) -> None:
    job = shared.external(id="plain", message="naïve")
    shared.patch(job, done=50)
    with Terminal("watch", "plain", "--url", shared.url, LC_ALL="C") as terminal:
        screen = terminal.wait_for("50%", r"na\u{ef}ve")
        assert "###" in screen and "---" in screen and screen.isascii()


def test_json_on_a_terminal_is_asked_for(shared: Server) -> None:
    with Terminal("run", "--total", "1", "--step-ms", "1", "--json", "--url", shared.url, columns=200) as terminal:
        terminal.wait_for('{"event":"', '"state":"completed"', "status=0")


def test_list_is_a_table(shared: Server) -> None:
    shared.external(id="in-the-table", kind="tables", owner="zoë")
    with Terminal("list", "--limit", "1", "--url", shared.url) as terminal:
        screen = terminal.wait_for("in-the-table", "status=0")
        assert "pending" in screen and "tables" in screen and "zoë" in screen


def test_top_shows_the_figures_and_gives_the_screen_back(shared: Server) -> None:
    with shared.follow(shared.external(id="topped")):
        with Terminal("top", "--interval", "100ms", "--url", shared.url) as terminal:
            screen = terminal.wait_for("connections", "delivered", "loop", "QUEUED", "job:topped", "anybody")
            assert shared.url in screen and '["' not in screen
            terminal.resize(50, 8)
            wide = terminal.wait_for("connections")
            assert all(len(line) <= 50 for line in wide.splitlines())
            terminal.press("C-c")
            assert "connections" not in terminal.wait_for("status=130")


@pytest.mark.parametrize("words, trouble", [(["watch", "--all"], "reconnecting: "), (["top"], "no answer: ")])
def test_a_server_that_goes_away_is_waited_for(server: Any, words: list[str], trouble: str) -> None:
    first = server()
    address = f"127.0.0.1:{first.address[1]}"
    first.external(id="before")
    with Terminal(*words, "--url", first.url) as terminal:
        known = "before" if words[0] == "watch" else "pending 1"
        terminal.wait_for(known)
        first.stop()
        # What is known stays on the screen.
        terminal.wait_for(known, trouble)
        second = server(listen=[address])
        for name in ("one", "two"):
            second.external(id=name)
        screen = terminal.wait_for(*(["one", "two"] if words[0] == "watch" else ["pending 2"]))
        assert trouble not in screen and known not in screen, screen
