"""Which job goes to which node next. Pure: the same rows give the same choice in every process.

The near future is played forward: the node that is free first takes the job that suits it best, and
so on, until every open place has its job. What falls in an open place is given; the rest was only
thought, so that a job does not queue behind a long run while another node is about to be free.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ad_pipeline.engines.comfy.rack.situation import UNKNOWN_RUN_S, Given, Place, Times, Waiting

MOST_ON_A_NODE = 2
"""One runs and one waits there, so that the next one's upload hides behind the current run."""
MOST_WITH_URGENT = 3
"""An urgent job goes to the front, so it may stand beside two others; it would wait for both runs otherwise."""
AGED_RUNS = 10.0
"""Who waited longer than so many median runs goes before those that suit a node better."""
STREAK_LOADS = 12.0
"""... once the node has used what it loaded for so many times the loading: swaps stay below a twelfth."""
ORDINARY_WAIT_S = 1800.0
"""When urgent work kept all other from a node for so long, one other job goes before it: once, then not for as long."""

_FOLLOWERS: Mapping[str, tuple[str, ...]] = {"key_image": ("motion_clip",), "motion_clip": ("lipsync", "sfx")}


def choose(
    waiting: Sequence[Waiting],
    places: Sequence[Place],
    *,
    planned: Sequence[Waiting] = (),
    times: Times,
    now_s: float,
    urgent_grace_s: float = 5.0,
) -> list[Given]:
    """What to give out now; empty when no place is open for anybody who waits.

    `urgent_grace_s`: so long a node that ran an urgent job stays free for the session's next one.
    """
    play = _Play(waiting, places, planned, times, now_s, urgent_grace_s)
    play.overdue_jobs()
    play.urgent_jobs()
    play.ordinary_jobs()
    return play.given


def places_before(waiting: Iterable[Waiting]) -> dict[str, int]:
    """job id -> how many of those that wait for one of the same nodes are likely served earlier."""
    counts: dict[frozenset[str], int] = defaultdict(int)
    found: dict[str, int] = {}
    for job in sorted(waiting, key=_turn_key):
        found[job.job_id] = sum(count for nodes, count in counts.items() if nodes & job.nodes)
        counts[job.nodes] += 1
    return found


def _turn_key(job: Waiting) -> tuple[bool, float, str]:
    return (not job.urgent, job.since_s, job.job_id)


@dataclass(kw_only=True)
class _Seat:
    """A node while the future is played."""

    place: Place
    count: int
    urgent_count: int
    front_s: float
    """When the job that runs now ends."""
    free_s: float
    """When all that it holds has ended."""
    models: str
    swapped_s: float
    is_out: bool = False
    """It does better to wait for what its models are for."""
    is_owed: bool = False
    """Urgent work had it for long enough: it gets none until another job was done."""

    def is_full(self, *, urgent: bool = False) -> bool:
        return self.count >= (MOST_WITH_URGENT if urgent else MOST_ON_A_NODE)


def _is_swap(seat: _Seat, job: Waiting) -> bool:
    return bool(job.models) and job.models != seat.models


