from pathlib import Path

Path("out").write_text("", encoding="utf-8")
