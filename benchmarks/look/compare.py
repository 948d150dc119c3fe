"""The recap beside what others make of the same words: inkletter, emailmd, and MJML's own defaults.

    .venv/bin/python benchmarks/look/compare.py

Sets the others up in out/look (pip and npm), measures all four in Chromium, prints a table in Markdown. Judges nothing.
"""

import base64
import re
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from lookbook.letters import letters  # noqa: E402 - it lies beside, in no package
from lookbook.screen import MODES, Browser, Screen, browser, contrast  # noqa: E402
from mjml import mjml2html  # noqa: E402

HERE = Path(__file__).parent
OUT = ROOT / "out" / "look"
CAMPAIGN = ROOT / "campaigns" / "almedalen-recap"
PICTURES = "https://bilder.example.org/"


@dataclass(frozen=True)
class Made:
    html: str
    text: str
    shown: str = ""  # with the pictures in it, if it names them in another way than by their address


def main() -> None:
    """Make, measure, print."""
    OUT.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[], Made]] = {
        "newsletter": ours,
        "inkletter 3.4.0": inkletter,
        "emailmd 0.3.5": emailmd,
        "MJML defaults": defaults,
    }
    made = {name: make() for name, make in makers.items()}
    with browser() as open_screen:
        columns = {name: measured(one, open_screen, name) for name, one in made.items()}
    print(f"| | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}")
    for row in next(iter(columns.values())):
        print(f"| {row} | {' | '.join(str(column[row]) for column in columns.values())} |")
    print(f"\npictures: {OUT.relative_to(ROOT)}/*.png")


def ours() -> Made:
    letter = next(one for name, reader, one in letters() if (name, reader) == ("almedalen-recap", "typical"))
    return Made(letter.html, letter.text, letter.shown)


