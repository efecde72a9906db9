"""The JSON Schemas: the same as the shapes, and of one mind with the reader."""

import json
import re
import runpy
import tempfile
from pathlib import Path

import jsonschema
import pytest
import yaml

from openchargeback.convert.kept import kept_configs
from openchargeback.ledger import schema_files
from openchargeback.ledger.approvals import read_approvals
from openchargeback.ledger.config import read_config
from openchargeback.ledger.deliveries import read_deliveries
from openchargeback.ledger.directory import read_directory
from openchargeback.ledger.journal_profiles import read_profile
from openchargeback.ledger.new import create_ledger
from openchargeback.ledger.notes import read_notes
from openchargeback.ledger.periods import read_period
from openchargeback.ledger.postings import read_postings
from openchargeback.ledger.provider_invoices import read_invoices
from openchargeback.ledger.yaml_tree import parse
from openchargeback.problems import Problem, Severity
from openchargeback.record.closing_record import FROZEN_FILE
from yaml_schemas import schema_of

ROOT = Path(__file__).parents[2]
PATHS = {
    "config": "config.yaml",
    "config.local": "config.local.yaml",
    "people": "directory/people.yaml",
    "projects": "directory/projects.yaml",
    "funds": "directory/funds.yaml",
    "approvals": "approvals/2025-01/gpu.yaml",
    "invoices": "invoices/2025-01/aws.yaml",
    "frozen": "periods/2025-01.frozen.yaml",
    "notes": "periods/2025-01.notes.yaml",
    "period": "periods/2025-01.yaml",
    "conversion": "conversions/hpc.yaml",
    "postings": "postings/2025-01.yaml",
    "deliveries": "deliveries/2025-01.yaml",
    "journal-profile": "templates/journals/own.yaml",
}


class Yaml12(yaml.SafeLoader):
    """Reads scalars by the core schema of YAML 1.2 (10.3.2), as editors do: no dates, and `on` is text."""


Yaml12.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("null", r"|~|null|Null|NULL", ["", "~", "n", "N"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?\d+", list("-+0123456789")),
    ("float", r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?", list("-+.0123456789")),
):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), first)


def read_frozen(data: bytes, path: str) -> tuple[object, list[Problem]]:
    root, reader = parse(data, path)
    return FROZEN_FILE.read(root, reader), reader.problems


def kept(data: bytes, path: str) -> tuple[object, list[Problem]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, path)
        config.parent.mkdir()
        config.write_bytes(data)
        return kept_configs(Path(folder))


READERS = {
    "config": lambda data, _path: read_config(data),
    "config.local": lambda data, _path: read_config(b"organization: X", data),
    "people": lambda data, _path: read_directory(data, None),
    "projects": lambda data, _path: read_directory(None, data),
    "funds": lambda data, _path: read_directory(None, None, data),
    "approvals": read_approvals,
    "frozen": read_frozen,
    "notes": read_notes,
    "period": read_period,
    "postings": read_postings,
    "deliveries": read_deliveries,
    "journal-profile": read_profile,
    "invoices": lambda data, path: read_invoices(data, path, "2025-01", "aws"),
    "conversion": kept,
}


def read(name: str, text: str, path: str = "") -> list[Problem]:
    """What the program finds wrong with a file of that kind, at a place where one may lie."""
    return READERS[name](text.encode(), path or PATHS[name])[1]


def faults(name: str, text: str) -> list[str]:
    """What the schema of that kind finds wrong with a file, as an editor would."""
    validator = jsonschema.Draft202012Validator(json.loads(schema_of(name)))
    return [error.message for error in validator.iter_errors(yaml.load(text, Yaml12))]  # noqa: S506  # a safe loader


def kind_of(relative: str) -> str:
    return next(name for name, files in schema_files.KINDS.items() if Path(relative).match(files))


def every_key(schema: dict, place: str = ""):
    for name, value in schema.get("properties", {}).items():
        if "description" in value or schema.get("additionalProperties") is False:
            yield f"{place}.{name}", value
        yield from every_key(value, f"{place}.{name}")
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            yield from every_key(schema[part], f"{place}.{part}")
    for index, value in enumerate(schema.get("anyOf", ())):
        yield from every_key(value, f"{place}.{index}")


