"""What does the throughput look like next to the others'? An SVG of bars on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log10
from xml.sax.saxutils import escape

_WIDTH, _ROW, _LEFT, _RIGHT, _TOP = 720, 34, 190, 90, 44
_COLOURS = {True: "#0f766e", False: "#94a3b8"}


def bars(title: str, rows: Sequence[tuple[str, float, bool]]) -> str:
    """Return an SVG with a bar for each (name, events a second, whether it is ours)."""
    top = 10 ** ceil(log10(max(value for _, value, _ in rows)))
    low = 100.0
    room = _WIDTH - _LEFT - _RIGHT

    def length(value: float) -> float:
        return room * max(0.0, log10(value / low)) / log10(top / low)

    height = _TOP + _ROW * len(rows) + 30
    box = f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="13" role="img"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold" fill="#0f172a">{escape(title)}</text>',
    ]
    tick = low
    while tick <= top:
        x = _LEFT + length(tick)
        parts.append(f'<path d="M{x:.1f} {_TOP - 6}V{height - 24}" stroke="#e2e8f0"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 8}" fill="#475569" text-anchor="middle">{tick:,.0f}</text>')
        tick *= 10
    for number, (name, value, is_ours) in enumerate(rows):
        y = _TOP + _ROW * number
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 17}" fill="#0f172a" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect x="{_LEFT}" y="{y}" width="{length(value):.1f}" height="24" fill="{_COLOURS[is_ours]}" rx="2"/>'
        )
        parts.append(f'<text x="{_LEFT + length(value) + 6:.1f}" y="{y + 17}" fill="#0f172a">{value:,.0f}</text>')
    return "\n".join([*parts, "</svg>", ""])
