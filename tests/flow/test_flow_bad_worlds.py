"""Disks that are full, folders that are none, databases of others: told in words, nothing half-done, nobody counted anew.

Without permission bits: as root they hold nobody back.
"""

import resource
import shutil
import subprocess
import sys

import pytest

ROOM = "make room on the disk"


def counts(newsletter, project):
    """What the ledger says; nothing where it can't be asked."""
    called = newsletter("-C", project, "status", "hej", "--json")
    return called.data["counts"] if called.code == 0 else None


def mails(project):
    return sorted(path.name for path in (project / "out" / "outbox").rglob("*.eml"))


def leftovers(project):
    return [path.name for path in project.rglob("*") if path.suffix in (".part", ".tmp")]


def limited(project, size, *arguments):
    """The program with files of at most `size` bytes: what a full disk answers, for all users alike."""
    ran = subprocess.run(
        [sys.executable, "-m", "newsletter", "-C", str(project), *map(str, arguments)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        capture_output=True,
        check=False,
    )
    told = ran.stderr.decode("utf-8")
    assert "Traceback" not in told
    return ran.returncode, told


def as_file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file where a folder should be\n", encoding="utf-8")


def as_folder(path):
    path.mkdir(parents=True)


def goes_on(project, newsletter):
    """The world is mended: the very same command finishes, each once."""
    sent = newsletter("-C", project, "send", "hej", "--confirm", "3", "--json")
    assert (sent.code, sent.data["counts"]["accepted"]) == (0, 3), sent.out
    assert len(mails(project)) == 3


@pytest.mark.parametrize("size", [100, 20_000])
def test_no_room_for_a_ledger(small, newsletter, size):
    code, told = limited(small, size, "send", "hej", "--confirm", "3")
    assert (code, "R107" in told, ROOM in told) == (5, True, True)
    assert mails(small) == []
    assert newsletter("-C", small, "status", "hej", "--json").data["total"] == 0
    goes_on(small, newsletter)


def test_no_room_for_the_ledger_to_grow(small, newsletter):
    assert newsletter("-C", small, "suppress", "add", "nagon@example.org").code == 0
    before = counts(newsletter, small)
    code, told = limited(small, 3_000, "send", "hej", "--confirm", "3")
    assert (code, "R107" in told) == (5, True)
    assert (counts(newsletter, small), mails(small)) == (before, [])
    listed = newsletter("-C", small, "suppress", "list", "--json")
    assert (listed.code, "nagon@example.org" in listed.out or len(listed.data) > 0) == (0, True)
    goes_on(small, newsletter)


def test_no_room_in_the_outbox(small, newsletter):
    """The ledger fits with the file that it keeps, the messages don't, a third larger: nobody is counted as reached."""
    letter = small / "campaigns" / "hej.md"
    text = letter.read_text("utf-8").replace("send_at ", 'attachments = ["stor.pdf"]\nsend_at ')
    letter.write_text(text, encoding="utf-8")
    (small / "campaigns" / "stor.pdf").write_bytes(b"%PDF-1.7\n" + b"x" * 6_000_000)
    code, told = limited(small, 7_300_000, "send", "hej", "--confirm", "3")
    assert (code, "G130" in told, "try:" in told) == (5, True, True)
    assert counts(newsletter, small) == {
        "ready": 3, "inflight": 0, "accepted": 0, "rejected": 0, "suppressed": 0, "unknown": 0,
    }  # fmt: skip
    assert (mails(small), leftovers(small)) == ([], [])
    goes_on(small, newsletter)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (("send", "hej", "-n", "--out", "prov"), 3_000),
        (("render", "hej", "-o", "brev.html"), 300),
        (("export", "subscribers", "-o", "alla.csv"), 20),
    ],
)
def test_no_room_for_what_is_written_out(small, arguments, size, monkeypatch):
    monkeypatch.chdir(small)
    code, told = limited(small, size, *arguments)
    assert (code, "F114" in told, ROOM in told) == (5, True, True), told
    assert leftovers(small) == []
    assert not (small / arguments[-1]).is_file(), "no half of a file"


