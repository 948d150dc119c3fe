"""The MJML of each shipped letter as the official compiler takes it: bare content in its frames, no CSS to inline."""

import contextlib
import io
import json
import re
import tempfile
from pathlib import Path

from newsletter.cli.app import run
from newsletter.render.mjml.arrange import arrange
from newsletter.render.mjml.keeper import quotable
from newsletter.render.mjml.tree import Element, parse

ROOT = Path(__file__).resolve().parent.parent.parent
_TOKEN = re.compile(r"https://newsletter\.invalid/u/[\w-]+")  # new each time
JULY = "2015-07-03T09:00"


def shipped() -> list[str]:
    """The ids of all campaigns and steps."""
    listed = json.loads(_call("list", "--json"))["data"]["campaigns"]
    names = [row["name"] for row in listed]
    steps = sorted(path.stem for path in (ROOT / "campaigns" / "sju-tips").glob("*.md"))
    return [name for name in names if name != "sju-tips"] + [f"sju-tips/{step}" for step in steps]


def letter(name: str, *, sheet: bool = False) -> str:
    """The letter of the campaign's first reader as standard MJML.

    sheet: with the CSS that is to be inlined, which the official compiler hands to juice
    """
    root, _ = parse(_mjml(name))
    arrange(root)
    root.attributes.setdefault("lang", "sv")
    root.attributes.setdefault("dir", "ltr")
    head = root.find("mj-head")
    if head is not None and not sheet:
        head.children = [child for child in head.children if child.attributes.get("inline") != "inline"]
    return _written(root)


def raw(name: str) -> str:
    """The same before that, as our compiler gets it."""
    return _mjml(name)


def _written(element: Element, depth: int = 0) -> str:
    attributes = "".join(f' {name}="{quotable(value)}"' for name, value in element.attributes.items())
    children = "".join(f"\n{'  ' * depth}  {_written(child, depth + 1)}" for child in element.children)
    end = f"\n{'  ' * depth}" if children else ""
    return f"<{element.name}{attributes}>{element.body}{children}{end}</{element.name}>"


def _mjml(name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "letter.mjml"
        _call("--quiet", "render", name, "--format", "mjml", "--output", str(file))
        return _TOKEN.sub("https://example.org/u/token", file.read_text(encoding="utf-8"))


def _call(*arguments: str) -> str:
    """The program, in this process: starting one for each letter takes longer than the letter."""
    with contextlib.redirect_stdout(io.StringIO()) as told:
        code = run(["-C", str(ROOT), "--now", JULY, *arguments])
    if code:
        raise AssertionError(f"newsletter {' '.join(arguments)} ends with {code}: {told.getvalue()}")
    return told.getvalue()
