"""A Baton agent in one file on PyPI's redis alone: agent type words, action count. The rules are in docs/protocol."""
import itertools, json, os, secrets, signal, threading, time, uuid
from redis import Redis, RedisError, ResponseError
def count(task):  # what this agent is for: put actions of your own here, in Python or with subprocess.run
    words = task["payload"]["text"].lower().split()
    return {"summary": f"{len(words)} words, {len(set(words))} of them distinct", "words": len(words)}
def noop(task): return time.sleep(task["payload"].get("sleep_ms", 0) / 1000) or task["payload"].get("output")
TYPE, ACTIONS = "words", {"count": count, "noop": noop}  # every agent offers noop, so that others can test with it
ME, SPACE = f"{TYPE}-{secrets.token_hex(4)}", "".join(f"{it}:" for it in [os.environ.get("BATON_NAMESPACE")] if it)
LANES = [f"{SPACE}agent:{TYPE}:tasks{lane}" for lane in (":critical", ":high", "", ":low")]
redis, running, held, stopped = Redis.from_url(os.environ["BATON_REDIS_URL"]), [], [], []
def stop(*_):
    if running: raise InterruptedError
def now(): return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
def ref(task): return {name: task[name] for name in ("task_id", "attempt", "dispatch_id")}
def say(kind, **more):
    told = {"kind": kind, "version": "2.0.0", "sent_at": now(), "agent_id": ME, **more}
    redis.xadd(f"{SPACE}agent:signals", {"envelope": json.dumps(told)}, maxlen=10_000)
def report(result, lane, entry):  # all at once: says the result, acknowledges the task and deletes it
    with redis.pipeline() as multi:
        multi.xadd(f"{SPACE}orchestrator:results", {"envelope": json.dumps(result)})
        multi.xack(lane, "agents", entry).xdel(lane, entry).execute()
def register():  # at start, after Redis was away, and when the orchestrator doesn't know this agent
    can, host = [{"name": name, "workspace": "none"} for name in ACTIONS], os.uname().nodename
    say("register", agent_type=TYPE, agent_version="1", actions=can, slots=1, host=host, pid=os.getpid())
    for each in list(held): report(*each)
def heed(told):  # what the orchestrator says: cancel, or the answer to a heartbeat
    words = [told] if told.get("kind") == "cancel" else told.get("tasks") or []
    stopped.extend(word["ref"] for word in words if word.get("verdict") != "continue")
    held[:] = [each for each in held if ref(each[0]) not in (told.get("settled") or [])]
    if running and running[0] in stopped: os.kill(os.getpid(), signal.SIGUSR1)  # interrupts the action
    if told.get("known") is False: register()
def talk():  # in a thread, whatever the work is doing: says every 5 s what runs and which results are kept; listens
    control, beat = redis.pubsub(ignore_subscribe_messages=True), 0
    control.subscribe(f"{SPACE}agent:{TYPE}:control"), register()
    while message := control.get_message(timeout=0.5) or {"data": "{}"}:
        if time.monotonic() > beat:
            runs, beat = [{"ref": each} for each in running], time.monotonic() + 5
            say("heartbeat", running=runs, held=[ref(each[0]) for each in held], free_slots=1 - len(runs))
        if (told := json.loads(message["data"])).get("agent_id") in (None, ME): heed(told)
def work(lane, entry, task):
    end, *_ = {"status": "cancelled", "started_at": now()}, say("started", ref=ref(task)), running.append(ref(task))
    try: end |= {"output": ACTIONS[task["action"]](task), "status": "success"} if running[0] not in stopped else {}
    except InterruptedError: pass
    except Exception as fault: end |= {"status": "failure", "errors": [{"code": "FAILED", "message": repr(fault)[:9999]}]}
    end |= {"version": "2.0.0", "message_id": str(uuid.uuid4()), "agent_id": ME, "agent_type": TYPE, **ref(task)}
    end |= {"workflow_id": task["workflow_id"], "stage": task["stage"], "completed_at": now()}
    held.append((end, lane, entry)), running.clear(), report(end, lane, entry)  # kept until it is settled
def claim():  # one task: one that was delivered and never arrived, or else the most urgent one
    for place, lane in itertools.product("0>", LANES):
        try: found = redis.xreadgroup("agents", ME, {lane: place}, count=1)
        except ResponseError: found = redis.xgroup_create(lane, "agents", "0", mkstream=True) and []
        if found and found[0][1]: return work(lane, found[0][1][0][0], json.loads(found[0][1][0][1][b"envelope"]))
def forever(step):
    while True:
        try: step() or time.sleep(0.1)
        except RedisError: time.sleep(0.5)  # Redis is away, or has forgotten everything
signal.signal(signal.SIGUSR1, stop), threading.Thread(target=forever, args=[talk], daemon=True).start()
forever(claim)
