"""Files that travel with a letter, each read once and looked at: a reader opens what comes from a name they trust."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from newsletter.campaigns.models import Campaign
from newsletter.errors import ChecksFailed, Place, Problem, Severity
from newsletter.files.project import Project
from newsletter.render.composition import Attachment

MAX_LETTER_BYTES = (
    10_000_000  # of all of them; a third more on the wire, and many servers take 10 to 25 MB in all
)

# RFC 6838 types by suffix; what is not here is a file of no known kind. Not the system's table: it differs by machine.
_TYPES = {
    "pdf": "application/pdf", "ics": "text/calendar", "vcf": "text/vcard", "csv": "text/csv", "txt": "text/plain",
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "mp3": "audio/mpeg", "mp4": "video/mp4", "epub": "application/epub+zip", "zip": "application/zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
}  # fmt: skip

# What runs when it is opened. Gmail and Outlook refuse nearly all of these, and whoever sends them.
_RUNS = frozenset({
    "ade", "adp", "apk", "app", "appx", "appxbundle", "bat", "cab", "chm", "cmd", "com", "cpl", "dll", "dmg",
    "docm", "dotm", "ex", "ex_", "exe", "gadget", "hta", "htm", "html", "img", "ins", "iso", "isp", "jar", "jnlp",
    "js", "jse", "lib", "lnk", "mde", "mht", "mhtml", "msc", "msi", "msix", "msixbundle", "msp", "mst", "nsh",
    "pif", "potm", "ppam", "ppsm", "pptm", "ps1", "ps1xml", "ps2", "psc1", "psc2", "py", "pyw", "reg", "scr", "sct",
    "sh", "shb", "shs", "shtml", "svg", "swf", "sys", "vb", "vbe", "vbs", "vhd", "vhdx", "vxd", "ws", "wsc", "wsf",
    "wsh", "xht", "xhtml", "xll", "xlsb", "xlsm", "xltm",
})  # fmt: skip
_MAGIC = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xca\xfe\xba\xbe",
    b"\xfe\xed\xfa",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
)
_NOT_FOR_READERS = frozenset({"subscribers", "out"})  # people's data, and what is written for us


def attachments(project: Project, campaign: Campaign) -> tuple[tuple[Attachment, ...], tuple[Problem, ...]]:
    """The files that a campaign names, and what is wrong with them or worth a second thought (L130 to L134).

    Each lies beside the campaign, or is named from the project's folder.
    """
    found: list[Attachment] = []
    problems: list[Problem] = []
    for number, name in enumerate(campaign.attachments):
        place = campaign.place("attachments", str(number))
        try:
            found.append(_read(project, campaign, name, place))
        except ChecksFailed as failed:
            problems += failed.problems
    problems += _together(found, campaign)
    return tuple(found), tuple(problems)


def _read(project: Project, campaign: Campaign, name: str, place: Place) -> Attachment:
    file = _find(project, campaign, name, place)
    shown = PurePosixPath(file).name
    suffix = PurePosixPath(file).suffix.lower().lstrip(".")
    data = project.read_bytes(file, place=place)
    if suffix in _RUNS or data.startswith(_MAGIC):
        message = f"`{shown}` is a program, or runs one: mail programs refuse it, and remember who sent it"
        raise ChecksFailed(Problem("L131", message, place, "put it on the web, and link to its page"))
    if not data:
        raise ChecksFailed(Problem("L133", f"`{shown}` is empty", place, "save the file once more"))
    return Attachment(file, shown, _TYPES.get(suffix, "application/octet-stream"), data)


def _find(project: Project, campaign: Campaign, name: str, place: Place) -> str:
    """Raises ChecksFailed: F111, F113 for what is not there, L134 for what no reader is to have."""
    beside = f"{campaign.folder}/{name}"
    file = beside if project.path(beside, place=place).is_file() else name
    if not project.path(file, place=place).exists():
        project.read_bytes(beside, place=place)  # says so, with the name that is probably meant
    parts = PurePosixPath(file).parts
    if parts[0] in _NOT_FOR_READERS or len(parts) < 2 or any(part.startswith(".") for part in parts):
        message = f"`{name}` is no file for readers"
        hint = "put what they are to get beside the campaign"
        raise ChecksFailed(Problem("L134", message, place, hint))
    return file


def _together(found: list[Attachment], campaign: Campaign) -> Iterable[Problem]:
    place = campaign.place("attachments")
    names = [each.filename.casefold() for each in found]
    for number, each in enumerate(found):
        if each.filename.casefold() in names[:number]:
            message = f"two attachments are called `{each.filename}`: a reader would keep one of them"
            yield Problem("L133", message, place, "rename one of them")
        elif re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", each.filename):
            yield Problem(
                "L133", "the name of an attachment holds a control character", place, "rename the file"
            )
    weight = sum(len(each.data) for each in found)
    if weight > MAX_LETTER_BYTES:
        message = f"the attachments weigh {_mb(weight)}; {_mb(MAX_LETTER_BYTES)} are the limit"
        yield Problem("L132", message, place, "put them on the web, and link to them")
    elif found:
        what = "an attachment" if len(found) == 1 else f"{len(found)} attachments"
        message = f"the letter carries {what} of {_mb(weight)} to each reader: filters distrust that in bulk"
        hint = 'put it on the web, and link to it; or, if it is meant: allow = ["L130"]'
        yield Problem("L130", message, place, hint, Severity.WARNING)


def _mb(number: int) -> str:
    return f"{number / 1_000_000:.1f} MB" if number >= 100_000 else f"{number:,} bytes"
