"""A film, larger than a letter takes."""

from pathlib import Path

Path("campaigns/film.mp4").write_bytes(b"film" * 3_000_000)
