"""Why one person gets a segment's mail or not: each condition, then all that stands against mailing them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from newsletter.audience.address import parse_address
from newsletter.audience.explain import Reason, explain
from newsletter.audience.leaving import EVERYTHING, scope_of
from newsletter.audience.models import Standing, Subscriber
from newsletter.audience.waterfall import facts_of
from newsletter.check.workspace import Workspace
from newsletter.delivery.plan import rules
from newsletter.settings.secret import Secret
from newsletter.store.optouts import held
from newsletter.store.store import Store


@dataclass(frozen=True)
class Exclusion:
    """One thing that stands against mailing a person; the first one is counted."""

    reason: str  # a key of REASONS
    source: str  # where it is said
    at: datetime | None = None  # when, where that is known


@dataclass(frozen=True)
class Why:
    who: Subscriber
    member: bool
    conditions: list[Reason]
    exclusions: list[Exclusion]

    @property
    def recipient(self) -> bool:
        return self.member and not self.exclusions


def why(workspace: Workspace, segment: str, email: str, store: Store | None, secret: Secret | None) -> Why:
    """Raises UsageFault (G105) for who is on no list, ChecksFailed for a segment that can't be asked."""
    parts = workspace.segments.parts(segment)
    who = workspace.reader(email, made_up=False)
    hmac = secret.person(who.key) if secret else None
    if store and hmac:
        environment = workspace.settings.environment
        workspace.received = lambda campaign: store.received(environment, campaign, hmac=hmac)
    member, conditions = explain(workspace.segments, parts[-1][0], who, workspace.world())
    return Why(who, member, conditions, list(_exclusions(workspace, parts[-1][0], who, store, hmac)))


def _exclusions(
    workspace: Workspace, segment: str, who: Subscriber, store: Store | None, hmac: bytes | None
) -> Iterator[Exclusion]:
    left = store.opt_outs([hmac]).get(hmac, frozenset[str]()) if store and hmac else frozenset[str]()
    against = rules(workspace, segment).reasons(
        facts_of(who),
        excluded=False,
        left=left,
        capped=who.key in workspace.capped(),
    )
    for reason in against:
        match reason:
            case "suppressed":
                history = store.opt_out_history(hmac) if store and hmac else []
                for scope in sorted(left):
                    for each in held(history, scope)[:1]:  # the first reason holds
                        where = "" if scope == EVERYTHING else f"from {scope}: "
                        yield Exclusion(reason, f"{where}{each.reason} ({each.source})", each.at)
            case "unsubscribed" | "cleaned":
                yield from _rows(reason, who, Standing(reason))
            case "pending":
                yield from _rows(reason, who, Standing.PENDING)
                yield from _rows(reason, who, Standing.UNCLEAR)
            case "no_consent":
                without = [name for name in who.lists if scope_of(name) not in left]
                said = [f"no source on {', '.join(without)}"] * bool(without)
                said += [f"left {name}" for name in who.lists if name not in without]
                yield Exclusion(reason, "; ".join(said))
            case "invalid":
                yield Exclusion(reason, (parse_address(who.email).problem or "").rstrip("."))
            case "capped":
                yield Exclusion(reason, f'[limits] per_person = "{workspace.settings.limits.per_person}"')
            case _:
                yield Exclusion(reason, who.email)


def _rows(reason: str, who: Subscriber, standing: Standing) -> Iterator[Exclusion]:
    for row in who.memberships:
        if row.standing is standing:
            yield Exclusion(reason, str(row.place))
