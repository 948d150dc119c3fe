"""The bytes of messages as readers see them that are not Python's: a parser in Rust, and DKIM signed and verified.

Whatever stands in names, subjects and texts: all of them read the same, every line fits, and a relay has nothing to
mend, so that a signature holds behind it.
"""

import base64
import re
from collections.abc import Callable
from email import message_from_bytes, policy

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fast_mail_parser import parse_email, parse_email_tree
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from newsletter.render.composition import Attachment, InlinePicture

Write = Callable[..., bytes]

QUICKLY = settings(
    deadline=None,
    max_examples=120,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_SIGNS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
_ODD_WORDS = st.sampled_from([
    ".", "..", "From ", "From: x", "Åsa", "👩‍👩‍👧‍👦", "=?utf-8?q?x?=", "=20", "=", "x" * 400, "å" * 300, "Birger & Blom", '"',
    "\\", ",", ";", "<b>", "שלום", "e\u0301", "\u00a0", "  ",
])  # fmt: skip
ONE_LINE = st.lists(st.one_of(st.text(_SIGNS, max_size=30), _ODD_WORDS), min_size=1, max_size=6).map("".join)
SUBJECT = ONE_LINE.filter(lambda text: bool(text.strip()))
NAME = ONE_LINE.filter(lambda text: bool(text.strip()) and not set(text) & set("<>"))
BODY = st.lists(
    st.one_of(ONE_LINE, st.just("\n"), st.just("\n.\n"), st.just("\nFrom here\n")), max_size=8
).map("".join)
COVERED = [
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"content-type",
]
FILES = st.binary(min_size=1, max_size=300)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def signed(key: rsa.RSAPrivateKey) -> Callable[[bytes], tuple[bytes, bool]]:
    """Signs as a relay does, and says whether the signature holds for these bytes."""
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    def sign(message: bytes, canonical: tuple[bytes, bytes] = (b"relaxed", b"simple")) -> tuple[bytes, bool]:
        head = dkim.sign(
            message, b"brev", b"hejdigitalt.example", private, canonicalize=canonical, include_headers=COVERED
        )
        whole = head + message
        return whole, dkim.verify(whole, dnsfunc=lambda _name, timeout=5: record)

    return sign


def fits(message: bytes) -> None:
    """What every relay asks (RFC 5321 §4.5.3.1.6, RFC 5322 §2.1.1, RFC 2045 §6.7)."""
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", message) is None, "a bare CR or LF"
    assert message.isascii()
    lines = message.split(b"\r\n")
    assert all(len(line) <= 998 for line in lines)
    assert not any(line.startswith((b".", b"From ")) for line in lines), "a relay would change it"
    for part in re.finditer(
        rb"Content-Transfer-Encoding: (?:quoted-printable|base64)\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n(?:--=_|\Z)",
        message,
        re.DOTALL,
    ):
        assert all(len(line) <= 76 for line in part[1].split(b"\r\n"))


def normal(text: str) -> str:
    return text.replace("\r\n", "\n").strip("\n")


@QUICKLY
@given(subject=SUBJECT, name=NAME, text=BODY, html=BODY)
@example(subject="." * 200, name="Åsa, Birger & Blom", text=".\n..\nFrom x\n", html="<p>.\n</p>")
@example(subject="🎉" * 60, name='"Hej" \\ du', text="x" * 3000, html="<p>" + "å" * 3000)
@example(subject="=?utf-8?b?SGVq?=", name="a" * 120, text="rad 1  \nrad 2\t\n", html="=\n=3D\n")
def test_any_message_reads_the_same_for_three_readers(write, signed, subject, name, text, html) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    message = write(
        subject=subject,
        text=text + "\n.",
        html=html + "\n<p>.</p>",
        sender=f'"{quoted}" <hej@hejdigitalt.example>',
    )
    fits(message)
    foreign = parse_email(message)
    by_python = message_from_bytes(message, policy=policy.default)
    assert foreign.subject == subject
    assert [normal(part) for part in foreign.text_plain] == [normal(text + "\n.")]
    assert [normal(part) for part in foreign.text_html] == [normal(html + "\n<p>.</p>")]
    assert normal(by_python.get_body(("plain",)).get_content()) == normal(text + "\n.")
    assert (foreign.from_.display_name, foreign.from_.address) == (name.strip(), "hej@hejdigitalt.example")
    whole, holds = signed(message)
    assert holds
    assert signed(message, (b"simple", b"simple"))[1], "nothing in it that a strict signer would have to mend"
    assert parse_email(whole).subject == subject


def test_both_headers_to_unsubscribe_are_under_the_signature(write: Write, signed) -> None:
    whole, holds = signed(write(unsubscribe="https://brev.example.org/u/" + "a" * 400))
    assert holds
    covered = re.search(rb"h=([^;]+);", whole.replace(b"\r\n ", b""))
    names = {name.strip().lower() for name in covered[1].split(b":")}
    assert {
        b"list-unsubscribe",
        b"list-unsubscribe-post",
        b"from",
        b"subject",
        b"date",
        b"message-id",
    } <= names
    assert parse_email(whole).headers["List-Unsubscribe"] == [f"<https://brev.example.org/u/{'a' * 400}>"]
    changed = whole.replace(b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Clicks")
    assert not dkim.verify(changed, dnsfunc=lambda _name, timeout=5: b"")


PICTURE = InlinePicture("logo.1", "logo.png", "image/png", bytes(range(256)))
PDF = Attachment(
    "campaigns/x/program.pdf", "program.pdf", "application/pdf", b"%PDF-1.7\n" + bytes(range(256)) * 40
)
NOTES = Attachment(
    "campaigns/x/tider på ön.ics",
    "tider på ön.ics",
    "text/calendar",
    b"BEGIN:VCALENDAR\r\n.\r\nEND:VCALENDAR\r\n",
)


def kinds(message: bytes) -> object:
    def of(part) -> object:
        inner = [of(child) for child in part.children]
        return {part.content_type: inner} if inner else part.content_type

    return of(parse_email_tree(message))


BOTH = {"multipart/alternative": ["text/plain", "text/html"]}


@pytest.mark.parametrize(
    ("pictures", "attachments", "expected"),
    [
        ((), (), BOTH),
        ((PICTURE,), (), {"multipart/related": [BOTH, "image/png"]}),
        ((), (PDF,), {"multipart/mixed": [BOTH, "application/pdf"]}),
        (
            (PICTURE,),
            (PDF, NOTES),
            {
                "multipart/mixed": [
                    {"multipart/related": [BOTH, "image/png"]},
                    "application/pdf",
                    "text/calendar",
                ]
            },
        ),
    ],
)
def test_levels_with_a_single_part_are_left_out(
    write: Write, signed, pictures, attachments, expected
) -> None:
    message = write(html='<img src="cid:logo.1">\n', pictures=pictures, attachments=attachments)
    fits(message)
    assert kinds(message) == expected
    found = {each.filename: bytes(each.content) for each in parse_email(message).attachments}
    assert found == {each.filename: each.data for each in (*pictures, *attachments)}
    by_python = message_from_bytes(message, policy=policy.default)
    named = {
        part.get_filename(): part.get_payload(decode=True) for part in by_python.walk() if part.get_filename()
    }
    assert named == found
    assert [part.get_content_disposition() for part in by_python.walk() if part.get_filename()] == [
        *("inline" for _ in pictures), *("attachment" for _ in attachments),
    ]  # fmt: skip
    assert signed(message)[1]


@pytest.mark.parametrize(("text", "html"), [("Hej\n", ""), ("", "<p>Hej</p>\n")])
def test_one_part_and_an_attachment(write: Write, text: str, html: str) -> None:
    kind = "text/plain" if text else "text/html"
    assert kinds(write(text=text, html=html, attachments=(PDF,))) == {
        "multipart/mixed": [kind, "application/pdf"]
    }


@QUICKLY
@given(name=NAME.filter(lambda text: "/" not in text), data=FILES)
@example(name="…" * 80, data=b".\r\nFrom x\r\n.\r\n")
@example(name='a"b;c\\d.pdf', data=b"\0")
def test_any_file_arrives_as_it_is_under_its_name(write, name, data) -> None:
    message = write(attachments=(Attachment("f", name, "application/octet-stream", data),))
    fits(message)
    (foreign,) = parse_email(message).attachments
    assert (foreign.filename, bytes(foreign.content)) == (name, data)


def test_nothing_machines_read_is_an_encoded_word(write: Write) -> None:
    message = write(unsubscribe="https://brev.example.org/u/" + "x" * 500, list_id="föreningar på Gotland")
    block = message.partition(b"\r\n\r\n")[0].decode()
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID", "Message-ID"):
        (line,) = re.findall(rf"^{name}: (.*)$", block, re.MULTILINE)
        assert "=?" not in line
    assert re.search(
        r"^Feedback-ID: [a-z0-9-]+:[a-z0-9-]+:[a-z]+:[a-z0-9]{5,15}$", block.replace("\r", ""), re.MULTILINE
    )


def test_the_id_of_a_sender_in_feedback_is_the_same_in_all_mails(write: Write) -> None:
    """Google counts complaints by it: whoever changed it per letter would have no count at all."""
    ids = {
        re.search(rb"Feedback-ID: [^\r]*:(\w+)\r\n", write(subject=subject, list_id=name, sid=sid))[1]
        for subject, name, sid in (("Hej", "a", "s1"), ("Då", "seminarier", "s2"), ("👋", "ö", "s3"))
    }
    assert len(ids) == 1
