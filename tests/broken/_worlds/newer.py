"""The ledger as a newer program leaves it."""

import sqlite3
from contextlib import closing

with closing(sqlite3.connect(".newsletter/state.db")) as database:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    database.execute(f"PRAGMA user_version = {version + 1}")
