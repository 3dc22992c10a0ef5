"""The program itself: it starts where PORT says, and stops when it is told."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def start(tmp_path: Path, port: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PORT": port, "DATA_DIR": str(tmp_path), "HOST": "127.0.0.1"}
    return subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_answers_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path, "0") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http:\S+", line)
        assert found is not None, line + process.stdout.read()
        with urllib.request.urlopen(f"{found[0]}/health", timeout=10) as response:  # noqa: S310
            assert response.status == 200
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


def test_it_says_why_it_does_not_start(tmp_path: Path) -> None:
    with start(tmp_path, "eighty") as wrong:
        output, _ = wrong.communicate(timeout=20)
        assert wrong.returncode == 64
        assert "PORT must be a number" in output
    with socket.create_server(("127.0.0.1", 0)) as holder, start(tmp_path, str(holder.getsockname()[1])) as second:
        output, _ = second.communicate(timeout=20)
        assert second.returncode == 1
        assert "cannot listen" in output
