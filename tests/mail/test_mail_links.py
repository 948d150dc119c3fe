"""Unsubscribe tokens and sids: what they carry, and that nothing foreign is ever read."""

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.mail.links import Sid, Token, read_sid, read_token, sid, unsubscribe_url
from newsletter.settings.secret import Secret

SECRET = Secret("a secret of the tests, long enough for a key")
OTHER = Secret("another secret of the tests, as long as the first")
QUICKLY = settings(deadline=None, max_examples=150, derandomize=True)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
IDS = st.integers(min_value=0, max_value=2**62)


def token_of(url: str) -> str:
    return url.rpartition("/")[2]


def mended(token: str, change: bytes) -> str:
    """The token with its bytes changed and put into the right spelling again."""
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[: len(change)] = change
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


@QUICKLY
@given(NAMES, NAMES, st.sampled_from(["sv", "en", ""]))
def test_a_link_says_who_which_list_and_language(key: str, list_name: str, language: str) -> None:
    url = unsubscribe_url("https://news.example.org/", SECRET, key, list_name, language)
    assert re.fullmatch(r"https://news\.example\.org/u/[A-Za-z0-9_-]+", url)
    assert read_token(SECRET, token_of(url)) == Token(SECRET.person(key), list_name, language)


def test_a_link_is_the_same_for_ever_and_holds_no_address() -> None:
    url = unsubscribe_url(None, SECRET, "asa@example.org", "seminarier", "sv")
    assert url == unsubscribe_url(None, SECRET, "asa@example.org", "seminarier", "sv")
    assert url == (
        "https://newsletter.invalid/u/"
        "AQhlNTY4MzU5NrWQ1gcONBl42jy5XoVgYtwKc2VtaW5hcmllcgJzdqhBsI-bmp4J6fOCHnQUlhM"
    )
    raw = base64.urlsafe_b64decode(token_of(url) + "==")
    assert b"asa" not in raw
    assert b"example" not in raw


def test_a_token_of_another_secret_is_foreign() -> None:
    token = token_of(unsubscribe_url(None, OTHER, "asa@example.org", "seminarier", "sv"))
    assert read_token(OTHER, token) is not None
    assert read_token(SECRET, token) is None


def test_changing_any_sign_of_a_token_makes_it_foreign() -> None:
    token = token_of(unsubscribe_url(None, SECRET, "asa@example.org", "seminarier", "sv"))
    for at, sign in enumerate(token):
        for other in {"A", "B", "_", "="} - {sign}:
            assert read_token(SECRET, token[:at] + other + token[at + 1 :]) is None


def test_a_version_that_is_not_ours_is_foreign_even_if_signed() -> None:
    token = token_of(unsubscribe_url(None, SECRET, "asa@example.org", "seminarier", "sv"))
    body = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:-16]
    signed = b"\x02" + body[1:]
    signed += SECRET.mac("unsubscribe link", signed, size=16)
    assert read_token(SECRET, base64.urlsafe_b64encode(signed).rstrip(b"=").decode()) is None
    assert mended(token, b"\x01") == token


@pytest.mark.parametrize("odd", ["", "=", "a", "åäö", "../../etc/passwd", "A" * 5000, "AQ==", " ", "\0"])
def test_odd_text_is_no_token_and_no_sid(odd: str) -> None:
    assert read_token(SECRET, odd) is None
    assert read_sid(SECRET, odd, "ledger", 1) is None


@QUICKLY
@given(st.text(max_size=100))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert read_token(SECRET, text) is None
    assert read_sid(SECRET, text, "ledger", 1) is None


@QUICKLY
@given(st.binary(max_size=100))
def test_any_bytes_in_the_right_spelling_are_foreign(raw: bytes) -> None:
    assert read_token(SECRET, base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) is None
    assert read_sid(SECRET, base64.b32encode(raw).rstrip(b"=").decode().lower(), "ledger", 1) is None


def test_blanks_and_padding_that_python_would_skip_are_refused() -> None:
    token = token_of(unsubscribe_url(None, SECRET, "asa@example.org", "seminarier", "sv"))
    for spelling in (token + "=", token + "\n", token[:9] + "!" + token[9:], token.replace("_", "/")):
        assert spelling == token or read_token(SECRET, spelling) is None


@QUICKLY
@given(IDS, IDS, NAMES, st.integers(0, 1000))
def test_a_sid_names_run_and_subscriber(run_id: int, subscriber_id: int, ledger_id: str, epoch: int) -> None:
    name = sid(SECRET, run_id, subscriber_id, ledger_id, epoch)
    assert read_sid(SECRET, name, ledger_id, epoch) == Sid(run_id, subscriber_id)


def test_a_sid_is_a_file_name_on_every_system_and_never_begins_with_a_sign() -> None:
    names = [sid(SECRET, run, person, "ledger", 1) for run in range(5) for person in range(2000)]
    assert len({name.lower() for name in names}) == len(names)
    assert all(re.fullmatch(r"[a-z2-7]{16,40}", name) for name in names)


def test_a_sid_of_another_ledger_epoch_or_secret_is_no_evidence() -> None:
    name = sid(SECRET, 3, 41, "ledger", 1)
    assert read_sid(SECRET, name, "ledger", 1) == Sid(3, 41)
    assert read_sid(SECRET, name, "ledger", 2) is None
    assert read_sid(SECRET, name, "other", 1) is None
    assert read_sid(OTHER, name, "ledger", 1) is None
    assert read_sid(SECRET, name.upper(), "ledger", 1) is None


def test_changing_any_sign_of_a_sid_makes_it_foreign() -> None:
    name = sid(SECRET, 3, 41, "ledger", 1)
    for at, sign in enumerate(name):
        for other in {"a", "7", "8"} - {sign}:
            assert read_sid(SECRET, name[:at] + other + name[at + 1 :], "ledger", 1) is None


def test_what_cannot_be_written_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="no id"):
        sid(SECRET, -1, 1, "ledger", 1)
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        unsubscribe_url(None, SECRET, "asa@example.org", "å" * 128, "sv")
