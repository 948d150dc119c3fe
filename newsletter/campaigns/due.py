"""Pure rules of a campaign's schedule: whether its time has come, and whether it is too late."""

from datetime import datetime, timedelta

from newsletter.campaigns.models import Campaign, Status


def is_due(campaign: Campaign, now: datetime) -> bool:
    """Whether a tick at `now` is to take it: ready, with a `send_at` that has come.

    Late ones are due, too: ask `is_late`. A campaign without `send_at` goes by hand only.
    """
    return campaign.status is Status.READY and campaign.send_at is not None and campaign.send_at <= now


def is_late(campaign: Campaign, now: datetime, project_late_after: timedelta) -> bool:
    """Whether more than `late_after` (its own, else the project's) has passed since `send_at`."""
    late_after = project_late_after if campaign.late_after is None else campaign.late_after
    return campaign.send_at is not None and now - campaign.send_at > late_after
