"""Settings: what holds, where it comes from, and every mistake in them at once."""

import os
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.errors import ConfigurationFault
from newsletter.files.project import Project, find_project
from newsletter.settings.load import load_settings, origins
from newsletter.settings.model import Settings

Make = Callable[..., Project]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("NEWSLETTER_") or name.upper() == "SENDGRID_API_KEY":
            monkeypatch.delenv(name)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(toml: str = "", dotenv: str | None = None) -> Project:
        (tmp_path / "newsletter.toml").write_text(toml, encoding="utf-8")
        if dotenv is not None:
            (tmp_path / ".env").write_text(dotenv, encoding="utf-8")
        return find_project(tmp_path)

    return write


def told(project: Project, environment: str = "local") -> list[str]:
    with pytest.raises(ConfigurationFault) as caught:
        load_settings(project, environment)
    return [" ".join(problem.as_text().split()) for problem in caught.value.problems]


def test_an_empty_file_is_a_project_that_mails_nobody(make: Make) -> None:
    settings = load_settings(make())
    assert (settings.provider, settings.live, settings.environment) == ("outbox", False, "local")
    assert (settings.timezone, str(settings.zone), settings.language) == ("UTC", "UTC", "en")
    assert (settings.late_after, settings.public_url, settings.ledger) == (timedelta(hours=6), None, None)
    assert (settings.delivery.batch_size, settings.delivery.breaker) == (500, 3)
    assert (settings.secret, settings.sendgrid.api_key, settings.sendgrid.region) == (None, None, "global")


def test_every_key_of_the_file_is_read(make: Make) -> None:
    settings = load_settings(
        make(
            """
provider = "sendgrid"
timezone = "Europe/Stockholm"
language = "sv"
public_url = "https://brev.example.org/n/"
assets_url = "https://bilder.example.org"
late_after = "90 minutes"
healthcheck_url = "https://hc.example.org/ping?x=1"
[brand]
name = "Hej"
url = "https://hej.example"
address = "Gatan 1\\nVisby"
logo = "templates/logo.png"
[brand.colors]
accent = "#a3203c"
[brand.colors.dark]
accent = "#f5a3b1"
[brand.fonts]
text = "Georgia, serif"
[sender]
from = "Hej, AB <hej@exempel-å.example>"
reply_to = "svar@example.org"
[attributes]
points = "number"
"ålder" = "number"
[list.kunder]
basis = "customer"
[list."min lista"]
consent_source = "formulär"
[delivery]
batch_size = 1000
breaker = 1
[sendgrid]
region = "eu"
base_url = "http://127.0.0.1:8025"
"""
        )
    )
    assert settings.live
    assert (settings.public_url, settings.assets_url) == (
        "https://brev.example.org/n",
        "https://bilder.example.org",
    )
    assert settings.late_after == timedelta(minutes=90)
    assert settings.brand.colors == {"accent": "#a3203c", "dark": {"accent": "#f5a3b1"}}
    assert (settings.sender.from_, settings.sender.reply_to) == (
        "Hej, AB <hej@exempel-å.example>",
        "svar@example.org",
    )
    assert settings.attributes == {"points": "number", "ålder": "number"}
    assert (settings.list["kunder"].basis, settings.list["min lista"].basis) == ("customer", "consent")
    assert (settings.sendgrid.region, settings.sendgrid.base_url) == ("eu", "http://127.0.0.1:8025")


OVER = """
language = "sv"
[sender]
from = "a@example.org"
reply_to = "r@example.org"
[env.production]
provider = "sendgrid"
ledger = "3f2a"
[env.production.sender]
from = "b@example.org"
[env.local.sender]
from = "l@example.org"
"""


def test_an_environment_overrides_key_by_key(make: Make) -> None:
    project = make(OVER)
    production, local = load_settings(project, "production"), load_settings(project)
    assert (production.provider, production.ledger, production.language) == ("sendgrid", "3f2a", "sv")
    assert (production.sender.from_, production.sender.reply_to) == ("b@example.org", "r@example.org")
    assert (local.provider, local.ledger, local.sender.from_) == ("outbox", None, "l@example.org")


