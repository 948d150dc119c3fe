"""What a rehearsal found, as numbers, files and a page."""
