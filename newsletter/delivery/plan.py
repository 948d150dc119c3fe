"""The plan of a send: who gets what, who does not and why, under one hash."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from newsletter.audience.models import Subscriber
from newsletter.audience.waterfall import Rules, Waterfall, waterfall
from newsletter.campaigns.models import Campaign
from newsletter.check.findings import broken_lists, called_as_before, check_campaign, gone_lists
from newsletter.check.workspace import Workspace
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.project import SETTINGS_FILE
from newsletter.render.composition import Composition
from newsletter.settings.secret import Secret
from newsletter.store.store import Store

PLAN_VERSION = 1


@dataclass(frozen=True)
class Plan:
    """What a send would do: the composition and the people, and `hash` over all but the people."""

    campaign: Campaign
    composition: Composition
    waterfall: Waterfall
    findings: tuple[Problem, ...]
    environment: str
    provider: str
    hash: str  # content, definitions and environment (hex); the audience may grow under it
    opt_outs: "OptOuts"  # as they were when it was made

    @property
    def recipients(self) -> Sequence[Subscriber]:
        return self.waterfall.recipients

    @property
    def excluded(self) -> Mapping[str, int]:
        """How many each reason keeps out; every reason is there, most of them 0."""
        return self.waterfall.counts


@dataclass(frozen=True)
class OptOuts:
    """Who opted out of what by the ledger; without a ledger or a secret nobody did."""

    secret: Secret | None
    scopes: Mapping[bytes, frozenset[str]]  # HMAC of a person -> EVERYTHING, or the scopes of single lists

    @classmethod
    def read(cls, store: Store | None, secret: Secret | None, keys: Iterable[str] | None = None) -> "OptOuts":
        """Of everybody, or of the people with these address keys only. Spooled ones are included. Reads only."""
        if not (store and secret):
            return cls(secret, {})
        return cls(secret, store.opt_outs(None if keys is None else [secret.person(key) for key in keys]))

    def left(self, subscriber: Subscriber) -> frozenset[str]:
        """The scopes that this person opted out of."""
        if not self.scopes or self.secret is None:
            return frozenset()
        return self.scopes.get(self.secret.person(subscriber.key), frozenset())


def make_plan(workspace: Workspace, campaign: Campaign, opt_outs: OptOuts) -> Plan:
    """Compose a campaign and find its people. Reads only.

    Raises ChecksFailed with every error that `check` would report, and when nobody is in the segment.
    """
    composition, findings = check_campaign(workspace, campaign)
    errors = [problem for problem in findings if problem.is_error]
    errors += broken_lists(workspace)
    if errors or composition is None:
        raise ChecksFailed(*findings, *(e for e in errors if e not in findings))
    segment = segment_of(workspace, campaign)
    flow = sift_segment(workspace, segment, opt_outs, left_out(workspace, campaign))
    refuse_renamed(workspace, flow, opt_outs)
    if not flow.candidates:
        raise ChecksFailed(
            Problem(
                "G102",
                f"nobody is in `{segment}`: there is no one to send to",
                campaign.place("segment"),
                f"newsletter segment show {segment}",
            )
        )
    return plan_of(workspace, campaign, composition, flow, opt_outs, findings)


def plan_for(
    workspace: Workspace,
    campaign: Campaign,
    composition: Composition,
    candidates: tuple[Subscriber, ...],
    opt_outs: OptOuts,
) -> Plan:
    """The plan for people who are known already, such as those for whom a step is due."""
    segment = segment_of(workspace, campaign)
    left = left_out(workspace, campaign)
    capped = frozenset(workspace.capped()) if candidates else frozenset[str]()
    flow = sift(workspace, left, candidates, opt_outs, segment, capped)
    refuse_renamed(workspace, flow, opt_outs)
    return plan_of(workspace, campaign, composition, flow, opt_outs)


def refuse_renamed(workspace: Workspace, flow: Waterfall, opt_outs: OptOuts) -> None:
    """ChecksFailed (A140) when recipients left a list that is not there: under another name it would bring them back.

    `[list.NAME] gone` in the settings says that somebody saw to it.
    """
    gone = gone_lists(workspace, (scope for held in opt_outs.scopes.values() for scope in held))
    if not gone:
        return
    met = Counter(scope for who in flow.recipients for scope in opt_outs.left(who) & gone)
    problems = [
        Problem(
            "A140",
            f"{number} of the recipients left the list `{scope}`, which is not there any more",
            Place(SETTINGS_FILE),
            called_as_before(scope),
        )
        for scope, number in sorted(met.items())
    ]
    if problems:
        raise ChecksFailed(*problems)


def plan_of(
    workspace: Workspace,
    campaign: Campaign,
    composition: Composition,
    flow: Waterfall,
    opt_outs: OptOuts,
    findings: tuple[Problem, ...] = (),
) -> Plan:
    """The plan for people who went through the waterfall already."""
    return Plan(
        campaign,
        composition,
        flow,
        findings,
        workspace.settings.environment,
        workspace.settings.provider,
        plan_hash(workspace, campaign, composition),
        opt_outs,
    )


def left_out(workspace: Workspace, campaign: Campaign) -> tuple[str, ...]:
    """Lists and segments whose members don't get it; for a step also those that end its sequence."""
    sequence = workspace.sequence(campaign.step.sequence) if campaign.step else None
    return (*campaign.exclude, *(sequence.exit if sequence else ()))


