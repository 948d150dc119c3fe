"""Which of caniemail's features a piece of CSS or HTML uses."""

import re
from collections.abc import Iterator

from newsletter.check.clients.families import support
from newsletter.check.markup import Tag
from newsletter.render.css import At, Declared, Kind, Rule

# Without these something of the letter is lost or stands in the wrong place; without any other it looks plainer.
VITAL = frozenset({
    "css-background-image", "css-block-inline-size", "css-border-inline-block", "css-border-inline-block-individual",
    "css-border-inline-block-longhand", "css-column-count", "css-column-layout-properties", "css-conic-gradient",
    "css-display-flex", "css-display-grid", "css-flex-direction", "css-float", "css-function-clamp",
    "css-function-light-dark", "css-function-max", "css-function-min", "css-gap", "css-grid-template",
    "css-inline-size", "css-inset", "css-intrinsic-size", "css-left-right-top-bottom", "css-linear-gradient",
    "css-margin-block-start-end", "css-margin-inline-block", "css-margin-inline-start-end", "css-max-inline-size",
    "css-min-inline-size", "css-modern-color", "css-nesting", "css-object-fit", "css-padding-block-start-end",
    "css-padding-inline-block", "css-padding-inline-start-end", "css-position", "css-pseudo-class-checked",
    "css-pseudo-class-target", "css-pseudo-element-after", "css-pseudo-element-before", "css-radial-gradient",
    "css-transform", "css-unit-calc", "css-unit-ch", "css-unit-rem", "css-unit-vh", "css-unit-vmax", "css-unit-vmin",
    "css-unit-vw", "css-variables", "css-visibility", "css-writing-mode",
    "html-background", "html-base", "html-button-reset", "html-button-submit", "html-dialog", "html-hidden",
    "html-image-maps", "html-link", "html-marquee", "html-meter", "html-popover", "html-progress", "html-select",
    "html-textarea",
    "image-avif", "image-bmp", "image-hdr", "image-heif", "image-ico", "image-mp4", "image-svg", "image-tiff",
    "image-webp",
})  # fmt: skip
# Who does not know these leaves nothing out and nothing worse; or another finding tells of them.
QUIET = frozenset({
    "css-at-font-face", "css-at-import", "css-color-scheme", "css-comments", "css-cursor", "css-important",
    "html-anchor-links", "html-aria-describedby", "html-aria-hidden", "html-aria-label", "html-aria-labelledby",
    "html-aria-live", "html-comments", "html-doctype", "html-lang", "html-loading-attribute",
    "html-meta-color-scheme", "html-role", "html-srcset", "html-target", "image-base64",
})  # fmt: skip
BOXES = frozenset({"css-display-flex", "css-display-grid"})
IN_BOXES = frozenset({  # mean something inside of such a box only
    "css-align-items", "css-flex-direction", "css-flex-wrap", "css-gap", "css-grid-template", "css-justify-content",
})  # fmt: skip
_FALLS_BACK = frozenset({
    "css-conic-gradient", "css-function-clamp", "css-function-light-dark", "css-function-max", "css-function-min",
    "css-linear-gradient", "css-modern-color", "css-radial-gradient", "css-unit-calc", "css-unit-ch", "css-unit-rem",
    "css-unit-vh", "css-unit-vmax", "css-unit-vmin", "css-unit-vw", "css-variables", "css-background-image",
})  # fmt: skip

_PROPERTIES = {
    **dict.fromkeys(("left", "right", "top", "bottom"), "css-left-right-top-bottom"),
    **dict.fromkeys(("gap", "row-gap", "column-gap"), "css-gap"),
    **dict.fromkeys(("grid-template-columns", "grid-template-rows", "grid-template-areas"), "css-grid-template"),
    **dict.fromkeys(("block-size", "inline-size"), "css-block-inline-size"),
    **dict.fromkeys(("margin-block-start", "margin-block-end"), "css-margin-block-start-end"),
    **dict.fromkeys(("margin-inline-start", "margin-inline-end"), "css-margin-inline-start-end"),
    **dict.fromkeys(("margin-inline", "margin-block"), "css-margin-inline-block"),
    **dict.fromkeys(("padding-block-start", "padding-block-end"), "css-padding-block-start-end"),
    **dict.fromkeys(("padding-inline-start", "padding-inline-end"), "css-padding-inline-start-end"),
    **dict.fromkeys(("padding-inline", "padding-block"), "css-padding-inline-block"),
    **dict.fromkeys(("border-inline", "border-block"), "css-border-inline-block"),
    **dict.fromkeys(("columns", "column-rule", "column-span", "column-fill"), "css-column-layout-properties"),
    "flex-flow": "css-flex-wrap",
}  # fmt: skip
_DISPLAYS = {"flex": "css-display-flex", "inline-flex": "css-display-flex", "grid": "css-display-grid",
             "inline-grid": "css-display-grid"}  # fmt: skip
