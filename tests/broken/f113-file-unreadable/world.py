"""A folder in the place of `.env`."""

from pathlib import Path

Path(".env").mkdir()
