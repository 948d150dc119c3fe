"""A quote that opens a cell and never closes it."""

from pathlib import Path

Path("in.csv").write_text('email\n"' + "asa@example.org\n" * 70_000, encoding="utf-8")
