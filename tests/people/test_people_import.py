"""Foreign lists come in as people really have them; nobody who said no comes back."""

import csv
import io
import shlex
import sqlite3
import zipfile
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from tests.people.lists import MAILCHIMP, NAMES, SWEDISH, mailchimp_row, numbers, rows

# --- shapes


@pytest.mark.parametrize("mark", ["\ufeff\ufeff", "\u200b", "\ufeff\u00a0"])
def test_signs_that_nobody_sees_are_no_part_of_a_header(small, bring, mark):
    called = bring(f"{mark}E-post;Förnamn{mark}\r\nasa@example.org;Åsa\r\n".encode())
    assert called.code == 0, called.err
    assert rows(small)[0]["first_name"] == "Åsa"


@pytest.mark.parametrize(
    "data",
    [
        SWEDISH.encode("utf-8"),
        SWEDISH.encode("utf-8-sig"),
        SWEDISH.encode("cp1252"),
        SWEDISH.encode("mac_roman"),
        SWEDISH.encode("cp850"),
        SWEDISH.replace(";", "\t").encode("utf-16"),
        SWEDISH.replace(";", "\t").encode("utf-16-le"),
        SWEDISH.replace(";", "\t").encode("utf-16-be"),
        SWEDISH.replace(";", ",").encode("utf-8"),
        SWEDISH.replace(";", "|").encode("utf-8"),
        b"sep=;\r\n" + SWEDISH.encode("cp1252"),
        SWEDISH.replace("\r\n", "\r").encode("cp1252"),
        b"\r\n" + SWEDISH.encode(),
    ],
    ids=[
        "utf8",
        "bom",
        "cp1252",
        "mac",
        "cp850",
        "utf16",
        "utf16le",
        "utf16be",
        "comma",
        "bar",
        "sep",
        "cr",
        "blank",
    ],
)
def test_swedish_files_of_all_kinds_give_exact_names(small, bring, data):
    called = bring(data)
    assert (called.code, numbers(called)) == (0, {"new": len(NAMES)})
    assert [row["first_name"] for row in rows(small)] == NAMES
    assert {row["city"] for row in rows(small)} == {"Västerås"}
    assert called.data["columns"]["Förnamn"] == "first_name"
    assert len(called.data["names"]) == 3, "a human can tell by them"


def test_status_words_of_others_become_ours(small, call, bring):
    """A word that lists don't know would hold everybody who came in by it."""
    words = (
        "aktiv",
        "prenumererar",
        "confirmed",
        "enabled",
        "Active",
        "",
        "obekräftad",
        "avregistrerad",
        "studsad",
    )
    text = "E-post;Status\n" + "".join(f"p{n}@example.org;{word}\n" for n, word in enumerate(words))
    assert numbers(bring(text)) == {"new": 7, "suppressed": 2}
    assert [row["status"] for row in rows(small)] == [
        "subscribed", "subscribed", "subscribed", "subscribed", "Active", "", "pending", "unsubscribed", "cleaned",
    ]  # fmt: skip
    assert call("segment", "count", "ny", "--json").data == {"segment": "ny", "count": 9, "recipients": 6}


ATTRIBUTES = '{""E-post"": ""x@example.org"", """": 1, ""tags"": [""a"", ""b""], ""Ort"": ""Visby""}'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("email,e_mail\na@example.org,b@example.org\n", "I133"),
        ("email," + ",".join(f"c{n}" for n in range(550)) + "\na@example.org" + "," * 550 + "\n", "I107"),
        ("uuid,email,name,attributes,status\n" + "".join(
            f'{n},p{n}@example.org,P,"{{""key{n}"": 1}}",enabled\n' for n in range(600)), "I133"),
        (f'uuid,email,name,attributes,status\n1,a@example.org,P,"{ATTRIBUTES}",enabled\n', ""),
        ('email,a,b\nb@example.org,,\na@example.org,"' + "x\n" * 300_000 + '","' + "y\n" * 300_000 + '"\n', ""),
    ],
    ids=["two-addresses", "wide", "attributes-without-end", "odd-attributes", "long-row"],
)  # fmt: skip
def test_what_came_in_can_be_read_again(small, call, bring, content, code):
    """A list that can't be read stops every send: an import that makes one is refused, or leaves the row out."""
    called = bring(content)
    assert [one["code"] for one in called.envelope["problems"] if one["severity"] == "error"] == [code][
        : bool(code)
    ]
    assert (small / "subscribers" / "ny.csv").exists() == (not code)
    assert call("segment", "count", "lista").code == 0
    if not code:
        assert call("segment", "count", "ny", "--json").data["recipients"] == 1


