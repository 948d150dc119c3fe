"""The cron tick: what is due, what is late, who enters a sequence."""
