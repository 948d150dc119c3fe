"""A renderer whose templates put off what depends on the reader runs once; what it makes is split into slots."""

import functools
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.render.composition import Links
from newsletter.render.deferral.ledger import (
    FORCE,
    ONE_LINE,
    PRINTED,
    TAGGED,
    TAGGED_TEXT,
    Deferred,
    Met,
    Refused,
    is_link,
)
from newsletter.render.deferral.merge import SlotMerge
from newsletter.render.deferral.positions import refusals, unquoted
from newsletter.render.deferral.residual import Skeleton, Slots, Torn, Wrap, as_it_is, values
from newsletter.render.deferral.tokens import Kind
from newsletter.render.environment import Sandbox, cleaned, one_line
from newsletter.render.limits import budget
from newsletter.render.origin import Origins
from newsletter.render.renderer import Renderer
from newsletter.render.templates import BUILT_IN_MARK
from newsletter.render.text_part import begun
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
        html = stage.finish(texts.mjml, texts.campaign, lambda: Near(texts.mjml, deferred, places))
        refused = itertools.chain(unquoted(texts.mjml, deferred), refusals(html, deferred))
        found = [places.met(met, why) for met, why in refused]
        lost = _tokens(_COMMENT.sub("", texts.mjml), deferred) - _tokens(html, deferred)
        gone = Refused("this would be lost: no reader would see it where it stands", "print it in a text")
        found += [places.met(deferred.met[number], gone) for number in sorted(lost)]
        if found:
            raise ChecksFailed(*dict.fromkeys(found))
        links = _Links(stage.campaign, deferred)
        text = cleaned(links.text(texts.text), marks=True)
        text = begun(text, deferred.tokens.stand_in)
        text = _BLANK_LINES.sub(
            "\n\n", _BLANKS_AT_END.sub("\n", text)
        )  # what is left is done for each reader
        html = links.html(html)
        return cls(texts.subject, texts.preheader, texts.mjml, html, text, deferred, places)

    @property
    def near(self) -> "Near":
        """Places in `mjml`."""
        return Near(self.mjml, self.deferred, self.places)

    def apart(self, whole: Renderer, environment: Sandbox, reader: Subscriber, links: Links) -> Place | None:
        """Where one reader's MJML filled in begins to differ from the whole one; None if nobody can tell.

        environment: for what is left to render, with autoescape
        """
        self._equip(environment, Tagger(whole.campaign))
        slots = Slots(self.deferred)
        try:
            skeleton = slots.take(cleaned(self.mjml))
            with budget():
                made = values(slots.template(environment), whole.reader(reader, links))
            text, located = whole.traced(reader, links)
        except (Torn, Refused, ChecksFailed):
            return None
        at = _parting(text, cleaned(skeleton.join(made)))
        return located.place(at) if located and at is not None else None

    def merge(self, whole: Renderer, *, plain: Sandbox, escaped: Sandbox, wrap: Wrap = as_it_is) -> SlotMerge:
        """The merge that fills slots in place of rendering whole letters.

        plain, escaped: environments for what is left to render; wrap: what stands in the place of each expression
        Raises ChecksFailed for tokens that don't pair up.
        """
        for environment in (plain, escaped):
            self._equip(environment, Tagger(whole.campaign))
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

    @staticmethod
    def _equip(environment: Sandbox, tagger: Tagger) -> None:
        """The filters that may stand in what is left to render."""
        filters: dict[str, Callable[..., Any]] = {
            FORCE: lambda value, _key: value,
            PRINTED: environment.finalize or str,
            ONE_LINE: lambda value: one_line(str(value)),
            TAGGED: lambda value: tagger.url(str(value)),
            TAGGED_TEXT: functools.partial(_tagged, tagger),
        }
        environment.filters.update(
            {name: filters[name] for name in filters.keys() - environment.filters.keys()}
        )

    def _keys(self) -> dict[str, Place]:
        keys: dict[str, Place] = {}
        for met in self.deferred.met:
            if met.site.key and met.site.key not in keys:
                keys[met.site.key] = self.places.of(met.site.file, met.site.line)
        return keys


@dataclass(frozen=True)
class Near:
    """Places of faults in an MJML with tokens: of the one in the tag that begins there, else of the last one before."""

    mjml: str
    deferred: Deferred
    places: "Places"

    def place(self, offset: int) -> Place | None:
        near: int | None = None
        for token in self.deferred.tokens.find(self.mjml):
            if token.start() <= offset or ">" not in self.mjml[offset : token.start()]:
                near = int(token["number"])
            if token.start() > offset:
                break
        if near is None:
            return None
        met = self.deferred.met[near]
        return self.places.of(met.site.file, met.site.line)


def _parting(one: str, other: str) -> int | None:
    """The offset in the first text at which the second says something else; blanks say nothing."""
    words, others = (re.finditer(r"[^\s<>]+|[<>]", text) for text in (one, other))
    for a, b in itertools.zip_longest(words, others):
        if a is None or b is None or a[0] != b[0]:
            return a.start() if a else None
    return None


class _Links:
    """Campaign parameters on the links of a letter with tokens: on those that are not known yet, later."""

    def __init__(self, campaign: Campaign, deferred: Deferred) -> None:
        self._deferred = deferred
        self._tags = campaign.utm is not None
        self._tagger = Tagger(campaign, later=self._later)

    def html(self, html: str) -> str:
        return self._tagger.html(html)

    def text(self, text: str) -> str:
        """A plain text; what a reader's fields say may hold addresses, too."""
        text = self._tagger.text(text)
        if not self._tags:
            return text
        end, parts = 0, []
        for token in self._deferred.tokens.find(text):
            parts += [text[end : token.start()], self._tagged(token[0])]
            end = token.end()
        return "".join([*parts, text[end:]])

    def _later(self, url: str) -> str | None:
        first = next(self._deferred.tokens.find(url), None)
        if first is None or first.start():
            return None
        met = self._deferred.met[int(first["number"])]
        if is_link(met.site.node) and first[0] == url:
            return url  # made for one person
        return self._deferred.lift(TAGGED, met.site.file, met.site.line, url)

    def _tagged(self, token: str) -> str:
        met = self._deferred.met_by(token)
        if met.site.kind is not Kind.VALUE or is_link(met.site.node):
            return token
        return self._deferred.lift(TAGGED_TEXT, met.site.file, met.site.line, token)


def _tagged(tagger: Tagger, value: Any) -> Any:
    """A value as the text part prints it, its addresses with the campaign's parameters."""
    if isinstance(value, list | tuple):
        return [_tagged(tagger, one) for one in value]
    return tagger.text(value) if isinstance(value, str) and "://" in value else value


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
        place = origin.find(line, r"\{[{%]") if origin else self.fallback
        return self.fallback if place.file.startswith(BUILT_IN_MARK) else place

    def met(self, met: Met | None, refused: Refused) -> Problem:
        if met is None:
            return Problem("M120", str(refused), self.fallback, refused.hint)
        return self.problem(refused, met.site.file, met.site.line)
