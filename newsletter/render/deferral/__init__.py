"""Compile once, merge per recipient: what depends on a reader is put off, and becomes numbered slots."""
