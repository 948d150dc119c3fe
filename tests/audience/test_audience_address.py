"""Addresses: what is one mailbox, what is none, and that the fast path says what the whole validator says."""

import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from email_validator import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.audience.address import mask, parse_address
from newsletter.audience.folding import fold

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("NEWSLETTER_SHARED_DATA") or PROJECT.parent / "shared" / "data")
ISEMAIL = SHARED / "isemail-tests.xml"


@pytest.mark.parametrize(
    ("typed", "key", "address"),
    [
        ("anna@example.org", "anna@example.org", "anna@example.org"),
        ("  Anna.Berg@Example.ORG\t", "anna.berg@example.org", "Anna.Berg@example.org"),
        ("Info@example.org", "info@example.org", "Info@example.org"),
        ("anna+tips@example.org", "anna+tips@example.org", "anna+tips@example.org"),
        ("\u200b\ufeff anna@example.org\u00a0\u200b", "anna@example.org", "anna@example.org"),
        ("o'brien@example.com", "o'brien@example.com", "o'brien@example.com"),
        ("x@post.test", "x@post.test", "x@post.test"),
        ("a@Räksmörgås.test", "a@xn--rksmrgs-5wao1o.test", "a@xn--rksmrgs-5wao1o.test"),
        ("a@xn--rksmrgs-5wao1o.TEST", "a@xn--rksmrgs-5wao1o.test", "a@xn--rksmrgs-5wao1o.test"),
        ("Åsa@example.org", "åsa@example.org", "Åsa@example.org"),
        ("A\u030asa@example.org", "åsa@example.org", "Åsa@example.org"),
    ],
)
def test_spellings_of_one_mailbox_share_a_key(typed: str, key: str, address: str) -> None:
    found = parse_address(typed)
    assert (found.key, found.address, found.problem) == (key, address, None)


def test_the_typed_form_is_kept_for_showing() -> None:
    assert parse_address(" Anna@Räksmörgås.test ").email == "Anna@Räksmörgås.test"


def test_a_dot_or_a_plus_makes_another_mailbox() -> None:
    assert (
        len({parse_address(f"{name}@example.org").key for name in ("jeanluc", "jean.luc", "jean+luc")}) == 3
    )


@pytest.mark.parametrize(
    "typed",
    ["", "anna", "anna@", "@example.org", "anna@example", "anna@localhost", "a@b.invalid", "anna..b@example.org",
     "anna@example.org, bo@example.org", "Anna <anna@example.org>", '"an na"@example.org', "anna@[127.0.0.1]",
     "an na@example.org", "anna@exa mple.org", "anna@example.org\nBcc: x@example.org", "anna@-example.org",
     "anna@example.org.", "a" * 250 + "@example.org", "anna@\ud800.org", "anna\x00@example.org", "＠example.org"],
)  # fmt: skip
def test_no_address(typed: str) -> None:
    found = parse_address(typed)
    assert found.problem
    assert found.address == ""


def test_a_local_part_outside_ascii_needs_smtputf8_and_an_idn_does_not() -> None:
    assert parse_address("åsa@example.org").needs_smtputf8
    assert not parse_address("asa@räksmörgås.test").needs_smtputf8


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("åsa@example.com", "å***@example.com"),
        ("a@example.com", "a***@example.com"),
        ("nobody", "n***"),
        ("", "***"),
    ],
)
def test_mask(email: str, masked: str) -> None:
    assert mask(email) == masked


def _address_category(test: ET.Element) -> tuple[str, str]:
    text = test.findtext("address") or ""
    return re.sub("[\u2400-\u241f]", lambda c: chr(ord(c[0]) - 0x2400), text), test.findtext("category") or ""


@pytest.mark.skipif(
    not ISEMAIL.exists(), reason="isemail-tests.xml is not beside the project (NEWSLETTER_SHARED_DATA)"
)
def test_isemail_verdicts() -> None:
    """What no mailbox of a newsletter has is refused too: quotes, comments, literals, folding white space."""
    tests = [_address_category(test) for test in ET.parse(ISEMAIL).getroot().iter("test")]  # noqa: S314 (our own copy)
    assert len(tests) == 164
    wrong = [a for a, category in tests if category == "ISEMAIL_ERR" and not parse_address(a).problem]
    assert wrong == []
    valid = [a for a, category in tests if category == "ISEMAIL_VALID_CATEGORY"]
    assert [a for a in valid if parse_address(a).problem] == ["test@io"]  # a top-level domain alone
    # Comments, folding white space and quoted local parts; a blank beside an address is a slip of the keyboard.
    odd = [a for a, category in tests if category in {"ISEMAIL_CFWS", "ISEMAIL_DEPREC", "ISEMAIL_RFC5321"}]
    assert [a for a in odd if not parse_address(a).problem] == [" test@iana.org", "test@iana.org "]


mailbox = st.one_of(
    st.emails(),
    st.text(max_size=40),
    st.builds("{}@{}".format, st.text(min_size=1, max_size=8), st.sampled_from(
        ["example.org", "Räksmörgås.test", "xn--rksmrgs-5wao1o.test", "faß.example.com", "a" * 240 + ".org", "ｅｘ.org",
         "example", "x.invalid", "ex_ample.org", "\u0338example.org", "1.אב.com"])),
    st.builds("{}@{}".format, st.sampled_from(["a", "Info", "A.b", "å", "A\u030a", "a" * 64, "ﬁ", "İ", "\u212a"]), st.text(max_size=12)),
    st.builds("{}@{}".format, st.text("aB.+!", min_size=1, max_size=260), st.text("aB.-å", min_size=1, max_size=12)),
)  # fmt: skip


@given(mailbox)
@example("a" * 242 + "@example.org")
@example("a" * 243 + "@example.org")
@example("a" * 239 + "@räksmörgås.se")
def test_the_fast_path_says_what_the_whole_validator_says(typed: str) -> None:
    found = parse_address(typed)
    try:
        whole = validate_email(found.email, check_deliverability=False, test_environment=True)
    except ValueError:
        assert found.problem
        assert found.address == ""
    else:
        assert found.problem is None
        local, _, domain = found.address.rpartition("@")
        assert domain == whole.ascii_domain
        assert fold(local) == fold(whole.local_part)
        assert found.key == f"{fold(whole.local_part)}@{whole.ascii_domain}"


@given(mailbox)
def test_the_key_is_idempotent_and_blind_to_case(typed: str) -> None:
    found = parse_address(typed)
    again = parse_address(found.key)
    assert again.key == found.key
    if found.problem is None:
        local, _, domain = found.address.rpartition("@")
        assert parse_address(f"{local.swapcase()}@{domain.upper()}").key == found.key or not local.isascii()
        assert (
            parse_address(
                f"{local}@{validate_email('a@' + domain, check_deliverability=False, test_environment=True).domain}"
            ).key
            == found.key
        )


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
