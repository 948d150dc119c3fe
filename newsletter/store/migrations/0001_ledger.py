"""Step 1: the ledger. A copy of the tables as they were then; it never changes, `store/tables.py` does."""

import secrets

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey

metadata = sa.MetaData()
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _one_of(table: str, *words: str) -> sa.CheckConstraint:
    known = ", ".join(repr(word) for word in words)
    return sa.CheckConstraint(f"state IN ({known})", name=f"{table}_state_known")


sa.Table(
    "meta",
    metadata,
    Column("name", sa.Text, primary_key=True),
    Column("value", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
sa.Table(
    "run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("env", sa.Text, nullable=False),
    Column("campaign", sa.Text, nullable=False),
    Column("occurrence", sa.Text, nullable=False),
    Column("state", sa.Text, nullable=False),
    Column("content_hash", sa.Text, nullable=False),
    Column("plan_hash", sa.Text, nullable=False),
    Column("inputs", sa.JSON, nullable=False),
    Column("total", sa.Integer, nullable=False),
    Column("epoch", sa.Integer, nullable=False),
    Column("created_at", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("env", "campaign", "occurrence", name="run_once"),
    _one_of("run", "sending", "paused", "done", "cancelled"),
    sqlite_autoincrement=True,
)
sa.Table(
    "excluded",
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("reason", sa.Text, primary_key=True),
    Column("n", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
batch = sa.Table(
    "batch",
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("no", sa.Integer, primary_key=True, autoincrement=False),
    Column("state", sa.Text, nullable=False),
    Column("n", sa.Integer, nullable=False),
    Column("not_before", sa.BigInteger, nullable=False),
    Column("owner", sa.BigInteger),
    Column("attempt_id", sa.Text),
    Column("tries", sa.Integer, nullable=False),
    _one_of("batch", "ready", "inflight", "accepted", "rejected", "suppressed", "unknown"),
    sqlite_with_rowid=False,
)
for name, columns, where in (
    ("batch_ready", (batch.c.run_id, batch.c.not_before), sa.text("state = 'ready'")),
    ("batch_owner", (batch.c.owner,), sa.text("state = 'inflight'")),
):
    sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)
sa.Table(
    "member",
    metadata,
    Column("run_id", Id, primary_key=True, autoincrement=False),
    Column("no", sa.Integer, primary_key=True, autoincrement=False),
    Column("lane", sa.Integer, nullable=False),
    Column("lo", sa.BigInteger, nullable=False),
    Column("hi", sa.BigInteger, nullable=False),
    Column("ids", sa.JSON, nullable=False),
    sa.ForeignKeyConstraint(["run_id", "no"], ["batch.run_id", "batch.no"]),
    sa.Index("member_lane", "run_id", "lane", "lo"),
)
sa.Table(
    "outcome",
    metadata,
    Column("run_id", Id, ForeignKey("run.id"), primary_key=True, autoincrement=False),
    Column("subscriber_id", Id, primary_key=True, autoincrement=False),
    Column("no", sa.Integer, nullable=False),
    Column("state", sa.Text, nullable=False),
    Column("reason", sa.Text, nullable=False),
    Column("attempt_id", sa.Text),
    Column("at", sa.BigInteger, nullable=False),
    _one_of("outcome", "accepted", "rejected", "suppressed", "unknown"),
    sa.Index("outcome_batch", "run_id", "no"),
    sqlite_with_rowid=False,
)
sa.Table(
    "attempt",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("run_id", Id, ForeignKey("run.id"), nullable=False),
    Column("no", sa.Integer, nullable=False),
    Column("owner", sa.BigInteger, nullable=False),
    Column("body_sha256", sa.LargeBinary, nullable=False),
    Column("state", sa.Text, nullable=False),
    Column("status", sa.Integer),
    Column("provider_id", sa.Text, nullable=False),
    Column("detail", sa.JSON, nullable=False),
    Column("started_at", sa.BigInteger, nullable=False),
    Column("ended_at", sa.BigInteger),
    _one_of("attempt", "inflight", "accepted", "rejected", "ready", "unknown"),
    sa.Index("attempt_batch", "run_id", "no"),
)
sa.Table(
    "subscriber",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hmac", sa.LargeBinary, nullable=False, unique=True),
    Column("key", sa.Text, nullable=False),
    Column("email", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)
sa.Table(
    "suppression",
    metadata,
    Column("hmac", sa.LargeBinary, primary_key=True),
    Column("scope", sa.Text, primary_key=True),
    Column("reason", sa.Text, nullable=False),
    Column("source", sa.Text, nullable=False),
    Column("at", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
sa.Table(
    "enrolment",
    metadata,
    Column("env", sa.Text, primary_key=True),
    Column("sequence", sa.Text, primary_key=True),
    Column("subscriber_id", Id, primary_key=True, autoincrement=False),
    Column("step", sa.Text),
    Column("run_id", Id, ForeignKey("run.id")),
    Column("entered_at", sa.BigInteger, nullable=False),
    Column("state", sa.Text, nullable=False),
    Column("ended_at", sa.BigInteger),
    _one_of("enrolment", "active", "finished", "exited", "rejected", "opted_out"),
    sqlite_with_rowid=False,
)
sa.Table(
    "notice",
    metadata,
    Column("env", sa.Text, primary_key=True),
    Column("subject", sa.Text, primary_key=True),
    Column("what", sa.Text, primary_key=True),
    Column("at", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


def upgrade(conn: sa.Connection) -> None:
    """Make the tables and give the ledger its identity: an id of its own and epoch 1."""
    metadata.create_all(conn, checkfirst=False)
    conn.execute(
        sa.insert(metadata.tables["meta"]),
        [{"name": "ledger_id", "value": secrets.token_hex(8)}, {"name": "epoch", "value": "1"}],
    )
