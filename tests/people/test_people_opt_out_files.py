"""Opt-outs that lie in a file, ours or another program's: nobody in it is lost."""

import shlex

import pytest

from tests.people.lists import MAILCHIMP, mailchimp_row, numbers, rows


@pytest.mark.parametrize(
    "content",
    [
        "email,reason,created\na@example.org,Bounced Address,1\nb@example.org,,2\ntrasig,,3\n",
        "a@example.org\nB@Example.org\ntrasig\n",
        "E-post;Orsak\na@example.org;x\nb@example.org;y\ntrasig;z\n",
    ],
)
def test_opt_outs_of_other_programs(small, call, content):
    path = small.parent / "no.csv"
    path.write_text(content, encoding="utf-8")
    called = call("suppress", "import", path, "--json")
    assert (called.data["added"], called.data["rejected"]) == (2, 1)
    assert call("suppress", "import", path, "--json").data["already"] == 2


@pytest.mark.parametrize(
    "content",
    [
        'email,reason\na@example.org,550 no such user, bye\n"Bo Ek <b@example.org>",x\n',
        "a@example.org;B@example.org\n",
        '"Eva <a@example.org>"\nb@example.org,gone,2015\n',
        "name,email\nÅsa,a@example.org\nb@example.org\n",
    ],
    ids=["comma", "two-a-line", "bare", "short"],
)
def test_an_opt_out_is_not_lost_for_a_comma(small, call, content):
    path = small.parent / "no.csv"
    path.write_text(content, encoding="utf-8")
    assert call("suppress", "import", path, "--json").data["added"] == 2
    for email in ("a@example.org", "b@example.org"):
        assert call("subscriber", "show", email, "--json").data["suppressed"] == ["*"]


@pytest.mark.parametrize(
    ("scope", "held"),
    [("Lista", "lista"), ("*", "*"), ("alla", "*"), ("en lista som inte finns", "*"), ("", "*")],
)
def test_an_opt_out_of_what_nobody_knows_is_one_of_everything(small, call, scope, held):
    path = small.parent / "no.csv"
    path.write_text(f"email,scope\nasa@example.org,{scope}\n", encoding="utf-8")
    assert call("suppress", "import", path).code == 0
    assert call("subscriber", "show", "asa@example.org", "--json").data["suppressed"] == [held]


def test_fingerprints_of_another_secret_are_not_taken(small, call, monkeypatch):
    """They would be counted as added, and stop nobody."""
    path = small.parent / "no.csv"
    call("suppress", "add", "okand@example.org")
    call("export", "suppressions", "-o", path)
    monkeypatch.setenv("NEWSLETTER_SECRET", "another-secret-of-another-project")
    (small / ".newsletter" / "state.db").unlink()
    called = call("suppress", "import", path)
    assert (called.code, "I112" in called.err) == (3, True)


def test_opt_outs_go_out_and_come_back(small, call):
    call("suppress", "add", "a@example.org", "asa@example.org", "--reason", "=ringde")
    call("subscriber", "unsubscribe", "bo@example.org", "--list", "lista")
    path = small.parent / "no.csv"
    assert call("export", "suppressions", "-o", path).code == 0
    for email in ("a@example.org", "asa@example.org"):
        call("suppress", "remove", email)
    call("suppress", "remove", "bo@example.org", "--list", "lista")
    assert call("suppress", "import", path, "--json").data["added"] == 3
    held = {(one["scope"], one["reason"]) for one in call("suppress", "list", "--json").data["suppressions"]}
    assert held == {("*", "=ringde"), ("lista", "asked us to")}


UNSUBBED = MAILCHIMP.strip() + ",UNSUB_TIME\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Kopia av unsubscribed_members_export_1.csv", MAILCHIMP + mailchimp_row("nej@example.org")),
        ("unsubscribed (1).csv", MAILCHIMP + mailchimp_row("nej@example.org")),
        ("lista.csv", UNSUBBED + mailchimp_row("nej@example.org").strip() + ",2015-01-01 10:00:00\n"),
        ("lista.csv", "Email Address,Status,LEID,EUID\nnej@example.org,unsubscribed,1,a\n"),
        ("subscribed_x.csv", "Email Address,Status,LEID,EUID\nnej@example.org,Unsubscribed,1,a\n"),
        ("lista.csv", "Email,Accepts Email Marketing\nnej@example.org,no\n"),
        ("lista.csv", "Email,Unsubscribed\nnej@example.org,2015-02-03\n"),
        ("lista.csv", "Email,Email Opt-Out,status\nnej@example.org,TRUE,subscribed\n"),
        ("lista.csv", "E-post;Avregistrerad;Status\nnej@example.org;Ja;aktiv\n"),
        ("lista.csv", "E-post;Nyhetsbrev\nnej@example.org;Nej\n"),
        ("lista.csv", "E-post;Samtycke\nnej@example.org;Nej\n"),
        ("lista.csv", "E-post;Vill inte;Status\nnej@example.org;x;aktiv\n"),
    ],
)
def test_a_no_is_heard_wherever_a_file_says_it(small, bring, name, text):
    """A copy is called otherwise, and each program has a column of its own: none of them makes a reader of a no."""
    wanted = ("--map", "Vill inte=opt_out") if "Vill inte" in text else ()
    called = bring(text, *wanted, name=name)
    assert (called.code, called.data["new"], called.data["suppressed"], called.data["opt_outs"]) == (
        3,
        0,
        1,
        1,
    )
    (small / "subscribers" / "ny.csv").unlink(missing_ok=True)
    again = bring("email\nNej@Example.org\n", name="again.csv")
    assert "nobody comes in: 0 rejected, 1 said no" in again.envelope["problems"][0]["message"]


