"""A storyboard while it is written: each scene's words are told on the moment a role has decided them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ad_pipeline.engines.contracts import Job, Progress, Written
from ad_pipeline.messages import say
from ad_pipeline.story.room.answers import SceneCopy

_DECIDED: Mapping[str, tuple[str, ...]] = {
    "scene_plan": ("purpose", "seconds", "idea"),
    "copy": ("narration", "onscreen_text"),
    "copy_polish": ("narration", "onscreen_text"),
    "rewrite": ("narration", "onscreen_text"),
    "direction": ("shot",),
}
"""What of a scene has to be there before it is told: a role's own fields."""


class SceneNews:
    """Hears one answer as it grows, and reports every scene of it that is new or other than before."""

    def __init__(self, role: str, job: Job, fraction: float) -> None:
        self._role, self._job, self._fraction = role, job, fraction
        self._fields = _DECIDED.get(role, ())
        self._told: dict[int, Mapping[str, str]] = {}

    def hear(self, answer: Mapping[str, Any]) -> None:
        """Take the answer so far."""
        scenes: Any = answer.get("scenes")
        if not self._fields or not isinstance(scenes, list | tuple):
            return
        for place, scene in enumerate(scenes, 1):
            number = scene.get("scene", place) if isinstance(scene, dict) else None
            if isinstance(number, int) and all(name in scene for name in self._fields):
                self._tell(place, number, {name: str(scene[name]) for name in self._fields})

    def _tell(self, place: int, number: int, decided: Mapping[str, str]) -> None:
        if self._told.get(place) == decided:
            return
        self._told[place] = decided  # by its place: a model may give two scenes one number
        words = " / ".join(text for name, text in decided.items() if text and name not in ("purpose", "seconds"))
        news = Written(role=self._role, scene=number, decided=decided)
        self._job.report(Progress(fraction=self._fraction, note=f"{self._role} {number}: {words}"[:160], written=news))


def tell_ours(job: Job, line: SceneCopy) -> None:
    """That our own writer's words stand where a model's were told before."""
    decided = {"narration": line.narration, "onscreen_text": line.onscreen_text}
    note = say("our own writer instead, scene {number}: {words}", number=line.scene, words=line.narration)
    job.report(Progress(fraction=0.5, note=note[:160], written=Written(role="ours", scene=line.scene, decided=decided)))
