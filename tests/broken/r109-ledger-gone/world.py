from pathlib import Path

for file in Path(".newsletter").glob("state.db*"):
    file.unlink()