def test_an_unknown_environment_names_the_nearest(make: Make) -> None:
    assert told(make(OVER), "prodution") == [
        "error F202 there is no environment `prodution` newsletter.toml try: did you mean `production`?"
    ]
    assert told(make(""), "production") == [
        "error F202 there is no environment `production` newsletter.toml try: write a table [env.production]"
    ]
    assert load_settings(make("")).environment == "local"


def test_variables_win_over_dotenv_over_the_file(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv = (
        "# comment\nexport NEWSLETTER_LANGUAGE=da\nNEWSLETTER_SENDER__FROM='d@example.org'\n"
        "NEWSLETTER_TIMEZONE=Europe/Oslo\nPATH=/nowhere\nSENDGRID_API_KEY=SG.file\n"
    )
    project = make('timezone = "UTC"\n' + OVER, dotenv)
    monkeypatch.setenv("NEWSLETTER_LANGUAGE", "fi")
    monkeypatch.setenv("NEWSLETTER_DELIVERY__BATCH_SIZE", "20")
    monkeypatch.setenv("newsletter_late_after", "1 day")
    monkeypatch.setenv("NEWSLETTER_LIST__KUNDER__BASIS", "customer")
    monkeypatch.setenv("NEWSLETTER_BRAND__COLORS__DARK__ACCENT", "#fff")
    settings = load_settings(project, "production")
    assert (settings.language, settings.timezone, settings.sender.from_) == (
        "fi",
        "Europe/Oslo",
        "d@example.org",
    )
    assert (settings.delivery.batch_size, settings.late_after) == (20, timedelta(days=1))
    assert settings.list["kunder"].basis == "customer"
    assert settings.brand.colors == {"dark": {"accent": "#fff"}}
    assert settings.sendgrid.api_key is not None
    assert settings.sendgrid.api_key.get_secret_value() == "SG.file"
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.process")
    assert load_settings(project).sendgrid.api_key.get_secret_value() == "SG.process"  # type: ignore[union-attr]
    monkeypatch.setenv("NEWSLETTER_SENDGRID__API_KEY", "SG.ours")
    assert load_settings(project).sendgrid.api_key.get_secret_value() == "SG.ours"  # type: ignore[union-attr]


def test_our_own_name_for_the_key_wins_in_any_order(make: Make) -> None:
    ours, borrowed = "NEWSLETTER_SENDGRID__API_KEY", "SENDGRID_API_KEY"
    for lines in (f"{ours}=ours\n{borrowed}=x\n", f"{borrowed}=x\n{ours}=ours\n"):
        key = load_settings(make("", lines)).sendgrid.api_key
        assert key is not None
        assert key.get_secret_value() == "ours"


def test_variables_that_are_no_keys_or_empty_say_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "NEWSLETTER_FOO",
        "NEWSLETTER_ENV",
        "NEWSLETTER_ENVIRONMENT",
        "NEWSLETTER_LEDGER",
        "NEWSLETTER_SENDGRID",
        "NEWSLETTER_SENDGRID__FOO",
        "NEWSLETTER_SENDGRID__REGION__X",
        "NEWSLETTER_PROVIDER__X",
        "NEWSLETTER_LIST__KUNDER",
        "NEWSLETTER___X",
        "NEWSLETTER_",
        "FROM",
        "PROVIDER",
    ):
        monkeypatch.setenv(name, "x")
    for name in ("NEWSLETTER_SECRET", "SENDGRID_API_KEY", "NEWSLETTER_PROVIDER", "NEWSLETTER_PUBLIC_URL"):
        monkeypatch.setenv(name, "")
    project = make('public_url = "https://a.example"', "NEWSLETTER_BAR=1\nHOME=x\nNEWSLETTER_ENVIRONMENT=y\n")
    settings = load_settings(project)
    assert settings.model_dump() == Settings(environment="local", public_url="https://a.example").model_dump()


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('providr = "x"', "F102 unknown key `providr` newsletter.toml:1:1 try: did you mean `provider`?"),
        (
            'provider = "smtps"',
            (
                'F103 `provider` is "smtps"; it must be "outbox" or "sendgrid" or "smtp" newsletter.toml:1:12 '
                "try: did you mean `smtp`?"
            ),
        ),
        (
            'timezone = "Europe/Stokholm"',
            (
                'F103 `timezone` is "Europe/Stokholm", which is no time zone newsletter.toml:1:12 '
                "try: did you mean `Europe/Stockholm`?"
            ),
        ),
        (
            'timezone = "Stockholm"',
            (
                'F103 `timezone` is "Stockholm", which is no time zone newsletter.toml:1:12 '
                "try: did you mean `Europe/Stockholm`?"
            ),
        ),
        (
            'timezone = "../UTC"',
            'F103 `timezone` is "../UTC", which is no time zone newsletter.toml:1:12 try: did you mean `UTC`?',
        ),
        (
            'language = "svenska"',
            (
                'F103 `language` is "svenska", which is no language tag newsletter.toml:1:12 '
                'try: "sv" or "en-GB" (BCP 47)'
            ),
        ),
        (
            "late_after = 6",
            'F103 `late_after` must be a number and a unit, as text newsletter.toml:1:14 try: "6 hours"',
        ),
        (
            'late_after = "6 hour s"',
            (
                "F103 `late_after` must be a number and a unit newsletter.toml:1:14 "
                'try: "6 hours"; also seconds, minutes, days, weeks'
            ),
        ),
        (
            'public_url = "http://example.org"',
            (
                "F103 `public_url` must be https; http only reaches this machine (localhost, 127.0.0.1) "
                'newsletter.toml:1:14 try: "https://…"'
            ),
        ),
        (
            'public_url = "brev.example.org"',
            'F103 `public_url` is no web address newsletter.toml:1:14 try: "https://brev.example.org"',
        ),
        (
            'assets_url = "https://example.org/?a=1"',
            (
                "F103 `assets_url` must be an address without `?` and `#`: paths are put behind it "
                'newsletter.toml:1:14 try: "https://example.org"'
            ),
        ),
        (
            '[sendgrid]\nbase_url = "http://api.sendgrid.com"',
            (
                "F103 `sendgrid.base_url` must be https; http only reaches this machine (localhost, 127.0.0.1) "
                'newsletter.toml:2:12 try: "https://…"'
            ),
        ),
        (
            '[sender]\nfrom = "Hej <hej@example.org>\\r\\nBcc: x@example.org"',
            (
                "F103 `sender.from` holds a line break or a control character, which no header takes "
                "newsletter.toml:2:8"
            ),
        ),
        (
            '[sender]\nfrom = "a@example.org, b@example.org"',
            (
                'F103 `sender.from` is "a@example.org, b@example.org", which is not one address '
                'newsletter.toml:2:8 try: "HejDigitalt <hej@example.org>"'
            ),
        ),
        (
            'from = "a@example.org"',
            "F105 `from` belongs under [sender] newsletter.toml:1:1 try: move the line `from = …` there",
        ),
        (
            'ledger = "x"',
            (
                "F105 `ledger` belongs in an environment, such as [env.production] newsletter.toml:1:1 "
                "try: move the line `ledger = …` there"
            ),
        ),
        (
            '[env.production.sender]\nform = "a@example.org"',
            "F102 unknown key `form` in [env.production.sender] newsletter.toml:2:1 try: did you mean `from`?",
        ),
        (
            '[attributes]\npoints = "numbers"',
            (
                'F103 `attributes.points` is "numbers"; it must be "text" or "number" or "date" or "instant" or "bool" '
                "newsletter.toml:2:10 try: did you mean `number`?"
            ),
        ),
        (
            '[attributes]\ncity = "number"',
            (
                "F103 `attributes` can't change the type of `city`, a column that every list has "
                "newsletter.toml:1:1 try: take it out"
            ),
        ),
        (
            '[attributes]\n"Antal Poäng" = "number"',
            (
                "F103 `attributes` names `Antal Poäng`; columns are folded when they are read "
                "newsletter.toml:1:1 try: `antal_poäng`"
            ),
        ),
        (
            '[list.a]\nbasis = "konsent"',
            (
                'F103 `list.a.basis` is "konsent"; it must be "consent" or "customer" or "company" or "member" '
                "newsletter.toml:2:9 try: did you mean `consent`?"
            ),
        ),
        (
            "[limits]\nmax_recipients = 0",
            "F103 `limits.max_recipients` must be at least 1 newsletter.toml:2:18 try: max_recipients = 1",
        ),
        (
            '[test]\nallow = ["@example"]',
            (
                'F103 `test.allow[1]` is "@example", which is no address and no domain '
                'newsletter.toml:2:10 try: "hej@example.org" or "example.org"'
            ),
        ),
        (
            "[delivery]\nbatch_size = 0",
            "F103 `delivery.batch_size` must be at least 1 newsletter.toml:2:14 try: batch_size = 1",
        ),
        (
            '[brand.colors.light]\naccent = "a3203c"',
            'F103 `brand.colors` holds "a3203c", a colour without `#` newsletter.toml:1:1 try: "#a3203c"',
        ),
        (
            "provider = outbox",
            'F101 text stands between quotes newsletter.toml:1:12 try: provider = "outbox"',
        ),
        ('env = "x"', "F103 `env` is text; it must be a table newsletter.toml:1:7 try: env = { … }"),
    ],
)
def test_a_mistake_in_the_file_is_told_at_its_place(make: Make, toml: str, expected: str) -> None:
    assert told(make(toml)) == [f"error {expected}"]


