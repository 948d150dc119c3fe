"""Signed names for people and messages: unsubscribe tokens that outlive the database, and sids."""

from dataclasses import dataclass

from newsletter.settings.secret import Secret


@dataclass(frozen=True, slots=True)
class Token:
    person: bytes  # Secret.person(address key): 16 bytes, no address
    list: str
    language: str


@dataclass(frozen=True, slots=True)
class Sid:
    run_id: int
    subscriber_id: int


def unsubscribe_url(
    public_url: str | None, secret: Secret, subscriber_key: str, list_name: str, language: str
) -> str:
    raise NotImplementedError


def read_token(secret: Secret, token: str) -> Token | None:
    raise NotImplementedError


def sid(secret: Secret, run_id: int, subscriber_id: int, ledger_id: str, epoch: int) -> str:
    raise NotImplementedError


def read_sid(secret: Secret, text: str, ledger_id: str, epoch: int) -> Sid | None:
    raise NotImplementedError
