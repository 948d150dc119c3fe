"""File-based email campaigns: drafted as files, rehearsed completely, sent once to each."""

__version__ = "0.1.0"
