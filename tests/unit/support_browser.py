"""Headless Chromium: pictures of a page, and what it measures of itself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path

import pytest

INSTALL = "apt-get install -y --no-install-recommends chromium"
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic", "--hide-scrollbars"),
)
_MEASURE = """<!doctype html><body style="margin:0">
<iframe id="f" style="border:0;width:{width}px;height:{height}px" srcdoc="{page}"></iframe>
<pre id="out"></pre><script>
document.getElementById('f').onload = event => {{
  const inner = event.target.contentDocument, view = event.target.contentWindow;
  document.getElementById('out').textContent = JSON.stringify((({function}))(inner, view));
}};
</script></body>"""


def chromium() -> str:
    """The browser's path; skips the test, or fails it where OVN_BROWSER=1 says that there must be one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        (pytest.fail if os.environ.get("OVN_BROWSER") == "1" else pytest.skip)(f"no Chromium; to have one: {INSTALL}")
    return found


def _run(directory: Path, *arguments: str, dark: bool = False) -> str:
    """Its output. It is killed, with all of its processes, after a minute."""
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else ["--blink-settings=preferredColorScheme=1"]
    profile = directory / "profile"
    command = [chromium(), *_FLAGS, *scheme, f"--user-data-dir={profile}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    shutil.rmtree(profile, ignore_errors=True)
    return done.stdout


def measured(directory: Path, html: str, width: int, function: str, *, dark: bool = False) -> dict[str, object]:
    """What the JavaScript ``function(document, window)`` says of ``html`` in a frame of ``width`` pixels."""
    outer = directory / "measure.html"
    outer.write_text(_MEASURE.format(width=width, height=900, page=escape(html, quote=True), function=function))
    dom = _run(directory, "--virtual-time-budget=5000", "--dump-dom", outer.as_uri(), dark=dark)
    found = re.search(r'<pre id="out">(.+?)</pre>', dom, re.S)
    assert found, dom[-500:]
    measures: dict[str, object] = json.loads(unescape(found[1]))
    return measures


def picture(directory: Path, html: str, width: int, height: int, *, dark: bool = False) -> Path:
    """A PNG of the page's top, ``width`` by ``height`` pixels."""
    source, target = directory / "page.html", directory / f"page-{width}{'-dark' if dark else ''}.png"
    source.write_text(html)
    _run(directory, f"--window-size={width},{height}", f"--screenshot={target}", source.as_uri(), dark=dark)
    return target
