"""A renderer whose templates put off what depends on the reader runs once; what it makes is split into slots."""

import itertools
import re
from dataclasses import dataclass

from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.deferral.ledger import Deferred, Met, Refused
from newsletter.render.deferral.merge import SlotMerge
from newsletter.render.deferral.positions import refusals, unquoted
from newsletter.render.deferral.residual import Skeleton, Slots, Torn, Wrap, as_it_is
from newsletter.render.environment import UNDERLINE, Sandbox, cleaned
from newsletter.render.origin import Origins
from newsletter.render.renderer import Renderer
from newsletter.render.utm import Tagger

_BLANKS_AT_END = re.compile(r"(?<![ \t])[ \t]+\n")
_BLANK_LINES = re.compile(r"\n{3,}")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class PutOff:
    """One letter with tokens for what depends on the reader: LF line ends, HTML compiled and inlined."""

    subject: str
    preheader: str
    mjml: str
    html: str
    text: str
    deferred: Deferred
    places: "Places"

    @classmethod
    def of(cls, stage: Renderer, deferred: Deferred) -> "PutOff":
        """Run a renderer whose templates put off. Raises ChecksFailed with what can't be, at its author's place."""
        places = Places(stage.origins, Place(stage.campaign.file))
        if deferred.refused:
            told = (places.problem(refused, file, line) for file, line, refused in deferred.refused)
            raise ChecksFailed(*dict.fromkeys(told))
        texts = stage.texts({})
        tagger = Tagger(stage.campaign)
        html = tagger.html(
            stage.finish(texts.mjml, texts.campaign, lambda: Near(texts.mjml, deferred, places))
        )
        refused = itertools.chain(unquoted(texts.mjml, deferred), refusals(html, deferred))
        found = [places.met(met, why) for met, why in refused]
        lost = _tokens(_COMMENT.sub("", texts.mjml), deferred) - _tokens(html, deferred)
        gone = Refused("this would be lost: no reader would see it where it stands", "print it in a text")
        found += [places.met(deferred.met[number], gone) for number in sorted(lost)]
        if found:
            raise ChecksFailed(*dict.fromkeys(found))
        text = UNDERLINE.join(map(cleaned, tagger.text(texts.text).split(UNDERLINE)))
        text = _BLANK_LINES.sub(
            "\n\n", _BLANKS_AT_END.sub("\n", text)
        )  # what is left is done for each reader
        return cls(texts.subject, texts.preheader, texts.mjml, html, text, deferred, places)

    @property
    def near(self) -> "Near":
        """Places in `mjml`."""
        return Near(self.mjml, self.deferred, self.places)

    def merge(self, whole: Renderer, *, plain: Sandbox, escaped: Sandbox, wrap: Wrap = as_it_is) -> SlotMerge:
        """The merge that fills slots in place of rendering whole letters.

        plain, escaped: environments for what is left to render; wrap: what stands in the place of each expression
        Raises ChecksFailed for tokens that don't pair up.
        """
        in_plain, in_html = Slots(self.deferred, wrap), Slots(self.deferred, wrap)
        try:
            subject, preheader, text = (
                in_plain.take(one) for one in (self.subject, self.preheader, self.text)
            )
            html = in_html.take(self.html)
            behind = tuple(len(in_plain.regions) + number for number in html.order)
            return SlotMerge(
                subject,
                preheader,
                Skeleton(html.static, behind),
                text,
                in_plain.template(plain),
                in_html.template(escaped),
                whole,
                self._keys(),
            )
        except Torn as torn:
            message = f"this can't be told apart in the finished letter: {torn}"
            refused = Refused(message, "let it begin and end in the same component")
            raise ChecksFailed(self.places.met(torn.met, refused)) from None
        except Refused as refused:
            raise ChecksFailed(Problem("M120", str(refused), self.places.fallback, refused.hint)) from None

    def _keys(self) -> dict[str, Place]:
        keys: dict[str, Place] = {}
        for met in self.deferred.met:
            if met.site.key and met.site.key not in keys:
                keys[met.site.key] = self.places.of(met.site.file, met.site.line)
        return keys


@dataclass(frozen=True)
class Near:
    """Places of faults in an MJML with tokens: that of the token at the offset, or else of the last one before it."""

    mjml: str
    deferred: Deferred
    places: "Places"

    def place(self, offset: int) -> Place | None:
        before = [token for token in self.deferred.tokens.find(self.mjml) if token.start() <= offset]
        if not before:
            return None
        met = self.deferred.met[int(before[-1]["number"])]
        return self.places.of(met.site.file, met.site.line)


def _tokens(text: str, deferred: Deferred) -> set[int]:
    return {int(token["number"]) for token in deferred.tokens.find(text)}


class Places:
    """From what Jinja compiled to what the author wrote."""

    def __init__(self, origins: Origins, fallback: Place) -> None:
        self._origins = origins
        self.fallback = fallback

    def problem(self, refused: Refused, file: str, line: int) -> Problem:
        return Problem("M120", str(refused), self.of(file, line), refused.hint)

    def of(self, file: str, line: int) -> Place:
        origin = self._origins.get(file)
        return origin.find(line, r"\{[{%]") if origin else self.fallback

    def met(self, met: Met | None, refused: Refused) -> Problem:
        if met is None:
            return Problem("M120", str(refused), self.fallback, refused.hint)
        return self.problem(refused, met.site.file, met.site.line)
