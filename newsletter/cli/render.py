"""`render`: one message out, as a reader would get it."""

import click

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign
from newsletter.cli.catalogue import one_of
from newsletter.cli.session import Session, global_options
from newsletter.cli.targets import outward
from newsletter.delivery.plan import OptOuts, left_out, segment_of, sift_segment
from newsletter.errors import ChecksFailed, Problem


@click.command("render")
@click.argument("name")
@click.option("--as", "as_email", metavar="EMAIL", help="Whose message (default: the first recipient's).")
@click.option("--format", "shape", type=click.Choice(["html", "text", "eml", "mjml"]), default="html")
@click.option("-o", "--output", "target", type=click.Path(dir_okay=False), help="A file instead of stdout.")
@global_options
@click.pass_obj
def render(session: Session, name: str, as_email: str | None, shape: str, target: str | None) -> int:
    """One message out: html, text, eml or the MJML before it is compiled. Keeps no record and sends nothing."""
    from newsletter.delivery.parcels import Packer
    from newsletter.files.atomic import write_atomically
    from newsletter.mail.links import sid
    from newsletter.mail.message import message
    from newsletter.settings.secret import throwaway_secret

    campaign = one_of(session, name)
    file = outward(session, "--output", target) if target else None
    with session.reading() as (store, secret):
        composition = session.workspace.compose(campaign)
        person = reader_of(session, campaign, as_email, OptOuts.read(store, secret))
        token_key = throwaway_secret()
        packer = Packer.of(session.workspace, composition, token_key)
        parcel = packer.parcel(person, sid(token_key, 0, 1, "render", 0))
        if shape == "eml":
            raw = message(composition, parcel.values, parcel.envelope)
        elif shape == "mjml":
            raw = composition.mjml(person, packer.links(person)).encode("utf-8")
        else:
            content = composition.fill(parcel.values)
            raw = (content.html if shape == "html" else content.text).encode("utf-8")
    data = {
        "campaign": campaign.id,
        "as": person.email,
        "format": shape,
        "size": len(raw),
        "subject": composition.fill(parcel.values).subject,
    }
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not file.is_file():
            file.write_bytes(raw)  # /dev/stdout and its like are written to, not replaced
        else:
            write_atomically(file, raw)
        session.output.note(f"{shape} for {person.email} in {target} ({len(raw)} bytes)")
    elif session.json:
        data["content"] = raw.decode("utf-8")
    else:
        click.echo(raw, nl=False)
    return session.output.result({**data, "file": target})


def reader_of(session: Session, campaign: Campaign, as_email: str | None, opt_outs: OptOuts) -> Subscriber:
    """Who is named, a persona too; the first recipient where nobody is. Raises UsageFault, ChecksFailed (G102)."""
    workspace = session.workspace
    if as_email:
        return workspace.reader(as_email)
    segment = segment_of(workspace, campaign)
    flow = sift_segment(workspace, segment, opt_outs, left_out(workspace, campaign))
    if not flow.recipients:
        raise ChecksFailed(
            Problem("G102", f"nobody in `{segment}` would get it", campaign.place("segment"), "--as EMAIL")
        )
    return flow.recipients[0]
