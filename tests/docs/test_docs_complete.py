"""Nothing that a user can write or meet is without its mention: read from the program, so that a new key fails here."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel

from newsletter.audience.cells import STATUS_WORDS
from newsletter.audience.language import COMPARISONS, UNITS
from newsletter.audience.operands import USES
from newsletter.audience.waterfall import REASONS
from newsletter.campaigns import keys
from newsletter.cli.app import cli
from newsletter.cli.catalogue import COUNTS
from newsletter.errors import NewsletterError
from newsletter.files.shapes import branches
from newsletter.render import declarations
from newsletter.settings.values import STANDARD_COLUMNS, Overrides, SettingsFile
from newsletter.settings.variables import BORROWED

ROOT = Path(__file__).resolve().parents[2]


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def rows(page: str, *, below: str = "") -> dict[str, str]:
    """The rows of a page's tables by each `name` in their first cell; below: only those under this heading."""
    text = text_of(page)
    if below:
        text = re.split(rf"^#+ {re.escape(below)}$", text, flags=re.MULTILINE)[1]
    found = {}
    for line in re.findall(r"^\|(.+)\|$", text, flags=re.MULTILINE):
        first, _, rest = re.sub(r"\\\|", "¦", line).partition("|")
        found.update(dict.fromkeys(re.findall(r"`([^`]+)`", first), rest))
    return found


def written(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def leaves(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """The settings as they are named with dots; tables of the user's own names by `NAME`."""
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        yield from _leaves_of(field.annotation, path)


def _leaves_of(annotation: Any, path: str) -> Iterator[str]:
    for branch in branches(annotation):
        if isinstance(branch, type) and issubclass(branch, BaseModel):
            yield from leaves(branch, f"{path}.")
            return
        inner = getattr(branch, "__args__", ())
        if (
            getattr(branch, "__origin__", None) is dict
            and isinstance(inner[1], type)
            and issubclass(inner[1], BaseModel)
        ):
            yield from leaves(inner[1], f"{path}.NAME.")
            return
    yield path


def commands(group: click.Group, above: str = "newsletter") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{above} {name}")
        else:
            yield f"{above} {name}", command


COMMANDS = dict(commands(cli))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_reference(name):
    reference = text_of("docs/operations.md")
    assert f"`{name}" in reference or f"`{name.removeprefix('newsletter ')}" in reference


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_reference(name):
    reference = text_of("docs/operations.md")
    options = {
        option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("-")
    }
    assert {
        option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", reference)
    } == set()


def test_every_key_of_a_campaign_has_its_row():
    known = rows("docs/campaigns.md", below="Front matter")
    for model in (keys.CampaignKeys, keys.StepKeys, keys.DefaultsKeys):
        assert written(model) - known.keys() == set()


def test_every_key_of_a_sequence_has_its_row():
    known = rows("docs/campaigns.md", below="Sequences")
    own = (written(keys.SequenceKeys) | written(keys.StepEntry)) - written(keys.Letter) - {"template"}
    assert own - known.keys() == set()
    window = known["window"]
    assert {key for key in written(keys.WindowKeys) if f"`{key}`" not in window} == set()


def test_every_setting_has_its_row():
    known = rows("docs/operations.md", below="Settings")
    wanted = set(leaves(SettingsFile)) | set(leaves(Overrides))
    wanted = {path for path in wanted if not path.startswith("env.")}
    assert wanted - known.keys() == set()


def test_no_row_speaks_of_a_setting_that_is_gone():
    known = rows("docs/operations.md", below="Settings")
    wanted = set(leaves(Overrides)) | {
        *BORROWED,
        "NEWSLETTER_SECRET",
        "NEWSLETTER_SMTP__PASSWORD",
        "NEWSLETTER_PROVIDER",
        "NEWSLETTER_SENDER__FROM",
        "NO_COLOR",
    }
    table = re.split(r"^## ", text_of("docs/operations.md"), flags=re.MULTILINE)
    section = next(part for part in table if part.startswith("Settings"))
    assert {name for name in known if f"| `{name}`" in section} - wanted == set()


def test_defaults_are_those_of_the_program():
    known = rows("docs/operations.md", below="Settings")
    file = SettingsFile()
    for name in ("provider", "timezone", "language"):
        assert f'`"{getattr(file, name)}"`' in known[name]
    assert f"`{file.delivery.batch_size}`" in known["delivery.batch_size"]
    assert f"`{file.delivery.breaker}`" in known["delivery.breaker"]
    assert f'`"{file.smtp.tls}"`' in known["smtp.tls"]
    assert f'`"{file.sendgrid.region}"`' in known["sendgrid.region"]


def test_every_variable_that_is_borrowed_is_named():
    assert {name for name in BORROWED if name not in text_of("docs/operations.md")} == set()


def test_every_reason_of_the_waterfall_has_its_row_in_its_order():
    known = [
        name for name in rows("docs/audience.md", below="From candidates to recipients") if name in REASONS
    ]
    assert known == list(REASONS)


def test_every_word_of_the_segment_language_has_its_place():
    text = text_of("docs/audience.md")
    table = rows("docs/audience.md", below="Segments")
    assert {sign for sign in (*COMPARISONS, "in", "not in", "and", "or", "not") if sign not in table} == set()
    assert {name for name in USES if f"{name}(" not in " ".join(table)} == set()
    assert {unit for unit in UNITS.values() if f"`{unit}`" not in text} == set()


def test_every_column_and_status_has_its_row():
    known = rows("docs/audience.md", below="Lists")
    assert set(STANDARD_COLUMNS) - known.keys() == set()
    assert {word for word in STATUS_WORDS if word and f"`{word}`" not in known["status"]} == set()


def test_every_state_of_a_recipient_has_its_row():
    assert set(COUNTS) - rows("docs/operations.md", below="After a kill").keys() == set()


def test_everything_that_a_template_declares_has_its_row():
    known = rows("docs/templates.md")
    assert {str(kind) for kind in declarations.Type} - known.keys() == set()
    assert {"sections", "[data]", "[fields]", "[pictures]"} - known.keys() == set()
    assert declarations.ROOTS - {"section"} - known.keys() == set()


def faults(kind: type[NewsletterError] = NewsletterError) -> Iterator[int]:
    yield kind.exit_code
    for child in kind.__subclasses__():
        yield from faults(child)


@pytest.mark.parametrize("table", ["README.md", "docs/operations.md"])
def test_every_exit_code_has_its_row(table):
    codes = re.search(r"^\| (?:exit )?code \|.*?(?=\n\n)", text_of(table), flags=re.MULTILINE | re.DOTALL)
    assert codes
    known = {int(code) for code in re.findall(r"^\| (\d+) \|", codes[0], flags=re.MULTILINE)}
    assert {0, 8, *faults()} == known


def test_the_flow_names_what_there_is():
    named = re.findall(r"`(newsletter/[\w/]+)\.py` `([\w.]+)`", text_of("docs/flow.md"))
    assert len(named) > 30
    for file, name in named:
        found: Any = importlib.import_module(file.replace("/", "."))
        for step in name.split("."):
            found = inspect.getattr_static(found, step)


def test_the_houses_floors_are_those_of_the_contract():
    import tomllib

    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ][0]
    rooms = {room.strip() for layer in contract["layers"] for room in layer.split("|")}
    table = text_of("README.md").split("## I extend it")[1]
    assert {room for room in rooms if f"`{room}`" not in table} == set()
