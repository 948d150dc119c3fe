"""Where this room keeps files of its own, relative to the project."""

BACKUPS = ".newsletter/backups"  # lists as they were before an import changed them
REJECTS = "out/import"  # rows that an import set aside, with the reason
PEOPLE = "out/people"  # what is held on somebody, written out for them
