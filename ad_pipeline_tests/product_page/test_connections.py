"""Where a reading connects to: never anywhere but to the number that was looked up and checked."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpcore
import pytest

from ad_pipeline.engines.product_page.addresses import page_address
from ad_pipeline.engines.product_page.connecting import Deadline, Web
from ad_pipeline.engines.product_page.fetching import Visit, Wanted, fetch
from ad_pipeline.engines.product_page.reading import read_product_page
from ad_pipeline.errors import PageUnreadable
from ad_pipeline_tests.product_page.shop import PretendWeb, answer, names, open_shop, redirect

pytestmark = pytest.mark.slow

PAGE = answer("<h1>세럼</h1><strong>12,000원</strong>")
HERE, THERE = "93.184.216.34", "151.101.1.1"


def _body(url: str, web: Web) -> bytes:
    """What comes over the wire; nobody takes it apart."""
    wanted = Wanted(what="a page", types=("text/html",), most_bytes=10_000)
    return fetch(page_address(url), wanted, Visit(deadline=Deadline(5.0), web=web)).body


def _refused(url: str, **how: Any) -> str:
    with pytest.raises(PageUnreadable) as refused:
        read_product_page(url, **how)
    return str(refused.value)


def test_a_name_is_looked_up_and_its_very_number_connected_to() -> None:
    with open_shop({"/p": PAGE}) as shop:
        backend = PretendWeb({HERE: shop})

        body = _body("http://shop.example/p?id=7", Web(resolve=names({"shop.example": [HERE]}), backend=backend))

    assert "세럼" in body.decode()
    assert set(backend.numbers) == {HERE}
    assert "Host: shop.example\r\n" in shop.heads[-1]
    assert shop.asked == ["/robots.txt", "/p?id=7"]


@pytest.mark.parametrize(
    "table",
    [
        {"shop.example": ["127.0.0.1"]},
        {"shop.example": ["169.254.169.254"]},
        {"shop.example": ["::1"]},
        {"shop.example": [HERE, "10.0.0.5"]},  # one bad apple
        {"shop.example": ["::ffff:10.0.0.5"]},
    ],
)
def test_a_name_with_any_private_number_is_refused_without_a_connection(table: Mapping[str, Sequence[str]]) -> None:
    with open_shop({"/p": PAGE}) as shop:
        backend = PretendWeb(dict.fromkeys([HERE, "127.0.0.1", "169.254.169.254", "::1", "10.0.0.5"], shop))

        said = _refused("http://shop.example/p", web=Web(resolve=names(table), backend=backend))

    assert "private network" in said
    assert "AD_PIPELINE_PAGE_HOSTS" in said
    assert backend.numbers == []
    assert shop.asked == []


def test_a_name_that_turns_private_between_two_look_ups_gets_nothing() -> None:
    with open_shop({"/p": PAGE}) as shop:
        backend = PretendWeb({HERE: shop, "127.0.0.1": shop})
        rebinding = names({"shop.example": [[HERE], ["127.0.0.1"]]})

        said = _refused("http://shop.example/p", web=Web(resolve=rebinding, backend=backend))

    assert "private network" in said
    assert backend.numbers == [HERE]
    assert shop.asked == ["/robots.txt"]


def test_between_check_and_connection_nobody_is_asked_again() -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [HERE]

    with open_shop({"/p": PAGE}) as shop:
        backend = PretendWeb({HERE: shop})
        _body("http://shop.example/p", Web(resolve=resolve, backend=backend))

    assert len(asked) == len(backend.numbers) == 2  # robots.txt and the page


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://127.0.0.1/admin", "private network"),
        ("http://169.254.169.254/latest/meta-data/", "private network"),
        ("http://[::1]/", "private network"),
        ("http://localhost./", "private network"),
        ("http://0x7f.1/", "odd spelling"),
        ("http://inner.example/", "private network"),
        ("http://shop.example:22/", "port 22"),
        ("file:///etc/passwd", "begins with 'file'"),
        ("http://u:p@shop.example/", "user or a password"),
    ],
)
def test_a_redirect_is_checked_like_the_first_address(target: str, said: str) -> None:
    table = {"shop.example": [HERE], "inner.example": ["192.168.1.10"], "localhost.": ["127.0.0.1"]}
    with open_shop({"/p": redirect(target)}) as shop:
        backend = PretendWeb(dict.fromkeys([HERE, "127.0.0.1", "192.168.1.10", "169.254.169.254", "::1"], shop))

        told = _refused("http://shop.example/p", web=Web(resolve=names(table), backend=backend))

    assert said in told
    assert set(backend.numbers) == {HERE}
    assert shop.asked == ["/robots.txt", "/p"]


def test_a_redirect_to_another_shop_asks_that_ones_robots_too() -> None:
    table = {"shop.example": [HERE], "other.example": [THERE]}
    robots = answer("User-agent: *\nDisallow: /secret", kind="text/plain")
    with (
        open_shop({"/p": redirect("http://other.example/secret/1")}) as shop,
        open_shop({"/robots.txt": robots, "/secret/1": PAGE}) as other,
    ):
        backend = PretendWeb({HERE: shop, THERE: other})

        said = _refused("http://shop.example/p", web=Web(resolve=names(table), backend=backend))

    assert "robots.txt" in said
    assert other.asked == ["/robots.txt"]


def test_our_own_machine_is_refused_unless_the_list_names_host_and_port() -> None:
    with open_shop({"/p": PAGE}) as shop:
        assert "port" in _refused(shop.url("/p"))
        assert "port" in _refused(shop.url("/p"), hosts=[f"127.0.0.1:{shop.port + 1}", "127.0.0.1", "localhost"])
        assert shop.asked == []

        assert read_product_page(shop.url("/p"), hosts=[shop.host_port]).name == "세럼"


def test_the_list_opens_one_port_and_no_other() -> None:
    with open_shop({"/other": PAGE}) as other, open_shop({"/p": redirect(other.url("/other"))}) as shop:
        said = _refused(shop.url("/p"), hosts=[shop.host_port])

    assert "port" in said
    assert other.asked == []


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_shop({"/p": PAGE}) as shop, open_shop({}) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))

        assert read_product_page(shop.url("/p"), hosts=[shop.host_port]).name == "세럼"

    assert proxy.asked == []


def test_a_name_service_that_sleeps_costs_no_more_than_the_budget() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        time.sleep(4.0)
        return [HERE]

    began = time.monotonic()
    said = _refused("http://shop.example/p", budget_s=0.3, web=Web(resolve=resolve))

    assert "longer than 0.3 s" in said
    assert time.monotonic() - began < 3.0


def test_a_name_that_nobody_knows_is_said() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert "no name server knows 'shop.example'" in _refused("http://shop.example/p", web=Web(resolve=resolve))


def test_the_next_number_is_tried_when_one_does_not_answer() -> None:
    class HalfDead(PretendWeb):
        def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> Any:
            if host == THERE:
                raise httpcore.ConnectError("refused")
            return super().connect_tcp(host, *args, **kwargs)

    with open_shop({"/p": PAGE}) as shop:
        web = Web(resolve=names({"shop.example": [THERE, HERE]}), backend=HalfDead({HERE: shop}))

        assert "세럼" in _body("http://shop.example/p", web).decode()
