"""What a person may ask for, at the command line: to be left alone, to see, to be forgotten; and what no file can undo."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.files.project import Project
from newsletter.settings.load import load_settings
from newsletter.settings.secret import load_secret
from newsletter.store.store import open_store
from newsletter.store.values import Person

ROWS = "email,first_name,tags,status\nasa@example.org,Åsa,kommun,\nbo@example.org,Bo,,\ncilla@example.org,Cilla,,\n"


@pytest.fixture
def project(small):
    (small / "subscribers" / "lista.csv").write_text(ROWS, encoding="utf-8")
    return small


@pytest.fixture
def call(project, newsletter):
    return lambda *words: newsletter("-C", project, *words)


def mailed(project: Path) -> list[str]:
    heads = [path.read_text("ascii").split("\n\n")[0] for path in (project / "out" / "outbox").rglob("*.eml")]
    return sorted(
        line[4:].strip("<>") for head in heads for line in head.splitlines() if line.startswith("To: ")
    )


def excluded(call, segment: str = "lista") -> dict[str, int]:
    found = call("segment", "show", segment, "--json").data["excluded"]
    return {reason: number for reason, number in found.items() if number}


@pytest.mark.parametrize("spelling", ["asa@example.org", "ASA@Example.org", " asa@EXAMPLE.ORG "])
def test_an_opt_out_holds_in_any_spelling_and_beats_the_files(project, call, spelling):
    assert call("subscriber", "unsubscribe", spelling).code == 0
    (project / "subscribers" / "ny.csv").write_text(
        "email,status\nAsa@example.org,subscribed\n", encoding="utf-8"
    )
    assert excluded(call) == {"suppressed": 1}
    assert excluded(call, "ny") == {"suppressed": 1}
    assert call("send", "hej", "--confirm", "2").code == 0
    assert mailed(project) == ["bo@example.org", "cilla@example.org"]
    again = call("subscriber", "unsubscribe", "asa@example.org", "--json")
    assert (again.code, again.data["changed"]) == (0, False)


def test_somebody_unknown_can_opt_out_before_any_list_has_them(project, call):
    assert call("subscriber", "unsubscribe", "dan@example.org").code == 0
    (project / "subscribers" / "lista.csv").write_text(ROWS + "dan@example.org,Dan,,\n", encoding="utf-8")
    assert excluded(call) == {"suppressed": 1}


def test_looking_at_a_person_makes_nothing(project, call):
    assert call("subscriber", "show", "asa@example.org").code == 0
    assert call("suppress", "list").code == 0
    assert call("subscriber", "forget", "asa@example.org", "--dry-run").code == 0
    assert not (project / ".newsletter").exists()


def two_lists(project: Path) -> None:
    (project / "subscribers" / "andra.csv").write_text("email\nasa@example.org\n", encoding="utf-8")
    segments = project / "subscribers" / "segments.toml"
    before = segments.read_text(encoding="utf-8") if segments.exists() else ""
    more = "[bada]\nwhere = \"list in ['lista', 'andra']\"\n[alla]\nwhere = \"is_set(email)\"\n"
    segments.write_text(before + more, encoding="utf-8")


def test_whoever_leaves_one_list_still_gets_what_goes_to_another(project, call):
    two_lists(project)
    assert call("subscriber", "unsubscribe", "asa@example.org", "--list", "lista").code == 0
    assert excluded(call, "lista") == {"suppressed": 1}
    assert excluded(call, "andra") == {}
    assert excluded(call, "bada") == {}
    assert excluded(call, "alla") == {}
    assert call("subscriber", "unsubscribe", "asa@example.org", "--list", "andra").code == 0
    assert excluded(call, "bada") == excluded(call, "alla") == {"suppressed": 1}


def test_by_which_list_they_get_it_is_what_their_link_and_list_id_say(project, call):
    two_lists(project)
    assert "List-Id: <andra." in letter(project, call)
    call("subscriber", "unsubscribe", "asa@example.org", "--list", "andra")
    assert "List-Id: <lista." in letter(project, call)


def letter(project: Path, call) -> str:
    """The letter to Åsa as a rehearsal writes it, to everybody on both lists."""
    campaign = project / "campaigns" / "hej.md"
    text = campaign.read_text(encoding="utf-8").replace('segment  = "lista"', 'segment  = "alla"')
    campaign.write_text(text, encoding="utf-8")
    out = project.parent / "rehearsed"
    called = call("send", "hej", "--dry-run", "--out", out)
    assert called.code == 0, called.err
    return next(
        text
        for path in out.rglob("*.eml")
        if "asa@example.org" in (text := path.read_text("ascii")).split("\n\n")[0]
    )


def test_renaming_a_list_by_case_brings_nobody_back(project, call):
    call("subscriber", "unsubscribe", "asa@example.org", "--list", "LISTA")
    (project / "subscribers" / "lista.csv").rename(project / "subscribers" / "Lista.csv")
    assert excluded(call, "Lista") == {"suppressed": 1}


def test_renaming_a_list_otherwise_stops_whoever_would_come_back(project, call):
    call("subscriber", "unsubscribe", "asa@example.org", "--list", "lista")
    (project / "subscribers" / "lista.csv").rename(project / "subscribers" / "kommuner.csv")
    campaign = project / "campaigns" / "hej.md"
    campaign.write_text(campaign.read_text("utf-8").replace('"lista"', '"kommuner"'), encoding="utf-8")
    for words in (("send", "hej", "--dry-run"), ("send", "hej", "--confirm", "3")):
        called = call(*words)
        assert (called.code, "A140" in called.err + called.out) == (3, True), words
    assert mailed(project) == []
    # As the finding says: the opt-outs move along.
    path = project.parent / "left.csv"
    assert call("export", "suppressions", "--list", "lista", "-o", path).code == 0
    assert call("suppress", "import", path, "--list", "kommuner").code == 0
    assert call("send", "hej", "--confirm", "2").code == 0
    assert mailed(project) == ["bo@example.org", "cilla@example.org"]


def test_a_list_that_is_gone_for_good_can_be_told(project, call):
    call("subscriber", "unsubscribe", "asa@example.org", "--list", "lista")
    (project / "subscribers" / "lista.csv").rename(project / "subscribers" / "andra.csv")
    campaign = project / "campaigns" / "hej.md"
    campaign.write_text(campaign.read_text("utf-8").replace('"lista"', '"andra"'), encoding="utf-8")
    assert call("send", "hej", "--dry-run").code == 3
    settings = project / "newsletter.toml"
    text = settings.read_text("utf-8")
    head = "[list.lista]\n"
    written = text.replace(head, f"{head}gone = true\n") if head in text else f"{text}\n{head}gone = true\n"
    settings.write_text(written, encoding="utf-8")
    assert call("send", "hej", "--confirm", "3").code == 0


def test_left_between_freeze_and_hand_over(project, call, monkeypatch):
    """The sender has rendered Åsa's letter and is about to claim it."""
    from newsletter.delivery.preparing import Preparing

    prepare, done = Preparing.batch, []

    def leave_then(self, members):
        prepared = prepare(self, members)
        if not done:
            done.append(
                self.store.suppress(
                    self.secret.person("asa@example.org"),
                    "lista",
                    "asked",
                    "page",
                    self.workspace.clock.now(),
                )
            )
        return prepared

    monkeypatch.setattr(Preparing, "batch", leave_then)
    assert call("send", "hej", "--confirm", "3").code == 0
    assert mailed(project) == ["bo@example.org", "cilla@example.org"]
    counts = call("status", "hej", "--json").data["counts"]
    assert (counts["accepted"], counts["suppressed"]) == (2, 1)


