"""Plan, rehearsal, claim, send and resolve."""
