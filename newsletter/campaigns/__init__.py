"""Campaigns, sequences and the schedule: files to models, and pure rules of time."""
