"""One more person on the list."""

from pathlib import Path

file = Path("subscribers/lista.csv")
file.write_text(file.read_text(encoding="utf-8") + "ny@example.org,Ny,Visby\n", encoding="utf-8")
