"""Where an author wrote what stands in a letter."""

import re
from functools import cached_property

from newsletter.errors import Place
from newsletter.files.project import Project
from newsletter.render.composition import Composition

_BLANKS = re.compile(r"\s+")


class Sources:
    """The texts that a letter is made of: looked through in the campaign first, then in what it is made of."""

    def __init__(self, project: Project, composition: Composition) -> None:
        self._project = project
        campaign = composition.campaign
        files = [campaign.file, *(one for one in composition.sources if one != campaign.file)]
        self._files = [one for one in files if one.endswith((".md", ".mjml", ".txt", ".toml"))]
        self._fallback = campaign.place("template")

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {file: self._project.read_text(file) for file in self._files}

    def find(self, *needles: str) -> Place | None:
        """The first place of the first needle that is found in a file; blanks stand for any blanks."""
        for file, text in self._texts.items():
            for needle in needles:
                pattern = _BLANKS.sub(r"\\s+", re.escape(needle).replace("\\ ", " "))
                if needle and (found := re.search(pattern, text)):
                    at = found.start()
                    return Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        return None

    def place(self, *needles: str) -> Place:
        """The same, or else the campaign's template."""
        return self.find(*needles) or self._fallback
