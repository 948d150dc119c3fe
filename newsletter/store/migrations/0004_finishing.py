"""Step 4: what a begun send is finished from, why it stands still, its canary, and what providers tell of it."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey

metadata = sa.MetaData()
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# The tables of earlier steps that are referred to; they are there already.
run = sa.Table("run", metadata, Column("id", Id, primary_key=True))

content = sa.Table(
    "content",
    metadata,
    Column("sha256", sa.LargeBinary, primary_key=True),
    Column("body", sa.LargeBinary, nullable=False),
)
letter = sa.Table(
    "letter",
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("sha256", sa.LargeBinary, nullable=False),
    sa.Index("letter_sha256", "sha256"),
    sqlite_with_rowid=False,
)
halt = sa.Table(
    "halt",
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("word", sa.Text, nullable=False),
    Column("reason", sa.Text, nullable=False),
    Column("at", sa.BigInteger, nullable=False),
    sa.CheckConstraint("word IN ('paused', 'cancelled', 'amended')", name="halt_word_known"),
    sqlite_with_rowid=False,
)
canary = sa.Table(
    "canary",
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("last_id", sa.BigInteger, nullable=False),
    Column("passed_at", sa.BigInteger),
    sqlite_with_rowid=False,
)
event = sa.Table(
    "event",
    metadata,
    Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("digest", sa.LargeBinary, primary_key=True),
    Column("run_id", Id, ForeignKey("run.id"), nullable=False),
    Column("subscriber_id", Id, nullable=False),
    Column("attempt_id", sa.Text, nullable=False),
    Column("kind", sa.Text, nullable=False),
    Column("whole", sa.Boolean, nullable=False),
    Column("detail", sa.Text, nullable=False),
    sa.CheckConstraint("kind IN ('accepted', 'bounced')", name="event_kind_known"),
    sa.Index("event_person", "run_id", "subscriber_id", "kind"),
    sa.Index("event_attempt", "attempt_id"),
    sqlite_with_rowid=False,
)


def upgrade(conn: sa.Connection) -> None:
    """Make the tables; a send that was begun before has nothing in them, and goes on as it did."""
    metadata.create_all(conn, tables=[content, letter, halt, canary, event], checkfirst=False)
