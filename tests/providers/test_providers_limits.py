"""Limits by the day and by the second, and a provider's own quota, from the command line to servers on loopback."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .live import LIVE, go_live, send, status
from .relay import Relay

TWELVE = "email,first_name,city\n" + "".join(f"p{n:02}@example.org,P{n},Visby\n" for n in range(12))


@pytest.fixture
def project(small: Path) -> Path:
    """The small project with twelve readers."""
    (small / "subscribers" / "lista.csv").write_text(TWELVE, encoding="utf-8")
    return small


def limited(project: Path, text: str) -> None:
    with (project / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[limits]\n{text}\n")


def outbox(project: Path) -> int:
    return len(list((project / "out" / "outbox").rglob("*.eml")))


def test_a_used_up_day_ends_cleanly_and_goes_on_the_next_day(project: Path, newsletter: Any) -> None:
    limited(project, "per_day = 5")
    call = ("-C", project, "send", "hej", "--json")
    first = newsletter(*call, "--confirm", "12", "--now", "2015-07-03T23:00")
    assert (first.code, first.data["counts"]["accepted"], first.data["counts"]["ready"]) == (0, 5, 7)
    assert [problem["code"] for problem in first.envelope["problems"]] == ["G152"]
    again = newsletter(*call, "--now", "2015-07-03T23:30")
    assert (again.code, outbox(project)) == (0, 5), "nothing more that day"
    told = newsletter("-C", project, "status", "hej", "--check", "--now", "2015-07-03T23:30")
    assert told.code == 0, "a day that is used up is not stuck"
    assert "waiting until 2015-07-04 00:00" in told.out
    assert newsletter(*call, "--now", "2015-07-04T00:00").data["counts"]["accepted"] == 10
    last = newsletter(*call, "--now", "2015-07-05T00:00")
    assert (last.data["counts"]["accepted"], last.envelope["problems"]) == (12, [])
    assert outbox(project) == 12


def test_run_goes_on_with_it_by_itself(project: Path, newsletter: Any) -> None:
    limited(project, "per_day = 5")
    campaign = project / "campaigns" / "hej.md"
    text = campaign.read_text(encoding="utf-8")
    assert "send_at" in text
    sent = []
    for minute in (
        "2015-07-03T09:00",
        "2015-07-03T09:01",
        "2015-07-04T00:00",
        "2015-07-04T12:00",
        "2015-07-05T00:01",
    ):
        ran = newsletter("-C", project, "run", "--json", "--now", minute)
        assert ran.code == 0
        sent.append(outbox(project))
    assert sent == [5, 5, 10, 10, 12]


def test_run_goes_on_with_what_a_hand_began(project: Path, newsletter: Any) -> None:
    """It says so: whoever waits for the next day must not wait for ever."""
    limited(project, "per_day = 5")
    campaign = project / "campaigns" / "hej.md"
    text = campaign.read_text(encoding="utf-8")
    campaign.write_text(text.replace('send_at  = "2015-07-03 09:00"\n', ""), encoding="utf-8")
    assert newsletter("-C", project, "run", "--now", "2015-07-03T09:00").code == 0
    assert outbox(project) == 0, "it begins by hand only"
    first = newsletter("-C", project, "send", "hej", "--confirm", "12", "--now", "2015-07-03T09:00")
    assert f"newsletter -C {project} run goes on by itself" in first.out
    for minute, sent in (("2015-07-03T10:00", 5), ("2015-07-04T00:00", 10), ("2015-07-05T00:00", 12)):
        assert newsletter("-C", project, "run", "--now", minute).code == 0
        assert outbox(project) == sent
    campaign.write_text(campaign.read_text(encoding="utf-8").replace('"ready"', '"draft"'), encoding="utf-8")
    copy = campaign.with_name("utkast.md")
    copy.write_text(campaign.read_text(encoding="utf-8") + "Nytt.\n", encoding="utf-8")
    drafted = newsletter("-C", project, "send", "utkast", "--confirm", "12", "--now", "2015-07-06T09:00")
    assert f"newsletter -C {project} send utkast, after that" in drafted.out, "a tick takes no draft"


def test_a_campaign_has_a_limit_of_its_own(project: Path, newsletter: Any) -> None:
    campaign = project / "campaigns" / "hej.md"
    campaign.write_text(
        campaign.read_text(encoding="utf-8").replace("+++\n", "+++\nper_day = 2\n", 1), encoding="utf-8"
    )
    called = newsletter(
        "-C", project, "send", "hej", "--confirm", "12", "--json", "--now", "2015-07-03T09:00"
    )
    assert (called.code, outbox(project)) == (0, 2)
    assert called.envelope["problems"][0]["line"] == 2


def test_campaigns_of_one_sender_share_its_day(project: Path, newsletter: Any) -> None:
    limited(project, "per_day = 15")
    campaign = project / "campaigns" / "hej.md"
    other = campaign.read_text(encoding="utf-8") + "\nOch hopp.\n"
    (project / "campaigns" / "hopp.md").write_text(other, encoding="utf-8")
    for name, accepted in (("hej", 12), ("hopp", 3)):
        called = newsletter(
            "-C", project, "send", name, "--confirm", "12", "--json", "--now", "2015-07-03T09:00"
        )
        assert (called.code, called.data["counts"]["accepted"]) == (0, accepted)


def test_no_second_has_more_than_per_second(project: Path, relay: Relay, newsletter: Any) -> None:
    """In real time, as the ledger has it: when each hand-over was claimed."""
    limited(project, "per_second = 5")
    go_live(
        project,
        newsletter,
        12,
        f'provider = "smtp"\n[env.production.smtp]\nhost = "127.0.0.1"\nport = {relay.port}\ntls = "none"\n',
    )
    assert send(project, newsletter, 12).code == 0
    assert set(Counter(mail.recipient for mail in relay.mails).values()) == {1}
    assert len(relay.mails) == 12
    with sqlite3.connect(project / ".newsletter" / "state.db") as ledger:
        claims = ledger.execute(
            "SELECT started_at, n FROM attempt JOIN batch USING (run_id, no) ORDER BY 1"
        ).fetchall()
    assert sum(n for _, n in claims) == 12
    for start, _ in claims:
        assert sum(n for at, n in claims if start <= at < start + 1000) <= 5


def test_what_was_not_taken_is_not_counted_for_the_day(
    project: Path, stub: Any, newsletter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(project, "per_day = 12")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    go_live(project, newsletter, 12, 'provider = "sendgrid"\n')
    stub.behaviours = [lambda exchange: exchange.reply(403, {})]
    assert send(project, newsletter, 12).code == 4
    assert newsletter("-C", project, "resume", "hej", *LIVE).code == 0
    assert send(project, newsletter, 12).data["counts"]["accepted"] == 12


@pytest.mark.parametrize(
    ("answer", "quota"),
    [
        (401, "Maximum credits exceeded"),
        (403, "You have reached your daily sending limit"),
        (429, "Your account is over its monthly quota"),
    ],
)
def test_a_quota_of_sendgrids_ends_cleanly_for_all_processes(
    project: Path, stub: Any, newsletter: Any, monkeypatch: pytest.MonkeyPatch, answer: int, quota: str
) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    go_live(project, newsletter, 12, 'provider = "sendgrid"\n[env.production.delivery]\nbatch_size = 4\n')
    body = json.dumps({"errors": [{"message": quota, "field": None}]}).encode()
    stub.behaviours = [
        lambda exchange: exchange.reply(202, {"X-Message-Id": "a"}),
        lambda exchange: exchange.reply(answer, {}, body),
    ]
    first = send(project, newsletter, 12)
    assert (first.code, first.data["counts"]["accepted"], first.data["counts"]["ready"]) == (0, 4, 8)
    assert [problem["code"] for problem in first.envelope["problems"]] == ["G153"]
    assert send(project, newsletter, 12).code == 0
    assert newsletter("-C", project, "run", *LIVE).code == 0
    assert len(stub.requests) == 2, "it is left alone"
    told = newsletter("-C", project, "status", "hej", "--check", *LIVE)
    assert (told.code, "waiting until" in told.out) == (0, True)
    with sqlite3.connect(project / ".newsletter" / "state.db") as ledger:
        ledger.execute("UPDATE rest SET since = since - 90000000, until = until - 90000000")  # the next day
    assert send(project, newsletter, 12).data["counts"]["accepted"] == 12
    assert max(Counter(stub.sids).values()) <= 2, "those of the refused request went again"


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("rcpt", "550 5.4.5 Daily user sending limit exceeded"),
        ("text", "550 5.4.5 Daily sending quota exceeded"),
        ("mail", "451 Authentication failed: Maximum credits exceeded"),
    ],
)
def test_a_quota_of_a_relay_ends_cleanly(
    project: Path, relay: Relay, newsletter: Any, stage: str, said: str
) -> None:
    go_live(
        project,
        newsletter,
        12,
        'provider = "smtp"\n[env.production.delivery]\nbatch_size = 4\n'
        f'[env.production.smtp]\nhost = "127.0.0.1"\nport = {relay.port}\ntls = "none"\n',
    )
    relay.say[stage] = said
    first = send(project, newsletter, 12)
    assert (first.code, first.data["counts"]["ready"], relay.mails) == (0, 12, [])
    asked = len(relay.commands)
    relay.say.clear()
    assert send(project, newsletter, 12).code == 0
    assert len(relay.commands) == asked, "it is left alone"
    assert "takes no more from this account today" in newsletter("-C", project, "status", "hej", *LIVE).out


def test_the_pause_that_a_provider_asks_for_holds_for_the_next_process(
    project: Path, stub: Any, newsletter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    go_live(project, newsletter, 12, 'provider = "sendgrid"\n')
    stub.behaviours = [lambda exchange: exchange.reply(429, {"Retry-After": "900"})]
    assert send(project, newsletter, 12).code == 5
    again = newsletter("-C", project, "send", "hej", *LIVE)
    assert (again.code, "G133" in again.err, len(stub.requests)) == (5, True, 1)
    assert newsletter("-C", project, "run", *LIVE).code == 0, "a tick leaves it alone and says so once"
    assert status(project, newsletter)["counts"]["ready"] == 12


def test_a_short_pause_is_waited_for(
    project: Path, stub: Any, newsletter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    go_live(project, newsletter, 12, 'provider = "sendgrid"\n')
    stub.behaviours = [lambda exchange: exchange.reply(429, {"Retry-After": "0.3"})]
    assert send(project, newsletter, 12).data["counts"]["accepted"] == 12
    assert len(stub.requests) == 2
