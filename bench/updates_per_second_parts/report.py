"""The results as one table, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bounds import SUBJECT, Verdict
from measure import Figure, Measure
from results import Results

REFERENCES = ["floor", "floor-batching"]
DASH = "–"


class Report:
    def __init__(
        self, results: Results, measures: list[Measure], systems: list[str], verdicts: list[Verdict]
    ) -> None:
        self.results = results
        self.measures = measures
        self.systems = systems
        self.verdicts = verdicts
        self.references = [name for name in REFERENCES if name in systems and SUBJECT in systems]

    def cell(self, measure: str, system: str, figure: Figure) -> str:
        """'≥' marks what the load generator bounded, '!' runs with a failed check."""
        value = self.results.median(measure, system, figure.key)
        failed = "!" if self.results.failures(measure, system) else ""
        if value is None:
            return failed or DASH
        is_bounded = self.results.was_bounded_by_load(measure, system, figure.key)
        return f"{'≥' if is_bounded else ''}{value:,.{figure.digits}f}{failed}"

    def ratio(self, measure: str, figure: Figure, reference: str) -> str:
        ratio = self.results.ratio(measure, figure.key, SUBJECT, reference)
        return f"{ratio:.2f}" if ratio is not None and figure.is_compared else DASH

    def table(self) -> str:
        heading = ["measure", "figure", *self.systems, *(f"÷ {name}" for name in self.references)]
        rows = []
        for measure in self.measures:
            for figure in measure.figures:
                cells = [self.cell(measure.name, system, figure) for system in self.systems]
                ratios = [self.ratio(measure.name, figure, name) for name in self.references]
                name = measure.name if figure is measure.figures[0] else ""
                rows.append([name, figure.label, *cells, *ratios])
        return align([heading, *rows], left_columns=2)

    def bounds(self) -> str:
        figures = {(m.name, f.key): f for m in self.measures for f in m.figures}
        rows = []
        for verdict in self.verdicts:
            bound = verdict.bound
            figure = figures[bound.measure, bound.figure]
            value = DASH if verdict.value is None else f"{verdict.value:,.2f}"
            rows.append([verdict.word, value, bound.describe(), f"{bound.measure}: {figure.label}"])
        return align(rows, left_columns=1, right_columns=1)

    def failures(self) -> list[str]:
        return [
            f"{measure.name}, {system}: {text}"
            for measure in self.measures
            for system in self.systems
            for text in self.results.failures(measure.name, system)
        ]

    def text(self) -> str:
        parts = [self.table()]
        if self.verdicts:
            parts.append(f"Bounds of {SUBJECT}:\n{self.bounds()}")
        if failures := self.failures():
            parts.append("! Failed checks:\n" + "\n".join(failures))
        if "≥" in parts[0]:
            parts.append("≥ The load generator had no time left: the server may do more.")
        return "\n\n".join(parts)

    def write_json(self, path: Path, settings: dict[str, Any]) -> None:
        figures = []
        for measure in self.measures:
            for figure in measure.figures:
                systems = {name: self._values(measure.name, name, figure) for name in self.systems}
                row = {"measure": measure.name, "figure": figure.key, "label": figure.label}
                row |= {"moreIsBetter": figure.is_more_better, "systems": systems, "ratios": {}}
                for name in self.references if figure.is_compared else []:
                    ratio = self.results.ratio(measure.name, figure.key, SUBJECT, name)
                    row["ratios"][name] = ratio
                figures.append(row)
        bounds = [
            {
                "measure": verdict.bound.measure,
                "figure": verdict.bound.figure,
                "bound": verdict.bound.describe(),
                "value": verdict.value,
                "holds": verdict.holds,
            }
            for verdict in self.verdicts
        ]
        everything = {"settings": settings, "figures": figures, "bounds": bounds}
        path.write_text(json.dumps(everything, indent=2, ensure_ascii=False) + "\n")

    def _values(self, measure: str, system: str, figure: Figure) -> dict[str, Any]:
        return {
            "median": self.results.median(measure, system, figure.key),
            "values": self.results.values(measure, system, figure.key),
            "boundedByLoad": self.results.was_bounded_by_load(measure, system, figure.key),
            "failures": self.results.failures(measure, system),
        }


def align(rows: list[list[str]], left_columns: int, right_columns: int | None = None) -> str:
    """The first columns flush left, the next ones (all, if not said) flush right, the rest left."""
    if not rows:
        return ""
    right_end = len(rows[0]) if right_columns is None else left_columns + right_columns
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if left_columns <= column < right_end else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
