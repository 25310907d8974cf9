"""Mutation operators that poodle does not have: each removes something that guards.

Poodle itself inverts comparisons, changes numbers, and returns None (`[tool.poodle]` in pyproject.toml).
"""

import ast
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from poodle.data_types import FileMutation, Mutator

Replacements = Iterator[tuple[Any, str]]


class Removal(Mutator):
    """An operator that removes something. A subclass says by `replacements` what it removes of a node."""

    def create_mutations(self, parsed_ast: ast.Module, *_: Any, **__: Any) -> list[FileMutation]:
        """Returns the mutants of a file."""
        return [
            self.create_file_mutation(place, text)
            for node in ast.walk(parsed_ast)
            for place, text in self.replacements(node)
        ]

    def replacements(self, node: Any) -> Replacements:
        """Yields pairs of a node and the text that replaces it."""
        raise NotImplementedError


class RemoveStatement(Removal):
    """Replaces a statement that returns and binds nothing, such as a call or a raise, with `pass`."""

    mutator_name = "Statement"

    def replacements(self, node: Any) -> Replacements:
        is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        is_assignment = isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name)
        if is_call or is_assignment or isinstance(node, ast.Raise):
            yield node, "pass"


class RemoveCondition(Removal):
    """Replaces the condition of an `if` with True and with False, and leaves out each part of an `and` and an `or`."""

    mutator_name = "Condition"

    def replacements(self, node: Any) -> Replacements:
        if isinstance(node, ast.If | ast.IfExp):
            yield node.test, "True"
            yield node.test, "False"
        if isinstance(node, ast.BoolOp):
            yield from (
                (node, f"({ast.unparse(_without(node, 'values', index))})") for index in range(len(node.values))
            )


class RemoveArgument(Removal):
    """Leaves out one keyword argument of a call, or all positional arguments of a call of a method."""

    mutator_name = "Argument"

    def replacements(self, node: Any) -> Replacements:
        if isinstance(node, ast.Call):
            for index in range(len(node.keywords)):
                yield node, ast.unparse(_without(node, "keywords", index))
            if isinstance(node.func, ast.Attribute) and node.args:
                yield node, ast.unparse(_without(node, "args", slice(None)))


class RemoveMethodCall(Removal):
    """Replaces a call of a method on the result of an expression with that result: `rows.all().only(x)`, `rows.all()`."""

    mutator_name = "MethodCall"

    def replacements(self, node: Any) -> Replacements:
        is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        # A name is often that of a module.
        if is_method and not isinstance(node.func.value, ast.Name):
            yield node, ast.unparse(node.func.value)


class RemoveElement(Removal):
    """Leaves out one element of a list or a set, or of the tuple that a `for` goes through."""

    mutator_name = "Element"

    def replacements(self, node: Any) -> Replacements:
        display = node.iter if isinstance(node, ast.For | ast.comprehension) else node
        kinds = ast.Tuple if display is not node else ast.List | ast.Set
        if isinstance(display, kinds) and len(display.elts) > 1:
            yield from ((display, ast.unparse(_without(display, "elts", index))) for index in range(len(display.elts)))


class RemoveDecorator(Removal):
    """Removes a decorator. Poodle's own operator does not see functions within functions."""

    mutator_name = "Decorator"

    def replacements(self, node: Any) -> Replacements:
        if isinstance(node, ast.FunctionDef):
            yield from ((decorator, "(lambda function: function)") for decorator in node.decorator_list)


class RemoveContext(Removal):
    """Runs the block of a `with` without one of its context managers."""

    mutator_name = "With"

    def replacements(self, node: Any) -> Replacements:
        if isinstance(node, ast.With):
            yield from ((item.context_expr, "__import__('contextlib').nullcontext()") for item in node.items)


def _without(node: Any, field: str, index: int | slice) -> Any:
    copy = deepcopy(node)
    del getattr(copy, field)[index]
    return copy
