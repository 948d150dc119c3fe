"""Every command in README and docs runs as it is written, in a fresh copy of the project, and prints what the page shows."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shown:
    """A command and the output that the page shows for it; None where it shows none."""

    arguments: list[str]
    output: str | None


def commands(block) -> list[Shown]:
    """`$ newsletter …` with its output in console, one command a line in sh."""
    if block.language == "sh":
        return [Shown(shlex.split(line)[1:], None) for line in block.body.splitlines() if line.strip()]
    found: list[Shown] = []
    for part in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        found.append(Shown(shlex.split(line)[1:], output))
    return found


def as_pattern(output: str) -> re.Pattern[str]:
    """What a page shows, as a pattern: a line `…` stands for any lines, `…` within a line for any text; blanks at
    the end of lines and the width of columns don't count."""
    lines = []
    for line in output.rstrip("\n").split("\n"):
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            words = (re.escape(word).replace("…", ".*?") for word in line.split())
            lines.append(r"\s*?" + r" +".join(words) + r" *\n" if line.strip() else r" *\n")
    return re.compile("".join(lines))


def test_a_block_does_what_it_shows(block, docs, shipped: Path, newsletter, monkeypatch):
    assert block.body.strip(), "an empty block"
    docs.install_examples(block.page, shipped)
    monkeypatch.chdir(shipped)
    for shown in commands(block):
        called = newsletter(*shown.arguments)
        assert called.code == 0, called.err or called.out
        if shown.output is not None:
            assert as_pattern(shown.output).fullmatch(called.out.replace("\u00a0", " ")), (
                f"newsletter {' '.join(shown.arguments)} prints\n{called.out}"
            )


def test_a_block_runs_nothing_but_newsletter(block):
    lines = block.body.splitlines()
    said = [line.removeprefix("$ ") for line in lines if block.language == "sh" or line.startswith("$ ")]
    assert said
    assert all(line.startswith("newsletter ") for line in said if line.strip())


def test_the_examples_of_a_page_are_whole(example_page, docs, shipped: Path, newsletter):
    docs.install_examples(example_page, shipped)
    called = newsletter("-C", shipped, "check", "--json")
    own = {
        target
        for block in docs.blocks(example_page)
        if (target := block.target("file") or block.target("add"))
    }
    told = [problem for problem in called.data["problems"] if problem["severity"] != "hint"]
    assert [problem for problem in told if problem["file"] in own] == []


def test_a_finding_that_a_page_shows_is_told_in_these_words(docs):
    shown = [block for page in docs.pages for block in docs.blocks(page) if block.target("broken")]
    assert shown
    for block in shown:
        told = docs.root / "tests" / "broken" / block.target("broken") / "expected.txt"
        assert block.body in told.read_text(encoding="utf-8"), block.name


def test_every_shipped_command_line_of_the_demo_is_one_that_the_readme_shows():
    """The README's excerpt is what `make demo` runs."""
    demo = (Path(__file__).parents[2] / "tools" / "demo.sh").read_text(encoding="utf-8")
    assert 'send "$name" --dry-run --out "out/dry-run/$name" --now "$now"' in demo
    assert 'send "$name" --expect-plan "out/dry-run/$name/plan.json" --now "$now"' in demo