def test_spooled_while_a_send_is_on(project, call, monkeypatch):
    """Answered by the page while the ledger was busy, and not yet taken in."""
    from newsletter.delivery.preparing import Preparing
    from newsletter.store.optouts import opted_out

    prepare, done = Preparing.batch, []

    def spool_then(self, members):
        prepared = prepare(self, members)
        if not done:
            person = self.secret.person("asa@example.org")
            done.append(
                self.store.spool_opt_outs(
                    [opted_out(person, "*", "asked", "page", self.workspace.clock.now())]
                )
            )
        return prepared

    monkeypatch.setattr(Preparing, "batch", spool_then)
    assert call("send", "hej", "--confirm", "3").code == 0
    assert mailed(project) == ["bo@example.org", "cilla@example.org"]


def test_take_back_is_logged_and_the_person_gets_mail_again(project, call):
    call("suppress", "add", "asa@example.org", "--reason", "ringde")
    assert call("suppress", "remove", "asa@example.org", "--reason", "ångrade sig").code == 0
    assert excluded(call) == {}
    shown = call("subscriber", "show", "asa@example.org", "--json").data
    assert [(e["act"], e["reason"]) for e in shown["opt_outs"]] == [
        ("suppress", "ringde"),
        ("lift", "ångrade sig"),
    ]
    assert call("suppress", "remove", "asa@example.org").code == 2


