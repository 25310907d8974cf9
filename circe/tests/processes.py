"""Runs Python programs in forks of a process that has imported the libraries, which saves each most of its start."""

import json
import os
import signal
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
import psycopg_pool, regex, rest_framework.serializers, runpy, sys

def become(command, directory, environment, files):
    for number, file in enumerate(files):
        os.dup2(os.open(file, os.O_RDWR | os.O_APPEND), number)
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

children = {}
for line in sys.stdin:
    request = json.loads(line)
    if "pid" in request:
        children[request["pid"]].join(request["timeout"])
        print(json.dumps(children[request["pid"]].exitcode), flush=True)
    else:
        child = multiprocessing.get_context("fork").Process(target=become, kwargs=request)
        child.start()
        children[child.pid] = child
        print(child.pid, flush=True)
"""


@cache
def _start_parent():
    """Starts the process that forks. It ends when its input does, which is when this process ends."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", FORK_FOR_EACH_LINE], env=environment, **pipes)


def _ask_parent(**request):
    parent = _start_parent()
    print(json.dumps(request), file=parent.stdin, flush=True)
    return json.loads(parent.stdout.readline())


class Program:
    """A Python program that runs, in the way of `subprocess.Popen`. `files` are its stdin, stdout and stderr.

    It runs `python` with the command in the directory, with no other environment.
    """

    returncode = None

    def __init__(self, *command, directory, environment, files):
        files = [str(file) for file in files]
        self.pid = _ask_parent(command=command, directory=str(directory), environment=environment, files=files)

    def wait(self, timeout=None):
        """Waits until the program has ended, for at most `timeout` seconds. Returns its exit code, or None."""
        if self.returncode is None:
            self.returncode = _ask_parent(pid=self.pid, timeout=timeout)
        return self.returncode

    def poll(self):
        return self.wait(timeout=0)

    def terminate(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def run_python(*command, directory, environment, text=""):
    """Runs a program. Returns its exit code, stdout and stderr. Ends the program if it runs for ten minutes."""
    with tempfile.TemporaryDirectory() as path:
        files = [Path(path) / name for name in ("stdin", "stdout", "stderr")]
        for file, content in zip(files, (text, "", ""), strict=True):
            file.write_text(content)
        program = Program(*command, directory=directory, environment=environment, files=files)
        if program.wait(timeout=600) is None:
            program.terminate()
        return program.wait(), files[1].read_text(), files[2].read_text()
