"""The ledger's tables: frozen members once, a state per batch, a row only for whoever differs from the batch.

Instants are unix milliseconds (UTC), identities 16-byte HMACs; no address stands outside `subscriber`.
A change here is a new step in `migrations/`; a test holds both to the same schema.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
    literal_column,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(instant: datetime) -> int:
    """Unix milliseconds of an aware datetime, rounded down; exact, without floats."""
    return (instant - _EPOCH) // _MILLISECOND


class Instant(TypeDecorator[datetime]):
    """An aware datetime in Python, unix milliseconds in the database: sorts alike in every collation."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the base's
        return None if value is None else milliseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base's
        return None if value is None else _EPOCH + int(value) * _MILLISECOND


# SQLite gives ids by itself only to a column that is exactly INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")

# Words for WHERE, as literals: a bound state hides the partial indexes from a generic plan (PostgreSQL).
READY = literal_column("'ready'", Text)
INFLIGHT = literal_column("'inflight'", Text)
ACCEPTED = literal_column("'accepted'", Text)
REJECTED = literal_column("'rejected'", Text)
SUPPRESSED = literal_column("'suppressed'", Text)
UNKNOWN = literal_column("'unknown'", Text)
ACTIVE = literal_column("'active'", Text)
SENDING = literal_column("'sending'", Text)


def _one_of(column: str, *words: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(word) for word in words)})", name=f"{column}_known")


metadata = MetaData(
    naming_convention={
        "ck": "%(table_name)s_%(constraint_name)s",
        "ix": "%(table_name)s_%(column_0_N_name)s",
    }
)

