"""What an author got wrong in TOML, in plain words with the line as it should be."""

import re

from newsletter.files.places import Lines


def explain(text: str, reason: str) -> tuple[int, int, str, str]:
    """Line, column (from 1, within the text), message and hint for what tomllib refused with this reason."""
    found = re.search(r"\(at line (\d+), column (\d+)\)", reason)
    lines = Lines(text)
    if found:
        line, column = int(found[1]), int(found[2])
    else:
        line, column = lines.at(len(text.rstrip("\n")))
    return line, column, reason.partition(" (at")[0], ""
