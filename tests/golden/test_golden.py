"""Our compiler held against the official one: each probe and each shipped letter, token by token.

`known_differences.toml` may only shrink: a difference that is not in it fails, and so does an entry that no longer is one.
"""

import difflib
import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

from newsletter.render.mjml.engine import MjmlPython
from newsletter.render.mjml.fault import Faulty
from newsletter.render.mjml.layer import Page, compile_mjml

HERE = Path(__file__).parent


def _module(name: str):
    spec = importlib.util.spec_from_file_location(f"golden_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


structure, letters, probes = _module("structure"), _module("letters"), _module("probes")
PAGE = Page("sv", "ltr", "", "")
LETTERS = sorted(path.stem for path in (HERE / "letters").glob("*.mjml"))
INPUTS = {f"probes/{name}": mjml for name, mjml in probes.PROBES.items()} | {
    f"letters/{name}": (HERE / "letters" / f"{name}.mjml").read_text(encoding="utf-8") for name in LETTERS
}
KNOWN = tomllib.loads((HERE / "known_differences.toml").read_text(encoding="utf-8"))
REFUSED = {f"probes/{name}": reason for name, reason in KNOWN["refused"].items()}


def differences(golden: str) -> list[tuple[list[str], list[str]]]:
    """What the official compiler says and what ours says instead."""
    theirs = structure.tokens((HERE / f"{golden}.html").read_text(encoding="utf-8"))
    ours = structure.tokens(compile_mjml(INPUTS[golden], PAGE, MjmlPython()).html)
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    return [(theirs[a:b], ours[x:y]) for kind, a, b, x, y in matcher.get_opcodes() if kind != "equal"]


@pytest.mark.parametrize("golden", [golden for golden in INPUTS if golden not in REFUSED])
def test_it_says_what_the_official_compiler_says(golden: str) -> None:
    known = [(one["theirs"], one["ours"]) for one in KNOWN["difference"] if golden in one["goldens"]]
    assert differences(golden) == known


@pytest.mark.parametrize("golden", REFUSED)
def test_what_the_engine_cannot_do_is_refused_by_name(golden: str) -> None:
    with pytest.raises(Faulty) as faulty:
        compile_mjml(INPUTS[golden], PAGE, MjmlPython())
    assert {fault.code for fault in faulty.value.faults} == {"T127"}
    assert REFUSED[golden] in str(faulty.value)


def test_every_known_difference_names_goldens_that_are_there_and_a_reason() -> None:
    for one in KNOWN["difference"]:
        assert set(one["goldens"]) <= set(INPUTS), one
        assert len(one["reason"]) > 20, one
    assert set(REFUSED) <= set(INPUTS)
    assert {path.stem for path in (HERE / "probes").glob("*.html")} == set(probes.PROBES)


@pytest.mark.parametrize("name", letters.shipped())
def test_the_golden_letters_are_those_that_ship(name: str) -> None:
    golden = HERE / "letters" / f"{name.replace('/', '-')}.mjml"
    assert f"{letters.letter(name)}\n" == golden.read_text(encoding="utf-8"), "make golden, and read the diff"


def test_the_comparison_sees_what_matters() -> None:
    one = '<td style="width:600px;color:#fff" class="a b"><!--[if mso]><p>x</p><![endif]-->å</td>'
    same = '<TD class="b  a" style="COLOR:#FFFFFF; width:600.0004px"><!--[if mso]><p>x</p><![endif]--> &aring; </td>'
    assert structure.tokens(one) == structure.tokens(same)
    for other in (
        one.replace("600px", "601px"),
        one.replace("[if mso]", "[if !mso]"),
        one.replace("<p>x</p>", "<p>y</p>"),
        one.replace("å", "ä"),
        one.replace("<![endif]-->", "").replace("</td>", "<![endif]--></td>"),
        one.replace(' class="a b"', ""),
    ):
        assert structure.tokens(one) != structure.tokens(other)
