"""The shipped letters say what their facts say, in both parts, to everybody who gets one."""

import email
import email.policy
import re
from pathlib import Path

import html5lib
import pytest

from newsletter.campaigns.load import load_catalogue
from newsletter.files.project import Project
from newsletter.settings.load import load_settings

ROOT = Path(__file__).resolve().parents[2]
NOW = "2015-07-03T09:00"
PANEL = {
    "Amanda Lundeteg": "VD, AllBright",
    "Azita Shariati": "VD, Sodexo",
    "Anna Wahl": "professor of gender, organisation and management, KTH",
    "Vahid Zohali": "Vice president Banking Sector, Tieto",
    "Lisa Parfelt": "Difference Maker, Spotify",
}
RECAP = [
    "Mattias Jansson", "den twittrande kommunchefen", "kommundirektör i Botkyrka", "Katrineholm", "28 juni",
    "medborgarnas fokus", "Hur skapar vi ett jämställt och diversifierat näringsliv?", *PANEL, *PANEL.values(),
    "Swedish Data Community", "29 juni", "1 600",
    "En hackande nation – hur ska vi utnyttja de svenska IT-resurserna?", "Pernilla Rydmark", "Joakim Jardenberg",
    "Patrik Jutterström", "Joshua Krammes", "Claes Magnusson",
]  # fmt: skip
TIPS = {
    "budskapet": "Budskapet", "lyhordhet": "Lyhördhet", "energi": "Energi", "utbilda": "Utbilda",
    "beratta": "Berätta", "malgruppen": "Målgruppen", "natverka": "Nätverka",
}  # fmt: skip
SEVEN = [
    "Lena Miranda", "Emma Knaggård Wendt", "Johan Hedin", "Vidar Aronsson", "Cecilia Sandahl", "Eric Tegnander",
    "Brit Stakston", "Mjärdevi Science Park", "CoderDojo", "Ung Cancer", "Mattecentrum", "Centerpartiet", "SSU",
    "SKL", "Almedalsdrinken",
]  # fmt: skip


def plain(text: str) -> str:
    """As it is read: blanks and hyphens of all kinds are one, addresses and signs of lists are gone."""
    text = re.sub(r"\s*\(?<?https?://[^\s>)]+>?\)?", " ", text)
    text = re.sub(r"(?m)^\s*(?:[-*•]|\d+\.|#+|>)\s+", "", text)
    return re.sub(
        r"[\s\u00a0\u202f]+", " ", text.replace("\u200c", "").replace("\u034f", "").replace("\u2011", "-")
    ).strip()


def parts(newsletter, name: str, *who: str) -> tuple[email.message.EmailMessage, str, str]:
    """The message, its text and what the HTML shows."""
    called = newsletter("-C", ROOT, "render", name, "--format", "eml", "--now", NOW, *who)
    assert called.code == 0, called.err
    message = email.message_from_string(called.out.replace("\r\n", "\n"), policy=email.policy.default)
    html = message.get_body(("html",)).get_content()
    text = message.get_body(("plain",)).get_content()
    return message, text, html


def visible(html: str) -> list[str]:
    """The texts of headings, paragraphs and list items, in order; the preheader and hidden parts left out."""
    tree = html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)
    for line_break in tree.iter("br"):
        line_break.tail = f" {line_break.tail or ''}"
    shown = (element for element in tree.iter() if element.tag in ("p", "li", "h1", "h2", "h3", "a"))
    found = [plain("".join(element.itertext())) for element in shown]
    return [text for text in found if text]


def all_letters() -> list[str]:
    project = Project(ROOT)
    catalogue = load_catalogue(project, load_settings(project))
    steps = [step.campaign.id for sequence in catalogue.sequences.values() for step in sequence.steps]
    return sorted([*catalogue.campaigns, *steps])


def test_there_are_ten_letters():
    assert all_letters() == sorted(
        ["almedalen-recap", "valkommen-birger-blom", "valkommen-komm", *(f"sju-tips/{step}" for step in TIPS)]
    )


@pytest.mark.parametrize("name", all_letters())
def test_both_parts_say_the_same(name, newsletter):
    _, text, html = parts(newsletter, name)
    read = plain(text).casefold()  # "Tips 3 av 7" may stand behind "HejDigitalt:" in the text
    for shown in visible(html):
        assert shown.casefold() in read, f"{shown!r} is only in the HTML of {name}"


def test_recap_has_every_name_title_and_date_in_both_parts(newsletter):
    _, text, html = parts(newsletter, "almedalen-recap")
    read, shown = plain(text), plain(" ".join(visible(html)))
    whole = plain("".join(html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False).itertext()))
    for fact in RECAP:
        assert fact in read, fact
        assert fact in shown or fact in whole, fact


def test_closing_differs_in_visby(newsletter):
    _, visby, _ = parts(newsletter, "almedalen-recap", "--as", "asa.oberg@example.org")
    _, elsewhere, _ = parts(newsletter, "almedalen-recap", "--as", "anna.lindqvist@example.org")
    closings = [text.rpartition("Vi ses")[2] or text for text in (visby, elsewhere)]
    assert plain(visby.replace("Åsa", "")) != plain(elsewhere.replace("Anna", ""))
    assert closings[0] != closings[1]


def test_the_ampersand_is_right_everywhere(newsletter, tmp_path):
    message, text, html = parts(newsletter, "valkommen-birger-blom")
    for where in (message["Subject"], text, "".join(visible(html))):
        assert "Birger & Blom" in plain(where)
        assert "&amp;" not in where
    assert "&amp;amp;" not in html
    assert re.search(r"Birger(?: |\u00a0|&nbsp;)&amp;", html)
    assert "birgerochblom.se" in text
    rehearsed = newsletter(
        "-C",
        ROOT,
        "send",
        "valkommen-birger-blom",
        "-n",
        "--now",
        NOW,
        "--json",
        "--out",
        tmp_path,
    )
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Birger &amp; Blom" in report
    assert "Birger & Blom" in rehearsed.data["subject_samples"][0]


def test_komm_names_its_people_and_themes(newsletter):
    _, text, _ = parts(newsletter, "valkommen-komm")
    for fact in ("KOMM", "Sveriges Kommunikationsbyråer", "Jessica Bjurström", "Hej Politiker!", "Almedalen"):
        assert fact in plain(text), fact


def test_seven_tips_show_their_number_and_credit_the_seven(newsletter):
    credited = set()
    for number, (step, title) in enumerate(TIPS.items(), 1):
        _, text, html = parts(newsletter, f"sju-tips/{step}")
        assert f"{number} av 7" in plain(text)
        assert f"{number} av 7" in plain(" ".join(visible(html)) + html)
        assert title in plain(text)
        credited |= {fact for fact in SEVEN if fact in plain(text)}
    assert credited == set(SEVEN)
