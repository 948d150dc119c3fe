"""Campaigns and sequences that are right: what the files come to, with places, sources and defaults."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.campaigns.load import load_catalogue
from newsletter.campaigns.models import Campaign, Catalogue, Status, StepRef
from newsletter.errors import Place, Severity
from newsletter.files.project import Project
from newsletter.settings.load import load_settings

Load = Callable[[Mapping[str, str]], Catalogue]

HEAD = 'subject = "Hej"\ntemplate = "plain"\nsegment = "alla"\n'


def letter(more: str = "", head: str = HEAD) -> str:
    return f"+++\n{head}{more}+++\nHej!\n"


def only(catalogue: Catalogue) -> Campaign:
    assert catalogue.problems == {}
    (campaign,) = catalogue.campaigns.values()
    return campaign


class TestCampaign:
    def test_all_keys(self, load: Load) -> None:
        campaign = only(
            load(
                {
                    "sommar/recap.md": "+++\n"
                    "subject   = \"{{ subscriber.first_name or 'Hej' }}, det här hände & är över\"\n"
                    'preheader = "Tre samtal"\n'
                    'template  = "recap"\n'
                    'segment   = "almedalen-2015"\n'
                    'exclude   = ["partners", "press"]\n'
                    'language  = "sv-SE"\n'
                    'status    = "ready"\n'
                    'send_at   = "2015-07-03 09:00"\n'
                    'from      = "Birger & Blom <hej@example.org>"\n'
                    'reply_to  = "svar@example.org"\n'
                    'tags      = ["almedalen"]\n'
                    'allow     = ["C101"]\n'
                    'late_after = "2 days"\n'
                    "[data]\n"
                    'album_url = "https://example.org/album"\n'
                    "+++\n"
                    "Hej!\n\n## Rubrik\n"
                }
            )
        )
        assert campaign == Campaign(
            id="sommar/recap",
            file="campaigns/sommar/recap.md",
            body="Hej!\n\n## Rubrik\n",
            body_line=18,
            subject="{{ subscriber.first_name or 'Hej' }}, det här hände & är över",
            template="recap",
            language="sv-SE",
            status=Status.READY,
            preheader="Tre samtal",
            segment="almedalen-2015",
            exclude=("partners", "press"),
            send_at=datetime(2015, 7, 3, 7, 0, tzinfo=UTC),
            timezone="Europe/Stockholm",
            data={"album_url": "https://example.org/album"},
            sender="Birger & Blom <hej@example.org>",
            reply_to="svar@example.org",
            tags=("almedalen",),
            allow=frozenset({"C101"}),
            late_after=timedelta(days=2),
            places=campaign.places,
            sources=("campaigns/sommar/recap.md",),
        )
        assert str(campaign.place("segment")) == "campaigns/sommar/recap.md:5:13"
        assert str(campaign.place("exclude", "1")) == "campaigns/sommar/recap.md:6:26"
        assert str(campaign.place("data", "album_url")) == "campaigns/sommar/recap.md:16:13"
        assert campaign.place("utm") == Place("campaigns/sommar/recap.md", 1)

    def test_the_least(self, load: Load) -> None:
        campaign = only(load({"hej.md": letter()}))
        assert (campaign.status, campaign.language, campaign.send_at) == (Status.DRAFT, "sv", None)
        assert (campaign.sender, campaign.late_after, campaign.step) == ("", None, None)

    @pytest.mark.parametrize(
        ("keys", "instant"),
        [
            ('send_at = "2015-07-03 09:00"', "2015-07-03T07:00"),
            ('send_at = "2015-12-03T09:00:30"', "2015-12-03T08:00:30"),
            ("send_at = 2015-07-03T09:00:00", "2015-07-03T07:00"),
            ("send_at = 2015-07-03 09:00:00", "2015-07-03T07:00"),
            # with an offset it is exact, whatever zone is named
            ("send_at = 2015-07-03T09:00:00+05:30", "2015-07-03T03:30"),
            ("send_at = 2015-07-03T09:00:00Z", "2015-07-03T09:00"),
            ('send_at = "2015-07-03 09:00-04:00"\ntimezone = "Asia/Tokyo"', "2015-07-03T13:00"),
            # the zone that is named here
            ('send_at = "2015-07-03 09:00"\ntimezone = "America/New_York"', "2015-07-03T13:00"),
            # the doubled hour: its first run
            ('send_at = "2015-10-25 02:30"', "2015-10-25T00:30"),
        ],
    )
    def test_send_at(self, load: Load, keys: str, instant: str) -> None:
        campaign = only(load({"hej.md": letter(keys + "\n")}))
        assert campaign.send_at == datetime.fromisoformat(instant).replace(tzinfo=UTC)
        assert campaign.send_at.tzinfo is UTC

    def test_send_at_in_the_skipped_hour_goes_behind_it_and_says_so(self, load: Load) -> None:
        catalogue = load({"hej.md": letter('send_at = "2015-03-29 02:30"\n')})
        assert catalogue.campaigns["hej"].send_at == datetime(2015, 3, 29, 1, 0, tzinfo=UTC)
        (problem,) = catalogue.problems["hej"]
        assert problem.severity is Severity.HINT
        assert problem.as_text() == (
            "hint     F304  `send_at`: 02:30 does not exist on 2015-03-29 in Europe/Stockholm   campaigns/hej.md:5:11\n"
            "   try:  it goes at 03:00, when the clocks have changed"
        )

    @pytest.mark.parametrize("name", ["./letter.mjml", "recap", "2015/sommar", "välkommen"])
    def test_templates(self, load: Load, name: str) -> None:
        campaign = only(load({"a/campaign.md": letter(head=HEAD.replace("plain", name))}))
        assert (campaign.template, campaign.folder) == (name, "campaigns/a")

    @pytest.mark.parametrize("tag", ["sv", "en-GB", "sr-Latn-RS", "es-419", "sl-rozaj", "de-CH-1996"])
    def test_languages(self, load: Load, tag: str) -> None:
        assert only(load({"a.md": letter(f'language = "{tag}"\n')})).language == tag

    def test_line_ends_and_byte_order_mark_of_windows(self, tmp_path: Path) -> None:
        (tmp_path / "newsletter.toml").write_text("", encoding="utf-8")
        (tmp_path / "campaigns").mkdir()
        text = "\ufeff" + letter().replace("\n", "\r\n")
        (tmp_path / "campaigns" / "hej.md").write_bytes(text.encode())
        project = Project(tmp_path)
        assert only(load_catalogue(project, load_settings(project))).body == "Hej!\n"


class TestNames:
    def test_what_is_a_campaign_and_what_is_none(self, load: Load) -> None:
        catalogue = load(
            {
                "hej.md": letter(),
                "recap/campaign.md": letter(),
                "recap/anteckning.txt": "x",
                "2015/sommar/juli.md": letter(),
                "2015/sommar/aug/campaign.md": letter(),
                "README.md": "läs mig",
                "2015/readme.md": "läs mig",
                "_utkast.md": "x",
                "_snippets/adress.md": "x",
                "recap/_gammal/campaign.md": "x",
                ".hej.md": "x",
            }
        )
        assert catalogue.problems == {}
        assert list(catalogue.campaigns) == ["2015/sommar/aug", "2015/sommar/juli", "hej", "recap"]
        assert catalogue.campaigns["recap"].file == "campaigns/recap/campaign.md"

    def test_no_folder_is_no_campaigns(self, load: Load) -> None:
        assert load({}) == Catalogue({}, {}, {})


class TestDefaults:
    def test_the_nearer_wins_and_data_key_by_key(self, load: Load) -> None:
        catalogue = load(
            {
                "_defaults.toml": 'template = "base"\ntags = ["alla"]\nexclude = ["press"]\n[data]\na = 1\nb = 1\n',
                "2015/_defaults.toml": 'timezone = "UTC"\ntags = ["b", "c"]\n[data]\nb = 2\nc = 2\n',
                "2015/x.md": letter(
                    'send_at = "2015-07-03 09:00"\n[data]\nc = 3\n',
                    head='subject = "Hej"\nsegment = "alla"\n',
                ),
            }
        )
        campaign = only(catalogue)
        assert (campaign.template, campaign.tags, campaign.exclude) == ("base", ("b", "c"), ("press",))
        assert campaign.send_at == datetime(2015, 7, 3, 9, 0, tzinfo=UTC)
        assert campaign.data == {"a": 1, "b": 2, "c": 3}
        assert {".".join(keys): str(place) for keys, place in campaign.places.items()} == {
            "template": "campaigns/_defaults.toml:1:12",
            "exclude": "campaigns/_defaults.toml:3:11",
            "exclude.0": "campaigns/_defaults.toml:3:12",
            "data.a": "campaigns/_defaults.toml:5:5",
            "timezone": "campaigns/2015/_defaults.toml:1:12",
            "tags": "campaigns/2015/_defaults.toml:2:8",
            "tags.0": "campaigns/2015/_defaults.toml:2:9",
            "tags.1": "campaigns/2015/_defaults.toml:2:14",
            "data.b": "campaigns/2015/_defaults.toml:4:5",
            "subject": "campaigns/2015/x.md:2:11",
            "segment": "campaigns/2015/x.md:3:11",
            "send_at": "campaigns/2015/x.md:4:11",
            "data": "campaigns/2015/x.md:5:1",
            "data.c": "campaigns/2015/x.md:6:5",
        }
        assert campaign.sources == (
            "campaigns/2015/x.md",
            "campaigns/_defaults.toml",
            "campaigns/2015/_defaults.toml",
        )


STEP = '+++\nsubject = "Tips"\n+++\nHej!\n'


class TestSequence:
    def test_all_keys(self, load: Load) -> None:
        catalogue = load(
            {
                "_defaults.toml": 'language = "en"\ntags = ["alla"]\nexclude = ["press"]\n',
                "tips/sequence.toml": 'status = "paused"\nsegment = "alla"\nexit = ["klara"]\n'
                'template = "tip"\nlanguage = "sv"\n'
                'window = { days = "mon-fri", from = "08:00", to = "10:00" }\nmin_gap = "20 hours"\n'
                "[data]\nof = 2\n"
                '[[step]]\nid = "ett"\nwait = "0 days"\n'
                '[[step]]\nid = "tva"\nwait = "2 days"\nfile = "02-tva.md"\n',
                "tips/ett.md": '+++\nsubject = "Ett"\nlanguage = "fi"\n[data]\nno = 1\n+++\nHej!\n',
                "tips/02-tva.md": '+++\nsubject = "Två"\ntemplate = "./sist.mjml"\n+++\nHej då!\n',
            }
        )
        assert catalogue.problems == {}
        sequence = catalogue.sequences["tips"]
        assert (sequence.status, sequence.segment, sequence.exit) == (Status.PAUSED, "alla", ("klara",))
        assert (str(sequence.window), str(sequence.min_gap)) == (
            "mon-fri 08:00-10:00",
            "20 hours",
        )
        assert sequence.zone.key == "Europe/Stockholm"
        assert str(sequence.place("segment")) == "campaigns/tips/sequence.toml:2:11"
        assert str(sequence.place("exit", "0")) == "campaigns/tips/sequence.toml:3:9"
        assert str(sequence.place("step", "1", "wait")) == "campaigns/tips/sequence.toml:15:8"
        assert sequence.sources == ("campaigns/tips/sequence.toml", "campaigns/_defaults.toml")
        ett, tva = sequence.steps
        assert (ett.id, str(ett.wait), tva.id, str(tva.wait)) == ("ett", "0 days", "tva", "2 days")
        # the step's own keys beat sequence.toml, which beats _defaults.toml
        assert (ett.campaign.language, tva.campaign.language) == ("fi", "sv")
        assert (ett.campaign.template, tva.campaign.template) == ("tip", "./sist.mjml")
        assert (ett.campaign.tags, ett.campaign.data) == (("alla",), {"of": 2, "no": 1})
        assert ett.campaign.exclude == ("press",)  # whom a folder leaves out gets no step either
        assert tva.campaign.id == "tips/tva"
        assert tva.campaign.step == StepRef("tips", "tva", 2, 2)
        assert (tva.campaign.status, tva.campaign.segment, tva.campaign.send_at) == (Status.PAUSED, "", None)
        assert tva.campaign.sources == (
            "campaigns/tips/02-tva.md",
            "campaigns/tips/sequence.toml",
            "campaigns/_defaults.toml",
        )

    def test_the_least(self, load: Load) -> None:
        toml = 'segment = "alla"\ntemplate = "tip"\n[[step]]\nid = "ett"\nwait = "0 days"\n'
        sequence = load({"a/b/tips/sequence.toml": toml, "a/b/tips/ett.md": STEP}).sequences["a/b/tips"]
        assert (sequence.status, sequence.window, sequence.min_gap) == (Status.DRAFT, None, None)
        assert sequence.steps[0].campaign.id == "a/b/tips/ett"
        assert sequence.step("ett") is sequence.steps[0]
        assert sequence.step("tva") is None

    @pytest.mark.parametrize(
        ("sequence", "defaults", "zone"),
        [("", "", "Europe/Stockholm"), ("", "UTC", "UTC"), ("Asia/Tokyo", "UTC", "Asia/Tokyo")],
    )
    def test_its_zone(self, load: Load, sequence: str, defaults: str, zone: str) -> None:
        top = f'timezone = "{sequence}"\n' if sequence else ""
        toml = top + 'segment = "alla"\ntemplate = "tip"\n[[step]]\nid = "ett"\nwait = "0 days"\n'
        handed = f'timezone = "{defaults}"\n' if defaults else ""
        catalogue = load({"_defaults.toml": handed, "tips/sequence.toml": toml, "tips/ett.md": STEP})
        assert catalogue.sequences["tips"].timezone == zone
        assert catalogue.sequences["tips"].steps[0].campaign.timezone == zone


def test_the_shipped_campaigns_load() -> None:
    project = Project(Path(__file__).parents[2])
    catalogue = load_catalogue(project, load_settings(project))
    assert catalogue.problems == {}
    assert list(catalogue.campaigns) == ["almedalen-recap", "valkommen-birger-blom", "valkommen-komm"]
    assert [step.id for step in catalogue.sequences["sju-tips"].steps] == [
        "budskapet",
        "lyhordhet",
        "energi",
        "utbilda",
        "beratta",
        "malgruppen",
        "natverka",
    ]
