"""Presses the buttons of a running web app and writes down those that do nothing.

    python buttons.py PLAN.json OUT_DIRECTORY

PLAN.json: {"base_url", "chromium", "seconds": 90, "buttons": [{"path", "buttons": [{"selector", "text"}], "fields":
[{"selector", "value"}]}]}. Writes OUT_DIRECTORY/buttons.json: {"inert": [{"page", "selector", "text", "picture"}],
"pressed", "left"} and a picture of each such button.

A button does nothing when a press changes neither the document, nor a field, the focus, the scroll position, what is
stored or drawn, and leads to no request, page, window, dialog, download, message in the console or refused form. Many
do nothing only because there is nothing to do yet (clear, undo, next), so each one gets three tries: on the page as it
is, with something in its fields, and after its neighbours were pressed.
"""

import json
import os
import re
import sys
import time
from urllib.parse import urljoin

from survey import VIEWPORTS, file_name, launch

PER_PAGE = 25
NEIGHBOURS = 12

# Counts what happens in the document, from its first line on.
WATCH = r"""
(() => {
  const seen = { count: 0 };
  Object.defineProperty(window, "__batonSeen", { value: seen });
  const count = () => { seen.count += 1; };
  new MutationObserver(count).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  for (const type of ["invalid", "input", "change", "scroll", "toggle", "fullscreenchange", "play", "pause", "hashchange", "popstate"])
    addEventListener(type, count, { capture: true });
  for (const [owner, name] of [
    [history, "pushState"], [history, "replaceState"], [window, "print"], [window, "postMessage"], [Storage.prototype, "setItem"],
    [Storage.prototype, "removeItem"], [Storage.prototype, "clear"], [navigator.clipboard, "writeText"], [navigator.clipboard, "write"],
    [navigator, "sendBeacon"], [navigator, "share"], [navigator, "vibrate"], [window.speechSynthesis, "speak"],
    [window.Worker?.prototype, "postMessage"], [window.BroadcastChannel?.prototype, "postMessage"], [window.WebSocket?.prototype, "send"],
    [window.RTCDataChannel?.prototype, "send"], [window.AudioNode?.prototype, "connect"], [window.Element.prototype, "animate"],
    [window.IDBDatabase?.prototype, "transaction"], [window.CanvasRenderingContext2D?.prototype, "stroke"],
    [window.CanvasRenderingContext2D?.prototype, "fill"], [window.CanvasRenderingContext2D?.prototype, "fillRect"],
    [window.CanvasRenderingContext2D?.prototype, "clearRect"], [window.CanvasRenderingContext2D?.prototype, "drawImage"],
    [window.CanvasRenderingContext2D?.prototype, "fillText"], [window.WebGLRenderingContext?.prototype, "drawArrays"],
    [window.WebGLRenderingContext?.prototype, "drawElements"], [window.WebGL2RenderingContext?.prototype, "drawArrays"],
    [window.WebGL2RenderingContext?.prototype, "drawElements"]]) {
    const before = owner?.[name];
    if (typeof before !== "function") continue;
    try { owner[name] = function (...rest) { count(); return before.apply(this, rest); }; } catch { /* it is not to be changed */ }
  }
})();
"""

# What no event and no mutation tells: values that scripts set, the focus, cookies.
STATE = r"""
() => JSON.stringify([
  [...document.querySelectorAll("input, textarea, select")].map((e) => [e.value, e.checked, e.selectedIndex, e.indeterminate]),
  [...document.querySelectorAll("dialog, details")].map((e) => e.open), document.activeElement?.outerHTML?.slice(0, 200),
  scrollX, scrollY, document.cookie, location.href, document.title,
])
"""


