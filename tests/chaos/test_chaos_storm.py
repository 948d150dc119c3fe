"""Kill -9 at random, bad machines, moody providers, people leaving: nobody is lost, nobody gets two."""

import os

import pytest

from .storm import Storm, Tally

LONG = os.environ.get("CHAOS") == "long"
SEED = int(os.environ.get("CHAOS_SEED", "20150703"))
KILLS = 50 if LONG else 10
STORMS = 4 if LONG else 1  # each in a project of its own, with the next seed
PEOPLE = 150 if LONG else 60
PROVIDERS = ("outbox", "smtp", "sendgrid")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nobody_is_lost_and_nobody_gets_two(forks, tmp_path, provider, capsys):
    print(f"CHAOS_SEED={SEED}")  # pytest shows it when this fails
    tally = Tally(provider, SEED)
    for number in range(STORMS):
        folder = tmp_path / str(number)
        folder.mkdir()
        tally.add(Storm(forks, folder, provider, SEED + number, people=PEOPLE).play(KILLS))
    with capsys.disabled():
        print(f"\n{Tally.head()}\n{tally.row()}\n{tally.more()}" if LONG else f" {tally.row()}")
