"""What runs are finished from: files by their hash, and which letter a run is, wherever its files lie."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from newsletter.store.people import identified
from newsletter.store.sqlite import explode, insert
from newsletter.store.tables import batch, content, letter, member, outcome, run, subscriber
from newsletter.store.values import NewRun, SameLetter

_KEEP = insert(content).on_conflict_do_nothing()
_BODY = select(content.c.body).where(content.c.sha256 == bindparam("hash"))

_ids = explode(member.c.ids)
_SAME = (
    select(run.c.id, run.c.campaign, run.c.created_at)
    .select_from(run.join(letter, letter.c.run_id == run.c.id))
    .where(
        letter.c.sha256 == bindparam("letter"),
        run.c.env == bindparam("env"),
        run.c.campaign != bindparam("campaign"),
    )
    .order_by(run.c.id)
)
# Everybody of that run but those who certainly don't have it and won't get it.
_BOTH = (
    select(sa.func.count())
    .select_from(
        member.join(_ids, sa.true())
        .join(subscriber, subscriber.c.id == _ids.c.value)
        .join(identified, identified.c.id == subscriber.c.id)
        .join(batch, sa.and_(batch.c.run_id == member.c.run_id, batch.c.no == member.c.no))
        .outerjoin(
            outcome, sa.and_(outcome.c.run_id == member.c.run_id, outcome.c.subscriber_id == _ids.c.value)
        )
    )
    .where(
        member.c.run_id == bindparam("run"),
        sa.func.coalesce(outcome.c.state, batch.c.state).in_(["ready", "inflight", "accepted", "unknown"]),
    )
)


def keep(conn: sa.Connection, run_id: int, new: NewRun) -> None:
    """The run's files, each once however many runs have it, and its letter."""
    if new.files:
        rows = [{"sha256": bytes.fromhex(name), "body": body} for name, body in sorted(new.files.items())]
        conn.execute(_KEEP, rows)
    if new.letter:
        conn.execute(sa.insert(letter), {"run_id": run_id, "sha256": bytes.fromhex(new.letter)})


def bodies(conn: sa.Connection, hashes: Collection[str]) -> dict[str, bytes]:
    """The bytes by their hash (hex). Raises KeyError for one that was never kept."""
    found: dict[str, bytes] = {}
    for name in hashes:
        body = conn.execute(_BODY, {"hash": bytes.fromhex(name)}).scalar_one_or_none()
        if body is None:
            raise KeyError(name)
        found[name] = body
    return found


def refuse_same_letter(conn: sa.Connection, new: NewRun, *, sequence: str = "") -> None:
    """Raises SameLetter when somebody in `identified` has this very letter, or is to get it, by another campaign.

    sequence: whose step it is; its other steps are not compared: whoever writes the same twice there means it
    """
    if not new.letter or new.again:
        return
    asked = {"letter": bytes.fromhex(new.letter), "env": new.env, "campaign": new.campaign}
    for other in conn.execute(_SAME, asked).all():
        if sequence and other.campaign.startswith(f"{sequence}/"):
            continue
        if people := int(conn.execute(_BOTH, {"run": other.id}).scalar_one()):
            raise SameLetter(other.campaign, other.created_at, people)
