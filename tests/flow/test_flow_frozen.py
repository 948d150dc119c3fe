"""A begun send is finished from what was kept of it: whatever becomes of the files, the words stay the same."""

import email
import re
import shutil
from email.message import Message
from pathlib import Path

import pytest

JULY = ("--now", "2015-07-03T09:00")
PEOPLE = 6
LETTER = """+++
subject  = "Kajen"
template = "plain"
segment  = "lista"
status   = "ready"
send_at  = "2015-07-03 09:00"
+++
Vi ses i Visby.

::: only visby
Kom till kajen.
:::
"""


@pytest.fixture
def half(small, newsletter, monkeypatch):
    """Two of six have it; then the sender died."""
    from newsletter.providers.outbox import Outbox

    rows = "".join(f"p{n}@example.org,P,Visby\n" for n in range(PEOPLE))
    (small / "subscribers" / "lista.csv").write_text("email,first_name,city\n" + rows, encoding="utf-8")
    (small / "subscribers" / "segments.toml").write_text(
        "[visby]\nwhere = \"city == 'Visby'\"\n", encoding="utf-8"
    )
    (small / "campaigns" / "hej.md").write_text(LETTER, encoding="utf-8")
    with (small / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write("\n[delivery]\nbatch_size = 2\ncanary = 0\n")
    real, calls = Outbox.hand_over, []

    def dies(self, request, _stop):
        calls.append(request)
        if len(calls) == 2:
            raise MemoryError
        return real(self, request)

    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "hand_over", dies)
        assert newsletter("-C", small, "send", "hej", "--confirm", str(PEOPLE), *JULY).code == 1
    assert len(mails(small)) == 2
    return small


def mails(project: Path, name: str = "hej") -> list[Message]:
    files = sorted((project / "out" / "outbox" / name).glob("*.eml"))
    return [email.message_from_bytes(file.read_bytes()) for file in files]


def words(mail: Message) -> tuple[object, ...]:
    """All that is everybody's: what stands in the mail, without what is one person's own."""
    parts = [part for part in mail.walk() if not part.is_multipart()]
    bodies = [re.sub(rb"/u/[A-Za-z0-9_-]+", b"/u/T", part.get_payload(decode=True)) for part in parts]
    headers = tuple(mail[name] for name in ("From", "Subject", "Date", "List-Id", "Reply-To"))
    links = re.sub(r"/u/[A-Za-z0-9_-]+", "/u/T", mail["List-Unsubscribe"])
    return (*headers, links, *(part.get_content_type() for part in parts), *bodies)


def edit(project: Path, file: str, before: str, after: str) -> None:
    path = project / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


