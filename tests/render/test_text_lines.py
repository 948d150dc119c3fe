"""A text part settled stretch by stretch says what it says settled as a whole."""

from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.render.filling import HELD, OPEN, SEPARATOR, UNDERLINE, marked
from newsletter.render.text_part import TextLines, settled

MARK = marked("ett stycke som bryts när alla ord i det är kända, och ingen vet hur långt det blir för Åsa")
SIGNS = [
    "\n", "\n\n", "\n\n\n", " ", "\t", " \n", "a", "Åsa", "en rad\n", "en rad till\n", f"{UNDERLINE}-", HELD, "- ",
    MARK, f"{MARK}\n", f"{MARK}\n\n", f"{OPEN}  {SEPARATOR}två\nrader{SEPARATOR}", "ord " * 30,
]  # fmt: skip
HALVES = [OPEN, SEPARATOR, f"{OPEN}> {SEPARATOR}", f"ord{SEPARATOR}\n"]  # a filter cut them off
texts = st.lists(st.sampled_from(SIGNS), max_size=8).map("".join)
broken = st.lists(st.sampled_from([*SIGNS, *HALVES]), max_size=8).map("".join)


@given(
    st.lists(texts, min_size=1, max_size=5),
    st.lists(st.one_of(texts, broken), min_size=3, max_size=3),
    st.data(),
)
@example(["en rad\nannan\n", "\nrad\nrad\n"], ["\n\n", "", ""], None)
def test_stretches_say_what_the_whole_says(static: list[str], values: list[str], data: st.DataObject) -> None:
    said(static, values, data)


@given(st.lists(broken, min_size=1, max_size=5), st.lists(broken, min_size=3, max_size=3), st.data())
def test_likewise_where_marks_were_cut_off(static: list[str], values: list[str], data: st.DataObject) -> None:
    said(static, values, data)


def said(static: list[str], values: list[str], data: st.DataObject | None) -> None:
    number = len(static) - 1
    order = data.draw(st.lists(st.integers(0, 2), min_size=number, max_size=number)) if data else [0] * number
    whole = "".join((static[0], *(values[n] + piece for n, piece in zip(order, static[1:], strict=True))))
    assert TextLines(tuple(static), tuple(order)).settled(values) == settled(whole)


def test_what_is_everybodys_is_settled_once() -> None:
    """Else a letter of many lines is gone through for each of a hundred thousand readers."""
    still = "En rad.\nEn till.\n" * 50
    lines = TextLines(("Hej ", f"!\n\n{still}\nDu får detta på ", f".\n{still}"), (0, 1))
    assert [stretch.behind.count("\n") for stretch in lines.stretches] == [101, 100, 0]
