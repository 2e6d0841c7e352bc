"""Downloads the image's dependencies as wheels for one machine; fails where one has none: `make image-check`."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    if len(sys.argv) != 3:
        print("image_wheels.py: say the machine, such as aarch64, and a folder for the wheels", file=sys.stderr)
        return 2
    machine, folder = sys.argv[1:]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in (17, 27, 28, 34)] + [f"manylinux2014_{machine}"]
    found = re.search(r"^ARG PYTHON_IMAGE=python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    if found is None:
        print("image_wheels.py: the Dockerfile names no version of Python; write ARG PYTHON_IMAGE", file=sys.stderr)
        return 1
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--only-binary", ":all:"]
    command += ["--python-version", found[1], "-c", str(ROOT / "constraints.txt"), "--dest", folder]
    command += [word for platform in platforms for word in ("--platform", platform)]
    code = subprocess.run([*command, *dependencies], check=False).returncode  # noqa: S603
    if code:
        return code
    print(f"{machine}: {len(list(Path(folder).glob('*.whl')))} wheels for Python {found[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
