"""The real JupyterLab in a real browser: a learner runs cells, is wrong, is right, in light and in dark.

One JupyterLab for all of it: its theme is changed in the open page, since what is run does not depend on it.
Screenshots of both themes are left in build/screenshots for people to look at; of whole chapters with STUDY_SHOTS=1.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

from utils import course, machine

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium installed (Debian: apt install chromium)")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SHOTS = machine.ROOT / "build" / "screenshots"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab on a learner's folder."""
    home = tmp_path_factory.mktemp("course")
    for name in ("study", "utils", "solutions", "chapters"):
        (home / name).symlink_to(machine.ROOT / name)
    (home / "work").mkdir()
    for chapter in course.chapters():
        shutil.copy(chapter.notebook, home / "work")
    excerpt("02.3", home / "work" / "cuda.ipynb")
    settings = home / "settings" / "@jupyterlab"
    for plugin, values in {
        "apputils-extension/themes": {"theme": THEMES["light"]},
        "notebook-extension/tracker": {"windowingMode": "none"},  # all cells in the page, to be counted
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }.items():
        file = settings / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    port = free_port()
    env = os.environ | {
        "STUDY_PROGRESS": str(home / "work" / "progress.sqlite3"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
    }
    env.pop("STUDY_EXPECT", None)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--IdentityProvider.token=",
               f"--ServerApp.root_dir={home}", "--allow-root", "--LabApp.news_url=None",
               "--LabApp.expose_app_in_browser=True"]  # fmt: skip
    with open(home / "server.log", "w") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=home)
    try:
        wait_for(f"http://127.0.0.1:{port}/api")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def excerpt(exercise, file):
    """A notebook with the setup, the cell and the check of one exercise: a whole chapter takes long to open."""
    chapter, _ = course.find(exercise)
    notebook = json.loads(chapter.notebook.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    at = next(i for i, cell in enumerate(code) if cell["id"] == f"ex-{exercise.replace('.', '-')}")
    notebook["cells"] = [code[0], *code[at : at + 2]]
    file.write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as play:
        chrome = play.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                  "--disable-sync", "--no-first-run"],
        )  # fmt: skip
        yield chrome
        chrome.close()


def free_port():
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            assert time.monotonic() < deadline, "JupyterLab did not start"
            time.sleep(0.3)


class Notebook:
    """One open notebook, used as a person does: click a cell, type, Shift+Enter, read what comes."""

    def __init__(self, browser, url, name):
        self.page = browser.new_page(viewport={"width": 1300, "height": 950})
        self.page.set_default_timeout(60_000)
        self.page.goto(f"{url}/lab/tree/work/{name}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content")
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # before that, what is run is lost

    def cell(self, text):
        """The code cell whose source contains `text`."""
        return self.page.locator(".jp-Notebook .jp-CodeCell", has=self.page.locator(".cm-content", has_text=text)).first

    def run(self, text, source=None):
        """Run that cell, after replacing its source if one is given; returns it when its output is there."""
        cell = self.cell(text)
        cell.scroll_into_view_if_needed()
        cell.locator(".cm-content").click()
        if source is not None:
            self.page.keyboard.press("Control+A")
            self.page.keyboard.insert_text(source)
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        self.page.keyboard.press("Shift+Enter")
        done = re.compile(rf"^\[(?!{re.escape(before.strip('[]: '))}\]|\*)\d+\]")
        playwright.expect(prompt).to_have_text(done, timeout=60_000)
        return self.cell(text)

    def output(self, text, wanted):
        """The output of that cell once it contains `wanted` (a regular expression)."""
        found = self.cell(text).locator(".jp-OutputArea")
        playwright.expect(found).to_contain_text(re.compile(wanted, re.IGNORECASE), timeout=60_000)
        return found.inner_text()

    def wear(self, theme):
        """Change the page to that theme; it is on when the page says so and its style sheet has come."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
        )
        self.page.locator(f"body[data-jp-theme-name='{THEMES[theme]}']").wait_for(state="attached")
        dark = self.page.evaluate("() => getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim()")
        assert dark in {"light": ("white", "#fff", "#ffffff"), "dark": ("#111", "#111111")}[theme], dark

    def photograph(self, name):
        """The whole notebook in both themes, 4000 pixels at a time, for who asks to look (STUDY_SHOTS=1): minutes."""
        if not os.environ.get("STUDY_SHOTS"):
            return
        panel = self.page.locator(".jp-WindowedPanel-outer")
        self.page.set_viewport_size({"width": 1200, "height": 4000})
        height = panel.evaluate("panel => panel.scrollHeight")
        for theme in THEMES:
            self.wear(theme)
            for number, top in enumerate(range(0, height, 3800)):
                panel.evaluate("(panel, top) => panel.scrollTo(0, top)", top)
                self.page.wait_for_timeout(300)
                self.save(f"{name}-{theme}-{number}")

    def shot(self, name):
        """What is in view, in both themes."""
        for theme in THEMES:
            self.wear(theme)
            self.save(f"{name}-{theme}")

    def save(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


def test_a_learner_is_wrong_and_then_right(lab, browser):
    book = Notebook(browser, lab, "00_start_here.ipynb")
    book.run("home = next")
    book.run("preflight()")
    assert "interpreter" in book.output("preflight()", "Triton").lower()
    book.shot("00-preflight")
    book.run("# Exercise 00.2")
    book.run('check("00.2")')
    book.output('check("00.2")', "not attempted")
    book.run("# Exercise 00.2", "# Exercise 00.2\ndef saxpy(a, x, y):\n    y += a * x\n    return y")
    book.run('check("00.2")')
    book.output('check("00.2")', "changes its input y")
    book.shot("00-wrong")
    book.run("# Exercise 00.2", course.model("00.2"))
    book.run('check("00.2")')
    book.output('check("00.2")', "passed")
    book.run("# Exercise 00.3", course.model("00.3").replace(", mask=i < n", ""))
    book.run('check("00.3")')
    book.output('check("00.3")', "outside its arrays")
    book.run("# Exercise 00.3", course.model("00.3"))
    book.run('check("00.3")')
    book.output('check("00.3")', "passed")
    book.shot("00-right")
    book.run("progress()")
    book.output("progress()", "exercises passed")
    book.shot("00-progress")
    book.page.close()


def test_cuda_is_counted_in_the_page(lab, browser):
    book = Notebook(browser, lab, "cuda.ipynb")
    book.run("home = next")
    book.run("# Exercise 02.3", course.model("02.3").replace("if (i < n) ", ""))
    book.run('check("02.3")')
    said = book.output('check("02.3")', "Out of bounds")
    assert "reads x[" in said and "✗" in said  # in the sentence, and beside the line
    book.shot("02-wrong")
    book.run("# Exercise 02.3", course.model("02.3"))
    book.run('check("02.3")')
    assert "sectors a request" in book.output('check("02.3")', "passed")
    book.page.close()


def test_every_cell_of_a_shipped_chapter_runs(lab, browser):
    """Run All on an unsolved notebook, all of them if thorough (nbval runs them too): no cell shows an error."""
    for chapter in course.chapters() if os.environ.get("STUDY_THOROUGH") else course.chapters()[:1]:
        book = Notebook(browser, lab, chapter.notebook.name)
        book.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
        last = book.page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").last
        playwright.expect(last).to_have_text(re.compile(r"\[\d+\]"), timeout=180_000)
        count = len(json.loads(chapter.notebook.read_text())["cells"])
        playwright.expect(book.page.locator(".jp-Notebook .jp-Cell")).to_have_count(count)
        assert book.page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
        book.photograph(chapter.name)
        book.page.close()