CHANGES = {
    "text": (lambda p: edit(p, "campaigns/hej.md", "Visby", "Lund"), "campaigns/hej.md"),
    "subject": (lambda p: edit(p, "campaigns/hej.md", '"Kajen"', '"Torget"'), "campaigns/hej.md"),
    "gone": (lambda p: (p / "campaigns/hej.md").unlink(), "campaigns/hej.md"),
    "renamed": (lambda p: (p / "campaigns/hej.md").rename(p / "campaigns/nytt.md"), "campaigns/hej.md"),
    "broken": (lambda p: (p / "campaigns/hej.md").write_text("trasig", encoding="utf-8"), "campaigns/hej.md"),
    "template": (lambda p: edit(p, "templates/plain.mjml", "<mj-body", "<mj-body css-class='x'"), "templates/plain.mjml"),
    "template gone": (lambda p: (p / "templates/plain.mjml").unlink(), "templates/plain.mjml"),
    "frame new": (lambda p: (p / "templates/plain.txt").write_text("Ny ram {{ intro }} {{ links.unsubscribe }} {{ brand.address }}", encoding="utf-8"), "templates/plain.txt"),
    "brand": (lambda p: edit(p, "newsletter.toml", 'name = "Hej"', 'name = "Hallå"'), "newsletter.toml"),
    "sender": (lambda p: edit(p, "newsletter.toml", "Hej <hej@", "Nej <nej@"), "newsletter.toml"),
    "links": (lambda p: edit(p, "newsletter.toml", 'language = "sv"', 'language = "sv"\npublic_url = "https://ny.example.org"'), "newsletter.toml"),
    "rule": (lambda p: edit(p, "subscribers/segments.toml", "'Visby'", "'Lund'"), "subscribers/segments.toml"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_is_named_and_the_first_words_go_on(half, newsletter, what):
    change, file = CHANGES[what]
    first = {words(mail) for mail in mails(half)}
    change(half)
    refused = newsletter("-C", half, "send", "hej", *JULY)
    assert refused.code == 6, refused.err
    assert "G141" in refused.err
    assert file in refused.err
    assert "--resume" in refused.err
    assert len(mails(half)) == 2
    finished = newsletter("-C", half, "send", "hej", "--resume", *JULY, "--json")
    assert (finished.code, finished.data["counts"]["accepted"]) == (0, PEOPLE), finished.out
    assert len(mails(half)) == PEOPLE
    assert {words(mail) for mail in mails(half)} == first
    assert newsletter("-C", half, "status", "hej", "--json", *JULY).data["counts"]["accepted"] == PEOPLE


@pytest.mark.parametrize("what", ["text", "gone", "brand"])
def test_cron_holds_a_begun_send_whose_files_changed_and_says_so_once(half, newsletter, what):
    change, file = CHANGES[what]
    change(half)
    first = newsletter("-C", half, "run", *JULY)
    assert first.code != 0
    assert file.removesuffix(".md") in first.err
    assert "G1" not in newsletter("-C", half, "run", *JULY).err
    assert len(mails(half)) == 2
    assert newsletter("-C", half, "status", "--check", *JULY).code == 7


def test_a_renamed_file_is_no_new_letter(half, newsletter):
    (half / "campaigns/hej.md").rename(half / "campaigns/nytt.md")
    refused = newsletter("-C", half, "send", "nytt", "--confirm", str(PEOPLE), *JULY)
    assert (refused.code, "G144" in refused.err, "--resume" in refused.err) == (6, True, True)
    assert newsletter("-C", half, "run", *JULY).code != 0
    assert mails(half, "nytt") == []
    edit(half, "campaigns/nytt.md", 'status   = "ready"', 'status   = "ready"\nallow    = ["G144"]')
    assert newsletter("-C", half, "send", "nytt", "--confirm", str(PEOPLE), *JULY).code == 0
    assert len(mails(half, "nytt")) == PEOPLE


def test_a_renamed_file_of_what_has_gone_out_has_no_way_out_that_leads_nowhere(small, newsletter):
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 0
    (small / "campaigns/hej.md").rename(small / "campaigns/nytt.md")
    refused = newsletter("-C", small, "send", "nytt", "--confirm", "3", *JULY)
    assert (refused.code, "G144" in refused.err, "--resume" in refused.err) == (6, True, False)
    assert "nothing is left to do" in refused.err


def test_a_folder_with_its_picture_that_is_renamed_is_the_same_letter(small, newsletter):
    from PIL import Image

    folder = small / "campaigns" / "mapp"
    folder.mkdir()
    (small / "campaigns" / "hej.md").unlink()
    Image.new("RGB", (30, 20), "#a3203c").save(folder / "bro.png")
    (folder / "campaign.md").write_text(
        LETTER.replace("::: only visby\nKom till kajen.\n:::", "![Bron](bro.png)"), encoding="utf-8"
    )
    assert newsletter("-C", small, "send", "mapp", "--confirm", "3", *JULY).code == 0
    folder.rename(small / "campaigns" / "annan")
    refused = newsletter("-C", small, "send", "annan", "--confirm", "3", *JULY)
    assert (refused.code, "G144" in refused.err) == (6, True), refused.err


def test_people_who_did_not_get_it_get_the_same_letter_by_another_campaign(small, newsletter):
    """The same words to others are no second mail to anybody."""
    assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 0
    (small / "subscribers" / "andra.csv").write_text("email\nny@example.org\n", encoding="utf-8")
    text = (small / "campaigns" / "hej.md").read_text(encoding="utf-8")
    other = text.replace('"lista"', '"andra"')
    (small / "campaigns" / "hej-andra.md").write_text(other, encoding="utf-8")
    assert newsletter("-C", small, "send", "hej-andra", "--confirm", "1", *JULY).code == 0


# --- amended


def test_amended_the_new_words_go_to_those_who_are_left(half, newsletter):
    edit(half, "campaigns/hej.md", "Visby", "Lund")
    assert newsletter("-C", half, "send", "hej", "--amend", *JULY).code == 6, "nobody said the number"
    assert newsletter("-C", half, "send", "hej", "--amend", "--confirm", str(PEOPLE), *JULY).code == 6
    assert len(mails(half)) == 2
    sent = newsletter("-C", half, "send", "hej", "--amend", "--confirm", "4", *JULY, "--json")
    assert (sent.code, sent.data["total"], sent.data["occurrence"]) == (0, 4, "2"), sent.out
    texts = [mail.as_bytes() for mail in mails(half)]
    assert (sum(b"i Visby." in text for text in texts), sum(b"i Lund." in text for text in texts)) == (2, 4)
    told = newsletter("-C", half, "status", "hej", "--json", *JULY).data
    assert (told["total"], told["state"], told["counts"]["accepted"]) == (PEOPLE, "done", PEOPLE)
    assert sum(told["counts"].values()) == PEOPLE
    first, second = told["occurrences"]
    assert (first["state"], first["total"], first["amended"]) == ("cancelled", PEOPLE, 4)
    assert sum(first["counts"].values()) == PEOPLE
    assert (second["state"], second["total"]) == ("done", 4)
    again = newsletter("-C", half, "send", "hej", "--confirm", "4", *JULY, "--json")
    assert (again.code, again.data["already"]) == (0, True)
    assert newsletter("-C", half, "send", "hej", "--amend", "--confirm", "0", *JULY).code == 6


def test_who_opted_out_meanwhile_is_not_among_those_who_are_left(half, newsletter):
    edit(half, "campaigns/hej.md", "Visby", "Lund")
    got = {mail["To"] for mail in mails(half)}
    gone = next(f"p{n}@example.org" for n in range(PEOPLE) if f"p{n}@example.org" not in str(got))
    assert newsletter("-C", half, "subscriber", "unsubscribe", gone).code == 0
    sent = newsletter("-C", half, "send", "hej", "--amend", "--confirm", "3", *JULY, "--json")
    assert sent.code == 0, sent.out
    assert all(gone not in mail["To"] for mail in mails(half))
    told = newsletter("-C", half, "status", "hej", "--json", *JULY).data
    assert (told["counts"]["accepted"], told["counts"]["suppressed"], told["total"]) == (5, 1, PEOPLE)


def test_nothing_to_amend_is_said(half, small, newsletter):
    refused = newsletter("-C", half, "send", "hej", "--amend", "--confirm", "4", *JULY)
    assert (refused.code, "G129" in refused.err) == (6, True)
    for flag in ("--amend", "--resume"):
        text = LETTER.replace("Kajen", "Annat")
        (half / "campaigns" / "annat.md").write_text(text, encoding="utf-8")
        refused = newsletter("-C", half, "send", "annat", flag, "--confirm", "6", *JULY)
        assert (refused.code, "G126" in refused.err) == (6, True)
    assert newsletter("-C", half, "send", "hej", "--amend", "--resume", *JULY).code == 2


def test_a_typo_in_the_new_words_stops_before_anything_is_closed(half, newsletter):
    edit(half, "campaigns/hej.md", "Visby.", "Visby {{ subscriber.frist_name }}.")
    assert newsletter("-C", half, "send", "hej", "--amend", "--confirm", "4", *JULY).code == 3
    assert newsletter("-C", half, "status", "hej", "--json", *JULY).data["counts"]["ready"] + 2 == PEOPLE


def test_an_amended_send_that_died_goes_on_with_the_new_words(half, newsletter, monkeypatch):
    from newsletter.providers.outbox import Outbox

    edit(half, "campaigns/hej.md", "Visby", "Lund")
    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "hand_over", lambda *_: (_ for _ in ()).throw(MemoryError()))
        assert newsletter("-C", half, "send", "hej", "--amend", "--confirm", "4", *JULY).code == 1
    assert newsletter("-C", half, "send", "hej", *JULY).code == 0
    texts = [mail.as_bytes() for mail in mails(half)]
    assert (sum(b"i Visby." in text for text in texts), sum(b"i Lund." in text for text in texts)) == (2, 4)


# --- steps


def test_a_step_that_was_begun_is_finished_with_the_words_of_its_beginning(small, newsletter, monkeypatch):
    from newsletter.providers.outbox import Outbox

    folder = small / "campaigns" / "tips"
    folder.mkdir()
    (small / "campaigns" / "hej.md").unlink()
    (folder / "sequence.toml").write_text(
        'status = "ready"\nsegment = "lista"\ntemplate = "plain"\n[[step]]\nid = "a"\nwait = "0 days"\n'
        '[[step]]\nid = "b"\nwait = "1 days"\n',
        encoding="utf-8",
    )
    for name in "ab":
        (folder / f"{name}.md").write_text(f'+++\nsubject = "Tips {name}"\n+++\nGammalt.\n', encoding="utf-8")
    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "hand_over", lambda *_: (_ for _ in ()).throw(MemoryError()))
        newsletter("-C", small, "run", *JULY)
    edit(small, "campaigns/tips/a.md", "Gammalt", "Nytt")
    assert newsletter("-C", small, "run", *JULY).code == 0
    assert [b"Gammalt." in mail.as_bytes() for mail in mails(small, "tips/a")] == [True] * 3
    with (small / "subscribers" / "lista.csv").open("a", encoding="utf-8") as file:
        file.write("ny@example.org,Ny,Visby\n")
    assert newsletter("-C", small, "run", *JULY).code == 0
    assert sum(b"Nytt." in mail.as_bytes() for mail in mails(small, "tips/a")) == 1


