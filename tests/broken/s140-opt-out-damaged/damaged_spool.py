"""What a broken disk leaves of an opt-out that waited to be taken in."""

from pathlib import Path

folder = Path(".newsletter/spool")
folder.mkdir()
(folder / "00000000000000000001-00000000.json").write_text('[["', encoding="utf-8")
