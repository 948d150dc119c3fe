"""Files that travel with a letter, from the command line: in every message, in the rehearsal's plan, and frozen."""

import email
import email.policy

import pytest

FIRST, SECOND = b"%PDF-1.7\nthe first edition\n", b"%PDF-1.7\nthe second one\n"


@pytest.fixture
def project(small):
    letter = small / "campaigns" / "hej.md"
    text = letter.read_text("utf-8").replace("send_at ", 'attachments = ["tider på ön.pdf"]\nsend_at ')
    letter.write_text(text, encoding="utf-8")
    (small / "campaigns" / "tider på ön.pdf").write_bytes(FIRST)
    return small


def attached(project, folder="out"):
    """What each message below the folder carries."""
    found = []
    for path in sorted((project / folder).rglob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found.append(
            [(part.get_filename(), part.get_payload(decode=True)) for part in message.iter_attachments()]
        )
    return found


def test_everybody_gets_it_and_the_plan_covers_it(project, newsletter):
    rehearsed = newsletter("-C", project, "send", "hej", "-n", "--out", project / "plan", "--json")
    assert rehearsed.code == 0
    assert {problem["code"] for problem in rehearsed.data["problems"]} >= {"L130"}
    assert attached(project, "plan")[0] == [("tider på ön.pdf", FIRST)]
    (project / "campaigns" / "tider på ön.pdf").write_bytes(SECOND)
    refused = newsletter("-C", project, "send", "hej", "--expect-plan", project / "plan" / "plan.json")
    assert (refused.code, "G119" in refused.err, "tider på ön.pdf" in refused.err) == (6, True, True)
    (project / "campaigns" / "tider på ön.pdf").write_bytes(FIRST)
    sent = newsletter("-C", project, "send", "hej", "--expect-plan", project / "plan" / "plan.json")
    assert sent.code == 0
    assert attached(project) == [[("tider på ön.pdf", FIRST)]] * 3


def test_whoever_is_left_gets_the_file_that_the_others_got(project, newsletter):
    (project / "out").mkdir()
    (project / "out" / "outbox").write_text("no folder at this moment", encoding="utf-8")
    assert newsletter("-C", project, "send", "hej", "--confirm", "3").code == 5
    (project / "out" / "outbox").unlink()
    (project / "campaigns" / "tider på ön.pdf").write_bytes(SECOND)
    refused = newsletter("-C", project, "send", "hej")
    assert (refused.code, "tider på ön.pdf" in refused.err) == (6, True)
    assert newsletter("-C", project, "send", "hej", "--resume").code == 0
    assert attached(project) == [[("tider på ön.pdf", FIRST)]] * 3


def test_a_test_mail_carries_it_too(project, newsletter):
    with (project / "newsletter.toml").open("a", encoding="utf-8") as file:
        file.write('\n[test]\nallow = ["prov@example.org"]\n')
    assert newsletter("-C", project, "test", "hej", "--to", "prov@example.org").code == 0
    assert attached(project) == [[("tider på ön.pdf", FIRST)]]


@pytest.mark.parametrize("name", ["../hemligt.pdf", "/etc/hostname", ".newsletter/secret", ".env", "~/x.pdf"])
def test_nothing_outside_and_nothing_hidden_travels(project, newsletter, name):
    (project / ".env").write_text("NEWSLETTER_LANGUAGE=sv\n", encoding="utf-8")
    (project.parent / "hemligt.pdf").write_bytes(b"%PDF-1.7 secret")
    assert newsletter("-C", project, "suppress", "add", "nagon@example.org").code == 0, "makes the secret"
    letter = project / "campaigns" / "hej.md"
    letter.write_text(letter.read_text("utf-8").replace("tider på ön.pdf", name), encoding="utf-8")
    called = newsletter("-C", project, "send", "hej", "--confirm", "3")
    assert (called.code, attached(project)) == (3, []), called.err


def test_a_link_out_of_the_project_is_not_followed(project, newsletter):
    (project.parent / "hemligt.pdf").write_bytes(b"%PDF-1.7 secret")
    file = project / "campaigns" / "tider på ön.pdf"
    file.unlink()
    file.symlink_to(project.parent / "hemligt.pdf")
    called = newsletter("-C", project, "send", "hej", "--confirm", "3")
    assert (called.code, attached(project)) == (3, []), called.err
