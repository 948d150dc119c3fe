"""A quote in `.env` that nobody closed."""

from pathlib import Path

Path(".env").write_text('SENDGRID_API_KEY="SG.abc\n', encoding="utf-8")
