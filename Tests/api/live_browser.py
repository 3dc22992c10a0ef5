"""/ws, server-sent events and the cookie in a real browser: BATON_URL=… BATON_TOKEN=… python live_browser.py

Three pages: one of our own origin; one of another port of the same host, to which and from which browsers send our
cookie; one of another site.
"""
import http.server
import os
import shutil
import threading
import urllib.parse

from playwright.sync_api import sync_playwright

URL, TOKEN = os.environ["BATON_URL"], os.environ["BATON_TOKEN"]
parts = urllib.parse.urlsplit(URL)


class Page(http.server.BaseHTTPRequestHandler):
    """A page of somebody else's."""
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>page</title>")

    def log_message(self, *_):
        pass


others = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=others.serve_forever, daemon=True).start()
OTHER_PORT, OTHER_SITE = (f"http://{host}:{others.server_port}" for host in (parts.hostname, "evil.example"))

LOGIN = """async token => {
    const answer = await fetch('/api/v1/login', {method: 'POST', headers: {'Content-Type': 'application/json'},
                                                 body: JSON.stringify({token})});
    return {status: answer.status, visible: document.cookie};
}"""
# What a socket says until it closes, or until `kind` has come; what is sent when it opens.
SOCKET = """([url, kind, first]) => new Promise(resolve => {
    const socket = new WebSocket(url), seen = [];
    socket.onopen = () => first.forEach(one => socket.send(JSON.stringify(one)));
    socket.onmessage = event => {
        const message = JSON.parse(event.data);
        seen.push(message);
        if (message.type === kind) socket.close(1000, 'enough');
    };
    socket.onclose = event => resolve({seen, code: event.code, clean: event.wasClean});
    setTimeout(() => socket.close(), 20000);
})"""
CREATE = """async ([url, sleep_ms]) => {
    try {
        const answer = await fetch(url + '/api/v1/workflows', {method: 'POST', credentials: 'include',
            headers: {'Content-Type': 'application/json'},
            body: JSON.stringify({type: 'probe', name: 'by-browser', input_data: {sleep_ms}})});
        return {status: answer.status, id: (await answer.json()).id};
    } catch (error) { return {error: String(error)}; }
}"""
# What a page can send without asking first.
FORGE = """async url => {
    try { await fetch(url, {method: 'POST', credentials: 'include', mode: 'no-cors'}); }
    catch (error) { return String(error); }
}"""
STREAM = """id => new Promise((resolve, reject) => {
    const source = new EventSource(`/api/v1/workflows/${id}/events?stream=true`), seen = [];
    const take = event => seen.push(Number(event.lastEventId));
    ['workflow_created', 'workflow_started', 'stage_started', 'task_dispatched', 'stage_completed', 'workflow_completed']
        .forEach(kind => source.addEventListener(kind, take));
    source.addEventListener('end', () => { source.close(); resolve(seen); });
    setTimeout(() => reject(new Error('no end')), 20000);
})"""

live = URL.replace("http", "ws", 1) + "/ws"
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), chromium_sandbox=os.geteuid() != 0,
        args=["--host-resolver-rules=MAP evil.example 127.0.0.1"])
    # We serve no page yet; any answer of ours is one of our origin, once its Content-Security-Policy lets it speak.
    context = browser.new_context(bypass_csp=True)
    ours = context.new_page()
    ours.goto(URL + "/health/live")
    refused = ours.evaluate(SOCKET, [live, "connected", []])
    assert refused["seen"] == [] and refused["code"] == 1006, "without a cookie"
    login = ours.evaluate(LOGIN, TOKEN)
    assert login == {"status": 200, "visible": ""}, login
    print("✔ a cookie for a token, which scripts can't see")

    made = ours.evaluate(CREATE, ["", 0])
    assert made["status"] == 201, made
    told = ours.evaluate(SOCKET, [live, "end", [{"action": "subscribe", "workflow_id": made["id"]}]])
    assert told["code"] == 1000 and told["clean"], told
    numbers = [one["event"]["seq"] for one in told["seen"] if one["type"] == "event"]
    assert told["seen"][0]["type"] == "connected" and numbers == list(range(1, len(numbers) + 1)), told
    assert ours.evaluate(STREAM, made["id"]) == numbers
    print("✔ events over WebSocket and as a stream, clean close")

    victim = ours.evaluate(CREATE, ["", 30000])["id"]
    status = "async id => (await (await fetch(`/api/v1/workflows/${id}`)).json()).status"
    for origin in (OTHER_PORT, OTHER_SITE):
        page = context.new_page()
        page.goto(origin + "/page")
        foreign = page.evaluate(SOCKET, [live, "connected", []])
        assert foreign["seen"] == [] and foreign["code"] == 1006, (origin, foreign)
        assert "error" in page.evaluate(CREATE, [URL, 0]), origin
        page.evaluate(FORGE, f"{URL}/api/v1/workflows/{victim}/cancel")
        assert ours.evaluate(status, victim) == "running", origin
        page.close()
    # The same from our own page does cancel it: the above could have failed.
    ours.evaluate(FORGE, f"{URL}/api/v1/workflows/{victim}/cancel")
    assert ours.evaluate(status, victim) in ("stopping", "cancelled")
    print("✔ pages of another port and of another site get nowhere")
    browser.close()
