"""Small projects of lists and segments, loaded as the program loads them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.audience.load import load_audience
from newsletter.audience.models import Audience
from newsletter.audience.segments import Segments, load_segments
from newsletter.errors import Problem
from newsletter.files.project import Project
from newsletter.settings.load import load_settings

NOW = datetime(2015, 7, 3, 9, 0, tzinfo=UTC)


@dataclass
class Loaded:
    audience: Audience
    segments: Segments

    @property
    def findings(self) -> list[str]:
        """All that the lists have against them, each as `severity code place: message`, then its `try`."""
        return [told(problem) for problems in self.audience.problems.values() for problem in problems]

    def members(
        self, name: str, *, now: datetime = NOW, received: Mapping[str, Collection[str]] = {}
    ) -> list[str]:
        world = self.segments.world(now=now, received=lambda campaign: received.get(campaign, ()))
        inside = self.segments.matcher(name, world)
        return [who.key.partition("@")[0] for who in self.audience.people if inside(who)]

    def warned(self, name: str, *, now: datetime = NOW) -> tuple[Problem, ...]:
        """What is told of a segment's negations."""
        inside = self.segments.matcher(name, self.segments.world(now=now, received=lambda _: ()))
        members = [who for who in self.audience.people if inside(who)]
        return self.segments.findings(name, lambda column: sum(who.value(column) is None for who in members))


def told(problem: Problem) -> str:
    way_out = f" | {problem.hint}" if problem.hint else ""
    return f"{problem.severity} {problem.code} {problem.place}: {problem.message}{way_out}"


Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """load({"list": "csv text" or bytes}, segments="…", settings="…", campaigns=[…])"""

    def loaded(
        lists: Mapping[str, str | bytes],
        *,
        segments: str | None = None,
        settings: str = 'timezone = "Europe/Stockholm"\n',
        campaigns: Collection[str] = ("hej", "sju-tips/budskapet"),
    ) -> Loaded:
        (tmp_path / "subscribers").mkdir(exist_ok=True)
        (tmp_path / "newsletter.toml").write_text(settings, encoding="utf-8")
        for name, content in lists.items():
            data = content.encode() if isinstance(content, str) else content
            (tmp_path / "subscribers" / f"{name}.csv").write_bytes(data)
        if segments is not None:
            (tmp_path / "subscribers" / "segments.toml").write_text(segments, encoding="utf-8")
        project = Project(tmp_path)
        values = load_settings(project)
        audience = load_audience(project, values)
        return Loaded(audience, load_segments(project, values, audience, campaigns=campaigns))

    return loaded
