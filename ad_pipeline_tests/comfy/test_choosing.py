"""Which job goes to which node: the choice alone, and played through with many jobs."""

from __future__ import annotations

import random

import pytest

from ad_pipeline.engines.comfy.rack.choosing import (
    MOST_ON_A_NODE,
    MOST_WITH_URGENT,
    ORDINARY_WAIT_S,
    choose,
    places_before,
)
from ad_pipeline.engines.comfy.rack.situation import Given, Held, Place, Times, Waiting
from ad_pipeline_tests.bench.simulation import LOAD_S, STAGES, Simulation, lower_bound_s, pieces

_TIMES = Times(load_s=dict.fromkeys(STAGES, 10.0))
_NODES = frozenset({"gpu0", "gpu1"})


def _job(
    name: str, models: str = "key_image", *, since_s: float = 0.0, urgent: bool = False,
    nodes: frozenset[str] = _NODES, avoid: frozenset[str] = frozenset(), estimate_s: float = 10.0,
) -> Waiting:  # fmt: skip
    return Waiting(
        job_id=name, graph=models, models=models, stage=models, since_s=since_s, urgent=urgent, nodes=nodes,
        avoid=avoid, estimate_s=estimate_s,
    )  # fmt: skip


def _held(name: str, models: str = "key_image", *, given_s: float = 0.0, urgent: bool = False) -> Held:
    return Held(
        job_id=name, graph=models, models=models, given_s=given_s, since_s=given_s, estimate_s=10.0, urgent=urgent
    )  # fmt: skip


def _chosen(waiting: list[Waiting], places: list[Place], *, now_s: float = 0.0) -> dict[str, str]:
    return {one.job_id: one.node for one in choose(waiting, places, times=_TIMES, now_s=now_s)}


def test_a_job_goes_where_its_models_are_loaded() -> None:
    places = [Place(name="gpu0", models="motion_clip"), Place(name="gpu1", models="key_image")]

    given = choose([_job("a")], places, times=_TIMES, now_s=0.0)

    assert given == [Given(job_id="a", node="gpu1", swapped=False)]


def test_a_node_gets_two_jobs_and_no_third() -> None:
    jobs = [_job(name) for name in "abcdef"]

    given = _chosen(jobs, [Place(name="gpu0"), Place(name="gpu1")])

    assert sorted(given.values()) == ["gpu0", "gpu0", "gpu1", "gpu1"]


def test_the_shortest_backlog_gets_the_job_and_the_weight_counts() -> None:
    busy = Place(name="gpu0", models="key_image", held=(_held("x"),))
    idle = Place(name="gpu1", models="key_image")
    slow = Place(name="gpu1", models="key_image", weight=0.2)

    assert _chosen([_job("a")], [busy, idle]) == {"a": "gpu1"}
    assert _chosen([_job("a"), _job("b")], [Place(name="gpu0", models="key_image"), slow])["a"] == "gpu0"
    assert _chosen([_job("a")], [Place(name="gpu0", models="key_image", others=3), idle]) == {"a": "gpu1"}


def test_a_job_does_not_queue_behind_a_long_run_while_another_node_is_nearly_free() -> None:
    long = Held(job_id="x", graph="long", models="key_image", given_s=0.0, estimate_s=500.0)
    near = (_held("y"), _held("z"))

    assert not _chosen(
        [_job("a")],
        [Place(name="gpu0", models="key_image", held=(long,)), Place(name="gpu1", models="key_image", held=near)],
    )


def test_nobody_waits_in_the_hope_of_a_node_whose_job_hangs() -> None:
    places = [
        Place(name="gpu0", models="key_image", held=(_held("x"),)),
        Place(name="gpu1", models="motion_clip"),
    ]

    assert _chosen([_job("a")], places, now_s=5.0) == {"a": "gpu0"}
    assert _chosen([_job("a")], places, now_s=500.0) == {"a": "gpu1"}


def test_nodes_that_are_not_open_or_not_fit_get_nothing() -> None:
    places = [Place(name="gpu0", is_open=False), Place(name="gpu1")]

    assert _chosen([_job("a")], places) == {"a": "gpu1"}
    assert not _chosen([_job("a", nodes=frozenset({"gpu0"}))], places)
    assert not _chosen([_job("a", nodes=frozenset({"gpu9"}))], places)


def test_a_node_that_failed_the_work_is_avoided_while_there_is_another() -> None:
    both, one = [Place(name="gpu0", models="key_image"), Place(name="gpu1")], [Place(name="gpu0")]
    tried = _job("a", avoid=frozenset({"gpu0"}))

    assert _chosen([tried], both) == {"a": "gpu1"}
    assert _chosen([tried], one) == {"a": "gpu0"}


