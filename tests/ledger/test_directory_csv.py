"""Lists of people, projects and funds: what they say, and every fault with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openchargeback.ledger.directory_csv import columns_of, read_list
from openchargeback.problems import UsageFault


def faults(text, path="people.csv", kind=None):
    data = text if isinstance(text, bytes) else text.encode()
    listed = read_list(data, path, kind)
    assert listed.rows == () or listed.problems == ()
    return [(p.code, p.line, p.column) for p in listed.problems]


def entries(text, path="people.csv", kind=None):
    listed = read_list(text.encode(), path, kind)
    assert listed.problems == ()
    return listed.kind, [(row.id, dict(row.entry), row.line) for row in listed.rows]


def test_a_list_of_people():
    """With the mark that Excel writes, its line ends, other case in the header, blank rows and empty cells."""
    text = (
        "\ufeff Email ,NAME,Department,aliases\r\n\r\n"
        'Ada@X.edu,"Okafor,\r\nAda",,a@x.edu; b@x.edu|\r\n,,,\r\nbo@x.edu,Bo,,\r\n'
    )
    assert entries(text) == (
        "people",
        [
            ("ada@x.edu", {"email": "Ada@X.edu", "name": "Okafor, Ada", "aliases": ["a@x.edu", "b@x.edu"]}, 3),
            ("bo@x.edu", {"email": "bo@x.edu", "name": "Bo"}, 6),
        ],
    )


def test_a_list_of_projects_names_accounts_and_resources():
    text = "id,pi,pis,fund,from,sub_account,resource\n007,a@x.edu,b@x.edu;c@x.edu,0012,2025-01-01,1|2,\nq,,;,,,,r 1\n"
    match = {"SubAccountId": ["1", "2"]}
    assert entries(text) == (
        "projects",
        [
            (
                "007",
                {
                    "id": "007",
                    "pi": "a@x.edu",
                    "pis": ["b@x.edu", "c@x.edu"],
                    "fund": "0012",
                    "from": "2025-01-01",
                    "match": match,
                },
                2,
            ),
            ("q", {"id": "q", "match": {"ResourceId": ["r 1"]}}, 3),
        ],
    )


def test_a_list_of_funds_in_the_words_of_another_system():
    text = "id,sponsor_type,status,department\nF-1,Federal,INACTIVE,null\n"
    row = {"id": "F-1", "sponsor_type": "federal", "status": "inactive", "department": "null"}
    assert entries(text) == ("funds", [("F-1", row, 2)])


@pytest.mark.parametrize(
    ("head", "path", "kind"),
    [
        ("email,name", "x.csv", "people"),
        ("id,fund", "x.csv", "projects"),
        ("id,title,sponsor_type", "projects.csv", "funds"),
        ("id,title", "lists/all-projects-2025.csv", "projects"),
        ("id,title", "Funds.csv", "funds"),
    ],
)
def test_the_columns_say_what_is_listed_and_else_the_name(head, path, kind):
    assert entries(f"{head}\n", path) == (kind, [])


def test_where_neither_says_it_the_person_must():
    with pytest.raises(UsageFault, match="projects or funds; choose one with --kind"):
        read_list(b"id,title\n", "list.csv")
    assert entries("id,title\n", "list.csv", "funds") == ("funds", [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("directory-csv", 0, 0)]),
        ("\n , \n", [("directory-csv", 0, 0)]),
        ("ada@x.edu,Ada\n", [("directory-csv", 1, 1)]),
        ("email;name\nada@x.edu;Ada\n", [("directory-csv", 1, 1)]),
        ("name,department\nAda,Math\n", [("directory-csv", 1, 1)]),
        ("email,phone,email,\na@x.edu,1,2,3\n", [("directory-csv", 1, column) for column in (7, 13, 19)]),
        (
            "email,name\na@x.edu,A,B\nb@x.edu\nc@x,C\nd,D\n",
            [("directory-csv", 2, 1), ("directory-csv", 3, 1), ("wrong-type", 5, 1)],
        ),
        ("email,name\n,A\n", [("directory-csv", 2, 1)]),
        ("email,name,aliases\na@x.edu,A,b\n", [("wrong-type", 2, 11)]),
        ("email\na@x.edu\nb@x.edu\n A@X.edu\n", [("duplicate-person", 4, 1)]),
        ("email,aliases\na@x.edu,b@x.edu\nb@x.edu,\n", [("duplicate-person", 3, 1)]),
        ("id,start\np,01/02/2025\nq,2025-02-30\n", [("wrong-type", 2, 3), ("wrong-type", 3, 3)]),
        ("id,from,until,fund\np,2025-02-01,2025-01-01,F\np,,,G\n", [("date-order", 2, 1), ("duplicate-project", 3, 1)]),
        ("id,sub_account\np,1\nq,1\n", [("duplicate-match", 3, 1)]),
        (
            "id,status,sponsor_type\nF,closed,nsf\nF,,\n",
            [("wrong-value", 2, 3), ("wrong-value", 2, 10), ("duplicate-fund", 3, 1)],
        ),
        (f"email,name\na@x.edu,{'x' * 1001}\n", [("too-long", 2, 9)]),
        ('email,name\na@x.edu,"A\n', [("directory-csv", 2, 1)]),
        ('email,name\na@x.edu,"A"B\n', [("directory-csv", 2, 1)]),
        ("email,name\na@x.edu,A\0\n", [("directory-csv", 2, 1)]),
        ("email,name\na@x.edu,Zo\xeb\n".encode("latin-1"), [("directory-csv", 2, 1)]),
        ("email,name\n".encode("utf-16"), [("directory-csv", 1, 1)]),
    ],
)
def test_every_fault_has_its_line(text, found):
    assert faults(text) == found


@given(st.sampled_from(["people", "projects", "funds"]), st.binary(max_size=60), st.text(max_size=60))
def test_whatever_stands_in_a_file_it_is_read_or_refused(kind, data, text):
    head = ",".join(columns_of(kind)).encode() + b"\n"
    for content in (data, head + data, head + text.encode("utf-8", "surrogatepass")):
        listed = read_list(content, "list.csv", kind)
        assert not (listed.rows and listed.problems)