def test_no_room_for_an_import_leaves_the_list_as_it_was(small, newsletter, tmp_path):
    many = tmp_path / "many.csv"
    many.write_text("email\n" + "".join(f"p{n}@example.org\n" for n in range(3_000)), encoding="utf-8")
    people = small / "subscribers" / "lista.csv"
    before = people.read_bytes()
    code, told = limited(small, 20_000, "import", many, "--list", "lista", "--consent-source", "Mässa")
    assert (code, "try:" in told) == (5, True), told
    assert people.read_bytes() == before
    assert leftovers(small / "subscribers") == []


@pytest.mark.parametrize(
    ("place", "spoil", "code", "told"),
    [
        ("out/outbox", as_file, 5, "G130"),
        ("out/outbox/hej", as_file, 5, "G130"),
        (".newsletter", as_file, 4, "F221"),
        (".newsletter/owners", as_file, 4, "F114"),
        (".newsletter/state.db", as_folder, 4, "R106"),
        (".newsletter/lists.db", as_folder, 4, "R106"),
        (".newsletter/secret", as_folder, 4, "F22"),
    ],
)
def test_a_folder_that_is_none_and_a_file_that_is_a_folder(small, newsletter, place, spoil, code, told):
    path = small / place
    spoil(path)
    called = newsletter("-C", small, "send", "hej", "--confirm", "3")
    assert (called.code, told in called.err, "try:" in called.err) == (code, True, True), called.err
    again = newsletter("-C", small, "run", "--now", "2015-07-03T09:00")
    assert (again.code in (4, 5), "internal error" in again.err) == (True, False), again.err
    assert mails(small) == []
    after = counts(newsletter, small)
    assert after is None or (after["accepted"], after["unknown"], after["inflight"]) == (0, 0, 0)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    goes_on(small, newsletter)


def test_whoever_could_not_prove_that_they_live_freezes_nothing(small, newsletter):
    as_file(small / ".newsletter" / "owners")
    called = newsletter("-C", small, "send", "hej", "--confirm", "3")
    assert (called.code, "F114" in called.err) == (4, True)
    assert newsletter("-C", small, "status", "hej", "--json").data["total"] == 0, "it is not begun"
    ticked = newsletter("-C", small, "run", "--now", "2015-07-03T09:00")
    assert (ticked.code, "F114" in ticked.err) == (4, True)
    assert newsletter("-C", small, "status", "hej", "--json").data["total"] == 0, "nor by a tick"


def test_the_spool_is_a_file(small, newsletter):
    """It may hide an opt-out, so nothing is sent past it."""
    assert newsletter("-C", small, "suppress", "add", "nagon@example.org").code == 0
    spool = small / ".newsletter" / "spool"
    if spool.is_dir():
        spool.rmdir()
    as_file(spool)
    called = newsletter("-C", small, "send", "hej", "--confirm", "3")
    assert (called.code, "F114" in called.err, mails(small)) == (4, True, [])
    spool.unlink()
    goes_on(small, newsletter)


def test_the_database_of_another_project(small, newsletter, tmp_path):
    """Its secret is another one: the opt-outs in it would not be found. Nothing in it is changed."""
    other = tmp_path / "other"
    shutil.copytree(small, other)
    assert newsletter("-C", other, "send", "hej", "--confirm", "3").code == 0
    assert newsletter("-C", small, "suppress", "add", "nagon@example.org").code == 0
    for file in (small / ".newsletter").glob("state.db*"):
        file.unlink()
    shutil.copy(other / ".newsletter" / "state.db", small / ".newsletter" / "state.db")
    before = (small / ".newsletter" / "state.db").read_bytes()
    for command in (("send", "hej", "--confirm", "3"), ("run",), ("status", "hej"), ("suppress", "list")):
        called = newsletter("-C", small, *command)
        assert (called.code, "R104" in called.err, "try:" in called.err) == (4, True, True), command
    assert (small / ".newsletter" / "state.db").read_bytes() == before
    assert mails(small) == []


def test_a_database_of_a_newer_version_is_not_touched(small, newsletter):
    assert newsletter("-C", small, "send", "hej", "--confirm", "3").code == 0
    import sqlite3

    file = small / ".newsletter" / "state.db"
    with sqlite3.connect(file) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.close()
    before = file.read_bytes()
    for command in (("send", "hej"), ("run",), ("status", "hej"), ("resolve", "hej")):
        called = newsletter("-C", small, *command)
        assert (called.code, "R103" in called.err, "try:" in called.err) == (4, True, True), called.err
    assert file.read_bytes() == before
