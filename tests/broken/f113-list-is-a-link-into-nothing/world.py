from pathlib import Path

Path("subscribers/avreg.CSV").symlink_to("borta.csv")
