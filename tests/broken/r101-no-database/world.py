"""A text in the place of the ledger."""

from pathlib import Path

Path(".newsletter").mkdir()
Path(".newsletter/state.db").write_text("det här är ingen databas\n" * 100, encoding="utf-8")
