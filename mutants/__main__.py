"""Seed each fault in a copy of the project and run its tests. Exits with 1 where one was not found.

`python -m mutants [words]`: only the faults whose name has one of the words.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from mutants.faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns("var", ".venv", ".git", "__pycache__", "staticfiles", ".*_cache", ".hypothesis")


def is_found(fault: Fault, copy: Path) -> bool:
    """Whether a test fails. Raises ValueError where the file has not the place once."""
    file = copy / fault.file
    sound = file.read_text()
    if sound.count(fault.old) != 1:
        raise ValueError(f"{fault.file} has the place of “{fault.name}” {sound.count(fault.old)} times")
    file.write_text(sound.replace(fault.old, fault.new))
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *fault.tests.split()]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    finally:
        file.write_text(sound)
    if done.returncode not in {0, 1}:
        raise ValueError(f"“{fault.name}” could not be tried:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def main(words: list[str]) -> int:
    """The exit code."""
    faults = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    missed = []
    with tempfile.TemporaryDirectory(prefix="circe-mutants-") as place:
        Path(place).chmod(0o755)
        copy = Path(place) / "circe"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        try:
            for fault in tqdm(faults, disable=None):
                if not is_found(fault, copy):
                    missed.append(fault)
                    tqdm.write(f"missed: {fault.name} ({fault.file})")
        finally:
            environment = os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings"}
            stop = [sys.executable, "manage.py", "pg", "stop"]
            subprocess.run(stop, cwd=copy, env=environment, capture_output=True, check=False)  # noqa: S603
    sys.stdout.write(f"{len(faults) - len(missed)} of {len(faults)} faults found.\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
