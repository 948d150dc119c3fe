"""The next day the program prints fewer."""

from pathlib import Path

file = Path("crm")
file.write_text(file.read_text(encoding="utf-8").replace("range(10)", "range(7)"), encoding="utf-8")
