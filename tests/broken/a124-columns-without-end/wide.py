"""A hundred thousand columns."""

from pathlib import Path

header = ",".join(["email", *(f"c{n}" for n in range(100_000))])
Path("subscribers/lista.csv").write_text(header + "\nasa@example.org\n", encoding="utf-8")
