"""The secret: made once, the same for all, never shown."""

import os
import subprocess
import sys
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from newsletter.errors import ConfigurationFault
from newsletter.files.project import Project
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret, ensure_secret, load_secret, throwaway_secret

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("NEWSLETTER_SECRET", raising=False)
    return Settings(environment="local")


def test_no_secret_is_made_by_looking(project: Project, settings: Settings) -> None:
    assert load_secret(project, settings) is None
    assert os.listdir(project.root) == []


def test_a_secret_is_made_once_for_its_owner_alone(project: Project, settings: Settings) -> None:
    made = ensure_secret(project, settings)
    path = project.root / ".newsletter" / "secret"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(urlsafe_b64decode(path.read_text(encoding="utf-8").strip() + "=")) == 32
    again = ensure_secret(project, settings)
    loaded = load_secret(project, settings)
    assert loaded is not None
    assert made.fingerprint == again.fingerprint == loaded.fingerprint
    assert os.listdir(path.parent) == ["secret"]


def test_processes_that_make_it_at_once_agree(project: Project) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from newsletter.files.project import Project\n"
        "from newsletter.settings.model import Settings\n"
        "from newsletter.settings.secret import ensure_secret\n"
        "settings = Settings(environment='local')\n"
        "print('up', flush=True); sys.stdin.readline()\n"
        "print(ensure_secret(Project(Path(sys.argv[1])), settings).fingerprint)\n"
    )
    command = [sys.executable, "-c", program, str(project.root)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    running = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        for _ in range(4)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    answers = set()
    for process in running:  # all are ready: off together
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in running:
        answers.add(process.communicate()[0].strip())
        assert process.returncode == 0
    assert len(answers) == 1


def test_the_variable_beats_the_file(project: Project, settings: Settings) -> None:
    ensure_secret(project, settings)
    given_one = Settings(environment="local", secret=SecretStr(KEY))
    assert ensure_secret(project, given_one).fingerprint == Secret(KEY).fingerprint


@pytest.mark.parametrize(
    ("data", "reason"), [(b"short\n", "it is too short"), (b"", "it is"), (b"\xff" * 40, "it is no text")]
)
def test_a_damaged_secret_is_never_replaced(
    project: Project, settings: Settings, data: bytes, reason: str
) -> None:
    path = project.root / ".newsletter" / "secret"
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(ConfigurationFault) as caught:
        ensure_secret(project, settings)
    (problem,) = caught.value.problems
    assert problem.message.startswith(f"the secret is damaged: {reason}")
    assert str(problem.place) == ".newsletter/secret"
    assert path.read_bytes() == data


def test_a_place_where_no_secret_can_be_kept_is_told(project: Project, settings: Settings) -> None:
    (project.root / ".newsletter").touch()
    with pytest.raises(ConfigurationFault) as caught:
        ensure_secret(project, settings)
    assert caught.value.problems[0].message == "no secret can be kept: .newsletter is no folder"


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_other_parts_give_another_mac(one: list[bytes], other: list[bytes]) -> None:
    secret = Secret(KEY)
    assert (secret.mac("p", *one) == secret.mac("p", *other)) == (one == other)
    assert secret.mac("p", *one) != secret.mac("q", *one)


def test_macs_are_stable_for_ever() -> None:
    """Links in sent mail hang on these: a change here breaks every one of them."""
    secret = Secret(KEY)
    assert secret.id == Secret(KEY).id
    assert (
        secret.mac("p", "a", b"b", size=32).hex()
        == "45e272f3204bcd6b15b3f9b452cc742e808404048a9c53a73610157dc82336c6"
    )
    assert secret.person("åsa@example.org").hex() == "6e152fe07b15ed6345d0a7a329126e26"
    assert secret.id == "64c797ec"


def test_a_size_that_no_mac_has_is_refused() -> None:
    for size in (0, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            Secret(KEY).mac("p", size=size)


def test_the_key_is_not_shown() -> None:
    secret = Secret(KEY)
    assert KEY not in repr(secret) + str(secret) + secret.id + secret.fingerprint
    assert throwaway_secret().fingerprint != throwaway_secret().fingerprint


@pytest.mark.parametrize("text", ["x" * 32, "x" * 64, "x" * 65, "å" * 90])
def test_a_person_is_keyed_as_anything_else_whatever_the_secrets_length(text):
    secret = Secret(text)
    assert secret.person("åsa@example.org") == secret.mac("person", "åsa@example.org")
