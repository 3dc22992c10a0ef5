"""Makes .venv with what the project needs: everything for development, or with --production only what it runs on.

The lock files decide the versions. An environment that fits them already is left alone.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "installed"


def requirements(production: bool) -> Path:
    """The list to install from: a lock file, or what it is made from while there is none."""
    name = "requirements" if production else "requirements-dev"
    lock = ROOT / f"{name}.txt"
    return lock if lock.exists() else ROOT / f"{name}.in"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes() + sys.version.encode()).hexdigest()


def has_pip() -> bool:
    return subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0


def main(arguments: list[str]) -> int:
    wanted = requirements("--production" in arguments)
    stamp = digest(wanted)
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == stamp:
        print("everything is installed")
        return 0
    # The environment borrows pip from the Python that makes it, which saves the longest part.
    borrows = has_pip()
    make = [sys.executable, "-m", "venv", "--clear", *(["--without-pip"] if borrows else []), str(ENVIRONMENT)]
    pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)] if borrows else [str(PYTHON), "-m", "pip"]
    flags = ["--quiet", "--no-input", "--no-compile", "--disable-pip-version-check"]
    for command in (make, [*pip, "install", *flags, "--requirement", str(wanted)]):
        code = subprocess.run(command, cwd=ROOT).returncode
        if code != 0:
            return code
    STAMP.write_text(stamp)
    print(f"installed {wanted.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
