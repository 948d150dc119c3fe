"""A book in one paragraph."""

from pathlib import Path

file = Path("campaigns/hej.md")
file.write_text(file.read_text(encoding="utf-8") + "\n" + "Hej igen! " * 2001 + "\n", encoding="utf-8")
