"""The main job on the shipped project: who is to get what, and that exactly they get it, once."""

import csv
import email
import email.policy
import hashlib
import json
from pathlib import Path

import pytest

JULY = "2015-07-03T09:00"
ONE_OFF = ("almedalen-recap", "valkommen-birger-blom", "valkommen-komm")


def rows(project: Path, *lists: str) -> list[dict[str, str]]:
    found = []
    for name in lists:
        with (project / "subscribers" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            found += list(csv.DictReader(file))
    return found


def opted_out(project: Path) -> set[str]:
    """Whoever says no in any list, told without the program's own loader."""
    names = [path.stem for path in (project / "subscribers").glob("*.csv")]
    return {
        row["email"].casefold()
        for row in rows(project, *names)
        if row.get("status") in ("unsubscribed", "cleaned")
    }


def outbox(project: Path, campaign: str) -> dict[str, email.message.EmailMessage]:
    """Recipient -> message; fails when somebody has two."""
    found: dict[str, email.message.EmailMessage] = {}
    for path in sorted((project / "out" / "outbox" / campaign).glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        to = str(message["To"]).casefold()
        assert to not in found, f"{to} has two messages"
        found[to] = message
    return found


def fingerprint(project: Path, *but: str) -> dict[str, str]:
    """Every file's hash, SQLite's own side files and the named folders left out."""
    return {
        str(path.relative_to(project)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(project.rglob("*"))
        if path.is_file()
        and path.suffix not in (".db-wal", ".db-shm")
        and not str(path.relative_to(project)).startswith(but or ("\0",))
    }


def test_check_of_the_shipped_project_finds_no_error(shipped, newsletter):
    called = newsletter("-C", shipped, "check", "--json", "--now", JULY)
    assert called.code == 0, called.out
    assert [problem for problem in called.data["problems"] if problem["severity"] == "error"] == []


@pytest.mark.parametrize("name", ONE_OFF)
def test_rehearsal_then_the_same_plan_sends_to_exactly_those(name, shipped, newsletter, tmp_path):
    before = fingerprint(shipped)
    rehearsed = newsletter(
        "-C", shipped, "send", name, "--dry-run", "--json", "--now", JULY, "--out", tmp_path / "out"
    )
    assert rehearsed.code == 0, rehearsed.out + rehearsed.err
    assert fingerprint(shipped) == before, "a rehearsal changed the project"
    data = rehearsed.data
    assert data["candidates"] == data["recipients"] + sum(data["excluded"].values())
    plan = tmp_path / "out" / "plan.json"
    written = json.loads(plan.read_text(encoding="utf-8"))
    assert written["plan"] == data["plan"]
    assert written["proof"].endswith("no difference")
    assert written["proof"] in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert {path.suffix for path in (tmp_path / "out" / "samples").iterdir()} == {".eml", ".html"}
    masked = (tmp_path / "out" / "recipients.csv").read_text(encoding="utf-8")
    assert "***@" in masked
    assert not any(
        row["email"] in masked for row in rows(shipped, "seminarier", "partners") if len(row["email"]) > 12
    )

    sent = newsletter("-C", shipped, "send", name, "--expect-plan", plan, "--json", "--now", JULY)
    assert sent.code == 0, sent.out + sent.err
    got = outbox(shipped, name)
    assert len(got) == data["recipients"] == sent.data["counts"]["accepted"]
    assert not set(got) & opted_out(shipped)

    again = newsletter("-C", shipped, "send", name, "--json", "--now", JULY)
    assert (again.code, again.data["already"]) == (0, True)
    assert outbox(shipped, name).keys() == got.keys()


def test_the_recap_reaches_the_segment_its_rule_describes(shipped, newsletter):
    number = newsletter("-C", shipped, "segment", "count", "almedalen-2015", "--json", "--now", JULY).data
    newsletter("-C", shipped, "send", "almedalen-recap", "--confirm", "0", "--now", JULY)
    assert not outbox(shipped, "almedalen-recap"), "a wrong number sends nothing"
    plan = newsletter("-C", shipped, "send", "almedalen-recap", "-n", "--json", "--now", JULY).data
    confirm = ("--confirm", str(plan["recipients"]))
    assert newsletter("-C", shipped, "send", "almedalen-recap", *confirm, "--now", JULY).code == 0
    assert len(outbox(shipped, "almedalen-recap")) == plan["recipients"] <= number["recipients"]


def test_without_a_terminal_somebody_has_to_say_the_number(shipped, newsletter):
    called = newsletter("-C", shipped, "send", "valkommen-komm", "--now", JULY)
    assert called.code == 6
    assert "--confirm" in called.err
    assert not list(shipped.rglob("*.eml"))


def test_changed_text_after_the_start_is_refused_by_name(shipped, newsletter):
    plan = newsletter("-C", shipped, "send", "valkommen-komm", "-n", "--json", "--now", JULY).data
    assert (
        newsletter(
            "-C", shipped, "send", "valkommen-komm", "--confirm", str(plan["recipients"]), "--now", JULY
        ).code
        == 0
    )
    file = shipped / "campaigns" / "valkommen-komm.md"
    file.write_text(file.read_text(encoding="utf-8") + "\nEn rad till.\n", encoding="utf-8")
    called = newsletter("-C", shipped, "send", "valkommen-komm", "--now", JULY)
    assert called.code == 6
    assert "campaigns/valkommen-komm.md" in called.err


def test_a_plan_of_other_content_is_refused(shipped, newsletter):
    newsletter("-C", shipped, "send", "valkommen-komm", "-n", "--out", shipped / "out" / "p", "--now", JULY)
    base = shipped / "templates" / "base.mjml"
    base.write_text(
        base.read_text(encoding="utf-8").replace("</mj-body>", "<!-- x --></mj-body>"), encoding="utf-8"
    )
    called = newsletter(
        "-C",
        shipped,
        "send",
        "valkommen-komm",
        "--expect-plan",
        shipped / "out" / "p" / "plan.json",
        "--now",
        JULY,
    )
    assert called.code == 6
    assert "G119" in called.err
    assert not (shipped / "out" / "outbox").exists()


def test_status_adds_up_and_says_done(shipped, newsletter):
    before = newsletter("-C", shipped, "status", "valkommen-komm", "--json", "--now", "2015-06-01T09:00").data
    assert before["state"] == "ready"
    assert (sum(before["counts"].values()), before["total"]) == (0, 0)
    plan = newsletter("-C", shipped, "send", "valkommen-komm", "-n", "--json", "--now", JULY).data
    newsletter("-C", shipped, "send", "valkommen-komm", "--confirm", str(plan["recipients"]), "--now", JULY)
    after = newsletter("-C", shipped, "status", "valkommen-komm", "--json", "--now", JULY).data
    assert after["state"] == "done"
    assert (
        after["total"] == plan["recipients"] == sum(after["counts"].values()) == after["counts"]["accepted"]
    )


def test_the_mail_names_the_list_by_which_it_came(shipped, newsletter):
    """Somebody on three lists opts out of the one that the recap was sent to."""
    plan = newsletter("-C", shipped, "send", "almedalen-recap", "-n", "--json", "--now", JULY).data
    newsletter("-C", shipped, "send", "almedalen-recap", "--confirm", str(plan["recipients"]), "--now", JULY)
    named = {str(message["List-Id"]) for message in outbox(shipped, "almedalen-recap").values()}
    assert named == {"<seminarier.hejdigitalt.example>"}


def test_the_next_command_is_for_the_same_project_environment_and_time(small, newsletter):
    with (small / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write('\n[env.stage]\nprovider = "outbox"\n')
    rehearsed = newsletter("-C", small, "send", "hej", "-n", "--env", "stage", "--now", JULY, "--json")
    (step,) = rehearsed.envelope["next"]
    assert newsletter(*step.split()[1:]).code == 0
    assert newsletter("-C", small, "status", "hej", "--env", "stage", "--json").data["state"] == "done"
    assert newsletter("-C", small, "status", "hej", "--json").data["total"] == 0
