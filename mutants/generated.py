"""The runner that poodle calls for each generated mutant. pyproject.toml lists the files, and the tests of each.

Poodle puts a copy of the project with one mutant into a new folder. All mutants of a process use one server, so that the
database is made once; only a mutant of the schema has a database of its own.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from poodle.data_types import Mutant, MutantTrialResult, PoodleConfig

ROOT = Path(__file__).resolve().parent.parent
# The environment variable with the directory of the servers. `python -m mutants` sets it, and stops the servers.
SERVERS = "CIRCE_MUTANT_SERVERS"
# Nobody reads why a test failed. Without explanations of assertions, pytest starts in half the time.
QUICK_OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]
EXIT_CODE_PASSED, EXIT_CODE_NO_TESTS = 0, 5


def run_tests(
    config: PoodleConfig, run_folder: Path, mutant: Mutant, timeout: float | None, **kwargs: Any
) -> MutantTrialResult:
    """Runs the tests of the file that was changed; without a change, the tests of all files that are to be changed."""
    tests: dict[str, list[str]] = config.runner_opts["tests"]
    chosen = [str(mutant.source_file)] if mutant.source_file else config.only_files
    files = list(dict.fromkeys(test for file in chosen for test in tests[file]))
    changes_schema = str(mutant.source_file) in config.runner_opts["schema"]
    server = Path(os.environ[SERVERS], str(os.getpid()))
    server.mkdir(exist_ok=True)
    (run_folder / "var").symlink_to(server)
    command = [sys.executable, "-m", "pytest", *QUICK_OPTIONS, "-p", "no:randomly"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "circe.tests.settings", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(  # noqa: S603
            [*command, "--create-db" if changes_schema else "--reuse-db", *files],
            cwd=run_folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # A mutant that hangs is noticed as well.
        return MutantTrialResult(True, MutantTrialResult.RC_FOUND, "It took too long.")
    if done.returncode == EXIT_CODE_NO_TESTS:
        raise ValueError(f"{mutant.source_file} has no tests: {files}")
    is_found = done.returncode != EXIT_CODE_PASSED
    reason = MutantTrialResult.RC_FOUND if is_found else MutantTrialResult.RC_NOT_FOUND
    return MutantTrialResult(is_found, reason, done.stdout[-2000:] + done.stderr[-2000:] if is_found else None)
