from pathlib import Path

Path("subscribers/lista.csv").write_text("email,first_name,city\n", encoding="utf-8")
