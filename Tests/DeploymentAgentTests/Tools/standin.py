"""What the stand-ins of the command-line tools share: state in a file, orders for failures, a log of the commands.

A stand-in keeps its world in $STANDIN_DIR (state.json, under a lock). A test plants trouble by writing orders.json:
a list of {"when": "docker run", "exit": 125, "stderr": "...", "delay": 0.0, "times": 1, "mark": "file", "then": false};
a rule fits when its words begin the command (options before the verb left out). A rule with "then" lets the command do
its work first and fails afterwards; "mark" makes a file when it is reached, for tests that kill in the middle.
"""

import fcntl
import json
import os
import sys
import time


def find_directory():
    # Tools get an environment by allow-list, so the place is told by the link through which the stand-in was called.
    return os.path.dirname(os.path.abspath(sys.argv[0])) + "/../world"


WORLD = find_directory()


class world:
    """The state under a lock, written back at the end."""

    def __enter__(self):
        os.makedirs(WORLD, exist_ok=True)
        self.lock = open(WORLD + "/lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.path = WORLD + "/state.json"
        self.state = json.load(open(self.path)) if os.path.exists(self.path) else {}
        current.append(self)
        return self.state

    def __exit__(self, *_):
        self.save()
        current.remove(self)
        self.lock.close()

    def save(self):
        with open(self.path + ".tmp", "w") as file:
            json.dump(self.state, file, indent=1)
        os.replace(self.path + ".tmp", self.path)


# The world that is open, for those who leave in a hurry.
current = []


def log(tool, arguments):
    """Appends the command as it was given, with the names of the environment it got."""
    os.makedirs(WORLD, exist_ok=True)
    with open(WORLD + "/commands.jsonl", "a") as file:
        file.write(json.dumps({"tool": tool, "arguments": arguments, "variables": sorted(os.environ)}) + "\n")


def take_order(command):
    """The first order that fits a command; one that has been used up goes."""
    path = WORLD + "/orders.json"
    if not os.path.exists(path):
        return None
    with open(WORLD + "/orders.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        orders = json.load(open(path))
        for order in orders:
            if (command + " ").startswith(order["when"] + " ") and order.get("times", 1) > 0:
                order["times"] = order.get("times", 1) - 1
                json.dump(orders, open(path, "w"))
                return order
    return None


def fail(text, code):
    if text:
        sys.stderr.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()
    sys.stderr.flush()
    for place in current:
        place.save()
    os._exit(code)


def obey(order, afterwards):
    """Carries an order out, before or after the command's own work."""
    if order is None or bool(order.get("then")) != afterwards:
        return
    if order.get("mark"):
        open(order["mark"], "w").close()
    parent, end = os.getppid(), time.time() + order.get("delay", 0)
    while time.time() < end:
        # Whoever kills the agent in a test wants its tools gone, too.
        if os.getppid() != parent:
            os._exit(137)
        time.sleep(0.02)
    if "stdout" in order:
        sys.stdout.write(order["stdout"])
    if "exit" in order:
        fail(order.get("stderr", ""), order["exit"])


def split_options(arguments, with_value):
    """Options and the rest; `with_value` names options that take the next word."""
    options, rest = [], []
    position = 0
    while position < len(arguments):
        word = arguments[position]
        if word.startswith("-") and word != "-":
            name, equals, value = word.partition("=")
            if equals:
                options.append((name, value))
            elif name in with_value:
                position += 1
                options.append((name, arguments[position]))
            else:
                options.append((name, None))
        else:
            rest.append(word)
        position += 1
    return options, rest
