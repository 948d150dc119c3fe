"""An older ledger that is brought back, and a project that was copied: nobody gets two, and a human is asked."""

import re
import shutil
import sqlite3
from contextlib import closing

import pytest

JULY = ("--now", "2015-07-03T09:00")


@pytest.fixture
def brought_back(small, newsletter, monkeypatch, tmp_path):
    """Frozen, copied, sent to all three; then the copy was put where the ledger was."""
    from newsletter.providers.outbox import Outbox

    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "hand_over", lambda *_: (_ for _ in ()).throw(MemoryError()))
        assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 1
    assert newsletter("-C", small, "resolve", "hej", *JULY).code == 0  # ready again, as before anything went
    backup(small, tmp_path / "backup.db")
    assert newsletter("-C", small, "send", "hej", *JULY).code == 0
    assert len(files(small)) == 3
    put_back(small, tmp_path / "backup.db")
    return small


def backup(project, to):
    with (
        closing(sqlite3.connect(project / ".newsletter/state.db")) as source,
        closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)


def put_back(project, copy, *, same_file=True):
    ledger = project / ".newsletter/state.db"
    for name in ("state.db-wal", "state.db-shm"):
        ledger.with_name(name).unlink(missing_ok=True)
    if same_file:
        shutil.copyfile(copy, ledger)
    else:
        shutil.copy(copy, ledger.with_name("new.db"))
        ledger.with_name("new.db").replace(ledger)


def files(project):
    return sorted(project.rglob("*.eml"))


def test_it_sends_nothing_until_a_human_has_looked_and_then_nobody_twice(brought_back, newsletter):
    before = {file: file.read_bytes() for file in files(brought_back)}
    refused = newsletter("-C", brought_back, "send", "hej", *JULY)
    assert (refused.code, "G146" in refused.err, "resolve --restored" in refused.err) == (6, True, True)
    ticked = newsletter("-C", brought_back, "run", *JULY)
    assert (ticked.code, "G146" in ticked.err) == (6, True)
    assert "G146" not in newsletter("-C", brought_back, "run", *JULY).err, "said once"
    assert newsletter("-C", brought_back, "suppress", "add", "ny@example.org").code == 0, (
        "a no is always heard"
    )
    taken = newsletter("-C", brought_back, "resolve", "--restored", *JULY, "--json")
    assert (taken.code, taken.data["in_doubt"], taken.data["epoch"]) == (0, 3, 2)
    assert newsletter("-C", brought_back, "status", "hej", "--json", *JULY).data["counts"]["unknown"] == 3
    sent = newsletter("-C", brought_back, "send", "hej", *JULY, "--json")
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 3)
    assert {file: file.read_bytes() for file in files(brought_back)} == before
    again = newsletter("-C", brought_back, "resolve", "--restored", *JULY, "--json")
    assert (again.code, again.data["restored"]) == (0, False)


def test_who_has_no_file_gets_their_mail_after_all(brought_back, newsletter):
    files(brought_back)[0].unlink()
    assert newsletter("-C", brought_back, "resolve", "--restored", *JULY).code == 0
    assert newsletter("-C", brought_back, "send", "hej", *JULY).code == 0
    assert len(files(brought_back)) == 3


def test_a_backup_of_before_the_freeze_does_not_mail_again(small, newsletter, tmp_path):
    assert (
        newsletter("-C", small, "subscriber", "unsubscribe", "ny@example.org").code == 0
    )  # makes the ledger
    backup(small, tmp_path / "backup.db")
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 0
    put_back(small, tmp_path / "backup.db")
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 6
    assert newsletter("-C", small, "run", *JULY).code == 6
    assert len(files(small)) == 3


def test_a_file_that_is_another_one_is_noticed_without_any_claim(small, newsletter, tmp_path):
    assert newsletter("-C", small, "subscriber", "unsubscribe", "ny@example.org").code == 0
    backup(small, tmp_path / "backup.db")
    put_back(small, tmp_path / "backup.db", same_file=False)
    refused = newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY)
    assert (refused.code, "G146" in refused.err) == (6, True)


def test_of_a_copied_project_one_sends(small, newsletter):
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 0
    copy = small.with_name("copy")
    shutil.copytree(small, copy)
    text = (copy / "campaigns" / "hej.md").read_text(encoding="utf-8")
    for project in small, copy:
        (project / "campaigns" / "ny.md").write_text(text.replace("Hej", "Nytt"), encoding="utf-8")
    assert newsletter("-C", copy, "send", "ny", "--confirm", "3", *JULY).code == 6
    assert newsletter("-C", small, "send", "ny", "--confirm", "3", *JULY).code == 0


