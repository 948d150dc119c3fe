from pathlib import Path

file = Path("campaigns/hej.md")
file.write_text(file.read_text(encoding="utf-8") + "\n## En till\n" * 301, encoding="utf-8")
