"""The ledger of before the send, put back after it."""

import shutil
from pathlib import Path

copy = Path("copy.db")
if copy.exists():
    shutil.copyfile(copy, ".newsletter/state.db")
    for name in ("state.db-wal", "state.db-shm"):
        Path(".newsletter", name).unlink(missing_ok=True)
else:
    shutil.copyfile(".newsletter/state.db", copy)
