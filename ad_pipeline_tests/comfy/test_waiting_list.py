"""The list in the database: who waits, who holds, and what is left of processes that died."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, text

from ad_pipeline.engines.comfy.rack.choosing import ORDINARY_WAIT_S
from ad_pipeline.engines.comfy.rack.entries import Entry, Left, NodeView
from ad_pipeline.engines.comfy.rack.processes import is_dead, mark_of, own_mark
from ad_pipeline.engines.comfy.rack.waiting_list import HINT_S, WaitingList
from ad_pipeline.errors import MachineLacks
from ad_pipeline_tests.comfy.jobs import until
from ad_pipeline_tests.comfy.rack_parts import database_in

_GPU0 = {"gpu0": NodeView(name="gpu0")}
_BOTH = {**_GPU0, "gpu1": NodeView(name="gpu1")}


def _entry(job_id: str, *, models: str = "m", work: str = "", urgent: bool = False, session_id: str = "") -> Entry:
    return Entry(
        job_id=job_id, work=work or job_id, graph=models, models=models, stage="key_image", urgent=urgent,
        session_id=session_id, nodes=frozenset(_BOTH), estimate_s=10.0,
    )  # fmt: skip


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[WaitingList]:
    opened = WaitingList(database_in(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[WaitingList]:
    """The list of another process that lives: the one that started the tests."""
    parent = psutil.Process().parent()
    assert parent is not None
    opened = WaitingList(database_in(tmp_path), mark=mark_of(parent.pid))
    yield opened
    opened.close()


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[WaitingList]:
    """The list of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    here = own_mark().rsplit("/", 2)[0]
    opened = WaitingList(database_in(tmp_path), mark=f"{here}/{process.pid}/1")
    yield opened
    opened.close()


def _age(folder: Path, seconds: float) -> None:
    engine = create_engine(database_in(folder))
    with engine.begin() as rows:
        rows.execute(text("UPDATE rack_jobs SET given_s = given_s - :s, since_s = since_s - :s"), {"s": seconds})
    engine.dispose()


def test_a_job_is_given_a_node_of_which_its_process_hears(mine: WaitingList, theirs: WaitingList) -> None:
    mine.exchange(come=[_entry("a"), _entry("b")], views=_GPU0)
    theirs.exchange(come=[_entry("c")], views=_GPU0)
    assert not theirs.leases()
    theirs.has_changed()

    mine.exchange(gone=[Left(job_id="a")], views=_GPU0)

    assert theirs.has_changed()
    assert [(lease.job_id, lease.node) for lease in theirs.leases()] == [("c", "gpu0")]
    assert [lease.job_id for lease in mine.leases()] == ["b"]
    assert not theirs.has_changed()


def test_a_job_that_another_living_process_has_is_refused(mine: WaitingList, theirs: WaitingList) -> None:
    theirs.exchange(come=[_entry("a")], views=_GPU0)

    leases, refused = mine.exchange(come=[_entry("a")], views=_GPU0)

    assert refused == {"a"}
    assert not leases


