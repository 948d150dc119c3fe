"""A line that never ends."""

from pathlib import Path

Path("subscribers/lista.csv").write_text("email,note\nasa@example.org," + "x" * 3_000_000, encoding="utf-8")