def test_the_same_bytes_are_kept_once(half, newsletter):
    import sqlite3
    from contextlib import closing

    text = LETTER.replace("Kajen", "Annat")
    (half / "campaigns" / "annat.md").write_text(text, encoding="utf-8")
    with closing(sqlite3.connect(half / ".newsletter/state.db")) as raw:
        before = raw.execute("SELECT count(*) FROM content").fetchone()[0]
        assert newsletter("-C", half, "send", "annat", "--confirm", "6", *JULY).code == 0
        assert raw.execute("SELECT count(*) FROM content").fetchone()[0] == before + 1


def test_a_send_begun_by_an_older_program_goes_on_while_its_files_stay(half, newsletter):
    """It kept nothing: the files finish it, or nobody does."""
    import json
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(half / ".newsletter/state.db")) as raw:
        inputs = json.loads(raw.execute("SELECT inputs FROM run").fetchone()[0])
        kept = {name: inputs[name] for name in ("sources", "rules", "provider", "lists")}
        raw.execute("UPDATE run SET inputs = ?", [json.dumps(kept)])
        raw.commit()
    copy = half.with_name("hej.md")
    shutil.copy(half / "campaigns/hej.md", copy)
    edit(half, "campaigns/hej.md", "Visby", "Lund")
    refused = newsletter("-C", half, "send", "hej", "--resume", *JULY)
    assert (refused.code, "G145" in refused.err) == (6, True)
    shutil.copy(copy, half / "campaigns/hej.md")
    assert newsletter("-C", half, "send", "hej", *JULY).code == 0
    assert len(mails(half)) == PEOPLE


