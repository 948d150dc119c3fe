"""People chosen by a query on the copy, in order of their address keys, read when they are asked for."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import sqlalchemy as sa

from newsletter.audience.models import Subscriber
from newsletter.store.loaded.tables import entry, said

if TYPE_CHECKING:
    from newsletter.store.loaded.lists import LoadedLists

_PAGE = 1_000


class Chosen(Sequence[Subscriber]):
    """People by address key, each read when it is asked for; nobody is held in memory."""

    def __init__(self, lists: "LoadedLists", number: int | None, chosen: sa.Select[Any]) -> None:
        """number: how many `chosen` (of `entry.id`) finds; None: counted when it is asked for"""
        self._lists, self._counted, self._chosen = lists, number, chosen
        self._kept: sa.Table | None = None

    def __len__(self) -> int:
        return self._number

    @property
    def _number(self) -> int:
        if self._counted is None:  # whoever asks for one person must not wait for a walk over a million
            asked = sa.select(sa.func.count()).select_from(self._chosen.subquery())
            self._counted = int(self._lists.conn.execute(asked).scalar_one())
        return self._counted

    @property
    def _table(self) -> sa.Table:
        if self._kept is None:
            self._kept = self._lists.temporary(self._chosen.order_by(entry.c.key))
        return self._kept

    @overload
    def __getitem__(self, asked: int) -> Subscriber: ...
    @overload
    def __getitem__(self, asked: slice) -> Sequence[Subscriber]: ...
    def __getitem__(self, asked: int | slice) -> Subscriber | Sequence[Subscriber]:
        places = range(1, self._number + 1)[asked]
        if isinstance(places, int):
            return self._page([places])[0]
        return tuple(self._page(places))

    def __iter__(self) -> Iterator[Subscriber]:
        for start in range(1, self._number + 1, _PAGE):
            yield from self._page(range(start, min(start + _PAGE, self._number + 1)))

    def _page(self, places: Sequence[int]) -> list[Subscriber]:
        table = self._table
        ids: dict[int, int] = {}
        for start in range(0, len(places), _PAGE):
            page = places[start : start + _PAGE]
            asked = sa.select(table.c.place, table.c.id).where(table.c.place.between(min(page), max(page)))
            if not isinstance(page, range) or abs(page.step) > 1:
                asked = asked.where(table.c.place.in_(page))
            ids.update((row.place, row.id) for row in self._lists.conn.execute(asked))
        return self._lists.by_ids([ids[place] for place in places]) if places else []

    def identities(self) -> Iterator[tuple[str, str, bytes | None]]:
        """Address key, address as typed, and HMAC where the copy is keyed, in the same order; fast."""
        table = self._table
        asked = (
            sa.select(entry.c.key, sa.func.coalesce(said.c.email, entry.c.key).label("email"), entry.c.hmac)
            .select_from(table.join(entry, entry.c.id == table.c.id).join(said, said.c.id == table.c.id))
            .order_by(table.c.place)
        )
        for row in self._lists.conn.execute(asked, execution_options={"yield_per": _PAGE}):
            yield row.key, row.email, row.hmac
