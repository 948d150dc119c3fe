"""`test`: a letter really handed over to those who may try it, through each provider, beside the ledger."""

import email
import email.policy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from newsletter.files.project import Project
from newsletter.mail.links import read_token
from newsletter.settings.load import load_settings
from newsletter.settings.secret import load_secret

from .relay import Relay

KEY = "SG.test-mail-key.never-shown"
LIVE = ("--env", "production")
AT = "2015-07-03T14:12"


@pytest.fixture
def project(small: Path) -> Path:
    with (small / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[test]\nallow = ["Prov@Example.org", "räksmörgås.test"]\n'
            '[testers]\nredaktion = ["ett@example.com", "tva@example.com"]\n'
        )
    return small


def live(project: Path, provider: str, more: str = "") -> None:
    with (project / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'\n[env.production]\nprovider = "{provider}"\npublic_url = "https://brev.example.org"\n{more}'
        )


def files(project: Path) -> list[Any]:
    found = sorted(project.rglob("*.eml"))
    return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in found]


def to_prov(newsletter: Any, project: Path, *more: str, to: str = "prov@example.org") -> Any:
    return newsletter("-C", project, "test", "hej", "--to", to, *more)


def test_one_letter_as_a_reader_gets_it_marked_and_beside_the_ledger(project: Path, newsletter: Any) -> None:
    tried = to_prov(newsletter, project, "--as", "asa@example.org", "--now", AT, "--json")
    assert (tried.code, tried.data["accepted"], tried.data["as"]) == (0, 1, "asa@example.org")
    (message,) = files(project)
    assert message["Subject"] == "[TEST 14:12] Hej Åsa"
    assert message["To"] == "prov@example.org"
    assert "Hej Åsa!" in message.get_body(("plain",)).get_content()
    assert "asa@example.org" not in message.as_string()
    assert not (project / ".newsletter").exists(), "no ledger and no secret were made"
    assert newsletter("-C", project, "status", "hej", "--json").data["total"] == 0


def test_its_links_unsubscribe_nobody(project: Path, newsletter: Any) -> None:
    assert newsletter("-C", project, "suppress", "add", "nagon@example.org").code == 0, "makes the secret"
    assert to_prov(newsletter, project).code == 0
    (message,) = files(project)
    real = load_secret(Project(project), load_settings(Project(project)))
    tokens = re.findall(
        r"/u/([\w-]+)", message["List-Unsubscribe"] + message.get_body(("plain",)).get_content()
    )
    assert len(tokens) == 2
    assert all(read_token(real, token) is None for token in tokens)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_send_behind_it_sends_to_everybody_once(project: Path, newsletter: Any) -> None:
    assert to_prov(newsletter, project).code == 0
    sent = newsletter("-C", project, "send", "hej", "--confirm", "3", "--json")
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 3)
    assert newsletter("-C", project, "resolve", "hej").code == 0
    assert len(list((project / "out" / "outbox" / "hej").iterdir())) == 3


def test_the_outbox_of_tests_is_no_evidence_of_a_lost_ledger(project: Path, newsletter: Any) -> None:
    assert to_prov(newsletter, project).code == 0
    assert newsletter("-C", project, "send", "hej", "--confirm", "3").code == 0, "R109 is about sends"


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("PROV@example.org", 0),
        ("vem.som.helst@xn--rksmrgs-5wao1o.test", 0),
        ("ett@example.com", 0),
        ("tre@example.com", 6),
        ("prov@example.org.test", 6),
        ("x@mail.räksmörgås.test", 6),
        ("prov@example.org\nBcc: vem@example.com", 6),
        ("inget", 6),
        ("@redaktion", 0),
        ("@ingen", 2),
    ],
)
def test_only_to_whom_the_project_names(project: Path, newsletter: Any, to: str, code: int) -> None:
    assert to_prov(newsletter, project, to=to).code == code
    assert len(files(project)) == (0 if code else 2 if to == "@redaktion" else 1)


def test_one_refused_address_holds_all_of_them(project: Path, newsletter: Any) -> None:
    refused = to_prov(newsletter, project, "--to", "vem@example.com", "--to", "@redaktion")
    assert (refused.code, "G165" in refused.err, files(project)) == (6, True, [])


def test_whoever_is_named_twice_gets_one(project: Path, newsletter: Any) -> None:
    assert to_prov(newsletter, project, "--to", "@redaktion", "--to", "ett@example.com").code == 0
    assert sorted(message["To"] for message in files(project)) == [
        "ett@example.com", "prov@example.org", "tva@example.com",
    ]  # fmt: skip


