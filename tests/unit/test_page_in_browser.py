"""The HTML page in a browser: it fits a laptop and a phone, is light and dark, and can be used by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_browser import measured, picture
from support_page import page, recording

from harness.report.page import render

LAPTOP, PHONE = 1366, 390


@pytest.fixture(scope="module")
def html() -> str:
    return render(page(recording(), recording("ovsdb")))


@pytest.mark.parametrize("width", [LAPTOP, PHONE])
def test_it_fits(tmp_path: Path, html: str, width: int) -> None:
    """Only charts, tables and command lines scroll sideways; the page does not, and the verdict is at the top."""
    found = measured(
        tmp_path,
        html,
        width,
        """(d, w) => ({
            wide: d.documentElement.scrollWidth, window: w.innerWidth,
            verdict: d.querySelector('h1').getBoundingClientRect().top,
            size: parseFloat(w.getComputedStyle(d.body).fontSize),
            chart: d.querySelector('svg.timeline').getBoundingClientRect().width})""",
    )
    assert found["window"] == width
    assert found["wide"] == width
    assert found["verdict"] < 100
    assert found["size"] >= 16
    assert found["chart"] >= 600  # not shrunk until nobody can read it


def test_it_is_light_and_dark(tmp_path: Path, html: str) -> None:
    """Text stands out from the paper by at least 7 to 1 in both (WCAG 2, AAA)."""
    script = """(d, w) => {
        const c = d.createElement('canvas').getContext('2d');
        const lum = colour => { c.fillStyle = colour; const [r, g, b] = c.fillStyle.match(/[0-9a-f]{2}/gi).map(h => {
            const v = parseInt(h, 16) / 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const s = w.getComputedStyle(d.body), paper = lum(s.backgroundColor), ink = lum(s.color);
        return { paper, contrast: (Math.max(paper, ink) + 0.05) / (Math.min(paper, ink) + 0.05) }; }"""
    light = measured(tmp_path, html, LAPTOP, script)
    dark = measured(tmp_path, html, LAPTOP, script, dark=True)
    assert light["paper"] > 0.9
    assert dark["paper"] < 0.1
    assert min(light["contrast"], dark["contrast"]) >= 7  # type: ignore[type-var]


def test_every_control_takes_the_focus(tmp_path: Path, html: str) -> None:
    found = measured(
        tmp_path,
        html,
        LAPTOP,
        """(d, w) => { const all = [...d.querySelectorAll('a, summary, [tabindex]')];
            const reached = all.filter(e => { e.focus(); return d.activeElement === e; });
            d.querySelectorAll('details').forEach(e => { e.open = true; });
            const hidden = [...d.querySelectorAll('.commands li, table')].filter(e => !e.getClientRects().length);
            return { all: all.length, reached: all.filter(e => { e.focus(); return d.activeElement === e; }).length,
                first: reached.length, hidden: hidden.length }; }""",
    )
    assert found["all"] == found["reached"]
    assert found["first"] > 10
    assert found["hidden"] == 0  # opened, everything is there


def test_it_can_be_printed_as_a_picture(tmp_path: Path, html: str) -> None:
    for width, dark in ((LAPTOP, False), (LAPTOP, True), (500, False)):
        png = picture(tmp_path, html, width, 1000, dark=dark).read_bytes()
        assert png.startswith(b"\x89PNG")
        assert int.from_bytes(png[16:20], "big") == width
        assert len(png) > 20_000  # an empty page is a tenth of that