def test_urgent_goes_first_and_is_let_in_as_a_third() -> None:
    full = Place(name="gpu0", models="key_image", held=(_held("x"), _held("y")))
    fuller = Place(name="gpu0", models="key_image", held=(_held("x"), _held("y"), _held("z", urgent=True)))
    jobs = [_job("old"), _job("now", "lipsync", since_s=50.0, urgent=True)]

    assert _chosen(jobs, [full], now_s=50.0) == {"now": "gpu0"}
    assert not _chosen(jobs, [fuller], now_s=50.0)
    assert MOST_WITH_URGENT == MOST_ON_A_NODE + 1


def test_a_node_that_ran_an_urgent_job_is_kept_for_the_next_stage_of_its_session() -> None:
    place = Place(name="gpu0", urgent_ended_s=99.0)
    plan = [_job("next", "motion_clip", urgent=True)]

    def given(now_s: float) -> list[Given]:
        return choose([_job("a")], [place], planned=plan, times=_TIMES, now_s=now_s)

    assert not given(100.0)
    assert given(200.0)
    assert choose([_job("a")], [place], times=_TIMES, now_s=100.0), "nothing urgent is to come"


def test_who_waited_long_gets_its_models_loaded_once_the_loaded_ones_paid_off() -> None:
    jobs = [_job("old", "lipsync", since_s=0.0), _job("new", since_s=990.0)]

    def first(swapped_s: float) -> str:
        place = Place(name="gpu0", models="key_image", swapped_s=swapped_s, held=(_held("x", given_s=995.0),))
        return next(iter(_chosen(jobs, [place], now_s=1000.0)))

    assert first(swapped_s=100.0) == "old"
    assert first(swapped_s=980.0) == "new"


def test_a_graph_without_models_swaps_nothing() -> None:
    place = Place(name="gpu0", models="motion_clip")

    given = choose([_job("a", ""), _job("b", "motion_clip")], [place], times=_TIMES, now_s=0.0)

    assert [one.swapped for one in given] == [False, False]


def test_an_idle_node_does_not_load_what_another_has_nearly_done() -> None:
    places = [Place(name="gpu0", models="key_image"), Place(name="gpu1", models="motion_clip")]
    few, many = [_job("a")], [_job(f"j{number}") for number in range(40)]

    assert set(_chosen(few, places).values()) == {"gpu0"}
    assert set(_chosen(many, places).values()) == {"gpu0", "gpu1"}


def test_how_many_are_before_one_counts_only_those_for_the_same_nodes() -> None:
    jobs = [
        _job("a", since_s=1.0),
        _job("b", since_s=2.0, nodes=frozenset({"gpu7"})),
        _job("c", since_s=3.0),
        _job("d", since_s=4.0, urgent=True),
    ]

    assert places_before(jobs) == {"d": 0, "a": 1, "b": 0, "c": 2}


def test_no_choice_ever_breaks_a_rule() -> None:
    chance = random.Random(3)
    for _ in range(300):
        names = [f"gpu{number}" for number in range(chance.randint(1, 5))]
        places = [
            Place(
                name=name, is_open=chance.random() < 0.8, models=chance.choice([*STAGES, ""]),
                weight=chance.choice([0.5, 1.0, 2.0]), others=chance.choice([0, 0, 3]),
                held=tuple(_held(f"{name}/{n}", chance.choice(STAGES)) for n in range(chance.randint(0, 3))),
            )
            for name in names
        ]  # fmt: skip
        jobs = [
            _job(
                f"job{number}", chance.choice([*STAGES, ""]), since_s=chance.uniform(0, 900),
                urgent=chance.random() < 0.1, estimate_s=chance.choice([0.0, 5.0, 80.0]),
                nodes=frozenset(chance.sample(names, chance.randint(0, len(names)))),
                avoid=frozenset(chance.sample(names, chance.randint(0, len(names)))),
            )
            for number in range(chance.randint(0, 30))
        ]  # fmt: skip

        given = choose(jobs, places, times=_TIMES, now_s=1000.0)
        again = choose(list(reversed(jobs)), list(reversed(places)), times=_TIMES, now_s=1000.0)

        assert sorted(given, key=str) == sorted(again, key=str), "the order of the rows decided"
        by_id, by_name = {job.job_id: job for job in jobs}, {place.name: place for place in places}
        assert len({one.job_id for one in given}) == len(given)
        for one in given:
            assert by_name[one.node].is_open
            assert one.node in by_id[one.job_id].nodes
        for name, place in by_name.items():
            on_node = [by_id[one.job_id] for one in given if one.node == name]
            ordinary = sum(not job.urgent for job in on_node)
            assert not ordinary or len(place.held) + len(on_node) <= MOST_WITH_URGENT
            assert not ordinary or len(place.held) + ordinary <= MOST_ON_A_NODE
            assert not on_node or len(place.held) + len(on_node) <= MOST_WITH_URGENT


