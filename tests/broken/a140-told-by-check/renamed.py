"""Somebody gives a list another name."""

from pathlib import Path

Path("subscribers/partner.csv").rename("subscribers/partners.csv")
