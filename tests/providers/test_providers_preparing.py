"""A batch that is prepared together is, byte for byte, what its readers come to when each is prepared alone."""

import base64
import hmac
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.check.workspace import Workspace
from newsletter.delivery.edition import Edition
from newsletter.delivery.freezing import freeze, prove
from newsletter.delivery.ledger import open_ledger
from newsletter.delivery.office import Office
from newsletter.delivery.parcels import Packer
from newsletter.delivery.plan import OptOuts, make_plan, sift
from newsletter.delivery.preparing import Prepared, Preparing
from newsletter.files.project import Project
from newsletter.mail.links import sid
from newsletter.mail.message import check
from newsletter.providers.protocol import Mark, Parcel
from newsletter.providers.sendgrid import SendGrid
from newsletter.render.text_part import settled
from newsletter.settings.load import load_settings
from newsletter.settings.secret import Secret, ensure_secret
from newsletter.store.values import Member

NAMES = ("Åsa", "", "<b>&amp;</b>", "{{ 7 * 7 }}", "a" * 80, "En\u2028Två", "שלום")
BODY = """
Hej {{ subscriber.first_name or 'du' }}, så här långt är raden, och den bryts där ditt namn och {{ subscriber.city }} vill.

::: only visby
Bara för Visby, {{ subscriber.first_name }}.
:::

Två stycken som står i allas brev.

Ett till, {% if subscriber.city %}i {{ subscriber.city }}{% else %}utan stad{% endif %}.
"""


@pytest.fixture
def project(small: Path) -> Path:
    file = small / "campaigns" / "hej.md"
    head = file.read_text(encoding="utf-8").split("+++\n")[1]
    file.write_text(f"+++\n{head}+++\n{BODY}\n", encoding="utf-8")
    write(small, "lista", [(n, "") for n in range(40)])
    write(small, "andra", [(n, "") for n in range(10, 20)])
    (small / "subscribers" / "segments.toml").write_text(
        "[visby]\nwhere = \"city == 'Visby'\"\n", encoding="utf-8"
    )
    return small


def write(project: Path, name: str, people: list[tuple[int, str]]) -> None:
    rows = "".join(
        f'p{n:02}@example.org,"{NAMES[n % len(NAMES)]}",{("Visby", "", "Umeå")[n % 3]},{status}\n'
        for n, status in people
    )
    (project / "subscribers" / f"{name}.csv").write_text(
        f"email,first_name,city,status\n{rows}", encoding="utf-8"
    )


def office_of(project: Path) -> Office:
    opened = Project(project)
    workspace = Workspace(opened, load_settings(opened), keep=True)
    secret = ensure_secret(opened, workspace.settings)
    store, _ = open_ledger(opened, workspace.settings)
    return Office(workspace, store, secret)


@pytest.fixture
def preparing(project: Path) -> Iterator[Preparing]:
    """Frozen for forty; then some leave the list, some are marked in it, and some opt out."""
    office = office_of(project)
    plan = make_plan(office.workspace, office.workspace.campaign("hej"), office.opt_outs())
    grounds = prove(office, plan)
    run = freeze(office, plan, grounds)
    assert run is not None
    office.workspace.close()
    statuses = {3: "unsubscribed", 4: "cleaned", 5: "pending", 12: "pending"}
    write(project, "lista", [(n, statuses.get(n, "")) for n in range(40) if n not in (7, 8)])
    now = office.workspace.clock.now()
    for person, scope in (("p20", "*"), ("p21", "lista"), ("p13", "lista"), ("p14", "andra")):
        key = office.secret.person(f"{person}@example.org")
        office.store.suppress(key, scope, "asked", "page", now)
    office.store.close()
    again = office_of(project)
    composition = again.workspace.compose(again.workspace.campaign("hej"))
    edition = Edition.of(again.workspace, composition)
    yield Preparing(again.workspace, again.store, again.secret, run, edition)
    again.workspace.close()
    again.store.close()


