from pathlib import Path

file = Path("campaigns/tips/sequence.toml")
file.write_text(file.read_text(encoding="utf-8").replace('"ett"', '"forsta"'), encoding="utf-8")
Path("campaigns/tips/ett.md").rename("campaigns/tips/forsta.md")
