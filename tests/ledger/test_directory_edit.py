"""Entries come into a file of the directory, and nothing else in it changes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openchargeback.ledger.directory import read_directory
from openchargeback.ledger.directory_edit import REMOVED, edited, entry_lines, with_entries
from openchargeback.ledger.yaml_tree import Mapping, Scalar, Sequence, parse
from openchargeback.problems import LedgerFault, UsageFault

BO = {"email": "bo@x.edu", "name": "Bo Ek", "aliases": ["b@x.edu"]}
BLOCK = '  - email: bo@x.edu\n    name: "Bo Ek"\n    aliases: [b@x.edu]\n'
FLOW = '{email: bo@x.edu, name: "Bo Ek", aliases: [b@x.edu]}'


def put(text, *entries, kind="people"):
    return with_entries(None if text is None else text.encode(), kind, entries).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"people:\n{BLOCK}"),
        ("", f"people:\n{BLOCK}"),
        ("# PIs\n", f"# PIs\npeople:\n{BLOCK}"),
        ("# PIs", f"# PIs\npeople:\n{BLOCK}"),
        ("---\n", f"---\npeople:\n{BLOCK}"),
        ("people:\n", f"people:\n{BLOCK}"),
        ("people:   # nobody yet\n", f"people:   # nobody yet\n{BLOCK}"),
        ("people: []  # nobody yet\n\n", f"people:  # nobody yet\n{BLOCK}\n"),
        ("people: ~\n", f"people:\n{BLOCK}"),
        ("people: []", f"people:\n{BLOCK}".removesuffix("\n")),
        ("people: [ # none\n]\n", f"people: [ # none\n{FLOW}]\n"),
        ("{people: []}\n", f"{{people: [{FLOW}]}}\n"),
        ("{people: }\n", f"{{people: [{FLOW}]}}\n"),
        ("people:\n  - email: a@x.edu  # hi\n", f"people:\n  - email: a@x.edu  # hi\n{BLOCK}"),
        ("people:\n  - email: a@x.edu", f"people:\n  - email: a@x.edu\n{BLOCK}".removesuffix("\n")),
        ("people:\n  - email: a@x.edu\n  # tail\n\n", f"people:\n  - email: a@x.edu\n  # tail\n{BLOCK}\n"),
        ("people:\n  - email: a@x.edu\n...\n", f"people:\n  - email: a@x.edu\n{BLOCK}...\n"),
        ("people:\n  - {email: a@x.edu}\n", f"people:\n  - {{email: a@x.edu}}\n  - {FLOW}\n"),
        ("people: [{email: a@x.edu}]\n", f"people: [{{email: a@x.edu}}, {FLOW}]\n"),
        ("people: [{email: a@x.edu}, ]\n", f"people: [{{email: a@x.edu}}, {FLOW}, ]\n"),
        (
            "people: [\n  {email: a@x.edu},\n  {email: c@x.edu}   # two\n]\n",
            f"people: [\n  {{email: a@x.edu}},\n  {{email: c@x.edu}},   # two\n  {FLOW}\n]\n",
        ),
        (
            "people: [\n  {email: a@x.edu},   # one, two\n]\n",
            f"people: [\n  {{email: a@x.edu}},   # one, two\n  {FLOW},\n]\n",
        ),
        (
            "people:\n-   email: a@x.edu\n",
            'people:\n-   email: a@x.edu\n-   email: bo@x.edu\n    name: "Bo Ek"\n    aliases: [b@x.edu]\n',
        ),
        ("people:\n  -\n    email: a@x.edu\n", f"people:\n  -\n    email: a@x.edu\n{BLOCK}"),
        ("\ufeffpeople: []\n", f"\ufeffpeople:\n{BLOCK}"),
        ("people:\n  - email: a@x.edu\n    name: |+\n      A\n\n", None),
    ],
)
def test_a_new_entry_stands_last_in_the_style_of_the_others(before, after):
    found = put(before, BO)
    assert after is None or found == after
    crlf = put(None if before is None else before.replace("\n", "\r\n"), BO)
    assert before is None or "\n" not in before or crlf == found.replace("\n", "\r\n")


ADA = {"email": " A@x.edu", "name": "Ada L", "department": "Math", "aliases": ["q@x.edu", "r@x.edu"]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "people:\n  - email: a@x.edu\n",
            'people:\n  - email: a@x.edu\n    name: "Ada L"\n    department: Math\n    aliases: [q@x.edu, r@x.edu]\n',
        ),
        (
            "people:\n  - email: a@x.edu # 1\n    aliases: # 2\n      - q@x.edu   # 3\n    department: P # 4\n  # 5\n",
            (
                'people:\n  - email: a@x.edu # 1\n    name: "Ada L"\n    aliases: # 2\n      - q@x.edu   # 3\n'
                "      - r@x.edu\n    department: Math # 4\n  # 5\n"
            ),
        ),
        (
            "people: [{email: a@x.edu, name: , aliases: q@x.edu}] # x\n",
            'people: [{email: a@x.edu, name: "Ada L", department: Math, aliases: [q@x.edu, r@x.edu]}] # x\n',
        ),
        (
            "people:\n  - aliases:\n    - z@x.edu\n    email: a@x.edu\n    name: >\n      A\n      B\n    department:",
            (
                "people:\n  - aliases:\n    - q@x.edu\n    - r@x.edu\n    email: a@x.edu\n"
                '    name: "Ada L"\n    department: Math'
            ),
        ),
        (
            'people:\n  - email: a@x.edu\n    name: " Ada L "\n    department: Math\n    aliases: [R@x.edu, q@x.edu]\n',
            'people:\n  - email: a@x.edu\n    name: " Ada L "\n    department: Math\n    aliases: [R@x.edu, q@x.edu]\n',
        ),
    ],
)
def test_a_known_entry_gets_what_it_does_not_say_yet(before, after):
    assert put(before, ADA) == after
    assert put(before.replace("\n", "\r\n"), ADA) == after.replace("\n", "\r\n")
    assert put(after, ADA) == after


PROJECTS = """projects:
  - id: p   # first
    match: {SubAccountId: 12}
  - id: q
    match:
      ResourceId: [a]
      # end of match
  - {id: r, entries: [{pi: a@x.edu, fund: F}, {pi: b@x.edu, fund: G}]}