def test_odd_attributes_have_columns_of_their_own(small, bring):
    bring(f'uuid,email,name,attributes,status\n1,a@example.org,P,"{ATTRIBUTES}",enabled\n')
    assert rows(small)[0] == {
        "email": "a@example.org", "first_name": "P", "other_email": "x@example.org", "attribute": "1",
        "tags": "a,b", "city": "Visby", "consent_source": "Mässan",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "code"),
    [("personas", "I132"), ("Personas", "I132"), ("visby", "I132"), ("VISBY", "I132"), ("../x", "I113")],
)
def test_names_that_a_list_must_not_have(small, bring, name, code):
    (small / "subscribers" / "segments.toml").write_text("[visby]\nwhere = \"city == 'Visby'\"\n", "utf-8")
    before = sorted(path.name for path in (small / "subscribers").iterdir())
    called = bring("email\na@example.org\n", list_name=name)
    assert (called.code, called.envelope["problems"][0]["code"]) == (2, code)
    assert sorted(path.name for path in (small / "subscribers").iterdir()) == before


@pytest.mark.parametrize(
    ("there", "typed"),
    [("kunder", "Kunder"), ("Kunder", "kunder"), ("kåre", "ka\u030are"), ("ka\u030are", "kåre")],
)
def test_a_list_is_added_to_however_its_name_is_written(small, call, bring, there, typed):
    file = small / "subscribers" / f"{there}.csv"
    file.write_text("email\nb@example.org\n", "utf-8")
    called = bring("email\na@example.org\n", list_name=typed)
    assert (called.code, called.data["list_file"]) == (0, f"subscribers/{there}.csv")
    assert file.read_text("utf-8").splitlines()[1:] == ["b@example.org,", "a@example.org,Mässan"]
    assert call("segment", "count", there, "--json").data["recipients"] == 2


def test_what_is_unclear_stops_and_can_be_said(small, bring):
    strange = b"email,name\na@example.org," + b"\xb1\xb2\xb3\xb4\n"
    assert (bring(strange).code, "I108" in bring(strange).out) == (3, True)
    assert bring(strange, "--encoding", "latin-1").code == 0


@pytest.mark.parametrize(("encoding", "code"), [("utf-7", "I108"), ("hex", "I113"), ("rot13", "I113")])
def test_an_encoding_that_gives_no_text_is_refused(small, bring, encoding, code):
    """UTF-7 can write half a character, which no file can hold afterwards; other codecs are none of text."""
    before = (small / "subscribers" / "lista.csv").read_bytes()
    called = bring(b"email,first_name\na@example.org,+2AA-\n", "--encoding", encoding, list_name="lista")
    assert (called.code in (2, 3), code in called.out) == (True, True)
    assert (small / "subscribers" / "lista.csv").read_bytes() == before


def test_names_that_were_read_wrongly_once_can_be_repaired(small, bring):
    twice = "email,first_name\na@example.org,Åsa\n".encode().decode("cp1252").encode()
    assert (bring(twice).code, "double-utf-8" in bring(twice).out) == (3, True)
    assert bring(twice, "--encoding", "double-utf-8").code == 0
    assert rows(small)[0]["first_name"] == "Åsa"