def test_many_are_added_together_or_not_at_all(project, call):
    assert call("suppress", "add", "asa@example.org", "bo@example.org", "ingen").code == 2
    assert excluded(call) == {}
    added = call("suppress", "add", "asa@example.org", "bo@example.org", "--json")
    assert (added.data["added"], excluded(call)) == (2, {"suppressed": 2})
    listed = call("suppress", "list", "--json").data["suppressions"]
    assert {one["who"] for one in listed} == {"a***@example.org", "b***@example.org"}


# --- to see


def test_show_says_ground_consent_history_and_what_was_sent(project, call):
    settings = project / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[list.lista]", '[list.lista]\nbasis = "member"'), encoding="utf-8")
    assert call("send", "hej", "--confirm", "3").code == 0
    call("subscriber", "unsubscribe", "asa@example.org")
    shown = call("subscriber", "show", "asa@example.org")
    for words in (
        "basis member",
        "subscribers/lista.csv:2",
        "first_name Åsa",
        "accepted   hej",
        "opted out   everything",
    ):
        assert words in shown.out
    data = call("subscriber", "show", "ASA@example.org", "--json").data
    assert (data["standing"], data["rows"][0]["basis"], data["received"][0]["campaign"]) == (
        "suppressed",
        "member",
        "hej",
    )
    assert call("subscriber", "show", "ingen@example.org").out.splitlines()[1].strip() == "nothing is held"


def test_export_is_json_and_a_page_in_the_readers_language(project, call, tmp_path):
    (project / "subscribers" / "en.csv").write_text(
        "email,language,note\ncilla@example.org,en,<b>\n", encoding="utf-8"
    )
    out = tmp_path / "person"
    assert call("subscriber", "export", "cilla@example.org", "-o", out).code == 0
    data = json.loads((out / "person.json").read_text(encoding="utf-8"))
    assert data["rows"][0]["cells"]["note"] == "<b>"
    page = (out / "person.html").read_text(encoding="utf-8")
    assert '<html lang="en">' in page
    assert "What we hold on you" in page
    assert "&lt;b&gt;" in page
    assert (out / "person.html").stat().st_mode & 0o077 == 0
    call("subscriber", "export", "asa@example.org", "-o", out)
    assert "Det här har vi om dig" in (out / "person.html").read_text(encoding="utf-8")


def test_all_that_is_held_is_in_both_files(project, call, tmp_path):
    came = tmp_path / "subscribed_members_export_1.csv"
    came.write_text(
        "Email Address,OPTIN_TIME,OPTIN_IP,LEID\nasa@example.org,2014-05-01 10:00:00,192.0.2.7,1\n",
        encoding="utf-8",
    )
    assert call("import", came, "--list", "lista", "--consent-text", "ordalydelse-3").code == 0
    assert call("send", "hej", "--confirm", "3").code == 0
    call("subscriber", "unsubscribe", "asa@example.org", "--list", "lista", "--reason", "ringde")
    secret = load_secret(Project(project), load_settings(Project(project)))
    assert secret is not None
    with open_store(project / ".newsletter" / "state.db") as store:
        who = Person(secret.person("asa@example.org"), "asa@example.org", "asa@example.org")
        store.enrol("local", "sju-tips", [who], datetime(2015, 6, 29, tzinfo=UTC))
    out = tmp_path / "person"
    assert call("subscriber", "export", "asa@example.org", "-o", out).code == 0
    data = json.loads((out / "person.json").read_text(encoding="utf-8"))
    assert data["rows"][0]["cells"]["first_name"] == "Åsa"
    (consent,) = data["consents"]
    assert (consent["list"], consent["source"], consent["text_version"]) == (
        "lista",
        "Mailchimp",
        "ordalydelse-3",
    )
    assert "192.0.2.7" in consent["proof"]
    assert [one["reason"] for one in data["opt_outs"]] == ["ringde"]
    assert [one["campaign"] for one in data["received"]] == ["hej"]
    assert [one["sequence"] for one in data["sequences"]] == ["sju-tips"]
    page = (out / "person.html").read_text(encoding="utf-8")
    for said in (
        "asa@example.org",
        "Åsa",
        "kommun",
        "Mailchimp",
        "ordalydelse-3",
        "192.0.2.7",
        "ringde",
        "sju-tips",
    ):
        assert said in page, said
    for said in ("hej", data["fingerprint"], "lista"):
        assert f"<td>{said}</td>" in page, said


