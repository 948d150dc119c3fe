"""The only SQL: the ledger of runs, batches and outcomes, suppressions and enrolments."""