"""


def test_accounts_are_changed_column_by_column_and_numbers_stay_text():
    new = {"id": "p", "match": {"SubAccountId": ["12", "013"], "ResourceId": ["r x"]}, "start": "2025-01-01"}
    expected = PROJECTS.replace(
        "    match: {SubAccountId: 12}",
        '    start: 2025-01-01\n    match: {SubAccountId: ["12", "013"], ResourceId: ["r x"]}',
    ).replace("ResourceId: [a]\n      # end", 'ResourceId: [a]\n      SubAccountId: ["1"]\n      # end')
    done = edited(PROJECTS.encode(), "projects", [new, {"id": "q", "match": {"SubAccountId": ["1"]}}])
    assert dict(done.changed) == {
        "p": ("start", "match.SubAccountId", "match.ResourceId"),
        "q": ("match.SubAccountId",),
    }
    assert done.data.decode() == expected


def test_pi_and_fund_that_stand_in_an_entry_are_said():
    """A list of projects from elsewhere knows one PI and one fund; that the ledger knows more is no contradiction."""
    done = edited(PROJECTS.encode(), "projects", [{"id": "r", "pi": "B@x.edu", "fund": "G"}])
    assert (done.unchanged, done.data.decode()) == (("r",), PROJECTS)
    both = put(PROJECTS, {"id": "r", "pi": "b@x.edu", "fund": "F"}, kind="projects")
    assert [p.code for p in read_directory(None, both.encode())[1]] == ["two-forms", "overlapping-entries"]


def test_a_stub_has_empty_keys_to_fill_in():
    stub = {"id": "new", "pi": None, "fund": None, "match": {"SubAccountId": ["914477205836"]}}
    found = put(None, stub, kind="projects")
    assert found == 'projects:\n  - id: new\n    pi:\n    fund:\n    match: {SubAccountId: ["914477205836"]}\n'
    filled = put(found, {"id": "new", "pi": "a@x.edu", "fund": "F-1"}, kind="projects")
    assert filled == found.replace("pi:", "pi: a@x.edu").replace("fund:", "fund: F-1")
    assert put("projects: [{id: a}]", stub, kind="projects").startswith("projects: [{id: a}, {id: new, pi: null, ")


def test_none_leaves_a_key_as_it_is_and_active_need_not_be_said():
    text = "funds:\n  - {id: F, title: A}\n"
    done = edited(text.encode(), "funds", [{"id": "F", "title": None, "status": "active"}])
    assert (done.data.decode(), done.unchanged) == (text, ("F",))
    assert (
        put(text, {"id": "F", "status": "inactive"}, kind="funds")
        == "funds:\n  - {id: F, title: A, status: inactive}\n"
    )


def test_what_is_given_twice_counts_as_given_last():
    found = put("people: []\n", BO, {"email": "BO@x.edu", "name": "Bo"})
    assert found == "people:\n  - email: BO@x.edu\n    name: Bo\n    aliases: [b@x.edu]\n"


@pytest.mark.parametrize(
    "text", ["people: [\n", "persons: []\n", "people: {}\n", "- a\n", "people: &a []\n", "a: \xff"]
)
def test_a_file_that_cannot_be_read_is_not_edited(text):
    with pytest.raises(LedgerFault) as fault:
        with_entries(text.encode("latin-1"), "people", [BO])
    assert fault.value.problems[0].path == "directory/people.yaml"


def test_what_cannot_be_edited_is_refused_not_broken():
    """An explicit key, which nobody writes."""
    with pytest.raises(UsageFault, match="change it by hand"):
        put("people:\n  - email: a@x.edu\n    ? name\n", ADA)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("projects:\n  - id: p\n    pi: a@x.edu  # since 2020\n    fund: F\n    title: T\n",
         "projects:\n  - id: p\n    title: T\n    entries:\n"),
        ("projects:\n- {id: p, pi: a@x.edu, title: T, fund: F}\n", "projects:\n- {id: p, title: T, entries: ["),
    ],
)  # fmt: skip
def test_a_project_gets_a_history_in_place_of_its_pi(before, after):
    times = [{"pi": "a@x.edu", "fund": "F", "until": "2025-06-30"}, {"pi": "b@x.edu", "from": "2025-07-01"}]
    entry = {"id": "p", "pi": REMOVED, "fund": REMOVED, "funds": REMOVED, "entries": times}
    result = put(before, entry, kind="projects")
    assert result.startswith(after), result
    directory, problems = read_directory(None, result.encode())
    assert problems == []
    assert [each.pi for each in directory.projects["p"].entries] == ["a@x.edu", "b@x.edu"]


def test_a_key_that_an_entry_begins_with_stays():
    with pytest.raises(UsageFault, match="cannot edit"):
        put("projects:\n  - pi: a@x.edu\n    id: p\n", {"id": "p", "pi": REMOVED}, kind="projects")


def test_lines_of_entries():
    text = b"people:\n  # 2\n  - email: A@x.edu\n\n  - {name: B, email: b@x.edu}\n  - name: C\n"
    assert entry_lines(text, "people") == {"a@x.edu": 3, "b@x.edu": 5}
    assert entry_lines(None, "people") == {}


def test_ten_thousand_entries_at_once():
    """Minutes where work grows with the square of the entries; about two seconds as it is."""
    ids = [f"p{number}@x.edu" for number in range(10_000)]
    text = "people:\r\n" + "".join(
        f"  - email: {id_}\r\n    name: |\r\n      {id_}\r\n    department:\r\n" for id_ in ids
    )
    done = edited(text.encode(), "people", [{"email": id_, "name": "X", "aliases": [f"a.{id_}"]} for id_ in ids])
    assert len(done.changed) == len(ids)


# Any file and any change ──────────────────────────────────────────────────────────────────────────────────────────────

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
NAMES = st.sampled_from(
    ["Ada", "'it''s'", '"quoted \\u00e9"', "Ada Lovelace", "ünï 😀", "|\n      Ada", ">-\n      A\n      B"]
)
COMMENTS = st.sampled_from(["", "  # note", " # 😀: {x}, [y]", "   "])
BETWEEN = st.lists(st.sampled_from(["", "  # a person", "# - email: no@x.edu", "      # deeper"]), max_size=2)


@st.composite
def files(draw):
    """The parts of a file, in turn what stands between entries and an entry, and the addresses of the entries."""
    dash, width = draw(st.sampled_from([0, 1, 2, 4])), draw(st.integers(1, 3))
    keys = " " * (dash + 1 + width)
    emails = [f"p{number}@x.edu" for number in range(draw(st.integers(0, 4)))]
    parts = [draw(st.sampled_from(["people:", "# head\n\npeople:  # all of them", "---\npeople:"]))]
    for email in emails:
        name, aliases = draw(NAMES), draw(st.sampled_from(["", "[]", "[a.{}]", "a.{}", "\n{}- a.{}  # x", " "]))
        aliases = aliases.replace("\n{}", f"\n{keys}").replace("{}", email)
        if draw(st.booleans()) and "\n" not in name + aliases:
            entry = f"{' ' * dash}-{' ' * width}{{email: {email}, name: {name}, aliases: {aliases}}}{draw(COMMENTS)}"
        else:
            name = name.replace("\n      ", f"\n{keys}  ")
            lines = [f"email: {email}{draw(COMMENTS)}", f"name: {name}", f"aliases: {aliases}".rstrip() or "aliases:"]
            entry = f"{' ' * dash}-{' ' * width}" + f"\n{keys}".join(lines)
        gap = "".join(f"\n{line}" for line in draw(BETWEEN)) + "\n"
        parts = [*parts, gap, entry] if len(parts) > 1 else [parts[0] + gap, entry]
    tail = "".join(f"\n{line}" for line in draw(BETWEEN)) + draw(st.sampled_from(["", "\n", "\n\n"]))
    parts = [*parts, tail] if emails else [parts[0] + tail]
    eol = draw(st.sampled_from(["\n", "\r\n"]))
    return [part.replace("\n", eol) for part in parts], emails


def meaning(text):
    """Each entry of the file by address, as text, lists and dicts."""

    def plain(node):
        if isinstance(node, Scalar):
            return None if node.is_null else node.text
        if isinstance(node, Sequence):
            return [plain(item) for item in node.items]
        assert isinstance(node, Mapping)
        return {key.text: plain(value) for key, value in node.items}

    root, reader = parse(text.encode(), "directory/people.yaml")
    assert reader.problems == []
    return {entry["email"]: entry for entry in plain(root)["people"] or []}


@given(files(), st.data())
def test_every_other_byte_stays_and_the_file_says_what_was_given(file, data):
    parts, emails = file
    text = "".join(parts)
    asked = data.draw(st.lists(st.sampled_from([*emails, "new@x.edu", "other@x.edu"]), unique=True, max_size=4))
    values = st.fixed_dictionaries(
        {},
        optional={
            "name": WORDS.filter(lambda word: word.strip()),
            "department": st.sampled_from(["Math", "no", "012", "# x", "a: b"]),
            "aliases": st.lists(st.sampled_from(["x@y.edu", "z@y.edu", "a.p0@x.edu"]), min_size=1, unique=True),
        },
    )
    given_ = {email: data.draw(values) for email in asked}
    done = edited(text.encode(), "people", [{"email": email, **keys} for email, keys in given_.items()])
    result = done.data.decode()
    before, after = meaning(text), meaning(result)
    assert list(after) == [*emails, *(email for email in asked if email not in emails)] == [*emails, *done.added]
    for email, entry in after.items():
        for key in {"name", "department", "aliases"} & (entry.keys() | before.get(email, {}).keys()):
            said = given_.get(email, {}).get(key)
            old = before.get(email, {}).get(key)
            assert entry.get(key) in ((old, said) if said is not None else (old,)) or entry[key].strip() == said.strip()
            if said is not None and key == "department":
                assert entry[key] == said
    owned = zip(parts[1::2], emails, strict=True)
    kept = [".*" if email in done.changed else re.escape(part) for part, email in owned]
    *between, tail = parts[::2]
    pattern = "".join(re.escape(gap) + entry for gap, entry in zip(between, kept, strict=True))
    blank = len(tail.rstrip())
    end = f"{re.escape(tail[:blank])}{'.*' if done.added else ''}{re.escape(tail[blank:])}"
    assert re.fullmatch(pattern + end, result, re.DOTALL), result
    again = edited(done.data, "people", [{"email": email, **keys} for email, keys in given_.items()])
    assert (again.data, again.added, again.changed) == (done.data, (), {})
