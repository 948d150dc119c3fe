"""Links and pictures of README and docs lead somewhere."""

import re

_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^ *(`{3,}).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")


def prose(text: str) -> str:
    return _CODE.sub("", _FENCED.sub("", text))


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_links_between_pages_resolve(page, docs):
    for target in _LINK.findall(prose(docs.text(page))):
        if target.startswith(("https://", "mailto:")):
            continue
        file, _, place = target.partition("#")
        found = (docs.root / page).parent / file if file else docs.root / page
        assert found.exists(), target
        if place:
            headings = re.findall(
                r"^#+ (.+)$", _FENCED.sub("", found.read_text(encoding="utf-8")), re.MULTILINE
            )
            assert place in {anchor(heading) for heading in headings}, target


def test_every_page_is_reached_from_the_readme(docs):
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        folder = (docs.root / page).parent
        for target in _LINK.findall(prose(docs.text(page))):
            found = (folder / target.partition("#")[0]).resolve()
            if found.suffix == ".md" and found.is_relative_to(docs.root):
                waiting.append(found.relative_to(docs.root).as_posix())
    assert set(docs.pages) - reached == set()


def test_the_picture_is_one_that_a_page_can_carry(docs):
    picture = docs.root / "docs" / "pictures" / "recap.png"
    assert picture.stat().st_size < 250_000
