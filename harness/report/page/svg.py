"""SVG as text: escaped elements, and the scale from seconds to a chart's width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
"""Seconds between two ticks of an axis that people can count with."""
TICKS = 10
"""At most that many of them."""


def element(name: str, *children: object, **attributes: object) -> Markup:
    """``<name a="b">children</name>``: what is no markup is escaped; ``class_`` is ``class``, ``a_b`` is ``a-b``."""
    given = "".join(
        f' {escape(key.rstrip("_").replace("_", "-"))}="{escape(number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(escape(child) for child in children)
    return Markup(f"<{name}{given}>{inner}</{name}>")


def number(value: object) -> object:
    """Coordinates with one digit after the point, so that a page stays small."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def group(*children: object, **attributes: object) -> Markup:
    return element("g", *children, **attributes)


def text(x: float, y: float, words: str, class_: str = "", **attributes: object) -> Markup:
    return element("text", words, x=x, y=y, class_=class_ or None, **attributes)


def box(x: float, y: float, width: float, height: float, class_: str, words: str = "") -> Markup:
    """A rectangle that says ``words`` when it is pointed at."""
    title = [element("title", words)] if words else []
    return element("rect", *title, x=x, y=y, width=max(width, 0.0), height=height, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str, **attributes: object) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_, **attributes)


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds from ``began`` to ``ended``, laid out from ``left`` to ``right`` in pixels."""

    began: float
    ended: float
    left: float
    right: float

    def __call__(self, at: float) -> float:
        span = max(self.ended - self.began, 1e-9)
        inside = min(max(at, self.began), self.ended)
        return self.left + (inside - self.began) / span * (self.right - self.left)

    def ticks(self) -> Iterator[float]:
        """Round times within the scale, the first at or after its beginning."""
        span = self.ended - self.began
        step = next((s for s in STEPS if span / s <= TICKS), STEPS[-1])
        at = -(-self.began // step) * step
        while at <= self.ended:
            yield at
            at += step


def clock(seconds: float) -> str:
    """``75`` as ``1:15``: minutes and seconds of the run."""
    sign = "-" if seconds < 0 else ""
    whole = abs(round(seconds))
    return f"{sign}{whole // 60}:{whole % 60:02d}"