def test_the_files_are_what_the_shapes_say():
    """After a change of a shape: `make schemas`."""
    targets = runpy.run_path(str(ROOT / "tools" / "yaml_schemas.py"))["targets"]()
    # Each in the program and in the sample ledger, and that of the record of statements.
    assert len(targets) == 2 * len(schema_files.KINDS) + 1
    assert {path: path.read_bytes() if path.exists() else None for path in targets} == targets
    assert schema_files.shipped_schemas() == {f"{name}.json": schema_of(name) for name in PATHS}


@pytest.mark.parametrize("name", sorted(schema_files.KINDS))
def test_a_schema_is_one_and_describes_every_key(name):
    schema = json.loads(schema_of(name))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f":{name}")
    assert schema["title"]
    assert schema["description"]
    keys = dict(every_key(schema))
    assert len(keys) >= 4
    assert [place for place, value in keys.items() if not value.get("description")] == []


def yaml_files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.yaml") if ".git" not in path.parts)


def check_all(root: Path) -> list[str]:
    found = [path for path in yaml_files(root) if not path.startswith(".")]
    for relative in found:
        text = (root / relative).read_text(encoding="utf-8")
        name = kind_of(relative)
        assert faults(name, text) == [], relative
        assert read(name, text, relative) == [], relative
        pointer = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
        assert pointer, f"{relative} names no schema"
        assert ((root / relative).parent / pointer[1]).resolve() == (root / ".schemas" / f"{name}.json").resolve()
        assert (root / ".schemas" / f"{name}.json").read_bytes() == schema_of(name)
    return found


def test_every_file_of_the_sample_ledger_is_valid_and_names_its_schema():
    assert len(check_all(ROOT / "ledger")) == 15


def test_every_file_of_a_new_ledger_is_valid_and_names_its_schema(tmp_path):
    create_ledger(tmp_path / "ledger", "Universität 'X': #1", "EUR")
    assert check_all(tmp_path / "ledger") == ["config.yaml", "directory/people.yaml", "directory/projects.yaml"]