@pytest.mark.parametrize("nodes", [1, 2, 4, 8])
def test_the_makespan_is_near_the_lower_bound(nodes: int) -> None:
    work = pieces()

    played = Simulation(work, nodes=nodes).played()
    plain = Simulation(work, nodes=nodes, round_robin=True).played()

    assert played.makespan_s <= 1.06 * lower_bound_s(work, nodes=nodes)
    assert played.makespan_s < plain.makespan_s


@pytest.mark.parametrize("nodes", [1, 2, 4, 8])
def test_models_that_load_three_times_as_long_are_swapped_less(nodes: int) -> None:
    work, load_s = pieces(), {stage: 3 * seconds for stage, seconds in LOAD_S.items()}

    played = Simulation(work, nodes=nodes, load_s=load_s).played()

    assert played.makespan_s <= 1.15 * lower_bound_s(work, nodes=nodes, load_s=load_s)


def test_nobody_starves_while_work_for_the_loaded_models_keeps_coming() -> None:
    # A stream of key images that alone fills the node, and one lipsync among them.
    stream = pieces(sessions=300, scenes=1, run_s={**dict.fromkeys(STAGES, 0.001), "key_image": 60.0})
    played = Simulation(stream, nodes=1).played()

    waits = [waited for job_id, waited in played.waited_s.items() if job_id.endswith("lipsync")]
    whole_s = played.makespan_s

    assert min(waits) < 0.1 * whole_s, "the first is served while the stream goes on"
    assert played.loads < 60


@pytest.mark.parametrize("nodes", [1, 2, 4, 8])
def test_an_urgent_session_waits_for_one_running_job_per_node(nodes: int) -> None:
    work, urgent = pieces(), pieces(sessions=1, first=90, seed=3)
    alone_s = Simulation([], nodes=nodes, urgent=urgent).played().makespan_s
    at_s = lower_bound_s(work, nodes=nodes) / 2

    played = Simulation(work, nodes=nodes, urgent=urgent, urgent_at_s=at_s).played()

    took_s = max(played.ended_s[piece.job_id] for piece in urgent) - at_s
    longest_s = max(piece.run_s for piece in work) + max(LOAD_S.values())
    assert took_s <= alone_s + longest_s * min(nodes, 5)


@pytest.mark.parametrize("nodes", [1, 2])
def test_endless_urgent_work_lets_an_ordinary_job_in_now_and_then(nodes: int) -> None:
    work = [piece for piece in pieces(sessions=9) if piece.stage == "key_image"]
    endless = pieces(sessions=28 * nodes, first=50, seed=3)

    played = Simulation(work, nodes=nodes, urgent=endless).played()

    urgent_s = 0.9 * max(played.ended_s[piece.job_id] for piece in endless)  # at its end it no longer fills the nodes
    between = sorted(at_s for piece in work if (at_s := played.started_s[piece.job_id]) < urgent_s)[2 * nodes :]
    longest_s = max(piece.run_s for piece in endless) + max(LOAD_S.values())
    assert urgent_s > 8 * ORDINARY_WAIT_S
    assert 0.5 * nodes * urgent_s / ORDINARY_WAIT_S < len(between) <= nodes * urgent_s / ORDINARY_WAIT_S
    for earlier, later in zip(between, between[nodes:], strict=False):
        assert ORDINARY_WAIT_S <= later - earlier <= ORDINARY_WAIT_S + 4 * longest_s


def test_a_node_that_owes_an_ordinary_job_takes_nothing_urgent_until_it_was_done() -> None:
    jobs = [_job("old", since_s=0.0), _job("older", since_s=-9.0), _job("now", since_s=1990.0, urgent=True)]

    def given(held: tuple[Held, ...] = (), *, ordinary_ended_s: float = 0.0, now_s: float = 2000.0) -> dict[str, str]:
        place = Place(name="gpu0", models="key_image", held=held, ordinary_ended_s=ordinary_ended_s)
        return _chosen(jobs, [place], now_s=now_s)

    runs, waits = _held("x", urgent=True, given_s=1980.0), _held("y", given_s=100.0)
    assert given() == {"older": "gpu0"}
    assert given(ordinary_ended_s=1900.0) == {"now": "gpu0"}
    assert given(now_s=1700.0) == {"now": "gpu0"}
    assert not given((runs, waits)), "what waits there is not overtaken any more"
    assert given((runs, _held("y", given_s=300.0))) == {"now": "gpu0"}
    assert set(_chosen(jobs[:2], [Place(name="gpu0")], now_s=2000.0)) == {"old", "older"}, "nothing urgent is about"
