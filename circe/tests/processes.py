"""Runs Python programs in forks of a process that has imported the libraries, which saves each most of its start."""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

# Libraries of Circe that read neither its settings nor the environment when they are imported. None is of Circe itself: a
# program imports all of Circe anew.
FORK_FOR_EACH_LINE = """
import django.contrib.admin, django.core.handlers.wsgi, django.core.management.commands.migrate, django.forms, django.test
import django.template.backends.django, django_filters.rest_framework, environ, json, multiprocessing, os, phonenumbers
import psycopg_pool, regex, rest_framework.serializers, runpy, signal, sys

def become(command, directory, environment, files):
    signal.alarm(600)
    for number, file in enumerate(files):
        os.dup2(os.open(file, os.O_RDWR), number)
    sys.stdin = open(0)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[1:1] = filter(None, environment.get("PYTHONPATH", "").split(":"))
    if command[0] == "-c":
        sys.argv = ["-c", *command[2:]]
        exec(command[1], {"__name__": "__main__"})
    elif command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")

for line in sys.stdin:
    child = multiprocessing.get_context("fork").Process(target=become, args=json.loads(line))
    child.start()
    child.join()
    print(child.exitcode, flush=True)
"""


@cache
def _start_parent():
    """Starts the process that forks. It ends when its input does, which is when this process ends."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", FORK_FOR_EACH_LINE], env=environment, **pipes)


def run_python(*command, directory, environment, text=""):
    """Runs `python` with the command in the directory, with no other environment. Returns exit code, stdout and stderr.

    A program that takes more than ten minutes is ended by SIGALRM.
    """
    parent = _start_parent()
    with tempfile.TemporaryDirectory() as path:
        files = [Path(path) / name for name in ("stdin", "stdout", "stderr")]
        for file, content in zip(files, (text, "", ""), strict=True):
            file.write_text(content)
        request = [command, str(directory), environment, [*map(str, files)]]
        print(json.dumps(request), file=parent.stdin, flush=True)
        code = int(parent.stdout.readline())
        return code, files[1].read_text(), files[2].read_text()