def segment_of(workspace: Workspace, campaign: Campaign) -> str:
    """Who gets it; for a step: who is enrolled in its sequence."""
    sequence = workspace.sequence(campaign.step.sequence) if campaign.step else None
    return sequence.segment if sequence else campaign.segment


def sift(
    workspace: Workspace,
    exclude: Iterable[str],
    candidates: Iterable[Subscriber],
    opt_outs: OptOuts,
    segment: str | Collection[str] = "",
    capped: Collection[str] = (),
) -> Waterfall:
    """The waterfall for people who are at hand, by the same rules as that of a whole segment.

    exclude: lists and segments whose members are left out
    segment: what was asked for, or its lists; whether somebody is confirmed is a matter of those
    capped: address keys of those who got enough lately
    """
    return waterfall(
        candidates,
        rules(workspace, segment),
        is_excluded=lambda person: any(workspace.is_member(name, person) for name in exclude),
        left=opt_outs.left,
        capped=lambda person: person.key in capped,
    )


def sift_segment(
    workspace: Workspace, segment: str, opt_outs: OptOuts, exclude: Iterable[str] = ()
) -> Waterfall:
    """The waterfall of a segment, the same for a rehearsal, a freeze and a count.

    exclude: lists and segments whose members are left out
    """
    return workspace.lists.sift(
        workspace.segments.parts(segment),
        workspace.world(),
        rules(workspace, segment),
        exclude=[workspace.segments.parts(name) for name in exclude],
        left=opt_outs.scopes,
        capped=workspace.capped(),
    )


def rules(workspace: Workspace, segment: str | Collection[str]) -> Rules:
    """What decides, beside the person, who of a segment (or of its lists) is mailed."""
    settings = workspace.settings
    asked = (workspace.segments.lists(segment) if segment else ()) if isinstance(segment, str) else segment
    return Rules(settings.list if settings.live else None, settings.takes_utf8, asked)


def opted_out(flow: Waterfall) -> bool:
    """Whether somebody in it wants no more mail, or their address takes none: that ends a sequence."""
    return any(flow.excluded[reason] for reason in ("unsubscribed", "cleaned", "suppressed"))


def asked_in_text(composition: Composition) -> tuple[str, ...]:
    """The lists and segments that `::: only` in the text asks for."""
    return tuple(dict.fromkeys(condition.segment for condition in composition.conditions))


def plan_hash(workspace: Workspace, campaign: Campaign, composition: Composition) -> str:
    """Over what an author can change between a rehearsal and the send: text, definitions, environment."""
    text = json.dumps(covered(workspace, campaign, composition), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def covered(workspace: Workspace, campaign: Campaign, composition: Composition) -> dict[str, object]:
    """What the hash of a plan is over, by name, as JSON has it: a later send can say what differs."""
    segment, exclude = segment_of(workspace, campaign), left_out(workspace, campaign)
    return {
        "version": PLAN_VERSION,
        "campaign": campaign.id,
        "content": composition.sha256,
        "segments": dict(workspace.segments.definitions((segment, *exclude, *asked_in_text(composition)))),
        "timezone": workspace.settings.timezone,
        "attributes": dict(workspace.settings.attributes),
        "public_url": workspace.settings.public_url,
        "segment": segment,
        "exclude": [*exclude],
        "environment": workspace.settings.environment,
        "provider": workspace.settings.provider,
    }
