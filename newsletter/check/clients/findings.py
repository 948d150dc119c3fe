"""L120: what an author wrote and mail programs drop, weighed by who reads with which program."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from newsletter.check.clients.families import FAMILIES, OUTLOOK_WINDOWS, Support, support
from newsletter.check.clients.features import (
    BOXES,
    IN_BOXES,
    QUIET,
    VITAL,
    has_fallback,
    of_at_rule,
    of_declaration,
    of_selector,
    of_tag,
)
from newsletter.check.pieces import Pieces
from newsletter.errors import Problem, Severity
from newsletter.render.css import Declared
from newsletter.render.passage import Written
from newsletter.settings.values import Clients

# Shares of all weight from which on it is worth a word.
VITAL_WARNING = 0.10  # something is lost or misplaced for every tenth reader
VITAL_HINT = 0.03
PLAINER_HINT = 0.75  # hardly anybody sees what was meant


class Use(NamedTuple):
    """One use of a feature. `spared`: families that never come to it, so that nothing is lost with them."""

    slug: str
    at: int
    spared: frozenset[str]
    vital: bool


def client_findings(written: Written, pieces: Pieces, weights: Clients) -> Iterator[Problem]:
    """One finding for each feature, at its first place, with how often it is used."""
    known = support()
    found: dict[tuple[str, frozenset[str]], list[Use]] = {}
    for use in _uses(pieces, known):
        families = known.dropped.get(use.slug, frozenset()) - use.spared
        if _severity(use, families, weights):
            found.setdefault((use.slug, families), []).append(use)
    # Where some uses are spared and others are not, those that lose most speak for all.
    for slug in dict.fromkeys(slug for slug, _ in found):
        families = max((of for one, of in found if one == slug), key=lambda of: _share(of, weights))
        yield _problem(slug, families, found[slug, families], written, weights, known)


def _problem(
    slug: str, families: frozenset[str], uses: list[Use], written: Written, weights: Clients, known: Support
) -> Problem:
    first = next((use for use in uses if use.vital), uses[0])
    names = [
        name for family, (name, _) in FAMILIES.items() if family in families and getattr(weights, family)
    ]
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    times = f", {len(uses)} times" if len(uses) > 1 else ""
    drops = "drop" if len(names) > 1 or names[0].startswith(("the ", "most ")) else "drops"
    message = f"{who} {drops} `{known.titles[slug].strip()}`{times} (caniemail, {known.edition})"
    severity = _severity(first, families, weights) or Severity.HINT
    return Problem("L120", message, written.place(first.at), _hint(slug), severity)


def _hint(slug: str) -> str:
    if slug in (
        "css-display-flex",
        "css-display-grid",
        "css-float",
        "css-flex-direction",
        "css-column-count",
    ):
        return "put side by side by <mj-column>, or by a table"
    if slug.startswith(("css-unit-", "css-function-")) or slug == "css-variables":
        return "write a value in px, % or #rrggbb before it, in the same rule"
    if slug.startswith("image-"):
        return "save the picture as PNG, JPEG or GIF"
    return 'let nothing depend on it; if that is so: allow = ["L120"]'


def _share(families: frozenset[str], weights: Clients) -> float:
    """What of all weight these families have."""
    total = sum(getattr(weights, family) for family in FAMILIES)
    return sum(getattr(weights, family) for family in families) / total if total else 0.0


def _severity(use: Use, families: frozenset[str], weights: Clients) -> Severity | None:
    lost = _share(families, weights)
    if use.vital and lost >= VITAL_WARNING:
        return Severity.WARNING
    if lost >= (VITAL_HINT if use.vital else PLAINER_HINT):
        return Severity.HINT
    return None


def _uses(pieces: Pieces, known: Support) -> Iterator[Use]:
    for sheet in pieces.sheets:
        for at_rule in sheet.sheet.at_rules:
            yield from _plain(of_at_rule(at_rule), sheet.at + at_rule.at, frozenset())
        for rule in sheet.sheet.rules:
            around = [slug for one in rule.within for slug in of_at_rule(one)]
            finding = [*of_selector(rule, inlined=sheet.inlined)]
            outside = _droppers(around, known)
            # A rule that whoever can't find its elements passes over is an addition to what all others have.
            yield from (
                Use(slug, sheet.at + rule.at, outside, slug in VITAL) for slug in finding if slug not in QUIET
            )
            spared = outside | _droppers(finding, known)
            yield from _of_block(rule.declarations, sheet.at, spared, known)
    for element in pieces.elements:
        spared = frozenset() if element.in_outlook else frozenset({OUTLOOK_WINDOWS})
        for slug, at in of_tag(element.tag):
            yield from _plain([slug], element.at + at, spared)
        if style := element.style:
            for use in _of_block(style.declarations, 0, spared, known):
                yield use._replace(at=style.place(use.at))


def _of_block(
    block: tuple[Declared, ...], base: int, spared: frozenset[str], known: Support
) -> Iterator[Use]:
    used = [(one, slug) for one in block for slug in dict.fromkeys(of_declaration(one)) if slug not in QUIET]
    unlaid = _droppers((slug for _, slug in used if slug in BOXES), known)  # one word is enough for them
    for one, slug in used:
        vital = slug in VITAL and not has_fallback(slug, one, block)
        yield Use(slug, base + one.at, spared | unlaid if slug in IN_BOXES else spared, vital)


def _plain(slugs: Iterable[str], at: int, spared: frozenset[str]) -> Iterator[Use]:
    yield from (Use(slug, at, spared, slug in VITAL) for slug in slugs if slug not in QUIET)


def _droppers(slugs: Iterable[str], known: Support) -> frozenset[str]:
    return frozenset().union(*(known.dropped.get(slug, frozenset()) for slug in slugs))
