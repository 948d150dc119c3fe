"""The documentation as data: pages, their fenced blocks, and the example files that they hold."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")))

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=ticks) *$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block; `words` is what stands behind the language, as `file=campaigns/x.md`."""

    page: str
    line: int
    language: str
    words: tuple[str, ...]
    body: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"

    def target(self, kind: str) -> str | None:
        """The file that the block is (`file`), or is put behind (`add`)."""
        return next(
            (word.removeprefix(f"{kind}=") for word in self.words if word.startswith(f"{kind}=")), None
        )


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    text, found = text_of(page), []
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        indent = len(match["indent"])
        body = "".join(
            line[indent:] if line[:indent].isspace() else line
            for line in match["body"].splitlines(keepends=True)
        )
        found.append(Block(page, text.count("\n", 0, match.start()) + 1, language, tuple(words), body))
    return found


def install_examples(page: str, project: Path) -> None:
    """Write a page's example files into a copy of the project."""
    for block in blocks_of(page):
        if target := block.target("file"):
            (project / target).parent.mkdir(parents=True, exist_ok=True)
            (project / target).write_text(block.body, encoding="utf-8")
        if target := block.target("add"):
            with (project / target).open("a", encoding="utf-8") as file:
                file.write(f"\n{block.body}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`page` is every page, `block` every block of commands, `example_page` every page with example files of a project."""
    blocks = [block for page in PAGES for block in blocks_of(page)]
    if "page" in metafunc.fixturenames:
        metafunc.parametrize("page", PAGES)
    if "block" in metafunc.fixturenames:
        run = [block for block in blocks if block.language in ("console", "sh")]
        metafunc.parametrize("block", run, ids=[block.name for block in run])
    if "example_page" in metafunc.fixturenames:
        files = [(block.page, block.target("file") or block.target("add")) for block in blocks]
        metafunc.parametrize(
            "example_page",  # a provider is no project's file: `check` does not read it, its recipe's tests do
            sorted({page for page, file in files if file and not file.startswith("newsletter/")}),
        )


@dataclass(frozen=True)
class Docs:
    """The pages for those tests that look at all of them."""

    root: Path = ROOT
    pages: tuple[str, ...] = PAGES

    def text(self, page: str) -> str:
        return text_of(page)

    def blocks(self, page: str) -> list[Block]:
        return blocks_of(page)

    def install_examples(self, page: str, project: Path) -> None:
        install_examples(page, project)


@pytest.fixture
def docs() -> Docs:
    return Docs()
