"""A rule, a setting and a file of the text are others than in the rehearsal."""

from pathlib import Path

for name, before, after in (
    ("newsletter.toml", "https://brev.example.org", "https://post.example.org"),
    ("subscribers/segments.toml", "Visby", "Kiruna"),
    ("templates/plain.mjml", "Avregistrera", "Avsluta"),
):
    text = Path(name).read_text(encoding="utf-8")
    Path(name).write_text(text.replace(before, after), encoding="utf-8")
