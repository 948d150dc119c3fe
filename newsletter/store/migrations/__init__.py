"""The steps from an empty database to this program's, one module a step; a published step never changes."""
