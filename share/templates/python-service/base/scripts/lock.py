"""Writes requirements.txt and requirements-dev.txt anew: every version that their .in files lead to."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Every version that {0}.in leads to, as pip found them: python3 scripts/lock.py\n"


def lock(name: str, constraints: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        flags = ["--dry-run", "--ignore-installed", "--quiet", "--report", str(report)]
        command = [sys.executable, "-m", "pip", "install", *flags, "--requirement", f"{name}.in", *constraints]
        subprocess.run(command, cwd=ROOT, check=True)
        found = json.loads(report.read_text())["install"]
    pins = sorted(f"{item['metadata']['name'].lower()}=={item['metadata']['version']}" for item in found)
    (ROOT / f"{name}.txt").write_text(HEADER.format(name) + "\n".join(pins) + "\n")
    print(f"{name}.txt: {len(pins)} packages")


if __name__ == "__main__":
    lock("requirements", [])
    lock("requirements-dev", ["--constraint", "requirements.txt"])
