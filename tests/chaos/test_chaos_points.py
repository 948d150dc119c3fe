"""Cut off at every point: by a kill, and by a power cut that loses or reorders what was not synced."""

import os
from collections import Counter
from pathlib import Path

import pytest

from . import child
from .child import Machine
from .disk import Disk, files_of
from .jobs import JOBS, Found, Job, Ledger, all_is_well, found_in
from .points import Point, read_points
from .world import World

LONG = os.environ.get("CHAOS") == "long"
KILLS = 0 if LONG else 4  # a job, evenly among its points; 0: all


class Bench:
    """One job in its folder: traced once, then tried again and again from the same beginning."""

    def __init__(self, forks, folder: Path, job: Job) -> None:
        self.forks, self.folder, self.job = forks, folder, job
        self.fresh, self.project = folder / "fresh", folder / "project"
        job.make(self.fresh)
        job.before = files_of(self.fresh)
        self.points = self.trace()

    def trace(self) -> list[Point]:
        world = self.job.copy(self.fresh, self.project)
        try:
            assert self.run(world, trace="trace", snapshots="snapshots") == 0, self.said()
        finally:
            world.peer.close()
        self.job.after = files_of(self.project)
        return read_points(self.folder / "trace")

    def run(self, world: World, *, trace: str = "", snapshots: str = "", die_at: int = 0) -> int:
        machine = Machine(
            trace=str(self.folder / trace) if trace else "",
            snapshots=str(self.folder / snapshots) if snapshots else "",
            die_at=die_at,
            environment=world.peer.environment(),
        )
        if trace:
            (self.folder / trace).unlink(missing_ok=True)
        command = tuple(word.format(project=self.project) for word in self.job.arguments)
        process = child.start(self.forks, self.project, command, machine, self.folder / "said.txt")
        process.join()
        assert process.exitcode is not None
        return process.exitcode

    def said(self) -> str:
        return (self.folder / "said.txt").read_text(encoding="utf-8")[-2000:]

    def kill_at(self, number: int) -> None:
        """Killed there, what is left holds; the same command again makes all well."""
        world = self.job.copy(self.fresh, self.project)
        try:
            code = self.run(world, trace="killed", die_at=number)
            assert code in (-9, 0), self.said()  # threads: this time it may have fewer points
            world.peer.rest()
            kept = any(point.call == "kept" for point in read_points(self.folder / "killed")[:-1])
            self.job.holds(found_in(self.job, world, self.project, kept=kept))
            self.go_on(world)
        finally:
            world.peer.close()

    def go_on(self, world: World) -> None:
        code = self.run(world)
        if code == 7:  # a provider that can't be asked: its events come
            assert world.settle("brev", absent=True) > 0
            code = self.run(world)
        assert code == 0, self.said()
        all_is_well(self.job, world)

    def cut(self, disk: Disk, points: list[Point], snapshots: Path) -> int:
        """A power cut at each of these points, in every way there is; returns how many disks that makes."""
        world, disks, kept = self.job.world(self.project), 0, False
        for number, point in enumerate(points, 1):
            at = snapshots / str(number)
            now, ledger = files_of(at), Ledger.read(world, at)
            for files in disk.crashes(now):
                disks += 1
                lost = not any(path.endswith("state.db") for path in files)
                left = Found(files, Ledger() if lost else ledger, ended=point.call == "end", kept=kept)
                try:
                    self.job.holds(left)
                except AssertionError as failed:
                    raise AssertionError(
                        f"{self.job.name}, before point {number} {point}: {failed}"
                    ) from failed
            path = Path(point.paths[0]) if point.paths else self.project
            there = path.is_relative_to(self.project) and (at / path.relative_to(self.project)).exists()
            disk.follow(point, now, there)
            kept = kept or point.call == "kept"
        world.peer.close()
        return disks


@pytest.fixture(scope="module")
def bench(request, forks, tmp_path_factory):
    return Bench(forks, tmp_path_factory.mktemp(request.param.name), request.param)


@pytest.mark.parametrize("bench", JOBS, indirect=True, ids=lambda job: job.name)
def test_killed_at_each_point(bench, capsys):
    number = len(bench.points)
    chosen = range(1, number + 1)
    if KILLS:
        chosen = sorted({1 + step * (number - 1) // (KILLS - 1) for step in range(KILLS)})
    for at in chosen:
        try:
            bench.kill_at(at)
        except AssertionError as failed:
            raise AssertionError(
                f"{bench.job.name}, at point {at} {bench.points[at - 1]}: {failed}"
            ) from failed
    with capsys.disabled():
        calls = Counter(point.call for point in bench.points)
        told = ", ".join(f"{call} {times}" for call, times in sorted(calls.items()))
        print(f"\n{bench.job.name}: {number} points ({told}), killed at {len(chosen)}")


@pytest.mark.parametrize(
    "bench", [job for job in JOBS if job.provider == "outbox"], indirect=True, ids=lambda job: job.name
)
def test_what_a_power_cut_may_leave(bench, capsys):
    """Each disk that may be left at each point. The live one is among them: that is what a kill leaves."""
    disks = bench.cut(Disk(bench.project, bench.job.before), bench.points, bench.folder / "snapshots")
    with capsys.disabled():
        print(f"\n{bench.job.name}: {len(bench.points)} points, {disks} disks")


@pytest.mark.parametrize("bench", JOBS[:1], indirect=True, ids=lambda job: job.name)
def test_killed_and_then_a_power_cut(bench):
    """What a kill left unsynced is still so when the next sender finds it: it is no proof before it lasts."""
    renamed = [at for at, point in enumerate(bench.points, 1) if point.call == "rename"]
    for at in renamed if LONG else renamed[1:3]:
        world = bench.job.copy(bench.fresh, bench.project)
        disk = Disk(bench.project, bench.job.before)
        folders = [bench.folder / f"{name}-{at}" for name in ("killed", "again")]
        assert bench.run(world, trace="killed", snapshots=folders[0].name, die_at=at + 1) == -9
        bench.cut(disk, read_points(bench.folder / "killed")[:-1], folders[0])
        assert bench.run(world, trace="again", snapshots=folders[1].name) == 0, bench.said()
        assert bench.cut(disk, read_points(bench.folder / "again"), folders[1]) > 0