def inkletter() -> Made:
    place = OUT / "venv"
    program = place / "bin" / "inkletter"
    if not program.is_file():
        venv.create(place, with_pip=True)
        _run(place / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt")
    source = _file("inkletter.md", plain_markdown())
    _run(program, "md2html", source, "-o", OUT / "inkletter.html")
    _run(program, "md2txt", source, "-o", OUT / "inkletter.txt")
    return Made(_read("inkletter.html"), _read("inkletter.txt"))


def emailmd() -> Made:
    for name in ("package.json", "package-lock.json"):
        _file(name, (HERE / name).read_text(encoding="utf-8"))
    program = OUT / "node_modules" / ".bin" / "emailmd"
    if not program.exists():
        _run("npm", "ci", "--no-audit", "--no-fund", "--silent")
    words = re.sub(r"^\*\*\[(.+?)\]\((.+?)\)\*\*$", r"[\1](\2){button}", plain_markdown(), flags=re.MULTILINE)
    source = _file("emailmd.md", f"---\npreheader: Tre samtal\n---\n\n{words}")
    _run(program, source, "-o", OUT / "emailmd.html")
    _run(program, source, "--text", "-o", OUT / "emailmd.txt")
    return Made(_read("emailmd.html"), _read("emailmd.txt"))


def defaults() -> Made:
    """Each paragraph in <mj-text>, pictures and buttons in theirs, no attribute but what they need."""
    from markdown_it import MarkdownIt

    parts = []
    for paragraph in re.split(r"\n{2,}", plain_markdown()):
        if picture := re.fullmatch(r"!\[(.*?)\]\((.*?)\)", paragraph):
            parts.append(f'<mj-image alt="{picture[1]}" src="{picture[2]}" />')
        elif button := re.fullmatch(r"\*\*\[(.*?)\]\((.*?)\)\*\*", paragraph):
            parts.append(f'<mj-button href="{button[2]}">{button[1]}</mj-button>')
        else:
            html = MarkdownIt("commonmark").render(paragraph).replace("<br>", "<br />")
            parts.append(f"<mj-text>{html}</mj-text>")
    body = "".join(parts)
    page = f"<mjml><mj-body><mj-section><mj-column>{body}</mj-column></mj-section></mj-body></mjml>"
    return Made(mjml2html(page), "")


def plain_markdown() -> str:
    """The campaign's words as CommonMark: its blocks, kinds and merge fields spelled out for one reader."""
    source = (CAMPAIGN / "campaign.md").read_text(encoding="utf-8")
    _, front, body = source.split("+++\n", 2)
    headline = re.search(r'^headline = "(.*)"$', front, re.MULTILINE)
    if headline is None:
        raise LookupError("the recap has no headline")
    body = re.sub(r"\{% if .*?%\} \{\{.*?\}\}\{% endif %\}", " Åsa", body)
    body = re.sub(r"^::: only not .*?^:::$", "", body, flags=re.MULTILINE | re.DOTALL)
    body = re.sub(r"^::: only .*?\n(.*?)^:::$", r"\1", body, flags=re.MULTILINE | re.DOTALL)
    body = re.sub(r"^::: (\w+)\n(.*?)^:::$", _spelled_out, body, flags=re.MULTILINE | re.DOTALL)
    body = re.sub(r" \{\.\w+\}$", "", body, flags=re.MULTILINE).replace("\n---\n", "\n")
    body = re.sub(r"\]\((\w[\w-]*\.png)\)", rf"]({PICTURES}\1)", body)
    return re.sub(r"\n{3,}", "\n\n", f"# {headline[1]}\n\n{body.strip()}\n")


def _spelled_out(block: re.Match[str]) -> str:
    unfolded = re.sub(r"\n +", " ", block[2])
    fields = dict(re.findall(r"^(\w+): (.*)$", unfolded, re.MULTILINE))
    if block[1] == "person":
        return (
            f"### {fields['name']}\n\n{fields['title']}\n\n"
            f"**Problem:** {fields['problem']}\n\n**Lösning:** {fields['solution']}"
        )
    if block[1] == "quote":
        return f"> ”{fields['text']}”\n>\n> {fields['source']}"
    if block[1] == "fact":
        return f"**{fields['number']}.** {fields['label']}"
    raise LookupError(f"nobody says how `{block[1]}` is written in plain Markdown")


def measured(made: Made, open_screen: Browser, name: str) -> dict[str, object]:
    shown = made.shown or _with_pictures(made.html)
    grounds: dict[str, set[tuple[float, ...]]] = {}
    rows: dict[str, object] = {"HTML, kB": f"{len(made.html.encode()) / 1000:.1f}"}
    for mode in ("light", "dark"):
        screen = open_screen(**MODES[mode])
        screen.show(shown)
        screen.width(600)
        rows[f"axe, {mode}: serious or critical"] = _axe(screen)
        texts = screen.page.evaluate(_TEXTS)
        worst = min(texts, key=lambda text: contrast(text["colour"], text["ground"]))
        rows[f"least contrast, {mode}"] = f"{contrast(worst['colour'], worst['ground']):.1f}"
        if mode == "light":
            rows["fetched besides pictures"] = len(set(screen.requests)) or "nothing"
            rows["type sizes"] = ", ".join(f"{one:g}" for one in sorted({text["size"] for text in texts}))
            rows["lang, dir"] = screen.page.evaluate(_LANGUAGE)
            lines = screen.page.evaluate(_LINES)
            rows["characters a line at 600 px"] = round(sum(lines) / len(lines)) if lines else "–"
        grounds[mode] = {tuple(text["ground"]) for text in texts}
        screen.page.screenshot(path=OUT / f"{name.split(maxsplit=1)[0]}-{mode}.png", full_page=True)
        screen.width(320)
        rows[f"wider than 320 px, {mode}"] = (
            max(0, screen.page.evaluate("document.documentElement.scrollWidth") - 320) or "no"
        )
        screen.close()
    rows["colours of its own in the dark"] = "yes" if grounds["light"].isdisjoint(grounds["dark"]) else "no"
    longest = max((re.sub(r"https?://\S+", "", line) for line in made.text.split("\n")), key=len)
    rows["text part: longest line"] = len(longest) or "none made"
    rows["text part: headings told apart"] = _headings(made.text)
    return rows


_TEXTS = """() => {
  const rgb = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const ground = (at) => {
    for (; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches &&
      /dark/.test(getComputedStyle(document.documentElement).colorScheme) ? [18, 18, 18, 1] : [255, 255, 255, 1];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ checkOpacity: true })) continue;
    const style = getComputedStyle(element);
    if (parseFloat(style.fontSize) <= 1 || element.getBoundingClientRect().height < 2) continue;
    found.push({ size: parseFloat(style.fontSize), colour: rgb(style.color), ground: ground(element) });
  }
  return found;
}"""
_LANGUAGE = "`${document.documentElement.lang || 'none'}, ${document.documentElement.dir || 'none'}`"
_LINES = """() => [...document.querySelectorAll("p")].flatMap((p) => {
  const style = getComputedStyle(p);
  const lines = Math.round(p.getBoundingClientRect().height / parseFloat(style.lineHeight));
  return lines >= 3 && parseFloat(style.fontSize) >= 13 ? [p.textContent.length / (lines - 0.5)] : [];
})"""


def _axe(screen: Screen) -> str:
    found = [one for one in screen.axe() if one["impact"] in ("serious", "critical")]
    return ", ".join(f"{one['id']} ({len(one['nodes'])})" for one in found) or "none"


def _with_pictures(html: str) -> str:
    """Pictures as data: what is still asked of the network is something else."""
    for file in CAMPAIGN.glob("*.png"):
        data = f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
        html = html.replace(f"{PICTURES}{file.name}", data)
    return html


def _headings(text: str) -> str:
    """How many of the letter's three section headings stand out in the text: underlined, marked or in capitals."""
    if not text:
        return "–"
    titles = [
        "Från medborgarfokus till medborgarnas fokus",
        "Hur skapar vi ett jämställt och diversifierat näringsliv?",
        "Swedish Data Community är född",
    ]
    seen = [
        re.search(
            rf"^(#+ {re.escape(title)}|{re.escape(title)}\n[-=~]{{3,}}|{re.escape(title.upper())})",
            text,
            re.MULTILINE,
        )
        for title in titles
    ]
    return f"{sum(one is not None for one in seen)} of {len(titles)}"


def _run(*command: object) -> None:
    subprocess.run([str(one) for one in command], check=True, cwd=OUT, stdout=subprocess.DEVNULL)


def _file(name: str, text: str) -> Path:
    (OUT / name).write_text(text, encoding="utf-8")
    return OUT / name


def _read(name: str) -> str:
    return (OUT / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
