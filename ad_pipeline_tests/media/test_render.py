import os
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ad_pipeline.errors import Cancelled, MediaError
from ad_pipeline.media.blend import OverlayPainter, joined
from ad_pipeline.media.encode import read_planes, rgb_from_planes
from ad_pipeline.media.render import ClipFile, FilmDone, render_film
from ad_pipeline.media.timeline import Joint, Timeline, joint_for
from ad_pipeline.media.titles import Overlay
from ad_pipeline.media.typography import TextBlock, painted
from ad_pipeline.values import Box
from ad_pipeline_tests.media.films import SMALL, flat, write_film

KINDS = ("dissolve", "slide", "wipe", "fade_through_black")


def block(colour: str = "#FF0000", left_px: int = 11, top_px: int = 21) -> TextBlock:
    box = Box(left_px=left_px, top_px=top_px, right_px=left_px + 30, bottom_px=top_px + 24)
    mask = np.full((24, 30), 255, np.uint8)
    return TextBlock(rgba=painted(mask, colour), box=box, ink=box, lines=("x",), size_px=20, colour=colour)


def film_of(
    root: Path,
    *,
    overlays: tuple[Overlay, ...] = (),
    brightness: tuple[int, ...] = (60, 110, 160, 210, 90),
    tag: str = "",
) -> FilmDone:
    timeline = Timeline.laid_out(["a", "b", "c", "d", "e"], [30, 34, 40, 36, 30], [joint_for(k) for k in KINDS])
    clips: dict[str, ClipFile] = {}
    for shot, luma in zip(timeline.shots, brightness, strict=True):
        path = root / f"{shot.scene_id}{luma}.mp4"
        if not path.exists():
            write_film(path, lambda _, luma=luma: luma, frames=shot.clip_frames)
        clips[shot.scene_id] = ClipFile(path=path, sha256=path.name)
    return render_film(timeline, clips, overlays, size=SMALL, cache_dir=root / "cache", target=root / f"film{tag}.mp4")


def lumas_of(path: Path) -> list[float]:
    return [float(planes[0].mean()) for planes in read_planes(path)]


def test_a_film_has_every_frame_at_its_exact_time(tmp_path: Path) -> None:
    done = film_of(tmp_path)

    with av.open(str(done.path)) as container:
        stream = container.streams.video[0]
        packets = [p for p in container.demux(stream) if p.size]
        times = [(p.pts or 0) * Fraction(p.time_base or 1) for p in packets]
    lumas = lumas_of(done.path)
    assert times == [Fraction(i, 24) for i in range(170)]
    assert (done.frames, len(lumas)) == (170, 170)
    assert [round(lumas[i]) for i in (10, 50, 85, 125, 165)] == pytest.approx([60, 110, 160, 210, 90], abs=1)
    assert min(lumas[135:145]) < 30, "the fade goes through black"


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    films = [film_of(tmp_path / name).path.read_bytes() for name in ("one", "two")]

    assert films[0] == films[1]


def test_a_changed_clip_renders_its_own_segment_and_the_next_only(tmp_path: Path) -> None:
    first = film_of(tmp_path)
    again = film_of(tmp_path)
    changed = film_of(tmp_path, brightness=(60, 110, 130, 210, 90), tag="2")

    assert (first.rendered, again.rendered) == ((0, 1, 2, 3, 4), ())
    assert (changed.rendered, changed.reused) == ((2, 3), (0, 1, 4))
    assert round(lumas_of(changed.path)[85]) == pytest.approx(130, abs=1)


def test_a_changed_title_renders_the_segments_it_is_seen_in(tmp_path: Path) -> None:
    film_of(tmp_path, overlays=(Overlay(start_frame=70, end_frame=90, block=block()),))
    changed = film_of(tmp_path, overlays=(Overlay(start_frame=70, end_frame=90, block=block("#00FF00")),))

    assert changed.rendered == (2,)


def test_a_damaged_kept_segment_is_rendered_anew(tmp_path: Path) -> None:
    first = film_of(tmp_path)
    kept = sorted((tmp_path / "cache").glob("*.mp4"))[0]
    kept.write_bytes(b"damaged")

    again = film_of(tmp_path, tag="2")

    assert again.path.read_bytes() == first.path.read_bytes()


