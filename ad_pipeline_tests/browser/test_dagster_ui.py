"""The product as a producer meets it: Dagster's pages in Chromium, on a real ad."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
import yaml

from ad_pipeline.defs.assets import ASSETS, CHECKS
from ad_pipeline_tests.browser.serving import BRIEF, Ui, make_by_command_line, running_ui, until

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install '.[browser]'")
_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not _CHROMIUM, reason="no chromium, chromium-browser or google-chrome on the PATH"),
]

_SESSION = "shown"
_LAUNCHPAD = "/locations/ad_pipeline.definitions/jobs/make_ad/playground"


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    folder = tmp_path_factory.mktemp("ui")
    with running_ui(folder / "root") as ui:
        make_by_command_line(ui, _SESSION, folder)
        yield ui


@pytest.fixture(scope="module")
def browser(ui: Ui) -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(ui: Ui, browser: sync_api.Browser) -> Iterator[sync_api.Page]:
    page = browser.new_page(base_url=ui.url, viewport={"width": 1440, "height": 1000})
    page.set_default_timeout(30_000)
    yield page
    page.close()


def _partition(asset: str, scene_id: str = "") -> str:
    key = f"{_SESSION}%7C{scene_id}" if scene_id else _SESSION
    return f"/assets/{asset}?view=partitions&partition={key}"


def _write(page: sync_api.Page, text: str) -> None:
    """Replace what stands in the page's config editor."""
    editor = page.locator(".CodeMirror").first
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def test_the_graph_opens_on_the_three_groups_without_a_window_in_front(page: sync_api.Page) -> None:
    page.goto("/asset-groups")

    for group in ("story", "scenes", "film"):
        page.get_by_role("button", name=group).first.wait_for()
    assert page.get_by_text("Join the Dagster community").count() == 0


def test_every_asset_is_in_the_catalog_with_its_words(page: sync_api.Page) -> None:
    page.goto("/assets")

    for asset in ASSETS:
        page.locator(f"a[href='/assets/{asset.key.path[-1]}']").first.wait_for()

    page.goto("/assets/key_image?view=overview")
    page.get_by_text("The still picture that a scene moves from").first.wait_for()
    # Prose in both languages: an indented docstring would show as a block of code.
    assert page.locator("p", has_text="정지 이미지입니다").count() == 1


@pytest.mark.parametrize(
    ("asset", "scene_id"),
    [("key_image", "scene_001"), ("motion_clip", "scene_001"), ("voice", "scene_002"), ("final_mp4", "")],
)
def test_a_partition_shows_its_picture_whole(page: sync_api.Page, asset: str, scene_id: str) -> None:
    page.goto(_partition(asset, scene_id))

    picture = page.get_by_alt_text("preview")
    picture.wait_for()
    until(lambda: picture.evaluate("image => image.naturalWidth"), within_s=20, what=f"{asset}'s picture")
    box = picture.bounding_box()
    assert box
    assert box["height"] <= 500
    assert box["x"] + box["width"] <= 1440


def test_the_storyboard_reads_as_a_table(page: sync_api.Page) -> None:
    page.goto(_partition("storyboard"))

    page.get_by_role("columnheader", name="voice").wait_for()
    page.get_by_role("cell", name="scene_001", exact=True).wait_for()


def test_checks_tell_what_they_ask_and_what_was_measured(page: sync_api.Page) -> None:
    page.goto("/assets/final_mp4?view=checks&checkDetail=loudness")

    page.get_by_text("As loud as its first channel asks, measured on the file?").first.wait_for()
    page.get_by_text("(limit", exact=False).first.wait_for()
    for name in CHECKS["final_mp4"]:
        page.get_by_text(name, exact=True).first.wait_for()


def test_a_scene_is_redone_from_its_page_and_only_it_turns_stale(ui: Ui, page: sync_api.Page) -> None:
    page.goto(_partition("key_image", "scene_001"))
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_text("Config", exact=True).click()
    page.get_by_role("button", name="Add config").click()
    wished = {"prompt": "밤하늘 아래 세럼 한 병, 달빛", "seed": 4242}
    _write(page, yaml.safe_dump({"ops": {"key_image": {"config": wished}}}, allow_unicode=True))
    page.get_by_text("No errors").first.wait_for()
    page.get_by_role("button", name="Save config").click()

    page.get_by_role("button", name="Launch 1 run").click()

    until(lambda: "STALE" in ui.staleness(_SESSION, "scene_001").values(), within_s=60, what="the new take")
    assert ui.takes(_SESSION, "scenes/scene_001/*/key_image.v*.png") == ["key_image.v1.png", "key_image.v2.png"]
    assert ui.staleness(_SESSION, "scene_001")["motion_clip"] == "STALE"
    assert set(ui.staleness(_SESSION, "scene_002").values()) == {"FRESH"}
    page.goto(_partition("key_image", "scene_001"))
    page.get_by_role("cell", name="v2", exact=True).wait_for()
    page.get_by_role("cell", name="4242", exact=True).wait_for()


def test_reuse_and_the_checks_own_button_make_no_take(ui: Ui) -> None:
    partition = f"{_SESSION}|scene_002"
    reused = ui.launch(
        "make_scene", {"ops": {"key_image": {"config": {"reuse": True}}}}, partition=partition, assets=["key_image"]
    )
    checked = ui.launch("make_scene", {}, partition=partition, assets=[], checks=[("key_image", "size")])

    assert (ui.ended(reused), ui.ended(checked)) == ("SUCCESS", "SUCCESS")
    assert ui.takes(_SESSION, "scenes/scene_002/*/key_image.v*.png") == ["key_image.v1.png"]
    assert set(ui.staleness(_SESSION, "scene_002").values()) == {"FRESH"}


def test_the_launchpad_opens_with_a_brief_and_makes_the_ad(ui: Ui, page: sync_api.Page) -> None:
    page.goto(_LAUNCHPAD)
    page.locator(".CodeMirror", has_text="my_first_ad").wait_for()
    _write(
        page,
        yaml.safe_dump({"ops": {"ad": {"config": {"session": "clicked", "brief": dict(BRIEF)}}}}, allow_unicode=True),
    )
    page.get_by_text("No errors").first.wait_for()

    page.get_by_role("button", name="Launch Run").click()

    page.wait_for_url("**/runs/*")
    parent = page.url.rsplit("/", 1)[1]
    assert ui.ended(parent, within_s=150) == "SUCCESS"
    assert ui.takes("clicked", "9x16/final.v*.mp4") == ["final.v1.mp4"]
    children = ui.runs(session="clicked", parent_run=parent)
    assert [run["jobName"] for run in children if run["jobName"] != "make_scene"] == ["make_final", "make_storyboard"]
    assert {run["status"] for run in children} == {"SUCCESS"}
    page.goto("/runs?q%5B0%5D=tag%3Aad_pipeline%2Fsession%3Dclicked")
    page.get_by_text("ad_pipeline/session: clicked").first.wait_for()
    assert page.get_by_text("Re-execution").count() == 0
