"""Lists from programs, made-up readers, why somebody gets mail, and the cap on how often."""

import contextlib
import os
import sqlite3
import subprocess
from functools import partial

import pytest

from newsletter.audience import source

DAY = "2015-07-03T09:00"


def crm(project, *emails, more=""):
    """`[list.crm] source`: a program that prints these people, and counts how often it was asked."""
    printed = "email,first_name\n" + "".join(f"{email},Kund\n" for email in emails)
    (project / "crm").write_text(
        f"from pathlib import Path\nwith Path('asked').open('a', encoding='utf-8') as f: f.write('x')\nprint({printed!r}, end='')\n{more}",
        encoding="utf-8",
    )
    settings = project / "newsletter.toml"
    text = settings.read_text(encoding="utf-8")
    if "list.crm" not in text:
        settings.write_text(
            text + '\n[list.crm]\nbasis = "customer"\nsource = ["python3", "crm"]\n', encoding="utf-8"
        )
    (project / "campaigns" / "kunder.md").write_text(
        '+++\nsubject = "Hej"\ntemplate = "plain"\nsegment = "crm"\nstatus = "ready"\n+++\nHej!\n', encoding="utf-8"
    )  # fmt: skip


def asked(project) -> int:
    file = project / "asked"
    return len(file.read_text(encoding="utf-8")) if file.exists() else 0


def mails(project, name):
    return sorted((project / "out" / "outbox" / name).glob("*.eml"))


KUNDER = [f"kund{n}@example.org" for n in range(10)]


def test_a_list_from_a_program_is_sent_to(small, newsletter):
    crm(small, *KUNDER, "asa@example.org")
    rehearsed = newsletter("-C", small, "send", "kunder", "--dry-run", "--json")
    assert (rehearsed.code, rehearsed.data["recipients"]) == (0, 11)
    assert not (small / ".newsletter").exists()
    assert newsletter("-C", small, "segment", "count", "crm").out == "crm: 11 match, 11 would get mail\n"
    assert newsletter("-C", small, "send", "kunder", "--confirm", "11").code == 0
    assert len(mails(small, "kunder")) == 11
    before = asked(small)
    assert newsletter("-C", small, "check").code == 0
    assert newsletter("-C", small, "render", "kunder", "--as", "kund3@example.org").code == 0
    assert newsletter("-C", small, "list").code == 0
    assert asked(small) == before, "a look runs no program"


@pytest.mark.parametrize(
    ("people", "more", "code"),
    [([], "", "A131"), (KUNDER[:7], "", "A132"), (KUNDER, "raise SystemExit(3)", "A130")],
)
def test_a_list_that_looks_wrong_is_held(small, newsletter, people, more, code):
    crm(small, *KUNDER)
    assert newsletter("-C", small, "segment", "count", "crm").code == 0
    crm(small, *people, more=more)
    for command in (
        ["send", "kunder", "--dry-run"], ["send", "kunder", "--confirm", "7"], ["segment", "count", "crm"],
        ["send", "hej", "--confirm", "3"],
    ):  # fmt: skip
        called = newsletter("-C", small, *command)
        assert called.code == 3, command
        assert code in called.err
    assert not list(small.rglob("*.eml"))
    crm(small, *KUNDER[:8])
    assert newsletter("-C", small, "segment", "count", "crm").code == 0, "a fifth less is not too few"


