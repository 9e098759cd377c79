"""The one driver of a whole ad: storyboard, then one run per scene in warm workers, then the final.

The command line calls it directly; the job `make_ad` calls it from its op. Everything it decides
comes from the storyboard and the records, so that it can be killed at any moment and started again.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ad_pipeline.defs.books import Books
from ad_pipeline.defs.versions import data_version_of
from ad_pipeline.defs.workers import RunOrder, RunResult, WarmWorkers
from ad_pipeline.errors import Cancelled
from ad_pipeline.media.side_by_side import best_order
from ad_pipeline.messages import say
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.coming import ScenesAnnounced, listed_nodes, wants_gpus
from ad_pipeline.stages.launcher import Failure, Order, Outcome
from ad_pipeline.stages.progress import SCENE_KINDS, Finished, finished
from ad_pipeline.stages.session_facts import STORYBOARD, facts_of
from ad_pipeline.stages.workplace import StepReport, Wishes, Workplace

DRIVER_TAG = ".dagster/ad_pipeline_driver"
SESSION_TAG = "ad_pipeline/session"
# Not Dagster's own parent tag: by that one the UI calls every child a "Re-execution".
PARENT_TAG = "ad_pipeline/parent_run"
WORKERS = 3
"""On two cores a third fills the gaps that the last scenes leave: 4.1 times the floor where two took 4.4."""

MOST_WORKERS = 16
"""On a rack most of them only wait for their nodes; each still holds some memory of its own."""

Known = Mapping[tuple[str, str], str]
"""(asset, scene or "") -> the data version that Dagster last recorded."""

_LOOK_EVERY_S = 0.2


def _never() -> bool:
    return False


def _unheard(_: StepReport) -> None:
    return None


def make_ad(
    books: Books,
    workplace: Workplace,
    order: Order,
    *,
    should_stop: Callable[[], bool] = _never,
    report: Callable[[StepReport], None] = _unheard,
) -> Outcome:
    """Make what is missing of the session's ad; its brief must lie there already.

    Raises:
        InputRejected: no such session.
        Cancelled: `should_stop` said so; finished work is kept.
    """
    return _Driver(books, workplace, order, should_stop, report).drive()


def worker_count(nodes: int) -> int:
    """How many scenes are made at once: one for each GPU node, and one whose uploads hide behind them."""
    return max(WORKERS, min(MOST_WORKERS, nodes + 1))


class _Driver:
    def __init__(
        self,
        books: Books,
        workplace: Workplace,
        order: Order,
        should_stop: Callable[[], bool],
        report: Callable[[StepReport], None],
    ) -> None:
        self._books = books
        self._workplace = workplace
        self._order = order
        self._should_stop = should_stop
        self._report = report
        self._failures: list[Failure] = []
        self._workers: WarmWorkers | None = None
        self._nodes: tuple[str, ...] = ()

    def drive(self) -> Outcome:
        session_id = self._order.session_id
        self._workplace.store.existing(session_id).recover()
        done = finished(self._workplace, session_id)
        if done.whole and not self._order.wishes and not self._order.upgrade and not self._order.music:
            self._books.open_session(session_id)
            if self._is_known(done):
                return self._outcome(nothing_to_do=True)
        try:
            self._make(done)
        finally:
            self._close_workers()
            if self._failures:
                self._books.end_orphan_runs()
        return self._outcome()

    def _make(self, done: Finished) -> None:
        self._nodes = self._gpu_nodes()
        workers, session_id = self._started_workers(), self._order.session_id
        if done.storyboard:
            self._books.open_session(session_id)
        if not done.storyboard or self._order.upgrade or not self._is_storyboard_known(self._versions()):
            self._run_all(workers, [self._storyboard_order()], meanwhile=lambda: workers.warm_up(WORKERS - 1))
        if self._failures:
            return
        board = facts_of(self._workplace, session_id).storyboard
        self._books.register_scenes(session_id, board.scene_ids)
        done, known = finished(self._workplace, session_id), self._versions(board.scene_ids)
        missing = [scene for scene in board.scenes if self._has_work(scene.id, done, known)]
        order = best_order(
            [scene.duration_seconds for scene in missing],
            lanes=worker_count(len(self._nodes)),
            cores=len(self._nodes) or None,
        )
        todo = [missing[place].id for place in order]
        self._run_scenes(workers, todo)
        if self._failures:
            return
        # After new takes there is always something to cut; to know it all their files would be read again.
        if todo or self._order.music or not done.whole or not self._are_finals_known(done, known):
            self._run_all(workers, [self._final_order()])

    # --- what is left to do ------------------------------------------------------------------

    def _has_work(self, scene_id: str, done: Finished, known: Known) -> bool:
        if scene_id in self._order.wishes:
            return True
        if self._order.upgrade and self._order.only_scene in ("", scene_id):
            records = [record for takes in done.scenes.get(scene_id, {}).values() for record in takes]
            return not done.scene_is(scene_id) or any(record.degraded for record in records)
        return not done.scene_is(scene_id) or not self._is_scene_known(scene_id, done, known)

    def _is_known(self, done: Finished) -> bool:
        """Whether Dagster has seen what the store holds: a fresh DAGSTER_HOME has not, nor has it seen a pick."""
        known = self._versions(done.scene_ids)
        scenes = all(self._is_scene_known(scene_id, done, known) for scene_id in done.scene_ids)
        return scenes and self._is_storyboard_known(known) and self._are_finals_known(done, known)

    def _is_storyboard_known(self, known: Known) -> bool:
        record = self._workplace.session(self._order.session_id).picked(STORYBOARD)
        return record is not None and known.get(("storyboard", "")) == data_version_of([record])

    def _is_scene_known(self, scene_id: str, done: Finished, known: Known) -> bool:
        takes = done.scenes.get(scene_id, {})
        return all(
            kind in takes and known.get((kind, scene_id)) == data_version_of(takes[kind]) for kind in SCENE_KINDS
        )

    def _are_finals_known(self, done: Finished, known: Known) -> bool:
        return bool(done.finals) and known.get(("final_mp4", "")) == data_version_of(done.finals)

    def _versions(self, scene_ids: Sequence[str] = ()) -> Known:
        return self._books.versions(self._order.session_id, scene_ids)

    # --- runs ----------------------------------------------------------------------------------

    def _gpu_nodes(self) -> tuple[str, ...]:
        """The nodes that the session's route leads to; a look for a file where there are none."""
        nodes = listed_nodes(settings_from_environment())
        return nodes if nodes and wants_gpus(facts_of(self._workplace, self._order.session_id)) else ()

    def _started_workers(self) -> WarmWorkers:
        many = len(self._order.wishes) != 1
        self._workers = WarmWorkers(
            worker_count(len(self._nodes)) if many else 1,
            dagster_home=self._books.home,
            hear=self._report,
        )
        self._books.workers = self._workers
        return self._workers

    def _close_workers(self) -> None:
        self._books.workers = None
        if self._workers:
            self._workers.close()

    def _run_scenes(self, workers: WarmWorkers, todo: Sequence[str]) -> None:
        orders = [self._scene_order(scene_id) for scene_id in todo]
        if not self._nodes:
            self._run_all(workers, orders)
            return
        announced = ScenesAnnounced(self._gpu_workplace, self._order.session_id, todo, self._wished)
        try:
            self._run_all(workers, orders, ended=lambda order: announced.scene_ended(order.scene_id))
        finally:
            announced.close()

    def _gpu_workplace(self) -> Workplace:
        """As the workers have it, with the nodes' pools named before they are used."""
        return dataclasses.replace(self._books.here().gpu_workplace(self._nodes), urgent=self._order.urgent)

    def _run_all(
        self,
        workers: WarmWorkers,
        orders: Sequence[RunOrder],
        *,
        meanwhile: Callable[[], None] = lambda: None,
        ended: Callable[[RunOrder], None] = lambda _: None,
    ) -> None:
        running: dict[Future[RunResult], RunOrder] = {workers.submit(order): order for order in orders}
        meanwhile()
        stopped = False
        while running:
            for future in wait(running, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED).done:
                order = running.pop(future)
                if not future.cancelled():
                    self._note_end_of(future)
                ended(order)
            if not stopped and self._should_stop():
                stopped = True
                workers.stop()
                running = {future: order for future, order in running.items() if not future.cancel()}
        if stopped:
            raise Cancelled("the work was stopped; what was finished is kept")

    def _note_end_of(self, future: Future[RunResult]) -> None:
        try:
            self._note(future.result())
        except BrokenProcessPool:
            self._books.workers = None  # nobody is left there who could be asked
            self._books.end_orphan_runs()
            killed = say("a worker process was killed (out of memory?); run again to go on")
            if Failure(place="worker", fault=killed) not in self._failures:
                self._failures.append(Failure(place="worker", fault=killed))

    def _note(self, result: RunResult) -> None:
        if result.state == "success":
            return
        place = result.order.scene_id or result.order.kind
        fault = result.fault if result.state == "failure" else say("cancelled")
        self._failures.append(Failure(place=place, fault=fault))

    def _storyboard_order(self) -> RunOrder:
        upgrade = self._order.upgrade and not self._order.only_scene
        return self._run_order("storyboard", ops={"storyboard": {"config": {"reuse": True, "upgrade": upgrade}}})

    def _scene_order(self, scene_id: str) -> RunOrder:
        ops = {kind: {"config": _config(self._wished(scene_id, kind))} for kind in SCENE_KINDS}
        return self._run_order("scene", scene_id=scene_id, ops=ops, person=bool(self._order.wishes.get(scene_id)))

    def _wished(self, scene_id: str, kind: str) -> Wishes:
        upgrade = self._order.upgrade and self._order.only_scene in ("", scene_id)
        return self._order.wishes.get(scene_id, {}).get(kind, Wishes(upgrade=upgrade))

    def _final_order(self) -> RunOrder:
        music = self._order.music
        config: dict[str, object] = {"reuse": True, "upgrade": self._order.upgrade and not self._order.only_scene}
        if music:
            config |= {"new_music": True} | ({"seed": music.seed} if music.seed is not None else {})
        return self._run_order("final", ops={"final_mp4": {"config": config}}, person=bool(music))

    def _run_order(self, kind: Any, *, ops: Mapping[str, Any], scene_id: str = "", person: bool = False) -> RunOrder:
        tags = {DRIVER_TAG: f"pid {os.getpid()}", SESSION_TAG: self._order.session_id}
        tags["ad_pipeline/made_by"] = "person" if person else "pipeline"
        if self._order.urgent:
            tags["ad_pipeline/urgent"] = "yes"
        if self._order.parent_run_id:
            tags[PARENT_TAG] = self._order.parent_run_id
        return RunOrder(
            kind=kind,
            session_id=self._order.session_id,
            scene_id=scene_id,
            opens=kind == "storyboard",
            run_config={"ops": dict(ops)},
            tags=tags,
        )

    def _outcome(self, *, nothing_to_do: bool = False) -> Outcome:
        picked = facts_of(self._workplace, self._order.session_id).film_records
        finals = finished(self._workplace, self._order.session_id).finals if not self._failures else ()
        return Outcome(
            session_id=self._order.session_id,
            finals=finals,
            failures=tuple(self._failures),
            degraded=tuple(record for record in picked if record.degraded),
            nothing_to_do=nothing_to_do,
        )


def _config(wishes: Wishes) -> dict[str, object]:
    return {"reuse": wishes.reuse, "upgrade": wishes.upgrade, **wishes.own}
