from pathlib import Path

file = Path("campaigns/hej.md")
brackets = "(" * 3000 + "1" + ")" * 3000
file.write_text(file.read_text(encoding="utf-8") + f"{{{{ {brackets} }}}}\n", encoding="utf-8")
