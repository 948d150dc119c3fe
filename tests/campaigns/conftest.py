"""A project of real files, and what its campaigns/ come to."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from newsletter.campaigns.load import load_catalogue
from newsletter.campaigns.models import Catalogue
from newsletter.files.project import Project
from newsletter.settings.load import load_settings

Load = Callable[[Mapping[str, str]], Catalogue]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Writes files below campaigns/ of a Swedish project, then loads them."""
    monkeypatch.delenv("NEWSLETTER_TIMEZONE", raising=False)

    def write_and_load(files: Mapping[str, str]) -> Catalogue:
        settings = 'timezone = "Europe/Stockholm"\nlanguage = "sv"\n'
        (tmp_path / "newsletter.toml").write_text(settings, encoding="utf-8")
        for name, text in files.items():
            path = tmp_path / "campaigns" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        project = Project(tmp_path)
        return load_catalogue(project, load_settings(project))

    return write_and_load