@pytest.mark.parametrize(
    ("limit", "more", "says"),
    [("MOST_BYTES", "while True: print('x' * 9999)", "more than"), ("TIME_LIMIT_S", "import time; time.sleep(60)", "running")],
)  # fmt: skip
def test_a_program_that_does_not_end_is_ended(small, newsletter, monkeypatch, limit, more, says):
    crm(small, *KUNDER)
    assert newsletter("-C", small, "segment", "count", "crm").code == 0
    crm(small, *KUNDER, more=f"import os\nopen('pid', 'w').write(str(os.getpid()))\n{more}")
    monkeypatch.setattr(source, limit, 10**6 if limit == "MOST_BYTES" else 1)
    called = newsletter("-C", small, "segment", "count", "crm")
    assert (called.code, "A130" in called.err, says in called.err) == (3, True, True)
    pid = int((small / "pid").read_text("utf-8"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_fifth_less_is_not_too_few_and_one_more_is():
    assert source.shrunk("crm", 1000, 800) is None
    assert source.shrunk("crm", 1000, 799) is not None


def test_a_smaller_list_is_taken_when_somebody_says_so(small, newsletter):
    crm(small, *KUNDER)
    assert newsletter("-C", small, "segment", "load").code == 0
    crm(small, *KUNDER[:2])
    assert newsletter("-C", small, "segment", "load").code == 3
    accepted = newsletter("-C", small, "segment", "load", "--accept-smaller", "crm", "--json")
    assert accepted.code == 0
    assert {"list": "crm", "file": "list.crm", "rows": 2} in accepted.data["lists"]
    assert newsletter("-C", small, "send", "kunder", "--confirm", "2").code == 0


def test_a_send_that_goes_on_is_held_too(small, newsletter):
    """Whoever stood on a list that is not there now would count as one who left."""
    crm(small, *KUNDER)
    assert newsletter("-C", small, "send", "kunder", "--confirm", "10").code == 0
    crm(small, *KUNDER, more="raise SystemExit(3)")
    assert newsletter("-C", small, "send", "hej", "--confirm", "3").code == 3


def test_personas_are_seen_by_as_only(small, newsletter):
    (small / "subscribers" / "personas.csv").write_text(
        "email,first_name,city\nlang@example.org,Maximiliana-Konstantina,Ö\nasa@example.org,Nej,\n",
        encoding="utf-8",
    )
    rendered = newsletter("-C", small, "render", "hej", "--as", "Lang@example.org", "--format", "text")
    assert "Maximiliana-Konstantina" in rendered.out
    assert (
        "Hej Åsa"
        in newsletter("-C", small, "render", "hej", "--as", "asa@example.org", "--format", "text").out
    )
    assert "personas" not in newsletter("-C", small, "segment", "list").out
    asked = newsletter("-C", small, "segment", "why", "lista", "lang@example.org")
    assert (asked.code, "G105" in asked.err) == (2, True)
    assert newsletter("-C", small, "send", "hej", "--confirm", "3").code == 0
    assert len(mails(small, "hej")) == 3
    (small / "campaigns" / "p.md").write_text(
        '+++\nsubject = "Hej"\ntemplate = "plain"\nsegment = "personas"\n+++\nHej!\n', encoding="utf-8"
    )
    assert "A207" in newsletter("-C", small, "check", "p").out


def test_an_author_without_lists_renders_as_a_persona(small, newsletter):
    (small / "subscribers" / "lista.csv").unlink()
    (small / "subscribers" / "personas.csv").write_text(
        "email,first_name,shoe\nlang@example.org,Max,44\n", encoding="utf-8"
    )
    letter = small / "campaigns" / "hej.md"
    letter.write_text(
        letter.read_text(encoding="utf-8") + "\nSkor: {{ subscriber.shoe }}\n", encoding="utf-8"
    )
    rendered = newsletter("-C", small, "render", "hej", "--as", "lang@example.org", "--format", "text")
    assert "Skor: 44" in rendered.out, rendered.err


def test_a_list_in_git_with_real_addresses_is_an_error_only_when_tracked(small, newsletter):
    (small / "subscribers" / "kunder.csv").write_text(
        "email\nasa@example.com\nbo@riktig.se\n", encoding="utf-8"
    )
    assert newsletter("-C", small, "check").code == 0
    subprocess.run(["git", "init", "-q", str(small)], check=True)
    assert newsletter("-C", small, "check").code == 0
    subprocess.run(["git", "-C", str(small), "add", "-A"], check=True)
    told = newsletter("-C", small, "check", "--json")
    errors = [problem for problem in told.data["problems"] if problem["severity"] == "error"]
    assert [(p["code"], p["file"], p["line"]) for p in errors] == [("A135", "subscribers/kunder.csv", 3)]
    subprocess.run(["git", "-C", str(small), "rm", "-q", "--cached", "subscribers/kunder.csv"], check=True)
    assert newsletter("-C", small, "check").code == 0


def capped(project, limit):
    settings = project / "newsletter.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + f'\n[limits]\nper_person = "{limit}"\n', encoding="utf-8"
    )
    for name in ("ett", "tva", "tre"):
        (project / "campaigns" / f"{name}.md").write_text(
            f'+++\nsubject = "Brev {name}"\ntemplate = "plain"\nsegment = "lista"\nstatus = "ready"\n+++\nHej!\n',
            encoding="utf-8",
        )


def test_nobody_gets_more_than_the_cap_allows(small, newsletter):
    capped(small, "2 in 7 days")
    for day, name in (("2015-07-01", "ett"), ("2015-07-03", "tva")):
        assert newsletter("-C", small, "send", name, "--confirm", "3", "--now", f"{day}T09:00").code == 0
    lista = small / "subscribers" / "lista.csv"
    lista.write_text(lista.read_text(encoding="utf-8") + "ny@example.org,Ny,Lund\n", encoding="utf-8")
    for now, capped_ones in (("2015-07-04T09:00", 3), ("2015-07-08T08:59", 3), ("2015-07-08T09:01", 0)):
        rehearsed = newsletter("-C", small, "send", "tre", "--dry-run", "--now", now, "--json").data
        assert (rehearsed["excluded"]["capped"], rehearsed["recipients"]) == (capped_ones, 4 - capped_ones), (
            now
        )
    shown = newsletter("-C", small, "segment", "show", "lista", "--now", "2015-07-04T09:00").out
    assert "got enough lately   -3" in shown
    why = newsletter(
        "-C", small, "segment", "why", "lista", "asa@example.org", "--now", "2015-07-04T09:00", "--json"
    ).data
    assert (why["member"], why["recipient"], [e["reason"] for e in why["exclusions"]]) == (
        True,
        False,
        ["capped"],
    )
    assert newsletter("-C", small, "send", "tre", "--confirm", "1", "--now", "2015-07-04T09:00").code == 0
    assert [path.parent.name for path in small.rglob("*.eml")].count("tre") == 1


def test_the_cap_counts_what_was_accepted_in_this_environment(small, newsletter):
    capped(small, "1 in 1 day")
    settings = small / "newsletter.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + '\n[env.stage]\nprovider = "outbox"\n', encoding="utf-8"
    )
    assert newsletter("-C", small, "send", "ett", "--confirm", "3", "--now", DAY).code == 0
    count = ("-C", small, "segment", "count", "lista", "--now", DAY, "--json")
    assert newsletter(*count).data["recipients"] == 0
    assert newsletter(*count, "--env", "stage").data["recipients"] == 3