def test_a_clip_that_is_too_short_is_named_and_leaves_no_film(tmp_path: Path) -> None:
    timeline = Timeline.laid_out(["a"], [30], [])
    short = write_film(tmp_path / "short.mp4", lambda _: 90, frames=20)

    with pytest.raises(MediaError, match="short.mp4 has 20 frames"):
        render_film(
            timeline, {"a": ClipFile(path=short, sha256="x")}, (), size=SMALL, cache_dir=tmp_path / "cache",
            target=tmp_path / "film.mp4",
        )  # fmt: skip

    assert not (tmp_path / "film.mp4").exists()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_stop_ends_the_cut_and_leaves_no_half_file(tmp_path: Path) -> None:
    film_of(tmp_path)
    clip = ClipFile(path=tmp_path / "a60.mp4", sha256="x")
    asked = iter([False] * 5 + [True] * 1000)

    with pytest.raises(Cancelled):
        render_film(
            Timeline.laid_out(["a"], [30], []), {"a": clip}, (), size=SMALL, cache_dir=tmp_path / "other",
            target=tmp_path / "stopped.mp4", should_stop=lambda: next(asked),
        )  # fmt: skip

    assert list((tmp_path / "other").iterdir()) == []
    assert not (tmp_path / "stopped.mp4").exists()


def test_old_drafts_of_killed_processes_are_swept(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for name, age_s in (("old.part", 7200), ("young.part", 5)):
        (cache / name).touch()
        os.utime(cache / name, (time.time() - age_s, time.time() - age_s))

    film_of(tmp_path)

    assert {p.name for p in cache.glob("*.part")} == {"young.part"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_transition_starts_near_the_one_and_ends_near_the_other(kind: str) -> None:
    joint = Joint(kind=kind, frames=12)  # type: ignore[arg-type]

    means = [float(joined(flat(50), flat(200), joint=joint, step=i)[0].mean()) for i in range(12)]

    assert 16 <= means[0] < 70
    assert 170 < means[-1] <= 200
    if kind != "fade_through_black":
        assert means == sorted(means)


@pytest.mark.parametrize("corner", [(11, 21), (-9, -7), (80, 150), (-40, 0)])
def test_a_title_is_drawn_in_its_colour_and_only_in_its_box(corner: tuple[int, int]) -> None:
    text = block(left_px=corner[0], top_px=corner[1])
    planes = flat(100)

    OverlayPainter(Overlay(start_frame=0, end_frame=99, block=text, fade_frames=2), SMALL).paint(planes, 50)

    rgb = rgb_from_planes(planes).astype(int)
    seen = text.box.meet(Box(left_px=0, top_px=0, right_px=96, bottom_px=160))
    red = np.zeros((160, 96), bool)
    if seen.width_px > 0:
        red[seen.top_px : seen.bottom_px, seen.left_px : seen.right_px] = True
        inner = rgb[seen.top_px + 2 : seen.bottom_px - 2, seen.left_px + 2 : seen.right_px - 2].reshape(-1, 3)
        assert np.abs(inner - [255, 0, 0]).max() < 12
    away = rgb[~np.asarray(red)]
    assert (np.abs(away - 98).max(axis=1) > 6).sum() <= 4 * 60, "only the chroma of neighbours may change"
    assert planes[0][~red].max() == planes[0][~red].min() == 100


def test_a_title_rises_as_it_enters() -> None:
    overlay = Overlay(start_frame=0, end_frame=60, block=block(), fade_frames=6, rise_px=10)
    painter = OverlayPainter(overlay, SMALL)

    def centre(frame: int) -> float:
        planes = flat(235)
        painter.paint(planes, frame)
        weight = (235 - planes[0].astype(float)).sum(axis=1)
        return float((weight * np.arange(160)).sum() / weight.sum())

    assert centre(0) > centre(3) > centre(6) > centre(20)
    assert centre(20) == pytest.approx(21 + 11.5, abs=0.1)
