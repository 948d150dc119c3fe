"""The verbs of the command line, and where each is made."""

VERBS = {
    "list": ("catalogue", "list_", "Campaigns and sequences with their state and when they go next."),
    "status": ("catalogue", "status", "What became of a campaign: counts, doubts by name."),
    "check": ("check", "check", "Everything knowable before sending."),
    "explain": ("explain", "explain", "What a finding means, an example, and what to do."),
    "render": ("render", "render", "One message out, as a reader would get it."),
    "test": ("testing", "test", "A letter really sent, to those who may try it."),
    "publish": ("publish", "publish", "Pictures out, to where readers' mail programs find them."),
    "send": ("send", "send", "Rehearse (--dry-run), send, or go on with a send."),
    "run": ("run", "run", "One cron tick: send what is due."),
    "pause": ("steer", "pause", "Stop a send that is under way, within a second."),
    "resume": ("steer", "resume", "Let a paused send go on."),
    "cancel": ("steer", "cancel", "End a send: whoever was not reached gets nothing of it."),
    "resolve": ("resolve", "resolve", "Settle deliveries whose fate is unknown."),
    "segment": ("segment", "segment", "Who is in a list or segment, and who would get mail."),
    "import": ("importing", "import_", "A foreign list, shown first and then taken in."),
    "export": ("export", "export", "Lists, opt-outs and consent as CSV."),
    "subscriber": (
        "subscriber",
        "subscriber",
        "What one person asks of us: to see, to be left alone, forgotten.",
    ),
    "suppress": ("suppress", "suppress", "Who must not be written to, whatever the lists say."),
    "serve": ("serve", "serve", "The pages that letters lead to: unsubscribing, and taking it back."),
    "config": ("config", "config", "Settings and where they come from."),
}
"""verb -> module below newsletter.cli, its command, one line. Modules load when their verb is asked for."""
