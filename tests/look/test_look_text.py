"""The text part of every letter: a letter of its own, read in a terminal of 72 columns."""

import itertools
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from lookbook.letters import Example, Letter, examples

COLUMNS = 72
ADDRESS = re.compile(r"https?://\S+")


@pytest.fixture(scope="module")
def all_letters(letters_in: Callable[[str], dict[tuple[str, str], Letter]]) -> dict[str, Letter]:
    return {f"{name} for {reader}": letter for (name, reader), letter in letters_in("ours").items()}


class Seen(HTMLParser):
    """Headings by their level, and the addresses of links, of the HTML part."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.headings: list[tuple[str, str]] = []
        self.addresses: list[str] = []
        self._level = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if (
            tag in ("h1", "h2", "h3") and dict(attrs).get("class") != "name"
        ):  # a block says its title in its way
            self._level = tag
            self.headings.append((tag, ""))
        if tag == "a":
            self.addresses.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._level:
            self._level = ""

    def handle_data(self, data: str) -> None:
        if self._level:
            self.headings[-1] = (self._level, f"{self.headings[-1][1]}{data}")


def test_no_line_is_wider_than_a_terminal(all_letters: dict[str, Letter]) -> None:
    for name, letter in all_letters.items():
        for line in letter.text.split("\n"):
            assert len(ADDRESS.sub("", line)) <= COLUMNS, (name, line)


class Paragraphs(HTMLParser):
    """The words of the HTML part: one line for what stands in one element, blanks that hold words together kept."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self._said = ""
        self.feed(html)

    @property
    def lines(self) -> str:
        said = self._said.replace("\N{NON-BREAKING HYPHEN}", "-")
        return re.sub(r" *\0[ \0]*", "\n", re.sub(r"[ \n\t]+", " ", said))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._said += "" if tag in ("a", "em", "strong", "span") else "\0"

    def handle_endtag(self, tag: str) -> None:
        self.handle_starttag(tag, [])

    def handle_data(self, data: str) -> None:
        self._said += data


def test_no_line_could_have_taken_the_next_word_of_its_paragraph(all_letters: dict[str, Letter]) -> None:
    seen = 0
    for name, letter in all_letters.items():
        said = Paragraphs(letter.html).lines
        lines = letter.text.split("\n")
        for line, following in itertools.pairwise(lines):
            around = [*line.removeprefix("> ").split()[-3:], *following.removeprefix("> ").split()[:1]]
            together = re.search("[ \N{NO-BREAK SPACE}]".join(map(re.escape, around)) + r"[^ \n]*", said)
            if len(around) < 3 or not following.strip() or not together:
                continue  # the end of a paragraph
            word = together[0].rpartition(" ")[2]
            assert len(line) + 1 + len(word) > COLUMNS, (name, line, following)
            seen += 1
    assert seen > len(all_letters)


def test_every_heading_is_seen(all_letters: dict[str, Letter]) -> None:
    signs = {"h1": "=", "h2": "-", "h3": "~"}
    for name, letter in all_letters.items():
        headings = Seen(letter.html).headings
        assert headings[0][0] == "h1", name
        for level, words in headings:
            assert re.search(
                rf"^{re.escape(words)}\n{signs[level]}{{{min(len(words), 60)},}}$", letter.text, re.MULTILINE
            ), (
                name,
                words,
            )


def test_links_stand_where_they_belong(all_letters: dict[str, Letter]) -> None:
    for name, letter in all_letters.items():
        outward = [one for one in Seen(letter.html).addresses if not one.startswith("#")]
        for address in outward[1:]:  # the first is the sender's name in the header
            assert address in letter.text, (name, address)
        assert letter.text.rstrip().splitlines()[-1].startswith("Avsluta prenumerationen: https://"), name


def test_nothing_of_tables_tags_or_tokens_is_left(all_letters: dict[str, Letter]) -> None:
    for name, letter in all_letters.items():
        assert not re.search(r"</?\w+[^>]*>|&\w+;|\{\{|\{%|\||\t|\S {2,}\S", letter.text), name
        assert not re.search(r"[ \t]$", letter.text, re.MULTILINE), name
        assert "\n\n\n" not in letter.text, name


@pytest.mark.parametrize("example", examples().values(), ids=lambda one: one.name)
def test_a_blocks_text_form_is_the_documented_one(
    example: Example, blocks_in: Callable[[str], dict[str, Letter]]
) -> None:
    text = blocks_in("ours")[example.name].text.replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith(f"{example.text}\n--\n")


def test_every_block_is_documented(project: Callable[[str], object]) -> None:
    from lookbook.letters import ROOT

    drawn = {path.stem for path in (ROOT / "templates" / "blocks").glob("*.mjml")}
    assert drawn - {"text", "picture", "button"} == examples().keys() - {"sections"}
    for name in examples():
        assert name == "sections" or (ROOT / "templates" / "blocks" / f"{name}.txt").is_file()
        assert (ROOT / "docs" / "pictures" / "blocks" / f"{name}.png").is_file()


def test_the_documented_fields_are_those_declared() -> None:
    from lookbook.letters import ROOT

    from newsletter.render.declarations import split_declaration

    page = (ROOT / "docs" / "blocks.md").read_text(encoding="utf-8")
    for name in examples().keys() - {"sections"}:
        said = re.search(rf"^## {name}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        assert said is not None
        rows = re.findall(r"^\| (`.+?`) \| `(.+?)` \|$", said[1], re.MULTILINE)
        documented = {field: kind for names, kind in rows for field in re.findall(r"`(\w+)`", names)}
        file = f"templates/blocks/{name}.mjml"
        declared, _ = split_declaration((ROOT / file).read_text(encoding="utf-8"), file=file)
        wanted = {
            field: f"{want.type}{'!' if want.required else ''}"
            + (f" {want.ratio}" if want.ratio else "")
            + (f" {want.width}px" if want.width else "")
            for field, want in declared.fields.items()
        }
        assert documented == wanted, name