def test_a_later_run_of_the_same_number_never_meets_a_name_of_the_lost_time(small, newsletter, tmp_path):
    """The old file would be taken for proof that the new letter went out."""
    assert newsletter("-C", small, "subscriber", "unsubscribe", "ny@example.org").code == 0
    backup(small, tmp_path / "backup.db")
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 0
    put_back(small, tmp_path / "backup.db")
    assert newsletter("-C", small, "resolve", "--restored", *JULY).code == 0
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 0
    assert len(files(small)) == 6, "a human said that the first three are not to be counted"


def test_a_whole_folder_put_back_from_the_night_mails_nobody_again(small, newsletter, tmp_path):
    """`rm` and `cp -a`: the file system gives the ledger the number that it had."""
    assert newsletter("-C", small, "subscriber", "unsubscribe", "ny@example.org").code == 0
    shutil.copytree(small / ".newsletter", tmp_path / "night")
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 0
    shutil.rmtree(small / ".newsletter")
    shutil.copytree(tmp_path / "night", small / ".newsletter")
    refused = newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY)
    assert (refused.code, "G146" in refused.err, len(files(small))) == (6, True, 3)


def test_whoever_looks_is_told_too(brought_back, newsletter):
    for asked in ("status",), ("status", "hej"):
        looked = newsletter("-C", brought_back, *asked, *JULY)
        assert (looked.code, "G146" in looked.out, "next:  newsletter" in looked.out) == (0, True, True)
        assert "resolve --restored" in looked.out.splitlines()[-1]
        checked = newsletter("-C", brought_back, *asked, "--check", "--json", *JULY)
        assert (checked.code, [one["code"] for one in checked.envelope["problems"]]) == (7, ["G146"])
    rehearsed = newsletter("-C", brought_back, "send", "hej", "--dry-run", "--json", *JULY)
    assert (rehearsed.code, rehearsed.data["needs"][0]["code"]) == (0, "G146")
    assert newsletter("-C", brought_back, "resolve", "--restored", *JULY).code == 0
    assert "G146" not in newsletter("-C", brought_back, "status", "hej", *JULY).out


def test_a_folder_that_moved_is_still_the_ledger(small, newsletter):
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 0
    moved = small.with_name("moved")
    small.rename(moved)
    assert newsletter("-C", moved, "send", "hej", *JULY, "--json").data["already"]


def test_of_two_copies_that_a_human_takes_over_one_sends_live(small, newsletter, monkeypatch):
    """Both were told `resolve --restored`; settings can name one of them only."""
    monkeypatch.setenv("NEWSLETTER_SMTP__HOST", "127.0.0.1")
    monkeypatch.setenv("NEWSLETTER_SMTP__PORT", "1")  # nobody listens: whoever gets there would have sent
    settings = small / "newsletter.toml"
    with settings.open("a", encoding="utf-8") as file:
        file.write(
            '\n[env.production]\nprovider = "smtp"\npublic_url = "https://brev.example.org"\n'
            'smtp = { tls = "none" }\n'
        )
    live = ("--env", "production")
    confirmed = ("send", "hej", "--confirm", "3", *live)

    def commit(project, told):
        line = re.search(r'ledger = "[^"]+"', told)[0]
        text = re.sub(
            r"^ledger = .*\n", "", (project / "newsletter.toml").read_text("utf-8"), flags=re.MULTILINE
        )
        text = text.replace("[env.production]\n", f"[env.production]\n{line}\n")
        for one in projects:
            (one / "newsletter.toml").write_text(text, encoding="utf-8")

    projects = [small]
    commit(small, newsletter("-C", small, *confirmed).err)
    laptop, server = (shutil.copytree(small, small.with_name(name)) for name in ("laptop", "server"))
    projects += [laptop, server]
    told = {}
    for copy in laptop, server:
        assert "G146" in newsletter("-C", copy, *confirmed).err
        taken = newsletter("-C", copy, "resolve", "--restored", *live)
        assert taken.code == 0
        told[copy] = taken.out
        refused = newsletter("-C", copy, *confirmed)
        assert (refused.code, "G170" in refused.err) == (6, True), refused.err
        needs = newsletter("-C", copy, "send", "hej", "-n", "--json", *live).data["needs"]
        assert [need["code"] for need in needs] == ["G170"]
    commit(server, told[server])
    for other in small, laptop:
        refused = newsletter("-C", other, *confirmed)
        assert (refused.code, "G117" in refused.err) == (6, True), refused.err
    monkeypatch.setattr("newsletter.delivery.answers.RETRY_FIRST_S", 0.0)
    assert "G131" in newsletter("-C", server, *confirmed).err, "it tries to"
