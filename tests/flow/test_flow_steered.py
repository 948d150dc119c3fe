"""Steering by hand what a tick has begun, and events that come for messages of this ledger."""

from datetime import UTC, datetime

import pytest

JULY = ("--now", "2015-07-03T09:00")
NOW = datetime(2015, 7, 3, 8, tzinfo=UTC)


@pytest.fixture
def begun_step(small, newsletter, monkeypatch):
    """A step was frozen for three and handed to nobody."""
    from newsletter.providers.outbox import Outbox

    folder = small / "campaigns" / "tips"
    folder.mkdir()
    (small / "campaigns" / "hej.md").unlink()
    (folder / "sequence.toml").write_text(
        'status = "ready"\nsegment = "lista"\ntemplate = "plain"\n[[step]]\nid = "a"\nwait = "0 days"\n',
        encoding="utf-8",
    )
    (folder / "a.md").write_text('+++\nsubject = "Tips"\n+++\nHej!\n', encoding="utf-8")
    with monkeypatch.context() as broken:
        broken.setattr(Outbox, "hand_over", lambda *_: (_ for _ in ()).throw(MemoryError()))
        newsletter("-C", small, "run", *JULY)
    newsletter("-C", small, "resolve", "tips", *JULY)
    return small


@pytest.mark.parametrize("name", ["tips", "tips/a"])
def test_a_step_is_paused_and_goes_on(begun_step, newsletter, name):
    paused = newsletter("-C", begun_step, "pause", name, "--reason", "vänta", *JULY)
    assert (paused.code, "0 of 3 already went, 3 wait" in paused.out) == (0, True), paused.out
    with (begun_step / "subscribers" / "lista.csv").open("a", encoding="utf-8") as file:
        file.write("ny@example.org,Ny,Visby\n")
    assert newsletter("-C", begun_step, "run", *JULY).code == 0
    assert list(begun_step.rglob("*.eml")) == [], "nor to whoever comes next by that step"
    assert "vänta" in newsletter("-C", begun_step, "status", "tips", *JULY).out
    assert newsletter("-C", begun_step, "status", "tips", "--check", *JULY).code == 7
    assert newsletter("-C", begun_step, "status", "--check", *JULY).code == 7
    assert newsletter("-C", begun_step, "resume", name, *JULY).code == 0
    assert newsletter("-C", begun_step, "run", *JULY).code == 0
    assert len(list(begun_step.rglob("*.eml"))) == 4


def test_a_sequence_of_which_nothing_is_under_way_is_steered_by_its_file(begun_step, newsletter):
    assert newsletter("-C", begun_step, "run", *JULY).code == 0
    told = newsletter("-C", begun_step, "pause", "tips", *JULY)
    assert (told.code, 'status = "paused"' in told.out) == (0, True)


# --- events


@pytest.fixture
def doubted(small, newsletter, monkeypatch):
    """All three in doubt; the ledger, its secret, and what the messages are called."""
    from newsletter.delivery.ledger import open_ledger
    from newsletter.files.project import Project
    from newsletter.mail.links import sid
    from newsletter.providers.outbox import Outbox
    from newsletter.settings.load import load_settings

    with monkeypatch.context() as blind:
        blind.setattr(Outbox, "hand_over", lambda *_: (_ for _ in ()).throw(MemoryError()))
        assert newsletter("-C", small, "send", "hej", "--confirm", "3", *JULY).code == 1
    project = Project(small)
    store, secret = open_ledger(project, load_settings(project))
    store.sweep(lambda _owner: False, NOW)
    (run,) = store.runs("local")
    (batch,) = store.unknown_batches(run.id)
    names = [sid(secret, run.id, one, store.ledger_id, run.epoch) for one in batch.ids]
    yield store, secret, names, batch.attempt_id
    store.close()


def test_events_settle_doubts_and_are_shown(small, newsletter, doubted):
    from newsletter.delivery.resolve import Told, settle_by_event
    from newsletter.store.values import Heard

    store, secret, (first, second, _), attempt = doubted
    assert settle_by_event(store, secret, Told(first, attempt, "accepted", NOW), NOW) is Heard.SETTLED
    assert settle_by_event(store, secret, Told(first, attempt, "accepted", NOW), NOW) is Heard.KNOWN
    bounced = Told(second, attempt, "bounced", NOW, "5.1.1 no such mailbox")
    assert settle_by_event(store, secret, bounced, NOW) is Heard.SETTLED
    told = newsletter("-C", small, "status", "hej", "--json", *JULY).data
    assert (told["counts"]["accepted"], told["counts"]["unknown"], len(told["unknown"])) == (2, 1, 1)
    gone = (
        set(newsletter("-C", small, "segment", "show", "lista", "--json").out.split()) and told["unknown"][0]
    )
    shown = newsletter("-C", small, "subscriber", "show", gone, "--json").data["received"]
    assert [(one["state"], len(one["attempts"]), one["events"]) for one in shown] == [("unknown", 1, [])]


def test_events_of_strangers_change_nothing(doubted):
    from newsletter.delivery.resolve import Told, settle_by_event
    from newsletter.mail.links import sid
    from newsletter.settings.secret import throwaway_secret
    from newsletter.store.values import Heard

    store, secret, (first, *_), attempt = doubted
    (run,) = store.runs("local")
    foreign = [
        Told("nonsense", attempt, "accepted", NOW),
        Told(first, "another", "accepted", NOW),
        Told(sid(throwaway_secret(), run.id, 1, store.ledger_id, 1), attempt, "accepted", NOW),
        Told(sid(secret, run.id, 1, "another ledger", 1), attempt, "accepted", NOW),
        Told(sid(secret, run.id, 1, store.ledger_id, 2), attempt, "accepted", NOW),
        Told(sid(secret, 99, 1, store.ledger_id, 1), attempt, "accepted", NOW),
    ]
    for one in foreign:
        assert settle_by_event(store, secret, one, NOW) is Heard.FOREIGN
    store.take_over(NOW)
    assert settle_by_event(store, secret, Told(first, attempt, "accepted", NOW), NOW) is Heard.SETTLED, (
        "its run's epoch"
    )
    assert store.counts(run.id).unknown == 2


def test_who_got_two_is_named(small, newsletter, doubted):
    from newsletter.delivery.resolve import Told, settle_by_event
    from newsletter.store.values import Heard

    store, secret, names, attempt = doubted
    assert newsletter("-C", small, "resolve", "hej", "--resend-unknown", *JULY).code == 0
    assert newsletter("-C", small, "send", "hej", *JULY).code == 0
    assert settle_by_event(store, secret, Told(names[0], attempt, "accepted", NOW), NOW) is Heard.TWICE
    told = newsletter("-C", small, "status", "hej", *JULY)
    assert "got two" in told.out
    data = newsletter("-C", small, "status", "hej", "--json", *JULY).data
    assert (len(data["twice"]), data["counts"]["accepted"], data["total"]) == (1, 3, 3)
    shown = newsletter("-C", small, "subscriber", "show", data["twice"][0])
    assert shown.out.count("handed over") == 2
    assert "the provider told" in shown.out
