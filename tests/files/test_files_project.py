"""A project's files: which paths belong to it, and how text is read."""

import os
from pathlib import Path

import pytest

from newsletter.errors import ChecksFailed, ConfigurationFault, Place, Problem
from newsletter.files.project import Project, find_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "projekt å"
    root.mkdir()
    (root / "newsletter.toml").touch()
    return find_project(root)


def problem_of(caught: pytest.ExceptionInfo[ChecksFailed]) -> Problem:
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    "written",
    ["/etc/passwd", "../x", "a/../../x", "a/../b", "C:\\x", "C:/x", "a\\b", "~/x", "a\0b", "ut/x", "loop/x"],
)
def test_no_path_leaves_the_project(project: Project, tmp_path: Path, written: str) -> None:
    (project.root / "ut").symlink_to(tmp_path)
    (project.root / "loop").symlink_to("loop")
    with pytest.raises(ChecksFailed) as caught:
        project.path(written, place=Place("c.md", 4, 12))
    assert (problem_of(caught).code, problem_of(caught).place) == ("F111", Place("c.md", 4, 12))


def test_paths_inside_are_fine_also_links_and_files_to_come(project: Project) -> None:
    (project.root / "a").mkdir()
    (project.root / "link").symlink_to("a")
    assert project.path("link/new.txt") == project.root / "link" / "new.txt"
    assert project.relative(project.path("link/new.txt")) == "link/new.txt"
    assert project.path("..data/x") == project.root / "..data" / "x"


def test_files_are_found_in_order_without_leftovers(project: Project) -> None:
    for name in ("b.md", "a/c.md", "a/.#c.md", ".git/x.md", "a/x.txt"):
        path = project.root / "campaigns" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (project.root / "campaigns" / "folder.md").mkdir()
    (project.root / "campaigns" / "dangling.md").symlink_to("nowhere")
    assert project.find("campaigns", "**/*.md") == ["campaigns/a/c.md", "campaigns/b.md"]
    assert project.find("campaigns", "*.md") == ["campaigns/b.md"]
    assert project.find("nowhere", "*") == []


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("\ufeffHej å\r\nrad\rrad\n".encode(), "Hej å\nrad\nrad\n"),
        ("🌹".encode(), "🌹"),
    ],
)
def test_text_is_utf8_with_plain_line_ends(project: Project, data: bytes, text: str) -> None:
    (project.root / "a.md").write_bytes(data)
    assert project.read_text("a.md") == text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            "email\r\nåsa,Visby\rHej på dig".encode("cp1252").replace(b"\xe5sa", "åsa".encode()),
            (
                "error    F112  byte 0xE5 is no UTF-8; in Windows-1252 (cp1252) it is “å”   l.csv:3:6\n"
                "   try:  save the file as UTF-8 (Excel: “CSV UTF-8”), or: "
                "iconv -f CP1252 -t UTF-8 l.csv > new && mv new l.csv"
            ),
        ),
        (
            "email\nå".encode("utf-16"),
            (
                "error    F112  the file is UTF-16, not UTF-8   l.csv:1:1\n"
                "   try:  save the file as UTF-8 (Excel: “CSV UTF-8”), or: "
                "iconv -f UTF-16 -t UTF-8 l.csv > new && mv new l.csv"
            ),
        ),
        (
            "email\na".encode("utf-16-le"),
            (
                "error    F112  the file looks like UTF-16LE, not UTF-8   l.csv:1:1\n"
                "   try:  save the file as UTF-8 (Excel: “CSV UTF-8”), or: "
                "iconv -f UTF-16LE -t UTF-8 l.csv > new && mv new l.csv"
            ),
        ),
        (
            b"a\nb\0c",
            (
                "error    F112  a NUL character: this is no text file   l.csv:2:2\n"
                "   try:  save the file as UTF-8 (Excel: “CSV UTF-8”)"
            ),
        ),
        (
            "\ufeffé".encode() + b"\x81",
            "error    F112  byte 0x81 is no UTF-8   l.csv:1:2\n   try:  save the file as UTF-8 (Excel: “CSV UTF-8”)",
        ),
    ],
)
def test_what_is_no_utf8_is_told_with_the_way_out(project: Project, data: bytes, told: str) -> None:
    (project.root / "l.csv").write_bytes(data)
    with pytest.raises(ChecksFailed) as caught:
        project.read_text("l.csv")
    assert problem_of(caught).as_text() == told


def test_a_missing_file_names_the_one_that_is_meant(project: Project) -> None:
    (project.root / "bild").mkdir()
    (project.root / "bild" / "mattias.jpg").touch()
    with pytest.raises(ChecksFailed) as caught:
        project.read_bytes("bild/matias.jpg", place=Place("c.md", 9, 3))
    assert problem_of(caught).as_text() == (
        "error    F113  there is no file `bild/matias.jpg`   c.md:9:3\n   try:  did you mean `bild/mattias.jpg`?"
    )
    with pytest.raises(ChecksFailed) as caught:
        project.read_bytes("bild")
    assert problem_of(caught).message == "`bild` can't be read: it is a folder"


def test_a_pipe_is_refused_and_not_waited_for(project: Project) -> None:
    os.mkfifo(project.root / "avreg.csv")
    with pytest.raises(ChecksFailed) as caught:
        project.read_bytes("avreg.csv")
    assert problem_of(caught).message == "`avreg.csv` can't be read: it is no file"


def test_entries_pass_over_nothing_that_might_be_meant(project: Project) -> None:
    folder = project.root / "subscribers"
    folder.mkdir()
    (folder / "a.csv").touch()
    (folder / "B.CSV").mkdir()
    (folder / "c.csv").symlink_to("borta.csv")
    (folder / ".dold.csv").touch()
    (folder / "d.txt").touch()
    assert project.entries("subscribers", ".csv") == [
        "subscribers/B.CSV",
        "subscribers/a.csv",
        "subscribers/c.csv",
    ]


def test_only_the_folder_itself_is_the_project(project: Project, tmp_path: Path) -> None:
    below = project.root / "campaigns"
    below.mkdir()
    for start, hint in [
        (below, f"newsletter -C {project.root} …"),
        (tmp_path, "newsletter -C DIR …, with the folder that holds newsletter.toml"),
        (tmp_path / "no", "newsletter -C DIR …, with the folder that holds newsletter.toml"),
    ]:
        with pytest.raises(ConfigurationFault) as caught:
            find_project(start)
        assert [(p.code, p.hint) for p in caught.value.problems] == [("F110", hint)]


def test_a_link_to_the_project_is_the_project(project: Project, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project.root)
    assert find_project(tmp_path / "link").root == Path(os.path.realpath(project.root))
