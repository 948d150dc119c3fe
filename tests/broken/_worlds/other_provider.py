"""The same environment gets another provider in the middle of a send."""

from pathlib import Path

file = Path("newsletter.toml")
text = file.read_text(encoding="utf-8")
file.write_text('provider = "sendgrid"\npublic_url = "https://brev.example.org"\n' + text, encoding="utf-8")
