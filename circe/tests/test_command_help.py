"""The help of a command begins with examples that work as they are written, and leaves out the options of Django."""

import shlex

import pytest
from django.core.management import get_commands, load_command_class

from circe.command_line import DJANGO_OPTIONS, EXAMPLES, CommandLine
from circe.tests.sources import PACKAGES

OURS = sorted(name for name, app in get_commands().items() if str(app).split(".")[0] in PACKAGES)


@pytest.mark.parametrize("name", [*OURS, *EXAMPLES])
def test_help_begins_with_examples_that_can_be_parsed(name, capsys):
    with pytest.raises(SystemExit) as ended:
        CommandLine(["manage.py", name, "--help"]).execute()
    assert ended.value.code == 0
    head, usage, description = capsys.readouterr().out.partition("usage: ")
    title, *examples = head.strip().splitlines()
    assert title == "Examples:"
    assert examples
    assert [option for option in DJANGO_OPTIONS if option in usage + description] == []
    for example in examples:
        program, command, *arguments = shlex.split(example.partition(" > ")[0])
        assert (program, command) == ("manage.py", name)
        load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(arguments)


def test_the_command_help_shows_the_examples_too(capsys):
    CommandLine(["manage.py", "help", "purge_customers"]).execute()
    assert capsys.readouterr().out.startswith("Examples:\n  manage.py purge_customers --tenant lotus")
