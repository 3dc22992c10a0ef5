"""Looks at a running web app in a real browser and writes down what is there.

    python survey.py PLAN.json OUT_DIRECTORY

PLAN.json: {"base_url", "chromium", "pages": ["/"], "ignore": ["/logout"], "max_pages": 20, "timeout_ms": 10000,
"accepted": DIRECTORY with the pictures that were accepted last, "change_fails": false}.
Writes OUT_DIRECTORY/survey.json, screenshots/*.png (desktop, phone, desktop in dark colours) and trace.zip. The exit status is 0 when the
survey was made, whatever it found; findings are data. 3 means that Playwright is not installed.
"""

import base64
import json
import os
import re
import sys
import time
from urllib.parse import urljoin, urlsplit

VIEWPORTS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}

# What a page offers, as plain data. Selectors prefer what an author put there on purpose.
DESCRIBE = r"""
() => {
  const text = (value, limit = 80) => (value || "").trim().replace(/\s+/g, " ").slice(0, limit);
  const quote = (value) => '"' + value.replace(/["\\]/g, "\\$&") + '"';
  const isUnique = (found) => document.querySelectorAll(found).length === 1;
  const selector = (element) => {
    const tag = element.tagName.toLowerCase();
    const attributes = element.getAttributeNames();
    const preferred = ["data-e2e", "data-testid", "id", "name", "aria-label"];
    const data = attributes.filter((name) => name.startsWith("data-") && !preferred.includes(name));
    for (const name of [...preferred, ...data]) {
      const value = element.getAttribute(name);
      if (!value || value.length > 60) continue;
      const found = name === "id" ? "#" + CSS.escape(value) : (name === "name" ? tag : "") + "[" + name + "=" + quote(value) + "]";
      if (isUnique(found)) return found;
    }
    const path = [];
    for (let at = element; at !== document.body && at.parentElement; at = at.parentElement) {
      if (at !== element && at.id && isUnique("#" + CSS.escape(at.id))) return ["#" + CSS.escape(at.id), ...path].join(" > ");
      const same = [...at.parentElement.children].filter((other) => other.tagName === at.tagName);
      const place = same.length > 1 ? ":nth-of-type(" + (same.indexOf(at) + 1) + ")" : "";
      path.unshift(at.tagName.toLowerCase() + place);
    }
    return ["body", ...path].join(" > ");
  };
  const visible = (element) => element.checkVisibility ? element.checkVisibility() : !!element.offsetParent;
  const label = (element) => text(
    element.getAttribute("aria-label") ||
    (element.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent || "").join(" ") ||
    (element.labels && element.labels[0] ? element.labels[0].textContent : "") ||
    element.getAttribute("title") || "");
  const field = (element) => ({
    selector: selector(element), tag: element.tagName.toLowerCase(), type: element.type || "", name: element.name || "",
    label: label(element), required: !!element.required, visible: visible(element),
    editable: !element.disabled && !element.readOnly,
  });
  const fields = (root) => [...root.querySelectorAll("input:not([type=hidden]), textarea, select")].slice(0, 50).map(field);
  const buttons = [...document.querySelectorAll("button, input[type=submit], input[type=button], [role=button]")];
  const accessibility = [];
  if (!document.documentElement.lang) accessibility.push("the html element has no lang attribute");
  if (!document.title.trim()) accessibility.push("the page has no title");
  for (const image of document.querySelectorAll("img:not([alt])")) accessibility.push("no alt text: " + selector(image));
  for (const element of document.querySelectorAll("input:not([type=hidden]):not([type=submit]):not([type=button]), textarea, select"))
    if (!label(element)) accessibility.push("no label: " + selector(element));
  for (const element of buttons)
    if (!text(element.textContent) && !label(element) && !element.value) accessibility.push("no name: " + selector(element));
  return {
    title: document.title, heading: text(document.querySelector("h1")?.textContent),
    links: [...document.querySelectorAll("a[href]")].slice(0, 200).map((a) => a.href),
    forms: [...document.forms].slice(0, 20).map((form) => ({
      selector: selector(form), method: (form.getAttribute("method") || "get").toLowerCase(),
      action: form.getAttribute("action") || "", fields: fields(form) })),
    fields: fields(document),
    buttons: buttons.slice(0, 50).map((button) => ({
      selector: selector(button), text: text(button.textContent || button.value, 40), label: label(button),
      visible: visible(button), enabled: !button.disabled })),
    accessibility: accessibility.slice(0, 30),
    overflow: Math.max(0, document.documentElement.scrollWidth - window.innerWidth),
  };
}
"""


