"""The authors' own HTML and CSS of a letter: every piece is there, in every branch, and its place is in their file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.check.workspace import Workspace
from newsletter.files.project import find_project
from newsletter.render.manuscript import Manuscript
from newsletter.render.passage import Language
from newsletter.settings.load import load_settings

ROOT = Path(__file__).resolve().parents[2]
BODY = """\
<mj-head><mj-style inline="inline">.a {{ color: #111111 }}</mj-style><mj-style>.b {{ color: #222222 }}</mj-style></mj-head>
  <mj-body>
    <mj-raw><div></mj-raw>
    <mj-text>{text}</mj-text>
    <mj-raw></div></mj-raw>"""


def workspace() -> Workspace:
    project = find_project(ROOT)
    return Workspace(project, load_settings(project))


def shipped() -> list[str]:
    project = workspace()
    sequences = project.catalogue.sequences.keys()
    return sorted(project.campaign_ids - sequences)


@pytest.mark.parametrize("name", shipped())
def test_the_place_of_every_piece_is_its_authors(name: str) -> None:
    project = workspace()
    written = project.compose(project.campaign(name)).written
    assert written
    assert len(written.passages) > 8
    for one in written.passages:
        shown = one.text.lstrip()
        place = written.place(one.at + len(one.text) - len(shown))
        assert place.line
        assert place.column
        lines = (ROOT / place.file).read_text(encoding="utf-8").splitlines()
        there = lines[place.line - 1][place.column - 1 :]
        assert there.startswith((shown[:4], "<h{{", "<p>{{", "{{", "{%")) or _is_markdown(place.file), (
            place,
            shown[:30],
        )


def _is_markdown(file: str) -> bool:
    return file.endswith((".md", ".toml"))


@pytest.fixture
def written(workshop: "Workshop") -> Callable[[str], Manuscript]:  # type: ignore[name-defined]  # noqa: F821
    def make(text: str) -> Manuscript:
        template = (workshop.folder / "templates" / "brev.mjml").read_text(encoding="utf-8")
        workshop.write("templates/brev.mjml", template.replace("<mj-body>", BODY.format(text=text), 1))
        found = workshop.compose().written
        assert isinstance(found, Manuscript)
        return found

    return make


def test_pieces_are_told_apart(written: Callable[[str], Manuscript]) -> None:
    found = written("<p>Hej</p>").passages
    kinds = [(one.language, one.component) for one in found[:4]]
    assert kinds == [
        (Language.INLINED, "mj-style"),
        (Language.STYLE, "mj-style"),
        (Language.HTML, "mj-raw"),
        (Language.HTML, "mj-text"),
    ]
    assert "".join(found[2].text.split()) == "<div></div>"


def test_a_piece_begins_where_it_says(written: Callable[[str], Manuscript]) -> None:
    manuscript = written("<p>Hej {{ subscriber.first_name }}, å!</p>")
    for one in manuscript.passages:
        assert manuscript.mjml[one.at : one.at + 3] == one.text[:3]
        assert len(one.text) <= len(manuscript.mjml) - one.at


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("A", {"A"}),
        ("A{% if subscriber.city %}B{% endif %}", {"AB", "A"}),
        ("{% if subscriber.city %}A{% else %}B{% endif %}C", {"AC", "BC"}),
        (
            "{% if subscriber.city %}A{% elif subscriber.first_name %}B{% else %}C{% endif %}",
            {"A", "B", "C"},
        ),
        ("{% if subscriber.city %}A{% endif %}{% if subscriber.city %}B{% endif %}", {"AB", ""}),
        ("{% if subscriber.city %}A{% if subscriber.first_name %}B{% endif %}{% endif %}", {"AB", "A", ""}),
        ("{% for tag in subscriber.tags %}A{% endfor %}", {"A", ""}),
    ],
)
def test_readings_are_what_readers_may_get(
    text: str, readings: set[str], written: Callable[[str], Manuscript]
) -> None:
    manuscript = written(f"<p>{text}</p>")
    piece = next(one for one in manuscript.passages if one.component == "mj-text" and "<p>" in one.text)
    found = [*manuscript.readings(piece)]
    assert {"".join(one.split()) for one in found} == {f"<p>{reading}</p>" for reading in readings}
    assert {len(one) for one in found} == {len(piece.text)}
    assert all(sign in piece.text for sign in "ABC" if any(sign in reading for reading in readings))


def test_many_conditions_are_read_each_way_and_not_all_together(written: Callable[[str], Manuscript]) -> None:
    text = "".join(f"{{% if subscriber.city == '{n}' %}}A{{% endif %}}" for n in range(12))
    manuscript = written(text)
    piece = next(one for one in manuscript.passages if one.component == "mj-text" and "A" in one.text)
    counts = sorted({one.count("A") for one in manuscript.readings(piece)})
    assert counts == [0, 1, 11, 12]
