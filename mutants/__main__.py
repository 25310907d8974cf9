"""Seeds each fault in a copy of the project and runs its tests: first the hand-written ones, then poodle's.

`python -m mutants [words]` tries only the faults whose name or file has one of the words. It exits with 1 if no test failed
for a hand-written fault. Generated faults for which no test failed are listed: either a test is missing, or the fault
changes nothing.

Two hand-written faults are tried at a time, each in a copy of the project and on a server of its own. The test database is
created again only for faults that change the schema.
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
from mutants.generated import QUICK_OPTIONS, SERVERS
from mutants.hours import HOURS_FAULTS
from mutants.portal import PORTAL_FAULTS
from mutants.row_level_security import ROW_LEVEL_SECURITY
from mutants.totals_and_lists import TOTALS_AND_LISTS

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns("var", ".venv", ".git", "__pycache__", "staticfiles", ".*_cache", ".hypothesis")
HAND_WRITTEN = [
    *FAULTS,
    *BOUNDARY,
    *ROW_LEVEL_SECURITY,
    *ACCOUNTS,
    *TOTALS_AND_LISTS,
    *HOURS_FAULTS,
    *PORTAL_FAULTS,
    *CONSENT_FAULTS,
    *CUSTOMER_SCOPE,
]
# With DATABASE_URL all copies would use the same test database.
PARALLEL_COPIES = 1 if "DATABASE_URL" in os.environ else 2


def changes_the_schema(fault: Fault) -> bool:
    """Returns whether the fault changes the schema of the test database."""
    return "/migrations/" in fault.file or fault.file.endswith(("/foreign_keys.py", "/row_level_security.py"))


def run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in the copy, with the settings of the tests."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(  # noqa: S603
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )


def is_found(fault: Fault, copy: Path) -> bool:
    """Returns whether a test fails. Raises ValueError if the file does not have `fault.old` exactly once, or if the tests
    do not run.
    """
    file = copy / fault.file
    original = file.read_text()
    if original.count(fault.old) != 1:
        raise ValueError(f"{fault.file} has the text of “{fault.name}” {original.count(fault.old)} times")
    file.write_text(original.replace(fault.old, fault.new))
    database = "--create-db" if changes_the_schema(fault) else "--reuse-db"
    try:
        result = run(copy, "-m", "pytest", *QUICK_OPTIONS, database, *fault.tests.split())
    finally:
        file.write_text(original)
    if result.returncode not in {0, 1}:
        raise ValueError(f"“{fault.name}” could not be tried:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.returncode == 1


def files_to_mutate() -> list[str]:
    """Returns the files whose faults poodle generates."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["poodle"]["only_files"]


def try_generated(words: list[str]) -> int:
    """Lets poodle try its mutants of the files that have one of the words in their name. Returns poodle's exit code."""
    files = [file for file in files_to_mutate() if not words or any(word in file for word in words)]
    if not files:
        return 0
    options = [option for file in files for option in ("--only", file)]
    with tempfile.TemporaryDirectory(prefix="circe-mutants-") as directory:
        # The server never runs as root, and has to reach its directory.
        Path(directory).chmod(0o755)
        environment = os.environ | {SERVERS: directory}
        try:
            return subprocess.call([sys.executable, "-m", "poodle.cli", *options], cwd=ROOT, env=environment)  # noqa: S603
        finally:
            for folder in Path(directory).iterdir():
                embedded_postgres.EmbeddedServer(Path(os.path.realpath(folder / "pg18-test")), durable=False).stop()


def try_hand_written(words: list[str]) -> int:
    """Tries the faults of this package. Returns 1 if no test failed for one of them, else 0."""
    chosen = [fault for fault in HAND_WRITTEN if not words or any(word in fault.name + fault.file for word in words)]
    # Faults of the schema come last, since later faults can't use their database.
    chosen.sort(key=changes_the_schema)
    missed = []
    with tempfile.TemporaryDirectory(prefix="circe-mutants-") as directory, ThreadPoolExecutor(PARALLEL_COPIES) as pool:
        Path(directory).chmod(0o755)
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(PARALLEL_COPIES):
            copies.put(Path(shutil.copytree(ROOT, Path(directory) / str(number), ignore=NOT_COPIED)))

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
            for _ in range(PARALLEL_COPIES):
                run(copies.get(), "manage.py", "pg", "stop")
    sys.stdout.write(f"{len(chosen) - len(missed)} of {len(chosen)} hand-written faults found.\n")
    sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    # `|` runs both, even if the first one returns 1.
    sys.exit(try_hand_written(sys.argv[1:]) | try_generated(sys.argv[1:]))