# Text that hardly differs from what is behind it (WCAG 2.2, 1.4.3, with a margin: only what is under 3 to 1 is told).
CONTRAST = r"""
() => {
  const parse = (text) => {
    const found = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(text);
    return found && { rgb: found.slice(1, 4).map(Number), alpha: found[4] === undefined ? 1 : Number(found[4]) };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      const colour = parse(style.backgroundColor);
      if (!colour) return null;
      if (colour.alpha === 1) return colour.rgb;
      if (colour.alpha > 0) return null;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? null : [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let node = walker.nextNode(); node && seen.size < 500; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || seen.has(element) || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) continue;
    seen.add(element);
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || element.closest("[disabled], [aria-disabled=true], [inert]")) continue;
    const text = parse(getComputedStyle(element).color);
    const ground = behind(element);
    if (!text || !ground || text.alpha < 1) continue;
    const [high, low] = [luminance(text.rgb), luminance(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 3) found.push(`contrast ${ratio.toFixed(1)} to 1: "${node.data.trim().slice(0, 40)}"`);
  }
  return found.slice(0, 10);
}
"""

# Two pictures, pixel by pixel: the part that differs, and a picture of what does.
COMPARE = r"""
async ([before, after]) => {
  const load = async (data) => createImageBitmap(await (await fetch("data:image/png;base64," + data)).blob());
  const [old, now] = [await load(before), await load(after)];
  const [width, height] = [Math.max(old.width, now.width), Math.max(old.height, now.height)];
  const pixels = (image) => {
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, width, height);
  };
  const [a, b] = [pixels(old), pixels(now)];
  let count = 0;
  for (let at = 0; at < a.data.length; at += 4) {
    const differs = [0, 1, 2, 3].some((part) => Math.abs(a.data[at + part] - b.data[at + part]) > 24);
    if (differs) count += 1;
    const grey = differs ? 0 : 160 + (b.data[at] + b.data[at + 1] + b.data[at + 2]) / 8;
    [b.data[at], b.data[at + 1], b.data[at + 2], b.data[at + 3]] = differs ? [220, 20, 60, 255] : [grey, grey, grey, 255];
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(b, 0, 0);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return { part: count / (width * height), picture: btoa(text) };
}
"""

# What a press on a button could be heard by.
HEARD = {"click", "mousedown", "mouseup", "pointerdown", "pointerup", "touchstart", "touchend", "keydown", "command"}


class Listener:
    """Collects what goes wrong on a page while it is looked at."""

    def __init__(self, page, where):
        self.findings = []
        self.where = where
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.add("page_error", str(error)))
        page.on("requestfailed", self.request_failed)
        page.on("response", self.response)

    def add(self, kind, message, severity="error"):
        finding = {"severity": severity, "kind": kind, "page": self.where, "message": message[:500]}
        if finding not in self.findings and len(self.findings) < 50:
            self.findings.append(finding)

    def console(self, message):
        # A failed load is reported by the response itself, with its status and address.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.add("console_error", message.text)

    def request_failed(self, request):
        if request.failure != "net::ERR_ABORTED":
            self.add("request_failed", f"{request.method} {request.url}: {request.failure}")

    def response(self, response):
        if response.status >= 400 and urlsplit(response.url).path != "/favicon.ico":
            self.add("http_error", f"{response.request.method} {response.url}: status {response.status}")


