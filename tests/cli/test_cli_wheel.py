"""The wheel has what the program reads beside its modules."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_carries_its_data_and_its_explanations(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        page = packed.read("newsletter/check/problems.md")
    package = ROOT / "newsletter"
    data = {
        f.relative_to(ROOT).as_posix()
        for f in package.rglob("*")
        if f.is_file() and "__pycache__" not in f.parts
    }
    assert data <= names
    assert page == (ROOT / "docs" / "problems.md").read_bytes()