def test_both_languages_of_the_page_have_the_same_words():
    from newsletter.people.dossier_page import WORDS

    assert WORDS["sv"].keys() == WORDS["en"].keys()


def test_a_list_that_cannot_be_read_is_told_in_what_is_held(project, call):
    (project / "subscribers" / "trasig.csv").write_text('email\n"asa@example.org\n', encoding="utf-8")
    called = call("subscriber", "export", "asa@example.org")
    assert (called.code, "S144" in called.err) == (3, True)


# --- to be forgotten


def test_forgotten_in_every_list_every_copy_and_the_ledger(project, call):
    assert call("send", "hej", "--confirm", "3").code == 0
    odd = 'email,note\r\n"Åsa <ASA@example.org>","två\r\nrader"\r\nbo@example.org,kvar\r\n'
    (project / "subscribers" / "udda.csv").write_bytes(b"\xef\xbb\xbf" + odd.encode())
    backup = project / ".newsletter" / "backups" / "lista-1.csv"
    backup.parent.mkdir()
    backup.write_text(ROWS, encoding="utf-8")
    called = call("subscriber", "forget", "asa@example.org", "--json")
    assert called.code == 0
    assert {one["file"]: one["rows"] for one in called.data["removed"]} == {
        "subscribers/lista.csv": 1,
        "subscribers/udda.csv": 1,
        ".newsletter/backups/lista-1.csv": 1,
    }
    assert called.data["in_ledger"]
    assert any("fingerprint" in one["what"] for one in called.data["remains"])
    assert any("out/outbox/hej/" in one["what"] for one in called.data["remains"])
    for path in project.rglob("*"):
        if path.is_file() and "out" not in path.relative_to(project).parts:
            assert b"asa@example" not in path.read_bytes().lower(), path
    # Not a byte of anybody else's was touched.
    assert (project / "subscribers" / "udda.csv").read_bytes() == (
        b"\xef\xbb\xbf" + odd.replace('"Åsa <ASA@example.org>","två\r\nrader"\r\n', "").encode()
    )
    assert (project / "subscribers" / "lista.csv").read_text("utf-8") == ROWS.replace(
        "asa@example.org,Åsa,kommun,\n", ""
    )


OTHERS = (
    "email,status,invited_by,note\r\n"
    'bo@example.org,unsubscribed,ASA@example.org,"säger ""hej"""\r\n'
    'cilla@example.org,,,"ring asa@example.org, eller\nBo <bo@example.org>."\r\n'
    "asa@example.org,,bo@example.org,hon\r\n"
    '"Åsa Öberg <asa@example.org>",,,hon också\r\n'
    "asa@example.org; dan@example.org,,,två\r\n"
    "asa@example.org.se,,,någon annan\r\n"
    "asa@example.org,x\r\n"
    "eva@example.org,asa@example.org\r\n"
)


