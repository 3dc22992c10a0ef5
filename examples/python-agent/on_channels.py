"""The same work for people who know no streams: SUBSCRIBE to the tasks, PUBLISH the result. A channel has no memory."""
import json, os, time, uuid
from redis import Redis

redis = Redis.from_url(os.environ["BATON_REDIS_URL"])
tasks = redis.pubsub(ignore_subscribe_messages=True)
tasks.subscribe("agent:words:tasks")
for message in tasks.listen():
    task, now = json.loads(message["data"]), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    result = {name: task[name] for name in ("task_id", "workflow_id", "attempt", "dispatch_id", "stage")}
    result |= {"version": "2.0.0", "message_id": str(uuid.uuid4()), "agent_id": "words-00c0ffee", "agent_type": "words"}
    result |= {"status": "success", "output": {"words": len(task["payload"]["text"].split())}}
    redis.publish("orchestrator:results", json.dumps(result | {"started_at": now, "completed_at": now}))
