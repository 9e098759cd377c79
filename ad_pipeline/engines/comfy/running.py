"""One bound graph from submit to checked drafts, on one node, once. Whoever calls this decides on another try."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError
from PIL import Image

from ad_pipeline.engines.comfy.client import ComfyNode
from ad_pipeline.engines.comfy.endings import concluded
from ad_pipeline.engines.comfy.events import JobProgress, described, titles_of
from ad_pipeline.engines.comfy.glimpsing import ASKED_FOR, Glimpses
from ad_pipeline.engines.comfy.graphs import BoundGraph
from ad_pipeline.engines.comfy.outputs import Media, OutputFile
from ad_pipeline.engines.comfy.protocol import ENGINE, Finished
from ad_pipeline.engines.comfy.watching import STALL_S
from ad_pipeline.engines.contracts import Job, Progress
from ad_pipeline.errors import Cancelled, EngineError, EngineUnavailable, MediaError, ResultGone

_PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_FILMS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,wav,flac,mp3,ogg,aac"
_DOWNLOAD_PAUSES_S = (0.5, 2.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A job's end and what was fetched of it; `seen` by the outputs' names."""

    done: Finished
    taken_up: bool
    seen: Mapping[str, Seen]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a file really holds, every frame of it decoded; the caller compares it with what it asked for."""

    width_px: int = 0
    height_px: int = 0
    frames: int = 0
    sound_s: float = 0.0


def run_graph(
    node: ComfyNode,
    graph: BoundGraph,
    job: Job,
    drafts: Mapping[str, Path],
    *,
    extra: Mapping[str, object] | None = None,
    front: bool = False,
    stall_s: float = STALL_S,
    cost_usd: float = 0.0,
) -> Fetched:
    """Run `graph` as `job` (or take it up where an earlier process left it) and fetch its outputs to `drafts`.

    `drafts` names a path for each output that is wanted. Where this fails, none of them is left. `cost_usd` is what
    services take for it: told to the job as soon as it ran, whatever becomes of its files.

    Raises:
        EngineUnavailable, EngineRefused: as `endings.concluded` and `ComfyNode` say.
        Cancelled: the job was cancelled on the node as well.
    """
    submission = node.submit(job.job_id, graph.nodes, extra={**ASKED_FOR, **(extra or {})}, front=front)
    report = _reporter(node.address.name, graph, job)
    end = node.watch(job.job_id, report=report, should_stop=job.should_stop, graph=graph.nodes, stall_s=stall_s)
    done = concluded(end, node_name=node.address.name, job_id=job.job_id)
    if cost_usd:
        job.paid(cost_usd)
    try:
        seen = {name: _fetched(node, done, graph, name, draft, job) for name, draft in drafts.items()}
    except BaseException:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        raise
    return Fetched(done=done, taken_up=submission.taken_up, seen=seen)


def _reporter(node_name: str, graph: BoundGraph, job: Job) -> Callable[[JobProgress], None]:
    titles, glimpses = titles_of(graph.nodes), Glimpses()

    def report(progress: JobProgress) -> None:
        where = described(progress, titles)
        job.report(
            Progress(
                fraction=progress.fraction,
                note=f"{node_name}: {where}" if where else node_name,
                glimpse=glimpses.news(progress.preview),
            )
        )

    return report


def _fetched(node: ComfyNode, done: Finished, graph: BoundGraph, name: str, draft: Path, job: Job) -> Seen:
    node_ids = {node_id for node_id, output in graph.outputs.items() if output == name}
    files = [file for file in done.outputs if file.node_id in node_ids]
    if not files:
        _start_afresh(node, job.job_id)
        raise EngineUnavailable(
            "node {name} left no file for the output {output!r}",
            engine=ENGINE, job_id=job.job_id, name=node.address.name, output=name,
        )  # fmt: skip
    _downloaded(node, files[0], draft, job)
    try:
        return seen_in(draft, files[0].media, should_stop=job.should_stop)
    except MediaError as error:
        _start_afresh(node, job.job_id)
        raise _broken(node, files[0], job.job_id, error) from error


def _downloaded(node: ComfyNode, file: OutputFile, draft: Path, job: Job) -> None:
    """Fetch the file. A connection that breaks is no reason to make, or buy, it again: it is asked for some times."""
    for pause_s in (*_DOWNLOAD_PAUSES_S, None):
        try:
            node.download(file, draft, job_id=job.job_id, should_stop=job.should_stop)
            return
        except ResultGone:
            raise
        except EngineUnavailable:
            if pause_s is None:
                raise
            job.pause(pause_s)


def _broken(node: ComfyNode, file: OutputFile, job_id: str, error: MediaError) -> EngineUnavailable:
    return EngineUnavailable(
        "node {name} made a broken file ({file}): {reason}",
        engine=ENGINE, job_id=job_id, name=node.address.name, file=file.filename, reason=error.message,
    )  # fmt: skip


def _start_afresh(node: ComfyNode, job_id: str) -> None:
    """Without its history and cache, another try of the same job makes its files anew."""
    with contextlib.suppress(EngineError):
        node.free(models=False, cache=True)
        node.forget(job_id)


def seen_in(path: Path, media: Media, *, should_stop: Callable[[], bool] = lambda: False) -> Seen:
    """Decode the whole file.

    Raises:
        MediaError: it is broken or cut off.
        Cancelled: `should_stop` said so.
    """
    try:
        if media == "image":
            with Image.open(path, formats=_PICTURES) as image:
                image.load()
                return Seen(width_px=image.width, height_px=image.height, frames=1)
        return _film_seen(path, should_stop)
    except FFmpegError as error:
        raise MediaError("{file} does not decode: {reason}", file=path.name, reason=error.strerror) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow is not of one mind
        raise MediaError("{file} does not decode: {reason}", file=path.name, reason=str(error)) from error


def _film_seen(path: Path, should_stop: Callable[[], bool]) -> Seen:
    width_px = height_px = frames = 0
    sound_s = 0.0
    # A playlist under a film's name would have us read whatever files and addresses it lists.
    options = {"err_detect": "explode", "format_whitelist": _FILMS, "protocol_whitelist": "file"}
    with av.open(path, options=options) as container:
        for frame in (frame for packet in container.demux() for frame in packet.decode()):
            if isinstance(frame, av.VideoFrame):
                width_px, height_px, frames = frame.width, frame.height, frames + 1
                if should_stop():
                    raise Cancelled("the work was stopped")
            elif isinstance(frame, av.AudioFrame):
                sound_s += frame.samples / frame.sample_rate
    return Seen(width_px=width_px, height_px=height_px, frames=frames, sound_s=sound_s)
