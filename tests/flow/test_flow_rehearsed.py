"""What is rehearsed is what is sent, and both are what rendering each letter whole gives."""

import email
import email.policy
import json
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from newsletter.check.workspace import Clock, Workspace
from newsletter.files.project import Project
from newsletter.render.composition import Links, content_of
from newsletter.render.deferral.compare import difference
from newsletter.settings.load import load_settings

CAMPAIGNS = ("almedalen-recap", "valkommen-birger-blom", "valkommen-komm")
STEPS = tuple(
    f"sju-tips/{name}"
    for name in ["budskapet", "lyhordhet", "beratta", "energi", "malgruppen", "utbilda", "natverka"]
)
TOKEN = re.compile(r"/u/[\w.~-]+")


def letters(folder: Path) -> dict[str, EmailMessage]:
    """Recipient -> message; fails for two to one person."""
    found: dict[str, EmailMessage] = {}
    for path in folder.glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        assert found.setdefault(str(message["To"]), message) is message
    return found


def html_of(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def without_what_may_differ(message: EmailMessage) -> list[tuple[list[tuple[str, str]], Any]]:
    """Headers and content of each part without token, Message-ID, Date and boundaries."""
    parts = []
    for part in message.walk():
        headers = [
            (name, re.sub(r'boundary="[^"]*"', "", TOKEN.sub("/u/TOKEN", str(value))))
            for name, value in part.items()
            if name not in ("Message-ID", "Date")
        ]
        content = None if part.is_multipart() else part.get_content()
        parts.append((headers, TOKEN.sub("/u/TOKEN", content) if isinstance(content, str) else content))
    return parts


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_rehearsal_and_outbox_differ_only_in_what_belongs_to_one_message(
    shipped: Path, newsletter: Any, campaign: str
) -> None:
    rehearsed = newsletter(
        "-C", shipped, "send", campaign, "--dry-run", "--samples", "100", "--out", shipped / "torr", "--json"
    )
    number = rehearsed.data["recipients"]
    assert newsletter("-C", shipped, "send", campaign, "--confirm", str(number)).code == 0
    dry, sent = letters(shipped / "torr" / "samples"), letters(shipped / "out" / "outbox" / campaign)
    assert len(sent) == number
    assert dry.keys() == sent.keys()
    sizes = [len(html_of(message).encode()) for message in dry.values()]
    told = json.loads((shipped / "torr" / "plan.json").read_text(encoding="utf-8"))["html_bytes"]
    assert (told["smallest"], told["largest"]) == (min(sizes), max(sizes))
    assert told["static"] <= told["smallest"]
    for recipient, message in sent.items():
        assert without_what_may_differ(message) == without_what_may_differ(dry[recipient])
        assert message["Message-ID"] != dry[recipient]["Message-ID"]


@pytest.mark.parametrize("campaign", [*CAMPAIGNS, *STEPS])
def test_each_recipient_gets_the_letter_that_rendering_it_whole_gives(campaign: str) -> None:
    root = Path(__file__).parents[2]
    project = Project(root)

    workspace = Workspace(project, load_settings(project), Clock())
    composition = workspace.compose(workspace.campaign(campaign))
    assert composition.whole is not None
    readers = workspace.some_readers(composition.campaign, 10_000)
    assert len(readers) > 10
    for reader in readers:
        links = Links(f"https://brev.hejdigitalt.example/u/{reader.key}")
        filled = composition.fill(composition.slots(reader, links))
        assert difference(content_of(composition.whole(reader, links)), filled) == ""
