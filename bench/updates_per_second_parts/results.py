"""All runs of one invocation, and what follows from them."""

from __future__ import annotations

import statistics
from collections import defaultdict

from measure import Outcome


class Results:
    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], list[Outcome]] = defaultdict(list)

    def add(self, measure: str, system: str, outcome: Outcome) -> None:
        self._runs[measure, system].append(outcome)

    def values(self, measure: str, system: str, figure: str) -> list[float]:
        """One for each round."""
        runs = self._runs.get((measure, system), [])
        return [value for run in runs if (value := run.values.get(figure)) is not None]

    def median(self, measure: str, system: str, figure: str) -> float | None:
        values = self.values(measure, system, figure)
        return statistics.median(values) if values else None

    def ratio(self, measure: str, figure: str, system: str, reference: str) -> float | None:
        value = self.median(measure, system, figure)
        base = self.median(measure, reference, figure)
        return value / base if value is not None and base else None

    def failures(self, measure: str, system: str) -> list[str]:
        """What failed, each once, with the number of runs in which it did not hold."""
        runs = self._runs.get((measure, system), [])
        failed = [run for run in runs if run.failures]
        if not failed:
            return []
        return [f"{len(failed)} of {len(runs)} runs: {'; '.join(failed[0].failures)}"]

    def was_bounded_by_load(self, measure: str, system: str, figure: str) -> bool:
        """In most runs, the load generator had no time left: the figure is a lower bound."""
        runs = self._runs.get((measure, system), [])
        return 2 * sum(figure in run.at_least for run in runs) > len(runs)