def test_whoever_got_enough_since_the_freeze_is_passed_over_at_the_claim(small, newsletter, monkeypatch):
    from newsletter.delivery import send as sending

    capped(small, "1 in 1 day")
    freeze = sending.freeze

    def freeze_and_be_slow(office, plan, move=None):
        run = freeze(office, plan, move)
        monkeypatch.setattr(sending, "freeze", freeze)
        with office.workspace.project.path("x").parent.joinpath("done").open("w", encoding="utf-8"):
            assert newsletter("-C", small, "send", "ett", "--confirm", "3", "--now", DAY).code == 0
        return run

    monkeypatch.setattr(sending, "freeze", freeze_and_be_slow)
    newsletter("-C", small, "send", "tva", "--confirm", "3", "--now", DAY)
    assert (len(mails(small, "ett")), len(mails(small, "tva"))) == (3, 0)
    counts = newsletter("-C", small, "status", "tva", "--json").data["counts"]
    assert (counts["suppressed"], counts["accepted"]) == (3, 0)


@pytest.mark.parametrize(
    "limit", ["", "2", "0 in 7 days", "2 in a week", "two in 7 days", "2 in 7 fortnights"]
)
def test_a_cap_that_says_nothing_is_refused(small, newsletter, limit):
    capped(small, limit)
    called = newsletter("-C", small, "check")
    assert called.code == 4
    assert "per_person" in called.err


