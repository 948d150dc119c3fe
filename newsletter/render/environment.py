"""The sandbox in which all Jinja runs: items before attributes, undefined is an error, nothing random."""

import datetime as dt
import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import CodeType
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from jinja2 import BaseLoader, StrictUndefined, nodes
from jinja2.filters import do_indent
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from newsletter.errors import did_you_mean
from newsletter.render import limits
from newsletter.render.dates import date_filter, time_filter
from newsletter.render.filling import OPEN, UNDERLINE

_MOST_TEMPLATES = 512  # kept compiled
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BUT_MARKS = re.compile(r"[\x00-\x02\x06-\x08\x0b-\x1d\x1f\x7f]")  # see `filling`
SAFE_ADDRESS = "__address"  # `safe_url`, where the program asks for it
LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})

# Dropped: `safe` and `tojson` would let data past the escaping, `random` and `lipsum` would make two renderings
# differ, `attr` hides a name from the check at compile time, `pprint` shows insides.
_DROPPED_FILTERS = ("safe", "tojson", "random", "attr", "pprint", "xmlattr", "urlize")
# Likewise: `translate` makes data a part of safe text, and bytes are no text, so that no limit counts them.
_DROPPED_METHODS = frozenset({"translate", "maketrans", "encode", "decode", "to_bytes", "from_bytes"})
_DROPPED_GLOBALS = ("lipsum",)

S = TypeVar("S", bound="Sandbox")