def test_columns_that_could_say_no_and_do_not(small, call, bring):
    text = (
        "E-post;Avregistrerad;Nyhetsbrev;Samtycke\na@example.org;Nej;Ja;Ja\nb@example.org;;;\n"
        "c@example.org;0;;Mässan 2014\nd@example.org;-;Månadsbrevet;x\n"
    )
    assert numbers(bring(text)) == {"new": 4}
    assert [row["consent_source"] for row in rows(small)] == ["Mässan", "Mässan", "Mässan 2014", "Mässan"]
    assert rows(small)[3]["nyhetsbrev"] == "Månadsbrevet"
    assert call("segment", "count", "ny", "--json").data["recipients"] == 4


def test_a_mere_yes_is_no_source_of_consent(small, bring):
    called = bring("email,consent_source\na@example.org,Ja\n", source=())
    assert (called.code, called.envelope["problems"][0]["code"]) == (6, "I110")


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("suppression_unsubscribes.csv", "email,created", "nej@example.org,1443651125"),
        ("suppression_bounces (2).csv", "email,reason,created", "nej@example.org,550,1443651125"),
        ("Avregistrerade 2015.csv", "E-post", "nej@example.org"),
        ("out.csv", "email,fingerprint,scope,reason,source,at,key", "nej@example.org,00,*,x,y,z,k"),
    ],
)
def test_a_file_of_those_who_said_no_makes_no_readers(small, call, bring, name, header, row):
    called = bring(f"{header}\n{row}\n", name=name)
    assert (called.code, called.envelope["problems"][0]["code"]) == (6, "I140")
    assert not (small / "subscribers" / "ny.csv").exists()
    words = shlex.split(called.envelope["problems"][0]["try"].partition(";")[0])[1:]
    assert call(*words[:-1], small.parent / words[-1]).code == 0


def test_an_export_without_people_is_no_fault_of_its_columns(bring):
    called = bring(MAILCHIMP, name="subscribed_members_export_1.csv")
    assert called.envelope["problems"][0]["code"] == "I112"


def test_a_damaged_row_among_those_who_said_no_still_says_no(small, call):
    path = small.parent / "unsubscribed_members_export_1.csv"
    path.write_text("Email Address,First Name,LEID\na@example.org,Åsa\nb@example.org,Bo,2\n", "utf-8")
    assert call("import", path, "--list", "ny", "--consent-source", "x").code == 3
    assert len(call("suppress", "list", "--json").data["suppressions"]) == 2


@pytest.mark.parametrize("row", ["asa@example.org,unsubscribed", "asa@example.org,Åsa,unsubscribed,x"])
def test_a_row_that_might_say_no_is_not_made_whole(small, call, bring, row):
    """Padded, or met by a new column, it would be a row like any other, and its no would be somebody's name."""
    file = small / "subscribers" / "ny.csv"
    file.write_text(f"email,first_name,status\n{row}\n", "utf-8")
    before = file.read_text("utf-8")
    called = bring("email,city\nb@example.org,Visby\n")
    assert (called.code, called.envelope["problems"][0]["code"]) == (3, "I134")
    assert (called.envelope["problems"][0]["file"], called.envelope["problems"][0]["line"]) == (
        "subscribers/ny.csv",
        2,
    )
    assert file.read_text("utf-8") == before
    out = small.parent / "out.csv"
    assert (call("export", "subscribers", "--list", "ny", "-o", out).code, out.exists()) == (3, False)
    assert call("segment", "count", "ny", "--json").data["recipients"] == 0


def test_made_up_readers_are_not_exported(small, call):
    (small / "subscribers" / "personas.csv").write_text("email\npersona@example.org\n", "utf-8")
    out = small.parent / "out.csv"
    assert call("export", "subscribers", "-o", out).code == 0
    assert "persona" not in out.read_text("utf-8")
    assert call("export", "subscribers", "--list", "personas").code == 2


def test_opt_outs_of_a_file_are_not_all_in_memory(small, call):
    """A list of people who all said no is as long as one of people who said yes."""
    import tracemalloc

    tracemalloc.start()
    try:
        peaks = []
        for number in (5_000, 25_000):
            file = small.parent / f"unsubscribed_{number}.csv"
            file.write_text(
                "Email Address,LEID\n" + "".join(f"p{n}@example.org,{n}\n" for n in range(number)), "utf-8"
            )
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            called = call("import", file, "--list", "ny", "--dry-run", "--json")
            assert (called.code, called.data["opt_outs"]) == (3, number)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000, peaks


def test_every_address_column_of_an_opt_out_file_is_heard(small, call):
    path = small.parent / "left.csv"
    path.write_text("email,E-post\na@example.org,b@example.org\n,c@example.org\n", "utf-8")
    assert call("suppress", "import", path, "--json").data["added"] == 3
