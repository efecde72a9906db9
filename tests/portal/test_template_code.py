"""What Jinja makes of a shipped template is kept beside this program's own compiled modules."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from jinja2 import Environment
from jinja2.exceptions import SecurityError

from openchargeback.templating import environment


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of templates in place of the shipped ones, with nothing made of them yet, and a folder for that."""
    folder = tmp_path / "site_templates"
    folder.mkdir()
    (folder / "a.txt").write_text("one {{ value }}")
    (folder / "a.html").write_text("<b>{{ value }}</b>")
    monkeypatch.setattr(environment, "shipped_templates", lambda: folder)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "kept"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    Path(environment.cache_from_source(environment.__file__)).parent.mkdir(parents=True)
    new_process(monkeypatch)
    return folder


def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_compiled", {})


def rendered(name: str = "a.txt") -> str:
    return environment.make_environment().render_page(name, value="<&>")


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.parent.joinpath("kept").rglob("*") if path.is_file()]


def test_it_is_made_once_for_all_processes(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered() == "one <&>"
    assert len(kept(shipped)) == 1
    new_process(monkeypatch)
    monkeypatch.setattr(Environment, "compile", None)
    assert rendered() == "one <&>"


def test_a_changed_template_is_made_again(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered()
    before = (shipped / "a.txt").stat()
    (shipped / "a.txt").write_text("two {{ value }}")
    os.utime(shipped / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    new_process(monkeypatch)
    assert rendered() == "two <&>"
    assert len(kept(shipped)) == 1


def test_text_and_pages_are_kept_apart(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same template escapes in one and not in the other."""
    for _ in range(2):
        assert rendered("a.html") == "<b>&lt;&amp;&gt;</b>"
        for_text = environment.make_environment().for_text
        assert for_text.render_page("a.txt", value="<&>") == "one <&>"
        new_process(monkeypatch)
    assert len(kept(shipped)) == 2


def test_a_change_of_the_maker_makes_all_again(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered()
    new_process(monkeypatch)
    monkeypatch.setattr(environment, "_maker", lambda: "another")
    rendered()
    assert len(kept(shipped)) == 2


@pytest.mark.parametrize("reason", ["asked", "no folder", "full"])
def test_it_is_done_without(shipped: Path, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason == "asked":
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
    elif reason == "no folder":
        monkeypatch.setattr(sys, "pycache_prefix", str(shipped / "none"))
    else:

        def full(*_arguments: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(environment.FileSystemBytecodeCache, "dump_bytecode", full)
    assert rendered() == "one <&>"
    assert kept(shipped) == []


class Record:
    def __init__(self, value: object) -> None:
        self.value = value


@pytest.mark.parametrize("first", [True, False])
def test_what_was_allowed_once_is_still_looked_at(first: bool, shipped: Path) -> None:
    """The type and the name allow it, but a text's own `format` reaches what a template must not."""
    (shipped / "a.txt").write_text("{{ record.value('') if call else record.value }}")
    (shipped / "f.txt").write_text("{{ record.value(record) }}")
    pages = environment.make_environment()
    if first:
        assert pages.render_page("a.txt", record=Record("fine"), call=False) == "fine"
    with pytest.raises(SecurityError):
        pages.render_page("f.txt", record=Record("{0.__class__}".format))
    assert pages.render_page("a.txt", record=Record(None), call=False) == "None"
