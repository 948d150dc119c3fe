"""The engine that makes HTML of MJML, behind a protocol of one method."""

from typing import Protocol


class Engine(Protocol):
    """Something that turns MJML into HTML; our tests hold other engines against the one we use."""

    def to_html(self, mjml: str) -> str: ...


class MjmlPython:
    """mrml, by mjml-python: quick, opens no socket, without remote fonts. Validates nothing."""

    def to_html(self, mjml: str) -> str:
        from mjml import mjml2html

        return str(mjml2html(mjml, fonts={}))
