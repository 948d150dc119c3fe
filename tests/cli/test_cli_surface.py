"""What the command line promises everywhere: light help, one envelope, options on either side, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "sqlalchemy",
    "premailer",
    "sendgrid",
    "rich",
    "mjml",
    "lxml",
    "pydantic",
    "jinja2",
    "markdown_it",
    "PIL",
)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys; from newsletter.cli.app import run; run(sys.argv[1:]); "
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout
    assert out.rsplit("LOADED", 1)[1].split() == []


def test_a_tick_with_nothing_due_loads_no_compiler(small):
    code = (
        "import sys; from newsletter.cli.app import run; run(sys.argv[1:]); "
        "print('LOADED', *[name for name in ('premailer', 'sendgrid', 'rich', 'mjml') if name in sys.modules])"
    )
    arguments = ["-C", str(small), "run", "--now", "2015-07-01T09:00"]
    out = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout
    assert out == "LOADED\n"


def test_plain_call_shows_help_and_fails_as_usage(newsletter):
    called = newsletter()
    assert called.code == 2
    assert "Usage: newsletter" in called.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sned", "hej"], "did you mean `send`?"),
        (["send"], "Missing argument"),
        (["send", "hej", "--confirm", "three"], "--confirm"),
        (["send", "hallå", "-n"], "there is no campaign `hallå`"),
        (["check", "hallå"], "there is no campaign `hallå`"),
        (["run", "--now", "yesterday"], "--now yesterday is no time"),
        (["render", "hej", "--as", "nobody@example.org"], "nobody in subscribers/"),
        (["status", "--frobnicate"], "No such option"),
    ],
)
def test_usage_is_exit_2_and_one_envelope(arguments, told, small, newsletter):
    spoken = newsletter("-C", small, *arguments)
    assert spoken.code == 2
    assert told in spoken.err
    assert "Traceback" not in spoken.err
    enveloped = newsletter("-C", small, *arguments, "--json")
    assert enveloped.code == 2
    envelope = enveloped.envelope
    assert (envelope["ok"], envelope["code"], envelope["schema_version"]) == (False, 2, 1)
    assert told in envelope["problems"][0]["message"] + str(envelope["problems"][0]["try"])


def test_global_options_stand_on_either_side(small, newsletter):
    before = newsletter("-C", small, "--json", "--now", "2015-07-01T09:00", "list")
    after = newsletter("list", "--now", "2015-07-01T09:00", "--json", "-C", small)
    assert before.code == after.code == 0
    assert before.envelope == after.envelope
    assert before.envelope.keys() == {
        "schema_version",
        "ok",
        "code",
        "command",
        "env",
        "data",
        "problems",
        "next",
    }
    assert (before.envelope["command"], before.envelope["env"]) == ("list", "local")


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",), ("status",), ("status", "hej"), ("check",), ("check", "hej"), ("render", "hej"),
        ("send", "hej", "-n"), ("segment", "list"), ("segment", "count", "lista"), ("segment", "show", "lista"),
        ("config", "show"), ("run",), ("resolve", "hej"),
    ],
)  # fmt: skip
def test_every_command_speaks_json_and_nothing_else(arguments, small, newsletter):
    called = newsletter("-C", small, *arguments, "--json", "--now", "2015-07-01T09:00")
    assert called.code == 0, called.out
    assert json.loads(called.out)["command"] == " ".join(
        arguments[: 2 if arguments[0] in ("segment", "config") else 1]
    )
    assert called.err == ""


def test_a_campaign_is_named_by_id_file_or_folder(shipped, newsletter):
    for name in ("almedalen-recap", "campaigns/almedalen-recap", "campaigns/almedalen-recap/campaign.md"):
        data = newsletter("-C", shipped, "status", name, "--json").data
        assert data["campaign"] == "almedalen-recap"
    assert newsletter("-C", shipped, "status", "campaigns/valkommen-komm.md", "--json").data["state"]


def test_segment_count_and_show_agree(shipped, newsletter):
    count = newsletter("-C", shipped, "segment", "count", "seminarier", "--json").data
    show = newsletter("-C", shipped, "segment", "show", "seminarier", "--json", "--sample", "3").data
    assert count["count"] == show["count"] == show["recipients"] + sum(show["excluded"].values())
    assert count["recipients"] == show["recipients"]
    assert len(show["sample"]) == 3
    assert all("***@" in email for email in show["sample"])


def test_check_as_github_annotations(small, newsletter):
    file = small / "campaigns" / "hej.md"
    file.write_text(file.read_text(encoding="utf-8") + "\n{{ subscriber.citty }}\n", encoding="utf-8")
    called = newsletter("-C", small, "check", "--format", "github")
    assert called.code == 3
    assert called.out.startswith("::error file=campaigns/hej.md,line=10,col=4,title=M101::")
    assert newsletter("-C", small, "check", "--format", "json").data["problems"][0]["code"] == "M101"


def test_secrets_are_never_printed(small, newsletter, monkeypatch):
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.very-secret-key")
    monkeypatch.setenv("NEWSLETTER_SECRET", "a-secret-that-is-long-enough-for-this-purpose")
    for arguments in (("config", "show"), ("config", "show", "--json"), ("config", "show", "-v")):
        called = newsletter("-C", small, *arguments)
        assert called.code == 0
        assert "very-secret" not in called.out + called.err
        assert "long-enough" not in called.out + called.err
        assert "***" in called.out


def test_render_writes_every_form(small, newsletter):
    for shape, sign in (
        ("html", "<!doctype html>"),
        ("text", "Hej Åsa!"),
        ("eml", "MIME-Version: 1.0"),
        ("mjml", "<mjml"),
    ):
        called = newsletter("-C", small, "render", "hej", "--as", "ASA@Example.org", "--format", shape)
        assert (called.code, called.err) == (0, "")
        assert sign in called.out
    target = small / "hej.html"
    assert newsletter("-C", small, "render", "hej", "-o", target).code == 0
    assert "Åsa" in target.read_text(encoding="utf-8")


def test_render_with_an_error_writes_no_file(small, newsletter):
    (small / "templates" / "plain.mjml").unlink()
    target = small / "hej.html"
    assert newsletter("-C", small, "render", "hej", "-o", target).code == 3
    assert not target.exists()


def test_quiet_says_nothing_but_wrongs(small, newsletter):
    assert newsletter("-C", small, "-q", "check").out == ""
    called = newsletter("-C", small, "send", "hej", "--quiet", "--confirm", "3")
    assert (called.code, called.out, called.err) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    "arguments", [("check", "--json"), ("send", "hej", "--confirm", "3"), ("list",), ("--help",)]
)
def test_a_full_disk_behind_the_output_is_one_line(small, arguments):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        command = [sys.executable, "-m", "newsletter", "-C", str(small), *arguments]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    told = ran.stderr.decode("utf-8")
    assert ran.returncode == 4
    assert "F114" in told
    assert "Traceback" not in told
    assert "Exception" not in told


def test_a_pipe_is_written_to_and_not_replaced(small, newsletter, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert newsletter("-C", small, "render", "hej", "--format", "text", "-o", pipe).code == 0
        assert b"Hej" in os.read(reader, 65536)
    finally:
        os.close(reader)
    assert pipe.is_fifo()