def test_cells_are_cleaned_and_kept_as_they_are(small, bring):
    content = (
        "email,first_name,postnr,phone,note\n"
        "\u00a0Asa@EXAMPLE.org\u200b, Åsa ,01234,+46 498 1,'=1+1\n"
        '"Öst, Bo <bo@example.org>",,,,\n'
    )
    assert bring(content).code == 0
    first, second = rows(small)
    assert first == {
        "email": "Asa@example.org", "first_name": "Åsa", "postnr": "01234", "phone": "+46 498 1", "note": "=1+1",
        "consent_source": "Mässan",
        "last_name": "",
    }  # fmt: skip
    assert second["email"] == "bo@example.org"


def test_mapping_by_hand(small, bring):
    assert bring("Kontakt,Alias\na@example.org,Åsa\n").code == 3
    assert (
        bring(
            "Kontakt,Alias\na@example.org,Åsa\n", "--map", "Kontakt=email", "--map", "Alias=first_name"
        ).code
        == 0
    )
    assert rows(small)[0]["first_name"] == "Åsa"


# --- counting, merging


def test_a_bad_row_neither_stops_the_rest_nor_passes_unseen(small, bring):
    content = "email,first_name,status\na@example.org,A,\ntrasig,B,\nc@example.org,C,in*active*\nd@example.org\n,E,\n"
    called = bring(content)
    assert numbers(called) == {"new": 1, "rejected": 4}
    text = (small / called.data["rejects_file"]).read_text(encoding="utf-8")
    rejected = list(csv.reader(io.StringIO(text)))
    assert [row[0] for row in rejected[1:]] == ["3", "4", "5", "6"]
    assert all(row[1] for row in rejected[1:])
    assert rejected[2][2:] == ["c@example.org", "C", "in*active*"]


def test_nobody_at_all_is_exit_3(bring):
    called = bring("email\ntrasig\n")
    assert (called.code, "I112" in called.out) == (3, True)


def test_again_changes_nothing_and_more_is_merged(small, bring):
    first = "email,first_name,city,tags\na@example.org,Åsa,Visby,kommun\nb@example.org,,,\n"
    assert numbers(bring(first)) == {"new": 2}
    before = (small / "subscribers" / "ny.csv").read_bytes()
    assert numbers(bring(first)) == {"unchanged": 2}
    assert (small / "subscribers" / "ny.csv").read_bytes() == before
    assert not (small / ".newsletter" / "backups").exists()
    called = bring(
        'email,city,tags,role\nA@example.org,,"press,Kommun",chef\nc@example.org,Kiruna,,\na@example.org,,,\n'
    )
    assert numbers(called) == {"new": 1, "updated": 1, "duplicates": 1}
    a, b, c = rows(small)
    assert (a["city"], a["tags"], a["role"], a["first_name"]) == ("Visby", "kommun,press", "chef", "Åsa")
    assert (b["role"], c["city"]) == ("", "Kiruna")
    assert (small / called.data["backup"]).read_bytes() == before


def test_a_dry_run_writes_no_list_and_no_ledger(small, bring):
    called = bring("email\na@example.org\ntrasig\n", "--dry-run")
    assert (called.code, numbers(called)) == (0, {"new": 1, "rejected": 1})
    assert not (small / "subscribers" / "ny.csv").exists()
    assert not (small / ".newsletter").exists()
    assert (small / called.data["rejects_file"]).exists()


# --- who said no


def test_nobody_is_resurrected(small, call, bring):
    bring("email,status\na@example.org,\nb@example.org,unsubscribed\nc@example.org,pending\n")
    call("subscriber", "unsubscribe", "a@example.org")
    call("subscriber", "forget", "d@example.org")
    called = bring(
        "email,status\na@example.org,subscribed\nb@example.org,subscribed\nc@example.org,\nd@example.org,\n"
    )
    assert numbers(called) == {"unchanged": 1, "suppressed": 3}
    assert [(row["email"], row["status"]) for row in rows(small)] == [
        ("a@example.org", ""), ("b@example.org", "unsubscribed"), ("c@example.org", "pending"),
    ]  # fmt: skip
    assert call("segment", "count", "ny", "--json").data["recipients"] == 0


