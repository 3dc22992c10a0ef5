"""What the browser tests of this project stand on. Written once by Baton; yours to change.

    pip install pytest playwright
    python -m pytest e2e                                        # starts the app itself, as baton.json says
    E2E_BASE_URL=http://127.0.0.1:3000 python -m pytest e2e     # against an app that is running

E2E_CHROMIUM names the browser (default: /usr/bin/chromium, otherwise the one Playwright brings), E2E_OUTPUT a
directory for a screenshot of every test's end and a trace of every test that failed.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent


def pytest_configure(config):
    config.addinivalue_line("markers", "allow_errors: nothing that goes wrong in the page fails this test")
    config.addinivalue_line("markers", "only_crashes: only uncaught exceptions and 5xx answers fail this test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test that ends well on a page where something went wrong has failed all the same."""
    item.passed = False
    outcome = yield
    page, problems = getattr(item, "page_under_test", (None, []))
    if page is not None:
        # Any call lets the events arrive that the browser has sent meanwhile.
        page.evaluate("() => new Promise((done) => setTimeout(done, 50))")
    if problems and item.get_closest_marker("allow_errors") is None:
        pytest.fail("\n".join(problems), pytrace=False)
    item.passed = True
    return outcome


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_healthy(process, url, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the app ended with status {process.returncode} before it answered {url}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the app did not answer {url} within {seconds} s")


@pytest.fixture(scope="session")
def base_url():
    given = os.environ.get("E2E_BASE_URL")
    if given:
        yield given
        return
    manifest = json.loads((PROJECT / "baton.json").read_text(encoding="utf-8"))
    *before, serve = manifest["commands"]["start"]
    for command in before:
        subprocess.run(command, cwd=PROJECT, check=True)
    port = free_port()
    environment = {**os.environ, "PORT": str(port)}
    process = subprocess.Popen(serve, cwd=PROJECT, env=environment, start_new_session=True)
    try:
        wait_until_healthy(process, f"http://127.0.0.1:{port}{manifest.get('health', '/health')}")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def playwright():
    with sync_playwright() as running:
        yield running


def launch(playwright):
    """With Chromium's sandbox, but for root, whom it refuses, and where the system has none to offer (containers)."""
    chromium = os.environ.get("E2E_CHROMIUM") or "/usr/bin/chromium"
    options = {"executable_path": chromium} if Path(chromium).exists() else {}
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    try:
        return playwright.chromium.launch(chromium_sandbox=not is_root, **options)
    except Error as error:
        if is_root or "sandbox" not in str(error).lower():
            raise
        return playwright.chromium.launch(chromium_sandbox=False, **options)


@pytest.fixture(scope="session")
def browser(playwright):
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def page(browser, base_url, request):
    """A fresh page. What goes wrong in it (console errors, exceptions, failed requests) fails the test."""
    output = os.environ.get("E2E_OUTPUT")
    context = browser.new_context(base_url=base_url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(5_000)
    if output:
        # Snapshots of the page tell as much as a film of it, and cost far less time.
        context.tracing.start(snapshots=True)
    page = context.new_page()
    problems = []
    only_crashes = request.node.get_closest_marker("only_crashes") is not None

    def on_console(message):
        # A failed load is reported by the response itself, with its status and address.
        if message.type == "error" and not only_crashes and not message.text.startswith("Failed to load resource"):
            problems.append(f"console error: {message.text}")

    def on_request_failed(failed):
        if failed.failure != "net::ERR_ABORTED":
            problems.append(f"failed request: {failed.method} {failed.url}: {failed.failure}")

    def on_response(response):
        if response.status >= (500 if only_crashes else 400) and urlsplit(response.url).path != "/favicon.ico":
            problems.append(f"failed request: {response.request.method} {response.url}: status {response.status}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"uncaught exception: {error}"))
    page.on("requestfailed", on_request_failed)
    page.on("response", on_response)
    request.node.page_under_test = (page, problems)
    yield page

    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")[:80]
    if output:
        page.screenshot(path=os.path.join(output, f"{name}.png"))
        passed = getattr(request.node, "passed", False)
        context.tracing.stop(path=None if passed else os.path.join(output, f"{name}.trace.zip"))
    context.close()


@pytest.fixture
def api(playwright, base_url):
    """Requests without a browser: api.get("/path"), api.post("/path", data={...})."""
    context = playwright.request.new_context(base_url=base_url)
    yield context
    context.dispose()