class Names(dict[str, Any]):
    """A mapping that templates read by name; `label` is what a message calls it."""

    def __init__(self, label: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.label = label


class UnsafeUrl(ValueError):
    """A URL that must not become a link; the text says why."""


class Missing(StrictUndefined):
    """Says which name is missing and which one is near, instead of Python's words."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        name, owner = self._undefined_name, self._undefined_obj
        if self._undefined_hint:
            return self._undefined_hint
        if owner is missing:
            return f"`{name}` is not defined"
        if isinstance(owner, Names):
            return f"`{owner.label}` has no `{name}`"
        if isinstance(name, int):
            return f"there is no item {name} here"
        if owner is None or owner == "":
            return f"there is nothing here that could have a `{name}`"
        return f"a value of the type {type(owner).__name__} has no `{name}`"

    @property
    def hint(self) -> str:
        """What to try; empty when nothing is near."""
        owner = self._undefined_obj
        if isinstance(owner, Names) and isinstance(self._undefined_name, str):
            return did_you_mean(self._undefined_name, owner)
        if owner is None or owner == "":
            return "it is empty: ask first, {% if … %}"
        return ""


_compiled: dict[Any, CodeType] = {}


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja for authors. Plain Jinja would turn `data.items` into a method; here the item comes first."""

    options: tuple[object, ...] = ()  # what constants are worked out by
    repeatable: ClassVar[bool] = True  # whether what it makes of a template depends on the options only
    marks: ClassVar[bool] = False  # whether it marks the texts of its templates

    def getattr(self, obj: Any, attribute: str) -> Any:
        # `Names` first: asking whether something is a mapping takes longer than all the rest
        if (obj.__class__ is Names or isinstance(obj, Mapping)) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return super().is_safe_attribute(obj, attr, value) and not (
            isinstance(obj, str | int | bytes) and attr in _DROPPED_METHODS
        )

    intercepted_binops = limits.OPERATORS

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        operate = functools.partial(super().call_binop, context, operator, left, right)
        return limits.operated(operator, left, right, operate)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063
        # Named as in Jinja: the keywords are the template's, and must not meet ours.
        if isinstance(__obj, LoopContext) and args:  # a loop that goes into itself: `loop(children)`
            args = (limits.counted(args[0]), *args[1:])
        limits.check_call(__obj, args, kwargs)
        return limits.sized(super().call(__context, __obj, *args, **kwargs))

    def compile(self, source: Any, name: str | None = None, filename: str | None = None, *_: Any) -> Any:
        """Templates and bodies are compiled once in a process; campaigns share theirs. Safe in threads."""
        if not (self.repeatable and isinstance(source, str)):
            return super().compile(source, name, filename)
        # Jinja works out constants beforehand, dates in words among them: so the options count.
        key = (type(self), self.autoescape, self.options, source, name, filename)
        code = _compiled.get(key)
        if code is None:
            code = super().compile(source, name, filename)
            if len(_compiled) >= _MOST_TEMPLATES:
                _compiled.clear()
            _compiled[key] = code
        return code

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        limits.Limiter().visit(source)
        source.set_environment(self)
        return super()._generate(source, *args, **kwargs)


def is_safe_url(url: str) -> bool:
    """Whether a URL may become a link: absolute, of a scheme that cannot run code, without blanks or controls."""
    if any(sign.isspace() or unicodedata.category(sign) == "Cc" for sign in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme.lower() not in LINK_SCHEMES:
        return False
    return bool(parts.netloc if parts.scheme.lower() in {"http", "https"} else parts.path)


def safe_url(value: object, fallback: str | None = None) -> str:
    """Filter: the URL if it may become a link, else the fallback; without one, raises UnsafeUrl."""
    url = str(value).strip()
    if is_safe_url(url):
        return url
    if fallback is not None:
        return fallback
    raise UnsafeUrl(f"`{shortened(url)}` is no address for a link (http, https, mailto, tel)")


def _printed(value: object) -> object:
    """What `{{ }}` makes of a value that is no text: nothing of None, the items of a list."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        if not all(isinstance(item, str | int | float) for item in value):
            raise TypeError("this list holds more than texts and numbers: print its items one by one")
        return ", ".join(map(str, value))
    return value


def make_environment(
    kind: type[S], loader: BaseLoader | None, *, autoescape: bool, language: str, zone: dt.tzinfo
) -> S:
    """An environment whose output depends on its input only."""
    environment = kind(
        loader=loader,
        autoescape=autoescape,
        undefined=Missing,
        cache_size=-1,
        auto_reload=False,
        keep_trailing_newline=True,
        finalize=_printed,
    )
    environment.options = (language, zone)
    for name in _DROPPED_FILTERS:
        environment.filters.pop(name, None)
    for name in _DROPPED_GLOBALS:
        environment.globals.pop(name, None)
    environment.filters["indent"] = indented
    for name, known in environment.filters.items():
        environment.filters[name] = limits.modest(name, known)
    environment.filters[limits.COUNTED] = limits.counted
    environment.filters[limits.SIZED] = limits.sized
    environment.filters["safe_url"] = environment.filters[SAFE_ADDRESS] = safe_url
    environment.filters["underlined"] = underlined
    environment.filters["date"] = date_filter(language, zone)
    environment.filters["time"] = time_filter(language)
    return environment


def underlined(text: str, sign: str = "-") -> str:
    """Filter: a heading of the text part with a line under it, as long as the heading becomes for its reader."""
    return f"{text}\n{UNDERLINE}{sign[:1]}"


def indented(text: str, width: int | str = 4, *given: bool, **named: bool) -> str:
    """Filter: Jinja's `indent`, also for lines of paragraphs that are not broken yet."""
    further = width if isinstance(width, str) else " " * width
    return do_indent(text, width, *given, **named).replace(OPEN, f"{OPEN}{further}")


def one_line(text: str) -> str:
    """A header's text: controls and line ends are blanks, and blanks do not pile up."""
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    cleaned = "".join(" " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign for sign in text)
    return re.sub(" {2,}", " ", cleaned).strip(" ")


def cleaned(text: str, *, marks: bool = False) -> str:
    """Text for a message: LF line ends, none of the controls at which parsers and mail programs stumble.

    marks: whether those of a text part that is not settled yet stay
    """
    if text.isprintable():
        return text
    return (_BUT_MARKS if marks else _CONTROLS).sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def shortened(text: str, limit: int = 60) -> str:
    """For messages: a long or many-lined text on one short line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def names_of(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in sorted(values))
