"""Seeds each fault in a copy of the project and runs its tests: first the hand-written ones, then poodle's.

`python -m mutants [words]`: only the faults whose name or file has one of the words. Exits with 1 where a hand-written
fault was not found. Generated faults that were not found are listed: each is a test to be written, or changes nothing.

Two at a time, each in a copy and on a server of its own, whose database is made anew only for the faults that change the
schema.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tqdm import tqdm

from circe import embedded_postgres
from mutants.accounts import ACCOUNTS
from mutants.boundary import BOUNDARY
from mutants.consents import CONSENT_FAULTS
from mutants.customer_scope import CUSTOMER_SCOPE
from mutants.faults import FAULTS, Fault
from mutants.figures import FIGURES
from mutants.generated import QUICK_OPTIONS, SERVERS
from mutants.hours import HOURS_FAULTS
from mutants.portal import PORTAL_FAULTS
from mutants.row_level_security import ROW_LEVEL_SECURITY

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns("var", ".venv", ".git", "__pycache__", "staticfiles", ".*_cache", ".hypothesis")
ALL = [
    *FAULTS,
    *BOUNDARY,
    *ROW_LEVEL_SECURITY,
    *ACCOUNTS,
    *FIGURES,
    *HOURS_FAULTS,
    *PORTAL_FAULTS,
    *CONSENT_FAULTS,
    *CUSTOMER_SCOPE,
]
# On a server that is given they would have one database.
AT_ONCE = 1 if "DATABASE_URL" in os.environ else 2


def changes_the_schema(fault: Fault) -> bool:
    """Whether the test database is another one with the fault."""
    return "/migrations/" in fault.file or fault.file.endswith(("/foreign_keys.py", "/row_level_security.py"))


def run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Python in the copy, with the settings of the tests."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(  # noqa: S603
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )


def is_found(fault: Fault, copy: Path) -> bool:
    """Whether a test fails. Raises ValueError where the file has not the place once."""
    file = copy / fault.file
    sound = file.read_text()
    if sound.count(fault.old) != 1:
        raise ValueError(f"{fault.file} has the place of “{fault.name}” {sound.count(fault.old)} times")
    file.write_text(sound.replace(fault.old, fault.new))
    database = "--create-db" if changes_the_schema(fault) else "--reuse-db"
    try:
        done = run(copy, "-m", "pytest", *QUICK_OPTIONS, database, *fault.tests.split())
    finally:
        file.write_text(sound)
    if done.returncode not in {0, 1}:
        raise ValueError(f"“{fault.name}” could not be tried:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def guarding_files() -> list[str]:
    """Returns the files whose faults poodle generates."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["poodle"]["only_files"]


def try_generated(words: list[str]) -> int:
    """Lets poodle try its mutants of the files that have one of the words in their name. Returns poodle's exit code."""
    files = [file for file in guarding_files() if not words or any(word in file for word in words)]
    if not files:
        return 0
    options = [option for file in files for option in ("--only", file)]
    with tempfile.TemporaryDirectory(prefix="circe-mutants-") as place:
        # The server never runs as root, and has to reach its directory.
        Path(place).chmod(0o755)
        environment = os.environ | {SERVERS: place}
        try:
            return subprocess.call([sys.executable, "-m", "poodle.cli", *options], cwd=ROOT, env=environment)  # noqa: S603
        finally:
            for folder in Path(place).iterdir():
                embedded_postgres.EmbeddedServer(Path(os.path.realpath(folder / "pg18-test")), durable=False).stop()


def try_hand_written(words: list[str]) -> int:
    """Tries the faults of this package. Returns 1 where one was not found."""
    chosen = [fault for fault in ALL if not words or any(word in fault.name + fault.file for word in words)]
    # Last, since a database that they made is no good to others.
    chosen.sort(key=changes_the_schema)
    missed = []
    with tempfile.TemporaryDirectory(prefix="circe-mutants-") as place, ThreadPoolExecutor(AT_ONCE) as pool:
        Path(place).chmod(0o755)
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(AT_ONCE):
            copies.put(Path(shutil.copytree(ROOT, Path(place) / str(number), ignore=LEFT_OUT)))

        def try_out(fault: Fault) -> bool:
            copy = copies.get()
            try:
                return is_found(fault, copy)
            finally:
                copies.put(copy)

        try:
            for fault, found in tqdm(
                zip(chosen, pool.map(try_out, chosen), strict=True), total=len(chosen), disable=None
            ):
                if not found:
                    missed.append(fault)
                    tqdm.write(f"missed: {fault.name} ({fault.file})")
        finally:
            pool.shutdown(cancel_futures=True)
            for _ in range(AT_ONCE):
                run(copies.get(), "manage.py", "pg", "stop")
    sys.stdout.write(f"{len(chosen) - len(missed)} of {len(chosen)} hand-written faults found.\n")
    sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    # Both, whatever comes of the first.
    sys.exit(try_hand_written(sys.argv[1:]) | try_generated(sys.argv[1:]))