@pytest.mark.parametrize("standing", ["unsubscribed", "cleaned", "pending"])
def test_a_yes_in_the_file_changes_no_status_in_the_list(small, call, bring, standing):
    file = small / "subscribers" / "ny.csv"
    file.write_text(f"email,first_name,status\nasa@example.org,,{standing}\n", "utf-8")
    for word in ("subscribed", "active", "aktiv", ""):
        assert bring(f"email,first_name,status\nAsa@example.org,Åsa {word},{word}\n").code == 0
        assert (rows(small)[0]["first_name"], rows(small)[0]["status"]) == (f"Åsa {word}".strip(), standing)
        assert call("segment", "count", "ny", "--json").data["recipients"] == 0


def test_the_first_yes_stays_on_record(small, bring):
    bring("email,consent_source,consent_at\nasa@example.org,Mässan,2014-05-01\n", source=())
    bring("email,consent_source,consent_at\nasa@example.org,Webben,2015-06-30\n", source=())
    assert (rows(small)[0]["consent_source"], rows(small)[0]["consent_at"]) == ("Mässan", "2014-05-01")


def test_whoever_left_this_list_is_not_brought_back_to_it(small, call, bring):
    (small / "subscribers" / "ny.csv").write_text("email\na@example.org\n", "utf-8")
    call("subscriber", "unsubscribe", "bo@example.org", "--list", "ny")
    called = bring("Email Address,LEID\nbo@example.org,1\ncilla@example.org,2\n")
    assert numbers(called) == {"new": 1, "suppressed": 1}
    assert [row["email"] for row in rows(small)] == ["a@example.org", "cilla@example.org"]
    call("subscriber", "unsubscribe", "cilla@example.org", "--list", "lista")
    assert numbers(bring("email\ncilla@example.org\n")) == {"unchanged": 1}, "another list is another matter"


def test_a_no_anywhere_in_the_file_beats_a_yes(small, call, bring):
    for content in (
        "email,status\na@example.org,unsubscribed\nA@example.org,subscribed\nx@example.org,\n",
        "email,status\nb@example.org,subscribed\nB@example.org,cleaned\ny@example.org,\n",
    ):
        assert numbers(bring(content)) == {"new": 1, "suppressed": 1, "duplicates": 1}
    held = {one["reason"] for one in call("suppress", "list", "--json").data["suppressions"]}
    assert held == {"unsubscribed", "bounced"}


def test_nobody_is_enrolled(small, bring):
    bring("email\na@example.org\n")
    with closing(sqlite3.connect(small / ".newsletter" / "state.db")) as raw:
        assert raw.execute("SELECT count(*) FROM enrolment").fetchone() == (0,)


def test_consent_needs_a_source_and_is_kept_with_its_proof(small, call, bring):
    content = "email,consent_source,consent_at\na@example.org,,\nb@example.org,Lotteri,2015-05-01\n"
    refused = bring(content, source=())
    assert (refused.code, "I110" in refused.out) == (6, True)
    assert not (small / "subscribers" / "ny.csv").exists()
    assert bring(content, "--consent-text", "2015-05").code == 0
    with closing(sqlite3.connect(small / ".newsletter" / "state.db")) as raw:
        found = raw.execute(
            "SELECT source, text_version, given_at IS NOT NULL FROM consent ORDER BY source"
        ).fetchall()
    assert found == [("Lotteri", "2015-05", 1), ("Mässan", "2015-05", 0)]
    (small / "newsletter.toml").write_text(
        (small / "newsletter.toml").read_text("utf-8") + '\n[list.kunder]\nbasis = "customer"\n',
        encoding="utf-8",
    )
    assert bring("email\na@example.org\n", list_name="kunder", source=()).code == 0


# --- other programs