meta = Table(
    "meta",  # ledger_id, epoch, secret (the fingerprint of the one that keys every hmac)
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

run = Table(
    "run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("env", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("occurrence", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("plan_hash", Text, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("total", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("env", "campaign", "occurrence", name="run_once"),
    _one_of("state", "sending", "paused", "done", "cancelled"),
    sqlite_autoincrement=True,  # an id is in messages for ever: never give it twice
)

excluded = Table(
    "excluded",  # candidates = run.total + sum(n)
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("reason", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    sqlite_with_rowid=False,
)

batch = Table(
    "batch",  # hot: what a request carries
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("owner", BigInteger),
    Column("attempt_id", Text),
    Column("tries", Integer, nullable=False),
    _one_of("state", "ready", "inflight", "accepted", "rejected", "suppressed", "unknown"),
    sqlite_with_rowid=False,
)
Index(
    "batch_ready",
    batch.c.run_id,
    batch.c.not_before,
    sqlite_where=batch.c.state == READY,
    postgresql_where=batch.c.state == READY,
)
Index(
    "batch_owner",
    batch.c.owner,
    sqlite_where=batch.c.state == INFLIGHT,
    postgresql_where=batch.c.state == INFLIGHT,
)

member = Table(
    "member",  # cold: who is in it; ids ascending, ranges of one lane never overlap
    metadata,
    Column("run_id", Id, primary_key=True, autoincrement=False),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("lane", Integer, nullable=False),
    Column("lo", BigInteger, nullable=False),
    Column("hi", BigInteger, nullable=False),
    Column("ids", JSON, nullable=False),
    ForeignKeyConstraint(["run_id", "no"], ["batch.run_id", "batch.no"]),
    Index("member_lane", "run_id", "lane", "lo"),
)

outcome = Table(
    "outcome",  # the exception: a recipient whose state differs from the batch's
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column(
        "subscriber_id", Id, primary_key=True, autoincrement=False
    ),  # no key: it outlives a forgotten person
    Column("no", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempt_id", Text),
    Column("at", Instant, nullable=False),
    _one_of("state", "accepted", "rejected", "suppressed", "unknown"),
    Index("outcome_batch", "run_id", "no"),
    sqlite_with_rowid=False,
)

attempt = Table(
    "attempt",  # one handing over, written ahead; never overwritten by another
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Id, ForeignKey("run.id"), nullable=False),
    Column("no", Integer, nullable=False),
    Column("owner", BigInteger, nullable=False),
    Column("body_sha256", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Integer),
    Column("provider_id", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),  # null: nobody saw its end
    _one_of("state", "inflight", "accepted", "rejected", "ready", "unknown"),
    Index("attempt_batch", "run_id", "no"),
)

content = Table(
    "content",  # what runs are finished from, file by file; the same bytes stand once, however many runs
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

letter = Table(
    "letter",  # what a run says, wherever its files lie: a renamed campaign says the same
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("sha256", LargeBinary, nullable=False),
    Index("letter_sha256", "sha256"),
    sqlite_with_rowid=False,
)

halt = Table(
    "halt",  # why a run stands still, or was ended before its end; no row: it does not
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("word", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    _one_of("word", "paused", "cancelled", "amended"),
    sqlite_with_rowid=False,
)

canary = Table(
    "canary",  # people up to `last_id` go first; the others wait until it has passed
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("last_id", BigInteger, nullable=False),
    Column("passed_at", Instant),  # when it was judged; of one that failed the run is paused then
    sqlite_with_rowid=False,
)

event_ = Table(
    "event",  # what a provider told of single messages, each once
    metadata,
    Column("at", Instant, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, primary_key=True),
    Column("run_id", Id, ForeignKey("run.id"), nullable=False),
    Column("subscriber_id", Id, nullable=False),
    Column("attempt_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("whole", Boolean, nullable=False),  # it proves the whole request, not this message only
    Column("detail", Text, nullable=False),
    _one_of("kind", "accepted", "bounced"),
    Index("event_person", "run_id", "subscriber_id", "kind"),
    Index("event_attempt", "attempt_id"),
    sqlite_with_rowid=False,
)

subscriber = Table(
    "subscriber",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hmac", LargeBinary, nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("email", Text, nullable=False),
    sqlite_autoincrement=True,  # a forgotten person's id stays in old members: nobody else may get it
)

suppression = Table(
    "suppression",  # what holds now; how it came to that stands in `opt_out`
    metadata,
    Column("hmac", LargeBinary, primary_key=True),
    Column("scope", Text, primary_key=True),  # '*' or a list
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

opt_out = Table(
    "opt_out",  # the history: every opt-out, and every one taken back
    metadata,
    Column("id", Text, primary_key=True),
    Column("hmac", LargeBinary, nullable=False),
    Column("scope", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", Instant, nullable=False),
    _one_of("act", "suppress", "lift"),
    Index("opt_out_person", "hmac", "at"),
    sqlite_with_rowid=False,
)

consent = Table(
    "consent",  # who said yes, where, to what and when
    metadata,
    Column(
        "digest", LargeBinary, primary_key=True
    ),  # of all that follows but `recorded_at`: each stands once
    Column("hmac", LargeBinary, nullable=False),
    Column("list", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("text_version", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("given_at", Instant),
    Column("recorded_at", Instant, nullable=False),
    Index("consent_person", "hmac"),
    sqlite_with_rowid=False,
)

for _kept in (opt_out, consent):
    for _verb in ("UPDATE", "DELETE"):
        _refuse = DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER {_kept.name}_no_{_verb.lower()} BEFORE {_verb} ON {_kept.name} "
            f"BEGIN SELECT RAISE(ABORT, '{_kept.name} is append-only'); END"
        )
        event.listen(_kept, "after_create", _refuse.execute_if(dialect="sqlite"))

enrolment = Table(
    "enrolment",  # each person once per sequence, for ever; when a step is due is computed, never stored
    metadata,
    Column("env", Text, primary_key=True),
    Column("sequence", Text, primary_key=True),
    Column("subscriber_id", Id, primary_key=True, autoincrement=False),
    Column("step", Text),
    Column("run_id", Id, ForeignKey("run.id")),
    Column("entered_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("ended_at", Instant),
    _one_of("state", "active", "finished", "exited", "rejected", "opted_out"),
    sqlite_with_rowid=False,
)

notice = Table(
    "notice",  # what was said once
    metadata,
    Column("env", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

debit = Table(
    "debit",  # how many were claimed, for limits: at a moment (`second`), or since a day began (`day`)
    metadata,
    Column("scope", Text, primary_key=True),  # of which environment, and whose limit it is
    Column("kind", Text, primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("n", Integer, nullable=False),
    _one_of("kind", "second", "day"),
    sqlite_with_rowid=False,
)

rest = Table(
    "rest",  # until when a provider is left alone, because it said so
    metadata,
    Column("scope", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)
