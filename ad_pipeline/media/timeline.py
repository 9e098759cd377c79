"""Scenes on one timeline: who is seen when, and what each transition takes from its neighbours.

A transition lies over the cut and takes no time of its own, so the film's length is the sum of
its scenes. Each clip is longer than its scene by what its transitions show of it: its handles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ad_pipeline.errors import MediaError

JointKind = Literal["cut", "dissolve", "fade_through_black", "slide", "wipe"]


@dataclass(frozen=True, kw_only=True)
class Joint:
    """How one scene becomes the next; `frames` is 0 for a cut."""

    kind: JointKind
    frames: int


_LENGTHS: dict[JointKind, int] = {"cut": 0, "dissolve": 12, "fade_through_black": 16, "slide": 12, "wipe": 14}

_NAMES: dict[str, JointKind] = {
    "cut": "cut", "dissolve": "dissolve", "fade_through_black": "fade_through_black", "slide": "slide", "wipe": "wipe",
    "smooth_fade": "dissolve", "fade": "dissolve", "crossfade": "dissolve", "cross_fade": "dissolve",
    "cross_dissolve": "dissolve", "smooth": "dissolve", "hard_cut": "cut", "jump_cut": "cut", "none": "cut",
    "fade_black": "fade_through_black", "fade_to_black": "fade_through_black", "dip_to_black": "fade_through_black",
    "push": "slide", "slide_left": "slide", "swipe": "slide", "slide_transition": "slide", "wipe_left": "wipe",
}  # fmt: skip


def joint_for(style_or_kind: str) -> Joint:
    """The joint that a storyboard's word means; a dissolve for an unknown word, as for no word."""
    word = style_or_kind.strip().lower().replace("-", "_").replace(" ", "_")
    kind = _NAMES.get(word, "dissolve")
    return Joint(kind=kind, frames=_LENGTHS[kind])


def knows_joint(style_or_kind: str) -> bool:
    """Whether `joint_for` understands the word (rather than falling back to a dissolve)."""
    word = style_or_kind.strip().lower().replace("-", "_").replace(" ", "_")
    return word in _NAMES


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One scene's place; its clip begins `head_frames` before it and ends `tail_frames` after it."""

    scene_id: str
    start_frame: int
    frames: int
    head_frames: int
    tail_frames: int

    @property
    def end_frame(self) -> int:
        return self.start_frame + self.frames

    @property
    def clip_frames(self) -> int:
        return self.head_frames + self.frames + self.tail_frames

    def clip_frame(self, frame: int) -> int:
        """The clip's own frame that is seen at `frame` of the film."""
        return frame - self.start_frame + self.head_frames


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch that is rendered in one piece: the transition into a shot, then the shot alone.

    `joint` is over at `start_frame + joint.frames`; the first segment has none.
    """

    index: int
    start_frame: int
    frames: int
    shot: Shot
    before: Shot | None
    joint: Joint

    @property
    def end_frame(self) -> int:
        return self.start_frame + self.frames


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The shots in order and the joints between them (one fewer)."""

    shots: tuple[Shot, ...]
    joints: tuple[Joint, ...]

    @staticmethod
    def laid_out(scene_ids: Sequence[str], scene_frames: Sequence[int], joints: Sequence[Joint]) -> Timeline:
        """Scenes one after the other; a joint longer than half of a neighbour is shortened to it.

        Raises:
            MediaError: no scene, a scene of no frames, or not one joint between each two scenes.
        """
        if not scene_ids or len(scene_ids) != len(scene_frames) or len(joints) != len(scene_ids) - 1:
            raise MediaError(
                "a timeline needs scenes with one joint between each two; got {scenes} scenes and {joints} joints",
                scenes=len(scene_ids),
                joints=len(joints),
            )
        if min(scene_frames) < 1:
            raise MediaError("a scene needs at least one frame; got {frames}", frames=min(scene_frames))
        kept = tuple(
            _shortened(joint, min(scene_frames[i], scene_frames[i + 1]) // 2) for i, joint in enumerate(joints)
        )
        shots: list[Shot] = []
        start = 0
        for i, (scene_id, frames) in enumerate(zip(scene_ids, scene_frames, strict=True)):
            head = kept[i - 1].frames // 2 if i else 0
            tail = kept[i].frames - kept[i].frames // 2 if i < len(kept) else 0
            shots.append(Shot(scene_id=scene_id, start_frame=start, frames=frames, head_frames=head, tail_frames=tail))
            start += frames
        return Timeline(shots=tuple(shots), joints=kept)

    @property
    def total_frames(self) -> int:
        return self.shots[-1].end_frame

    def shot(self, scene_id: str) -> Shot:
        """The shot of a scene."""
        return next(shot for shot in self.shots if shot.scene_id == scene_id)

    def joint_start(self, index: int) -> int:
        """The film's frame at which the joint between shots `index` and `index + 1` begins."""
        return self.shots[index + 1].start_frame - self.joints[index].frames // 2

    def segments(self) -> tuple[Segment, ...]:
        """The film in pieces, without gap or overlap; a clip is seen in its own and the next piece only."""
        starts = [0, *(self.joint_start(i) for i in range(len(self.joints))), self.total_frames]
        no_joint = Joint(kind="cut", frames=0)
        return tuple(
            Segment(
                index=i,
                start_frame=starts[i],
                frames=starts[i + 1] - starts[i],
                shot=shot,
                before=self.shots[i - 1] if i and self.joints[i - 1].frames else None,
                joint=self.joints[i - 1] if i else no_joint,
            )
            for i, shot in enumerate(self.shots)
        )


def _shortened(joint: Joint, most_frames: int) -> Joint:
    if joint.frames <= most_frames:
        return joint
    return Joint(kind=joint.kind if most_frames else "cut", frames=most_frames)
