"""Many readers a request, from the command line to a SendGrid on loopback: split, refused in part, over TLS."""

import json
import ssl
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import trustme

from .live import LIVE, go_live, send, status

PEOPLE = [f"p{n:02}@example.org" for n in range(20)]


@pytest.fixture
def live(small: Path, stub: Any, newsletter: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty readers, ten a request."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    rows = "".join(f"{address},N{n},{'Visby' if n % 2 else 'Lund'}\n" for n, address in enumerate(PEOPLE))
    (small / "subscribers" / "lista.csv").write_text("email,first_name,city\n" + rows, encoding="utf-8")
    go_live(small, newsletter, 20, 'provider = "sendgrid"\n[env.production.delivery]\nbatch_size = 10\n')
    return small


def sizes(stub: Any) -> list[int]:
    return [len(json.loads(body)["personalizations"]) for _, _, body in stub.requests]


def recipients(stub: Any, *, but: tuple[int, ...] = ()) -> Counter[str]:
    """Who was named, without the requests of these numbers."""
    bodies = [json.loads(body) for n, (_, _, body) in enumerate(stub.requests) if n not in but]
    return Counter(one["to"][0]["email"] for mail in bodies for one in mail["personalizations"])


def test_ten_a_request_and_each_their_own_letter(live: Path, stub: Any, newsletter: Any) -> None:
    sent = send(live, newsletter, 20)
    assert (sent.code, sent.data["counts"]["accepted"], sizes(stub)) == (0, 20, [10, 10])
    assert recipients(stub) == Counter(PEOPLE)
    attempts = set()
    for _, _, body in stub.requests:
        mail = json.loads(body)
        for person in mail["personalizations"]:
            text, html = (part["value"] for part in mail["content"])
            for tag, value in person["substitutions"].items():
                text, html = text.replace(tag, value), html.replace(tag, value)
            name = f"N{PEOPLE.index(person['to'][0]['email'])}"
            link = person["headers"]["List-Unsubscribe"].strip("<>")
            assert name in person.get("subject", "") + text + html
            assert link in text
            assert link in html
            attempts.add((person["custom_args"]["a"], person["custom_args"]["e"]))
    assert len({attempt for attempt, _ in attempts}) == 2, "an attempt a request"
    assert len({epoch for _, epoch in attempts}) == 1


def test_a_413_is_split_in_two_until_it_fits(live: Path, stub: Any, newsletter: Any) -> None:
    def small_only(exchange: Any) -> None:
        if sizes(stub)[-1] > 4:
            exchange.reply(413, {})
        else:
            exchange.reply(202, {"X-Message-Id": f"id{len(stub.requests)}"})

    stub.behaviours = [small_only] * 40
    sent = send(live, newsletter, 20)
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 20)
    refused = tuple(n for n, size in enumerate(sizes(stub)) if size > 4)
    assert recipients(stub, but=refused) == Counter(PEOPLE)
    assert sorted(sizes(stub)) == [2, 2, 2, 2, 3, 3, 3, 3, 5, 5, 5, 5, 10, 10]


def test_a_413_for_a_single_recipient_rejects_that_one(live: Path, stub: Any, newsletter: Any) -> None:
    def not_him(exchange: Any) -> None:
        tall = "p07@example.org" in stub.requests[-1][2].decode()
        exchange.reply(*((413, {}) if tall else (202, {"X-Message-Id": "a"})))

    stub.behaviours = [not_him] * 40
    counts = send(live, newsletter, 20).data["counts"]
    assert (counts["accepted"], counts["rejected"]) == (19, 1)


def test_a_400_that_names_a_recipient_rejects_only_that_one(live: Path, stub: Any, newsletter: Any) -> None:
    body = json.dumps(
        {
            "errors": [
                {"field": "personalizations.3.to.0.email", "message": "does not contain a valid address"}
            ]
        }
    ).encode()
    stub.behaviours = [lambda exchange: exchange.reply(400, {}, body)]
    counts = send(live, newsletter, 20).data["counts"]
    assert (counts["accepted"], counts["rejected"]) == (19, 1)
    named = json.loads(stub.requests[0][2])["personalizations"][3]["to"][0]["email"]
    assert recipients(stub, but=(0,)) == Counter(set(PEOPLE) - {named})
    assert sorted(sizes(stub)) == [9, 10, 10]


def test_a_lost_answer_is_a_doubt_about_all_of_a_request(live: Path, stub: Any, newsletter: Any) -> None:
    stub.behaviours = [lambda exchange: exchange.reply(500, {})]
    assert send(live, newsletter, 20).code == 7
    counts = status(live, newsletter)["counts"]
    assert (counts["accepted"], counts["unknown"]) == (10, 10)
    assert recipients(stub) == Counter(PEOPLE)


def test_letters_that_differ_too_much_go_in_requests_of_their_own(
    live: Path, stub: Any, newsletter: Any
) -> None:
    campaign = live / "campaigns" / "hej.md"
    with campaign.open("a", encoding="utf-8") as file:
        file.write("\n{% if subscriber.city == 'Visby' %}\n" + "Vi ses i Visby. " * 400 + "\n{% endif %}\n")
    sent = send(live, newsletter, 20)
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 20)
    assert recipients(stub) == Counter(PEOPLE)
    assert sorted(sizes(stub)) == [5, 5, 5, 5]
    for _, _, body in stub.requests:
        cities = {PEOPLE.index(one["to"][0]["email"]) % 2 for one in json.loads(body)["personalizations"]}
        assert len(cities) == 1, "those who read the same"


def test_over_tls_with_a_certificate_that_is_verified(
    live: Path, tls_stub: Any, newsletter: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    stub = tls_stub(context)
    monkeypatch.setenv("NEWSLETTER_SENDGRID__BASE_URL", stub.url)
    refused = send(live, newsletter, 20)
    assert (refused.code, stub.requests) == (5, []), "an authority that nobody knows"
    assert newsletter("-C", live, "resume", "hej", *LIVE).code == 0
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    sent = send(live, newsletter, 20)
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 20)
    assert recipients(stub) == Counter(PEOPLE)
    assert stub.connections - stub.failed == 1, "one connection for all"