class _Play:
    """The future, played forward from `now_s`."""

    def __init__(
        self, waiting: Sequence[Waiting], places: Sequence[Place], planned: Sequence[Waiting], times: Times,
        now_s: float, urgent_grace_s: float,
    ) -> None:  # fmt: skip
        self.given: list[Given] = []
        self._times, self._now_s = times, now_s
        self._seats = [self._seat(place) for place in sorted(places, key=lambda one: one.name) if place.is_open]
        self._open = {seat.place.name for seat in self._seats}
        jobs = sorted(waiting, key=_turn_key)
        self._urgent = [job for job in jobs if job.urgent]
        self._queues: dict[str, list[Waiting]] = defaultdict(list)
        for job in jobs:
            if not job.urgent:
                self._queues[job.models].append(job)
        self._work_s = {
            models: sum(times.run(job) for job in queue if job.nodes & self._open)
            for models, queue in self._queues.items()
        }
        self._coming = {job.models for job in planned}
        self._chain_s = self._chains(jobs, planned)
        runs = sorted(times.run(job) for job in jobs) or [UNKNOWN_RUN_S]
        self._aged_s = AGED_RUNS * runs[len(runs) // 2]
        is_planned = any(job.urgent for job in planned)
        self._is_urgent_about = bool(self._urgent) or is_planned
        if is_planned:
            for seat in self._seats:
                is_kept = now_s - seat.place.urgent_ended_s < urgent_grace_s
                seat.is_out = is_kept or seat.urgent_count > 0

    def _seat(self, place: Place) -> _Seat:
        at_s, front_s = 0.0, 0.0
        typical_s = UNKNOWN_RUN_S
        for number, job in enumerate(place.held):
            typical_s = self._times.run(job)
            need_s = typical_s / place.weight + (self._times.load(job.models, typical_s) if job.swapped else 0.0)
            if number == 0:
                ran_s = self._now_s - max(job.given_s, place.ended_s)
                # Who is late will likely stay late: a job that hangs must not keep others in the hope of its node.
                at_s = front_s = max(need_s - ran_s, 0.05 * need_s, 0.5 * (ran_s - need_s))
            else:
                at_s += need_s
        return _Seat(
            place=place,
            count=len(place.held),
            urgent_count=sum(job.urgent for job in place.held),
            front_s=front_s,
            free_s=at_s + place.others * typical_s / place.weight,
            models=place.models,
            swapped_s=place.swapped_s,
        )

    def _chains(self, jobs: Iterable[Waiting], planned: Iterable[Waiting]) -> dict[str, float]:
        """models -> the longest time of work that only its jobs can set free, themselves included."""
        own_s: dict[str, float] = {}
        models: dict[str, set[str]] = defaultdict(set)
        for job in (*jobs, *planned):
            own_s[job.stage] = max(own_s.get(job.stage, 0.0), self._times.run(job))
            models[job.models].add(job.stage)

        def chain_s(stage: str) -> float:
            after = (chain_s(follower) for follower in _FOLLOWERS.get(stage, ()))
            return own_s.get(stage, 0.0) + max(after, default=0.0)

        return {name: max(chain_s(stage) for stage in stages) for name, stages in models.items()}

    # --- kept out for too long ----------------------------------------------------------------------

    def overdue_jobs(self) -> None:
        """One ordinary job on each node that urgent work held for too long."""
        if not self._is_urgent_about:
            return
        for seat in self._seats:
            place, job = seat.place, None
            since_s = [held.since_s for held in place.held if not held.urgent]
            if not since_s:
                job = min(self._all_for(seat), key=_turn_key, default=None)
                since_s = [job.since_s] if job else []
            elif not place.held[0].urgent and place.urgent_ended_s <= place.held[0].given_s:
                continue  # it is what runs there now
            if since_s and self._now_s - max(place.ordinary_ended_s, min(since_s)) >= ORDINARY_WAIT_S:
                seat.is_owed = seat.is_out = True
                if job and not seat.is_full():
                    self._seat_ordinary(seat, job)

    def _all_for(self, seat: _Seat) -> Iterable[Waiting]:
        return (job for queue in self._queues.values() for job in queue if self._takes(seat, job))

    # --- urgent -------------------------------------------------------------------------------------

    def urgent_jobs(self) -> None:
        """Each to the node where it ends first; it goes to the front there."""
        for job in self._urgent:
            seats = [seat for seat in self._seats if self._takes(seat, job) and not seat.is_owed]
            if not seats:
                continue
            seat = min(seats, key=lambda one: (self._front_end_s(one, job), one.place.name))
            if not seat.is_full(urgent=True):
                self._give(seat, job)
            end_s = self._front_end_s(seat, job)
            seat.free_s += end_s - seat.front_s
            seat.front_s, seat.models = end_s, job.models or seat.models
            seat.urgent_count += 1
            seat.is_out = True

    def _front_end_s(self, seat: _Seat, job: Waiting) -> float:
        return seat.front_s + self._cost_s(seat, job)

    # --- all others ---------------------------------------------------------------------------------

    def ordinary_jobs(self) -> None:
        """Whoever is free first takes what suits it best, until no open place is left."""
        while True:
            seats = [seat for seat in self._seats if not seat.is_out]
            if not any(not seat.is_full() for seat in seats):
                return
            seat = min(seats, key=lambda one: (one.free_s, one.place.name))
            job = self._best_for(seat)
            if job is None:
                seat.is_out = True
                continue
            self._seat_ordinary(seat, job)

    def _seat_ordinary(self, seat: _Seat, job: Waiting) -> None:
        if not seat.is_full():
            self._give(seat, job)
        cost_s = self._cost_s(seat, job)
        if _is_swap(seat, job):
            seat.models, seat.swapped_s = job.models, self._now_s + seat.free_s
        seat.free_s += cost_s
        seat.count += 1
        self._queues[job.models].remove(job)
        self._work_s[job.models] -= self._times.run(job)

    def _best_for(self, seat: _Seat) -> Waiting | None:
        heads = {
            models: head
            for models, queue in self._queues.items()
            if (head := next((job for job in queue if self._takes(seat, job)), None))
        }
        if not heads:
            return None
        at_s = self._now_s + seat.free_s
        fitting = [head for head in (heads.pop(seat.models, None), heads.pop("", None)) if head]
        loaded = min(fitting, key=_turn_key, default=None)
        oldest = min(heads.values(), key=_turn_key, default=None)
        if oldest and at_s - oldest.since_s > self._aged_s and (loaded is None or oldest.since_s < loaded.since_s):
            streak_s = at_s - seat.swapped_s
            if streak_s >= STREAK_LOADS * self._load_s(oldest) and not self._is_served(oldest, seat):
                return oldest
        if loaded:
            return loaded
        worth = [job for job in heads.values() if self._is_worth_loading(seat, job)]
        return max(worth, key=self._pressure, default=None)

    def _is_served(self, job: Waiting, seat: _Seat) -> bool:
        """Whether another node has its models loaded: its turn comes there without a swap."""
        return any(
            other is not seat and other.models == job.models and self._takes(other, job) for other in self._seats
        )

    def _is_worth_loading(self, seat: _Seat, job: Waiting) -> bool:
        """Not when those that have it loaded are through before this node would be ready."""
        having = [
            other for other in self._seats
            if other is not seat and other.models == job.models and self._takes(other, job)
        ]  # fmt: skip
        if not having:
            return True
        drained_s = (sum(other.free_s for other in having) + self._work_s[job.models]) / len(having)
        back_s = self._times.load(seat.models, 0.0) if seat.models in self._coming else 0.0
        return drained_s > seat.free_s + self._cost_s(seat, job) + back_s

    def _pressure(self, job: Waiting) -> tuple[float, float, str]:
        """Rather what nobody has loaded and much waits for; then what sets most work free."""
        having = sum(1 for seat in self._seats if seat.models == job.models)
        work_s = self._work_s[job.models] / (1 + having)
        return (work_s + self._chain_s.get(job.models, 0.0), -job.since_s, job.job_id)

    # --- both ---------------------------------------------------------------------------------------

    def _takes(self, seat: _Seat, job: Waiting) -> bool:
        name = seat.place.name
        if name not in job.nodes:
            return False
        return name not in job.avoid or not (job.nodes & self._open) - job.avoid

    def _cost_s(self, seat: _Seat, job: Waiting) -> float:
        load_s = self._load_s(job) if _is_swap(seat, job) else 0.0
        return load_s + self._times.run(job) / seat.place.weight

    def _load_s(self, job: Waiting) -> float:
        return self._times.load(job.models, self._times.run(job))

    def _give(self, seat: _Seat, job: Waiting) -> None:
        self.given.append(Given(job_id=job.job_id, node=seat.place.name, swapped=_is_swap(seat, job)))
        if job.urgent:
            seat.count += 1
