"""The first figure of each measure as bars: an SVG of our own, readable on light and on dark ground.

    one panel a measure that several systems can do, two to a row:

    title
    figure, which way is better
    progressd       ████████████████ 2,150,000
    floor-batching  ██████████████████ 2,270,000
    …
"""

from __future__ import annotations

from html import escape

from measure import Measure
from report import DASH, Report

PANEL_WIDTH = 460
PANEL_GAP = 30
BAR_HEIGHT = 18
BAR_STEP = 24
HEADER_HEIGHT = 46
NAME_WIDTH = 104
VALUE_WIDTH = 96
COLUMNS = 2

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 13px; }
  .figure { fill: #59636e; }
  .bar { fill: #8c959f; }
  .floor { fill: #b6bec7; }
  .subject { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .figure { fill: #9198a1; }
    .bar { fill: #656c76; }
    .floor { fill: #3d444d; }
    .subject { fill: #4493f8; }
  }
"""


def bar_class(system: str) -> str:
    if system == "progressd":
        return "subject"
    return "floor" if system.startswith("floor") else "bar"


def draw_panel(report: Report, measure: Measure, x: int, y: int) -> list[str]:
    figure = measure.figures[0]
    direction = "more is better" if figure.is_more_better else "less is better"
    lines = [
        f'<g transform="translate({x} {y})">',
        f'<text class="title" y="13">{escape(measure.title)}</text>',
        f'<text class="figure" y="31">{escape(figure.label)}, {direction}</text>',
    ]
    medians = {s: report.results.median(measure.name, s, figure.key) for s in report.systems}
    longest = max((value for value in medians.values() if value), default=1)
    room = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH
    for number, (system, value) in enumerate(medians.items()):
        top = HEADER_HEIGHT + number * BAR_STEP
        width = max(1.0, room * value / longest) if value and value > 0 else 0
        baseline = top + 13
        lines.append(f'<text x="0" y="{baseline}">{escape(system)}</text>')
        if width:
            lines.append(
                f'<rect class="{bar_class(system)}" x="{NAME_WIDTH}" y="{top}" rx="2" '
                f'width="{width:.1f}" height="{BAR_HEIGHT}"/>'
            )
        text = report.cell(measure.name, system, figure) if value is not None else DASH
        lines.append(f'<text x="{NAME_WIDTH + width + 6:.1f}" y="{baseline}">{escape(text)}</text>')
    lines.append("</g>")
    return lines


def has_several(report: Report, measure: Measure) -> bool:
    figure = measure.figures[0].key
    return sum(report.results.median(measure.name, s, figure) is not None for s in report.systems) > 1


def draw(report: Report) -> str:
    measures = [measure for measure in report.measures if has_several(report, measure)]
    panel_height = HEADER_HEIGHT + len(report.systems) * BAR_STEP
    rows = -(-len(measures) // COLUMNS)
    width = COLUMNS * PANEL_WIDTH + (COLUMNS + 1) * PANEL_GAP
    height = rows * panel_height + (rows + 1) * PANEL_GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        "<title>progressd beside other servers</title>",
        f"<style>{STYLE}</style>",
    ]
    for number, measure in enumerate(measures):
        row, column = divmod(number, COLUMNS)
        x = PANEL_GAP + column * (PANEL_WIDTH + PANEL_GAP)
        y = PANEL_GAP + row * (panel_height + PANEL_GAP)
        lines += draw_panel(report, measure, x, y)
    return "\n".join([*lines, "</svg>"]) + "\n"
