"""The bytes of a message, read back by Python's reader and by a strict one of this file's own.

Python's reader mends what it reads, so a round trip through it alone proves nothing.
"""

import base64
import quopri
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from newsletter.errors import ChecksFailed
from newsletter.mail import quoted_printable
from newsletter.mail.message import list_label
from newsletter.render.composition import InlinePicture

Write = Callable[..., bytes]

QUICKLY = settings(
    deadline=None,
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Anything that people may write in one line: no controls, no line separators, no surrogates.
ONE_LINE = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=200
).filter(str.strip)
BODY = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), st.sampled_from("\n\r. =\tF")
    ),
    max_size=400,
)
AWKWARD = (
    "Birger & Blom",
    "Åsa från Gotland: «så här blev det» – och nu då?",
    "Tack 🎉👩‍👩‍👧‍👦 för att du kom! " * 12,
    "שלום לכולם, זה נושא ארוך מאוד " * 6,
    "=?utf-8?q?Gratis?= pengar",
    "two  blanks",
    "x" * 300,
    "word " * 40 + "end",
)


# --- a strict reader ---------------------------------------------------------------------------------


@dataclass
class Part:
    fields: list[tuple[str, str]]  # unfolded, not decoded
    body: bytes
    parts: list["Part"]

    def field(self, name: str) -> str:
        found = [value for key, value in self.fields if key.lower() == name.lower()]
        assert len(found) == 1, (name, found)
        return found[0]

    def text(self) -> str:
        assert self.field("Content-Transfer-Encoding") == "quoted-printable"
        return unquote(self.body).decode("utf-8")


def read(data: bytes) -> Part:
    """A message by RFC 5322 and RFC 2046; asserts what a relay relies on."""
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", data) is None, "a bare CR or LF"
    for line in data.split(b"\r\n"):
        assert len(line) <= 998
        assert not line.startswith(b".")
        assert not line.startswith(b"From ")
    return read_part(data)


def read_part(data: bytes) -> Part:
    block, _, body = data.partition(b"\r\n\r\n")
    assert block.isascii()
    lines = block.decode("ascii").split("\r\n")
    unfolded: list[str] = []
    for line in lines:
        assert line.isprintable(), line
        assert line.strip(), line
        if line.startswith(" "):
            unfolded[-1] += line
        else:
            assert re.match(r"[A-Za-z-]+: \S", line), line
            unfolded.append(line)
        if "=?" in line:
            assert len(line) <= 76, line
    fields = [(line.partition(": ")[0], line.partition(": ")[2]) for line in unfolded]
    boundary = re.search(r'boundary="([^"]+)"', block.decode("ascii"))
    return Part(fields, body, split(body, boundary[1].encode()) if boundary else [])


def split(body: bytes, boundary: bytes) -> list[Part]:
    assert len(boundary) <= 70
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    assert all(piece.startswith(b"\r\n") for piece in pieces[1:-1])
    return [read_part(piece[2:]) for piece in pieces[1:-1]]


def unquote(body: bytes) -> bytes:
    """Quoted-printable, without mercy."""
    out = b""
    lines = body.split(b"\r\n")
    assert lines[-1] == b""
    for line in lines[:-1]:
        assert len(line) <= 76, line
        assert not line.endswith((b" ", b"\t")), line
        assert all(byte in b"\t" or 32 <= byte < 127 for byte in line), line
        soft = line.endswith(b"=")
        for literal, code in re.findall(rb"([^=]+)|=([0-9A-F]{2})", line[:-1] if soft else line):
            out += literal or bytes([int(code, 16)])
        rest = re.sub(rb"[^=]+|=[0-9A-F]{2}", b"", line[:-1] if soft else line)
        assert rest == b"", line
        out += b"" if soft else b"\r\n"
    return out


def decode_words(value: str) -> str:
    """RFC 2047, each encoded word by itself; blanks between two of them vanish."""
    out, last_encoded = "", True
    for blank, token in re.findall(r"( *)(\S+)", value):
        word = re.fullmatch(r"=\?utf-8\?([bq])\?([^? ]*)\?=", token)
        if word:
            assert len(token) <= 75
            raw = (
                base64.b64decode(word[2], validate=True)
                if word[1] == "b"
                else re.sub(
                    rb"=([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), word[2].replace("_", " ").encode()
                )
            )
            out += ("" if last_encoded else blank) + raw.decode("utf-8", errors="strict")
        else:
            out += blank + token
        last_encoded = bool(word)
    return out


