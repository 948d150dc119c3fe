"""What holds here and now: newsletter.toml, its environment, .env and NEWSLETTER_* made into one."""

from typing import Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from newsletter.files.mistake import Mistake
from newsletter.settings.values import Brand, Delivery, ListSettings, Sender, SendGridFile, SmtpFile, Values
from newsletter.settings.variables import PREFIX, Variables

__all__ = ["Brand", "Delivery", "ListSettings", "SendGrid", "Sender", "Settings", "Smtp"]

MIN_SECRET = 32  # characters; as base64url 24 bytes, more than a MAC key needs


class SendGrid(SendGridFile):
    api_key: SecretStr | None = None

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value().strip() if value else ""
        if not key.isascii() or not key.isprintable() or " " in key:
            raise Mistake("holds blanks or signs that no key has", "copy it once more")
        return SecretStr(key) if key else None


class Smtp(SmtpFile):
    password: SecretStr | None = None


class Settings(Values, BaseSettings):
    """Values for one environment; made by load_settings, never changed. repr shows no secret."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file_encoding="utf-8",
    )

    environment: str
    ledger: str | None = None
    smtp: Smtp = Field(default_factory=Smtp)
    sendgrid: SendGrid = Field(default_factory=SendGrid)
    secret: SecretStr | None = Field(default=None, repr=False)

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().strip()) < MIN_SECRET:
            raise Mistake(
                f"is too short: at least {MIN_SECRET} characters",
                'python3 -c "import secrets; print(secrets.token_urlsafe(32))" makes one',
            )
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first one wins; what newsletter.toml says comes as arguments."""
        return (
            Variables(settings_cls, env_settings),
            Variables(settings_cls, dotenv_settings),
            init_settings,
        )


def shown(value: Any) -> str:
    """A value for `config show`: as TOML writes it, a secret as ***."""
    import json
    from datetime import timedelta

    from newsletter.files.duration import write_duration

    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, timedelta):
        return json.dumps(write_duration(value))
    return "" if value is None else json.dumps(value, ensure_ascii=False)
