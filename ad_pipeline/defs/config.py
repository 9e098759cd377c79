"""What a person may set in the Launchpad for one materialization."""

from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from ad_pipeline.messages import say
from ad_pipeline.stages.workplace import Wishes


class OutOfRange(dg.Failure, ValueError):
    """To Dagster a failure without a retry; to whoever builds a config in Python a ValueError, as pydantic's is."""


class PieceConfig(dg.Config):
    """What is out of range fails at once and in one sentence; as pydantic's own error it would be retried."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise OutOfRange(
                description=say(
                    "{what}, field {field!r}: {problem}; got {got}",
                    what="run config",
                    field=".".join(str(part) for part in wrong["loc"]),
                    problem=wrong["msg"],
                    got=repr(wrong["input"])[:80],
                ),
                allow_retries=False,
            ) from error


class TakeConfig(PieceConfig):
    """`reuse: false` (a person's way) makes a new take; automation and resume say `reuse: true`."""

    reuse: bool = Field(default=False, description="take what exists when nothing that decides it changed")
    upgrade: bool = Field(default=False, description="try degraded artifacts again")
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1, description="the next seed when empty")

    def wishes(self) -> Wishes:
        """The same for the stages."""
        return Wishes(**self.model_dump(exclude_none=True))


class StoryboardConfig(PieceConfig):
    """A new session needs a brief; an open one keeps its own."""

    brief: dict[str, Any] | None = Field(
        default=None, description="the brief's fields, for a new session or a changed brief"
    )
    reuse: bool = Field(default=False, description="keep the storyboard when the brief did not change")
    upgrade: bool = Field(default=False, description="try again when a weaker engine wrote it")
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1, description="the next seed when empty")
    rewrite: str = Field(default="", max_length=600, description='other words for one scene, e.g. "warmer"')
    scene: str = Field(default="", max_length=40, description="the scene that `rewrite` is for, e.g. scene_002")

    def wishes(self) -> Wishes:
        """The same for the stages."""
        return Wishes(reuse=self.reuse, upgrade=self.upgrade, seed=self.seed)


class KeyImageConfig(TakeConfig):
    """A picture's own settings, against the storyboard."""

    prompt: str | None = Field(default=None, max_length=4000)
    negative_prompt: str | None = Field(default=None, max_length=4000)
    steps: int | None = Field(default=None, ge=1, le=150)
    cfg: float | None = Field(default=None, ge=0, le=30)
    width: int | None = Field(default=None, ge=64, le=4096)
    height: int | None = Field(default=None, ge=64, le=4096)
    edit: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        description="change the picked picture by these words instead of making one; needs a GPU node",
    )


class MotionClipConfig(TakeConfig):
    """A clip's own settings, against the storyboard."""

    prompt: str | None = Field(default=None, max_length=4000)
    negative_prompt: str | None = Field(default=None, max_length=4000)
    steps: int | None = Field(default=None, ge=1, le=150)
    cfg: float | None = Field(default=None, ge=0, le=30)
    frames: int | None = Field(
        default=None, ge=1, le=1440, description="frames the model generates before interpolation"
    )
    motion_bucket: int | None = Field(default=None, ge=1, le=255, description="1 still, 127 usual, 255 wild")


class FinalConfig(TakeConfig):
    """The cut's own settings."""

    new_music: bool = Field(default=False, description="another piece of music; `seed` is the music's then")

    def wishes(self) -> Wishes:
        """What is asked of the cut itself; it has no seed."""
        return Wishes(reuse=self.reuse, upgrade=self.upgrade)

    def music_wishes(self) -> Wishes:
        """What is asked of the music: a new take, or one that a weaker engine made tried again."""
        return Wishes(reuse=not self.new_music, upgrade=self.upgrade, seed=self.seed if self.new_music else None)


class SfxConfig(TakeConfig):
    """The effects' own settings, against the storyboard."""

    prompt: str | None = Field(default=None, max_length=4000)
