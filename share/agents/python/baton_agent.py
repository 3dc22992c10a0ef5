"""The rules that every Baton agent keeps (docs/protocol), on PyPI's `redis` alone. Copy this file beside your agent.

An action is a function that takes the envelope and returns the stage's output. It runs in a process and process group of
its own, so that it can be stopped with all that it started, and so that it can't hold up the heartbeats. The group ends
with the agent, even by `kill -9`: its attempt counts as lost then and begins again elsewhere.
"""
import base64, contextlib, json, multiprocessing, os, secrets, signal, sys, time, uuid
from datetime import datetime, timezone

from redis import Redis, RedisError, ResponseError

VERSION = "2.0.0"
processes = multiprocessing.get_context("fork")
lifeline = os.pipe()  # nobody writes; it ends when the agent does, who alone keeps the end to write to


class Failure(Exception):
    """An expected failure: a code for programs, a message for people, whether another attempt may help."""

    def __init__(self, code, message, retryable=False):
        super().__init__(message)
        self.fault = {"code": code, "message": message[:4000], "retryable": retryable}


class Ask(Exception):
    """What people have to answer first: the stage waits, and its next attempt has their `answers`."""

    def __init__(self, *questions):
        super().__init__()
        self.questions = list(questions)


def noop(task):
    """What every agent offers, so that others can test with it."""
    wish = task["payload"]
    time.sleep(wish.get("sleep_ms", 0) / 1000)
    fail = wish.get("fail", False)
    if fail is True or isinstance(fail, str) or task["attempt"] <= fail:
        raise Failure("NOOP_FAILED", fail if isinstance(fail, str) else "The noop was told to fail.", True)
    return wish.get("output", {})


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ref(key):
    return dict(zip(("task_id", "attempt", "dispatch_id"), key))


def key(ref):
    return ref["task_id"], ref["attempt"], ref["dispatch_id"]


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, (dict, list)) + max(map(depth, inner), default=0)


class Lines:
    """Standard output of an action, line by line into a pipe."""

    def __init__(self, pipe, stream):
        self.pipe, self.stream, self.rest = pipe, stream, ""

    def write(self, text):
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            self.pipe.send({"line": line[:4000], "stream": self.stream, "at": now()})

    def flush(self):
        pass


def guard(pipe):
    """A process beside the action, for an action may be deaf: it ends the group when the agent is gone."""
    if child := os.fork():
        os.waitpid(child, 0)
        return
    if not os.fork():  # nobody's child, so that an action which waits for its children doesn't wait for this one
        with contextlib.suppress(BaseException):
            pipe.close()
            os.read(lifeline[0], 1)
            os.killpg(0, signal.SIGKILL)
    os._exit(0)


