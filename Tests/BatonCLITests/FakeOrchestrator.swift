/// A stand-in for the orchestrator: a Python program that answers as the REST API does.
///
/// A workflow moves on by one step each time it is looked at, so tests need no clock. Its name decides its course: `bad`
/// fails in its second stage, `retried` needs two attempts, `endless` never ends, `asking` and `gated` ask in their second
/// stage. Pages are small: one to three items.
enum FakeOrchestrator {
    static let script = #"""
        #!/usr/bin/python3
        import json, os, re, sys, threading, time
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        from urllib.parse import urlparse, parse_qs

        data = os.environ["BATON_DATA_DIR"]
        if sys.argv[1:2] == ["validate"]:
            text = open(sys.argv[2]).read()
            print("valid" if "stages" in text else "no stages")
            sys.exit(0 if "stages" in text else 65)
        if sys.argv[1:2] == ["migrate"]:
            print("migrated " + os.environ["BATON_DATABASE_URL"])
            sys.exit(0)

        TOKEN = "secret-token"
        with open(os.open(data + "/admin-token", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as f:
            f.write(TOKEN + "\n")
        workflows, looks = {}, {}
        STAGES = [("scaffolding", "scaffold"), ("validation", "validation"), ("deployment", "deployment")]
        REPORT = "<html>report</html>"
        QUESTIONS = [{"stage": "validation", "round": 1, "id": "colour", "text": "Which colour?", "options": ["red", "7"]},
                     {"stage": "validation", "round": 1, "id": "size", "text": "How large?", "options": []}]
        GATE = [{"stage": "validation", "round": 2, "id": "go", "text": "Deploy it?", "options": ["Approve", "Reject"]}]
        letters = {"0190b%03d-0000-7000-8000-000000000001" % n: {
            "kind": kind, "state": "open", "source": source, "cause": cause, "cause_class": "failure",
            "detail": "it broke", "stage": stage, "generation": 1, "attempt": 3, "size_bytes": 13,
            "workflow_id": None, "workflow_name": "bad" if stage else None,
            "created_at": "2026-01-01T00:00:00.000Z"} for n, kind, source, cause, stage in [
                (0, "message", "orchestrator:results", "INVALID_JSON", None),
                (1, "task", "agent:validation:tasks", "TOOL_FAILED", "validation")]}
        lock = threading.Lock()

        def stage(w, index, look):
            name, agent = STAGES[index]
            s = {"name": name, "agent": agent, "action": name, "status": "pending", "attempt": 0, "generation": 0,
                 "output": None, "commit": None, "error": None, "artifacts": [], "duration_ms": None}
            first = 1 + 2 * index
            if look >= first: s.update(status="running", attempt=1)
            if w["name"] == "retried" and index == 1 and look >= first + 1:
                s.update(attempt=2, error={"code": "LEASE_LOST", "message": "the agent died"} if look < first + 2 else None)
            last = first + 1 + (1 if w["name"] == "retried" and index >= 1 else 0)
            if w["name"] == "endless" and index >= 1: return s
            if w["name"] in ("asking", "gated") and index == 1 and look >= first and "answers" not in w:
                s.update(status="awaiting_answers")
                return s
            if look >= last:
                s.update(status="completed", duration_ms=1234 * (index + 1), commit="c0ffee%d" % index,
                         output={"summary": "fact %d\u001b[31m" % index})
                if index == 1:
                    s["artifacts"] = [{"name": "report.html", "type": "report", "sha256": "ab" * 32,
                                       "size_bytes": len(REPORT), "label": "tests"}]
                if index == 2: s["output"].update(url="http://127.0.0.1:%d" % port, deployment="good", release="r1")
                if w["name"] == "bad" and index == 1:
                    s.update(status="failed", error={"code": "TESTS_FAILED", "message": "2 of 14 tests failed"})
            return s

        def view(w):
            if w["status"] not in ("completed", "failed", "cancelled"):
                looks[w["id"]] = looks.get(w["id"], 0) + 1
                stages = []
                for index in range(len(STAGES)):
                    s = stage(w, index, looks[w["id"]])
                    stages.append(s)
                    if s["status"] == "failed":
                        w.update(status="failed", error=dict(s["error"], stage=s["name"]))
                    if s["status"] != "completed":
                        stages += [stage(w, i, 0) for i in range(index + 1, len(STAGES))]
                        break
                w["stages"] = stages
                asks = any(s["status"] == "awaiting_answers" for s in stages)
                w["questions"] = (GATE if w["name"] == "gated" else QUESTIONS) if asks else []
                w["waiting_for"] = {"kind": "answers", "what": "answers to 2 questions of validation", "since": w["created_at"],
                                    "until": None, "help": "somebody knows", "others": []} if asks else None
                if all(s["status"] == "completed" for s in stages): w["status"] = "completed"
                if w["status"] == "completed": w["completed_at"] = "2026-01-01T00:01:05.000Z"
            return w

        def page(items, query, most):
            first = int(query.get("cursor", ["0"])[0])
            end = first + min(int(query.get("limit", [most])[0]), most)
            return {"items": items[first:end], "next_cursor": str(end) if end < len(items) else None}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *a): pass
            def answer(self, status, body, kind="application/json"):
                payload = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)
            def problem(self, status, title, errors=[]):
                document = {"type": "about:blank", "title": title, "status": status, "errors": errors}
                if len(errors) == 1: document["detail"] = errors[0]["pointer"] + ": " + errors[0]["message"]
                self.answer(status, document, "application/problem+json")
            def do_GET(self): self.handle_request("GET", None)
            def do_DELETE(self): self.handle_request("DELETE", None)
            def do_POST(self):
                self.handle_request("POST", self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            def handle_request(self, method, body):
                url = urlparse(self.path)
                path, query = url.path, parse_qs(url.query)
                if path in ("/health/ready", "/health"):
                    checks = {"postgres": "up", "redis": "up"} if path == "/health" and "clock" in os.environ.get("BATON_NAMESPACE", "") else None
                    return self.answer(200, {"status": "ok", "checks": checks} if checks else {"status": "ok"})
                if self.headers.get("Authorization") != "Bearer " + TOKEN: return self.problem(401, "Who are you?")
                path = path.removeprefix("/api/v1")
                with lock: return self.route(method, path, query, body)
            def route(self, method, path, query, body):
                m = re.fullmatch(r"/workflows/([^/]+)(/\w+)?", path)
                if method == "POST" and path == "/workflows":
                    request = json.loads(body)
                    if request["type"] != "app":
                        return self.problem(422, "The workflow is not valid",
                                            [{"pointer": "/type", "message": "no such type; did you mean app?"}])
                    id = "0190a000-0000-7000-8000-%012d" % (len(workflows) + 1)
                    w = dict(request, id=id, status="running", priority=request.get("priority", "normal"), stages=[],
                             created_at="2026-01-01T00:00:00.000Z", current_stage="scaffolding", error=None,
                             waiting_for=None)
                    workflows[id] = w
                    return self.answer(201, view(w))
                if path == "/workflows":
                    items = [dict(w, stages=[]) for w in reversed(workflows.values())
                             if query.get("type", [w["type"]]) == [w["type"]]]
                    return self.answer(200, page(items, query, 3))
                if m and m[1] in workflows: return self.workflow(method, workflows[m[1]], m[2], query, body)
                d = re.fullmatch(r"/dead-letters(?:/([^/]+))?(/redrive)?", path)
                if d: return self.letters(method, d[1], d[2], query)
                if path == "/artifacts/" + "ab" * 32: return self.answer(200, REPORT, "text/html")
                if path == "/stats/overview": return self.answer(200, {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 600))})
                if path == "/audit":
                    return self.answer(200, {"items": [{"id": 1, "at": "2026-01-01T00:00:00.000Z", "actor": "admin", "role": "admin",
                        "action": "cancelWorkflow", "target": "x", "status": 202, "detail": "lunch"}], "next_cursor": None})
                if path == "/tokens/t1" and method == "DELETE":
                    self.send_response(204)
                    return self.end_headers()
                if path == "/tokens":
                    return self.answer(200, page([{"id": id, "name": name, "role": "admin", "created_at": None}
                                                  for id, name in (("t2", "ci"), ("t1", "admin"))], query, 1))
                if path == "/agents":
                    return self.answer(200, page([
                        {"agent_id": id, "agent_type": "scaffold", "status": "running", "running": 1, "slots": 4}
                        for id in ("a3", "a2", "a1")], query, 2))
                if path == "/definitions":
                    return self.answer(200, page([{"name": name, "description": "An app", "stage_count": 3}
                                                  for name in ("aap", "app")], query, 1))
                if path == "/definitions/validate":
                    if b"stages" in body: return self.answer(200, {"valid": True, "name": "app"})
                    return self.answer(200, {"valid": False, "errors": [
                        {"line": 3, "column": 5, "pointer": "/stages", "message": "is missing"}]})
                return self.problem(404, "There is no " + path)
            def letters(self, method, id, redrive, query):
                if id is None:
                    state = query.get("state", ["open"])[0]
                    return self.answer(200, page([dict(l, id=i) for i, l in reversed(letters.items())
                                                  if state in ("all", l["state"])], query, 1))
                if id not in letters: return self.problem(404, "There is no such letter")
                letter = dict(letters[id], id=id, content='{"a": [1]}', is_whole=True)
                if method == "GET": return self.answer(200, letter)
                if letter["state"] != "open": return self.problem(409, "It was " + letter["state"] + " already")
                letters[id]["state"] = "redriven" if redrive else "dropped"
                if not redrive:
                    self.send_response(204)
                    return self.end_headers()
                runs = next(iter(workflows.values()), None) if letter["stage"] else None
                self.answer(202, {"dead_letter": dict(letters[id], id=id), "workflow": runs})
            def workflow(self, method, w, part, query, body):
                ended = w["status"] in ("completed", "failed", "cancelled")
                request = json.loads(body) if body else {}
                if method == "POST" and part != "/retry" and ended:
                    return self.problem(409, "The workflow is " + w["status"])
                if part == "/cancel":
                    w.update(status="cancelled", reason=request.get("reason"))
                    return self.answer(202, w)
                if part in ("/pause", "/resume"):
                    w["status"] = "paused" if part == "/pause" else "running"
                    return self.answer(200, w)
                if part == "/answers":
                    if [request["round"]] != [q["round"] for q in w["questions"]][:1]:
                        return self.problem(409, "Another round is open")
                    w.update(answers=request["answers"], reason=request.get("reason"))
                    return self.answer(200, view(w))
                if part == "/retry":
                    if not ended: return self.problem(409, "The workflow is " + w["status"])
                    if request.get("expected_version", 7) != 7: return self.problem(409, "It is at version 7")
                    if request.get("from_stage", "validation") != "validation":
                        return self.problem(422, "The request is not valid",
                                            [{"pointer": "/from_stage", "message": "no such stage"}])
                    if request.get("dry_run"):
                        return self.answer(200, {"version": 7, "keeps": ["scaffolding"], "runs_again": [
                            {"name": "validation", "agent": "validation", "status": "failed", "generation": 2}]})
                    w.update(status="running", error=None, name="again")
                    return self.answer(202, view(w))
                if part == "/events" and "stream" in query:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.end_headers()
                    self.close_connection = True
                    lock.release()
                    try:
                        for seq in range(1, 40):
                            self.wfile.write(b"id: %d\nevent: task_started\ndata: {}\n\n" % seq)
                            self.wfile.flush()
                            time.sleep(0.05)
                    except OSError: pass
                    finally: lock.acquire()
                    return
                if part == "/logs":
                    after = self.headers.get("Last-Event-ID") or query.get("after", ["0"])[0]
                    first = int(after) + 1
                    stage = query.get("stage", ["validation"])[0]
                    items = [{"id": n, "stage": "validation", "n": n, "at": "2026-01-01T12:00:%02dZ" % n, "level": "info",
                              "text": "line %d" % n} for n in range(first, min(first + 8, 21)) if stage == "validation"]
                    if "stream" in query:
                        view(w)
                        lines = "".join("id: %d\nevent: log\ndata: %s\n\n" % (i["id"], json.dumps(i)) for i in items)
                        self.send_response(200)
                        self.send_header("Content-Type", "text/event-stream")
                        # Only the last piece is whole; before that the connection breaks.
                        promised = len(lines) + (10 if first + 8 < 21 else 0)
                        self.send_header("Content-Length", str(promised))
                        self.end_headers()
                        self.wfile.write(lines.encode())
                        self.close_connection = True
                        return
                    more = items and items[-1]["id"] < 20
                    return self.answer(200, {"items": items, "next_cursor": str(items[-1]["id"]) if more else None})
                self.answer(200, view(w) if w["status"] != "paused" else w)

        port = int(os.environ["BATON_PORT"])
        ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
        """#
}