@pytest.mark.parametrize("key", ["per_second", "per_day", "max_recipients"])
def test_a_limit_of_nobody_is_refused(make: Make, key: str) -> None:
    (only,) = told(make(f"[limits]\n{key} = 0\n"))
    assert f"`limits.{key}`" in only
    assert getattr(load_settings(make(f"[limits]\n{key} = 1\n")).limits, key) == 1


def test_a_mistake_in_a_variable_names_the_variable(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_PROVIDER", "sengrid")
    monkeypatch.setenv("NEWSLETTER_DELIVERY__BATCH_SIZE", "many")
    project = make('language = "x!"', "A=1\nNEWSLETTER_TIMEZONE=Europe/Stockhlm\n")
    assert told(project, "prod") == [
        'error F103 `language` is "x!", which is no language tag newsletter.toml:1:12 try: "sv" or "en-GB" (BCP 47)',
        "error F202 there is no environment `prod` newsletter.toml try: write a table [env.prod]",
        'error F103 NEWSLETTER_PROVIDER is "sengrid"; it must be "outbox" or "sendgrid" or "smtp" try: did you mean `sendgrid`?',
        'error F103 NEWSLETTER_TIMEZONE is "Europe/Stockhlm", which is no time zone .env:2:1 try: did you mean `Europe/Stockholm`?',
        (
            "error F103 NEWSLETTER_DELIVERY__BATCH_SIZE is text; it must be a whole number "
            "try: NEWSLETTER_DELIVERY__BATCH_SIZE=1"
        ),
    ]


def test_a_dotenv_in_another_encoding_is_told(make: Make) -> None:
    project = make("")
    (project.root / ".env").write_bytes(b"NEWSLETTER_BRAND__NAME=H\xe5\n")
    assert told(project)[0].startswith(
        "error F112 byte 0xE5 is no UTF-8; in Windows-1252 (cp1252) it is “å” .env:1:25"
    )


def test_a_line_of_dotenv_that_can_not_be_read_is_told_without_its_value(
    make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make(
        "", "SOME THING\nNEWSLETTER_SECRET='hush\n\n export SENDGRID_API_KEY: hush\nNEWSLETTER_FOO\n"
    )
    assert told(project) == [
        'error F203 NEWSLETTER_SECRET can\'t be read: a quote or `=` is missing .env:2:1 try: NEWSLETTER_SECRET="…"',
        'error F203 SENDGRID_API_KEY can\'t be read: a quote or `=` is missing .env:4:9 try: SENDGRID_API_KEY="…"',
    ]
    assert capfd.readouterr() == ("", "")


HUSH = "hush-0123456789-0123456789-0123456789"


@pytest.mark.parametrize("through", ["process", "dotenv"])
def test_a_secret_is_shown_nowhere(make: Make, monkeypatch: pytest.MonkeyPatch, through: str) -> None:
    names = ["NEWSLETTER_SECRET", "SENDGRID_API_KEY"]
    dotenv = "".join(f"{name}={HUSH}\n" for name in names) if through == "dotenv" else None
    if through == "process":
        for name in names:
            monkeypatch.setenv(name, HUSH)
    project = make("", dotenv)
    settings = load_settings(project)
    assert settings.secret is not None
    assert settings.secret.get_secret_value() == HUSH
    shown = origins(project, settings)
    where = {"process": "environment ", "dotenv": ".env:"}[through]
    assert {key: value for key, value, origin in shown if origin.startswith(where)} == {
        "secret": "***",
        "sendgrid.api_key": "***",
    }
    for text in (
        repr(settings),
        str(settings),
        repr(shown),
        repr(settings.model_dump()),
        settings.model_dump_json(),
    ):
        assert "hush" not in text


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("NEWSLETTER_SECRET", "hush-too-short", "NEWSLETTER_SECRET is too short: at least 32 characters"),
        ("SENDGRID_API_KEY", f"{HUSH}\nX: y", "SENDGRID_API_KEY holds blanks or signs that no key has"),
        ("NEWSLETTER_SENDGRID__API_KEY", f"{HUSH} å", "NEWSLETTER_SENDGRID__API_KEY holds blanks or signs"),
    ],
)
def test_a_secret_that_is_refused_is_not_shown_either(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationFault) as caught:
        load_settings(make(""))
    (problem,) = caught.value.problems
    assert problem.message.startswith(message)
    assert "hush" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        (
            f'secret = "{HUSH}"',
            "error F105 `secret` belongs in the variable NEWSLETTER_SECRET or in .env, never in a file of git",
        ),
        (
            f'[env.a.sendgrid]\napi_key = "{HUSH}"',
            "error F105 `api_key` belongs in the variable SENDGRID_API_KEY or in .env, never in a file of git",
        ),
    ],
)
def test_a_secret_in_a_file_of_git_is_refused_and_not_repeated(make: Make, toml: str, expected: str) -> None:
    (line,) = told(make(toml))
    assert line.startswith(expected)
    assert "hush" not in line