def test_while_somebody_is_at_work_on_it_nothing_is_amended(half, newsletter):
    from newsletter.store.owner import Owner
    from newsletter.store.store import open_store

    edit(half, "campaigns/hej.md", "Visby", "Lund")
    with (
        Owner.take(half / ".newsletter" / "owners") as alive,
        open_store(half / ".newsletter/state.db") as store,
    ):
        (run,) = store.runs("local")
        no = store.ready_batches(run.id, run.created_at)[0]
        ids = [member.id for member in store.batch_members(run.id, no)]
        store.claim(
            run.id, no, ids=ids, late={}, owner=alive.id, attempt_id="a", body_sha256=b"", now=run.created_at
        )
        refused = newsletter("-C", half, "send", "hej", "--amend", "--confirm", "4", *JULY)
        assert (refused.code, "G127" in refused.err) == (6, True), refused.err
    assert newsletter("-C", half, "send", "hej", "--amend", "--confirm", "4", *JULY).code == 0


def test_a_doubt_that_outlives_the_amended_send_is_no_lost_letter(half, newsletter, monkeypatch):
    from newsletter.providers.outbox import Outbox

    edit(half, "campaigns/hej.md", "Visby", "Lund")
    with monkeypatch.context() as blind:
        blind.setattr(Outbox, "evidence", lambda *_: None)
        assert newsletter("-C", half, "send", "hej", "--amend", "--confirm", "2", *JULY).code == 0
    told = newsletter("-C", half, "status", "hej", "--json", *JULY).data
    assert (told["counts"]["unknown"], told["total"], len(told["unknown"])) == (2, PEOPLE, 2)
    assert newsletter("-C", half, "status", "--check", *JULY).code == 7
    resolved = newsletter("-C", half, "resolve", "hej", "--json", *JULY)
    assert (resolved.code, resolved.data["by_evidence"], resolved.data["ready"]) == (0, 2, 2)
    refused = newsletter("-C", half, "send", "hej", *JULY)
    assert (refused.code, "G128" in refused.err) == (6, True), refused.err
    assert newsletter("-C", half, "send", "hej", "--amend", "--confirm", "2", *JULY).code == 0
    texts = [mail.as_bytes() for mail in mails(half)]
    assert (sum(b"i Visby." in text for text in texts), sum(b"i Lund." in text for text in texts)) == (2, 4)
    told = newsletter("-C", half, "status", "hej", "--json", *JULY).data
    assert (told["state"], told["counts"]["accepted"], told["total"]) == ("done", PEOPLE, PEOPLE)


