"""Circe uses the public names of libraries. The few private ones are counted, and a comment at each says why."""

import ast
import functools
import importlib
import re
from pathlib import Path

import pytest
from django.conf import settings

from circe.tests.sources import PACKAGES, find_files

MAX_USES = 12
# Django documents these in spite of the underscore, and Python those of a named tuple.
DOCUMENTED = {"_meta", "_state", "_default_manager", "_base_manager", "_asdict", "_fields", "_replace"}


def find_tests():
    """Returns the names of all tests."""
    return {
        name
        for file in find_files("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    }


def is_private(name):
    return re.fullmatch(r"_[a-z]\w*", name) is not None and name not in DOCUMENTED


def iterate_definitions(tree):
    """Yields the names that the body of a class defines, each with its node."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))


def find_classes(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def iterate_own_attributes(trees):
    """Yields the attributes that our classes define, in their body or by an assignment to `self`."""
    for tree in trees:
        for one in find_classes(tree):
            yield from (name for name, _ in iterate_definitions(one))
            for node in ast.walk(one):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    yield node.attr


def iterate_overridden(module, tree):
    """Yields the private names of library classes that a class of the module overrides, with their lines."""
    for one in find_classes(tree):
        base_names = {
            name
            for base in getattr(module, one.name, object).__mro__[1:]
            if base.__module__.partition(".")[0] not in PACKAGES
            for name in vars(base)
        }
        yield from (
            (node.lineno, name) for name, node in iterate_definitions(one) if is_private(name) and name in base_names
        )


def iterate_used(tree, own):
    """Yields the private names of libraries that a file reads, writes, imports or passes as a keyword, with their lines."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.Call):
            names = [keyword.arg for keyword in node.keywords if keyword.arg]
            if isinstance(node.func, ast.Name) and node.func.id in {"getattr", "hasattr", "setattr"}:
                names += [argument.value for argument in node.args[1:2] if isinstance(argument, ast.Constant)]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in PACKAGES:
            names = [alias.name for alias in node.names]
        yield from ((node.lineno, name) for name in names if is_private(name) and name not in own)


# Not a constant of the module, because each process that collects the tests would then read all the code.
@functools.cache
def find_uses():
    """Returns every private name of a library that our product code uses, as (line, name) by file."""
    files = [
        file
        for file in find_files("*.py")
        if not {"tests", "migrations"} & {*file.relative_to(settings.BASE_DIR).parts}
    ]
    trees = {file.relative_to(settings.BASE_DIR): ast.parse(file.read_text()) for file in files}
    own, found = {*iterate_own_attributes(trees.values())}, {}
    for file, tree in trees.items():
        module = importlib.import_module(".".join(file.with_suffix("").parts).removesuffix(".__init__"))
        if lines := sorted({*iterate_overridden(module, tree), *iterate_used(tree, own)}):
            found[file] = lines
    return found


# Its use of gunicorn is counted apart.
SERVER = Path("circe/gunicorn.py")


def comment_above(file, line):
    """Returns the text of the comment that ends above the line."""
    lines, found = (settings.BASE_DIR / file).read_text().splitlines(), []
    for text in reversed(lines[: line - 1]):
        if not text.strip().startswith("#"):
            break
        found.insert(0, text.strip().removeprefix("#").strip())
    return " ".join(found)


def test_at_most_a_dozen_private_names_of_libraries_are_used():
    uses = find_uses()
    named = [f"{file}:{line} {name}" for file, lines in uses.items() if file != SERVER for line, name in lines]
    assert 0 < len(named) <= MAX_USES, named
    assert len({name for _, name in uses.get(SERVER, [])}) <= 1


@pytest.mark.slow("reads all sources")
def test_a_comment_at_a_private_name_says_why_and_which_test_would_tell():
    tests, wrong = find_tests(), []
    for file, lines in find_uses().items():
        for line, name in lines if file != SERVER else []:
            comment = comment_above(file, line)
            if not comment.startswith("Private to "):
                wrong.append(f"{file}:{line} uses {name}")
            named = re.findall(r"Test: (test_\w+)\.", comment)
            if len(named) != 1 or not tests.issuperset(named):
                wrong.append(f"{file}:{line} names the tests {named}, and not one that is there")
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("connection._pool", {"_pool"}),
        ("getattr(connection, '_pool', None)", {"_pool"}),
        ("from django.forms.forms import _thing", {"_thing"}),
        ("Q(a=1, _connector='OR')", {"_connector"}),
        ("self._own + model._meta.fields + other.__dict__ + from_circe(_local)", set()),
    ],
)
def test_what_is_a_use_of_a_private_name(source, names):
    assert {name for _, name in iterate_used(ast.parse(source), {"_own"})} == names
