"""Renew the golden files: each probe and each shipped letter through the official compiler (`make golden`)."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))


def official(letters: dict[str, str]) -> dict[str, str]:
    """Name -> HTML by npm mjml. Raises SystemExit when it finds anything wrong with one."""
    judge = ROOT / "tools" / "judge"
    if not (judge / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=judge, check=True)
    lines = "".join(json.dumps({"mjml": mjml}) + "\n" for mjml in letters.values())
    ran = subprocess.run(
        ["node", "mjml.mjs"], cwd=judge, input=lines, encoding="utf-8", stdout=subprocess.PIPE, check=True
    )
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    wrong = {
        name: answer["errors"] for name, answer in zip(letters, answers, strict=True) if answer["errors"]
    }
    if wrong:
        raise SystemExit(f"npm mjml finds fault: {wrong}")
    return {name: answer["html"] for name, answer in zip(letters, answers, strict=True)}


def main() -> None:
    from letters import letter, shipped
    from probes import PROBES

    written = {f"letters/{name.replace('/', '-')}": letter(name) for name in shipped()}
    inputs = {f"probes/{name}": mjml for name, mjml in PROBES.items()} | written
    for folder in ("probes", "letters"):
        (HERE / folder).mkdir(exist_ok=True)
        for path in (HERE / folder).iterdir():
            path.unlink()
    for name, mjml in written.items():
        (HERE / f"{name}.mjml").write_text(f"{mjml}\n", encoding="utf-8")
    for name, html in official(inputs).items():
        lines = [line.rstrip() for line in html.splitlines() if line.strip()]
        (HERE / f"{name}.html").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(PROBES)} probes, {len(written)} letters")


if __name__ == "__main__":
    main()
