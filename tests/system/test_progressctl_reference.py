"""Completions and man pages, of all three programs, checked by the shells and by groff."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from harness import BINARY, patience
from progressctl import PROGRESSCTL, ctl, environment

PROGRAMS = [BINARY, PROGRESSCTL, BINARY.parent / "sseload"]
COMMANDS = ["run", "watch", "report", "list", "cancel", "top", "token", "check-token", "backup", "bench",
            "completion", "man"]  # fmt: skip


def reference(kind: str, program: Path) -> str:
    done = ctl(*kind.split(), "--program", str(program))
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def flags_in_help(program: Path, *words: str) -> set[str]:
    text = subprocess.run([program, *words, "--help"], capture_output=True, text=True, timeout=patience(), check=True)
    return set(re.findall(r"^  (?:-\w,)?(--[a-z][a-z-]*)", text.stdout, re.M))


def shell(*command: str, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=script, capture_output=True, text=True, timeout=patience(), env=environment(HOME="/nonexistent")
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_every_flag_of_help_is_in_every_form(program: Path) -> None:
    flags = flags_in_help(program)
    assert len(flags) > 3
    page = reference("man", program)
    lint = subprocess.run(["groff", "-man", "-ww", "-Tutf8"], input=page, capture_output=True, text=True, check=True)
    assert lint.stderr == ""
    plain = re.sub(r".\x08|\x1b\[[0-9;]*m|‐\n *", "", lint.stdout)
    texts = {name: reference(f"completion {name}", program) for name in ("bash", "zsh")}
    texts["man"] = page.replace("\\-", "-").replace("\\fB", "")
    for name, text in texts.items():
        missing = {flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text)}
        assert not missing, (name, missing)
    fish = reference("completion fish", program)
    assert not {flag for flag in flags if f" -l {flag[2:]} " not in fish}
    assert program.name in plain and "NAME" in plain and "SYNOPSIS" in plain


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_each_shell_reads_its_script(program: Path, name: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(reference(f"completion {name}", program))
    done = shell(name, "-n", str(script), script="")
    assert done.returncode == 0 and done.stderr == "", done


def test_the_help_of_commands_is_in_the_man_page() -> None:
    page = reference("man", PROGRESSCTL).replace("\\-", "-")
    for command in COMMANDS:
        assert f'.SS "{command}"' in page
        for flag in flags_in_help(PROGRESSCTL, command):
            assert flag in page, (command, flag)


def test_without_a_program_it_is_progressctl_itself() -> None:
    for kind in ("man", "completion bash", "completion zsh", "completion fish"):
        own = ctl(*kind.split())
        assert own.returncode == 0 and own.stdout == reference(kind, PROGRESSCTL)


@pytest.mark.parametrize(
    "typed, offered",
    [
        ("progressctl ", {"run", "watch", "check-token", "--url"}),
        ("progressctl wat", {"watch"}),
        ("progressctl run --ki", {"--kind"}),
        ("progressctl run --runner ", {"timer", "cpu", "external"}),
        ("progressctl --json list --state c", {"completed", "cancelled"}),
        ("progressctl completion z", {"zsh"}),
        ("progressctl list --url http://x --no", {"--no-color"}),
        ("progressctl token --secret-file /etc/hostn", {"/etc/hostname"}),
    ],
)
def test_bash_completes(typed: str, offered: set[str]) -> None:
    words = typed.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        ctl("completion", "bash").stdout
        + f"COMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n_progressctl\n"
        + "printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    done = shell("bash", "--norc", script=script)
    assert done.returncode == 0 and done.stderr == "", done
    said = set(done.stdout.split())
    assert offered <= said, (typed, said)
    assert all(word.startswith(words[-1]) for word in said), said


@pytest.mark.parametrize(
    "typed, offered",
    [("progressctl wat", {"watch"}), ("progressctl run --runner ", {"timer", "cpu", "external"}),
     ("progressctl list --sta", {"--state"})],
)  # fmt: skip
def test_fish_completes(typed: str, offered: set[str], tmp_path: Path) -> None:
    script = tmp_path / "progressctl.fish"
    script.write_text(ctl("completion", "fish").stdout)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {script}; complete -C '{typed}'"],
        capture_output=True, text=True, timeout=patience(), env=environment(HOME=str(tmp_path)),
    )  # fmt: skip
    assert done.returncode == 0, done
    assert offered <= {line.split("\t")[0] for line in done.stdout.splitlines()}, done.stdout


def test_a_program_that_is_none_is_named() -> None:
    for program in ("/nowhere/progressd", "/bin/true"):
        done = ctl("man", "--program", program)
        assert done.returncode == 2 and program in done.stderr, done