def test_of_other_peoples_rows_only_their_address_goes(project, call):
    """Else Bo's row, and with it his no, would be deleted because somebody invited him."""
    file = project / "subscribers" / "andra.csv"
    file.write_bytes(OTHERS.encode())
    shown = call("subscriber", "show", "asa@example.org", "--json").data
    assert {row["cells"].get("note") for row in shown["rows"] if row["list"] == "andra"} == {
        "hon",
        "hon också",
        None,
    }
    assert "unsubscribed" not in json.dumps([shown["rows"], shown["copies"]]), "what is Bo's is not for her"
    assert shown["copies"][0] == {"file": "subscribers/andra.csv:2", "cells": ["asa@example.org"]}
    called = call("subscriber", "forget", "asa@example.org", "--json")
    assert [(one["rows"], one["mentions"]) for one in called.data["removed"]] == [(3, 4), (1, 0)]
    assert file.read_bytes().decode() == (
        "email,status,invited_by,note\r\n"
        'bo@example.org,unsubscribed,,"säger ""hej"""\r\n'
        'cilla@example.org,,,"ring , eller\nBo <bo@example.org>."\r\n'
        "; dan@example.org,,,två\r\n"
        "asa@example.org.se,,,någon annan\r\n"
        "eva@example.org,\r\n"
    )


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_line_breaks_in_other_peoples_cells_stay_in_their_cells(project, call, ending):
    """Unquoted, the end of Bo's note would be a row of its own, and his no would stand in no row at all."""
    file = project / "subscribers" / "andra.csv"
    row = 'bo@example.org,asa@example.org,"ett\ntvå\rtre",unsubscribed'
    file.write_bytes(f"email,invited_by,note,status\n{row}{ending}".encode())
    assert call("subscriber", "forget", "asa@example.org").code == 0
    assert (
        file.read_bytes().decode()
        == f"email,invited_by,note,status\n{row.replace('asa@example.org', '')}{ending}"
    )


def test_a_bounce_that_names_them_is_kept_without_their_name(project, call):
    path = project.parent / "bounces.csv"
    path.write_text(
        "email,reason\nasa@example.org,550 5.1.1 <asa@example.org>: User unknown\n", encoding="utf-8"
    )
    assert call("suppress", "import", path).code == 0
    call(
        "subscriber",
        "unsubscribe",
        "asa@example.org",
        "--list",
        "lista",
        "--reason",
        "skrev från asa@example.org",
    )
    call("subscriber", "forget", "asa@example.org")
    said = [one["reason"] for one in call("subscriber", "show", "asa@example.org", "--json").data["opt_outs"]]
    assert said[:2] == ["550 5.1.1 <a***@example.org>: User unknown", "skrev från a***@example.org"]
    for path in (project / ".newsletter").rglob("*"):
        assert not path.is_file() or b"asa@example" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("row", "typed"),
    [("Dan@Example.org", "dan@example.org"), ("dan@RÄKSMÖRGÅS.test", "dan@xn--rksmrgs-5wao1o.test")],
)
def test_what_was_made_of_the_lists_is_named_whatever_the_spelling(project, call, row, typed):
    (project / "subscribers" / "lista.csv").write_text(f"{ROWS}{row},Dan,,\n", encoding="utf-8")
    assert call("send", "hej", "--confirm", "4").code == 0
    assert call("export", "subscribers", "-o", project / "out" / "alla.csv").code == 0
    with (project / "newsletter.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"\n# {row} tests for us\n")
    told = [one["what"] for one in call("subscriber", "forget", typed, "--json").data["remains"]]
    files = next(what for what in told if what.startswith("files that hold the address"))
    assert "out/alla.csv" in files
    assert "out/outbox/hej/" in files
    assert "newsletter.toml" in files


def test_what_is_held_beside_the_lists_is_told_too(project, call):
    backup = project / ".newsletter" / "backups" / "lista-1.csv"
    backup.parent.mkdir(parents=True)
    backup.write_text("email,note\ndan@example.org,hemligt\n", encoding="utf-8")
    (project / "out").mkdir()
    (project / "out" / "alla.csv").write_text("email\ndan@example.org\n", encoding="utf-8")
    assert call("subscriber", "export", "dan@example.org", "-o", project / "out" / "dan").code == 0
    data = json.loads((project / "out" / "dan" / "person.json").read_text(encoding="utf-8"))
    assert data["copies"] == [
        {"file": ".newsletter/backups/lista-1.csv", "cells": ["dan@example.org", "hemligt"]}
    ]
    assert data["files"] == ["out/alla.csv"]
    page = (project / "out" / "dan" / "person.html").read_text(encoding="utf-8")
    assert "hemligt" in page
    assert "out/alla.csv" in page


@pytest.mark.parametrize(
    ("rows", "standing"),
    [
        ("dan@example.org,,,nej tack\n", "pending"),
        ("dan@example.org,,,Pending\n", "pending"),
        ("dan@example.org,,,cleaned\n", "cleaned"),
        ("dan@example.org,,,\ndan@example.org,,\n", "pending"),
        ("dan@example.org,,,\n", "subscribed"),
        ("", "unknown"),
    ],
)
def test_the_standing_is_what_the_waterfall_says(project, call, rows, standing):
    (project / "subscribers" / "lista.csv").write_text(ROWS + rows, encoding="utf-8")
    assert call("subscriber", "show", "dan@example.org", "--json").data["standing"] == standing


def test_no_opt_out_of_a_file_is_lost_unseen(project, call):
    """What is no address may hold one, and what holds none can be looked at."""
    path = project.parent / "nej.csv"
    text = (
        "email,reason\nmailto:a@example.org,x\nb@example.org.,x\nCilla c@example.org,x\nnobody,=1\n"
        ",ring d@example.org\n,\n"
    )
    path.write_text(text, encoding="utf-8")
    called = call("suppress", "import", path, "--json")
    assert (called.data["added"], called.data["rejected"]) == (4, 1)
    for who in "abcd":
        assert "opted out   everything" in call("subscriber", "show", f"{who}@example.org").out
    kept = (project / called.data["rejects_file"]).read_text(encoding="utf-8")
    assert kept == "row,reason,email,reason\n5,no valid address,nobody,'=1\n"
    path.write_text("email\nnobody\n", encoding="utf-8")
    called = call("suppress", "import", path)
    assert called.code == 3
    assert "rejects.csv" in called.err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("alla.csv", "email,status\nbo@example.org,unsubscribed\nasa@example.org,Subscribed\n"),
        ("subscribed_members_export_1.csv", "Email Address,LEID,EUID\nasa@example.org,1,a\n"),
    ],
)
def test_a_whole_list_is_not_taken_for_opt_outs(project, call, name, text):
    """Taken as it is, one wrong file would silence every reader, and no command brings them back together."""
    path = project.parent / name
    path.write_text(text, encoding="utf-8")
    called = call("suppress", "import", path, "--json")
    assert (called.code, called.envelope["problems"][0]["code"]) == (6, "I141")
    assert call("suppress", "list", "--json").data["suppressions"] == []


