"""The copy's tables. It is derived: when its shape is not this one, it is made anew from the files.

`entry` is what segments scan, one row a row of a list, narrow; `said` holds the texts, asked for by id.
Whoever stands in one row is that row (`lead`); for whoever stands in several, a row of version 0 leads.
A column of a list is a column `c<id>` here, by name and type in `attribute`: typeless, as SQLite allows.
"""

import sqlalchemy as sa
from sqlalchemy import JSON, Column, Index, Integer, LargeBinary, Text

SHAPE = 5  # raised with every change of these tables, of what they mean, or of which cells can be read by their types
MERGED = 0  # the version of rows that stand for several

metadata = sa.MetaData()

listed = sa.Table(
    "list",  # a list as loaded; while a new version is loaded, the old one holds
    metadata,
    Column("version", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("types", Text, nullable=False),  # how its columns were read: kinds and zone
    Column("state", Text, nullable=False),  # loading, current, refused
    Column("line", Integer, nullable=False),  # loaded up to here
    Column("rows", Integer, nullable=False),
    Column("columns", JSON, nullable=False),
    Column("findings", JSON, nullable=False),
    Column(
        "outside", Integer, nullable=False
    ),  # line of the first address in a domain that is not reserved, or 0
)

known = (
    sa.Table(  # what is known of the copy as a whole, as JSON: the clashes of lists, the secret's fingerprint
        "known", metadata, Column("name", Text, primary_key=True), Column("value", JSON, nullable=False)
    )
)

attribute = sa.Table(
    "attribute",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column(
        "type", Text, nullable=False
    ),  # text (folded), number, date and day (ordinals), instant (µs), bool
    sa.UniqueConstraint("name", "type"),
)

entry = sa.Table(
    "entry",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("lead", Integer, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("h31", Integer, nullable=False),  # the person's number, for samples and for finding the key
    Column("key", Text, nullable=False),
    Column("hmac", LargeBinary),  # null where no secret was at hand
)
entry_person = Index("entry_person", entry.c.h31, entry.c.version)

said = sa.Table(
    "said",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("email", Text),  # null where it is the key
    Column("address", Text),  # null where it is the key
    Column("standing", Text, nullable=False),
    Column("data", Text, nullable=False),  # its cells' texts and its tags, as `written.Layout` reads them
)

kind = sa.Table(
    "kind",  # what the waterfall asks of a person; few people differ in it
    metadata,
    Column("id", Integer, primary_key=True),
    Column("facts", Text, nullable=False, unique=True),
)

kind_list = sa.Table(
    "kind_list",
    metadata,
    Column("list", Text, primary_key=True),
    Column("kind", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

tag_name = sa.Table(
    "tag_name",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("folded", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
)

tag = sa.Table(
    "tag",
    metadata,
    Column("tag", Integer, primary_key=True),
    Column("entry", Integer, primary_key=True),
    sqlite_with_rowid=False,
)
