"""What the checks work out of colours and sizes without a browser is what a browser shows."""

from collections.abc import Callable
from typing import Any

import pytest

from newsletter.check.computed import Letter, Text

PROBES = """\
<!doctype html><html><head><style>
  body { background-color: #fbf8f3; color: #1f2530 }
  .a { color: red }
  .b.a { color: green }
  #c { color: blue !important }
  p.d { color: #123456; font: bold 20px/1.5 Arial, sans-serif }
  .e > span { background: rgba(0, 0, 0, 0.5); color: hsl(10 50% 40%) }
  .f { background: #ffeedd none; }
  .g { background: rgb(10, 20, 30) !important; color: white }
  @media print { .a { color: yellow } }
  @media (prefers-color-scheme: dark) {
    body { background-color: #171a20; color: #ece8e1 }
    .a { color: #f5a3b1 !important }
    .f { background-color: #21262e }
  }
</style></head><body>
<div role="article"><div><a href="https://example.org/u/token">zero</a></div></div>
<p>one</p><p class="a">two</p><p class="a b">three</p><p class="a" id="c" style="color:black">four</p>
<p class="d">five <b style="font-weight:normal">six</b></p>
<div class="e" style="background-color:#ffffff"><span>seven</span></div>
<div class="f" style="color:inherit"><a href="https://example.org/" style="color:#0a5c2c">eight</a> <small>nine</small></div>
<table bgcolor="#abcdef" style="color:#222222"><tr><td class="g" style="background:white">ten</td><td>eleven</td></tr></table>
<h1>twelve</h1><h2 style="font-size:150%">thirteen</h2><h3 style="font-size:2em">fourteen <em style="font-size:x-large">fifteen</em></h3>
<font color="#445566">sixteen</font>
<p style="color:transparent;color:nonsense;font-size:12pt">seventeen</p>
<div style="display:none">hidden</div>
</body></html>
"""


def _of(text: Text) -> dict[str, Any]:
    colour, ground = text.look.colour, text.look.ground
    assert colour
    assert ground
    return {
        "text": text.text,
        "size": round(text.look.size, 1),
        "colour": [round(part * 255) for part in colour[:3]],
        "ground": [round(part * 255) for part in ground[:3]],
    }


def _measured(text: dict[str, Any]) -> dict[str, Any]:
    words = " ".join(text["text"].split())
    parts = {"colour": text["colour"], "ground": text["ground"]}
    return {
        "text": words,
        "size": round(text["size"], 1),
        **{name: [round(part) for part in value[:3]] for name, value in parts.items()},
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_shipped_letters_are_drawn_as_a_browser_draws_them(
    scheme: str, letters_in: Callable[..., Any], open_screen: Callable[..., Any]
) -> None:
    screen = open_screen(color_scheme=scheme, java_script_enabled=False)
    screen.width(1000)
    for name, letter in letters_in("ours").items():
        screen.show(letter.html)
        seen = [_measured(text) for text in screen.measure()["texts"] if any(map(str.isalnum, text["text"]))]
        drawn = [
            _of(text) for text in Letter(letter.html).texts(dark=scheme == "dark") if not text.look.hidden
        ]
        assert drawn == seen, name
    screen.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_cascade_is_that_of_a_browser(scheme: str, open_screen: Callable[..., Any]) -> None:
    screen = open_screen(color_scheme=scheme, java_script_enabled=False)
    screen.show(PROBES)
    seen = {text["text"]: _measured(text) for text in screen.measure()["texts"]}
    screen.close()
    drawn = {text.text: text for text in Letter(PROBES).texts(dark=scheme == "dark") if not text.look.hidden}
    assert drawn.keys() == seen.keys()
    for name, text in drawn.items():
        if name == "seven":  # a browser tells the half-transparent colour, not what shows through
            assert text.look.ground is not None
            continue
        assert _of(text) == seen[name], name