_FUNCTIONS = {
    "calc": "css-unit-calc", "clamp": "css-function-clamp", "min": "css-function-min", "max": "css-function-max",
    "light-dark": "css-function-light-dark", "var": "css-variables", "rgba": "css-rgba", "rgb": "css-rgb",
    **{f"{kind}{name}-gradient": f"css-{name}-gradient"
       for kind in ("", "repeating-") for name in ("linear", "radial", "conic")},
    **dict.fromkeys(("lch", "oklch", "lab", "oklab"), "css-modern-color"),
}  # fmt: skip
_INTRINSIC = frozenset({"fit-content", "min-content", "max-content"})
_MEDIA = {
    "prefers-color-scheme": "css-at-media-prefers-color-scheme", "orientation": "css-at-media-orientation",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion", "hover": "css-at-media-hover",
    "-webkit-device-pixel-ratio": "css-at-media-device-pixel-ratio",
}  # fmt: skip
_PSEUDO = re.compile(r"::?([a-z-]+)")
_WORKED_OUT = frozenset({"first-child", "last-child", "nth-child"})  # by the inliner
_COMBINATORS = {
    "+": "css-selector-adjacent-sibling",
    "~": "css-selector-general-sibling",
    ">": "css-selector-child",
}
_ELEMENTS = {
    **dict.fromkeys(("article", "aside", "footer", "header", "main", "nav", "section", "figure", "figcaption"),
                    "html-semantics"),
    "map": "html-image-maps",
}  # fmt: skip
_ATTRIBUTES = {"background": "html-background", "hidden": "html-hidden", "popover": "html-popover"}
_SUFFIX = re.compile(r"\.(apng|avif|bmp|heif|heic|ico|mp4|svg|tiff?|webp)(?:[?#].*)?\Z", re.IGNORECASE)
_FORMATS = {"heic": "heif", "tif": "tiff"}


def of_declaration(one: Declared) -> Iterator[str]:
    """The features of a declaration, that of its property first."""
    if one.name.startswith("--"):
        yield "css-variables"
        return
    own = _PROPERTIES.get(one.name, f"css-{one.name}")
    if own in support().titles:
        yield own
    for word in one.words:
        text = word.text.lower()
        if word.kind is Kind.MEASURE and word.unit in ("ch", "rem", "vh", "vmax", "vmin", "vw"):
            yield f"css-unit-{word.unit}"
        elif word.kind is Kind.FUNCTION and text in _FUNCTIONS:
            yield _FUNCTIONS[text]
        elif word.kind is Kind.ADDRESS and one.name == "background":
            yield "css-background-image"
        elif word.kind is Kind.NAME and one.name == "display" and text in _DISPLAYS:
            yield _DISPLAYS[text]
        elif word.kind is Kind.NAME and text in _INTRINSIC:
            yield "css-intrinsic-size"


def has_fallback(slug: str, one: Declared, block: tuple[Declared, ...]) -> bool:
    """Whether whoever drops a value finds another one before it, or a colour behind a picture."""
    if slug not in _FALLS_BACK:
        return False
    for other in block:
        if other.name == "background-color" and one.name.startswith("background"):
            return True
        if other is one:
            return False
        if other.name == one.name and slug not in [*of_declaration(other)]:
            return True
    return False


def of_at_rule(one: At) -> Iterator[str]:
    slug = f"css-at-{one.keyword.removeprefix('-webkit-')}"
    if slug in support().titles:
        yield slug
    if one.keyword == "media":
        yield from (feature for word, feature in _MEDIA.items() if word in one.prelude)


def of_selector(rule: Rule, *, inlined: bool) -> Iterator[str]:
    """What a mail program has to know to find the rule's elements."""
    plain = re.sub(r"\[[^\]]*\]|\([^)]*\)|\"[^\"]*\"", "", rule.selector)
    for name in _PSEUDO.findall(plain):
        if inlined and name in _WORKED_OUT:
            continue
        for slug in (f"css-pseudo-class-{name}", f"css-pseudo-element-{name}"):
            if slug in support().titles:
                yield slug
    if inlined:
        return
    if "[" in rule.selector:
        yield "css-selector-attribute"
    yield from (slug for sign, slug in _COMBINATORS.items() if sign in plain)


def of_tag(tag: Tag) -> Iterator[tuple[str, int]]:
    """The features of an element and of its attributes, each with its offset."""
    own = _ELEMENTS.get(tag.name, f"html-{tag.name}")
    if tag.name == "button":
        kind = tag.get("type") or "submit"
        own = f"html-button-{kind}"
    if own in support().titles:
        yield own, tag.at
    for one in tag.attributes:
        if one.name in _ATTRIBUTES:
            yield _ATTRIBUTES[one.name], one.at
        elif tag.name == "img" and one.name == "src" and (found := _SUFFIX.search(one.value)):
            suffix = found[1].lower()
            yield f"image-{_FORMATS.get(suffix, suffix)}", one.value_at
