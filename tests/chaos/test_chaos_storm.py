"""Kill -9 at random, bad machines, moody providers, people leaving: nobody is lost, nobody gets two."""

import os

import pytest

from . import child
from .storm import Storm

LONG = os.environ.get("CHAOS") == "long"
SEED = int(os.environ.get("CHAOS_SEED", "20150703"))
KILLS = 200 if LONG else 12
PROVIDERS = ("outbox", "smtp", "sendgrid")


@pytest.fixture(scope="module")
def forks():
    return child.context()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nobody_is_lost_and_nobody_gets_two(forks, tmp_path, provider, capsys):
    storm = Storm(forks, tmp_path, provider, SEED)
    with capsys.disabled():
        print(f"\n{provider}: seed {SEED}")
        tally = storm.play(KILLS)
        print(tally)
    assert tally.kills >= KILLS
