"""The outbox: one whole file a message, its name the proof; nothing leaves the folder."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.providers.outbox import Outbox
from newsletter.providers.protocol import Answer, Parcel

Make = Callable[..., Parcel]


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_each_message_is_a_file_below_its_campaign(tmp_path: Path, parcel: Make) -> None:
    outbox = Outbox(tmp_path / "out" / "outbox")
    parcels = [parcel("sid1"), parcel("sid2", "bo@example.org")]
    outcome = outbox.hand_over(outbox.prepare(parcels))
    assert outcome.answer is Answer.ACCEPTED
    assert files(tmp_path) == ["out/outbox/almedalen-recap/sid1.eml", "out/outbox/almedalen-recap/sid2.eml"]
    assert b"\r\nTo: bo@example.org\r\n" in (outbox.root / "almedalen-recap" / "sid2.eml").read_bytes()


def test_a_step_lies_in_the_folder_of_its_sequence(tmp_path: Path, parcel: Make) -> None:
    outbox = Outbox(tmp_path)
    outbox.hand_over(outbox.prepare([parcel("sid1", campaign_id="sju-tips/budskapet")]))
    assert files(tmp_path) == ["sju-tips/budskapet/sid1.eml"]


def test_a_file_that_is_there_stays_and_counts(tmp_path: Path, parcel: Make) -> None:
    outbox = Outbox(tmp_path)
    outbox.hand_over(outbox.prepare([parcel("sid1", subject="Först")]))
    before = (tmp_path / "almedalen-recap" / "sid1.eml").read_bytes()
    again = outbox.hand_over(outbox.prepare([parcel("sid1", subject="Sedan"), parcel("sid2")]))
    assert again.answer is Answer.ACCEPTED
    assert (tmp_path / "almedalen-recap" / "sid1.eml").read_bytes() == before
    assert files(tmp_path) == ["almedalen-recap/sid1.eml", "almedalen-recap/sid2.eml"]


def test_the_files_are_the_evidence(tmp_path: Path, parcel: Make) -> None:
    outbox = Outbox(tmp_path)
    outbox.hand_over(outbox.prepare([parcel("sid1")]))
    (tmp_path / "almedalen-recap" / ".sid2.part").write_bytes(b"half")
    assert outbox.evidence("almedalen-recap", ["sid1", "sid2", "../../x"]) == {
        "sid1": True,
        "sid2": False,
        "../../x": False,
    }
    assert outbox.evidence("never-sent", ["sid1"]) == {"sid1": False}
    assert not (tmp_path / "never-sent").exists()


def test_what_a_kill_left_behind_is_overwritten(tmp_path: Path, parcel: Make) -> None:
    outbox = Outbox(tmp_path)
    (tmp_path / "almedalen-recap").mkdir()
    (tmp_path / "almedalen-recap" / ".sid1.part").write_bytes(b"x" * 100_000)
    request = outbox.prepare([parcel("sid1")])
    outbox.hand_over(request)
    assert files(tmp_path) == ["almedalen-recap/sid1.eml"]
    assert len((tmp_path / "almedalen-recap" / "sid1.eml").read_bytes()) < 5_000


def test_a_full_disk_is_a_retry_that_says_who_has_theirs(tmp_path: Path, parcel: Make) -> None:
    """A real limit of the system on the size of files, in a process of its own."""
    program = (
        "import resource, signal, sys, pickle\n"
        "from pathlib import Path\n"
        "from newsletter.providers.outbox import Outbox, _Files\n"
        "from newsletter.providers.protocol import Request\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "outbox = Outbox(Path(sys.argv[1]))\n"
        "data = ((('s1', b'x' * 500), ('s2', b'y' * 5000), ('s3', b'z' * 500)))\n"
        "outcome = outbox.hand_over(Request(('s1', 's2', 's3'), b'', _Files(outbox.root / 'c', data)))\n"
        "print(outcome.answer, outcome.pause, dict(outcome.exceptions), outcome.detail)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert done.stdout == (
        "retry True {'s1': (<Answer.ACCEPTED: 'accepted'>, '')} the outbox cannot be written: File too large\n"
    )
    assert files(tmp_path) == ["c/s1.eml"]


@pytest.mark.parametrize("campaign_id", ["", "..", "../x", "a/../b", "/etc", "a//b", "a\\b", "c:x", "a\0b"])
def test_no_campaign_id_leads_out_of_the_folder(tmp_path: Path, parcel: Make, campaign_id: str) -> None:
    with pytest.raises(ValueError, match="is no campaign id"):
        Outbox(tmp_path).prepare([parcel(campaign_id=campaign_id)])


def test_a_link_that_leaves_the_outbox_is_not_followed(tmp_path: Path, parcel: Make) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (outbox.root / "almedalen-recap").symlink_to(tmp_path / "elsewhere")
    outcome = outbox.hand_over(outbox.prepare([parcel()]))
    assert (outcome.answer, outcome.pause) == (Answer.RETRY, True)
    assert "almedalen-recap is a link that leaves the outbox" in outcome.detail
    assert files(tmp_path) == []


def test_a_file_where_the_folder_should_be_is_a_retry(tmp_path: Path, parcel: Make) -> None:
    (tmp_path / "outbox").write_text("", encoding="utf-8")
    outbox = Outbox(tmp_path / "outbox")
    outcome = outbox.hand_over(outbox.prepare([parcel()]))
    assert (outcome.answer, outcome.pause) == (Answer.RETRY, True)


def test_killed_at_any_moment_no_file_is_half(tmp_path: Path) -> None:
    """SIGKILL while it writes: whatever ends in .eml is whole, and a second run completes the set."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from newsletter.providers.outbox import Outbox, _Files\n"
        "from newsletter.providers.protocol import Request\n"
        "outbox = Outbox(Path(sys.argv[1]))\n"
        "data = tuple((f's{n}', b'x' * 200_000) for n in range(60))\n"
        "print('go', flush=True)\n"
        "outbox.hand_over(Request(tuple(s for s, _ in data), b'', _Files(outbox.root / 'c', data)))\n"
    )
    killed_midway = 0
    for patience in (0.001, 0.004, 0.008, 0.015, 0.03):
        root = tmp_path / str(patience)
        child = subprocess.Popen([sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            child.kill()
        child.wait()
        child.stdout.close()
        whole = list(root.rglob("*.eml"))
        killed_midway += 0 < len(whole) < 60
        assert {path.stat().st_size for path in whole} <= {200_000}
        subprocess.run([sys.executable, "-c", program, str(root)], check=True, capture_output=True)
        assert sorted(files(root)) == sorted(f"c/s{n}.eml" for n in range(60))
    assert killed_midway
