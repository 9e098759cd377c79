"""A product's page, read for its facts and its picture."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_pipeline.engines.product_page.addresses import page_address, shown
from ad_pipeline.errors import MediaError, PageUnreadable
from ad_pipeline.media.stills import checked_photo, write_png
from ad_pipeline.story.product_facts import ProductFacts

if TYPE_CHECKING:
    from ad_pipeline.engines.product_page.connecting import Deadline, Web

PAGE_BUDGET_S, IMAGE_BUDGET_S = 5.0, 8.0
MOST_PAGE_BYTES, MOST_IMAGE_BYTES = 4_000_000, 20_000_000
_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif", "image/avif")
# By its first bytes: Pillow would open whatever it knows, and hands some of that to other programs.
_PICTURE_BYTES = re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|RIFF....WEBP|GIF8[79]a|....ftypavi[fs]", re.DOTALL)
_CHILD = "ad_pipeline.engines.product_page.extracting_child"
_KEPT_VARIABLES = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")


def read_product_page(
    url: str, *, hosts: Sequence[str] = (), budget_s: float = PAGE_BUDGET_S, web: Web | None = None
) -> ProductFacts:
    """What the page at `url` says of its product; looking, redirects, the body and its parsing end within `budget_s`.

    `hosts` are `host:port` in private networks that may be read all the same.

    Raises:
        PageUnreadable: why, what happens instead, and what to do.
    """
    # httpcore and httpx take 0.2 s to load, and most ads have no page.
    from ad_pipeline.engines.product_page.connecting import Deadline, Web
    from ad_pipeline.engines.product_page.fetching import Visit, Wanted, fetch

    deadline = Deadline(budget_s)
    with _said_of(url):
        address = page_address(url)
    with _said_of(url), _child() as child:
        visit = Visit(deadline=deadline, web=web or Web(), hosts=tuple(hosts))
        wanted = Wanted(what=PageUnreadable("an HTML page").message, types=_PAGE_TYPES, most_bytes=MOST_PAGE_BYTES)
        page = fetch(address, wanted, visit)
        if not page.body.strip():
            raise _empty()
        return _facts_by(child, page.body, charset=page.charset, url=page.address.url, deadline=deadline)


def fetch_product_image(
    url: str,
    target: Path,
    *,
    hosts: Sequence[str] = (),
    budget_s: float = IMAGE_BUDGET_S,
    web: Web | None = None,
) -> None:
    """Write the picture at `url` to `target`, as an upright 8-bit PNG.

    Raises:
        PageUnreadable: as `read_product_page`; also for what is no usable picture. Nothing was written.
    """
    from ad_pipeline.engines.product_page.connecting import Deadline, Web
    from ad_pipeline.engines.product_page.fetching import Visit, Wanted, fetch

    with _said_of(url, picture=True):
        visit = Visit(deadline=Deadline(budget_s), web=web or Web(), hosts=tuple(hosts))
        wanted = Wanted(
            what=PageUnreadable("a PNG, JPEG, WebP, GIF or AVIF picture").message,
            types=_IMAGE_TYPES,
            most_bytes=MOST_IMAGE_BYTES,
        )
        picture = fetch(page_address(url), wanted, visit)
        if not _PICTURE_BYTES.match(picture.body):
            raise PageUnreadable("what came is no picture; expected {what}", what=wanted.what)
        with tempfile.TemporaryDirectory(prefix="picture-", dir=target.parent) as folder:
            kept, ready = Path(folder) / "picture", Path(folder) / "picture.png"
            kept.write_bytes(picture.body)
            try:
                checked_photo(kept)
                write_png(kept, ready)
            except MediaError as error:
                raise PageUnreadable("the picture cannot be used: {problem}", problem=error.message) from error
            target.write_bytes(ready.read_bytes())


@contextmanager
def _said_of(url: str, *, picture: bool = False) -> Generator[None]:
    """Says of every failure where it was and what happens now."""
    try:
        yield
    except PageUnreadable as error:
        raise PageUnreadable(
            "the picture {url} was not fetched: {problem}. The ad is made without it"
            if picture
            else "{url} was not read: {problem}. The ad is made from the brief's own fields instead",
            url=shown(url),
            problem=error.message,
        ) from error


@contextmanager
def _child() -> Generator[subprocess.Popen[bytes]]:
    """The process that will take the page apart, started while the page is still on its way.

    It gets none of our keys: its environment holds what Python needs to start.
    """
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    except OSError as error:
        raise PageUnreadable(
            "no process could be started to take it apart ({reason}); end other programs and try again",
            reason=error.strerror or type(error).__name__,
        ) from error
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=5)


def _facts_by(
    child: subprocess.Popen[bytes], body: bytes, *, charset: str, url: str, deadline: Deadline
) -> ProductFacts:
    head = json.dumps({"charset": charset, "url": url}).encode() + b"\n"
    try:
        said, _ = child.communicate(head + body, timeout=deadline.some_left_s())
    except subprocess.TimeoutExpired as error:
        raise deadline.over() from error
    if child.returncode != 0 or not said:
        raise PageUnreadable("the page cannot be taken apart; it is broken or made to be. Give another page")
    answer: dict[str, Any] = json.loads(said)
    if answer.get("nothing") == "login":
        raise PageUnreadable("the shop asks for a login; give a page that anybody may open")
    if "facts" not in answer:
        raise _empty()
    return ProductFacts.model_validate(answer["facts"])


def _empty() -> PageUnreadable:
    return PageUnreadable(
        "the page says nothing of a product, or only after its scripts ran; give the product's own page, or write what "
        "it says into the brief"
    )
