"""The lists as loaded: a copy of subscribers/*.csv in SQLite, so that segments run as SQL over a million people."""