class Press:
    """One page in which buttons are pressed, and what came of it."""

    def __init__(self, context, url):
        self.events = 0
        self.page = context.new_page()
        for name in ("request", "popup", "download", "filechooser", "console", "pageerror", "framenavigated", "websocket"):
            self.page.on(name, lambda *_: self.happened())
        self.page.on("dialog", self.dialog)
        self.page.goto(url, wait_until="load", timeout=30_000)
        try:
            self.page.wait_for_load_state("networkidle", timeout=2000)
        except Exception:
            pass  # some pages keep a connection open

    def happened(self):
        self.events += 1

    def dialog(self, dialog):
        self.events += 1
        dialog.dismiss()

    def close(self):
        self.page.close()

    def settle(self):
        """Waits until nothing happens by itself any more, three seconds at most."""
        last = None
        for _ in range(3):
            try:
                now = (self.events, self.page.evaluate("() => window.__batonSeen?.count ?? 0"))
                if now == last:
                    return
                last = now
                self.page.wait_for_timeout(1000)
            except Exception:
                return

    def does(self, selector, patience=1.5, timeout=15_000):
        """Whether a press does something; None when the button can't be pressed within so many milliseconds."""
        button = self.page.locator(selector).first
        try:
            if not button.is_visible() or not button.is_enabled():
                return None
            button.hover(timeout=timeout)
            # The focus that any press moves to the button is none of its doing.
            button.focus(timeout=timeout)
            state, events = self.page.evaluate(STATE), self.events
            count = self.page.evaluate("() => window.__batonSeen?.count ?? 0")
            button.click(no_wait_after=True, timeout=timeout)
        except Exception:
            return None
        end = time.monotonic() + patience
        while True:
            try:
                if self.events != events or self.page.evaluate("() => window.__batonSeen?.count ?? 0") != count:
                    return True
                if self.page.evaluate(STATE) != state:
                    return True
                if time.monotonic() > end:
                    return False
                self.page.wait_for_timeout(50)
            except Exception:
                return True  # the page went away


def is_inert(context, url, entry, button):
    """Whether nothing happens in any of three tries; None when it could not be pressed in the first."""
    press = Press(context, url)
    try:
        first = press.does(button["selector"])
    finally:
        press.close()
    if first is not False:
        return None if first is None else False
    for with_neighbours in (False, True):
        press = Press(context, url)
        try:
            for field in entry["fields"]:
                try:
                    press.page.locator(field["selector"]).first.fill(field["value"], timeout=1000)
                except Exception:
                    pass  # not one that takes this text now
            if with_neighbours:
                for other in entry["buttons"][:NEIGHBOURS]:
                    if other["selector"] != button["selector"]:
                        press.does(other["selector"], patience=0.1, timeout=1000)
                press.settle()
            if press.does(button["selector"]) is not False:
                return False
        finally:
            press.close()
    return True


def picture(context, url, selector, path):
    page = context.new_page()
    try:
        page.goto(url, wait_until="load", timeout=30_000)
        page.locator(selector).first.screenshot(path=path, timeout=15_000)
        return True
    except Exception:
        return False
    finally:
        page.close()


def main():
    from playwright.sync_api import sync_playwright

    plan_file, out = sys.argv[1], sys.argv[2]
    with open(plan_file, encoding="utf-8") as file:
        plan = json.load(file)
    os.makedirs(os.path.join(out, "screenshots"), exist_ok=True)
    end = time.monotonic() + plan["seconds"]
    inert, pressed, left = [], 0, 0
    with sync_playwright() as playwright:
        browser = launch(playwright, plan["chromium"])
        try:
            for entry in plan["buttons"]:
                url = urljoin(plan["base_url"], entry["path"])
                context = browser.new_context(**VIEWPORTS["desktop"])
                context.add_init_script(WATCH)
                try:
                    found, done, page_left = look(context, url, entry, end)
                except Exception as error:  # a page that doesn't open any more is what the tests tell about
                    print(f"{entry['path']}: {str(error).splitlines()[0]}", file=sys.stderr)
                    continue
                pressed, left = pressed + done, left + page_left
                for number, button in enumerate(found, start=1):
                    name = f"screenshots/{file_name(entry['path'])}-inert-button-{number}.png"
                    shown = picture(context, url, button["selector"], os.path.join(out, name))
                    inert.append(
                        {"page": entry["path"], **button, "picture": name if shown else None}
                    )
                context.close()
        finally:
            browser.close()
    with open(os.path.join(out, "buttons.json"), "w", encoding="utf-8") as file:
        json.dump({"inert": inert, "pressed": pressed, "left": left}, file, indent=1)
    print(f"{pressed} buttons pressed, {len(inert)} of them do nothing" + (f", {left} left" if left else ""))
    return 0


def look(context, url, entry, end):
    """The inert buttons of one page, and how many were pressed and left.

    As long as one page stays what it was, its buttons are pressed in it; only those that seem to do nothing are worth
    fresh ones."""
    found, pressed, press = [], 0, None
    try:
        for number, button in enumerate(entry["buttons"][:PER_PAGE]):
            if time.monotonic() > end:
                return found, pressed, len(entry["buttons"]) - number
            if press is None or re.sub("#.*", "", press.page.url) != url:
                if press is not None:
                    press.close()
                press = Press(context, url)
            pressed += 1
            if press.does(button["selector"], timeout=1000):
                continue
            press.close()
            press = None
            if is_inert(context, url, entry, button):
                found.append(button)
    finally:
        if press is not None:
            press.close()
    return found, pressed, max(0, len(entry["buttons"]) - PER_PAGE)


if __name__ == "__main__":
    sys.exit(main())
