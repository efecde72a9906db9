"""Regenerate the generated parts of documents: `make docs`. --check only reports what is out of date.

The codes in docs/VALIDATION.md, the commands in docs/CLI.md, the keys in docs/SETTINGS.md and docs/CONVERT.md, and the
example in docs/IMPLEMENTATION-GUIDE-TEMPLATE.md are between two marks; the rest is written by hand.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import click
import yaml

from openchargeback.cli.main import cli
from openchargeback.convert.csv.presets import NAMES as PRESETS
from openchargeback.convert.csv.presets import preset_help, preset_text
from openchargeback.convert.csv.reading import Layout, Records, read_records
from openchargeback.convert.findings import Rule, broken
from openchargeback.convert.kinds import BUILT_IN, Found, Input, Kind, Meter, Reading, keeps_users, kind_of
from openchargeback.convert.settings import Settings
from openchargeback.convert.template import write_package
from openchargeback.convert.zone import offset_sql
from openchargeback.explanations import SUBJECTS, Explanation, catalog
from openchargeback.focus.database import insert, literal
from openchargeback.ledger.declared import shape_of
from openchargeback.ledger.schema_files import KINDS, MONTH
from openchargeback.ledger.yaml_text import flow
from openchargeback.problems import Problem, Severity
from yaml_schemas import FILES

FOLDER = Path(__file__).parents[1] / "docs"
BEGIN = "<!-- Written by `make docs` from {}. -->\n"
END = "<!-- The end of what `make docs` writes. -->\n"
PROGRAM = "focus-billing"
WIDTH = 100
IMPORTED = (
    *(Kind, Meter, Reading, Input, Found, keeps_users, Rule, broken, Problem, Severity, Layout, Records, read_records),
    *(offset_sql, insert, literal),
)
"""What converters of packages are made with."""
ONE = {"approvals": "2025-01/gpu-burst", "invoices": "2025-01/aws"}
"""Where one file is of a kind with many a month."""
BOOLEANS = {"false", "true", "no", "off", "on", "yes"}


def main() -> int:
    """Write or check all documents: 0 if they are up to date or were written, 1 if --check finds one out of date."""
    stale = False
    for name, (source, written) in DOCUMENTS.items():
        old = (FOLDER / name).read_text(encoding="utf-8")
        new = replaced(name, old, BEGIN.format(source), written())
        if old == new:
            continue
        stale = True
        if "--check" in sys.argv[1:]:
            print(f"{name} is out of date: run `make docs`", file=sys.stderr)
        else:
            (FOLDER / name).write_text(new, encoding="utf-8", newline="\n")
    return int(stale and "--check" in sys.argv[1:])


def replaced(name: str, text: str, begin: str, written: str) -> str:
    """The document with the part between its two marks replaced."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    if not rest or END not in text:
        raise SystemExit(f"{name} lacks its marks:\n{begin}{END}")
    return f"{before}{begin}\n{written}\n{END}{after}"


def commands() -> str:
    """The output of `--help` for the program, each group and each command; a group's commands are under its heading."""
    return "\n".join(
        f"{'#' * max(2, len(title.split()))} {title}\n\n```text\n{text}\n```\n" for title, text in helps(cli, PROGRAM)
    )


