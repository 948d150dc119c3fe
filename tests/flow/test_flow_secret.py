"""Ledger and secret belong together: one without the other stops, and nothing is made in its place."""

import pytest


@pytest.fixture
def begun(small, newsletter):
    assert newsletter("-C", small, "send", "hej", "--confirm", "3").code == 0
    return small


@pytest.mark.parametrize(
    "command", [("send", "hej"), ("run",), ("status",), ("send", "hej", "-n"), ("segment", "count", "lista")]
)
def test_a_lost_secret_is_not_replaced(command, begun, newsletter):
    secret = begun / ".newsletter" / "secret"
    secret.unlink()
    called = newsletter("-C", begun, *command)
    assert called.code == 4
    assert "R104" in called.err
    assert not secret.exists()


def test_another_secret_is_refused_and_the_right_one_works_again(begun, newsletter, monkeypatch):
    monkeypatch.setenv("NEWSLETTER_SECRET", "x" * 40)
    assert newsletter("-C", begun, "send", "hej").code == 4
    monkeypatch.delenv("NEWSLETTER_SECRET")
    assert newsletter("-C", begun, "send", "hej").code == 0


@pytest.mark.parametrize(
    "command", [("check",), ("render", "hej"), ("send", "hej", "-n"), ("status",), ("list",), ("run", "-n")]
)
def test_looking_makes_neither_ledger_nor_secret(command, small, newsletter):
    assert newsletter("-C", small, *command, "--now", "2015-07-03T09:00").code == 0
    assert not (small / ".newsletter").exists()
