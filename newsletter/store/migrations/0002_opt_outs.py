"""Step 2: opt-outs keep their history, and consent is written down; both can only grow."""

import sqlalchemy as sa
from sqlalchemy import Column

metadata = sa.MetaData()

opt_out = sa.Table(
    "opt_out",
    metadata,
    Column("id", sa.Text, primary_key=True),
    Column("hmac", sa.LargeBinary, nullable=False),
    Column("scope", sa.Text, nullable=False),
    Column("act", sa.Text, nullable=False),
    Column("reason", sa.Text, nullable=False),
    Column("source", sa.Text, nullable=False),
    Column("at", sa.BigInteger, nullable=False),
    sa.CheckConstraint("act IN ('suppress', 'lift')", name="opt_out_act_known"),
    sa.Index("opt_out_person", "hmac", "at"),
    sqlite_with_rowid=False,
)
sa.Table(
    "consent",
    metadata,
    Column("digest", sa.LargeBinary, primary_key=True),
    Column("hmac", sa.LargeBinary, nullable=False),
    Column("list", sa.Text, nullable=False),
    Column("source", sa.Text, nullable=False),
    Column("text_version", sa.Text, nullable=False),
    Column("proof", sa.Text, nullable=False),
    Column("given_at", sa.BigInteger),
    Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Index("consent_person", "hmac"),
    sqlite_with_rowid=False,
)


def upgrade(conn: sa.Connection) -> None:
    """Make both tables; what is suppressed already begins the history."""
    metadata.create_all(conn, checkfirst=False)
    conn.exec_driver_sql(
        "INSERT INTO opt_out (id, hmac, scope, act, reason, source, at) "
        "SELECT lower(hex(randomblob(16))), hmac, scope, 'suppress', reason, source, at FROM suppression"
    )
    for table in ("opt_out", "consent"):
        for verb in ("UPDATE", "DELETE"):
            conn.exec_driver_sql(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
