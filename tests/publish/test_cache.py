"""The cache helps where it can, and is never believed against its own digests."""

import pytest

from openchargeback.publish.cache import Cache


def _files(folder):
    return [p for p in folder.rglob("*") if p.is_file() and p.name not in {".gitignore", "index.json"}]


def test_round_trip_and_kinds(tmp_path):
    folder = tmp_path / ".openchargeback" / "cache"
    Cache(folder).put("page", "k", b"data")
    assert Cache(folder).get("page", "k") == b"data"
    assert Cache(folder).get("pdf", "k") is None
    assert Cache(folder).get("pag", "ek") is None
    assert (folder / ".gitignore").read_text() == "*\n"


def test_empty_data_is_an_entry(tmp_path):
    Cache(tmp_path).put("page", "k", b"")
    assert Cache(tmp_path).get("page", "k") == b""


def test_asking_writes_nothing(tmp_path):
    cache = Cache(tmp_path / "cache")
    assert cache.get("page", "k") is None
    cache.prune()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda _: b"", lambda b: b"\0" * len(b)])
def test_a_damaged_entry_is_absent_and_can_be_put_again(tmp_path, damage):
    Cache(tmp_path).put("page", "k", b"data")
    (entry,) = _files(tmp_path)
    entry.write_bytes(damage(entry.read_bytes()))
    cache = Cache(tmp_path)
    assert cache.get("page", "k") is None
    cache.put("page", "k", b"data")
    assert cache.get("page", "k") == b"data"


def test_an_entry_in_the_place_of_another_is_absent(tmp_path):
    cache = Cache(tmp_path)
    cache.put("page", "one", b"1")
    (one,) = _files(tmp_path)
    cache.put("page", "two", b"2")
    (two,) = set(_files(tmp_path)) - {one}
    two.write_bytes(one.read_bytes())
    assert cache.get("page", "two") is None


def test_without_a_folder():
    cache = Cache(None)
    cache.put("page", "k", b"data")
    cache.prune()
    assert cache.get("page", "k") is None


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "cache")
    cache.put("page", "k", b"data")
    cache.prune()
    assert cache.get("page", "k") is None


def test_prune_drops_what_was_used_longest_ago(tmp_path):
    for key in "abc":
        cache = Cache(tmp_path)
        cache.put("page", key, b"data")
        cache.prune()
    cache = Cache(tmp_path)
    cache.put("page", "d", b"data")
    assert cache.get("page", "a") == b"data"
    cache.prune(most_unused=1)
    left = {key for key in "abcd" if Cache(tmp_path).get("page", key)}
    assert left == {"a", "c", "d"}


def test_prune_limits_bytes_but_keeps_all_that_was_used(tmp_path):
    old = Cache(tmp_path)
    for key in "abc":
        old.put("page", key, bytes(1000))
    old.prune()
    new = Cache(tmp_path)
    for key in "xyz":
        new.put("page", key, bytes(1000))
    new.prune(most_unused_bytes=2100)
    assert sum(Cache(tmp_path).get("page", key) is not None for key in "abc") == 2
    assert all(Cache(tmp_path).get("page", key) is not None for key in "xyz")


@pytest.mark.parametrize("index", ["", "[]", "{", '{"generation": "x", "last_used": {}}', '{"last_used": 1}'])
def test_prune_survives_a_damaged_index_and_left_overs(tmp_path, index):
    cache = Cache(tmp_path)
    cache.put("page", "k", b"data")
    (entry,) = _files(tmp_path)
    (entry.parent / "half.tmp").write_bytes(b"")
    (tmp_path / "index.json").write_text(index)
    (tmp_path / "README").write_text("someone's")
    Cache(tmp_path).prune()
    assert Cache(tmp_path).get("page", "k") == b"data"
    assert not (entry.parent / "half.tmp").exists()
    assert (tmp_path / "README").exists()