def mend_free(data: bytes) -> EmailMessage:
    """Python's reader, which must find no defect."""
    read_by_python = message_from_bytes(data, policy=policy.default)
    for part in read_by_python.walk():
        assert part.defects == []
        for value in part.values():
            assert getattr(value, "defects", ()) == (), value
    assert isinstance(read_by_python, EmailMessage)
    return read_by_python


# --- headers -----------------------------------------------------------------------------------------


@QUICKLY
@given(ONE_LINE)
@example(AWKWARD[0])
@example(AWKWARD[2])
@example(AWKWARD[4])
@example(" leading and trailing ")
def test_any_subject_reads_back_whole(write: Write, subject: str) -> None:
    data = write(subject=subject)
    assert decode_words(read(data).field("Subject")) == subject


@pytest.mark.parametrize("subject", AWKWARD)
def test_awkward_subjects_are_the_same_for_pythons_reader(write: Write, subject: str) -> None:
    assert mend_free(write(subject=subject))["Subject"] == subject


@QUICKLY
@given(ONE_LINE.map(str.strip).filter(lambda name: not set(name) & set('<>"\\')))
@example("Birger & Blom")
@example("Blom, Birger")
@example("Åsa Öberg 🎉")
@example("a" * 150)
def test_any_sender_name_reads_back_whole(write: Write, name: str) -> None:
    written = read(write(sender=f"{name} <hej@hejdigitalt.example>")).field("From")
    display, _, address = written.rpartition(" ")
    assert address == "<hej@hejdigitalt.example>"
    if display.startswith('"'):
        display = display[1:-1]
    assert decode_words(display) == name


@pytest.mark.parametrize(
    "name", ["Birger & Blom", "Blom, Birger", 'Birger "Bigge" Blom', "Åsa Öberg", "B. Blom"]
)
def test_a_sender_is_one_mailbox_with_its_name(write: Write, name: str) -> None:
    sender = mend_free(write(sender=f"{name} <hej@hejdigitalt.example>"))["From"].addresses
    assert [(one.display_name, one.addr_spec) for one in sender] == [(name, "hej@hejdigitalt.example")]


def test_the_ampersand_of_birger_and_blom_is_plain_wherever_it_stands(write: Write) -> None:
    data = write(
        subject="Välkommen, Birger & Blom!",
        sender="Birger & Blom <hej@birgerochblom.example>",
        html="<p>Birger &amp; Blom</p>\n",
        text="Birger & Blom\n",
    )
    part = read(data)
    assert decode_words(part.field("Subject")) == "Välkommen, Birger & Blom!"
    assert part.field("From") == "Birger & Blom <hej@birgerochblom.example>"
    assert [leaf.text() for leaf in part.parts] == ["Birger & Blom\r\n", "<p>Birger &amp; Blom</p>\r\n"]


