"""Five lists of 450 columns each, none of which has the name of another."""

from pathlib import Path

for name in "abcde":
    header = ",".join(["email", *(f"{name}{n}" for n in range(450))])
    row = "asa@example.org" + "," * 450
    Path(f"subscribers/{name}.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
