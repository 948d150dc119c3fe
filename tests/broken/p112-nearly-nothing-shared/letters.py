"""Six readers, each with a long text of their own."""

from pathlib import Path

rows = "".join(f"p{n}@example.org,P{n},{f'Text {n} ' * 200}\n" for n in range(6))
Path("subscribers/lista.csv").write_text("email,first_name,about\n" + rows, encoding="utf-8")
file = Path("campaigns/hej.md")
file.write_text(file.read_text(encoding="utf-8") + "\n{{ subscriber.about }}\n", encoding="utf-8")
