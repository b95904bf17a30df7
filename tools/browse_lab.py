"""A reader's own steps in a real browser: run a notebook in JupyterLab, move its explorer, ask aloud, look at the page.

    python tools/browse_lab.py                 # all of the steps below, in headless Chromium
    python tools/browse_lab.py 04 --shots DIR  # those of one notebook, with pictures of the page

Needs Chromium (CHROMIUM names it, if `chromium` is not on the path) and Playwright: pip install -e ".[browser]". The
microphone is Chromium's fake one, which hears assets/question.wav. Exit status 1 if a step fails.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from chromium import launch
from playwright.sync_api import Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
TOKEN = secrets.token_hex(16)
QUESTION = ROOT / "omni_ref" / "assets" / "question.wav"
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # else cells out of sight are not there
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
EXPLORERS = (  # notebook, a line of the explorer's cell, the control that is moved, by its label
    ("00", "def at(step: int):", "step"),
    ("01", "def knobs(", "mels"),
    ("04", "def look(", "query"),
    ("05", "def who_takes_what(", "token"),
    ("08", "def play(", "kept"),
)
MICROPHONES_THAT_ARE_NONE = {
    "{getUserMedia: async () => { throw new DOMException('', 'NotAllowedError') }}": "no microphone (NotAllowedError)",
    "undefined": "a browser gives it only to pages at localhost or https",
}


@contextlib.contextmanager
def jupyter(home: Path, application: str) -> Iterator[str]:
    """JupyterLab or Notebook in a copy of the notebooks, with settings of its own; its address."""
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    for name, settings in SETTINGS.items():
        path = home / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    folders |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "spaces")}
    options = ["--no-browser", "--allow-root", f"--port={port}", f"--ServerApp.root_dir={home / 'notebooks'}"]
    options += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.password="]
    with open(home / "log", "w") as log:
        command = [sys.executable, "-m", application, *options]
        server = subprocess.Popen(command, env=os.environ | folders | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/api/status?token={TOKEN}"):
                    break
                assert server.poll() is None, (home / "log").read_text(encoding="utf8")
                time.sleep(0.2)
            yield url
        finally:
            server.terminate()
            server.wait(20)


def start_kernel(url: str, name: str) -> None:
    """Before the page opens: JupyterLab can drop a run that is sent in the instant its kernel connects."""
    body = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
    headers = {"Content-Type": "application/json", "Authorization": f"token {TOKEN}"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/sessions", json.dumps(body).encode(), headers))
    time.sleep(2)  # else the page may ask which kernel to take


def run_all(page: Page, seconds: float = 600) -> None:
    """Run all cells, and wait until the last one has been run. JupyterLab may drop the first demand: ask again."""
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').first.wait_for(state="attached")
    prompts, end = page.locator(".jp-CodeCell .jp-InputArea-prompt"), time.monotonic() + seconds
    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]')
    while not page.locator("img.picture").count():
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu-item", has_text="Run All Cells").first.click()
        page.wait_for_timeout(5000)
        while any("*" in text for text in prompts.all_inner_texts()):
            assert time.monotonic() < end, f"cells still run after {seconds} s"
            page.wait_for_timeout(500)
        page.wait_for_timeout(1000)
        assert errors.count() == 0, errors.first.inner_text()
        assert time.monotonic() < end, f"no picture of a widget after {seconds} s"


def changed(image: Locator, before: str) -> float:
    """Wait until a picture is another one; how many milliseconds it took."""
    start = time.monotonic()
    image.page.wait_for_function("([image, before]) => image.src !== before", arg=[image.element_handle(), before])
    return 1000 * (time.monotonic() - start)


def move(cell: Locator, label: str) -> list[float]:
    """Move a control three times, a slider by its keys; how long each took until the picture had changed."""
    image = cell.locator("img.picture")
    control = cell.locator(".widget-inline-hbox", has=cell.page.get_by_text(label, exact=True))
    handle = control.locator(".noUi-handle, select").first
    handle.scroll_into_view_if_needed()
    took = []
    for index in (1, 2, 3):
        before = image.get_attribute("src")
        if control.locator("select").count():
            handle.select_option(index=index)
        else:
            handle.press("ArrowRight")
        took.append(changed(image, before))
    assert image.get_attribute("alt"), "a picture without words"
    return took


def play(cell: Locator) -> float:
    """Press play: the picture moves by itself."""
    image = cell.locator("img.picture")
    before = image.get_attribute("src")
    cell.locator(".widget-play button").first.click()
    took = changed(image, before)
    cell.locator(".widget-play button").first.click()
    return took


def ask(cell: Locator, broken: Path) -> str:
    """Record; choose a file that is no sound, then one that is; record without a microphone. What was heard."""
    image, status = cell.locator("img.picture"), cell.locator("p[role=status]")
    before, words = image.get_attribute("src"), cell.locator("div[role=status]")
    cell.get_by_role("button", name="Record").click()
    cell.get_by_role("button", name="Stop").wait_for()
    cell.page.wait_for_timeout(2600)
    cell.get_by_role("button", name="Stop").click()
    changed(image, before)
    expect(status).to_contain_text("answered", timeout=30_000)
    recorded = words.inner_text()
    assert "seven plus eight is fifteen" in recorded, recorded
    cell.locator("input[type=file]").set_input_files(broken)
    expect(status).to_contain_text("cannot be used", timeout=30_000)
    cell.locator("input[type=file]").set_input_files(QUESTION)
    expect(status).to_contain_text(f"{QUESTION.name}: answered", timeout=30_000)
    for microphone, sentence in MICROPHONES_THAT_ARE_NONE.items():
        cell.page.evaluate(
            f"Object.defineProperty(navigator, 'mediaDevices', {{value: {microphone}, configurable: true}})"
        )
        cell.get_by_role("button", name="Record").click()
        expect(status).to_contain_text(sentence)
    return " | ".join(recorded.splitlines())


def browse(page: Page, url: str, number: str, shots: Path | None, tree: str) -> None:
    """The steps of one notebook."""
    name = next(path.name for path in (ROOT / "notebooks").glob(f"{number}*.ipynb"))
    problems = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    jupyters_own = "Could not restore the debugger state"  # when a kernel is chosen while it starts
    start_kernel(url, name)
    accept = page.locator("dialog.jp-Dialog .jp-mod-accept").first
    page.add_locator_handler(accept, lambda button: button.click(), no_wait_after=True)  # "Select kernel": now and then
    page.goto(f"{url}/{tree}/{name}?reset&token={TOKEN}")
    run_all(page)
    for notebook, line, label in EXPLORERS:
        if notebook == number:
            cell = page.locator(".jp-CodeCell", has_text=line)
            took = move(cell, label)
            print(f"{number} {label}: moved, {', '.join(f'{ms:.0f}' for ms in took)} ms", flush=True)
            if cell.locator(".widget-play").count():
                print(f"{number} plays by itself: {play(cell):.0f} ms", flush=True)
            if shots:
                cell.screenshot(path=shots / f"{number}_{label}.png")
    if number == "00":
        cell = page.locator(".jp-CodeCell", has_text="AskAloud(omni")
        print("00 asked aloud:", ask(cell, Path(__file__)), flush=True)
        if shots:
            cell.screenshot(path=shots / "00_ask.png")
    problems = [problem for problem in problems if not problem.startswith(jupyters_own)]
    assert not problems, problems


def main() -> None:
    """Browse the notebooks that are named, or all with an explorer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", help="of notebooks: 00 04")
    parser.add_argument("--shots", type=Path, help="where to put pictures of the cells")
    parser.add_argument("--application", default="jupyterlab", choices=("jupyterlab", "notebook"))
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    microphone = ("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream")
    tree = {"jupyterlab": "lab/tree", "notebook": "notebooks"}[options.application]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright, *microphone, f"use-file-for-fake-audio-capture={QUESTION}%noloop")
        with jupyter(Path(folder), options.application) as url:
            for number in options.numbers or [explorer[0] for explorer in EXPLORERS]:
                page = browser.new_page(viewport={"width": 1280, "height": 1400})
                page.set_default_timeout(60_000)
                try:
                    browse(page, url, number, options.shots, tree)
                finally:
                    if options.shots:
                        page.screenshot(path=options.shots / f"{number}.png")
                    page.close()
        browser.close()


if __name__ == "__main__":
    main()
