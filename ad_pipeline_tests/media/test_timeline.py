import pytest

from ad_pipeline.errors import MediaError
from ad_pipeline.media.timeline import Joint, Timeline, joint_for, knows_joint

DISSOLVE = Joint(kind="dissolve", frames=13)
CUT = Joint(kind="cut", frames=0)


def test_the_length_is_the_sum_of_the_scenes_whatever_the_joints() -> None:
    timeline = Timeline.laid_out(["a", "b", "c"], [72, 70, 218], [DISSOLVE, CUT])

    assert timeline.total_frames == 360
    assert [s.start_frame for s in timeline.shots] == [0, 72, 142]


def test_an_odd_joint_gives_its_longer_half_to_the_outgoing_clip() -> None:
    a, b = Timeline.laid_out(["a", "b"], [72, 70], [DISSOLVE]).shots

    assert (a.head_frames, a.tail_frames, a.clip_frames) == (0, 7, 79)
    assert (b.head_frames, b.tail_frames, b.clip_frames) == (6, 0, 76)


def test_segments_cover_the_film_and_a_clip_is_seen_in_two_of_them() -> None:
    timeline = Timeline.laid_out(["a", "b", "c"], [72, 70, 80], [DISSOLVE, joint_for("slide")])

    segments = timeline.segments()

    assert [s.start_frame for s in segments] == [0, 66, 136]
    assert [s.end_frame for s in segments] == [66, 136, 222]
    for segment in segments:
        last = segment.end_frame - 1
        assert 0 <= segment.shot.clip_frame(segment.start_frame) <= segment.shot.clip_frame(last)
        assert segment.shot.clip_frame(last) < segment.shot.clip_frames
        if segment.before:
            end_of_joint = segment.start_frame + segment.joint.frames
            assert segment.before.clip_frame(end_of_joint) == segment.before.clip_frames


def test_a_joint_too_long_for_a_scene_is_shortened() -> None:
    timeline = Timeline.laid_out(["a", "b", "c"], [12, 100, 1], [DISSOLVE, DISSOLVE])

    assert timeline.joints == (Joint(kind="dissolve", frames=6), CUT)


@pytest.mark.parametrize(
    ("word", "kind"),
    [("smooth_fade", "dissolve"), ("Hard Cut", "cut"), ("fade-through-black", "fade_through_black"), ("wipe", "wipe"),
     ("slide", "slide"), ("crossfade", "dissolve"), ("", "dissolve"), ("sparkles", "dissolve")],
)  # fmt: skip
def test_words_of_a_storyboard_become_joints(word: str, kind: str) -> None:
    assert joint_for(word).kind == kind
    assert knows_joint(word) == (word not in ("", "sparkles"))


def test_a_timeline_that_cannot_be_is_refused() -> None:
    with pytest.raises(MediaError, match="got 2 scenes and 0 joints"):
        Timeline.laid_out(["a", "b"], [10, 10], [])
    with pytest.raises(MediaError, match="at least one frame"):
        Timeline.laid_out(["a", "b"], [10, 0], [CUT])