@pytest.mark.slow
def test_many_processes_never_put_a_third_job_on_a_node(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    WaitingList(database_in(tmp_path)).close()
    with spawn.Pool(3) as pool:
        seen = pool.map(_pushes, [(database_in(tmp_path), str(number)) for number in range(3)])

    assert max(most for most, _ in seen) == 2
    assert [served for _, served in seen] == [15, 15, 15]


def _pushes(told: tuple[str, str]) -> tuple[int, int]:
    url, name = told
    opened, most, served = WaitingList(url), 0, 0
    look = create_engine(url)
    opened.exchange(come=[_entry(f"{name}/{number}") for number in range(15)], views=_BOTH)
    give_up_s = time.monotonic() + 20
    while served < 15 and time.monotonic() < give_up_s:
        leases = opened.leases()
        with look.connect() as rows:
            counts = rows.execute(text("SELECT count(*) FROM rack_jobs WHERE state = 'held' GROUP BY node")).scalars()
            most = max([most, *counts])
        if leases:
            opened.exchange(gone=[Left(job_id=leases[0].job_id)], views=_BOTH)
            served += 1
    look.dispose()
    opened.close()
    return most, served


def test_what_a_dead_process_waited_for_goes_and_what_it_had_stays_known(mine: WaitingList, dead: WaitingList) -> None:
    dead.exchange(come=[_entry("a"), _entry("b"), _entry("c")], planned=[_entry("d")], views=_GPU0)

    assert mine.sweep() == 1

    assert not mine.waiting()
    assert {(one.job_id, one.node) for one in mine.orphans()} == {("a", "gpu0"), ("b", "gpu0")}
    assert not mine.exchange(come=[_entry("x")], views=_GPU0)[0], "both may still run there"


def test_a_resumed_job_gets_the_node_where_it_was(mine: WaitingList, dead: WaitingList) -> None:
    dead.exchange(come=[_entry("a")], views={"gpu1": _BOTH["gpu1"]})

    leases, refused = mine.exchange(come=[_entry("a")], views=_BOTH)

    assert not refused
    assert [(lease.job_id, lease.node) for lease in leases] == [("a", "gpu1")]


def test_a_resumed_job_whose_node_is_down_goes_elsewhere(mine: WaitingList, dead: WaitingList) -> None:
    dead.exchange(come=[_entry("a")], views=_GPU0)
    views = {**_BOTH, "gpu0": NodeView(name="gpu0", is_open=False, is_reachable=False)}

    leases, _ = mine.exchange(come=[_entry("a")], views=views)

    assert [lease.node for lease in leases] == ["gpu1"]


def test_an_orphan_that_ended_there_takes_no_place_but_is_found_again(mine: WaitingList, dead: WaitingList) -> None:
    dead.exchange(come=[_entry("a"), _entry("b")], views=_GPU0)
    mine.sweep()

    mine.exchange(settled={"a": True, "b": False}, views=_BOTH)
    leases, _ = mine.exchange(come=[_entry(name) for name in ("x", "y", "a")], views=_GPU0)

    assert not mine.orphans()
    assert {lease.job_id for lease in leases} == {"a", "x"}


def test_a_job_that_ended_well_is_found_where_its_files_are_and_takes_no_place(
    tmp_path: Path, mine: WaitingList, theirs: WaitingList
) -> None:
    gpu1 = {"gpu1": _BOTH["gpu1"]}
    for job_id in ("loads", "first part"):
        mine.exchange(come=[_entry(job_id)], views=gpu1)
        time.sleep(0.05)
        mine.exchange(gone=[Left(job_id=job_id)], views=gpu1)  # and the process is killed in the second part
    before = _rate(tmp_path)

    again, _ = theirs.exchange(come=[_entry("first part")], views=_BOTH)
    theirs.exchange(gone=[Left(job_id="first part")], views=_BOTH)
    others, _ = theirs.exchange(come=[_entry("x"), _entry("y")], views=gpu1)

    assert [lease.node for lease in again] == ["gpu1"]
    assert len(others) == 2
    assert _rate(tmp_path) == before, "fetching what is done tells nothing of how long it takes"


def test_a_job_that_failed_is_not_sent_back_to_its_node(mine: WaitingList) -> None:
    mine.exchange(come=[_entry("a")], views={"gpu1": _BOTH["gpu1"]})
    mine.exchange(gone=[Left(job_id="a", failed=True, ran=False)], views=_BOTH)

    leases, _ = mine.exchange(come=[_entry("a")], views=_BOTH)

    assert [lease.node for lease in leases] == ["gpu0"]


def _rate(folder: Path) -> float:
    engine = create_engine(database_in(folder))
    with engine.connect() as rows:
        found = {row.kind: row.seconds for row in rows.execute(text("SELECT * FROM rack_times"))}
    engine.dispose()
    return found["rate"]


def test_a_lease_of_the_dead_is_forgotten_after_an_hour(tmp_path: Path, mine: WaitingList, dead: WaitingList) -> None:
    dead.exchange(come=[_entry("a"), _entry("b")], views=_GPU0)
    mine.sweep()
    _age(tmp_path, HINT_S + 1)

    mine.sweep()

    assert not mine.orphans()
    assert [lease.job_id for lease in mine.exchange(come=[_entry("x")], views=_GPU0)[0]] == ["x"]


def test_a_process_of_another_host_is_dead_when_it_is_silent_for_long() -> None:
    assert not is_dead("elsewhere/17/1.0", silent_s=30.0)
    assert is_dead("elsewhere/17/1.0", silent_s=90.0)
    assert not is_dead(own_mark(), silent_s=1e9)
    assert is_dead(own_mark().rsplit("/", 1)[0] + "/1", silent_s=0.0), "its number was given to another"


def test_a_process_that_ended_is_dead_before_anybody_waited_for_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = mark_of(process.pid)
    assert not is_dead(mark, silent_s=1e9)

    process.kill()

    until(lambda: is_dead(mark, silent_s=0.0))
    process.communicate()
    assert is_dead(mark, silent_s=0.0)


def test_work_that_failed_on_a_node_goes_to_another(mine: WaitingList) -> None:
    first, _ = mine.exchange(come=[_entry("try1", work="scene")], views=_BOTH)

    mine.exchange(gone=[Left(job_id="try1", failed=True, ran=False)], views=_BOTH)
    second, _ = mine.exchange(come=[_entry("try2", work="scene")], views=_BOTH)
    alone, _ = mine.exchange(
        gone=[Left(job_id="try2", failed=True, ran=False)], come=[_entry("try3", work="scene")], views=_GPU0
    )

    assert {first[0].node, second[0].node} == {"gpu0", "gpu1"}
    assert alone[0].node == "gpu0", "where there is no other, it is tried there again"


def test_a_card_that_is_too_small_for_a_graph_is_avoided_for_that_graph_only(mine: WaitingList) -> None:
    first, _ = mine.exchange(come=[_entry("long", work="scene")], views=_BOTH)
    small = first[0].node
    mine.exchange(gone=[Left(job_id="long", failed=True, lacked_memory=True, ran=False)], views=_BOTH)

    def given(job_id: str, **more: Any) -> str:
        leases, _ = mine.exchange(come=[replace(_entry(job_id, work="scene"), **more)], views=_BOTH)
        mine.exchange(gone=[Left(job_id=job_id, ran=False)], views=_BOTH)
        return leases[0].node

    assert given("again") != small
    assert given("of another scene", work="another") != small
    assert given("smaller", models="m", graph="less") == small, "nothing else is wrong with it, and it has the models"
    assert given("shorter", estimate_s=5.0) == small


def test_who_was_kept_out_by_urgent_work_for_long_gets_its_turn_once(mine: WaitingList) -> None:
    def held(*, come: Sequence[Entry] = (), gone: str = "") -> set[str]:
        left = [Left(job_id=gone)] if gone else []
        return {lease.job_id for lease in mine.exchange(come=come, gone=left, views=_GPU0)[0]}

    kept_out = [replace(_entry(name), waited_s=ORDINARY_WAIT_S) for name in ("kept out", "too")]
    assert held(come=[_entry("now", urgent=True), _entry("then", urgent=True)]) == {"now", "then"}
    assert held(come=[*kept_out, _entry("later", urgent=True)]) == {"now", "then"}
    assert held(gone="now") == {"then", "kept out"}
    assert held(gone="then") == {"kept out"}
    assert held(gone="kept out") == {"later"}


def test_another_attempt_keeps_its_place_in_the_line(mine: WaitingList) -> None:
    mine.exchange(come=[_entry("first", work="scene"), _entry("x")], views=_GPU0)
    mine.exchange(come=[_entry("y"), _entry("z")], views=_GPU0)

    mine.exchange(gone=[Left(job_id="first", failed=True, ran=False)], views={})
    leases, _ = mine.exchange(come=[_entry("second", work="scene")], views=_GPU0)

    assert {lease.job_id for lease in leases} == {"x", "second"}


def test_the_database_makes_its_folder_or_says_why_not(tmp_path: Path) -> None:
    opened = WaitingList(f"sqlite:///{tmp_path / 'not' / 'there' / 'rack.sqlite'}")
    opened.close()
    (tmp_path / "file").touch()

    with pytest.raises(MachineLacks, match="the folder .*file/folder of the list of waiting jobs cannot be made"):
        WaitingList(f"sqlite:///{tmp_path / 'file' / 'folder' / 'rack.sqlite'}")


def test_a_database_without_its_driver_says_what_to_install() -> None:
    with pytest.raises(MachineLacks, match="needs the package psycopg") as caught:
        WaitingList("postgresql+psycopg://me:secret@db/rack")

    assert "secret" not in str(caught.value)


def test_what_is_planned_becomes_waiting_and_can_be_withdrawn(mine: WaitingList, theirs: WaitingList) -> None:
    plan = [_entry(name, session_id="s1") for name in "abc"]
    mine.exchange(planned=plan, views={})
    mine.exchange(planned=plan, views={})

    leases, _ = mine.exchange(come=plan[:1], views=_GPU0)
    theirs.exchange(unplanned=list("abc"), views=_GPU0)
    mine.exchange(planned=[_entry("d")], unplanned=list("abcd"), views=_GPU0)

    assert [lease.job_id for lease in leases] == ["a"]
    assert not mine.waiting()


def test_who_was_taken_for_dead_comes_back(tmp_path: Path, theirs: WaitingList) -> None:
    """As a laptop that slept, of a rack whose database is elsewhere."""
    slept = WaitingList(database_in(tmp_path), mark="elsewhere/1/1", heartbeat_s=0.0)
    slept.exchange(come=[_entry("a"), _entry("b"), _entry("c")], views=_GPU0)
    assert not slept.was_forgotten
    engine = create_engine(database_in(tmp_path))
    with engine.begin() as rows:
        rows.execute(text("UPDATE rack_processes SET seen_s = seen_s - 100 WHERE mark LIKE 'elsewhere%'"))
    engine.dispose()
    assert theirs.sweep() == 1
    theirs.exchange(settled={"b": False}, views=_GPU0)

    leases, _ = slept.exchange(views=_GPU0)

    assert slept.was_forgotten, "who waits has to be listed again"
    assert [lease.job_id for lease in leases] == ["a"]
    assert not theirs.orphans()
    slept.close()


def test_a_job_that_is_listed_again_keeps_what_it_was_given(mine: WaitingList) -> None:
    before, _ = mine.exchange(come=[_entry("a")], views=_GPU0)

    after, _ = mine.exchange(come=[replace(_entry("a"), waited_s=5.0)], views=_BOTH)

    assert after == before


def test_what_waited_before_it_could_be_listed_counts(mine: WaitingList) -> None:
    mine.exchange(come=[_entry("a"), _entry("b"), _entry("c"), replace(_entry("d"), waited_s=60.0)], views={})

    leases, _ = mine.exchange(views=_GPU0)

    assert "d" in {lease.job_id for lease in leases}


def test_a_run_during_which_the_machine_slept_does_not_spoil_what_is_known(tmp_path: Path, mine: WaitingList) -> None:
    for number, slept_s in enumerate((0.0, 0.0, 30_000.0)):
        mine.exchange(come=[_entry(str(number), models="m")], views=_GPU0)
        _age(tmp_path, slept_s)
        if slept_s:
            engine = create_engine(database_in(tmp_path))
            with engine.begin() as rows:
                rows.execute(text("UPDATE rack_places SET ended_s = 0"))
            engine.dispose()
        time.sleep(0.02)
        mine.exchange(gone=[Left(job_id=str(number))], views=_GPU0)

    with create_engine(database_in(tmp_path)).connect() as rows:
        rate = rows.execute(text("SELECT seconds FROM rack_times WHERE kind = 'rate'")).scalar_one()
    assert rate < 0.1


def test_run_and_load_times_are_learnt(tmp_path: Path, mine: WaitingList) -> None:
    for number in range(4):
        mine.exchange(come=[_entry(str(number), models="m" if number < 3 else "n")], views=_GPU0)
        time.sleep(0.05 if number else 0.15)
        mine.exchange(gone=[Left(job_id=str(number))], views=_GPU0)

    engine = create_engine(database_in(tmp_path))
    with engine.connect() as rows:
        found = {row.kind: row.seconds for row in rows.execute(text("SELECT * FROM rack_times"))}
    engine.dispose()
    assert found.keys() == {"rate"}, "a first run counts its load; what a load takes is known once a run is"
    assert 0.005 <= found["rate"] < 0.02


def test_retiring_leaves_nothing_but_what_is_held(mine: WaitingList, theirs: WaitingList) -> None:
    mine.exchange(come=[_entry("a"), _entry("b"), _entry("c")], planned=[_entry("d")], views=_GPU0)

    mine.retire()

    assert not theirs.waiting()
    assert {one.job_id for one in theirs.orphans()} == {"a", "b"}


def _open_in(url: str, start: Any) -> None:
    start.wait()
    WaitingList(url).close()


def test_eight_processes_may_open_a_new_list_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(8)
    workers = [context.Process(target=_open_in, args=(database_in(tmp_path), start)) for _ in range(8)]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0] * 8
