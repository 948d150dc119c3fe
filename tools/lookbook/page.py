"""The gallery as one static page: choose what to see, and see it side by side."""

from collections.abc import Iterable, Mapping
from html import escape

from lookbook.letters import READERS, Letter
from lookbook.screen import MODES
from lookbook.views import PICTURES, WIDTHS, View

_CHOICES = {
    "width": [str(width) for width in WIDTHS],
    "mode": list(MODES),
    "pictures": list(PICTURES),
    "reader": list(READERS),
}
_FIRST = {"width": {"320", "600"}, "mode": {"light", "dark"}, "pictures": {"with"}, "reader": {"typical"}}

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
header { position: sticky; top: 0; padding: 8px 16px; background: Canvas; border-bottom: 1px solid GrayText; }
h1 { margin: 0; font-size: 20px; }
fieldset { display: inline-block; margin: 0 24px 0 0; padding: 0; border: 0; }
legend { float: left; margin-right: 8px; font-weight: bold; }
label { margin-right: 8px; }
nav a { margin-right: 12px; white-space: nowrap; }
section { padding: 16px; overflow-x: auto; }
.row { display: flex; gap: 16px; align-items: flex-start; }
figure { margin: 0; } figure img { border: 1px solid GrayText; max-width: none; }
figcaption { font-size: 14px; } pre { font-size: 14px; }
.changed img { outline: 4px solid Highlight; }
"""

_SCRIPT = """
const chosen = () => Object.fromEntries([...document.querySelectorAll('fieldset')].map((set) =>
  [set.name, [...set.querySelectorAll('input:checked')].map((input) => input.value)]));
const choose = () => {
  const wanted = chosen();
  for (const figure of document.querySelectorAll('figure'))
    figure.hidden = Object.entries(wanted).some(([name, values]) => !values.includes(figure.dataset[name]));
};
document.querySelector('header').addEventListener('change', choose);
choose();
"""


def gallery_page(
    views: Iterable[View],
    shown: Mapping[str, Mapping[str, Letter]],
    changes: Mapping[str, Mapping[str, str]],
) -> str:
    """changes: by subject and a view's name, what differs from the thumbnails that are kept"""
    by_subject: dict[str, list[View]] = {}
    for view in views:
        by_subject.setdefault(view.subject, []).append(view)
    links = "".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in by_subject)
    sections = "".join(
        _section(name, some, shown[name]["typical"].text, changes.get(name, {}))
        for name, some in by_subject.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Gallery of letters and blocks</title>'
        f"<style>{_STYLE}</style></head><body>\n<header><h1>Gallery of letters and blocks</h1>"
        f"{''.join(_choice(name) for name in _CHOICES)}<nav>{links}</nav></header>\n<main>{sections}</main>"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _anchor(subject: str) -> str:
    return subject.replace("/", "-")


def _choice(name: str) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" value="{value}"{" checked" if value in _FIRST[name] else ""}> {value}</label>'
        for value in _CHOICES[name]
    )
    return f'<fieldset name="{name}"><legend>{name}</legend>{boxes}</fieldset>'


def _section(subject: str, views: Iterable[View], text: str, changes: Mapping[str, str]) -> str:
    figures = "".join(_figure(view, changes.get(view.name, "")) for view in views)
    return (
        f'<section id="{_anchor(subject)}"><h2>{escape(subject)}</h2><div class="row">{figures}</div>'
        f"<details><summary>Text part</summary><pre>{escape(text)}</pre></details></section>\n"
    )


def _figure(view: View, change: str) -> str:
    said = f"{view.reader}, {view.width} px, {view.mode}, {view.pictures} pictures"
    return (
        f'<figure data-width="{view.width}" data-mode="{view.mode}" data-pictures="{view.pictures}" '
        f'data-reader="{view.reader}"{" class=changed" if change else ""}>'
        f'<img src="{escape(view.file)}" width="{view.width}" loading="lazy" alt="{escape(view.subject)}: {said}">'
        f"<figcaption>{said}{f': {change}' if change else ''}</figcaption></figure>"
    )
