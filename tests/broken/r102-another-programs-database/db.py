import sqlite3
from pathlib import Path

Path(".newsletter").mkdir()
database = sqlite3.connect(".newsletter/state.db")
database.execute("CREATE TABLE birds (name TEXT)")
database.commit()
database.close()
