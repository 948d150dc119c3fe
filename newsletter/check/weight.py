"""What is too heavy or too vague for mail programs: large style elements, pictures without a width."""

from collections.abc import Iterator

from newsletter.check.markup import tags
from newsletter.check.pieces import Pieces
from newsletter.errors import Place, Problem, Severity
from newsletter.render.passage import Language, Written

LARGE = 8 * 1024  # characters of a style element; some versions of Gmail were seen to stop there
DROPPED = 16 * 1024  # what Gmail takes at most (observed, not documented: caniemail, html-style)


def style_findings(written: Written) -> Iterator[Problem]:
    """L128 for the largest style element of the letter."""
    html = written.html
    lengths = [
        html.lower().find("</style", tag.end) - tag.end
        for tag in tags(html)
        if tag.name == "style" and not tag.closing
    ]
    largest = max(lengths, default=0)
    if largest > LARGE:
        dropped = largest > DROPPED
        message = (
            f"a style element has {largest:,} characters; Gmail drops one of more than {DROPPED:,} whole"
        )
        hint = 'take out what nobody needs, or <mj-style inline="inline">'
        severity = Severity.ERROR if dropped else Severity.WARNING
        yield Problem("L128", message, _largest_sheet(written), hint, severity)


def _largest_sheet(written: Written) -> Place:
    sheets = [one for one in written.passages if one.language in (Language.STYLE, Language.INLINED)]
    largest = max(sheets, key=lambda one: len(one.text), default=None)
    if largest is None:
        return written.template
    blanks = len(largest.text) - len(largest.text.lstrip())
    return written.place(largest.at + blanks)


def width_findings(written: Written, pieces: Pieces) -> Iterator[Problem]:
    """L129 for each picture of an author's HTML that Outlook for Windows would draw as wide as its file is."""
    for element in pieces.elements:
        if element.tag.name == "img" and element.in_outlook and not element.tag.get("width"):
            message = "a picture without `width`: Outlook for Windows draws it as large as its file is"
            place = written.place(element.at + element.tag.at)
            yield Problem("L129", message, place, 'width="…", its pixels on the screen', Severity.WARNING)
