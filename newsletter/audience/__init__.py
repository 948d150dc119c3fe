"""Subscribers, lists and the segment language: files to models, and pure rules."""
