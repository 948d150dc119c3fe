"""The program fails from now on, and its column is given a type."""

from pathlib import Path

Path("crm").write_text("raise SystemExit(1)\n", encoding="utf-8")
with Path("newsletter.toml").open("a", encoding="utf-8") as settings:
    settings.write('\n[attributes]\npoints = "number"\n')
