"""The hash of a composition: everything that shows in the message, and nothing else."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping

from newsletter.campaigns.models import Campaign
from newsletter.files.project import Project
from newsletter.settings.model import Settings


def file_hashes(project: Project, files: Iterable[str]) -> dict[str, str]:
    """sha256 (hex) of each file, by its name."""
    return {file: hashlib.sha256(project.read_bytes(file)).hexdigest() for file in sorted(files)}


def content_hash(campaign: Campaign, settings: Settings, files: Mapping[str, str]) -> str:
    """sha256 (hex) over what a reader sees; the same on every machine.

    The campaign counts by its values, not by its file: a new `status` or `send_at` changes no message.
    """
    step = campaign.step
    where = {
        "day": campaign.send_at.date() if campaign.send_at else None,
        "step": (step.sequence, step.id, step.number, step.total) if step else None,
        "files": files,
    }
    return _hash(_shown(campaign, settings) | where)


def letter_hash(campaign: Campaign, settings: Settings, files: Mapping[str, str]) -> str:
    """sha256 (hex) over the letter alone: the same under another name, in another folder, on another day."""
    return _hash(_shown(campaign, settings) | {"files": sorted(files.values())})


def _shown(campaign: Campaign, settings: Settings) -> dict[str, object]:
    return {
        "body": campaign.body,
        "subject": campaign.subject,
        "preheader": campaign.preheader,
        "template": campaign.template,
        "language": campaign.language,
        "sender": campaign.sender or settings.sender.from_,
        "reply_to": campaign.reply_to or settings.sender.reply_to,
        "data": campaign.data,
        "tags": campaign.tags,
        "utm": dataclasses.astuple(campaign.utm) if campaign.utm else None,
        "brand": settings.brand.model_dump(mode="json"),
        "assets_url": settings.assets_url,
    }


def _hash(shown: Mapping[str, object]) -> str:
    written = json.dumps(shown, sort_keys=True, ensure_ascii=False, default=str, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()