def alone(preparing: Preparing, members: list[Member]) -> Prepared:
    """One reader after the other, by the plain way of each step."""
    workspace, edition = preparing.workspace, preparing.edition
    parcels: list[Parcel] = []
    ids: dict[str, int] = {}
    late: dict[int, str] = {}
    for member in members:
        assert member.key is not None
        person = workspace.audience.find(member.key)
        if person is None:
            late[member.id] = "left the lists"
            continue
        opt_outs = OptOuts.read(preparing.store, preparing.secret, [member.key])
        flow = sift(workspace, (), (person,), opt_outs, edition.lists)
        if not flow.recipients:
            late[member.id] = next(reason for reason, people in flow.excluded.items() if people)
            continue
        name = sid(
            preparing.secret, preparing.run.id, member.id, preparing.store.ledger_id, preparing.run.epoch
        )
        packer = Packer(
            edition.composition,
            edition.settings,
            preparing.secret,
            workspace.clock.now(),
            edition.lists,
            opt_outs.left,
        )
        parcels.append(packer.parcel(person, name))
        ids[name] = member.id
    return Prepared(parcels, ids, late)


def body(parcels: list[Parcel]) -> bytes:
    provider = SendGrid("SG.key", base_url="http://127.0.0.1:9")
    request = provider.prepare(parcels, Mark("attempt", "ledger.1"))
    assert isinstance(request.payload, bytes)
    assert request.apart == ()
    return request.payload


def test_a_batch_is_what_its_readers_are_alone(preparing: Preparing) -> None:
    members = preparing.store.batch_members(preparing.run.id, 1)
    together, one_by_one = preparing.batch(members), alone(preparing, members)
    reasons = [together.late[member.id] for member in members if member.id in together.late]
    assert len(members) == 40
    assert Counter(reasons) == {
        "unsubscribed": 1, "cleaned": 1, "pending": 2, "suppressed": 3, "left the lists": 2,
    }  # fmt: skip
    assert (together.ids, together.late) == (one_by_one.ids, one_by_one.late)
    assert body([*together.parcels]) == body([*one_by_one.parcels])


def test_letters_are_what_they_are_when_all_of_their_lines_are_settled_and_all_of_their_signs_looked_at(
    preparing: Preparing,
) -> None:
    """The plain ways of a text part and of a check, for the very same request."""
    parcels = [*preparing.batch(preparing.store.batch_members(preparing.run.id, 1)).parcels]
    composition = preparing.edition.composition
    assert composition.static
    merge = composition.merge
    plainly = replace(composition, static=())
    slow = []
    for one in parcels:
        letter = check(plainly, one.values, one.envelope)
        assert letter == one.letter
        assert letter.content.text == settled(merge.text.join(one.values))  # type: ignore[attr-defined]
        slow.append(replace(one, letter=letter))
    assert body(slow) == body(parcels)


def test_a_member_of_a_batch_who_was_erased_is_neither_written_to_nor_late(preparing: Preparing) -> None:
    members = preparing.store.batch_members(preparing.run.id, 1)
    erased = [replace(members[0], key=None), *members[1:]]
    made = preparing.batch(erased)
    assert members[0].id not in {*made.ids.values(), *made.late}
    assert len(made.ids) + len(made.late) == len(members) - 1


@pytest.mark.parametrize("key", ["k" * 32, "k" * 64, "å" * 90])
@pytest.mark.parametrize("parts", [(), ("a@example.org",), (b"\0", "b", ""), ("ab", "c"), ("a", "bc")])
def test_a_mac_is_that_of_the_standard(key: str, parts: tuple[bytes | str, ...]) -> None:
    """RFC 2104 by Python's own module; links and sids that are out in the world hang on it."""
    data = [part.encode() if isinstance(part, str) else part for part in ("person", *parts)]
    framed = b"".join(len(one).to_bytes(8, "big") + one for one in data)
    wanted = hmac.new(key.encode(), framed, "sha256").digest()
    assert Secret(key).mac("person", *parts, size=32) == wanted
    if len(parts) == 1 and isinstance(parts[0], str):
        assert Secret(key).person(parts[0]) == wanted[:16]


def test_a_sid_is_base32_in_lower_case_without_padding() -> None:
    secret = Secret("s" * 40)
    for number in (0, 1, 127, 128, 16_383, 16_384, 2**31, 2**60):
        name = sid(secret, 3, number, "ledger", 1)
        raw = base64.b32decode(name.upper() + "=" * (-len(name) % 8))
        assert base64.b32encode(raw).decode().rstrip("=").lower() == name