def test_why_names_each_condition_and_each_exclusion(shipped, newsletter):
    from newsletter.files.project import Project
    from newsletter.settings.load import load_settings
    from newsletter.settings.secret import ensure_secret
    from newsletter.store.store import open_store

    told = newsletter("-C", shipped, "segment", "why", "stammisar", "agnes.tall@example.org")
    assert told.code == 0
    assert told.out.splitlines()[:3] == [
        "agnes.tall@example.org is not in stammisar",
        "  no  segment('almedalen-2015') and seminars >= 3",
        "  no    segment('almedalen-2015')",
    ]
    assert "seminars is missing" in told.out
    project = Project(shipped)
    secret = ensure_secret(project, load_settings(project))
    with open_store(project.path(".newsletter/state.db")) as store:
        from datetime import UTC, datetime

        store.bind_secret(secret.fingerprint)
        store.suppress(
            secret.person("asa.oberg@example.org"),
            "*",
            "asked",
            "telephone",
            datetime(2015, 6, 20, tzinfo=UTC),
        )
    out = newsletter("-C", shipped, "segment", "why", "i-visby", "ÅSA.OBERG@example.org".replace("Å", "a"))
    assert out.out.splitlines() == [
        "asa.oberg@example.org is in i-visby",
        "  yes  city == 'Visby'  city is 'Visby'",
        "gets no mail:",
        "  - suppressed  2015-06-20  asked (telephone)",
    ]
    assert newsletter("-C", shipped, "segment", "why", "i-visby", "nobody@example.org").code == 2
    assert newsletter("-C", shipped, "segment", "why", "nosuch", "asa.oberg@example.org").code == 3


def test_why_asks_the_ledger_for_one_person(small, newsletter):
    (small / "subscribers" / "segments.toml").write_text(
        "[fick]\nwhere = \"not received('hej')\"\n", encoding="utf-8"
    )
    ask = ("-C", small, "segment", "why", "fick", "bo@example.org")
    assert "  yes  not received('hej')\n  no     received('hej')    was not sent it" in newsletter(*ask).out
    newsletter("-C", small, "send", "hej", "--confirm", "3")
    assert "  no   not received('hej')\n  yes    received('hej')    was sent it" in newsletter(*ask).out
    assert newsletter("-C", small, "segment", "count", "fick").out == "fick: 0 match, 0 would get mail\n"


def test_the_waterfall_is_the_same_wherever_it_is_told(small, newsletter):
    (small / "subscribers" / "lista.csv").write_text(
        "email,status\nasa@example.org,\nbo@example.org,unsubscribed\nco@example.org,cleaned\ndi@example.org,pending\n"
        "x@,\nåke@example.org,\ned@example.org,unsubscribed\neva@example.org,active\n",
        encoding="utf-8",
    )
    shown = newsletter("-C", small, "segment", "show", "lista", "--json").data
    rehearsed = newsletter(
        "-C", small, "send", "hej", "--dry-run", "--out", str(small / "out" / "r"), "--json"
    ).data
    sent = newsletter("-C", small, "send", "hej", "--confirm", "2", "--json").data
    assert shown["count"] == rehearsed["candidates"] == sent["total"] + sum(sent["excluded"].values()) == 8
    met = {"unsubscribed": 2, "cleaned": 1, "pending": 1, "invalid": 1, "smtputf8": 1}
    for told in (shown, rehearsed, sent):
        assert {why: n for why, n in told["excluded"].items() if n} == met
    assert {why: len(people) for why, people in shown["excluded_sample"].items()} == met
    people = (small / "out" / "r" / "excluded.csv").read_text(encoding="utf-8").splitlines()
    assert people == ["email,reason", "b***@example.org,unsubscribed", "e***@example.org,unsubscribed", "c***@example.org,cleaned",
                      "d***@example.org,pending", "x***@,invalid", "å***@example.org,smtputf8"]  # fmt: skip
    lines = newsletter("-C", small, "segment", "show", "lista").out.splitlines()
    assert lines[:4] == [
        "In lista" + lines[0][8:],
        "  - unsubscribed" + lines[1][16:],
        "      b***@example.org",
        "      e***@example.org",
    ]


