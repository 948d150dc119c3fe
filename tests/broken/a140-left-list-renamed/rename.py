"""Somebody leaves the list alone, and then it is called otherwise."""

from pathlib import Path

Path("subscribers/lista.csv").rename("subscribers/kommuner.csv")
campaign = Path("campaigns/hej.md")
campaign.write_text(campaign.read_text("utf-8").replace('"lista"', '"kommuner"'), "utf-8")
