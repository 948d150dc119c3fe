"""Slips of the hand that must not turn into a send, nor into an internal error."""

import pytest


@pytest.mark.parametrize("wrong", ["{{ brand.name | uppper }}", "{% if brand.name is foo %}x{% endif %}"])
def test_an_unknown_filter_or_test_in_a_template_has_its_place(wrong, small, newsletter):
    file = small / "templates" / "plain.mjml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("<mj-title>{{ brand.name }}", f"<mj-title>{wrong}"), encoding="utf-8")
    called = newsletter("-C", small, "check")
    assert called.code == 3
    assert "M104" in called.out
    assert "templates/plain.mjml:6:" in called.out


@pytest.mark.parametrize("option", [("--out", "x"), ("--samples", "2")])
def test_an_option_of_the_rehearsal_does_not_start_a_send(option, small, newsletter):
    called = newsletter("-C", small, "send", "hej", *option, "--confirm", "3")
    assert (called.code, list(small.rglob("*.eml"))) == (2, [])


def test_a_field_that_fails_for_every_reader_is_found_by_check(small, newsletter):
    file = small / "campaigns" / "hej.md"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "\n{{ subscriber.first_name + 1 }}\n", encoding="utf-8")
    called = newsletter("-C", small, "check", "hej")
    assert called.code == 3
    assert "M105  this can't be rendered" in called.out
    assert f"campaigns/hej.md:{text.count(chr(10)) + 2}" in called.out


def test_a_rehearsal_says_how_many_read_what_is_only_for_some(shipped, newsletter):
    rehearsed = newsletter(
        "-C", shipped, "send", "almedalen-recap", "--dry-run", "--now", "2015-07-03T09:00", "--json"
    ).data
    here, elsewhere = rehearsed["only"]
    assert (here["segment"], here["not"], elsewhere["not"]) == ("i-visby", False, True)
    assert here["recipients"] > 0
    assert here["recipients"] + elsewhere["recipients"] == rehearsed["recipients"]
    assert here["place"].startswith("campaigns/almedalen-recap/campaign.md:")


def test_status_tells_of_a_send_that_died(small, newsletter, monkeypatch):
    from newsletter.providers.outbox import Outbox

    def dies(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "hand_over", dies)
        assert newsletter("-C", small, "send", "hej", "--confirm", "3").code == 1
    for arguments in ("status", "hej"), ("status",):
        assert newsletter("-C", small, *arguments, "--check").code == 7
    assert "nobody is at work on it" in newsletter("-C", small, "status", "hej").out
    assert newsletter("-C", small, "send", "hej").code == 0
    assert newsletter("-C", small, "status", "--check").code == 0
