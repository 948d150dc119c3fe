"""The findings of what authors wrote in HTML and CSS: looked at once a letter, with the branches of all readers."""

from newsletter.check.balance import balance_findings
from newsletter.check.clients.findings import client_findings
from newsletter.check.contrast import contrast_findings
from newsletter.check.css import css_findings
from newsletter.check.pieces import Pieces
from newsletter.check.weight import style_findings, width_findings
from newsletter.errors import Problem
from newsletter.render.composition import Composition
from newsletter.settings.model import Settings


def written_findings(composition: Composition, settings: Settings) -> tuple[Problem, ...]:
    """L120 to L129, each once for its place."""
    written = composition.written
    if written is None:
        return ()
    pieces = Pieces.of(written.passages)
    found = (
        client_findings(written, pieces, settings.clients),
        css_findings(written, pieces),
        contrast_findings(written),
        balance_findings(written),
        style_findings(written),
        width_findings(written, pieces),
    )
    return tuple(dict.fromkeys(problem for problems in found for problem in problems))
