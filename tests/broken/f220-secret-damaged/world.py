"""Somebody cut the secret short."""

from pathlib import Path

Path(".newsletter").mkdir()
Path(".newsletter/secret").write_text("kort\n", encoding="utf-8")
