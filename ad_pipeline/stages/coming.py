"""What a session's scenes will ask of GPU nodes next, said by whoever knows all of them.

Each scene is a run of its own that knows only itself; so what drives a whole ad announces the first
work of every scene under its name. What comes after that is named by the files that it makes: the
scene's own steps announce it (`announcing.py`), and until then it is only said that it will come. An
urgent ad would lose its node between two steps otherwise.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType

from ad_pipeline.errors import AdPipelineError, EngineUnavailable, InputRejected
from ad_pipeline.media.time import FILM
from ad_pipeline.routing.route import RoutedStage, decide
from ad_pipeline.sessions.fingerprint import fingerprint
from ad_pipeline.settings import Settings
from ad_pipeline.stages.announcing import Asked, announced, is_kept
from ad_pipeline.stages.key_image import key_images_asked
from ad_pipeline.stages.lipsync import lipsync_tasks
from ad_pipeline.stages.making import costs, job_of
from ad_pipeline.stages.motion_clip import motion_clip_tasks
from ad_pipeline.stages.session_facts import STORYBOARD, SessionFacts, facts_of
from ad_pipeline.stages.sfx import sfx_task
from ad_pipeline.stages.workplace import Wishes, Workplace

Wished = Callable[[str, str], Wishes]
"""What is wished of a scene's artifact, by the scene's id and the artifact's kind."""

_GPU_STAGES: tuple[RoutedStage, ...] = ("key_image", "motion_clip", "lipsync", "sfx")
_ASKED: Mapping[str, Callable[[SessionFacts, str, Wishes], Iterable[Asked]]] = MappingProxyType(
    {
        "key_image": key_images_asked,
        "motion_clip": lambda facts, scene_id, w: [(task, w) for task in motion_clip_tasks(facts, scene_id, w)],
        "lipsync": lambda facts, scene_id, w: [(task, w) for task in lipsync_tasks(facts, scene_id)],
        "sfx": lambda facts, scene_id, w: [(sfx_task(facts, scene_id, w), w)],
    }
)
_IN_ORDER: tuple[tuple[RoutedStage, ...], ...] = (("key_image",), ("motion_clip",), ("lipsync", "sfx"))


def listed_nodes(settings: Settings) -> tuple[str, ...]:
    """The names of the nodes in the list of nodes; none where there is no list or it cannot be read."""
    if not settings.nodes.is_file():
        return ()
    # Here, not above: without GPUs nothing of ComfyUI is loaded.
    from ad_pipeline.engines.comfy.rack.config import NodesFile

    try:
        return tuple(node.name for node in NodesFile(settings.nodes)())
    except AdPipelineError:
        return ()  # doctor and whoever needs a node say what is wrong with it


def wants_gpus(facts: SessionFacts) -> bool:
    """Whether the session's route leads to GPU nodes; without a storyboard, whether the brief alone does."""
    scenes = facts.storyboard.scenes if facts.session.picked(STORYBOARD) else (None,)
    return any(
        row.gpu
        for scene in scenes
        for stage in _GPU_STAGES
        for row in decide(stage, brief=facts.brief, scene=scene, kit=facts.kit).chain
    )


def next_asked(facts: SessionFacts, scene_id: str, wished: Wished) -> list[Asked]:
    """The scene's first work that is not done; of its later work neither the inputs nor the names are known."""
    for kinds in _IN_ORDER:
        asked: list[Asked] = []
        for kind in kinds:
            with contextlib.suppress(InputRejected):  # an input is missing, so it is not next
                asked += _ASKED[kind](facts, scene_id, wished(scene_id, kind))
        todo = [(task, wishes) for task, wishes in asked if not is_kept(facts.session, task, wishes)]
        if todo:
            return todo
    return []


def later_kinds(asked: Sequence[Asked]) -> tuple[RoutedStage, ...]:
    """What comes after a scene's next work."""
    kinds = {task.key.kind for task, _ in asked}
    after = next((place for place, group in enumerate(_IN_ORDER) if kinds & set(group)), len(_IN_ORDER))
    return tuple(kind for group in _IN_ORDER[after + 1 :] for kind in group)


def announced_later(
    workplace: Workplace, facts: SessionFacts, scene_id: str, kind: RoutedStage
) -> AbstractContextManager[object]:
    """While this lasts, it is known that the scene will ask for work of that kind, where it needs a GPU."""
    for row in decide(kind, brief=facts.brief, scene=facts.storyboard.scene(scene_id), kit=facts.kit).chain:
        if not costs(row):
            break
        with contextlib.suppress(EngineUnavailable):
            engine = workplace.engines.engine(row.model_id)
            later = fingerprint(later=kind, session_id=facts.session.session_id, scene_id=scene_id)
            seconds = FILM.seconds(facts.shot(scene_id).clip_frames)
            return engine.announce_later(job_of(workplace, facts.session, later, 1), seconds=seconds)
    return contextlib.nullcontext()


class ScenesAnnounced:
    """The next work of each scene, announced in a thread beside the work; `close` takes back what is left.

    `open_workplace` is called in that thread too: who drives an ad waits for none of this.
    """

    def __init__(
        self, open_workplace: Callable[[], Workplace], session_id: str, scene_ids: Sequence[str], wished: Wished
    ) -> None:
        self._open_workplace, self._session_id = open_workplace, session_id
        self._scene_ids, self._wished = scene_ids, wished
        self._ended: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._announce, name="scenes-announced", daemon=True)
        self._thread.start()

    def scene_ended(self, scene_id: str) -> None:
        """Its run is over, however it went."""
        self._ended.put(scene_id)

    def close(self) -> None:
        self._ended.put(None)
        self._thread.join(timeout=2.0)

    def _announce(self) -> None:
        # Only a hint is lost where this fails; the scene's own run meets the same fault and tells of it.
        with contextlib.suppress(AdPipelineError, OSError), contextlib.ExitStack() as until_closed:
            workplace = self._open_workplace()
            facts = facts_of(workplace, self._session_id)
            open_: dict[str, contextlib.ExitStack] = {}
            for scene_id in self._scene_ids:
                open_[scene_id] = until_closed.enter_context(contextlib.ExitStack())
                asked = next_asked(facts, scene_id, self._wished)
                open_[scene_id].enter_context(announced(workplace, facts.session, asked))
                for kind in later_kinds(asked):
                    open_[scene_id].enter_context(announced_later(workplace, facts, scene_id, kind))
            while (ended := self._ended.get()) is not None:
                open_[ended].close()