def dead_buttons(page, buttons):
    """The buttons that nothing listens to: they are no part of a form that they send, and neither they nor anything
    around them has a listener that could hear a press."""
    session = page.context.new_cdp_session(page)

    def listeners(expression):
        found = session.send("Runtime.evaluate", {"expression": expression, "objectGroup": "dead"}).get("result", {})
        if "objectId" not in found:
            return set()
        heard = session.send("DOMDebugger.getEventListeners", {"objectId": found["objectId"]})
        return {listener["type"] for listener in heard["listeners"]}

    dead = []
    try:
        around = listeners("window") | listeners("document")
        if around & HEARD:
            return []
        for button in buttons:
            if not button["visible"] or not button["enabled"]:
                continue
            find = f"document.querySelector({json.dumps(button['selector'])})"
            does = page.evaluate(
                "(s) => { const b = document.querySelector(s); return !b || (b.form && b.type !== 'button') || "
                "b.hasAttribute('popovertarget') || b.hasAttribute('commandfor') || !!b.closest('a[href], summary, label'); }",
                button["selector"],
            )
            if does:
                continue
            depth = page.evaluate(
                "(s) => { let n = 0; for (let e = document.querySelector(s); e; e = e.parentElement) n += 1; return n; }",
                button["selector"],
            )
            heard = set()
            for step in range(min(depth, 40)):
                heard |= listeners(find + ".parentElement" * step)
            if not heard & HEARD:
                dead.append(button)
    finally:
        session.detach()
    return dead


def compare(context, plan, shot, out):
    """How a picture differs from the one that was accepted last; None when there is none, or nothing differs."""
    accepted = plan.get("accepted") and os.path.join(plan["accepted"], os.path.basename(shot))
    if not accepted or not os.path.isfile(accepted):
        return None
    pictures = []
    for path in (accepted, os.path.join(out, shot)):
        with open(path, "rb") as file:
            pictures.append(base64.b64encode(file.read()).decode())
    if pictures[0] == pictures[1]:
        return None
    page = context.new_page()
    try:
        found = page.evaluate(COMPARE, pictures)
    finally:
        page.close()
    if found["part"] < 0.001:
        return None
    name = shot.removesuffix(".png") + "-difference.png"
    with open(os.path.join(out, name), "wb") as file:
        file.write(base64.b64decode(found["picture"]))
    return f"{found['part'] * 100:.1f} % of {os.path.basename(shot)} differ from what was accepted last", name


def path_of(url, base):
    """The path (with its query) of an address of the app itself, otherwise None."""
    parts, home = urlsplit(url), urlsplit(base)
    if (parts.scheme, parts.netloc) != (home.scheme, home.netloc):
        return None
    return (parts.path or "/") + ("?" + parts.query if parts.query else "")


def file_name(path):
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:60] or "index"


def look(context, plan, path, name, out, viewport):
    """Opens one path and says what it saw; a picture of it is taken, and compared with the one accepted last."""
    page = context.new_page()
    listener = Listener(page, path)
    seen = {"path": path, "viewport": viewport, "status": None, "content_type": ""}
    started = time.monotonic()
    try:
        response = page.goto(urljoin(plan["base_url"], path), wait_until="load", timeout=plan["timeout_ms"])
        seen["load_ms"] = round((time.monotonic() - started) * 1000)
        if response is not None:
            seen["status"] = response.status
            seen["content_type"] = response.headers.get("content-type", "")
            first = page.evaluate("() => performance.getEntriesByType('navigation')[0]?.responseStart ?? null")
            if first is not None:
                seen["first_byte_ms"] = round(first)
        try:
            page.wait_for_load_state("networkidle", timeout=2000)
        except Exception:
            pass  # a page that keeps a connection open (events, polling) never becomes idle; that is no fault
        if "html" in seen["content_type"]:
            seen.update(page.evaluate(DESCRIBE))
            shot = f"screenshots/{name}-{viewport}.png"
            page.screenshot(path=os.path.join(out, shot), full_page=True)
            seen["screenshot"] = shot
            if viewport != "phone":
                for message in page.evaluate(CONTRAST):
                    listener.add("accessibility", message + (" in dark colours" if viewport == "dark" else ""), "warning")
            if viewport == "desktop":
                for number, button in enumerate(dead_buttons(page, seen["buttons"]), start=1):
                    label = button["text"] or button["label"]
                    listener.add("dead_button", f'nothing happens when "{label}" ({button["selector"]}) is pressed')
                    name_of = f"screenshots/{name}-dead-button-{number}.png"
                    page.locator(button["selector"]).screenshot(path=os.path.join(out, name_of), timeout=15_000)
                    seen.setdefault("evidence", []).append(name_of)
            changed = compare(context, plan, shot, out)
            if changed:
                listener.add("changed", changed[0], "error" if plan.get("change_fails") else "warning")
                seen.setdefault("evidence", []).append(changed[1])
            for message in seen.pop("accessibility"):
                if viewport == "desktop":
                    listener.add("accessibility", message, severity="warning")
            overflow = seen.pop("overflow")
            if viewport == "phone" and overflow > 1:
                listener.add("overflow", f"wider than a phone by {overflow} px", severity="warning")
    except Exception as error:
        # A link to a file to save is no page, and no fault either.
        if "Download is starting" not in str(error):
            listener.add("navigation", str(error).split("\n")[0])
    finally:
        seen["findings"] = listener.findings
        page.close()
    return seen


