from pathlib import Path

Path("subscribers/avreg.csv").mkdir()
