"""Renews what `check` knows of mail programs and of CSS: `python tools/update_caniemail.py`, by hand, needs npm.

Takes data files only out of two npm packages and writes them so that a diff can be read:

  newsletter/check/clients/caniemail.json  of each feature the newest verdict of each mail program, with the notes
                                           that it names; from `caniemail` (MIT), the data of https://www.caniemail.com
  newsletter/check/css.json                the names of CSS properties, and its units; from `mdn-data` (CC0)
"""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

CHECK = Path(__file__).parents[1] / "newsletter" / "check"
VERDICTS = "yanu"  # yes, almost (with what the notes say), no, unknown
NEVER_TESTED = "-"


def package(name: str, folder: Path) -> dict[str, bytes]:
    """The files of an npm package's newest version; package.json is among them."""
    (folder / name).mkdir()
    subprocess.run(["npm", "pack", f"{name}@latest", "--silent"], cwd=folder / name, check=True)
    (archive,) = (folder / name).glob("*.tgz")
    with tarfile.open(archive) as packed:
        members = [one for one in packed.getmembers() if one.isfile()]
        return {
            one.name.removeprefix("package/"): file.read()
            for one in members
            if (file := packed.extractfile(one)) is not None
        }


def caniemail(files: dict[str, bytes]) -> str:
    """The compact form: `support` has a letter for each of `clients`, `noted` the numbers of notes."""
    read = json.loads(files["data/caniemail.json"])
    clients = sorted(
        {
            f"{family} {platform}"
            for one in read["data"]
            for family, on in one["stats"].items()
            for platform in on
        }
    )
    head = {
        "origin": f"npm caniemail {version(files)}, data of https://www.caniemail.com",
        "licence": "MIT, see caniemail.LICENSE",
        "last_update_date": read["last_update_date"][:10],
        "clients": clients,
    }
    lines = [
        f" {json.dumps(one['slug'])}: {written(compact(one, clients))}"
        for one in sorted(read["data"], key=lambda one: one["slug"])
    ]
    opening = json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    features = ",\n".join(lines)
    return f'{opening},\n "features": {{\n{features}\n }}\n}}\n'


def compact(feature: dict[str, Any], clients: list[str]) -> dict[str, Any]:
    """The versions of a program stand in the order of time: the last one holds."""
    newest = {
        f"{family} {platform}": [*versions.values()][-1]
        for family, on in feature["stats"].items()
        for platform, versions in on.items()
    }
    if strange := {verdict[0] for verdict in newest.values()} - {*VERDICTS}:
        sys.exit(f"{feature['slug']}: unknown verdicts {strange}")
    noted = {name: re.findall(r"#(\d+)", verdict) for name, verdict in newest.items() if "#" in verdict}
    used = {number for numbers in noted.values() for number in numbers}
    notes = {number: text for number, text in (feature["notes_by_num"] or {}).items() if number in used}
    return {
        "title": feature["title"],
        "support": "".join(newest.get(name, NEVER_TESTED)[0] for name in clients),
        **({"noted": {name: " ".join(numbers) for name, numbers in sorted(noted.items())}} if noted else {}),
        **({"notes": notes} if notes else {}),
    }


def properties(files: dict[str, bytes]) -> str:
    """The names of CSS properties and units."""
    known = json.loads(files["css/properties.json"])
    table = {
        "origin": f"npm mdn-data {version(files)}",
        "licence": "CC0-1.0",
        "units": sorted(unit.lower() for unit in json.loads(files["css/units.json"])),
        "properties": sorted(name for name in known if name[0] != "-"),
    }
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"


def version(files: dict[str, bytes]) -> str:
    return str(json.loads(files["package.json"])["version"])


def written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        support = package("caniemail", Path(folder))
        names = package("mdn-data", Path(folder))
    (CHECK / "clients" / "caniemail.json").write_text(caniemail(support), encoding="utf-8")
    (CHECK / "clients" / "caniemail.LICENSE").write_bytes(support["LICENSE"])
    (CHECK / "css.json").write_text(properties(names), encoding="utf-8")


if __name__ == "__main__":
    main()
