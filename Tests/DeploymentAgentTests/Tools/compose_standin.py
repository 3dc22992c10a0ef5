"""A stand-in for the compose plugin of docker; one container a service, each a real process like docker's own."""

import json
import os
import re
import sys

import importlib.machinery
import importlib.util

from standin import WORLD, fail, log, obey, take_order, world

# The container part of the other stand-in, a script without an ending.
_path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "docker")
_loader = importlib.machinery.SourceFileLoader("docker_standin", _path)
docker = importlib.util.module_from_spec(importlib.util.spec_from_loader("docker_standin", _loader))
_loader.exec_module(docker)


def interpolate(text, where):
    """$$, ${NAME}, ${NAME:-default} and $NAME, as the compose specification has them."""

    def value(match):
        if match.group(0) == "$$":
            return "$"
        name = match.group(1) or match.group(3)
        if name is None:
            fail('invalid interpolation format for %s.\nYou may need to escape any $ with another $.' % where, 1)
        found = os.environ.get(name)
        if not found:
            if match.group(2) is None:
                sys.stderr.write('level=warning msg="The \\"%s\\" variable is not set. Defaulting to a blank string."\n'
                                 % name)
            return match.group(2) or ""
        return found

    return re.sub(r"\$\$|\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)|\$", value, text)


def resolve(value, where=""):
    if isinstance(value, str):
        return interpolate(value, where)
    if isinstance(value, list):
        return [resolve(item, where) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, where + "." + key) for key, item in value.items()}
    return value


def merge(base, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def load(files):
    model = {}
    for path in files:
        if not os.path.exists(path):
            fail("open %s: no such file or directory" % path, 14)
        try:
            # The tests write their compose files as JSON, which is YAML, too.
            merge(model, resolve(json.load(open(path))))
        except ValueError as error:
            fail("yaml: line 1: %s" % error, 15)
    if not model.get("services"):
        fail("empty compose file", 14)
    return model


def main(arguments):
    log("docker", ["compose"] + arguments)
    if os.path.exists(WORLD + "/no-compose"):
        fail("docker: 'compose' is not a docker command.\nSee 'docker --help'", 1)
    files, project, folder, position = [], None, ".", 0
    while arguments[position].startswith("--"):
        name, value = arguments[position], arguments[position + 1]
        if name == "--file":
            files.append(value)
        elif name == "--project-name":
            project = value
        elif name == "--project-directory":
            folder = value
        position += 2
    verb, rest = arguments[position], arguments[position + 1:]
    order = take_order("compose " + verb)
    obey(order, False)
    if verb == "version":
        print("2.32.4")
        return
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", project or ""):
        fail("invalid project name %r: must consist only of lowercase alphanumeric characters, hyphens, and "
             "underscores as well as start with a letter or number" % project, 1)
    model = load(files)
    if verb == "config":
        print(json.dumps({"name": project, "services": model["services"]}, indent=2))
        return obey(order, True)
    docker.daemon()
    with world() as state:
        containers = state.setdefault("containers", {})
        if verb == "build":
            for name, service in model["services"].items():
                build = service.get("build")
                if build is None:
                    continue
                place = os.path.abspath(os.path.join(folder, build if isinstance(build, str) else build["context"]))
                docker.build_image(state, service.get("image", project + "-" + name), place, "Dockerfile", {})
        elif verb == "up":
            for name, service in model["services"].items():
                image = state.get("images", {}).get(service.get("image"))
                if image is None and "build" not in service:
                    fail(" %s Error manifest for %s not found: manifest unknown\nError response from daemon: manifest "
                         "for %s not found: manifest unknown" % (name, service["image"], service["image"]), 18)
                if image is None:
                    fail("Error response from daemon: No such image: %s" % service.get("image"), 1)
                container_name = "%s-%s-1" % (project, name)
                wanted = json.dumps(service, sort_keys=True)
                container = containers.get(container_name)
                if container and container["wanted"] == wanted and docker.alive(container):
                    continue
                if container:
                    docker.end(container)
                ports = [str(port).split(":") for port in service.get("ports", [])]
                container = {
                    "name": container_name, "image": service["image"], "service": name, "project": project,
                    "labels": service.get("labels", {}), "wanted": wanted, "status": "created",
                    "Env": ["%s=%s" % item for item in service.get("environment", {}).items()],
                    "log": WORLD + "/" + container_name + ".log", "restart": service.get("restart", "no") != "no",
                }
                if ports:
                    container["host_port"], container["target_port"] = int(ports[0][-2]), int(ports[0][-1])
                if service.get("healthcheck"):
                    container["health"] = "unhealthy" if "sick" in str(service["healthcheck"]) else "healthy"
                containers[container_name] = container
                docker.launch(container, image)
                sys.stderr.write(" Container %s  Started\n" % container_name)
        elif verb == "ps":
            for container in containers.values():
                if container.get("project") != project:
                    continue
                docker.look(container)
                port = container.get("host_port", 0)
                print(json.dumps({
                    "ID": "0123456789ab", "Name": container["name"], "Image": container["image"], "Project": project,
                    "Service": container["service"], "State": container["status"],
                    "Health": container.get("health", ""), "ExitCode": container.get("code", 0),
                    "Publishers": [{"URL": "127.0.0.1", "TargetPort": container.get("target_port", 0),
                                    "PublishedPort": port, "Protocol": "tcp"}] if port else None,
                }))
        elif verb == "stop":
            for container in containers.values():
                if container.get("project") == project:
                    docker.end(container)
        elif verb == "logs":
            for container in containers.values():
                if container.get("project") == project and os.path.exists(container["log"]):
                    sys.stdout.write("".join(container["service"] + "-1  | " + line
                                             for line in open(container["log"]).readlines()[-12:]))
        else:
            fail("unknown docker command: \"compose %s\"" % verb, 16)
    obey(order, True)
