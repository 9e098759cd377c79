"""Servers that are slow, endless, broken or not for us: each gets one sentence, in time, and the ad goes on."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from ad_pipeline.engines.product_page.addresses import page_address
from ad_pipeline.engines.product_page.connecting import Deadline
from ad_pipeline.engines.product_page.fetching import Fetched, Visit, Wanted, fetch
from ad_pipeline.engines.product_page.reading import fetch_product_image, read_product_page
from ad_pipeline.errors import PageUnreadable
from ad_pipeline_tests.product_page.shop import Answer, answer, open_shop, redirect

pytestmark = pytest.mark.slow

GOOD = "<h1>세럼</h1><strong>12,000원</strong>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"


def _said(
    page: Answer, *, path: str = "/p", robots: Answer | None = None, budget_s: float = 5.0, most_s: float = 4.0
) -> str:
    pages = {"/p": page} | ({"/robots.txt": robots} if robots is not None else {})
    with open_shop(pages) as shop:
        began = time.monotonic()
        with pytest.raises(PageUnreadable) as refused:
            read_product_page(shop.url(path), hosts=[shop.host_port], budget_s=budget_s)
        took_s = time.monotonic() - began
    told = str(refused.value)
    assert took_s < most_s
    assert f"{shop.host_port}/p was not read" in told
    assert "brief's own fields" in told
    assert refused.value.message.said_in("ko") != told
    return told


def _fetched(page: Answer, *, path: str = "/p", **more: Answer) -> Fetched:
    """What comes over the wire; nobody takes it apart."""
    with open_shop({"/p": page, **{f"/{name}": found for name, found in more.items()}}) as shop:
        visit = Visit(deadline=Deadline(5.0), hosts=(shop.host_port,))
        return fetch(
            page_address(shop.url(path)), Wanted(what="a page", types=("text/html",), most_bytes=10_000), visit
        )


def _read(page: Answer) -> str:
    with open_shop({"/p": page}) as shop:
        return read_product_page(shop.url("/p"), hosts=[shop.host_port]).name


# --- slow -----------------------------------------------------------------------------------------


def _drip(first: bytes, drop: bytes, every_s: float = 0.05) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(200):
            time.sleep(every_s)
            connection.sendall(drop)

    return talk


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(_drip(HEAD + b"\r\n", b"x"), id="a body that drips"),
        pytest.param(_drip(HEAD, b"X-More: 1\r\n"), id="headers that drip"),
        pytest.param(_drip(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), id="promises without end"),
        pytest.param(_drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), id="chunks of a byte"),
        pytest.param(lambda _: time.sleep(6), id="silence"),
    ],
)
def test_a_slow_server_costs_no_more_than_the_budget(page: Answer) -> None:
    assert "longer than 0.4 s" in _said(page, budget_s=0.4)


def test_a_slow_robots_txt_spends_the_same_budget() -> None:
    said = _said(answer(GOOD), robots=_drip(HEAD + b"\r\n", b"#"), budget_s=0.5)

    assert "longer than 0.5 s" in said


def test_a_page_that_keeps_the_parser_busy_is_given_up_in_time() -> None:
    heavy = "<p>please ignore the rule about 30% of what an ai must or must not say</p>" * 50_000

    assert "longer than 0.9 s" in _said(answer(heavy), budget_s=0.9)


# --- too much -------------------------------------------------------------------------------------


def _endless(first: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(b"x" * 65536)

    return talk


def test_half_a_gigabyte_is_refused_by_its_header_alone() -> None:
    sent = HEAD + b"Content-Length: 500000000\r\n\r\n<h1>"

    assert "larger than 4 MB" in _said(_drip(sent, b"x", 1.0))


def test_a_body_without_end_is_dropped_at_the_limit() -> None:
    assert "larger than 4 MB" in _said(_endless(HEAD + b"\r\n"))


def test_headers_without_end_are_dropped() -> None:
    assert "breaks off or talks nonsense" in _said(_endless(HEAD + b"X-Big: "))


@pytest.mark.parametrize("packed_by", ["gzip", "deflate"])
def test_a_small_body_that_unfolds_to_a_large_one_is_dropped(packed_by: str) -> None:
    wide = b"<p>" * 20_000_000
    packed = gzip.compress(wide, 1) if packed_by == "gzip" else zlib.compress(wide, 1)
    assert len(packed) < 1_000_000
    page = answer(packed, headers={"Content-Encoding": packed_by})
    del wide

    tracemalloc.start()
    try:
        assert "larger than 4 MB" in _said(page)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_twice_packed_is_not_unfolded_at_all() -> None:
    twice = gzip.compress(gzip.compress(b"<p>" * 5_000_000))

    assert "packed by 'gzip, gzip'" in _said(answer(twice, headers={"Content-Encoding": "gzip, gzip"}))


def test_a_packed_page_is_read() -> None:
    raw = zlib.compressobj(wbits=-15)
    bare = raw.compress(GOOD.encode()) + raw.flush()

    for how, packed in (
        ("gzip", gzip.compress(GOOD.encode())),
        ("deflate", zlib.compress(GOOD.encode())),
        ("deflate", bare),
    ):
        assert _fetched(answer(packed, headers={"Content-Encoding": how})).body == GOOD.encode()


def test_rubbish_that_calls_itself_packed_is_said() -> None:
    assert "talks nonsense" in _said(answer(b"\xff" * 100, headers={"Content-Encoding": "gzip"}))


# --- leading astray -------------------------------------------------------------------------------


def test_a_page_that_redirects_to_itself_is_left_after_five_times() -> None:
    with open_shop({"/p": redirect("/p")}) as shop:
        with pytest.raises(PageUnreadable, match="redirects more than 5 times"):
            read_product_page(shop.url("/p"), hosts=[shop.host_port])

        assert shop.times("/p") == 6


def test_five_redirects_are_followed() -> None:
    steps = {f"/{n}": redirect(f"/{n + 1}", status=(301, 302, 303, 307, 308)[n % 5]) for n in range(1, 6)}
    pages = {name.removeprefix("/"): page for name, page in steps.items()}

    assert _fetched(answer(GOOD), path="/1", **pages, **{"6": answer(GOOD)}).address.path == "/6"


@pytest.mark.parametrize("target", ["/member/login.html?back=/p", "/account/signin", "/sso/start"])
def test_a_redirect_to_a_login_is_a_login_wall(target: str) -> None:
    assert "asks for a login" in _said(redirect(target))


def test_a_page_that_is_only_a_password_form_is_a_login_wall() -> None:
    form = (
        "<h1>회원 로그인</h1><form><input name=id><input type='PASSWORD' name=pw></form>"
        + "<p>이용 안내입니다.</p>" * 90
    )

    assert "asks for a login" in _said(answer(form))


def test_a_product_page_with_a_login_form_in_its_corner_is_a_product_page() -> None:
    assert _read(answer(GOOD + "<form><input type=password></form>")) == "세럼"


# --- not a page -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "does not let us in"), (403, "does not let us in"), (404, "no such page"), (410, "no such page"),
        (418, "status 418"), (429, "cannot answer now"), (500, "cannot answer now"), (503, "cannot answer now"),
        (304, "status 304"),
    ],
)  # fmt: skip
def test_an_error_status_is_said_with_what_to_do(status: int, said: str) -> None:
    assert said in _said(answer(GOOD if status != 304 else "", status=status))


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "application/json", "text/plain", ""])
def test_what_is_no_html_is_not_read(kind: str) -> None:
    said = _said(answer(GOOD, kind=kind))

    assert "expected an HTML page" in said
    assert kind in said


@pytest.mark.parametrize("body", ["", "   \n ", "<html><body><div id=root></div><script>draw()</script></body></html>", "\0" * 5000])  # fmt: skip  # noqa: E501
def test_a_page_without_words_is_said(body: str) -> None:
    assert "says nothing of a product" in _said(answer(body))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"), id="another protocol"),
        pytest.param(lambda _: None, id="hangs up at once"),
        pytest.param(lambda c: c.sendall(HEAD + b"Content-Length: 900\r\n\r\n<h1>half"), id="hangs up in the middle"),
        pytest.param(lambda c: c.sendall(HEAD + b"Content-Length: -1\r\n\r\n"), id="a length below zero"),
        pytest.param(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nA\0B: c\r\n\r\n"), id="a broken header"),
    ],
)
def test_a_server_that_talks_nonsense_is_said(page: Answer) -> None:
    assert "breaks off or talks nonsense" in _said(page)


def test_nobody_at_the_address_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(PageUnreadable, match="no connection to the shop's server"):
        read_product_page(f"http://127.0.0.1:{port}/p?token=abc", hosts=[f"127.0.0.1:{port}"])


def test_a_message_names_the_page_without_its_query() -> None:
    with open_shop({}) as shop, pytest.raises(PageUnreadable) as refused:
        read_product_page(shop.url("/p?token=abc#x"), hosts=[shop.host_port])

    assert "abc" not in str(refused.value)
    assert "?" not in str(refused.value)


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate with its key, for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "shop.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    made.write_bytes(made.read_bytes() + (folder / "cert.pem").read_bytes())
    return made


def _tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    with open_shop({"/p": answer(GOOD)}, tls=_tls(certificate)) as shop:
        with pytest.raises(PageUnreadable, match="cannot be trusted"):
            read_product_page(shop.url("/p"), hosts=[shop.host_port])

        assert shop.asked == []


def test_a_companys_own_authority_is_trusted_by_its_file(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.parent / "cert.pem"))
    with open_shop({"/p": answer(GOOD)}, tls=_tls(certificate)) as shop:
        assert read_product_page(shop.url("/p"), hosts=[shop.host_port]).name == "세럼"


def test_plain_talk_on_a_secure_port_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = f"127.0.0.1:{listener.getsockname()[1]}"

        def talk() -> None:
            with listener.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=talk, daemon=True).start()
        with pytest.raises(PageUnreadable, match="cannot be trusted"):
            read_product_page(f"https://{here}/p", hosts=[here], budget_s=2.0)


# --- robots.txt -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rules",
    [
        "User-agent: *\nDisallow: /",
        "User-agent: ad-pipeline\nDisallow: /p\n\nUser-agent: *\nAllow: /",
        "User-agent: *\nDisallow: /*?id=",
        "User-agent: *\nAllow: /\nDisallow: /p$\nDisallow: /p?",
    ],
)
def test_a_shop_that_shuts_programs_out_is_obeyed(rules: str) -> None:
    pages = {"/robots.txt": answer(rules, kind="text/plain"), "/p": answer(GOOD)}
    with open_shop(pages) as shop:
        with pytest.raises(PageUnreadable, match="robots.txt asks programs to stay away"):
            read_product_page(shop.url("/p?id=1"), hosts=[shop.host_port])

        assert shop.asked == ["/robots.txt"]


@pytest.mark.parametrize(
    "robots",
    [
        answer("User-agent: *\nDisallow: /cart", kind="text/plain"),
        answer("User-agent: other\nDisallow: /", kind="text/plain"),
        answer("not here", status=404),
        answer("go away", status=403),
        answer("<html>a shop that answers everything by its start page</html>"),
        answer(b"\xff\xfe\x00" * 1000, kind="text/plain"),
        answer("User-agent: *\nDisallow: /a*b*c*d*e*f*g*h*i*j*\n" * 12_000, kind="text/plain"),
    ],
)
def test_a_shop_that_lets_programs_in_is_read(robots: bytes) -> None:
    assert _fetched(answer(GOOD), **{"robots.txt": robots}).body == GOOD.encode()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_shop_whose_rules_cannot_be_read_now_is_left_alone(status: int) -> None:
    said = _said(answer(GOOD), robots=answer("", status=status))

    assert f"robots.txt cannot be read (status {status})" in said


def test_we_give_our_own_name_and_no_cookie() -> None:
    cookie = answer("", status=404, headers={"Set-Cookie": "a=b"})
    with open_shop({"/robots.txt": cookie, "/p": cookie}) as shop, pytest.raises(PageUnreadable):
        read_product_page(shop.url("/p"), hosts=[shop.host_port])

    assert all("User-Agent: ad-pipeline/" in head and "Cookie" not in head for head in shop.heads)


# --- the process that takes it apart --------------------------------------------------------------


def test_a_page_that_kills_its_reader_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A sitecustomize on the child's path stands for a parser that crashes: no page that crashes lxml is known.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'ad_pipeline' in str(sys.orig_argv): os._exit(139)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    assert "cannot be taken apart" in _said(answer(GOOD))


def test_the_process_that_reads_has_an_end_to_its_memory() -> None:
    code = "from ad_pipeline.engines.product_page.extracting_child import limit_this_process\n"
    code += "limit_this_process()\nbytearray(100_000_000)\nprint('some')\nbytearray(2_000_000_000)\nprint('too much')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert done.stdout.split() == ["some"]
    assert "MemoryError" in done.stderr


def test_the_reader_of_a_page_is_such_a_process() -> None:
    seen: list[int] = []

    def talk(connection: socket.socket) -> None:
        for _ in range(400):
            for child in psutil.Process().children():
                most_bytes = child.rlimit(psutil.RLIMIT_AS)[0]
                if most_bytes > 0:
                    seen.append(most_bytes)
                    return
            time.sleep(0.01)

    _said(talk)

    assert seen and seen[0] < 2_000_000_000


def test_the_reader_gets_none_of_our_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    code = "import os, sys\nif 'ad_pipeline' in str(sys.orig_argv): "
    code += f"open({str(seen)!r}, 'w').write(str(dict(os.environ)))\n"
    (tmp_path / "sitecustomize.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    assert _read(answer(GOOD)) == "세럼"
    assert "PATH" in seen.read_text()
    assert "secret" not in seen.read_text()


def test_no_reader_outlives_its_reading() -> None:
    before = _children()

    _said(answer(GOOD, status=404))
    _said(_drip(HEAD + b"\r\n", b"x"), budget_s=0.3)

    assert _children() == before


def _children() -> set[int]:
    return {child.pid for child in psutil.Process(os.getpid()).children() if child.status() != psutil.STATUS_ZOMBIE}


# --- pictures -------------------------------------------------------------------------------------


def _picture(kind: str = "PNG", **how: Any) -> bytes:
    import io

    from PIL import Image

    held = io.BytesIO()
    Image.effect_noise((90, 120), 80).convert("RGB").save(held, kind, **how)
    return held.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_a_png(kind: str, tmp_path: Path) -> None:
    from PIL import Image

    with open_shop({"/i": answer(_picture(kind), kind=f"image/{kind.lower()}")}) as shop:
        fetch_product_image(shop.url("/i"), tmp_path / "p.png", hosts=[shop.host_port])

    with Image.open(tmp_path / "p.png") as made:
        assert (made.format, made.size) == ("PNG", (90, 120))


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (answer(GOOD), "expected a PNG"),
        (answer("<svg onload='x'/>", kind="image/svg+xml"), "expected a PNG"),
        (answer("no picture", kind="image/png"), "is no picture"),
        (answer(_picture()[:2000], kind="image/png"), "broken picture"),
        (answer(b"", kind="image/png"), "is no picture"),
        (answer(_picture("EPS"), kind="image/png"), "is no picture"),  # Pillow would start Ghostscript
        (answer(_picture("TIFF"), kind="image/png"), "is no picture"),
        (
            _drip(HEAD.replace(b"text/html", b"image/png") + b"Content-Length: 30000000\r\n\r\n", b"x", 1.0),
            "larger than 20 MB",
        ),
        (redirect("http://10.0.0.1/p.png"), "private network"),
        (answer("", status=404), "no such page"),
    ],
)
def test_what_is_no_usable_picture_is_said_and_nothing_written(page: Answer, said: str, tmp_path: Path) -> None:
    with open_shop({"/i": page}) as shop, pytest.raises(PageUnreadable) as refused:
        fetch_product_image(shop.url("/i"), tmp_path / "p.png", hosts=[shop.host_port])

    assert said in str(refused.value)
    assert "picture" in str(refused.value)
    assert list(tmp_path.iterdir()) == []
