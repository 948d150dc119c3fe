from pathlib import Path

Path("campaigns/hej.md").rename("campaigns/nytt.md")
