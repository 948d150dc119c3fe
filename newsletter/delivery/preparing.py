"""From the members of a batch to parcels that can be handed over, and why the others must not go."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from newsletter.check.workspace import Workspace
from newsletter.delivery.edition import Edition
from newsletter.delivery.parcels import Packer
from newsletter.delivery.plan import OptOuts, sift
from newsletter.mail.links import sid
from newsletter.providers.protocol import Parcel
from newsletter.settings.secret import Secret
from newsletter.settings.values import how_often
from newsletter.store.store import Store
from newsletter.store.values import Member, Run


@dataclass(frozen=True)
class Prepared:
    """What became of the members of one batch; who was erased since the freeze is in neither."""

    parcels: Sequence[Parcel]
    ids: dict[str, int]  # sid -> subscriber id, of each parcel
    late: dict[int, str]  # subscriber id -> why they must not go any more


@dataclass(frozen=True)
class Preparing:
    """Prepares the batches of one run. Asks the ledger, and writes nothing."""

    workspace: Workspace
    store: Store
    secret: Secret
    run: Run
    edition: Edition
    between: Callable[[], None] = lambda: None  # called between two recipients; what it raises ends the work

    def batch(self, members: Sequence[Member]) -> Prepared:
        """Parcels of those who are to go, and why the others must not.

        Raises ChecksFailed when somebody can't be rendered any more: nobody of the batch is to be claimed then.
        """
        keys = [member.key for member in members if member.key is not None]
        opt_outs = OptOuts.read(self.store, self.secret, keys)
        edition, now, left = self.edition, self.workspace.clock.now(), opt_outs.left
        packer = Packer(edition.composition, edition.settings, self.secret, now, edition.lists, left)
        people = self.workspace.audience.find_all(keys)
        # Who was excluded stands in the frozen plan.
        flow = sift(self.workspace, (), people.values(), opt_outs, edition.lists, self._capped(members))
        reasons = {person.key: reason for reason, found in flow.excluded.items() for person in found}
        ledger_id = self.store.ledger_id
        parcels: list[Parcel] = []
        ids: dict[str, int] = {}
        late: dict[int, str] = {}
        for member in members:
            self.between()
            if member.key is None:
                continue  # erased since the freeze: the claim says so
            if member.key not in people:
                late[member.id] = "left the lists"
            elif member.key in reasons:
                late[member.id] = reasons[member.key]
            else:
                name = sid(self.secret, self.run.id, member.id, ledger_id, self.run.epoch)
                parcels.append(packer.parcel(people[member.key], name))
                ids[name] = member.id
        return Prepared(parcels, ids, late)

    def _capped(self, members: Sequence[Member]) -> Collection[str]:
        """Who of a batch got enough lately: by other campaigns, perhaps since this one was frozen."""
        limit = self.workspace.settings.limits.per_person
        if limit is None or not members:
            return ()
        most, within = how_often(limit)
        since, among = self.workspace.clock.now() - within, (members[0].id, members[-1].id)
        return self.store.lately(self.workspace.settings.environment, since, most, among=among)
