"""bench/guard's verdicts, and how it reads callgrind's files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent.parent.parent / "bench"
sys.path[:0] = [str(BENCH / "guard_parts"), str(BENCH / "updates_per_second_parts")]

from instructions import LOADS, read_totals  # noqa: E402
from record import FIGURES, LOAD_LABELS, Figure, Record, judge  # noqa: E402
from settings import Trouble  # noqa: E402

GCC = {"compiler": "GCC 12", "architecture": "x86_64"}
RECORD = Record(GCC, {figure.key: 100.0 for figure in FIGURES})


def with_one(key: str, value: float) -> Record:
    return Record(GCC, {**RECORD.figures, key: value})


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.key)
def test_each_figure_holds_within_its_tolerance_and_is_worse_beyond_it(figure: Figure) -> None:
    limit = 100 * (1 + figure.tolerance)
    assert not judge(RECORD, with_one(figure.key, limit - 0.1)).is_worse
    verdict = judge(RECORD, with_one(figure.key, limit + 0.1))
    assert verdict.is_worse
    line = next(line for line in verdict.lines if line.startswith(figure.label))
    assert "WORSE" in line
    assert verdict.lines[-1].startswith(f"Worse than bench/guard.json: 1 of {len(FIGURES)}.")


def test_a_much_better_figure_asks_for_a_new_record_and_does_not_fail() -> None:
    verdict = judge(RECORD, with_one("idleBytes", 80))
    assert not verdict.is_worse
    assert "Lower the record" in verdict.lines[-1]


def test_one_that_is_better_does_not_make_up_for_one_that_is_worse() -> None:
    now = Record(GCC, {**RECORD.figures, "idleBytes": 10, "patch.instructions": 110})
    assert judge(RECORD, now).is_worse


def test_a_figure_that_was_never_recorded_fails() -> None:
    old = Record(GCC, {key: value for key, value in RECORD.figures.items() if key != "idleBytes"})
    verdict = judge(old, RECORD)
    assert verdict.is_worse
    assert "NOT RECORDED" in verdict.lines[0]


def test_another_compiler_is_named_and_changes_no_verdict() -> None:
    for value, is_worse in ((100, False), (150, True)):
        now = Record({**GCC, "compiler": "GCC 13"}, with_one("idleBytes", value).figures)
        verdict = judge(RECORD, now)
        assert "  compiler: GCC 12 then, GCC 13 now" in verdict.lines
        assert not any("architecture" in line for line in verdict.lines)
        assert verdict.is_worse is is_worse


def test_the_record_of_this_tree_has_every_figure() -> None:
    assert set(Record.load(BENCH / "guard.json").figures) == {figure.key for figure in FIGURES}
    assert [load.name for load in LOADS] == list(LOAD_LABELS)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    RECORD.save(tmp_path / "record.json")
    assert Record.load(tmp_path / "record.json") == RECORD


def test_totals_go_with_their_events_and_zeros_may_be_left_out() -> None:
    profile = "version: 1\ncmd: x\n\nevents: Ir sysCount sysTime\nfn=(1) main\n16 400\n\ntotals: 400 7\n"
    assert read_totals(profile) == {"Ir": 400, "sysCount": 7, "sysTime": 0}


def test_a_profile_without_totals_is_trouble() -> None:
    with pytest.raises(Trouble):
        read_totals("version: 1\nevents: Ir\n")
