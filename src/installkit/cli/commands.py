"""
The help of a command: what it does, its options, and at the end examples to copy.

The last paragraph of a command's docstring has the examples, one on each line.
"""

import inspect

import click


class Command(click.Command):
    """A command whose help ends with the examples of its docstring."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write what the command does."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_parts(self)[0])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the examples without wrapping them, so that they can be copied."""
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line}\n" for line in examples(self)))


class Group(Command, click.Group):
    """A group of such commands; its own help also ends with examples."""

    command_class = Command
    group_class = type


def examples(command: click.Command) -> list[str]:
    """Return the command lines that *command* shows as examples."""
    return _parts(command)[1].splitlines()


def _parts(command: click.Command) -> tuple[str, str]:
    text, _, lines = inspect.cleandoc(command.help or "").rpartition("\n\n")
    return text.strip(), lines