def test_what_machines_read_is_written_raw_however_long(write: Write) -> None:
    link = "https://news.hejdigitalt.example/u/" + "A1_-" * 60
    part = read(write(unsubscribe=link))
    assert part.field("List-Unsubscribe") == f"<{link}>"
    assert part.field("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert part.field("Message-ID") == "<aeaq6kz2sdfg4@hejdigitalt.example>"
    assert part.field("List-Id") == "<seminarier.hejdigitalt.example>"
    assert part.field("MIME-Version") == "1.0"


def test_every_header_stands_once_and_in_order(write: Write) -> None:
    part = read(write(reply_to="Svar <svar@hejdigitalt.example>"))
    names = [name for name, _ in part.fields]
    assert names == [
        *("From", "To", "Reply-To", "Subject", "Date", "Message-ID"),
        *(
            "List-Id",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
            "Feedback-ID",
            "MIME-Version",
            "Content-Type",
        ),
    ]
    assert part.field("To") == "asa@example.org"
    assert part.field("Reply-To") == "Svar <svar@hejdigitalt.example>"


def test_without_reply_to_there_is_no_such_header(write: Write) -> None:
    assert b"Reply-To" not in write()


def test_the_date_is_the_instant_in_utc(write: Write) -> None:
    stockholm = timezone(timedelta(hours=2))
    written = read(write(date=datetime(2015, 7, 3, 9, 0, tzinfo=stockholm))).field("Date")
    assert written == "Fri, 03 Jul 2015 07:00:00 +0000"
    assert parsedate_to_datetime(written) == datetime(2015, 7, 3, 7, 0, tzinfo=UTC)


def test_a_domain_in_national_letters_is_sent_as_a_label(write: Write) -> None:
    part = read(write(sender="Hej <hej@blåbär.example>"))
    assert part.field("From") == "Hej <hej@xn--blbr-noae.example>"
    assert part.field("Message-ID").endswith("@xn--blbr-noae.example>")


def test_the_name_of_a_list_becomes_one_label() -> None:
    assert list_label("seminarier") == "seminarier"
    assert list_label("Föreningar i Visby") == list_label("föreningar i visby")
    assert list_label("föreningar") != list_label("foreningar")
    assert re.fullmatch(r"[a-z0-9-]+", list_label("föreningar/2015"))


@pytest.mark.parametrize("sign", ["\n", "\r", "\r\n", "\0", "\t", "\x0b", "\x85", "\u2028", "\x7f", "\ud800"])
def test_a_control_character_in_a_subject_or_name_is_refused(write: Write, sign: str) -> None:
    with pytest.raises(ChecksFailed) as caught:
        write(subject=f"Hej{sign}Bcc: all@example.org", sender=f"Hej{sign}du <hej@hejdigitalt.example>")
    codes = [(problem.code, str(problem.place)) for problem in caught.value.problems]
    assert codes == [("D101", "campaigns/almedalen-recap/campaign.md:2:13"), ("D101", "None")]


def test_a_line_break_in_a_subject_says_where_and_what_to_try(write: Write) -> None:
    with pytest.raises(ChecksFailed) as caught:
        write(subject="Hej\nBcc: all@example.org")
    assert str(caught.value) == (
        "error    D101  the subject holds a line break (U+000A)   campaigns/almedalen-recap/campaign.md:2:13\n"
        "   try:  a subject is one line: look for a line break in a field or a value that it uses"
    )


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"subject": " "}, "D102"),
        ({"sender": "HejDigitalt"}, "D103"),
        ({"sender": "a@example.org, b@example.org"}, "D103"),
        ({"sender": "<a@example.org> <b@example.org>"}, "D103"),
        ({"sender": "Åsa <åsa@example.org>"}, "D103"),
        ({"reply_to": "nobody"}, "D103"),
        ({"recipient": "åsa@example.org"}, "D104"),
        ({"recipient": "a@example.org, b@example.org"}, "D104"),
        ({"recipient": "a@example.org\r\nBcc: b@example.org"}, "D104"),
        ({"recipient": ""}, "D104"),
        ({"html": "<p>\0</p>"}, "D105"),
        ({"text": "\ud83d"}, "D105"),
        ({"html": "", "text": ""}, "D106"),
        ({"subject": "word " * 4000}, "D107"),
        ({"unsubscribe": "http://news.example.org/u/x"}, "D108"),
        ({"unsubscribe": "https://news.example.org/u/x>, <mailto:a@example.org"}, "D108"),
        ({"unsubscribe": "https://news.example.org/u/x>,<mailto:a@example.org"}, "D108"),
        ({"unsubscribe": "https://blåbär.example/u/x"}, "D108"),
        ({"unsubscribe": "https://[::1/u/x"}, "D108"),
    ],
)
def test_what_cannot_be_a_message_is_refused_by_its_code(
    write: Write, what: dict[str, str], code: str
) -> None:
    with pytest.raises(ChecksFailed) as caught:
        write(**what)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert all(problem.hint for problem in caught.value.problems)


def test_a_problem_of_a_recipient_does_not_tell_the_address(write: Write) -> None:
    with pytest.raises(ChecksFailed) as caught:
        write(recipient="åsa.hemlig@example.org")
    assert "hemlig" not in str(caught.value)


# --- bodies ------------------------------------------------------------------------------------------


@QUICKLY
@given(BODY, BODY)
@example(".\n..\nFrom me\n", "From " * 30)
@example("x" * 75 + " \n", "å" * 200)
@example("a\rb\r\nc\n", "\ufeff \t\n")
@example("--=_alt_aeaq6kz2sdfg4--\n", "--=_alt_aeaq6kz2sdfg4\n")
def test_any_body_reads_back_whole(write: Write, text: str, html: str) -> None:
    data = write(text=text or "x", html=html or "x")
    part = read(data)
    assert part.field("Content-Type").startswith("multipart/alternative;")
    assert [leaf.field("Content-Type") for leaf in part.parts] == [
        "text/plain; charset=utf-8",
        "text/html; charset=utf-8",
    ]
    lines = [re.sub("\r\n|\r", "\n", body).replace("\n", "\r\n") for body in (text or "x", html or "x")]
    assert [leaf.text() for leaf in part.parts] == lines


@pytest.mark.parametrize(
    "body", ["Hej\n", "Ingen radbrytning sist", "å" * 5000, "<p>" + "x" * 15000 + "</p>"]
)
def test_pythons_reader_sees_the_same_bodies(write: Write, body: str) -> None:
    whole = mend_free(write(text=body, html=body))
    for kind in ("plain", "html"):
        part = whole.get_body((kind,))
        assert part is not None
        assert part.get_content().replace("\r\n", "\n") == body


