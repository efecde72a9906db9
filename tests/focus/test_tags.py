"""Tags: SQL and Python read plain texts alike, and Python tolerates what it names."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openchargeback.focus.database import database
from openchargeback.focus.opening import make_macros
from openchargeback.focus.tag_table import make_tag_table
from openchargeback.focus.tags import TagValues, read_tags

KEYS = {"pi": ("pi_email",), "project": ("project_id",), "fund": ("fund_org",)}
SEVERAL = {"pi": ("owner", "pi_email"), "project": ("project_ID", "project_id"), "fund": ("fund_org",)}


def in_sql(texts, keys=KEYS):
    """What tags.sql says of texts: text → (plain, pi, project, fund)."""
    with database() as con:
        make_macros(con)
        con.execute("CREATE TABLE given (Tags VARCHAR)")
        con.executemany("INSERT INTO given VALUES (?)", [[text] for text in texts])
        make_tag_table(con, [keys], "SELECT 0 AS key_set, Tags AS tags FROM given")
        return {text: rest for text, *rest in con.execute("SELECT text, plain, pi, project, fund FROM tag").fetchall()}


keys = st.sampled_from(
    [
        "pi_email",
        "project_id",
        "fund_org",
        "PI_email",
        " pi_email",
        "pi_ email",
        "project_ID",
        "owner",
        "é",
        "pi_email\u00a0",
    ]
)
values = st.one_of(
    st.sampled_from(["a@x.edu", "", " ", " p ", "\u00a0p", "p\t", "x\x7f", "null", "é", "\\", '"']),
    st.text(max_size=4), st.none(), st.booleans(), st.integers(), st.floats(), st.just({}), st.just(["a"]),
)  # fmt: skip
pairs = st.lists(st.tuples(keys, values), max_size=5)


def text_of(drawn, ascii_only):
    # NUL cannot stand in a cell: the reader refuses such a file.
    parts = (f"{json.dumps(k, ensure_ascii=ascii_only)}: {json.dumps(v, ensure_ascii=ascii_only)}" for k, v in drawn)
    return ("{" + ", ".join(parts) + "}").replace("\x00", "")


texts = st.builds(text_of, pairs, st.just(True)) | st.text('{}[]":, ap_\\nul01-', max_size=12)


@settings(max_examples=30, deadline=None)
@given(st.lists(texts.filter(bool), min_size=1, max_size=40), st.sampled_from([KEYS, SEVERAL]))
def test_sql_and_python_agree(drawn, wanted):
    for text, (plain, *found) in in_sql(drawn, wanted).items():
        values = read_tags(text, wanted)
        if plain:
            assert (values.pi, values.project, values.fund) == tuple(found), text
            assert not values.malformed, text
            assert values.notes == (), text


def test_sql_reads_plain_tags():
    text = '{"pi_email":"a@x.edu","project_id":"p","other":"é"}'
    assert in_sql([text]) == {text: [True, "a@x.edu", "p", None]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", TagValues()),
        ("null", TagValues()),
        ('{"pi_email": " a "}', TagValues(pi="a")),
        ('"pi_email": "a"', TagValues(pi="a", notes=("tags-braces",))),
        ('{"PI_Email ": "a"}', TagValues(pi="a", notes=("tags-key-spelling",))),
        ('{"pi_ email": "a"}', TagValues(pi="a", notes=("tags-key-spelling",))),
        ('{"PI_Email": "a", "pi_email": "a"}', TagValues(pi="a", notes=("tags-key-spelling",))),
        ('{"pi_email": "a@x", "PI_Email": "A@X"}', TagValues(pi="a@x", notes=("tags-key-spelling",))),
        ('{"pi_email": "", "PI_EMAIL": "b"}', TagValues(pi="b", notes=("tags-key-spelling",))),
        ('{"pi_email": "b", "PI_EMAIL": " "}', TagValues(pi="b", notes=("tags-key-spelling",))),
        ('{"PI_EMAIL": ""}', TagValues()),
        ('{"PI_Email": "a", "pi_EMAIL": "a"}', TagValues(pi="a", notes=("tags-key-spelling",))),
        ('{"pi_email": "a", "pi_email": "a"}', TagValues(pi="a")),
        ('{"note": "\\ud83d\\ude00", "pi_email": "a"}', TagValues(pi="a")),
        ('{"fund_org": true}', TagValues(fund="true", notes=("tags-not-text",))),
        ('{"other": ["a"]}', TagValues()),
        ('[{"Key": "project_id", "Value": "p"}]', TagValues(project="p")),
    ],
)
def test_odd_tags(text, expected):
    assert read_tags(text, KEYS) == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"pi_email": "a", "pi_email": "b"}', "pi_email has two values: a and b"),
        ('{"PI_Email": "b", "pi_email": "a"}', 'pi_email has two values: b (as "PI_Email") and a'),
        ('{"pi_EMAIL": "a", " pi_email": "b"}', 'pi_email has two values: a (as "pi_EMAIL") and b (as " pi_email")'),
        ('{"fund_org": "F1", "FUND_ORG": "f1"}', 'fund_org has two values: F1 and f1 (as "FUND_ORG")'),
        ('{"fund_org": 1, "fund_org": 2, "Fund_org": 3}', 'fund_org has 3 values: 1, 2 and 3 (as "Fund_org")'),
        ('{"pi_email": "a\\nb"}', "pi_email contains a line break"),
        ('{"pi_email": "a\\u0000b"}', "pi_email contains a control character"),
        ('{"fund_org": ["a"]}', "fund_org is a list"),
        ('{"pi_email": "a", " Pi_email": {}}', '" Pi_email" is an object'),
        ('{"pi_email": "a" "project_id": "b"}', "not JSON: expecting ',' at character 18"),
        (' {"pi_email": "a', "not JSON: unterminated string at character 15"),
        ("pi_email=ada", "not JSON: expecting value at character 1"),
        ('{"fund_org": 012}', "not JSON: expecting ',' at character 15"),
        ('{"note": "\\ud800", "pi_email": "a"}', "not JSON: an escape sequence is half a character"),
        ("[" * 100_000, "not JSON: too deeply nested"),
        ('"a"', "a string, not a JSON object"),
        ("[1]", "a list, not a JSON object"),
        ("12", "a number, not a JSON object"),
        ("false", "true or false, not a JSON object"),
        ('[{"Key": "project_id"}]', "a list whose items are not all pairs of Key and Value"),
    ],
)
def test_malformed_tags_say_what_is_wrong(text, fault):
    assert read_tags(text, KEYS) == TagValues(malformed=True, fault=fault)


def test_a_key_configured_for_another_field_is_no_variant():
    keys = {"pi": ("owner",), "project": ("Owner",), "fund": ("fund",)}
    assert read_tags('{"owner": "a", "Owner": "p"}', keys) == TagValues(pi="a", project="p")


def test_a_comma_behind_the_last_member_is_no_json():
    assert read_tags('{"pi_email": "a",}', KEYS).fault.startswith("not JSON: ")


@pytest.mark.parametrize(
    ("text", "pi", "notes"),
    [
        ('{"owner": "a", "pi_email": "b"}', "a", ()),
        ('{"pi_email": "b"}', "b", ()),
        ('{"owner": " ", "pi_email": "b"}', "b", ()),
        ('{"owner": null, "pi_email": "b"}', "b", ()),
        ('{"Owner": "a", "pi_email": "b"}', "a", ("tags-key-spelling",)),
        ('{"owner": "a", "pi_email": ["b"]}', "a", ()),
        ('{"owner": "a", "pi_email": "b", "PI_EMAIL": "c"}', "a", ()),
    ],
)
def test_of_several_keys_the_first_one_with_a_value_wins(text, pi, notes):
    assert read_tags(text, SEVERAL) == TagValues(pi=pi, notes=notes)
    ((plain, found, *_),) = in_sql([text], SEVERAL).values()
    assert (not plain) or found == pi


def test_a_key_among_several_is_no_variant_of_another():
    text = '{"project_ID": "", "project_id": "p"}'
    assert read_tags(text, SEVERAL) == TagValues(project="p")
    assert in_sql([text], SEVERAL) == {text: [True, None, "p", None]}
