"""The product's page: read once when a session is opened, its facts and its picture kept as takes."""

from __future__ import annotations

import time
from typing import Any

from ad_pipeline.engines.product_page.reading import IMAGE_BUDGET_S, fetch_product_image, read_product_page
from ad_pipeline.errors import PageUnreadable
from ad_pipeline.messages import Message, say, user_language
from ad_pipeline.sessions.fingerprint import fingerprint
from ad_pipeline.sessions.keys import ArtifactKey
from ad_pipeline.sessions.records import Degraded, LicenceNote, TakeRecord
from ad_pipeline.sessions.store import Session
from ad_pipeline.settings import settings_from_environment
from ad_pipeline.stages.session_facts import INPUT_IMAGE, PRODUCT_FACTS, SessionFacts, page_basis, why_unread
from ad_pipeline.stages.workplace import StepReport, StepState, Workplace
from ad_pipeline.story.brief import Brief
from ad_pipeline.story.product_facts import ProductFacts

ENGINE = "product_page"
_WANTED, _INSTEAD = "product_page/reader", "brief/own_fields"
_MOST_IMAGES_TRIED = 3


def keep_product_page(workplace: Workplace, session: Session, brief: Brief) -> TakeRecord:
    """The page's facts as a take, its picture as the `input_image` unless the brief brings one.

    Read once per address. What cannot be read is kept as a take without facts that says why, and is
    tried again the next time; so is a picture.
    """
    known = _kept(session, PRODUCT_FACTS, page_basis(brief.product_url))
    if known:
        _keep_image(workplace, session, brief, ProductFacts.model_validate_json(session.text_of(known)))
        _tell(workplace, session, "reused", note=f"v{known.take}")
        return known
    if brief.local_only:
        why = PageUnreadable("the brief says local_only: its product_url is not read, its own fields are used")
        return _unread(workplace, session, brief, why.message, degraded=False)
    try:
        facts = read_product_page(brief.product_url, hosts=settings_from_environment().page_hosts)
    except PageUnreadable as error:
        return _unread(workplace, session, brief, error.message, degraded=True)
    no_image = _keep_image(workplace, session, brief, facts)
    details: dict[str, Any] = {"no_image": no_image.noted()} if no_image else {}
    record = _commit(
        workplace, session, brief, facts, fingerprint_=page_basis(brief.product_url), degraded=None, details=details
    )
    _tell(workplace, session, "made", note=f"v{record.take}")
    return record


def page_line(facts: SessionFacts) -> str:
    """One sentence on what was read of the product's page, or why it was not; empty without a page."""
    record, found = facts.product_facts_record, facts.product_facts
    if not record:
        return ""
    why = why_unread(record)
    if why:
        return why.said_in(user_language())
    if not found:
        return say("the facts of the product's page are gone or were changed on disk; make the ad again")
    line = say(
        "product page: {product} ({claims} claims, {ingredients} ingredients)",
        product=", ".join(filter(None, (found.name or found.url, found.price))),
        claims=len(found.claims),
        ingredients=len(found.ingredients),
    )
    if found.orders:
        line += "; " + say("left out: {count} of its sentences, which give orders to machines", count=len(found.orders))
    note: Any = record.details.get("no_image")
    if note and not facts.brief.product_image:
        line += "; " + Message.of_note(note).said_in(user_language())
    return line


def _unread(workplace: Workplace, session: Session, brief: Brief, why: Message, *, degraded: bool) -> TakeRecord:
    decides = fingerprint(product_url=brief.product_url, unread=str(why))
    record = _kept(session, PRODUCT_FACTS, decides) or _commit(
        workplace,
        session,
        brief,
        ProductFacts(url=brief.product_url),
        fingerprint_=decides,
        degraded=Degraded(wanted=_WANTED, used=_INSTEAD, why=str(why), reasons=(why.noted(),)) if degraded else None,
        details={"unread": why.noted()},
    )
    _tell(workplace, session, "degraded" if degraded else "skipped", note=why.said_in(user_language()))
    return record


def _kept(session: Session, key: ArtifactKey, decides: str) -> TakeRecord | None:
    """The newest whole take that the same decided, made the picked one."""
    for record in reversed(session.takes(key)):
        if record.fingerprint == decides and record.engine == ENGINE and session.is_intact(record):
            picked = session.picked(key)
            return record if picked and picked.take == record.take else session.pick(key, record.take, by="pipeline")
    return None


def _commit(
    workplace: Workplace,
    session: Session,
    brief: Brief,
    facts: ProductFacts,
    *,
    fingerprint_: str,
    degraded: Degraded | None,
    details: dict[str, Any],
) -> TakeRecord:
    with session.drafting(PRODUCT_FACTS) as draft:
        draft.path.write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return session.commit(
            draft,
            made_by="pipeline",
            facts=_noted(workplace, brief, decides=fingerprint_) | {"degraded": degraded, "details": details},
        )


def _noted(workplace: Workplace, brief: Brief, *, decides: str) -> dict[str, Any]:
    return {
        "engine": ENGINE,
        "model": "reader",
        "version": "1",
        # Whether the brand may use what it shows is for the brand to know; mostly it is the brand's own shop.
        "licence": LicenceNote(name="the page's owner's", paid_ads="limited"),
        "parameters": {"url": brief.product_url},
        "basis": page_basis(brief.product_url),
        "fingerprint": decides,
        "run_id": workplace.run_id,
    }


def _keep_image(workplace: Workplace, session: Session, brief: Brief, facts: ProductFacts) -> Message | None:
    """The first of the page's pictures that can be used, as the input image; why there is none, when that is so."""
    decides = page_basis(brief.product_url)
    if brief.product_image or _kept(session, INPUT_IMAGE, decides):
        return None
    if brief.local_only:
        return PageUnreadable("the brief says local_only: the picture on its page is not fetched").message
    why = PageUnreadable("the page shows no picture of the product").message
    hosts, ends = settings_from_environment().page_hosts, time.monotonic() + IMAGE_BUDGET_S
    for place, address in enumerate(facts.images[:_MOST_IMAGES_TRIED]):
        left_s = ends - time.monotonic()
        if left_s <= 0:
            break
        try:
            with session.drafting(INPUT_IMAGE) as draft:
                fetch_product_image(address, draft.path, hosts=hosts, budget_s=left_s)
                noted = _noted(workplace, brief, decides=decides)
                session.commit(draft, made_by="pipeline", facts=noted | {"details": {"image_url": address}})
                return None
        except PageUnreadable as error:
            why = why if place else error.message
    return why


def _tell(workplace: Workplace, session: Session, state: StepState, *, note: str) -> None:
    workplace.report(
        StepReport(session_id=session.session_id, kind="product_facts", state=state, fraction=1.0, note=note)
    )
