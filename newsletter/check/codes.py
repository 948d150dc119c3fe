"""What each finding means: its code, a title, an explanation, as docs/problems.md has them."""

import functools
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import newsletter

_HEADING = re.compile(r"^## ([A-Z]\d{3}) (.+)$", re.MULTILINE)


@functools.cache
def explanations() -> Mapping[str, tuple[str, str]]:
    """Code -> title and text of each finding."""
    page = files("newsletter.check") / "problems.md"  # in a wheel; in a checkout the page itself
    if not page.is_file():
        page = Path(newsletter.__file__).parent.parent / "docs" / "problems.md"
    parts = _HEADING.split(page.read_text(encoding="utf-8"))[1:]
    return {
        code: (title, re.split(r"^# ", text, maxsplit=1, flags=re.MULTILINE)[0].replace("**", "").strip())
        for code, title, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    }