def test_each_value_says_where_it_comes_from(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DELIVERY__BREAKER", "5")
    project = make(OVER, "\n\nNEWSLETTER_LANGUAGE=da\n")
    rows = origins(project, load_settings(project, "production"))
    assert ("environment", '"production"', "--env") in rows
    assert ("provider", '"sendgrid"', "newsletter.toml:7") in rows
    assert ("ledger", '"3f2a"', "newsletter.toml:8") in rows
    assert ("sender.from", '"b@example.org"', "newsletter.toml:10") in rows
    assert ("sender.reply_to", '"r@example.org"', "newsletter.toml:5") in rows
    assert ("language", '"da"', ".env:3") in rows
    assert ("delivery.breaker", "5", "environment NEWSLETTER_DELIVERY__BREAKER") in rows
    assert ("late_after", '"6 hours"', "default") in rows
    assert ("public_url", "", "default") in rows
    assert ("secret", "", "default") in rows
    (project.root / ".newsletter").mkdir()
    (project.root / ".newsletter" / "secret").write_text(HUSH, encoding="utf-8")
    assert ("secret", "***", ".newsletter/secret") in origins(project, load_settings(project))


def test_loading_writes_nothing(make: Make) -> None:
    project = make(OVER)
    origins(project, load_settings(project))
    assert os.listdir(project.root) == ["newsletter.toml"]


def test_of_a_variable_that_stands_twice_in_dotenv_the_last_is_told(tmp_path):
    (tmp_path / "newsletter.toml").write_text("", encoding="utf-8")
    (tmp_path / ".env").write_text(
        "NEWSLETTER_TIMEZONE=UTC\n\nNEWSLETTER_TIMEZONE=Europe/Visby\n", encoding="utf-8"
    )
    with pytest.raises(ConfigurationFault) as raised:
        load_settings(find_project(tmp_path))
    assert [str(problem.place) for problem in raised.value.problems] == [".env:3:1"]