def test_why_names_the_list_that_somebody_left(small, newsletter):
    (small / "subscribers" / "andra.csv").write_text("email\nasa@example.org\n", encoding="utf-8")
    call = partial(newsletter, "-C", small)
    assert (
        call("subscriber", "unsubscribe", "asa@example.org", "--list", "lista", "--reason", "bad").code == 0
    )
    told = call("segment", "why", "lista", "asa@example.org", "--json").data
    assert (told["member"], told["recipient"]) == (True, False)
    assert [(one["reason"], one["source"]) for one in told["exclusions"]] == [
        ("suppressed", "from lista: bad (command)")
    ]
    assert call("segment", "why", "andra", "asa@example.org", "--json").data["recipient"]


def test_a_person_sees_what_a_program_printed_of_them_and_is_forgotten_there(small, newsletter):
    crm(small, *KUNDER)
    call = partial(newsletter, "-C", small)
    assert call("segment", "load").code == 0
    shown = call("subscriber", "show", "kund3@example.org", "--json").data
    assert [(row["list"], row["basis"], row["cells"]["first_name"]) for row in shown["rows"]] == [
        ("crm", "customer", "Kund")
    ]
    forgotten = call("subscriber", "forget", "kund3@example.org", "--json")
    assert forgotten.code == 0
    assert "what programs print for crm" in [one["what"] for one in forgotten.data["remains"]]
    for path in (small / ".newsletter").rglob("*"):
        assert not path.is_file() or b"kund3@example" not in path.read_bytes(), path
    shown = call("segment", "show", "crm", "--json").data
    assert (shown["count"], shown["recipients"], shown["excluded"]["suppressed"]) == (10, 9, 1)


def test_a_list_that_shrinks_is_held_although_somebody_was_forgotten(small, newsletter):
    crm(small, *KUNDER)
    call = partial(newsletter, "-C", small)
    assert call("segment", "load").code == 0
    assert call("subscriber", "forget", "asa@example.org").code == 0
    crm(small, *KUNDER[:5])
    held = call("segment", "load")
    assert (held.code, "A132" in held.err) == (3, True)


def test_a_list_that_shrinks_is_held_although_the_program_was_updated(small, newsletter):
    """Its copy of the lists has another shape by now; what a program printed before stands in no file."""
    crm(small, *KUNDER)
    call = partial(newsletter, "-C", small)
    assert call("segment", "load").code == 0
    with contextlib.closing(sqlite3.connect(small / ".newsletter" / "lists.db")) as copy:
        copy.execute("PRAGMA user_version = 3")
    crm(small, *KUNDER[:5])
    for _ in range(2):  # the first load makes the copy anew
        held = call("segment", "load")
        assert (held.code, "A132" in held.err) == (3, True)
    crm(small, *KUNDER)
    assert call("segment", "count", "crm").out == "crm: 10 match, 10 would get mail\n"


