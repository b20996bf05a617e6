# SPDX-License-Identifier: Apache-2.0
"""Horizontal bars with intervals, as SVG text: nothing that needs a plotting library."""
from xml.sax.saxutils import escape

WIDTH, LABEL, ROW, TOP, RIGHT = 860, 330, 24, 44, 110
STYLE = "font-family='sans-serif' font-size='13'"


def line(x1, y1, x2, y2, colour="#333"):
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}'/>"


def text(x, y, content, anchor="start", weight="normal"):
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' font-weight='{weight}'>"
        f"{escape(content)}</text>"
    )


def one(y, scale, label, value, low, high):
    colour = "#2a6fb0" if label.startswith("Causeway") else "#9aa5b1"
    middle = y + ROW / 2
    parts = [
        text(LABEL - 8, middle + 4, label, "end"),
        f"<rect x='{LABEL}' y='{y + 4}' width='{value * scale:.1f}' height='{ROW - 8}' "
        f"fill='{colour}'/>",
        text(LABEL + max(value, high) * scale + 8, middle + 4, f"{value:.4g}"),
    ]
    if high > low:
        left, right = LABEL + low * scale, LABEL + high * scale
        parts += [line(left, middle, right, middle)]
        parts += [line(x, middle - 4, x, middle + 4) for x in (left, right)]
    return "".join(parts)


def bars(title, unit, values):
    """values: [(label, value, low, high)]; low and high are the interval's ends."""
    height = TOP + ROW * len(values) + 12
    largest = max((max(value, high) for _, value, _, high in values), default=1) or 1
    scale = (WIDTH - LABEL - RIGHT) / largest
    rows = [one(TOP + ROW * i, scale, *value) for i, value in enumerate(values)]
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' {STYLE}>"
        f"<rect width='100%' height='100%' fill='white'/>"
        f"{text(12, 24, f'{title} ({unit})', weight='bold')}"
        f"{line(LABEL, TOP, LABEL, height - 8)}{''.join(rows)}</svg>\n"
    )
