/// An agent on the template for Python that breaks one rule, named by its first argument; with `nothing` it keeps all.
enum BrokenAgent {
    /// Which rule each way of breaking one is about, by the argument that chooses it.
    static let ways = [
        "register": "register", "heartbeat": "heartbeat", "lanes": "lanes", "transaction": "transaction",
        "too-many": "slots", "patient-first": "slots", "begun": "begun", "cancel": "cancel", "verdict": "verdict",
        "withdrawn": "withdrawn", "timeout": "timeout", "forgets": "held", "envelope": "envelope", "deep": "limits",
        "unknown": "unknown", "action": "action", "garbage": "garbage", "known": "known", "drain": "drain",
        "reconnect": "reconnect", "twice": "reconnect", "loss": "loss", "leave": "leave", "form": "form",
        "version": "form", "same-id": "restart", "only-new": "restart", "namespace": "namespace", "abandon": "abandon",
    ]

    static let script = #"""
        import contextlib, json, os, signal, sys
        way, template = sys.argv[1:3]
        sys.path.insert(0, template)
        import baton_agent
        from baton_agent import Agent, ResponseError, key

        class Broken(Agent):
            def __init__(self, *arguments):
                super().__init__(*arguments)
                if way == "register": self.id = self.type
                if way == "same-id": self.id = self.type + "-00c0ffee"
                if way == "lanes": self.lanes = self.lanes[2:3]
                if way == "patient-first": self.lanes.reverse()
                if way == "namespace":
                    self.lanes, self.prefix = [lane[len(self.prefix):] for lane in self.lanes], ""
            def say(self, kind, **more):
                if way == "begun" and kind == "started": return
                if way == "abandon" and kind == "goodbye": more["abandoned"] = []
                if way == "form" and kind == "started": self.redis.xadd(self.prefix + "agent:signals", {"said": "hello"})
                if way == "version" and kind == "started": baton_agent.VERSION = "1.0.0"
                super().say(kind, **more)
            def beat(self):
                if way != "heartbeat": super().beat()
            def connect(self):
                if way == "only-new":
                    for lane in self.lanes:
                        with contextlib.suppress(ResponseError):
                            self.redis.xgroup_create(lane, "agents", "$", mkstream=True)
                super().connect()
            def close(self, lane, entry, stream=None, message=None):
                if way != "transaction": return super().close(lane, entry, stream, message)
                if stream: self.redis.xadd(stream, {"envelope": message})
                self.redis.xack(lane, "agents", entry)
                self.redis.xdel(lane, entry)
            def report(self, lane, entry, task, end, started_at):
                if way == "envelope":
                    for fault in end.get("errors") or []: fault["code"] = "STRANGE"
                super().report(lane, entry, task, end, started_at)
                if way == "forgets": self.held.clear()
                if way == "twice": super().report(lane, entry, task, end, "2000-01-01T00:00:00.000Z")
            def heed(self, told):
                if way == "unknown" and not isinstance(told, dict): os._exit(1)
                if way == "cancel" and told.get("kind") == "cancel": return
                if way == "withdrawn" and told.get("kind") == "cancel" and key(told["ref"]) not in self.running: return
                if way == "verdict":
                    for task in told.get("tasks") or []: task["verdict"] = "continue"
                if way == "known" and "known" in told: told["known"] = True
                if way == "drain" and "drain" in told: told["drain"] = False
                super().heed(told)
            def claim(self, place):
                if not (way == "reconnect" and place == "0"): super().claim(place)
            @property
            def free(self): return super().free + (4 if way == "too-many" and not self.leaving and not self.drained else 0)
            def take(self, lane, entry, raw):
                with contextlib.suppress(ValueError, TypeError, LookupError):
                    task = json.loads(raw)
                    if way == "timeout": task["constraints"]["timeout_ms"] = 3_600_000
                    if way == "action" and task["action"] not in self.actions: task["action"] = "noop"
                    raw = json.dumps(task).encode()
                    return super().take(lane, entry, raw)
                if way != "garbage": super().take(lane, entry, raw)
            def step(self):
                try: super().step()
                except ResponseError as error:
                    if way == "loss": os._exit(1)
                    raise
            def watch(self):
                super().watch()
                if way == "leave" and self.leaving: os._exit(0)

        if way == "deep": baton_agent.depth = lambda value: 1
        sys.stderr.write("breaks " + way + "\n")
        Broken("words", {}, 2, "1").serve()
        """#
}
