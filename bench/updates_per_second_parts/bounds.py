"""What progressd must show, as ratios within one run of the harness. A bound that needs a system or
a measure that did not run is left open."""

from __future__ import annotations

from dataclasses import dataclass

from results import Results

SUBJECT = "progressd"


@dataclass(frozen=True)
class Bound:
    measure: str
    figure: str
    factor: float
    is_floor: bool
    """True: at least. False: at most."""
    reference: str | None = None
    """The system whose median is multiplied by the factor; None: the factor is the bound itself."""
    subject: str = SUBJECT

    def describe(self) -> str:
        words = "at least" if self.is_floor else "at most"
        text = f"{words} {self.factor:,.10g}" + (f" × {self.reference}" if self.reference else "")
        return text if self.subject == SUBJECT else f"{self.subject}: {text}"


@dataclass(frozen=True)
class Verdict:
    bound: Bound
    value: float | None
    """The ratio, or the figure where there is no reference."""
    holds: bool | None

    @property
    def word(self) -> str:
        return {True: "holds", False: "MISSED", None: "open"}[self.holds]


def at_most(measure: str, figure: str, factor: float, reference: str | None = None) -> Bound:
    return Bound(measure, figure, factor, False, reference)


def at_least(measure: str, figure: str, factor: float, reference: str | None = None) -> Bound:
    return Bound(measure, figure, factor, True, reference)


def with_auth(measure: str, figure: str, factor: float, is_floor: bool) -> Bound:
    """What auth may cost once a stream is open."""
    return Bound(measure, figure, factor, is_floor, SUBJECT, subject="progressd-auth")


def broadcast_bounds(readers: int) -> list[Bound]:
    name = f"broadcast-{readers}"
    return [
        at_least(name, "rate", 0.9, "floor-batching"),
        at_least(name, "rate", 8, "nchan"),
        at_least(name, "rate", 12, "node"),
        at_least(f"{name}-single", "rate", 0.95, "floor"),
    ]


BOUNDS = [
    with_auth("idle", "bytes", 1.03, is_floor=False),
    with_auth("broadcast-1000", "rate", 0.97, is_floor=True),
    with_auth("jobs-5000", "rate", 0.97, is_floor=True),
    with_auth("posts-5000", "rate", 0.97, is_floor=True),
    at_most("idle", "bytes", 2, "floor"),
    at_most("idle", "bytes", 391),  # below uWebSockets' 392
    at_most("open", "cpu", 1.25, "floor"),
    at_least("open", "rate", 0.85, "floor"),
    *broadcast_bounds(1_000),
    *broadcast_bounds(10_000),
    at_least("jobs-5000", "rate", 0.8, "floor-batching"),
    at_most("jobs-5000-paced", "p99", 2, "floor"),
    at_least("posts-5000", "rate", 0.7, "floor"),
    at_most("timer", "p99", 20),
    at_least("timer", "kept", 0.99),
    at_most("cpu", "lag", 10),
    at_least("stuck", "share", 0.95),
    at_most("stuck", "memory", 1024 * 1024),  # --max-outbox-bytes
]


def judge(bound: Bound, results: Results) -> Verdict:
    value = results.median(bound.measure, bound.subject, bound.figure)
    if value is not None and bound.reference:
        value = results.ratio(bound.measure, bound.figure, bound.subject, bound.reference)
    if value is None:
        return Verdict(bound, None, None)
    return Verdict(bound, value, value >= bound.factor if bound.is_floor else value <= bound.factor)


def judge_all(results: Results, measures: list[str]) -> list[Verdict]:
    return [judge(bound, results) for bound in BOUNDS if bound.measure in measures]