@pytest.mark.parametrize("start", [".", "From "])
def test_a_line_that_grows_is_never_cut_inside_a_letter(write: Write, start: str) -> None:
    for length in range(60, 80):
        body = f"{start}{'x' * length}ååå\n"
        assert read(write(text=body)).parts[0].text() == body.replace("\n", "\r\n")


@pytest.mark.parametrize(("text", "html", "kind"), [("Hej\n", "", "text/plain"), ("", "<p>", "text/html")])
def test_a_single_part_stands_alone(write: Write, text: str, html: str, kind: str) -> None:
    part = read(write(text=text, html=html))
    assert part.parts == []
    assert part.field("Content-Type") == f"{kind}; charset=utf-8"
    assert part.text().strip() == (text + html).strip()


def test_pictures_travel_beside_the_html_that_names_them(write: Write) -> None:
    data = bytes(range(256)) * 20
    pictures = (
        InlinePicture("logo.1", "logo.png", "image/png", data),
        InlinePicture("bild.2", "på kajen.jpg", "image/jpeg", b"\xff\xd8"),
    )
    message = write(html='<img src="cid:logo.1"><img src="cid:bild.2">\n', pictures=pictures)
    part = read(message)
    assert 'type="multipart/alternative"' in part.field("Content-Type")
    alternative, first, second = part.parts
    assert [leaf.field("Content-Type")[:10] for leaf in alternative.parts] == ["text/plain", "text/html;"]
    assert first.field("Content-ID") == "<logo.1>"
    assert all(len(line) <= 76 for line in first.body.split(b"\r\n"))
    assert base64.b64decode(first.body) == data
    assert second.field("Content-Disposition") == "inline; filename*=utf-8''p%C3%A5%20kajen.jpg"
    by_python = [part for part in mend_free(message).walk() if part.get_content_maintype() == "image"]
    assert [(p.get_filename(), p.get_payload(decode=True)) for p in by_python] == [
        ("logo.png", data),
        ("på kajen.jpg", b"\xff\xd8"),
    ]


def test_the_same_arguments_give_the_same_bytes(write: Write) -> None:
    assert write(subject="Åsa") == write(subject="Åsa")


def test_a_message_in_full(write: Write) -> None:
    written = write(
        subject="Åsa, det här hände i Almedalen",
        text="Hej Åsa!\n.\nFrom Visby\n",
        html='<p style="color:#333">Hej Åsa!</p>\n',
    )
    assert written.decode("ascii").split("\r\n") == [
        "From: HejDigitalt <hej@hejdigitalt.example>",
        "To: asa@example.org",
        "Subject: =?utf-8?b?w4VzYSwgZGV0IGjDpHIgaMOkbmRlIGkgQWxtZWRhbGVu?=",
        "Date: Fri, 03 Jul 2015 07:00:00 +0000",
        "Message-ID: <aeaq6kz2sdfg4@hejdigitalt.example>",
        "List-Id: <seminarier.hejdigitalt.example>",
        "List-Unsubscribe: <https://newsletter.invalid/u/AQhrZXk>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Feedback-ID: almedalen-recap:seminarier:campaign:hejdigitalt",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
        ' boundary="=_alt_aeaq6kz2sdfg4"',
        "",
        "--=_alt_aeaq6kz2sdfg4",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "Hej =C3=85sa!",
        "=2E",
        "=46rom Visby",
        "",
        "--=_alt_aeaq6kz2sdfg4",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        '<p style=3D"color:#333">Hej =C3=85sa!</p>',
        "",
        "--=_alt_aeaq6kz2sdfg4--",
        "",
    ]


@given(st.lists(st.text(alphabet="aå=. \n\tFrom<>👩", max_size=120), min_size=1, max_size=7))
def test_pieces_encode_as_one_text(pieces: list[str]) -> None:
    encoded = quoted_printable.encode_pieces(pieces)
    assert quopri.decodestring(encoded).decode() == "".join(pieces).replace("\n", "\r\n")
    lines = encoded.split(b"\r\n")
    assert b"\n" not in encoded.replace(b"\r\n", b"")
    assert all(len(line) <= 76 and not line.startswith((b".", b"From ")) for line in lines)
    assert not any(line.endswith((b" ", b"\t")) for line in lines)


@given(
    st.lists(st.sampled_from(["a", "å", "\n", "\n\n", "\r", "\r\n", ".", "From ", " ", "\t", "=", "x" * 75]))
)
def test_paragraphs_encode_as_their_text_does(signs: list[str]) -> None:
    text = "".join(signs)
    assert quoted_printable.encode_paragraphs(text) == quoted_printable.encode(text)
