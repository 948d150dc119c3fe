"""The author writes on."""

from pathlib import Path

file = Path("campaigns/hej.md")
file.write_text(file.read_text(encoding="utf-8") + "\nOch mer.\n", encoding="utf-8")