def test_a_list_from_a_program_is_exported_as_any_other(small, newsletter):
    crm(small, *KUNDER)
    call = partial(newsletter, "-C", small)
    assert call("export", "subscribers", "--list", "CRM", "-o", small / "out.csv").code == 0
    text = (small / "out.csv").read_bytes().decode()
    assert text == "email,first_name\r\n" + "".join(f"{one},Kund\r\n" for one in KUNDER)
    assert call("export", "subscribers", "-o", small / "all.csv").code == 0
    lines = (small / "all.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["list", *["crm"] * 10, *["lista"] * 3]
    crm(small, *KUNDER, more="raise SystemExit(3)")
    for words in ((), ("--list", "crm")):
        refused = call("export", "subscribers", *words, "-o", small / "none.csv")
        assert (refused.code, "A130" in refused.err, (small / "none.csv").exists()) == (3, True, False)
    assert call("export", "subscribers", "--list", "lista").code == 0


TYPES = '[attributes]\npoints = "number"\nsince = "date"\nvip = "bool"\nseen = "instant"\n'


@pytest.mark.parametrize("declared_first", [True, False])
def test_a_held_list_outlives_a_change_of_its_columns_types(small, newsletter, declared_first):
    """Somebody stands in it and in another one, whose values are read anew."""
    crm(small)
    printed = "email,points,since,vip,seen\nasa@example.org,5,2014-01-02,ja,2014-01-02\nny@example.org,7,,,\n"
    (small / "crm").write_text(f"print({printed!r})", encoding="utf-8")
    (small / "subscribers" / "lista.csv").write_text(
        "email,points,since,vip,seen\nasa@example.org,,,,\nbo@example.org,4,,,\n", encoding="utf-8"
    )
    settings, rules = small / "newsletter.toml", small / "subscribers" / "segments.toml"
    plain = settings.read_text("utf-8")
    rules.write_text('[has]\nwhere = "is_set(points) or is_set(since) or is_set(vip)"\n', encoding="utf-8")
    call = partial(newsletter, "-C", small)
    settings.write_text(plain + (TYPES if declared_first else ""), encoding="utf-8")
    assert call("segment", "count", "has", "--json").data["count"] == 3
    (small / "crm").write_text("raise SystemExit(1)", encoding="utf-8")
    settings.write_text(plain + ("" if declared_first else TYPES), encoding="utf-8")
    assert call("segment", "count", "has", "--json").data["count"] == 1
    for email, member in (("asa", False), ("ny", False), ("bo", True)):
        assert call("segment", "why", "has", f"{email}@example.org", "--json").data["member"] == member
    for words in (["count", "has"], ["show", "has"], ["why", "has", "bo@example.org"], ["list"]):
        told = call("segment", *words)
        assert (told.code, "warning  A130" in told.err) == (0, True), words
    assert "A141" in call("check").out
    (small / "crm").write_text(f"print({printed!r})", encoding="utf-8")
    assert call("segment", "count", "has", "--json").data["count"] == 3
    assert "A141" not in call("check").out


def test_days_in_a_held_list_stay_where_they_were_when_the_zone_changes(small, newsletter):
    """Midnight in Stockholm is the evening before in New York, also for who stands in another list, too."""
    crm(small)
    printed = "email,consent_at\nasa@example.org,2014-01-02\nny@example.org,\n"
    (small / "crm").write_text(f"print({printed!r})", encoding="utf-8")
    settings, rules = small / "newsletter.toml", small / "subscribers" / "segments.toml"
    plain = settings.read_text("utf-8")
    rules.write_text('[early]\nwhere = "consent_at < 2014-01-02"\n', encoding="utf-8")
    call = partial(newsletter, "-C", small)
    for zone, early in (("Europe/Stockholm", False), ("America/New_York", True)):
        settings.write_text(plain.replace("Europe/Stockholm", zone), encoding="utf-8")
        assert call("segment", "count", "early", "--json").data["count"] == early
        assert call("segment", "why", "early", "asa@example.org", "--json").data["member"] == early
        (small / "crm").write_text("raise SystemExit(1)", encoding="utf-8")


@pytest.mark.parametrize("name", ["lista", "LISTA"])
def test_a_segment_named_like_a_list_is_mailed_by_neither(small, newsletter, name):
    """It may be wider than the list that the campaign meant."""
    (small / "subscribers" / "andra.csv").write_text("email,city\nny@example.org,Lund\n", encoding="utf-8")
    rules = f'[{name}]\nwhere = "is_set(city)"\n[wide]\nwhere = "segment(\'{name}\')"\n'
    (small / "subscribers" / "segments.toml").write_text(rules, encoding="utf-8")
    call = partial(newsletter, "-C", small)
    for words in (
        ["send", "hej", "--dry-run"], ["send", "hej", "--confirm", "4"], ["segment", "count", "lista"],
        ["segment", "show", "wide"], ["segment", "why", "lista", "asa@example.org"],
    ):  # fmt: skip
        called = call(*words)
        assert (called.code, "A209" in called.err) == (3, True), words
    assert not mails(small, "hej")
    assert call("segment", "count", "andra").code == 0