def test_mailchimps_zip(small, call, bring):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        tags = '""kommun"",""a, b""'
        file.writestr(
            "subscribed_members_export_1.csv",
            MAILCHIMP
            + mailchimp_row("a@example.org", tags)
            + mailchimp_row("u@example.org")
            + mailchimp_row(""),
        )
        file.writestr("unsubscribed_members_export_1.csv", MAILCHIMP + mailchimp_row("u@example.org"))
        file.writestr("cleaned_members_export_1.csv", MAILCHIMP + mailchimp_row("c@example.org"))
        file.writestr("readme.txt", "hello")
    called = bring(packed.getvalue(), source=(), name="export.zip")
    assert (called.code, called.data["format"]) == (0, "mailchimp")
    assert numbers(called) == {"new": 1, "suppressed": 2, "rejected": 1, "duplicates": 1}
    (row,) = rows(small)
    assert (row["email"], row["last_name"], row["consent_at"]) == (
        "a@example.org",
        "Öst",
        "2015-05-01T10:05:00Z",
    )
    assert not {"leid", "euid", "member_rating", "confirm_ip"} & row.keys()
    assert row["tags"] == "kommun,a b"
    assert "written without" in called.out
    assert "I111" not in called.out
    shown = call("subscriber", "show", "a@example.org", "--json").data
    assert "203.0.113.7" in shown["consents"][0]["proof"]
    assert call("subscriber", "show", "c@example.org", "--json").data["opt_outs"][0]["reason"] == "bounced"


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ('""Press, radio"",""Visby""', "Press radio,Visby"),
        ('""Press, radio"", ""Visby""', "Press radio,Visby"),
        ("Press,Visby", "Press,Visby"),
        ('""A;B""', "A B"),
    ],
)
def test_a_tag_with_a_comma_in_it_stays_one(small, bring, cell, tags):
    called = bring(MAILCHIMP + mailchimp_row("a@example.org", cell), source=(), name="subscribed_x.csv")
    assert called.code == 0
    assert rows(small)[0]["tags"] == tags
    assert ("written without" in called.out) == (" " in tags)


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("subscribed_members_export_1.csv", MAILCHIMP, mailchimp_row("a@example.org")),
        (
            "contacts.csv",
            "EMAIL,FIRST_NAME,ALTERNATE_EMAILS,CONTACT_ID,CREATED_AT,UPDATED_AT\n",
            "a@example.org,Åsa,,x,,\n",
        ),
    ],
)
def test_contacts_without_those_who_said_no_are_asked_about(small, bring, name, header, row):
    called = bring(header + row, name=name)
    assert called.code == 0
    asked = [one for one in called.envelope["problems"] if one["code"] == "I111"]
    assert len(asked) == 1
    assert "do you have those" in asked[0]["message"]
    assert not {"contact_id", "alternate_emails"} & rows(small)[0].keys()


def test_listmonk(small, call, bring):
    content = (
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        'u1,a@example.org,Åsa von Öst,"{""city"": ""Visby"", ""points"": 3, ""deep"": {""x"": 1}}",enabled,2020-04-08 21:55:20 +0000 UTC,\n'
        "u2,b@example.org,Bo,{},blocklisted,,\nu3,c@example.org,C,{,enabled,,\n"
    )
    called = bring(content)
    assert numbers(called) == {"new": 1, "suppressed": 1, "rejected": 1}
    (row,) = rows(small)
    assert (row["first_name"], row["last_name"], row["city"], row["points"], row["deep"]) == (
        "Åsa", "von Öst", "Visby", "3", '{"x": 1}',
    )  # fmt: skip


def test_whoever_has_not_confirmed_elsewhere_waits_here_too(small, call, bring):
    bring(
        "uuid,email,name,attributes,status\n1,a@example.org,A,{},unconfirmed\n2,b@example.org,B,{},enabled\n"
    )
    assert [row.get("status", "") for row in rows(small)] == ["pending", ""]
    assert call("segment", "count", "ny", "--json").data["recipients"] == 1


def test_slips_and_functions_are_told(bring):
    called = bring("email\na@hotmial.com\ninfo@example.org\n")
    told = [one["message"] + one["try"] for one in called.envelope["problems"] if one["code"] == "I117"]
    assert len(told) == 2
    assert "hotmail.com" in told[0]