def test_who_was_in_doubt_and_is_left_can_be_let_go(half, newsletter, monkeypatch):
    """The other way out of G128: they get neither text."""
    from newsletter.providers.outbox import Outbox

    edit(half, "campaigns/hej.md", "Visby", "Lund")
    with monkeypatch.context() as blind:
        blind.setattr(Outbox, "evidence", lambda *_: None)
        assert newsletter("-C", half, "send", "hej", "--amend", "--confirm", "2", *JULY).code == 0
    assert newsletter("-C", half, "cancel", "hej", *JULY).code == 6, "who is in doubt is no matter of this"
    assert newsletter("-C", half, "resolve", "hej", *JULY).code == 0
    assert "G128" in newsletter("-C", half, "send", "hej", *JULY).err
    ended = newsletter("-C", half, "cancel", "hej", *JULY)
    assert (ended.code, "hej: cancelled" in ended.out) == (0, True), ended.out + ended.err
    told = newsletter("-C", half, "status", "hej", "--json", *JULY).data
    assert (told["state"], told["counts"]["accepted"], told["counts"]["suppressed"]) == ("done", 4, 2)
    assert newsletter("-C", half, "status", "--check", *JULY).code == 0
    again = newsletter("-C", half, "send", "hej", "--json", *JULY)
    assert (again.code, again.data["already"], len(mails(half))) == (0, True, 4)
    assert newsletter("-C", half, "cancel", "hej", *JULY).code == 6
