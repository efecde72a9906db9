"""An option that is given twice is refused wherever it is not repeatable: the last one never wins in silence."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from openchargeback.cli.main import cli

Command = tuple[tuple[str, ...], click.Command]


def commands(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[Command]:
    """Every command and group of the program with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


OPTIONS = [
    pytest.param(path, option, id=" ".join([*path, option.opts[0]]))
    for path, command in commands()
    for option in command.params
    if isinstance(option, click.Option) and not option.is_eager
]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No ledger is found and nothing is written here, should a command run after all."""
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, arguments)
    return done.exit_code, done.output


def test_there_are_options_to_try():
    assert len(OPTIONS) > 80


@pytest.mark.parametrize(("path", "option"), OPTIONS)
def test_an_option_given_twice_is_refused_unless_it_is_repeatable(path, option):
    once = [option.opts[0]] if option.is_flag else [option.opts[0], "x"]
    code, said = run(*path, *once, *once)
    assert code == 2
    name = max(option.opts, key=len)
    assert (f"Error: {name} was given twice\n" in said) == (not option.multiple)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ingest", "x.csv", "--source", "a", "--add", "--replace"), "--add and --replace cannot be used together"),
        (("ingest", "x.csv", "--source=a", "--split", "--source", "b"), "--source was given twice"),
        (("--ledger", "a", "validate", "--ledger", "b"), "--ledger was given twice: a and b"),
        (("--ledger", "a", "review", "list", "--ledger", "b"), "--ledger was given twice: a and b"),
        (("--ledger", "a", "--ledger", "a", "validate"), "--ledger was given twice"),
        (("build", "-o", "a", "--ledger", "x", "-o", "b"), "was given twice"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments, told):
    code, said = run(*arguments)
    assert (code, f"Error: {told}" in said or told in said) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--ledger", "LEDGER", "sources", "list", "--ledger", "LEDGER/../l"),
        ("validate", "--ledger", "LEDGER", "--", "--strict", "--strict"),
        ("validate", "--help", "--help"),
        ("--help", "--help"),
    ],
)
def test_what_says_the_same_or_is_no_option_passes(tmp_path, arguments):
    (tmp_path / "l").mkdir()
    (tmp_path / "l/config.yaml").write_text("organization: A\n")
    _, said = run(*(each.replace("LEDGER", str(tmp_path / "l")) for each in arguments))
    assert "twice" not in said


def test_the_ledger_of_the_environment_gives_way(tmp_path, monkeypatch):
    (tmp_path / "config.yaml").write_text("organization: A\n")
    monkeypatch.setenv("OPENCHARGEBACK_LEDGER", "/nowhere")
    assert run("sources", "list", "--ledger", str(tmp_path))[0] == 0


def test_a_misspelled_option_is_told_as_before():
    code, said = run("ingest", "x.csv", "--sorce", "a", "--sorce", "b")
    assert (code, "No such option" in said) == (2, True)
