"""The environment `live` names the ledger that is here, as after the first refused send."""

from pathlib import Path

from newsletter.delivery.ledger import open_ledger
from newsletter.files.project import Project
from newsletter.settings.load import load_settings

project = Project(Path.cwd())
store, _ = open_ledger(project, load_settings(project))
file = Path("newsletter.toml")
text = file.read_text(encoding="utf-8")
file.write_text(text.replace("[env.live]\n", f'[env.live]\nledger = "{store.ledger_id}"\n'), encoding="utf-8")
store.close()
