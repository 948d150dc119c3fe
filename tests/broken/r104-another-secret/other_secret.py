from pathlib import Path

Path(".newsletter/secret").write_text("x" * 40 + "\n", encoding="ascii")