def run(action, task, pipe):
    """The child process."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.close(lifeline[1])
    guard(pipe)
    sys.stdout, sys.stderr = Lines(pipe, "stdout"), Lines(pipe, "stderr")
    try:
        end = {"status": "success", "output": action(task)}
        if len(json.dumps(end["output"])) > 65_536:
            raise Failure("PAYLOAD_TOO_LARGE", "the output is larger than 64 KiB")
    except Ask as ask:
        end = {"status": "needs_input", "questions": ask.questions}
    except Failure as failure:
        end = {"status": "failure", "errors": [failure.fault]}
    except BaseException as error:  # whatever it is, the orchestrator has to hear of it
        fault = Failure("ACTION_FAILED", f"{type(error).__name__}: {error}").fault
        end = {"status": "failure", "errors": [fault]}
    pipe.send({"end": end})


class Job:
    """An attempt that runs."""

    def __init__(self, lane, entry, task, action):
        self.lane, self.entry, self.task = lane, entry, task
        self.started_at, self.since, self.announced, self.line = now(), time.monotonic(), False, 0
        self.pipe, theirs = processes.Pipe(duplex=False)
        self.child = processes.Process(target=run, args=(action, task, theirs), daemon=True)
        self.child.start()
        theirs.close()

    @property
    def age(self):
        return time.monotonic() - self.since

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.kill()
        self.child.join()


class Agent:
    def __init__(self, type, actions, slots, version):
        namespace = os.environ.get("BATON_NAMESPACE")
        self.prefix = f"{namespace}:" if namespace else ""
        self.type, self.slots, self.version = type, slots, version
        self.actions = {"noop": noop, **actions}
        self.id = f"{type}-{secrets.token_hex(4)}"  # new at each start, never reused
        self.lanes = [f"{self.prefix}agent:{type}:tasks{lane}" for lane in (":critical", ":high", "", ":low")]
        self.redis = Redis.from_url(os.environ["BATON_REDIS_URL"], socket_timeout=10)
        self.running, self.held, self.stopped = {}, {}, set()
        self.is_fresh, self.next_beat, self.leaving, self.drained = True, 0.0, None, False

    # What it says

    def say(self, kind, **more):
        told = {"kind": kind, "version": VERSION, "sent_at": now(), "agent_id": self.id, **more}
        self.redis.xadd(f"{self.prefix}agent:signals", {"envelope": json.dumps(told)}, maxlen=10_000)

    def log(self, name, job, lines):
        told = {"kind": "log", "version": VERSION, "sent_at": now(), "agent_id": self.id, "ref": ref(name),
                "workflow_id": job.task["workflow_id"], "lines": lines, "dropped": 0}
        self.redis.xadd(f"{self.prefix}agent:logs", {"envelope": json.dumps(told)}, maxlen=100_000)

    def close(self, lane, entry, stream=None, message=None):
        """Writes, acknowledges and deletes, all at once or not at all."""
        with self.redis.pipeline(transaction=True) as multi:
            if stream:
                multi.xadd(stream, {"envelope": message})
            multi.xack(lane, "agents", entry).xdel(lane, entry).execute()

    def report(self, lane, entry, task, end, started_at):
        result = {
            "version": VERSION, "message_id": str(uuid.uuid4()), "agent_id": self.id, "agent_type": self.type,
            "started_at": started_at, "completed_at": now(), **end,
            **{field: task[field] for field in ("task_id", "workflow_id", "attempt", "dispatch_id", "stage")},
        }
        # Kept until the orchestrator calls it settled.
        self.held[key(task)] = {"answers": 0, "closing": (lane, entry, f"{self.prefix}orchestrator:results", json.dumps(result))}
        self.close(*self.held[key(task)]["closing"])

    def connect(self):
        """At start, after Redis was away, and when it or the orchestrator has forgotten this agent."""
        for lane in self.lanes:
            with contextlib.suppress(ResponseError):  # BUSYGROUP: it is there already
                self.redis.xgroup_create(lane, "agents", "0", mkstream=True)
        self.control = self.redis.pubsub(ignore_subscribe_messages=True)
        self.control.subscribe(f"{self.prefix}agent:{self.type}:control")
        actions = [{"name": name, "workspace": "none", "exclusive": False} for name in self.actions]
        self.say("register", agent_type=self.type, agent_version=self.version, actions=actions, slots=self.slots,
                 host=os.uname().nodename, pid=os.getpid())
        for result in self.held.values():
            self.close(*result["closing"])
        self.is_fresh, self.next_beat = False, 0.0

    def beat(self):
        if time.monotonic() < self.next_beat:
            return
        every = min([5000] + [job.task["constraints"]["heartbeat_ms"] for job in self.running.values()])
        self.next_beat = time.monotonic() + every / 1000
        self.say("heartbeat", running=[{"ref": ref(name)} for name in self.running], held=[ref(name) for name in self.held],
                 free_slots=self.free)
        # What was delivered to this agent and never arrived here: redis-py connects again without a word.
        self.claim("0")

    # What it is told

    def heed(self, told):
        if told.get("agent_id") not in (None, self.id):
            return
        if told.get("kind") == "cancel":
            self.stopped.add(key(told["ref"]))
        if told.get("kind") == "drain":
            self.drained = True
        if told.get("kind") != "heartbeat_ack":
            return
        self.drained = bool(told.get("drain"))
        self.stopped |= {key(task["ref"]) for task in told.get("tasks") or [] if task["verdict"] == "stop"}
        for settled in told.get("settled") or []:
            self.held.pop(key(settled), None)
        for result in self.held.values():
            result["answers"] += 1
            if result["answers"] % 3 == 0:  # it must have been lost on the way
                self.close(*result["closing"])
        if not told["known"]:
            self.is_fresh = True

    # What it does

    @property
    def free(self):
        return 0 if self.leaving or self.drained else self.slots - len(self.running)

    def claim(self, place):
        for lane in self.lanes:  # the most urgent first
            if self.free <= 0:
                return
            count = self.free if place == ">" else 1000
            for _, entries in self.redis.xreadgroup("agents", self.id, {lane: place}, count=count) or []:
                for entry, fields in entries:
                    if self.free > 0:
                        self.take(lane, entry, (fields or {}).get(b"envelope", b""))

    def take(self, lane, entry, raw):
        try:
            task = json.loads(raw) if len(raw) <= 262_144 else None
            name = key(task)
            task["workflow_id"], task["stage"], hash(name)
        except (ValueError, LookupError, TypeError, RecursionError):
            self.say("rejected", stream=lane, entry_id=entry.decode(), reason="no envelope with ids, or above 256 KiB",
                     bytes_base64=base64.b64encode(raw[:8192]).decode())
            return self.close(lane, entry)
        if name in self.running or name in self.held:
            return None
        if name in self.stopped:
            return self.close(lane, entry)
        try:
            task["constraints"]["timeout_ms"] / task["constraints"]["heartbeat_ms"]
            if not task["metadata"]["envelope_version"].startswith("2."):
                raise ValueError("expected envelope_version 2")
            if not isinstance(task["payload"], dict) or depth(task) > 64:
                raise ValueError("expected an object as payload, and at most 64 levels")
            action = self.actions.get(task["action"])
        except (ArithmeticError, ValueError, LookupError, TypeError, AttributeError) as error:
            fault = Failure("INVALID_ENVELOPE", f"{type(error).__name__}: {error}").fault
            return self.report(lane, entry, task, {"status": "failure", "errors": [fault]}, now())
        if action is None:
            known = ", ".join(self.actions)
            fault = Failure("UNKNOWN_ACTION", f"found '{task['action']}'; expected one of {known}").fault
            return self.report(lane, entry, task, {"status": "failure", "errors": [fault]}, now())
        self.running[name] = Job(lane, entry, task, action)

    def watch(self):
        """Looks after what runs."""
        for name, job in list(self.running.items()):
            lines, end, is_deaf = [], None, False
            try:
                while end is None and len(lines) < 200 and job.pipe.poll():
                    said = job.pipe.recv()
                    end = said.get("end")
                    if "line" in said:
                        job.line += 1
                        lines.append({"n": job.line, "at": said["at"], "level": "info", "stream": said["stream"],
                                      "text": said["line"]})
            except EOFError:
                is_deaf = True
            if end is None and not lines and not job.child.is_alive() and (is_deaf or not job.pipe.poll()):
                end = {"status": "failure",
                       "errors": [Failure("CRASHED", f"the action ended with {job.child.exitcode}", True).fault]}
            if name in self.stopped:
                end = {"status": "cancelled"}
            elif end is None and job.age > job.task["constraints"]["timeout_ms"] / 1000:
                end = {"status": "failure", "errors": [Failure("STAGE_TIMEOUT", "the time is over", True).fault]}
            if end:
                job.kill()
                del self.running[name]
                self.report(job.lane, job.entry, job.task, end, job.started_at)
            elif job.age > 0.25 and not job.announced:
                job.announced = True
                self.say("started", ref=ref(name))
            if lines:
                self.log(name, job, lines)

    def step(self):
        if self.is_fresh:
            self.connect()
        self.beat()
        self.claim(">")
        self.watch()
        if message := self.control.get_message(timeout=0.02 if self.running else 0.1):
            with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):  # garbage on the channel concerns nobody
                self.heed(json.loads(message["data"]))

    def serve(self):
        def leave(*_):
            self.leaving = self.leaving or time.monotonic()

        signal.signal(signal.SIGTERM, leave)
        signal.signal(signal.SIGINT, leave)
        while not self.leaving or self.running and time.monotonic() - self.leaving < 25:
            try:
                self.step()
            except RedisError as error:  # running work goes on meanwhile
                print(f"{self.id}: {error}", file=sys.stderr)
                self.is_fresh = True
                time.sleep(0.5)
        for job in self.running.values():
            job.kill()
        with contextlib.suppress(RedisError):
            self.say("goodbye", abandoned=[ref(name) for name in self.running])


def serve(type, actions, slots=1, version="1"):
    """Runs an agent until SIGTERM."""
    Agent(type, actions, slots, version).serve()
