"""What all stages of one session share: its brief, kit, storyboard and timeline."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

from ad_pipeline.engines.crafts.image import Look
from ad_pipeline.errors import InputRejected
from ad_pipeline.media.timeline import Shot, Timeline, joint_for
from ad_pipeline.media.titles import Layout, layout_for
from ad_pipeline.messages import Message
from ad_pipeline.sessions.fingerprint import fingerprint
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.stages.kits import kit_of
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.brand_kit import BrandKit
from ad_pipeline.story.brief import Brief, brief_from_text
from ad_pipeline.story.channels import safe_box
from ad_pipeline.story.formats import Format, size_of
from ad_pipeline.story.product_facts import ProductFacts
from ad_pipeline.story.storyboard import Scene, Storyboard, storyboard_from_text
from ad_pipeline.values import Box

BRIEF = ArtifactKey(kind="brief")
PRODUCT_FACTS = ArtifactKey(kind="product_facts")
INPUT_IMAGE = ArtifactKey(kind="input_image")
STORYBOARD = ArtifactKey(kind="storyboard")

_FOOT = 0.12
"""Share of the height that a subject may reach below the safe box."""


@dataclass(frozen=True)
class SessionFacts:
    """One session as its stages see it, read once per run."""

    session: Session
    brief: Brief
    brief_record: TakeRecord
    kit: BrandKit
    product_facts: ProductFacts | None = None
    """What the page at the brief's `product_url` says; None without one, and when it could not be read."""
    product_facts_record: TakeRecord | None = None
    """The take of those facts; of a page that could not be read, the take that says why."""

    @functools.cached_property
    def storyboard(self) -> Storyboard:
        """The picked storyboard.

        Raises:
            InputRejected: there is none yet.
        """
        record = self.session.picked(STORYBOARD)
        if not record:
            raise InputRejected(
                "session {session_id!r} has no storyboard yet; make it first", session_id=self.session.session_id
            )
        return storyboard_from_text(self.session.text_of(record))

    @functools.cached_property
    def timeline(self) -> Timeline:
        """Where each scene lies in the film, and how much its clip overlaps its neighbours."""
        board = self.storyboard
        joints = [joint_for(scene.transition or board.metadata.transition_style) for scene in board.scenes[:-1]]
        return Timeline.laid_out(board.scene_ids, board.scene_frames, joints)

    def shot(self, scene_id: str) -> Shot:
        return next(shot for shot in self.timeline.shots if shot.scene_id == scene_id)

    @functools.cached_property
    def product_image(self) -> TakeRecord | None:
        return self.session.picked(INPUT_IMAGE) if self.brief.product_image else None

    @property
    def film_records(self) -> tuple[TakeRecord, ...]:
        """The picked takes of the film as it is now; of scenes and formats that it lost, none."""
        picked = self.session.picked_records()
        if not self.product_facts_record:  # the brief names no page any more
            picked = tuple(r for r in picked if r.stage != "product_facts")
        if not self.session.picked(STORYBOARD):
            return picked
        scenes, formats = self.storyboard.scene_ids, self.storyboard.all_formats
        return tuple(r for r in picked if r.scene_id in (None, *scenes) and r.format in (None, *formats))

    @property
    def look(self) -> Look:
        image = self.product_image
        return Look(
            kit=self.kit,
            product=self.brief.product,
            product_image=self.session.path_of(image) if image else None,
            language=self.storyboard.language,
        )

    def safe_box(self, format_: Format) -> Box:
        return safe_box(format_, self.brief.channels)

    def subject_area(self, format_: Format) -> Box:
        """Where a picture's subject may stand.

        Beside the column of text on a wide picture; on a tall one the safe box, and below it what
        may be covered at times: text must never be, the foot of a podium may.
        """
        safe, size, layout = self.safe_box(format_), size_of(format_), self.layout(format_)
        if self.is_wide(format_):
            return replace(safe, left_px=layout.headline.right_px, right_px=layout.logo.left_px)
        foot = min(size.height_px - round(0.05 * size.height_px), safe.bottom_px + round(_FOOT * size.height_px))
        return replace(safe, bottom_px=max(safe.bottom_px, foot))

    def is_wide(self, format_: Format) -> bool:
        size = size_of(format_)
        return size.width_px > size.height_px

    def layout(self, format_: Format) -> Layout:
        return layout_for(size_of(format_), self.safe_box(format_))

    def seed_of(self, scene: Scene) -> int:
        """The story's seed for one scene: its own, else derived from the ad's."""
        return scene.seed if scene.seed is not None else (self.storyboard.seed * 1009 + scene.number) % 2**31


def facts_of(workplace: Workplace, session_id: str) -> SessionFacts:
    """What is known about a session that was opened.

    Raises:
        InputRejected: there is no such session.
    """
    session = workplace.store.existing(session_id)
    record = session.picked(BRIEF)
    if not record:
        raise InputRejected("session {session_id!r} has no brief; make it from a brief first", session_id=session_id)
    brief = brief_from_text(session.text_of(record))
    kit = kit_of(brief.brand_id, folders=workplace.brands)
    if not brief.product_url:
        return SessionFacts(session, brief, record, kit)
    page = session.picked(PRODUCT_FACTS)
    page = page if page and page.parameters.get("url") == brief.product_url else None
    if not brief.product_image and _is_of_page(session.picked(INPUT_IMAGE), brief.product_url):
        # From here on the page's picture is the brief's own: nobody else has to ask where it came from.
        brief = brief.model_copy(update={"product_image": INPUT_IMAGE.stem + INPUT_IMAGE.suffix})
    return SessionFacts(session, brief, record, kit, product_facts=_facts_in(session, page), product_facts_record=page)


def page_basis(url: str) -> str:
    """What decides the facts and the picture of a page: its address, so that a page is read once."""
    return fingerprint(product_url=url)


def why_unread(record: TakeRecord) -> Message | None:
    """Why the page of this take of product facts was not read; None when it was."""
    note: Any = record.details.get("unread")
    try:
        return Message.of_note(note) if note else None
    except (LookupError, TypeError, ValueError, AttributeError):  # a hand's work
        return Message("{note}", {"note": note})


def _is_of_page(record: TakeRecord | None, url: str) -> bool:
    return bool(record) and record.engine == "product_page" and record.basis == page_basis(url)


def _facts_in(session: Session, record: TakeRecord | None) -> ProductFacts | None:
    if not record or record.details.get("unread") or not session.is_intact(record):
        return None
    return ProductFacts.model_validate_json(session.text_of(record))


def picked_input(session: Session, key: ArtifactKey) -> TakeRecord:
    """The picked take of an artifact that another stage is made from.

    Raises:
        InputRejected: it was not made yet.
    """
    record = session.picked(key)
    if not record:
        raise InputRejected(
            "{key} of session {session_id!r} was not made yet", key=str(key), session_id=session.session_id
        )
    return record
