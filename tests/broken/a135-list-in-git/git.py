"""Somebody commits a list."""

import subprocess

subprocess.run(["git", "init", "-q"], check=True)
subprocess.run(["git", "add", "-A"], check=True)