def helps(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """The full name and help of a command and of all its subcommands, in the width of this document."""
    context = command.make_context(
        name, [], parent, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            within = command.get_command(context, each)
            if within is not None:
                yield from helps(within, each, context)


def keys() -> str:
    """Every key of the YAML files that people write, by file, each with its default, meaning and an example."""
    parts = []
    for name, (_, shape) in FILES.items():
        if name in ("frozen", "conversion"):  # written by the program; in CONVERT.md
            continue
        example = example_of(name)
        rows = list(key_rows(shape.schema(), "", [example]))
        path = KINDS[name].replace(MONTH, "2025-01").replace("*/*", ONE.get(name, ""))
        heading = f"## {path.replace('*', 'workday')}"
        head = ["| key | default | meaning | example |", "|---|---|---|---|"]
        parts.append("\n".join([heading, "", shape.help, "", *head, *rows]) + "\n")
    return "\n".join(parts)


def example_of(name: str) -> Any:
    """The example in docs/examples for a kind of YAML file, with values as they are written there."""
    return yaml.load((FOLDER / f"examples/{name}.yaml").read_bytes(), yaml.BaseLoader)  # noqa: S506 - only text


def key_rows(schema: dict[str, Any], prefix: str, examples: Sequence[Any]) -> Iterator[str]:
    """A row for each key of a schema, `a.b` for nested ones. examples: values that fit the schema."""
    for name, key in schema.get("properties", {}).items():
        found = [each[name] for each in examples if isinstance(each, dict) and each.get(name) not in (None, "")]
        default = "required" if name in schema.get("required", ()) else code(key.get("default", ""))
        words = ", ".join(f"`{word}`" for word in choices(key))
        meaning = " ".join(filter(None, (key.get("description", ""), words and f"One of {words}.")))
        within, below, inner = inside(key, f"{prefix}{name}", found)
        example = "" if within else code(found[0] if found else "")
        yield f"| `{prefix}{name}` | {default} | {meaning} | {example} |".replace("  ", " ")
        yield from key_rows(within, f"{below}.", inner)


def inside(key: dict[str, Any], name: str, examples: Sequence[Any]) -> tuple[dict[str, Any], str, list[Any]]:
    """The schema of the mapping in a key (directly, in a list or under free names), its path and its examples."""
    for each in (key, *key.get("anyOf", ())):
        if "properties" in each and "severity" not in name:
            return each, name, list(examples)
        for inner, path in ((each.get("items"), f"{name}[]"), (each.get("additionalProperties"), f"{name}.<name>")):
            if isinstance(inner, dict) and "properties" in inner:
                found = [list(e.values()) if isinstance(e, dict) else e for e in examples]
                return inner, path, [item for each_list in found if isinstance(each_list, list) for item in each_list]
    return {}, name, []


def conversions() -> str:
    """Every key of the config of a conversion: common ones, those of each kind, and the mappings that ship."""
    common = {**Settings.EXAMPLE, "rates": [dict(kind_of("slurm").rates[0])]}
    parts = ["## Common keys\n\n" + table_of(shape_of(Settings).schema(), common)]
    for name in BUILT_IN:
        kind = kind_of(name)
        example: Mapping[str, Any] = vars(kind.settings)["EXAMPLE"]
        rows = table_of(shape_of(kind.settings).schema(), example)
        parts.append(f"## `{name}:`\n\n{kind.title}.\n\n{rows}")
    parts.append("## Presets of `csv:`\n")
    for name in PRESETS:
        text, words = preset_text(name), preset_help(name)
        mapping = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
        parts.append(f"### `preset: {name}`\n\n{words}\n\n```yaml\n{mapping}\n```\n")
    return "\n".join(parts)


def table_of(schema: dict[str, Any], example: Mapping[str, Any]) -> str:
    """The keys of a section as a table; example: values that fit it."""
    head = ["| key | default | meaning | example |", "|---|---|---|---|"]
    return "\n".join([*head, *key_rows(schema, "", [example])]) + "\n"


def converter() -> str:
    """The tables that a converter fills, and the module that `convert --new` writes."""
    tables = resources.files("openchargeback.convert").joinpath("tables.sql").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        written = write_package("gpu-farm", Path(folder, "package"))
        module = next(path for path in written if path.parent.name == "src").read_text(encoding="utf-8")
    blocks = (("sql", tables), ("python", module), ("python", "\n\n\n".join(map(outline, IMPORTED))))
    sql, python, outlines = (f"```{language}\n{text.rstrip()}\n```\n" for language, text in blocks)
    return f"{sql}\n{python}\nWhat it may import:\n\n{outlines}"


def outline(thing: Any) -> str:
    """What can be imported, without its code: where from, its fields or parameters, and what they mean."""
    shown = lines = inspect.getsource(thing).splitlines()
    node = ast.parse("\n".join(lines)).body[0]
    if isinstance(node, ast.FunctionDef):
        shown = [*lines[: node.body[0].end_lineno], "    ..."]
    elif isinstance(node, ast.ClassDef):
        fields = [each for each in node.body if not isinstance(each, ast.FunctionDef)]
        shown = lines[node.lineno - 1 : fields[-1].end_lineno]
    return "\n".join((f"# from {thing.__module__} import {thing.__name__}", *shown))


def choices(key: dict[str, Any]) -> list[str]:
    """The words that a key may have as its value."""
    return [word for word in key.get("enum", ()) if isinstance(word, str) and word not in BOOLEANS]


def code(value: Any) -> str:
    """A value as YAML on one line."""
    if value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    text = value if isinstance(value, str) else flow(value).replace('"', "")
    return "`" + text.replace("|", "\\|") + "`"


def codes() -> str:
    """An overview of all codes by subject, then each in detail."""
    parts = []
    for subject, heading in SUBJECTS.items():
        entries = [each for each in catalog().values() if each.subject == subject]
        rows = [f"| [`{each.code}`](#{anchor(each.code)}) | {each.kind} | {each.title} |" for each in entries]
        parts.append("\n".join([f"## {heading}", "", "| code | severity | meaning |", "|---|---|---|", *rows]) + "\n")
        parts += [entry(each) for each in entries]
    return "\n".join(parts)


def anchor(code: str) -> str:
    """The anchor that GitHub and GitLab give a heading."""
    return re.sub(r"[^a-z0-9-]", "", code)


def entry(each: Explanation) -> str:
    """One code in detail."""
    return "\n".join(
        [
            f"### `{each.code}`",
            "",
            f"{each.kind.capitalize()}: **{each.title}.**",
            "",
            folded(f"{each.means} {each.matters}"),
            "",
            folded(f"*Fix:* {each.fix}"),
            "",
            "```text",
            each.example,
            "```",
            "",
            f"*Rule:* {each.source}",
            "",
        ]
    )


def folded(text: str) -> str:
    """Prose wrapped at 120 characters, as in the other documents."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


# Document → what it is generated from, and the function that generates it.
DOCUMENTS: dict[str, tuple[str, Callable[[], str]]] = {
    "CLI.md": ("the commands' own `--help`", commands),
    "CONVERT.md": ("the declarations in src/openchargeback/convert", conversions),
    "IMPLEMENTATION-GUIDE-TEMPLATE.md": ("src/openchargeback/convert/tables.sql and template/", converter),
    "SETTINGS.md": ("the declarations in src/openchargeback/ledger", keys),
    "VALIDATION.md": ("src/openchargeback/explanations.toml", codes),
}

if __name__ == "__main__":
    sys.exit(main())
