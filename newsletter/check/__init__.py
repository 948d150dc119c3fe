"""Everything that the files say, loaded once, and all findings about it."""
