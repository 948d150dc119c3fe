"""A finding shows the author's line with a mark under the spot, whatever the line is made of."""

import pytest

from newsletter.cli.diagnostics import described, excerpt
from newsletter.errors import Place, Problem, Severity


@pytest.fixture
def project(tmp_path):
    def write(text: str | bytes, name: str = "a.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("line", "spot", "shown", "mark"),
    [
        ("Hej {{ nmn }} du", "{{", "Hej {{ nmn }} du", "    ^^^^^^^^^"),
        ("Ase\u030a {{ x }}", "{{", "Ase\u030a {{ x }}", "    ^^^^^^^"),  # a combining ring takes no cell
        ("\U0001f389 {{ x }}", "{{", "\U0001f389 {{ x }}", "   ^^^^^^^"),  # an emoji takes two
        ("東京 [x](y)", "[", "東京 [x](y)", "     ^^^^^^"),
        ("\t\t{{ x }}", "{{", "  {{ x }}", "  ^^^^^^^"),  # a tab is one cell here
        (
            "röd\x1b[31m {{ x }}",
            "{{",
            "röd [31m {{ x }}",
            "         ^^^^^^^",
        ),  # no escape reaches the terminal
        ('färg = "rödd"', '"', 'färg = "rödd"', "       ^^^^^^"),
        ('<mj-text wdth="1">', "wdth", '<mj-text wdth="1">', "         ^^^^^"),
        ("::: persn", ":::", "::: persn", "^^^^^^^^^"),
    ],
)
def test_the_mark_stands_under_the_spot_in_display_cells(line, spot, shown, mark, project):
    root = project(f"först\r\n{line}\r\nsist\r\n")
    place = Place("a.md", 2, line.index(spot) + 1)
    assert excerpt(root, place, 100) == [f"    2 │ {shown}", f"      │ {mark}"]


def test_a_long_line_is_cut_around_the_spot(project):
    line = "a " * 400 + "{{ nmn }}" + " b" * 400
    first, second = excerpt(project(line), Place("a.md", 1, 801), 80)
    assert len(first) <= 80
    assert first.index("{{ nmn }}") == second.index("^^^^^^^^^")
    assert first.startswith("    1 │ …")
    assert first.endswith("…")


def test_a_long_line_of_wide_signs_fits_as_well(project):
    from rich.cells import cell_len

    line = "東" * 300 + "{{ nmn }}" + "京" * 300
    first, second = excerpt(project(line), Place("a.md", 1, 301), 80)
    assert cell_len(first) <= 80
    assert cell_len(first.split("{{")[0]) == second.index("^")


def test_without_a_column_there_is_the_line_alone(project):
    assert excerpt(project("ett\ntvå\n"), Place("a.md", 2), 80) == ["    2 │ två"]


def test_the_place_behind_the_last_sign_can_be_marked(project):
    assert excerpt(project("x = 1"), Place("a.md", 1, 6), 80) == ["    1 │ x = 1", "      │      ^"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env", "SENDGRID_API_KEY=SG.hemligt"),
        (".newsletter/secret", "hemligt"),
        ("newsletter.toml", 'api_key = "SG.hemligt"'),
        ("newsletter.toml", 'smtp.Password = "hemligt"'),
        ("a.md", b"hemligt \xff"),
    ],
)
def test_no_secret_and_no_bytes_are_shown(name, text, project):
    assert excerpt(project(text, name), Place(name, 1, 1), 80) == []


@pytest.mark.parametrize(
    "place", [Place("b.md", 1, 1), Place("a.md", 9, 1), Place("a.md", 0, 1), Place("a.md")]
)
def test_where_there_is_no_line_there_is_no_excerpt(place, project):
    assert excerpt(project("ett\n"), place, 80) == []


def test_a_finding_is_what_where_the_line_the_way_out_and_more(project):
    problem = Problem("M101", "`nmn` is not known", Place("a.md", 1, 1), "name", severity=Severity.WARNING)
    assert described(problem, project("{{ nmn }}"), 80).split("\n") == [
        "warning  M101  `nmn` is not known   a.md:1:1",
        "    1 │ {{ nmn }}",
        "      │ ^^^^^^^^^",
        "   try:  name",
        "   more: newsletter explain M101",
    ]