def test_whoever_left_all_their_lists_is_suppressed(project, call):
    call("subscriber", "unsubscribe", "asa@example.org", "--list", "lista")
    assert call("subscriber", "show", "asa@example.org", "--json").data["standing"] == "suppressed"


def test_a_consent_that_names_them_is_kept_without_their_name(project, call):
    came = project.parent / "in.csv"
    came.write_text(
        "email,consent_source\ndan@example.org,mejl från dan@example.org den 3/7\n", encoding="utf-8"
    )
    assert call("import", came, "--list", "lista", "--consent-text", "dan@example.org").code == 0
    call("subscriber", "forget", "dan@example.org")
    held = call("subscriber", "show", "dan@example.org", "--json").data["consents"]
    assert [(one["source"], one["text_version"]) for one in held] == [
        ("mejl från d***@example.org den 3/7", "d***@example.org")
    ]
    for path in (project / ".newsletter").rglob("*"):
        assert not path.is_file() or b"dan@example" not in path.read_bytes(), path


def test_an_opt_out_of_a_list_that_is_gone_can_be_seen_and_taken_back(project, call):
    call("subscriber", "unsubscribe", "asa@example.org", "--list", "lista")
    (project / "subscribers" / "lista.csv").unlink()
    assert len(call("suppress", "list", "--list", "Lista", "--json").data["suppressions"]) == 1
    assert call("suppress", "remove", "asa@example.org", "--list", "Lista").code == 0
    assert call("suppress", "list", "--json").data["suppressions"] == []


def test_what_people_wrote_steers_no_terminal(project, call):
    """A cell may hold what renames a window or clears it; a bounce's words come from somebody's server."""
    (project / "subscribers" / "lista.csv").write_text(
        f"{ROWS}dan@example.org,\x1b]0;Hej\x07,\x9b2J,\x1b[2Jnej\n", encoding="utf-8"
    )
    path = project.parent / "bounces.csv"
    path.write_text("email,reason\ndan@example.org,\x1b[2J550 \u202egone\n", encoding="utf-8")
    assert call("suppress", "import", path).code == 0
    for words in (
        ("check",), ("subscriber", "show", "dan@example.org"), ("suppress", "list"), ("segment", "why", "lista", "dan@example.org"),
    ):  # fmt: skip
        called = call(*words)
        assert not set("\x1b\x07\x9b\u202e") & set(called.out + called.err), words


