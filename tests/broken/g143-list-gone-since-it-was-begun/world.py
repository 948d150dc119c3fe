from pathlib import Path

Path("subscribers/lista.csv").rename("lista.csv")
Path("subscribers/annan.csv").write_text("email\nannan@example.org\n", encoding="utf-8")
