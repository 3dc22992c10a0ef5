"""A Baton agent in one file on PyPI's redis alone: agent type words, action count. The rules are in docs/protocol."""
import base64, contextlib, itertools, json, os, secrets, signal, threading, time, uuid
from redis import Redis, RedisError, ResponseError
def count(task):  # what this agent is for: put actions of your own here, in Python or with subprocess.run
    words = task["payload"]["text"].lower().split()
    return {"summary": f"{len(words)} words, {len(set(words))} of them distinct", "words": len(words)}
def noop(task): return time.sleep(task["payload"].get("sleep_ms", 0) / 1000) or task["payload"].get("output")
TYPE, ACTIONS = "words", {"count": count, "noop": noop}  # every agent offers noop, so that others can test with it
ME, SPACE = f"{TYPE}-{secrets.token_hex(4)}", "".join(f"{it}:" for it in [os.environ.get("BATON_NAMESPACE")] if it)
LANES = [f"{SPACE}agent:{TYPE}:tasks{lane}" for lane in (":critical", ":high", "", ":low")]
redis, running, held, stopped, drained = Redis.from_url(os.environ["BATON_REDIS_URL"]), [], [], [], []
def interrupt(*_): raise InterruptedError if running and running[0] in stopped else TimeoutError("its time is over")
def now(): return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
def ref(task): return {name: task[name] for name in ("task_id", "attempt", "dispatch_id")}
def say(kind, **more): redis.xadd(f"{SPACE}agent:signals", maxlen=10_000, fields={"envelope": json.dumps(
    {"kind": kind, "version": "2.0.0", "sent_at": now(), "agent_id": ME, **more})})
def report(result, lane, entry, answers):  # all at once: says the result, acknowledges the task and deletes it
    multi = redis.pipeline().xadd(f"{SPACE}orchestrator:results", {"envelope": json.dumps(result)})
    multi.xack(lane, "agents", entry).xdel(lane, entry).execute()
def register(): say("register", agent_type=TYPE, agent_version="1", host=os.uname().nodename, pid=os.getpid(), slots=1,
    actions=[{"name": name, "workspace": "none"} for name in ACTIONS])  # at start, and when it isn't known
def heed(told):  # what the orchestrator says: cancel, or the answer to a heartbeat
    stopped.extend(it["ref"] for it in told.get("tasks") or [told] if it.get("verdict", told["kind"]) in ("stop", "cancel"))
    if running and running[0] in stopped: os.kill(os.getpid(), signal.SIGALRM)  # interrupts the action
    drained[:], held[:] = [1] * bool(told.get("drain")), [it for it in held if ref(it[0]) not in told.get("settled", [])]
    for it in held: it[3] = (it[3] + 1) % 3 or report(*it) or 0  # not settled after three answers: says it again
    if told.get("known") is False: register()
def talk(beat=0):  # in a thread, whatever the work is doing: says every 5 s what runs and which results are kept; listens
    (control := redis.pubsub(ignore_subscribe_messages=True)).subscribe(f"{SPACE}agent:{TYPE}:control"), register()
    while message := control.get_message(timeout=0.5) or {"data": '{"agent_id": ""}'}:
        beat = beat if time.monotonic() < beat else say("heartbeat", running=[{"ref": it} for it in running], held=[
            ref(it[0]) for it in held], free_slots=1 - len(running)) or time.monotonic() + 5
        with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):  # garbage concerns nobody
            if (told := json.loads(message["data"])).get("agent_id") in (None, ME): heed(told)
def work(lane, entry, raw, code="INVALID_ENVELOPE"):
    try: end = {**ref(task := json.loads(raw)), "workflow_id": task["workflow_id"], "stage": task["stage"]}
    except (ValueError, LookupError, TypeError): return redis.xack(lane, "agents", entry), redis.xdel(lane, entry), say(
        "rejected", stream=lane, entry_id=entry.decode(), reason="no ids", bytes_base64=base64.b64encode(raw[:6000]).decode())
    end |= {"version": "2.0.0", "message_id": str(uuid.uuid4()), "agent_id": ME, "agent_type": TYPE, "started_at": now()}
    try:
        if ref(task) in stopped: raise InterruptedError
        if task["metadata"]["envelope_version"][0] != "2" or task["payload"].get(0): raise ValueError("expected version 2")
        code, running[:] = "FAILED", [ref(task)]
        say("started", ref=ref(task)), signal.setitimer(signal.ITIMER_REAL, task["constraints"]["timeout_ms"] / 1000)
        end |= {"output": ACTIONS[task["action"]](task), "status": "success"}
    except InterruptedError: end["status"] = "cancelled"
    except Exception as fault: end |= {"status": "failure", "errors": [{"code": code, "message": repr(fault)[:9999]}]}
    signal.setitimer(signal.ITIMER_REAL, 0), running.clear(), held.append([end | {"completed_at": now()}, lane, entry, 0])
    report(*held[-1])  # kept until it is settled
def claim():  # one task: one that was delivered and never arrived, or else the most urgent one
    for place, lane in itertools.product("0" if drained else "0>", LANES):
        try: found = redis.xreadgroup("agents", ME, {lane: place}, count=1)
        except ResponseError: found = redis.xgroup_create(lane, "agents", "0", mkstream=True) and []
        for entry, fields in found[0][1] if found else []: return work(lane, entry, (fields or {}).get(b"envelope", b"")[:1 << 18]) or 1
def forever(step):
    while True:
        try: step() or time.sleep(0.1)
        except (RedisError, InterruptedError, TimeoutError): time.sleep(0.5)  # Redis is away, or has forgotten everything
signal.signal(signal.SIGALRM, interrupt), threading.Thread(None, forever, None, [talk], daemon=True).start(), forever(claim)
