"""Tags: the sieve in SQL and the judge in Python say the same, and the judge tolerates what it names."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openchargeback.focus.database import database, sql
from openchargeback.focus.opening import make_macros
from openchargeback.focus.tags import MALFORMED, TagValues, read_tags

KEYS = {"pi": "pi_email", "project": "project_id", "fund": "fund_org"}


def sieve(texts):
    """What tags.sql says of texts: text → (plain, pi, project, fund)."""
    with database() as con:
        make_macros(con)
        con.execute("CREATE TABLE given (Tags VARCHAR)")
        con.executemany("INSERT INTO given VALUES (?)", [[text] for text in texts])
        keys = list(KEYS.values())
        con.execute(
            sql("openchargeback.focus", "tags.sql", texts="SELECT Tags FROM given"),
            {"paths": [f"/{key}" for key in keys], "keys": keys, "folded": keys},
        )
        return {text: rest for text, *rest in con.execute("SELECT text, plain, pi, project, fund FROM tag").fetchall()}


keys = st.sampled_from([*KEYS.values(), "PI_email", " pi_email", "project_ID", "owner", "é", "pi_email\u00a0"])
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
@given(st.lists(texts.filter(bool), min_size=1, max_size=40))
def test_sieve_and_judge_agree(drawn):
    for text, (plain, *found) in sieve(drawn).items():
        judged = read_tags(text, KEYS)
        if plain:
            assert (judged.pi, judged.project, judged.fund) == tuple(found), text
            assert not judged.malformed, text
            assert judged.notes == (), text


def test_the_sieve_takes_plain_tags():
    text = '{"pi_email":"a@x.edu","project_id":"p","other":"é"}'
    assert sieve([text]) == {text: [True, "a@x.edu", "p", None]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", TagValues()),
        ("null", TagValues()),
        ('{"pi_email": " a "}', TagValues(pi="a")),
        ('"pi_email": "a"', TagValues(pi="a", notes=("tags-braces",))),
        ('{"PI_Email ": "a"}', TagValues(pi="a", notes=("tags-key-spelling",))),
        ('{"PI_Email": "b", "pi_email": "a"}', TagValues(pi="a", notes=("tags-key-spelling",))),
        ('{"pi_email": "a\\u0000b"}', MALFORMED),
        ('{"pi_email": "a",}', MALFORMED),
        ('{"pi_email": "", "PI_EMAIL": "b"}', TagValues(pi="b", notes=("tags-key-spelling",))),
        ('{"PI_Email": "a", "pi_EMAIL": "a"}', TagValues(pi="a", notes=("tags-key-spelling",))),
        ('{"PI_Email": "a", "pi_EMAIL": "b"}', MALFORMED),
        ('{"pi_email": "a", "pi_email": "a"}', TagValues(pi="a")),
        ('{"pi_email": "a", "pi_email": "b"}', MALFORMED),
        ('{"note": "\\ud800", "pi_email": "a"}', MALFORMED),
        ('{"note": "\\ud83d\\ude00", "pi_email": "a"}', TagValues(pi="a")),
        ('{"fund_org": 012}', MALFORMED),
        ('{"fund_org": true}', TagValues(fund="true", notes=("tags-not-text",))),
        ('{"fund_org": ["a"]}', MALFORMED),
        ('{"other": ["a"]}', TagValues()),
        ('[{"Key": "project_id", "Value": "p"}]', TagValues(project="p")),
        ('[{"Key": "project_id"}]', MALFORMED),
        ('"a"', MALFORMED),
        ("[" * 100_000, MALFORMED),
    ],
)
def test_judge(text, expected):
    assert read_tags(text, KEYS) == expected
