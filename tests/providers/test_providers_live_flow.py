"""A live send from the command line, against a SendGrid on loopback: the rails, the doubt, and nothing twice."""

import re
from collections import Counter

import pytest

KEY = "SG.live-flow-key.never-shown"
LIVE = ("--env", "production")


@pytest.fixture
def live(small, stub, monkeypatch):
    """The small project with an environment `production`; pictures and links are at home on loopback."""
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    settings = small / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text + "\n[env.production.delivery]\nbatch_size = 1\n"  # a request each
        '[env.production]\nprovider = "sendgrid"\npublic_url = "https://brev.example.org"\n',
        encoding="utf-8",
    )
    return small


def adopt(project, newsletter):
    """Commit the ledger's line, as the very first live send says."""
    told = newsletter("-C", project, "send", "hej", *LIVE, "--confirm", "3")
    assert told.code == 6
    found = re.search(r'ledger = "[^"]+"', told.err)
    assert found, told.err
    with (project / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write(found[0] + "\n")


def test_live_takes_environment_ledger_and_number_and_sends_once(live, stub, newsletter):
    adopt(live, newsletter)
    assert stub.requests == []
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 6, "nobody said the number"
    assert newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "2").code == 6
    assert stub.requests == []
    sent = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3", "--json")
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 3)
    assert len(stub.requests) == 3
    assert max(Counter(stub.sids).values()) == 1
    again = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3", "--json")
    assert (again.code, again.data["already"], len(stub.requests)) == (0, True, 3)


def test_another_checkout_with_an_empty_database_may_not_send(live, stub, newsletter):
    adopt(live, newsletter)
    for file in (live / ".newsletter").glob("state.db*"):
        file.unlink()
    refused = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3")
    assert refused.code == 6
    assert "not the ledger" in refused.err
    assert newsletter("-C", live, "run", *LIVE).code in (0, 6)
    assert stub.requests == []


def test_without_a_key_it_is_a_matter_of_configuration(live, stub, newsletter, monkeypatch):
    monkeypatch.delenv("SENDGRID_API_KEY")
    assert newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3").code == 4
    assert stub.requests == []


def test_a_pretended_clock_does_not_send_live(live, stub, newsletter):
    adopt(live, newsletter)
    called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3", "--now", "2015-07-03T09:00")
    assert (called.code, stub.requests) == (2, [])


def test_an_answer_that_proves_nothing_is_unknown_and_never_resent_by_itself(live, stub, newsletter):
    adopt(live, newsletter)
    stub.behaviours = [lambda exchange: exchange.reply(500, {}, b"")]
    first = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3")
    assert first.code == 7
    assert len(stub.requests) == 3
    assert newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3").code == 7
    assert newsletter("-C", live, "run", *LIVE).code in (0, 7)
    assert len(stub.requests) == 3, "a doubt is not resent"
    status = newsletter("-C", live, "status", "hej", *LIVE, "--json").data
    assert (status["state"], status["counts"]["unknown"], len(status["unknown"])) == ("resolving", 1, 1)
    assert newsletter("-C", live, "status", "--check", *LIVE).code == 7
    assert newsletter("-C", live, "resolve", "hej", *LIVE).code == 7, "SendGrid can't be asked"
    settled = newsletter("-C", live, "resolve", "hej", *LIVE, "--resend-unknown", "--json")
    assert (settled.code, settled.data["by_word"]) == (0, 1)
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 0
    assert len(stub.requests) == 4
    assert newsletter("-C", live, "status", "hej", *LIVE, "--json").data["state"] == "done"


def test_assume_sent_settles_without_sending(live, stub, newsletter):
    adopt(live, newsletter)
    stub.behaviours = [lambda exchange: exchange.reply(503, {}, b"")]
    assert newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3").code == 7
    assert newsletter("-C", live, "resolve", "hej", *LIVE, "--assume-sent").code == 0
    status = newsletter("-C", live, "status", "hej", *LIVE, "--json").data
    assert (status["state"], status["counts"]["accepted"], len(stub.requests)) == ("done", 3, 3)


def test_a_wrong_key_stops_at_once_and_leaves_all_ready(live, stub, newsletter):
    adopt(live, newsletter)
    stub.behaviours = [lambda exchange: exchange.reply(401, {}, b'{"errors":[{"message":"bad key"}]}')]
    called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3")
    assert (called.code, len(stub.requests)) == (4, 1)
    assert KEY not in called.out + called.err
    assert newsletter("-C", live, "status", "hej", *LIVE, "--json").data["counts"]["ready"] == 3


def test_the_breaker_stops_before_the_whole_list_is_in_doubt(live, stub, newsletter):
    rows = "".join(f"p{n}@example.org,P,Visby\n" for n in range(12))
    (live / "subscribers" / "lista.csv").write_text("email,first_name,city\n" + rows, encoding="utf-8")
    adopt(live, newsletter)
    stub.behaviours = [lambda exchange: exchange.reply(500, {}, b"")] * 12
    called = newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "12")
    assert (called.code, len(stub.requests)) == (7, 3)
    counts = newsletter("-C", live, "status", "hej", *LIVE, "--json").data["counts"]
    assert (counts["unknown"], counts["ready"]) == (3, 9)
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 6
    assert newsletter("-C", live, "resume", "hej", *LIVE).code == 0
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 7
    assert len(stub.requests) == 3, "no more in doubt until somebody has looked"
    assert newsletter("-C", live, "resolve", "hej", *LIVE, "--assume-sent").code == 0
    stub.behaviours = []
    assert newsletter("-C", live, "send", "hej", *LIVE).code == 0
    assert len(stub.requests) == 12


def test_a_wrong_number_settles_nothing(live, stub, newsletter, monkeypatch):
    adopt(live, newsletter)
    stub.behaviours = [lambda exchange: exchange.reply(500, {}, b"")]
    assert newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3").code == 7
    monkeypatch.setattr("newsletter.cli.resolve.ask_number", lambda *_: 99)  # what a hand types on a terminal
    called = newsletter("-C", live, "resolve", "hej", *LIVE, "--assume-sent")
    assert (called.code, "G161" in called.err) == (6, True)
    assert newsletter("-C", live, "status", "hej", *LIVE, "--json").data["counts"]["unknown"] > 0


def test_whoever_opts_out_after_the_freeze_is_not_mailed(live, stub, newsletter):
    adopt(live, newsletter)
    stub.behaviours = [lambda exchange: exchange.reply(401, {}, b"")]
    assert newsletter("-C", live, "send", "hej", *LIVE, "--confirm", "3").code == 4
    people = live / "subscribers" / "lista.csv"
    people.write_text(
        "email,first_name,status\nasa@example.org,Åsa,\nbo@example.org,Bo,unsubscribed\n", encoding="utf-8"
    )
    assert newsletter("-C", live, "resume", "hej", *LIVE).code == 0
    refused = newsletter("-C", live, "send", "hej", *LIVE)
    assert refused.code in (0, 3), refused.err
    counts = newsletter("-C", live, "status", "hej", *LIVE, "--json").data["counts"]
    assert (counts["accepted"], counts["suppressed"]) == (1, 2)
    assert len(stub.requests) == 2


def test_a_rehearsal_lists_what_live_needs_and_passes(live, stub, newsletter, monkeypatch):
    monkeypatch.delenv("SENDGRID_API_KEY")
    rehearsed = newsletter("-C", live, "send", "hej", "-n", *LIVE, "--json")
    assert rehearsed.code == 0
    assert {need["code"] for need in rehearsed.data["needs"]} == {"G111", "G116"}
    assert stub.connections == 0
