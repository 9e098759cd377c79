"""A session that is opened with a `product_url`: what is kept, when the page is read, and what an unread one costs."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from pathlib import Path

import pytest
from PIL import Image

from ad_pipeline.cli.main import main
from ad_pipeline.errors import BriefRejected
from ad_pipeline.routing.route import decide
from ad_pipeline.sessions.records import TakeRecord
from ad_pipeline.stages.launcher import degraded_lines
from ad_pipeline.stages.opening import open_session
from ad_pipeline.stages.product_page import keep_product_page, page_line
from ad_pipeline.stages.session_facts import INPUT_IMAGE, PRODUCT_FACTS, SessionFacts, facts_of
from ad_pipeline.stages.storyboard import make_storyboard
from ad_pipeline.stages.workplace import StepReport, Workplace
from ad_pipeline.story.brief import brief_from_text
from ad_pipeline_tests.product_page.shop import Shop, answer, open_shop
from ad_pipeline_tests.stages.sessions import a_workplace, brief_text

pytestmark = pytest.mark.slow

PRODUCT = {"@type": "Product", "name": "이슬 세럼", "description": "수분 48% 증가.", "image": ["/a.png", "/b.png"]}


def _page(**changes: object) -> bytes:
    text = json.dumps(PRODUCT | changes, ensure_ascii=False)
    return answer(f'<script type="application/ld+json">{text}</script><h1>이슬 세럼</h1>')


def _picture(kind: str = "PNG") -> bytes:
    held = io.BytesIO()
    Image.effect_noise((80, 100), 90).convert("RGB").save(held, kind)
    return answer(held.getvalue(), kind=f"image/{kind.lower()}")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Generator[Shop]:
    """A shop with one product and two pictures of it, on the list of hosts that may be read."""
    with open_shop({"/product/1": _page(), "/a.png": _picture(), "/b.png": _picture("WEBP")}) as shop:
        shop.pages["/b.png"] = answer(b"no picture", kind="image/png")
        monkeypatch.setenv("AD_PIPELINE_PAGE_HOSTS", f"other:1, {shop.host_port}")
        yield shop


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return a_workplace(tmp_path / "root")


def _opened(workplace: Workplace, **brief: object) -> SessionFacts:
    open_session(workplace, "ad", brief_text(**brief), folder=workplace.store.root)
    return facts_of(workplace, "ad")


def _takes(facts: SessionFacts) -> list[TakeRecord]:
    return list(facts.session.takes(PRODUCT_FACTS))


def test_a_pages_facts_and_picture_are_takes_of_the_session(workplace: Workplace, shop: Shop) -> None:
    facts = _opened(workplace, product_url=shop.url())

    found, record = facts.product_facts, facts.product_facts_record
    assert found and record
    assert (found.name, found.claims) == ("이슬 세럼", ("수분 48% 증가.",))
    assert (record.engine, record.made_by, record.licence.name) == ("product_page", "pipeline", "the page's owner's")
    assert record.parameters == {"url": shop.url()}
    picture = facts.product_image
    assert picture and picture.engine == "product_page"
    assert picture.details["image_url"] == shop.url("/a.png")
    with Image.open(facts.session.plain_path(INPUT_IMAGE)) as kept:
        assert (kept.format, kept.size) == ("PNG", (80, 100))
    assert json.loads(facts.session.plain_path(PRODUCT_FACTS).read_text())["name"] == "이슬 세럼"
    assert "이슬 세럼" in page_line(facts)


def test_the_pages_picture_counts_as_the_briefs_own(workplace: Workplace, shop: Shop) -> None:
    facts = _opened(workplace, product_url=shop.url())

    assert facts.brief.product_image == "input_image.png"
    assert facts.look.product_image == facts.session.folder / "input_image.v1.png" if _board(workplace) else False
    asked = facts.brief.model_copy(update={"quality": "standard"})
    scene = facts_of(workplace, "ad").storyboard.scenes[0].model_copy(update={"controlnet_mode": "canny"})
    with_picture = decide("key_image", brief=asked, scene=scene)
    without = decide("key_image", brief=asked.model_copy(update={"product_image": ""}), scene=scene)
    assert with_picture.wanted.model_id != without.wanted.model_id


def _board(workplace: Workplace) -> bool:
    make_storyboard(workplace, "ad")
    return True


def test_a_session_that_is_opened_again_asks_the_shop_nothing(workplace: Workplace, shop: Shop) -> None:
    _opened(workplace, product_url=shop.url())
    asked = list(shop.asked)

    facts = _opened(workplace, product_url=shop.url(), concept="다른 생각")

    assert shop.asked == asked
    assert len(_takes(facts)) == len(facts.session.takes(INPUT_IMAGE)) == 1
    assert facts.product_facts


def test_looking_at_a_session_asks_the_shop_nothing(workplace: Workplace, shop: Shop) -> None:
    _opened(workplace, product_url=shop.url())
    asked = list(shop.asked)

    make_storyboard(workplace, "ad")
    for _ in range(3):
        assert facts_of(workplace, "ad").product_facts

    assert shop.asked == asked


def test_another_address_is_read_anew_and_the_first_one_is_remembered(workplace: Workplace, shop: Shop) -> None:
    shop.pages["/product/2"] = _page(name="바람 크림", image=[])
    _opened(workplace, product_url=shop.url())

    second = _opened(workplace, product_url=shop.url("/product/2"))
    asked = list(shop.asked)
    third = _opened(workplace, product_url=shop.url())

    assert second.product_facts and second.product_facts.name == "바람 크림"
    assert second.product_image is None  # the picture is of the other page
    assert second.brief.product_image == ""
    assert third.product_facts and third.product_facts.name == "이슬 세럼"
    assert third.product_image
    assert shop.asked == asked


def test_facts_of_a_page_that_the_brief_does_not_name_are_not_lent(workplace: Workplace, shop: Shop) -> None:
    # As it stands after a kill between the new page and the new brief.
    shop.pages["/product/2"] = _page(name="바람 크림", image=[])
    first = _opened(workplace, product_url=shop.url())
    keep_product_page(workplace, first.session, brief_from_text(brief_text(product_url=shop.url("/product/2"))))

    facts = facts_of(workplace, "ad")

    assert facts.product_facts is None
    assert facts.product_facts_record is None


def test_a_page_that_cannot_be_read_stops_nothing_and_is_not_silent(workplace: Workplace, shop: Shop) -> None:
    heard: list[StepReport] = []
    shop.pages.pop("/product/1")

    facts = _opened(a_workplace(workplace.store.root, report=heard.append), product_url=shop.url("/product/1?key=abc"))
    make_storyboard(workplace, "ad")

    assert facts.product_facts is None
    assert facts.brief.product_image == ""
    record = facts.product_facts_record
    assert record and record.degraded
    assert record.details["unread"]["template"].startswith("{url} was not read")
    line = page_line(facts)
    assert "there is no such page (status 404)" in line
    assert "abc" not in line
    assert line in degraded_lines(facts.film_records)[0]
    assert [(report.kind, report.state, report.note) for report in heard] == [("product_facts", "degraded", line)]


def test_an_unread_page_is_tried_again_by_the_next_opening(workplace: Workplace, shop: Shop) -> None:
    page = shop.pages.pop("/product/1")
    first = _opened(workplace, product_url=shop.url())
    again = _opened(workplace, product_url=shop.url())
    assert len(_takes(first)) == len(_takes(again)) == 1
    assert shop.times("/product/1") == 2

    shop.pages["/product/1"] = page
    facts = _opened(workplace, product_url=shop.url())

    assert facts.product_facts and facts.product_facts.name == "이슬 세럼"
    assert facts.product_image
    assert degraded_lines(facts.film_records) == []


def test_a_picture_that_cannot_be_used_gives_way_to_the_next(workplace: Workplace, shop: Shop) -> None:
    shop.pages["/product/1"] = _page(image=["/b.png", "/a.png"])

    picture = _opened(workplace, product_url=shop.url()).product_image

    assert picture and picture.details["image_url"] == shop.url("/a.png")


def test_a_missing_picture_is_said_and_fetched_later_without_the_page(workplace: Workplace, shop: Shop) -> None:
    picture = shop.pages.pop("/a.png")
    facts = _opened(workplace, product_url=shop.url())
    assert facts.product_facts
    assert facts.product_image is None
    assert f"{shop.host_port}/a.png was not fetched" in page_line(facts)

    shop.pages["/a.png"] = picture
    again = _opened(workplace, product_url=shop.url())

    assert again.product_image
    assert "not fetched" not in page_line(again)
    assert shop.times("/product/1") == 1


def test_the_briefs_own_picture_wins_and_the_pages_is_not_fetched(
    workplace: Workplace, shop: Shop, tmp_path: Path
) -> None:
    workplace.store.root.mkdir()
    Image.effect_noise((70, 70), 90).save(workplace.store.root / "own.png")

    facts = _opened(workplace, product_url=shop.url(), product_image="own.png")

    assert facts.product_facts
    assert facts.product_image and facts.product_image.engine == "person"
    assert facts.brief.product_image == "own.png"
    assert shop.times("/a.png") == 0

    later = _opened(workplace, product_url=shop.url())

    assert later.product_image and later.product_image.engine == "product_page"


def test_a_brief_without_the_address_has_neither_facts_nor_picture(workplace: Workplace, shop: Shop) -> None:
    _opened(workplace, product_url=shop.url())

    facts = _opened(workplace)

    assert (facts.product_facts, facts.product_facts_record, facts.product_image) == (None, None, None)
    assert facts.brief == brief_from_text(brief_text())
    assert "product_facts" not in {record.stage for record in facts.film_records}
    assert page_line(facts) == ""


def test_a_session_that_never_had_an_address_holds_nothing_new(workplace: Workplace) -> None:
    facts = _opened(workplace)

    assert facts.brief is brief_from_text(brief_text())
    assert {path.name for path in facts.session.folder.rglob("*") if path.is_file()} == {
        "brief.yaml", "brief.v1.yaml", "manifest.json", "brief.v1.json", "brief.picked.json", ".lock"
    }  # fmt: skip


def test_local_only_reads_no_page_and_says_so(workplace: Workplace, shop: Shop) -> None:
    facts = _opened(workplace, product_url=shop.url(), local_only=True)

    assert shop.asked == []
    assert facts.product_facts is None
    assert "local_only" in page_line(facts)
    assert degraded_lines(facts.film_records) == []


def test_facts_that_were_lost_on_disk_are_read_again(workplace: Workplace, shop: Shop) -> None:
    first = _opened(workplace, product_url=shop.url())
    record = first.product_facts_record
    assert record
    first.session.path_of(record).write_text('{"url": "x", "name": "somebody else"}', encoding="utf-8")

    broken = facts_of(workplace, "ad")
    facts = _opened(workplace, product_url=shop.url())

    assert broken.product_facts is None
    assert "gone or were changed" in page_line(broken)
    assert facts.product_facts and facts.product_facts.name == "이슬 세럼"


def test_a_private_address_that_nobody_allowed_is_not_read(
    workplace: Workplace, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AD_PIPELINE_PAGE_HOSTS")

    facts = _opened(workplace, product_url=shop.url())

    assert shop.asked == []
    assert "AD_PIPELINE_PAGE_HOSTS" in page_line(facts)


def test_show_tells_what_was_read_and_what_was_not(
    own_root: Path, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    workplace = a_workplace(own_root)
    _opened(workplace, product_url=shop.url())
    main(["show", "ad"])
    read = capsys.readouterr().out

    _opened(workplace, product_url=shop.url("/gone"))
    main(["show", "ad"])
    unread = capsys.readouterr().out

    assert "product page: 이슬 세럼" in read
    assert unread.count("there is no such page (status 404)") == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("shop.example/1", "expected the address of a page"),
        ("ftp://shop.example/1", "expected the address of a page"),
        ("file:///etc/passwd", "expected the address of a page"),
        ("javascript:alert(1)", "expected the address of a page"),
        ("https://", "expected the address of a page"),
        ("https://shop.example/a b", "expected the address of a page"),
        ("http://[::1", "expected the address of a page"),
        ("https://shop.example/" + "a" * 2000, "expected the address of a page"),
        ("https://me:secret@shop.example/1", "user or a password"),
        ("https://shop.example/\u202e1", "control character"),
    ],
)
def test_what_is_no_address_of_a_page_is_refused_in_the_brief(url: str, said: str) -> None:
    with pytest.raises(BriefRejected, match=said) as refused:
        brief_from_text(brief_text(product_url=url))

    assert refused.value.field == "product_url"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "https://shop.example/1", "HTTP://쇼핑.한국/상품?색=빨강", "http://127.0.0.1:8123/p"]
)
def test_a_web_address_is_taken_as_it_is(url: str) -> None:
    assert brief_from_text(brief_text(product_url=url)).product_url == url
