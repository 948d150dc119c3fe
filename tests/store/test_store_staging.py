"""Rows that wait to be merged: as they were put, in their order, in little memory however long they are."""

import csv
import io
import tracemalloc

import pytest

from newsletter.store.staging import Staging


@pytest.fixture
def staging(tmp_path):
    with Staging(tmp_path) as made:
        yield made


def put(staging, key, *cells, came_in=1, kept=1):
    staging.put(key, [key, *cells], came_in=came_in, kept=kept, sourced=0, proof="")


def written(staging, width):
    file = io.BytesIO()
    staging.write_rest(file, width)
    return list(csv.reader(io.StringIO(file.getvalue().decode("utf-8"), newline="")))


@pytest.mark.parametrize("length", [1_000, 16_000, 300_000])
def test_long_rows_do_not_wait_in_memory(staging, length):
    """None of them is too long to be taken; it is together that they would fill the machine."""
    tracemalloc.start()
    try:
        for number in range(12_000_000 // length):
            put(staging, f"kund{number}@example.org", "😀" * length)
        staging.settle()
        assert tracemalloc.get_traced_memory()[1] < 25_000_000
    finally:
        tracemalloc.stop()


def test_rows_come_back_as_they_were_put_whatever_their_length_and_width(staging):
    """A row is short, long, or wider than those before it, when columns came up; all get the width of the list."""
    rows = [
        [
            f"kund{number}@example.org",
            'Å"sa, 😀' * (9_000 if number % 701 == 0 else 1),
            *["x\ny"] * (number % 3),
        ]
        for number in range(2_500)
    ]
    for key, *cells in rows:
        put(staging, key, *cells)
    assert staging.settle() == 0
    assert [next(csv.reader([one.line])) for one in staging.rest() if one.line.count("\n") == 1] == [
        row for row in rows if len(row) == 2
    ]
    assert written(staging, 4) == [row + [""] * (4 - len(row)) for row in rows]


def test_of_several_rows_the_first_holds_and_a_no_of_any_of_them(staging):
    for number in range(1_500):
        put(staging, f"kund{number}@example.org", "first")
    put(staging, "kund0@example.org", "again")
    put(staging, "kund1@example.org", "no", came_in=0)
    put(staging, "kund2@example.org", "not kept", came_in=0, kept=0)
    assert staging.settle() == 3
    found = dict(written(staging, 2))
    assert (found["kund0@example.org"], found["kund1@example.org"]) == ("first", "no")
    assert "kund2@example.org" not in found
    assert list(found)[:2] == ["kund0@example.org", "kund1@example.org"]
    staging.mark_done(staging.find("kund1@example.org").no)
    assert staging.find("kund1@example.org") is None
    assert sum(number for *_, number in staging.count_rest()) == 1_499
