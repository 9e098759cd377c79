"""The media route: plays a session's files and draws their previews, on loopback.

Dagster's pages show pictures only from an http address; this is that address. It reads the store
and writes nothing but its own preview cache.
"""

from __future__ import annotations

import html
import uuid
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ad_pipeline.errors import AdPipelineError, InputRejected
from ad_pipeline.media.previews import contact_sheet, flat_view, thumbnail, waveform
from ad_pipeline.media.typography import TextBlock
from ad_pipeline.sessions.aliases import aliased
from ad_pipeline.sessions.fingerprint import fingerprint
from ad_pipeline.sessions.glimpses import shown
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.stages.scene_titles import read_picture, scene_titles
from ad_pipeline.stages.session_facts import facts_of
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.formats import size_of
from ad_pipeline.studio.links import file_url, preview_url

_SHOWN = {".png", ".jpg", ".mp4", ".wav", ".srt", ".vtt", ".ass", ".json", ".yaml", ".m4a"}
_TEXT = {
    ".srt": "text/plain",
    ".ass": "text/plain",
    ".vtt": "text/vtt",
    ".yaml": "text/plain",
    ".json": "application/json",
}
# Dagster cuts off what is wider than its metadata column, about 560 pixels in a usual window.
_SHEET_WIDTH_PX = 550
_PICTURE_PX = 480
_GLIMPSES = {".jpg": "image/jpeg", ".png": "image/png"}
_LOOK_AGAIN_S = 2
_DRAWN = 2  # one more whenever previews are drawn differently
# Pages of our own making only; a session's text is never run as script.
_GUARDS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