def test_the_forgotten_stay_out_whatever_a_file_says(project, call):
    call("subscriber", "forget", "asa@example.org")
    (project / "subscribers" / "lista.csv").write_text(ROWS, encoding="utf-8")
    assert excluded(call) == {"suppressed": 1}
    assert call("subscriber", "forget", "asa@example.org").code == 0, "once more, now that they are back"
    assert "asa" not in (project / "subscribers" / "lista.csv").read_text("utf-8")


def test_a_dry_run_deletes_nothing(project, call):
    call("subscriber", "unsubscribe", "bo@example.org")
    before = {path: path.read_bytes() for path in project.rglob("*.csv")}
    told = call("subscriber", "forget", "asa@example.org", "--dry-run")
    assert "would be deleted   1 row   subscribers/lista.csv" in told.out
    assert {path: path.read_bytes() for path in project.rglob("*.csv")} == before
    assert excluded(call) == {"suppressed": 1}


def test_one_list_that_cannot_be_read_and_nothing_is_deleted(project, call):
    (project / "subscribers" / "zz.csv").write_text('email\n"bo@example.org\n', encoding="utf-8")
    called = call("subscriber", "forget", "asa@example.org")
    assert (called.code, "S144" in called.err) == (3, True)
    assert (project / "subscribers" / "lista.csv").read_text("utf-8") == ROWS
    with closing(sqlite3.connect(project / ".newsletter" / "state.db")) as raw:
        assert raw.execute("SELECT count(*) FROM suppression").fetchone() == (0,)


@pytest.mark.parametrize("command", [("subscriber", "forget"), ("suppress", "remove")])
def test_on_a_terminal_the_address_is_typed(project, call, monkeypatch, command):
    call("suppress", "add", "asa@example.org")
    typed = ["bo@example.org", "asa@example.org"]
    monkeypatch.setattr("newsletter.cli.asking._typed", lambda *_: typed.pop(0))
    refused = call(*command, "asa@example.org")
    assert (refused.code, "S145" in refused.err) == (6, True)
    assert (project / "subscribers" / "lista.csv").read_text("utf-8") == ROWS
    assert excluded(call) == {"suppressed": 1}
    assert call(*command, "asa@example.org").code == 0


def test_before_and_after_a_send_it_is_said_on_which_ground(project, call):
    rows = "email,consent_source\nasa@example.org,mässan\nbo@example.org,\n"
    (project / "subscribers" / "lista.csv").write_text(rows, encoding="utf-8")
    (project / "subscribers" / "kunder.csv").write_text("email\ndan@example.org\n", encoding="utf-8")
    settings = (project / "newsletter.toml").read_text("utf-8").partition("[list.lista]")[0]
    (project / "newsletter.toml").write_text(
        settings + '[list.kunder]\nbasis = "customer"\n', encoding="utf-8"
    )
    segments = project / "subscribers" / "segments.toml"
    segments.write_text("[alla]\nwhere = \"list in ['lista', 'kunder']\"\n", encoding="utf-8")
    campaign = project / "campaigns" / "hej.md"
    campaign.write_text(campaign.read_text("utf-8").replace('"lista"', '"alla"'), encoding="utf-8")
    grounds = [
        {"list": "kunder", "basis": "customer", "recipients": 1, "with_source": None},
        {"list": "lista", "basis": "consent", "recipients": 2, "with_source": 1},
    ]
    words = "kunder (customer) 1; lista (consent) 2, 1 with a source"
    rehearsed = call("send", "hej", "--dry-run", "--json", "--out", project.parent / "r")
    assert rehearsed.data["grounds"] == grounds
    report = (project.parent / "r" / "report.html").read_text(encoding="utf-8")
    assert "<th>kunder (customer)</th><td>1 of 3</td>" in report
    assert "<th>lista (consent)</th><td>2 of 3, 1 with a source</td>" in report
    assert call("status", "hej", "--json").data["grounds"] == []
    assert f"ground  {words}" in call("send", "hej", "--confirm", "3").out
    # what the settings say by now is another matter
    (project / "newsletter.toml").write_text(
        settings + '[list.kunder]\nbasis = "company"\n', encoding="utf-8"
    )
    assert f"ground  {words}" in call("status", "hej").out
    assert (
        call("status", "hej", "--json").data["grounds"]
        == grounds
        == call("send", "hej", "--json").data["grounds"]
    )
