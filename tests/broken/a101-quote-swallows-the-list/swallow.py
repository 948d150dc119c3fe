"""A quote that is never closed, above half a million rows."""

from pathlib import Path

rows = "bo@example.org,Bo\n" * 100_000
Path("subscribers/lista.csv").write_text('email,note\nasa@example.org,"Åsa\n' + rows, encoding="utf-8")