def media_app(workplace: Workplace, *, hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")) -> Starlette:
    """The web application; `hosts` are the names it answers to, against DNS rebinding."""

    async def page(request: Request) -> Response:
        return await run_in_threadpool(_answered, lambda: _page(workplace, request.path_params["session_id"]))

    async def media(request: Request) -> Response:
        session_id, path = request.path_params["session_id"], request.path_params["path"]
        return await run_in_threadpool(_answered, lambda: _file(workplace, session_id, path))

    async def preview(request: Request) -> Response:
        session_id, name = request.path_params["session_id"], request.path_params["name"]
        return await run_in_threadpool(_answered, lambda: _preview(workplace, session_id, name))

    async def now(request: Request) -> Response:
        session_id, slug = request.path_params["session_id"], request.path_params["slug"]
        return await run_in_threadpool(_answered, lambda: _now(workplace, session_id, slug))

    return Starlette(
        routes=[
            Route("/sessions/{session_id}/", page),
            Route("/sessions/{session_id}/files/{path:path}", media),
            Route("/sessions/{session_id}/previews/{name}", preview),
            Route("/sessions/{session_id}/now/{slug}", now),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
    )


def _answered(answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except InputRejected as error:
        return PlainTextResponse(str(error), status_code=404)
    except AdPipelineError as error:
        return PlainTextResponse(str(error), status_code=500)


def _file(workplace: Workplace, session_id: str, path: str) -> Response:
    session = workplace.store.existing(session_id)
    found = _shown_file(session, path)
    if not found:
        raise InputRejected("session {session_id!r} has no file {path!r}", session_id=session_id, path=path[:200])
    return FileResponse(found, media_type=_TEXT.get(found.suffix), headers=_GUARDS)


def _shown_file(session: Session, path: str) -> Path | None:
    """The file at `path` when it lies in the session, is not hidden and is of a kind that is shown."""
    root = session.folder.resolve()
    try:
        found = (aliased(session, path) or root / path).resolve()
        hidden = any(part.startswith(".") for part in Path(path).parts)
        shown = not hidden and found.is_relative_to(root) and found.suffix in _SHOWN and found.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return None
    return found if shown else None


def _preview(workplace: Workplace, session_id: str, name: str) -> Response:
    session = workplace.store.existing(session_id)
    record = next((r for r in session.records() if f"{r.key.slug}.v{r.take}.jpg" == name), None)
    if not record:
        raise InputRejected("session {session_id!r} has no take {name!r}", session_id=session_id, name=name[:200])
    return FileResponse(preview_of(workplace, session, record), headers=_GUARDS)


def _now(workplace: Workplace, session_id: str, slug: str) -> Response:
    """What it looks like so far; once it is made, the preview of its newest take."""
    session = workplace.store.existing(session_id)
    glimpse = shown(session, slug)
    if glimpse:
        suffix, picture = glimpse
        fresh = {"Cache-Control": "no-store", "Refresh": str(_LOOK_AGAIN_S)}
        return Response(picture, media_type=_GLIMPSES[suffix], headers={**_GUARDS, **fresh})
    made = [record for record in session.records() if record.key.slug == slug]
    if not made:
        raise InputRejected("session {session_id!r} has no file {path!r}", session_id=session_id, path=slug[:200])
    newest = max(made, key=lambda record: record.take)
    return RedirectResponse(preview_url("", session_id, newest), headers={"Cache-Control": "no-store"})


def preview_of(workplace: Workplace, session: Session, record: TakeRecord) -> Path:
    """A small picture of the take; drawn once and kept under what decides it.

    Raises:
        InputRejected: this kind of artifact has no picture.
        MediaError: its file is broken.
    """
    source = session.path_of(record)
    match record.stage:
        case "key_image":
            return _key_image_preview(workplace, session, record)
        case "motion_clip" | "lipsync":
            return _kept(
                session, record, ".jpg", lambda target: contact_sheet(source, target, width_px=_SHEET_WIDTH_PX)
            )
        case "voice" | "sfx" | "music":
            return _kept(session, record, ".png", lambda target: waveform(source, target, width_px=_SHEET_WIDTH_PX))
        case "final_mp4":
            side = session.side_path_of(record, "thumbnail.jpg") or source
            width_px = _picture_width_px(record)
            return _kept(session, record, ".jpg", lambda target: thumbnail(side, target, at_frame=0, width_px=width_px))
        case _:
            raise InputRejected("{stage} has no picture", stage=record.stage)


def _key_image_preview(workplace: Workplace, session: Session, record: TakeRecord) -> Path:
    """The picture with its text on it, as people will see the scene."""
    facts = facts_of(workplace, session.session_id)
    source, blocks = session.path_of(record), list[TextBlock]()
    scene = next((s for s in facts.storyboard.scenes if s.id == record.scene_id), None)
    if scene and record.format:
        titles = scene_titles(facts, scene, record.format, read_picture(source, size_of(record.format)))
        blocks = [*([titles.headline] if titles.headline else []), *titles.marks]
    text = "".join(str(block.lines) for block in blocks)
    width_px = _picture_width_px(record)
    return _kept(
        session, record, ".jpg", lambda target: flat_view(source, blocks, target, width_px=width_px), text=text
    )


def _picture_width_px(record: TakeRecord) -> int:
    """Wide enough to judge, small enough that the facts below it stay on Dagster's page."""
    size = size_of(record.format) if record.format else None
    return round(_PICTURE_PX * size.width_px / max(size.width_px, size.height_px)) if size else _PICTURE_PX


def _kept(session: Session, record: TakeRecord, suffix: str, draw: Callable[[Path], None], *, text: str = "") -> Path:
    target = session.folder / ".previews" / f"{fingerprint(of=record.sha256, text=text, drawn=_DRAWN)[:24]}{suffix}"
    if not target.is_file():
        target.parent.mkdir(exist_ok=True)
        draft = target.with_name(f"{uuid.uuid4().hex[:8]}-{target.name}")  # two may ask at once
        draw(draft)
        draft.replace(target)
    return target


def _page(workplace: Workplace, session_id: str) -> Response:
    """A plain page that plays the session: the finals, then every scene's takes."""
    facts = facts_of(workplace, session_id)
    records = facts.session.picked_records()
    finals = [r for r in records if r.stage == "final_mp4"]
    said = html.escape
    parts = [f"<h1>{said(facts.kit.named_in(facts.brief.story_language))} · {said(facts.brief.product)}</h1>"]
    parts += [_player(session_id, record) for record in finals]
    for record in records:
        if record.stage in ("key_image", "motion_clip", "voice", "sfx"):
            note = f"{record.key} v{record.take}" + (" — degraded" if record.degraded else "")
            parts.append(
                f"<figure><a href='{said(file_url('', session_id, record.path))}'>"
                f"<img loading=lazy alt='{said(note)}' src='{said(preview_url('', session_id, record))}'></a>"
                f"<figcaption>{said(note)}</figcaption></figure>"
            )
    style = (
        "body{font-family:sans-serif;margin:2rem;background:#14171c;color:#eee}figure{display:inline-block;"
        "margin:0 1rem 1rem 0;vertical-align:top}img{max-width:220px}video{max-height:70vh}figcaption{color:#9aa}"
    )
    page = f"<!doctype html><meta charset=utf-8><title>{said(session_id)}</title><style>{style}</style>{''.join(parts)}"
    return HTMLResponse(page, headers=_GUARDS)


def _player(session_id: str, record: TakeRecord) -> str:
    """A film with its captions and descriptions, and where the described one lies."""

    def where(path: str) -> str:
        return html.escape(file_url("", session_id, path))

    tracks = "".join(
        f"<track kind={kind} src='{where(record.files[name].path)}'>"
        for kind, name in (("captions", "captions.vtt"), ("descriptions", "description.vtt"))
        if name in record.files
    )
    described = record.files.get("described.mp4")
    link = f" · <a href='{where(described.path)}'>described · 화면 해설</a>" if described else ""
    note = f"{html.escape(record.format or '')} v{record.take}{link}"
    return (
        f"<figure><video controls preload=metadata src='{where(record.path)}'>{tracks}</video>"
        f"<figcaption>{note}</figcaption></figure>"
    )
