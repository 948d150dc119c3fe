"""A folder in the place of the ledger."""

from pathlib import Path

Path(".newsletter/state.db").mkdir(parents=True)
