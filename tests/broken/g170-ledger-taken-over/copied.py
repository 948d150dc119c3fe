"""The ledger is a copy of itself, as of a project that was copied."""

import shutil
from pathlib import Path

ledger = Path(".newsletter/state.db")
shutil.copy(ledger, "copy.db")
Path("copy.db").replace(ledger)
for name in ("state.db-wal", "state.db-shm"):
    ledger.with_name(name).unlink(missing_ok=True)
