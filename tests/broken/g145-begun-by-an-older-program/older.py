"""The ledger as an older program leaves it: hashes of the files, and nothing of what they said."""

import json
import sqlite3
from contextlib import closing

with closing(sqlite3.connect(".newsletter/state.db")) as database:
    inputs = json.loads(database.execute("SELECT inputs FROM run").fetchone()[0])
    kept = {name: inputs[name] for name in ("sources", "rules", "provider", "lists")}
    database.execute("UPDATE run SET inputs = ?", [json.dumps(kept)])
    database.commit()
