"""Opening a session: the brief and the product's picture are checked, then kept as its first takes."""

from __future__ import annotations

from pathlib import Path

from ad_pipeline.errors import BriefRejected, InputRejected, MediaError
from ad_pipeline.media.fonts import font_that_draws
from ad_pipeline.media.stills import checked_photo, write_png
from ad_pipeline.sessions.fingerprint import fingerprint, sha256_of
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import LicenceNote, TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.stages.kits import kit_of
from ad_pipeline.stages.product_page import keep_product_page
from ad_pipeline.stages.session_facts import BRIEF, INPUT_IMAGE
from ad_pipeline.stages.workplace import Workplace
from ad_pipeline.story.brief import Brief, brief_from_text


def checked_brief(workplace: Workplace, text: str, *, folder: Path) -> Brief:
    """The brief, when its brand, and its product image relative to `folder`, can be used; nothing is written.

    Raises:
        BriefRejected, KitRejected: naming the field and what is allowed.
    """
    brief = brief_from_text(text)
    kit_of(brief.brand_id, folders=workplace.brands)
    _check_drawable(brief)
    if brief.product_image:
        try:
            checked_photo(folder / brief.product_image)
        except MediaError as error:
            raise BriefRejected(
                "field 'product_image': {problem}", field="product_image", problem=error.message
            ) from error
    return brief


def _check_drawable(brief: Brief) -> None:
    """Every text of a brief may end up on the picture; refuse now what no font of ours draws."""
    texts = {"product": brief.product, "concept": brief.concept, "target_audience": brief.target_audience}
    texts |= {"goal": brief.goal, "tone": brief.tone}
    texts |= {f"claims[{place}].text": claim.text for place, claim in enumerate(brief.claims)}
    texts |= {f"claims[{place}].source": claim.source for place, claim in enumerate(brief.claims)}
    for field, text in texts.items():
        try:
            font_that_draws(text, "Pretendard-Regular")
        except MediaError as error:
            raise BriefRejected("field {field!r}: {problem}", field=field, problem=error.message) from error


def open_session(workplace: Workplace, session_id: str, text: str, *, folder: Path) -> Brief:
    """Keep the brief, the product's picture, and what the product's page says; the same brief again changes nothing.

    A page that cannot be read stops nothing, and is tried again the next time.

    Raises:
        InputRejected: the session id is no name, or it belongs to another product's ad.
        BriefRejected, KitRejected: as `checked_brief`.
    """
    session = workplace.session(session_id)
    brief = checked_brief(workplace, text, folder=folder)
    session.recover()
    before = session.picked(BRIEF) if session.exists else None
    if before and session.is_intact(before):
        old = brief_from_text(session.text_of(before))
        if (old.brand_id, old.product) != (brief.brand_id, brief.product):
            raise InputRejected(
                "session {session_id!r} is the ad of {old!r}; give another --session for {new!r}",
                field="session",
                session_id=session_id,
                old=f"{old.brand_id}: {old.product}",
                new=f"{brief.brand_id}: {brief.product}",
            )
    if brief.product_image:
        source = folder / brief.product_image
        _keep(workplace, session, INPUT_IMAGE, decides=sha256_of(source), source=source)
    if brief.product_url:
        keep_product_page(workplace, session, brief)
    _keep(workplace, session, BRIEF, decides=fingerprint(text=text), text=text)
    return brief


def _keep(
    workplace: Workplace,
    session: Session,
    key: ArtifactKey,
    *,
    decides: str,
    text: str = "",
    source: Path | None = None,
) -> TakeRecord:
    """What a person gave, as a take; the take that holds the same already is picked instead."""
    for record in session.takes(key):
        if record.fingerprint == decides and session.is_intact(record):
            picked = session.picked(key)
            return record if picked and picked.take == record.take else session.pick(key, record.take, by="person")
    with session.drafting(key) as draft:
        if source:
            write_png(source, draft.path)
        else:
            draft.path.write_text(text, encoding="utf-8")
        return session.commit(
            draft,
            made_by="person",
            facts={
                "engine": "person",
                "model": "person",
                "version": "",
                "licence": LicenceNote(name="the customer's own", paid_ads="yes"),
                "basis": decides,
                "fingerprint": decides,
                "run_id": workplace.run_id,
            },
        )
