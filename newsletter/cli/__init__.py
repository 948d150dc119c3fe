"""Click commands, one file per noun: parse, call, print."""