def test_on_a_terminal_the_number_is_typed(small, call, bring, monkeypatch):
    monkeypatch.setattr("newsletter.cli.importing.ask_number", lambda *_: 7)
    called = bring("email\na@example.org\n")
    assert (called.code, "I116" in called.out) == (6, True)
    assert not (small / "subscribers" / "ny.csv").exists()


# --- the shorter way for ordinary rows

CELLS = st.one_of(
    st.sampled_from(
        ["", "a@example.org", " B@Example.ORG ", "Eva <eva@example.org>", "info@example.org", "c@gmial.com", "d@",
         "å@example.org", "'=1", "O'Hara", "\u00a0Åsa\u200b", "unsubscribed", "pending", "x", 'a "b"', "1,5", "two\nlines"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
)  # fmt: skip
TABLES = st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=8)


@given(TABLES, st.sampled_from(["", "Mässan"]))
@profile(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ordinary_rows_come_in_by_either_way_alike(tmp_path, monkeypatch, table, source):
    from contextlib import ExitStack
    from dataclasses import astuple
    from datetime import UTC, datetime

    from newsletter.errors import ChecksFailed
    from newsletter.files.project import Project
    from newsletter.people.intake import Order
    from newsletter.people.reader import Reader
    from newsletter.people.taking import Taker
    from newsletter.settings.load import load_settings
    from newsletter.settings.secret import Secret

    (tmp_path / "newsletter.toml").write_text('[list.ny]\nbasis = "member"\n', encoding="utf-8")
    project, secret = Project(tmp_path), Secret("x" * 32)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([("email", "first_name", "consent_source", "status"), *table])
    file = tmp_path / "in.csv"
    file.write_text(out.getvalue(), encoding="utf-8", newline="")
    left = {secret.person("b@example.org"): frozenset("*")}

    def read():
        with ExitStack() as closing:
            reader = Reader(project, load_settings(project), secret, left, datetime(2015, 7, 3, tzinfo=UTC))
            try:
                found = reader.read(Order(file, "ny", None, {}, "utf-8", ",", source), tmp_path, closing)
            except ChecksFailed as refused:
                return refused.problems
            return (
                (tmp_path / "list.csv").read_bytes(), (tmp_path / "rejects.csv").read_bytes(), astuple(found.counts),
                found.problems, found.columns, [event.hmac for event in found.opt_outs], list(found.consents(secret)),
            )  # fmt: skip

    shorter = read()
    with monkeypatch.context() as patch:
        patch.setattr(Taker, "_plain_rows", lambda *_: None)
        assert read() == shorter


def test_the_store_knows_the_list_when_the_import_has_ended(small, bring, call):
    from newsletter.store.loaded.opening import loaded_before

    assert bring("email,city\na@example.org,Visby\nb@example.org,Lund\n").code == 0
    copy = small / ".newsletter" / "lists.db"
    assert loaded_before(copy)["ny"] == 2
    before = copy.stat().st_mtime_ns
    assert call("segment", "count", "ny", "--json").data["count"] == 2
    assert copy.stat().st_mtime_ns == before, "the next command finds it unchanged"


def test_an_import_holds_though_the_store_can_not_load_it(small, bring):
    (small / ".newsletter" / "lists.db").mkdir(parents=True)
    called = bring("email\na@example.org\n")
    assert (called.code, len(rows(small))) == (0, 1)
    assert [problem["code"] for problem in called.envelope["problems"]] == ["R106"]


def test_after_a_look_the_next_command_says_all_that_was_said(small, call):
    path = small.parent / "in.csv"
    path.write_text("Adress;Antal\na@example.org;3\n", "utf-8")
    said = ["--list", "ny", "--map", "Adress=email", "--delimiter", ";", "--consent-source", "Mässan i Visby"]
    looked = call("import", path, *said, "--dry-run", "--json")
    words = shlex.split(looked.envelope["next"][0])
    assert words == ["newsletter", "-C", str(small), "import", str(path), *said]
    assert call(*words[3:]).code == 0
    assert rows(small)[0]["email"] == "a@example.org"