HEAD = "service: S\nprovider: P\nbilling_account: B\ncurrency: USD\n"
POOL = "currency: USD\nshared: {{pools: [{{id: a, usage: b, resource: c, {}, weights: [{{column: d}}]}}]}}"
RATE = "rates: [{id: cpu, resource: cpu, unit: Core-Hours, list: 0.02, subsidy: 40, from: 2025-01-01}]"
DECISION = "decisions: [{decision: approve, reason: r, by: b, charges: [0123456789abcdef], clears: [a]}]"
ITEM = (
    "decisions: [{where: {source: s, service: x y, project: '', flags: [a, b]}, expect: {charges: 1}, clears: [a], "
    "decision: reassign, set: {fund: 1}, reason: r, by: b}]"
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("conversion", HEAD + "slurm: {meters: cpu}\n" + RATE),
        ("conversion", HEAD + "slurm: {meters: [cpu]}\nrates_file:\nrows: month"),
        ("conversion", HEAD + "csv: {preset: invoice}"),
        (
            "conversion",
            POOL.format("match: {ResourceId: x}"),
        ),
        ("conversion", '- name: CPU SU Rate\n  history: [{value: "0.013", from: 2023-06}]'),
        ("config", "organization: NO"),
        ("config", "organization: {name: A, address: One street}\nsources:\nreview:\n  unusual_amount: off"),
        ("config", "organization: 4\nsources: {AWS: {account: 0012, credit_fund: 1-2}}"),
        ("config", "organization: A\nreview: {patterns: {gpu: {match: {A: b}, minimum: 1.50}}, fund_patterns: x}"),
        ("config", "organization: A\nreview: {evidence: {level: B, other_than_author: yes}}"),
        ("notes", "drift: [{digest: 1234567890123456, reason: r, by: b, on: 2025-01-31}]"),
        ("notes", "drift:"),
        ("people", "people:"),
        ("people", "people: [{email: a@b, name: , aliases: c@d}]"),
        ("projects", "projects: [{id: 12, fund: 0012, from: 2025-01-01, match: {ResourceId: 7}}]"),
        ("projects", "projects: [{id: a, award: 0012, pis: [a@b, c@d], funds: 7, entries: }]"),
        ("projects", "projects: [{id: a, entries: [{pi: a@b, pis: c@d, funds: [F-1, F-2]}]}]"),
        ("funds", "funds:"),
        ("funds", "funds: [{id: 0012, sponsor_type: state, status: inactive, from: 2025-01-01, department: B}]"),
        ("approvals", DECISION),
        ("approvals", DECISION.replace("0123456789abcdef", "12345678")),
        ("approvals", ITEM),
        ("approvals", ITEM.replace("project: ''", "project: '', sub_account: 12, currency: EUR")),
        ("period", "state: open"),
        ("period", "state: closed\nrevision: 2\nclosed: {on: 2025-02-03}"),
        ("period", "state: open\nclosed:\nseal:"),
        (
            "period",
            "state: closed\nclosed: {on: 2025-02-03}\naccounting_date: 2025-02-08\nwithout: [{source: a, reason: 1}]",
        ),
        ("config", "organization: A\nsources: {hpc: {expected: monthly}, aws: {expected: irregular}}"),
        (
            "config",
            "organization: A\njournal: {formats: gl, answers: {document: A, rejected: ERROR, unlisted: accepted}}",
        ),
        ("postings", "postings: [{document: 12, on: 2025-02-03}]"),
        ("postings", "postings: [{document: A, on: 2025-02-03, lines: [{line: 1, status: suspense, reason: r}]}]"),
        ("journal-profile", "extends: workday\nvalues: {company: 01, submit: 1}"),
        ("journal-profile", "label: A\nsign: signed\nfiles: [{extension: csv, line: [{field: line.signed}]}]"),
    ],
)
def test_what_the_program_accepts_the_editor_does_too(name, text):
    assert [problem for problem in read(name, text) if problem.severity is Severity.ERROR] == []
    assert faults(name, text) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("conversion", HEAD),
        ("conversion", "slurm: {meters: cpu}"),
        ("conversion", HEAD + "slurm: {meters: cpus}"),
        ("conversion", HEAD + "slurm: {metres: cpu}"),
        ("conversion", HEAD + "slurm: {meters: cpu}\nvm: {basis: recurring}"),
        ("conversion", HEAD + "slurm: {meters: cpu}\nrate: []"),
        ("conversion", HEAD + "slurm: {meters: cpu}\nrows: daily"),
        (
            "conversion",
            "rows: day\n" + POOL.format("match: {ResourceId: x}"),
        ),
        ("config", "currency: USD"),
        ("config", "organization: [A]"),
        ("config", "organization: A\ncurency: USD"),
        ("config", "organization: A\ncurrency: dollars"),
        ("config", "organization: A\ncurrency: 12"),
        ("config", "organization: A\nfiscal_year_starts: 13"),
        ("config", "organization: A\nsources: {a b: {}}"),
        ("config", "organization: A\nsources: {aws: {cost: ListCost}}"),
        ("config", "organization: A\nsources: {aws: {default: {untagged_only: maybe}}}"),
        ("config", "organization: A\nreview: {unusual_amount: {factor: -1}}"),
        ("config", "organization: A\nreview: {evidence: {level: D}}"),
        ("notes", "drift: [{digest: 12ab, reason: r, by: b}]"),
        ("notes", "drift: [{reason: r, by: b}]"),
        ("config", "organization: A\nreview: {unusual_amount: {factor: much}}"),
        ("config", "organization: A\nreview: {patterns: {gpu: {minimum: 1}}}"),
        ("config", "organization: A\nportal: {accent: blue}"),
        ("config", "organization: A\nportal: {forge: sourcehut}"),
        ("people", "persons: []"),
        ("people", "people: [{name: A}]"),
        ("people", "people: [{email: ada}]"),
        ("projects", "projects: [{id: a, until: soon}]"),
        ("projects", "projects: [{id: a, match: {ProviderName: aws}}]"),
        ("projects", "projects: {id: a}"),
        ("projects", "projects: [{id: a, pis: [ada]}]"),
        ("projects", "projects: [{id: a, budget: 5}]"),
        ("funds", "funds: [{title: Grant}]"),
        ("funds", "funds: [{id: F-1, sponsor_type: foundation}]"),
        ("funds", "funds: [{id: F-1, status: closed}]"),
        ("approvals", "decisions: [{decision: approve, by: b, reason: r}]"),
        ("approvals", DECISION.replace("clears: [a]", "expect: {charges: 1}")),
        ("approvals", DECISION.replace("approve", "reassign")),
        ("approvals", DECISION.replace("approve", "agree")),
        ("approvals", DECISION.replace("charges:", "where: {source: s, flags: [a]}, expect: {charges: 1}, charges:")),
        ("approvals", DECISION.replace(", clears: [a]", "")),
        ("approvals", ITEM.replace("expect: {charges: 1}, ", "")),
        ("approvals", ITEM.replace("expect: {charges: 1}", "expect: {}")),
        ("approvals", ITEM.replace("clears: [a], ", "")),
        ("approvals", ITEM.replace("flags: [a, b]", "flag: a")),
        ("approvals", ITEM.replace("source: s, ", "")),
        ("approvals", DECISION.replace("0123456789abcdef", "xyz")),
        ("approvals", DECISION.replace("by: b", "by: b, on: 3 February")),
        ("approvals", DECISION.replace("clears", "expect: {digest: short}, clears")),
        ("period", "state: shut"),
        ("period", "state: closed"),
        ("period", "state: finalized\nclosed: {on: 2025-02-03}"),
        ("period", "state: finalized\nfinalized: {on: 2025-02-03}"),
        ("period", "state: open\nrevision: 0"),
        ("period", "state: closed\nclosed: {by: me}"),
        ("period", "state: open\nclosed: {on: 2025-02-03}"),
        ("period", f"state: open\nfrozen: {'0' * 64}"),
        ("period", "state: open\naccounting_date: 2025-01-31"),
        ("period", "state: open\nwithout: [{source: hpc, reason: r}]"),
        ("period", "state: closed\nclosed: {on: 2025-02-03}\nwithout: [{source: hpc}]"),
        ("period", 'state: closed\nclosed: {on: 2025-02-03}\nwithout: [{source: hpc, reason: ""}]'),
        ("config", "organization: A\nsources: {hpc: {expected: yearly}}"),
        ("period", "state: closed\nclosed: {on: 2025-02-03}\nfinalized: {on: 2025-03-03}"),
        ("period", f"state: closed\nclosed: {{on: 2025-02-03}}\nseal: {{digest: {'0' * 64}, files: {{}}}}"),
        ("config", "organization: A\njournal: {formats: {gl: {extension: csv}}}"),
        ("config", "organization: A\njournal: {answers: {unlisted: maybe}}"),
        ("postings", "documents: []"),
        ("postings", "postings: [{document: A}]"),
        ("postings", "postings: [{on: 2025-02-03}]"),
        ("postings", 'postings: [{document: "", on: 2025-02-03}]'),
        ("postings", "postings: [{document: A, on: February}]"),
        ("postings", "postings: [{document: A, on: 2025-02-03, sha256: abc}]"),
        ("postings", "postings: [{document: A, on: 2025-02-03, lines: [{line: 0, status: accepted}]}]"),
        ("postings", "postings: [{document: A, on: 2025-02-03, lines: [{line: 1, status: lost, reason: r}]}]"),
        ("postings", "postings: [{document: A, on: 2025-02-03, lines: [{line: 1, status: rejected}]}]"),
        ("postings", "postings: [{document: A, on: 2025-02-03, lines: [{line: 1, status: accepted, again: 2025-03}]}]"),
        ("postings", "postings: [{document: A, on: 2025-02-03, lines: [{line: 1, status: accepted, debit: 1,50}]}]"),
        ("journal-profile", "label: A"),
        ("journal-profile", "label: A\nsign: both\nfiles: [{extension: csv}]"),
        ("journal-profile", "label: A\nsign: signed\nfiles: []"),
        ("journal-profile", "label: A\nsign: signed\nfiles: [{extension: ../x}]"),
        ("journal-profile", "extends: gl\nmost_lines: 1"),
        ("journal-profile", "extends: gl\nfiles: [{extension: csv, line: [{field: line.signed, width: 0}]}]"),
    ],
)
def test_what_is_faulty_both_refuse(name, text):
    assert read(name, text) != []
    assert faults(name, text) != []


def test_a_file_names_its_schema_only_where_the_ledger_keeps_it(tmp_path):
    assert schema_files.schema_comment(tmp_path, "approvals/2025-01/a.yaml") == ""
    (tmp_path / ".schemas").mkdir()
    (tmp_path / ".schemas" / "approvals.json").write_bytes(b"{}")
    comment = schema_files.schema_comment(tmp_path, "approvals/2025-01/a.yaml")
    assert comment == "# yaml-language-server: $schema=../../.schemas/approvals.json\n"
    assert schema_files.schema_comment(tmp_path, "approvals/2025-01/a.csv") == ""


def test_a_section_of_a_kind_that_a_package_provides_is_no_fault_for_the_editor():
    """The schema cannot know what is installed; the program does."""
    assert faults("conversion", HEAD + "gpu-farm: {cluster: north}") == []
    assert faults("conversion", HEAD + "gpu-farm: north") != []
