"""Export and import are each other's opposite."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from tests.people.lists import numbers

WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="\ufeff"), max_size=8
)
CELL = st.one_of(
    WORD,
    st.sampled_from(
        [
            "=1+1",
            "'=x",
            "''-",
            "+46 498 12",
            "-3.5",
            "@a",
            "a;b",
            'a"b',
            "a,b",
            "å\nä",
            "'t Hart",
            "-",
            "+",
            "0123",
        ]
    ),
)
POINTS = st.sampled_from(["", "3", "3.5", "-0.25", "10"])


@pytest.mark.parametrize("dialect", ["rfc4180", "excel-sv"])
@given(people=st.lists(st.tuples(CELL, CELL, POINTS), min_size=1, max_size=6))
@profile(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_export_and_import_give_the_same_list(small, newsletter, dialect, people):
    settings = small / "newsletter.toml"
    if "[attributes]" not in settings.read_text("utf-8"):
        text = (
            settings.read_text("utf-8") + '\n[attributes]\npoints = "number"\n[list.ny]\nbasis = "member"\n'
        )
        settings.write_text(text, encoding="utf-8")
    subscribers = small / "subscribers"
    (subscribers / "ny.csv").unlink(missing_ok=True)
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["first_name", "email", "note", "points", "status"])
    statuses = ("", "pending", "unsubscribed", "cleaned", "subscribed")
    for number, (name, note, points) in enumerate(people):
        writer.writerow([name, f"p{number}@example.org", note, points, statuses[number % 5]])
    (subscribers / "ny.csv").write_text(written.getvalue(), encoding="utf-8", newline="")
    out = small.parent / "out.csv"
    assert (
        newsletter(
            "-C", small, "export", "subscribers", "--list", "ny", "-o", out, "--csv-dialect", dialect
        ).code
        == 0
    )
    (subscribers / "ny.csv").unlink()
    (small / ".newsletter" / "state.db").unlink(missing_ok=True)
    called = newsletter("-C", small, "import", out, "--list", "ny", "--encoding", "utf-8")
    assert called.code == 0, called.err
    assert (subscribers / "ny.csv").read_text(encoding="utf-8") == written.getvalue()


def test_a_lone_carriage_return_in_a_cell_breaks_no_row(small, bring, call):
    """Excel on a Mac breaks lines in a cell so; unquoted it would end the row, and who follows would be somebody else."""
    cell = "rad ett\rrad två"
    text = f'email,note\r\nasa@example.org,"{cell}"\r\nbo@example.org,"{cell},x"\r\nbad,"{cell}"\r\n'
    called = bring(text, source=("--consent-source", "Mässan"))
    assert numbers(called) == {"new": 2, "rejected": 1}, called.err
    with (small / "subscribers" / "ny.csv").open(encoding="utf-8", newline="") as file:
        assert [row["note"] for row in csv.DictReader(file)] == [cell, f"{cell},x"]
    with (small / called.data["rejects_file"]).open(encoding="utf-8", newline="") as file:
        assert [row["note"] for row in csv.DictReader(file)] == [cell]
    bring("email,note,city\r\nasa@example.org,,Visby\r\n", name="more.csv")
    with (small / "subscribers" / "ny.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["note"], row["city"]) for row in csv.DictReader(file)] == [
            (cell, "Visby"),
            (f"{cell},x", ""),
        ]
    assert call("segment", "count", "ny", "--json").data["count"] == 2, (
        "no line of a cell is a row of its own"
    )
