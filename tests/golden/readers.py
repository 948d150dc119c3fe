"""A letter as its readers' programs take it apart: Outlook, and everybody else."""

import re
from typing import NamedTuple

import html5lib


class Read(NamedTuple):
    """What a browser's parser makes of a page."""

    shown: str  # all texts but style sheets
    attributes: list[tuple[str, str]]
    faults: list[object]


def branches(html: str) -> dict[str, str]:
    """The letter as Outlook reads it and as everybody else does."""
    head, body = html.split("</head>", 1)
    outlook = re.sub(r"<!--\[if !mso[^\]]*\]>(?:<!-->|-->).*?<!--<!\[endif\]-->", "", body, flags=re.DOTALL)
    outlook = re.sub(
        r"<!--\[if (?:mso[^\]]*|gte mso[^\]]*)\]>(.*?)<!\[endif\]-->", r"\1", outlook, flags=re.DOTALL
    )
    outlook = re.sub(
        r"<((?:v|w|o):\w+)([^>]*)/>", r"<\1\2></\1>", outlook
    )  # XML for Word, which HTML can't close so
    return {"outlook": f"{head}</head>{outlook}", "others": html}


def read(html: str) -> Read:
    """Texts, attributes and faults."""
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    nodes = [node for node in parser.parse(html).iter() if isinstance(node.tag, str)]
    texts = [node.text or "" for node in nodes if node.tag != "style"]
    return Read(
        " ".join([*texts, *(node.tail or "" for node in nodes)]),
        [pair for node in nodes for pair in node.items()],
        [(code, data) for _, code, data in parser.errors],
    )
