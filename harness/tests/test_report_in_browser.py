"""The pages in a real browser: no error, no request to anybody else, and what the scripts promise."""

from __future__ import annotations

import contextlib
import http.server
import shutil
import subprocess
import threading

import pytest
from stored_runs import BROKEN, DEGRADED, store, story

from windtunnel.report.site import publish
from windtunnel.report.stored import read_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH (on Debian: apt-get install chromium)")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--dump-dom",
)  # fmt: skip

PROBE = """<script>
const drawing = document.getElementById("timeline"), box = drawing.getBoundingClientRect();
const said = () => document.getElementById("said").textContent;
const heard = [];
const clientX = box.left + box.width / 2;
for (let clientY = box.top; clientY < box.bottom; clientY += 10)
  drawing.dispatchEvent(new PointerEvent("pointermove", {clientX, clientY}));
heard.push(said());
drawing.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight"}));
heard.push(said());
document.querySelector("button[data-kind=ok]").click();
heard.push(getComputedStyle(drawing.querySelector(".dots.ok")).display,
           document.querySelector("button[data-kind=ok]").getAttribute("aria-pressed"),
           String(document.querySelector(".copy").hidden),
           String(document.documentElement.scrollWidth <= innerWidth));
document.body.insertAdjacentHTML("beforeend", `<pre id="heard">${heard.join("|")}</pre>`);
</script></body>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    run = store(folder / "run", story("cut", fault=DEGRADED), story("slow", kind="latency", fault=BROKEN))
    return publish(read_run(run), folder / "published")


def visit(address, profile, *more):
    """The page's DOM after its scripts, and what the browser complained of."""
    done = subprocess.run(
        [CHROMIUM, *FLAGS, *more, f"--user-data-dir={profile}", address],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@contextlib.contextmanager
def served(folder):
    """A static host on a free port, and the paths that were asked of it."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_pages_open_without_a_complaint(site, tmp_path):
    """Over HTTP, each asks for itself alone: no icon, no script, no style, nothing of anybody else."""
    with served(site.index.parent) as (host, asked):
        for path in (site.index, site.folder / "index.html", site.folder / "slow.html"):
            address = path.relative_to(site.index.parent).as_posix()
            asked.clear()
            dom, complaints = visit(f"{host}/{address}", tmp_path)

            assert complaints == []
            assert asked == [f"/{address}"]
            assert "<main" in dom


@pytest.mark.parametrize("size", ["1280,900", "500,900"], ids=["wide", "narrow"])
def test_timeline_answers_to_pointer_and_keyboard(site, tmp_path, size):
    """From a file: the request under the pointer, the next by key, a kind hidden by its button; nothing sticks out."""
    page = site.folder / "slow.html"
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text().replace("</body>", PROBE))

    dom, complaints = visit(probed.as_uri(), tmp_path / "profile", f"--window-size={size}")
    heard = dom.rpartition('<pre id="heard">')[2].partition("</pre>")[0]
    first, second, display, pressed, copy_hidden, fits = heard.split("|")

    assert complaints == []
    assert "place_order: POST /orders" in first
    assert first != second
    assert (display, pressed, copy_hidden, fits) == ("none", "false", "false", "true")