def crawl(browser, plan, out):
    """Desktop first (its links are followed), then every page once more as a phone would show it, and in dark colours."""
    pages, queue, known = [], [], set()

    def enqueue(path):
        path = path.split("#")[0] or "/"
        # Pages that differ in their query only are looked at once: a list with filters has no end.
        key = path.split("?")[0]
        if key in known or any(key.startswith(prefix) for prefix in plan["ignore"]):
            return
        known.add(key)
        queue.append(path)

    for path in plan["pages"]:
        enqueue(path)
    names = {}
    context = browser.new_context(**VIEWPORTS["desktop"])
    context.tracing.start(screenshots=True, snapshots=True)
    while queue and len(pages) < plan["max_pages"]:
        path = queue.pop(0)
        names[path] = f"{len(pages) + 1:02d}-{file_name(path)}"
        seen = look(context, plan, path, names[path], out, "desktop")
        for link in seen.pop("links", []):
            target = path_of(link, plan["base_url"])
            if target is not None:
                enqueue(target)
        pages.append(seen)
    context.tracing.stop(path=os.path.join(out, "trace.zip"))
    context.close()

    for viewport in ("phone", "dark"):
        context = browser.new_context(**VIEWPORTS[viewport])
        for seen in pages:
            if "screenshot" not in seen:
                continue
            again = look(context, plan, seen["path"], names[seen["path"]], out, viewport)
            seen[f"{viewport}_screenshot"] = again.get("screenshot")
            seen[f"{viewport}_load_ms"] = again.get("load_ms")
            seen.setdefault("evidence", []).extend(again.get("evidence", []))
            seen["findings"] += [finding for finding in again["findings"] if finding not in seen["findings"]]
        context.close()
    return pages, len(queue)


def launch(playwright, chromium):
    """With Chromium's sandbox, but for root, whom it refuses, and where the system has none to offer (containers)."""
    try:
        return playwright.chromium.launch(executable_path=chromium, chromium_sandbox=os.geteuid() != 0)
    except Exception as error:
        if "sandbox" not in str(error).lower() or os.geteuid() == 0:
            raise
        print("Chromium's sandbox is not available here; going on without it", file=sys.stderr)
        return playwright.chromium.launch(executable_path=chromium, chromium_sandbox=False)


def main():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("Playwright is not installed: pip install pytest playwright", file=sys.stderr)
        return 3
    plan_file, out = sys.argv[1], sys.argv[2]
    with open(plan_file, encoding="utf-8") as file:
        plan = {"pages": ["/"], "ignore": [], "max_pages": 20, "timeout_ms": 10_000, **json.load(file)}
    os.makedirs(os.path.join(out, "screenshots"), exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright, plan["chromium"])
        try:
            pages, unvisited = crawl(browser, plan, out)
            version = browser.version
        finally:
            browser.close()
    with open(os.path.join(out, "survey.json"), "w", encoding="utf-8") as file:
        json.dump({"browser": f"Chromium {version}", "pages": pages, "unvisited": unvisited}, file, indent=1)
    errors = sum(f["severity"] == "error" for page in pages for f in page["findings"])
    print(f"{len(pages)} pages looked at, {errors} errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
