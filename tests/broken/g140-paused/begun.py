import runpy
from pathlib import Path

from newsletter.store.store import open_store

runpy.run_path(str(Path(__file__).parent.parent / "_worlds" / "dies.py"))
with open_store(Path(".newsletter/state.db")) as store:
    store.set_state(store.runs("local")[0].id, "paused")