def test_each_condition_once(project: Path, newsletter: Any) -> None:
    (project / "subscribers" / "segments.toml").write_text(
        "[visby]\nwhere = \"city == 'Visby'\"\n", encoding="utf-8"
    )
    letter = project / "campaigns" / "hej.md"
    letter.write_text(
        letter.read_text("utf-8")
        + "\n::: only visby\nVi ses på kajen.\n:::\n"
        + "\n{% if subscriber.city %}\nDu i {{ subscriber.city }}.\n\n{% if subscriber.last_name %}\nAv släkten.\n{% endif %}\n{% endif %}\n",
        encoding="utf-8",
    )
    people = project / "subscribers" / "lista.csv"
    people.write_text("email,first_name,last_name,city\nasa@example.org,Åsa,,\n", encoding="utf-8")
    tried = to_prov(newsletter, project, "--variants", "--now", AT, "--json")
    assert tried.code == 0, tried.out
    shown = {one["shows"].partition(" (")[0] for one in tried.data["letters"]}
    texts = {m["Subject"]: m.get_body(("plain",)).get_content() for m in files(project)}
    assert len(texts) == len(tried.data["letters"]) == 4
    assert shown == {"", "only visby yes", "condition yes"}
    assert [re.search(r":(\d+)", one["shows"])[1] for one in tried.data["letters"][1:]] == ["10", "14", "17"]
    assert sum("kajen" in text for text in texts.values()) >= 1
    assert sum("Du i" in text for text in texts.values()) >= 1
    assert sum("släkten" in text for text in texts.values()) == 1, "it stands inside another condition"
    assert all(re.match(r"\[TEST 14:12 [1-4]/4\] ", subject) for subject in texts)


def test_a_draft_and_a_step_can_be_tried(shipped: Path, newsletter: Any) -> None:
    with (shipped / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write('\n[test]\nallow = ["prov@example.org"]\n')
    letter = shipped / "campaigns" / "almedalen-recap" / "campaign.md"
    letter.write_text(letter.read_text("utf-8").replace('"ready"', '"draft"'), encoding="utf-8")
    for name in ("almedalen-recap", "sju-tips/energi"):
        assert newsletter("-C", shipped, "test", name, "--to", "prov@example.org").code == 0
    assert len(files(shipped)) == 2


def test_through_a_relay(project: Path, relay: Relay, newsletter: Any) -> None:
    live(project, "smtp", f'[env.production.smtp]\nhost = "127.0.0.1"\nport = {relay.port}\ntls = "none"\n')
    assert to_prov(newsletter, project, *LIVE, to="@redaktion").code == 0
    assert [mail.recipient for mail in relay.mails] == ["ett@example.com", "tva@example.com"]
    read = [email.message_from_bytes(mail.data, policy=email.policy.default) for mail in relay.mails]
    assert all(re.match(r"\[TEST \d\d:\d\d\] Hej ", message["Subject"]) for message in read)


def test_a_relay_that_refuses_one_gives_it_to_the_other(project: Path, relay: Relay, newsletter: Any) -> None:
    live(project, "smtp", f'[env.production.smtp]\nhost = "127.0.0.1"\nport = {relay.port}\ntls = "none"\n')
    relay.say["rcpt"] = ["550 5.1.1 no such user"]
    tried = to_prov(newsletter, project, *LIVE, "--json", to="@redaktion")
    assert (tried.code, tried.data["accepted"], tried.data["total"]) == (5, 1, 2)
    assert [problem["code"] for problem in tried.envelope["problems"]] == ["G167"]


def test_through_sendgrid(project: Path, stub: Any, newsletter: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    live(project, "sendgrid")
    assert to_prov(newsletter, project, *LIVE, "--as", "asa@example.org").code == 0
    ((_, _, body),) = stub.requests
    sent = json.loads(body)
    assert sent["personalizations"][0]["to"] == [{"email": "prov@example.org"}]
    assert re.fullmatch(r"\[TEST \d\d:\d\d\] Hej Åsa", sent["subject"])
    refused = to_prov(newsletter, project, *LIVE, "--now", AT)
    assert (refused.code, len(stub.requests)) == (2, 1), "a pretended clock writes to nobody real"


def test_after_a_doubt_nobody_else_is_begun(
    project: Path, stub: Any, newsletter: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    live(project, "sendgrid")
    stub.behaviours = [lambda exchange: exchange.reply(500, {}, b"")]
    tried = to_prov(newsletter, project, *LIVE, to="@redaktion")
    assert (tried.code, "G168" in tried.err, len(stub.requests)) == (7, True, 1)
    assert KEY not in tried.out + tried.err
