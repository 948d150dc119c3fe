"""Step 3: counts for limits per second and per day, and until when a provider is left alone."""

import sqlalchemy as sa
from sqlalchemy import Column

metadata = sa.MetaData()

sa.Table(
    "debit",
    metadata,
    Column("scope", sa.Text, primary_key=True),
    Column("kind", sa.Text, primary_key=True),
    Column("at", sa.BigInteger, primary_key=True),
    Column("n", sa.Integer, nullable=False),
    sa.CheckConstraint("kind IN ('second', 'day')", name="debit_kind_known"),
    sqlite_with_rowid=False,
)
sa.Table(
    "rest",
    metadata,
    Column("scope", sa.Text, primary_key=True),
    Column("since", sa.BigInteger, nullable=False),
    Column("until", sa.BigInteger, nullable=False),
    Column("reason", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)


def upgrade(conn: sa.Connection) -> None:
    """Make both tables, empty."""
    metadata.create_all(conn, checkfirst=False)
