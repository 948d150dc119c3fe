"""SendGrid's published description of a request, what it should say besides, and what only its errors page says."""

import copy
import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FILE = Path(os.environ.get("NEWSLETTER_SHARED_DATA", _BESIDE)) / "tsg_mail_v3.json"
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
_WHERE = ("components", "requestBodies", "PostMailSend", "content", "application/json", "schema")
_STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}


@functools.cache
def description() -> Callable[[Any], None] | None:
    """Validates a request against the description with the overlay; None where the file is missing."""
    from jsonschema import Draft202012Validator

    if not FILE.is_file():
        return None
    spec = overlaid(json.loads(FILE.read_text(encoding="utf-8")))
    pointer = "#/" + "/".join(part.replace("/", "~1") for part in _WHERE)
    return Draft202012Validator({**spec, "$ref": pointer}).validate  # type: ignore[no-any-return]


def overlaid(published: dict[str, Any]) -> dict[str, Any]:
    """What the description leaves open, or says wrongly: `custom_args` as one string would refuse what is right."""
    spec = copy.deepcopy(published)
    request = functools.reduce(lambda at, key: at[key], _WHERE, spec)
    properties = request["properties"]
    people = properties["personalizations"]
    for at in (people["items"]["properties"], properties):
        at["custom_args"] = _STRINGS
        at["headers"] = _STRINGS
    people["minItems"] = people["items"]["properties"]["to"]["minItems"] = properties["content"][
        "minItems"
    ] = 1
    request["required"] = [*request["required"], "content"]  # nothing of ours has a template_id
    _close(request)
    for name in ("MailFrom", "MailTo"):
        _close(spec["components"]["schemas"][name])
    return spec


def _close(schema: Any) -> None:
    """No key that the description does not know, wherever an object lists its keys."""
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
        for one in schema.values():
            _close(one)


def refusals(mail: dict[str, Any]) -> list[str]:
    """What SendGrid's errors page and its limits refuse beside the schema; nothing for a request that is right."""
    told = []
    people = [one["email"].lower() for part in mail["personalizations"] for one in part["to"]]
    if len(set(people)) < len(people):
        told.append("each address once a request")
    if len(mail["personalizations"]) > 1000 or len(people) > 1000:
        told.append("1000 recipients at most")
    headers = [mail.get("headers", {}), *(part.get("headers", {}) for part in mail["personalizations"])]
    if any(name.lower() in RESERVED for one in headers for name in one):
        told.append("a reserved header")
    if any(not value.isascii() or not value.isprintable() for one in headers for value in one.values()):
        told.append("a header that is not plain")
    if "reply_to" in mail and "reply_to_list" in mail:
        told.append("reply_to or reply_to_list")
    kinds = [part["type"] for part in mail.get("content", ())]
    if kinds not in (["text/plain"], ["text/html"], ["text/plain", "text/html"]):
        told.append("text/plain, then text/html")
    if not all(part["value"] for part in mail.get("content", ())):
        told.append("an empty part")
    if not mail.get("subject") and not all(part.get("subject") for part in mail["personalizations"]):
        told.append("a subject is missing")
    if any(
        "\n" in one.get("subject", "") or "\r" in one.get("subject", "")
        for one in [mail, *mail["personalizations"]]
    ):
        told.append("a line break in a subject")
    if "send_at" in mail or "template_id" in mail or "categories" in mail:
        told.append("nothing of ours has these")
    for part in mail["personalizations"]:
        tags, arguments = part.get("substitutions", {}), part.get("custom_args", {})
        told += _substitutions(tags)
        if len(json.dumps(arguments).encode()) > 10_000 or not all(arguments.values()):
            told.append("custom_args of 10,000 bytes, none of them empty")
        if {"email", "event"} & arguments.keys():
            told.append("names that events have for themselves")
    return list(dict.fromkeys(told))


def _substitutions(tags: dict[str, str]) -> list[str]:
    told = []
    if len(tags) > 100:
        told.append("100 tags at most")
    if sum(len(tag.encode()) + len(value.encode()) for tag, value in tags.items()) > 10_000:
        told.append("10,000 bytes of substitutions")
    if any(tag in value for tag in tags for value in tags.values()):
        told.append("a tag inside a value")
    return told
