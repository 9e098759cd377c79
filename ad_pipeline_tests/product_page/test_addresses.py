"""Which addresses may be asked: decided from the text of a URL and from the numbers behind its host."""

from __future__ import annotations

import pytest

from ad_pipeline.engines.product_page.addresses import is_public, literal_of, page_address, shown
from ad_pipeline.errors import PageUnreadable

PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9", "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.0.1",
    "192.88.99.1", "198.18.0.1", "203.0.113.9",
    "224.0.0.251", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "2002:c0a8:1::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "not a number", "",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.216.34", "223.130.195.200", "2606:4700:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("number", PRIVATE)
def test_an_address_that_is_not_of_the_open_web_is_told_apart(number: str) -> None:
    assert not is_public(number)


@pytest.mark.parametrize("number", PUBLIC)
def test_an_address_of_the_open_web_is_public(number: str) -> None:
    assert is_public(number)


@pytest.mark.parametrize(
    "host",
    [
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "127.0.1",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "1.2.3.4.5",
        "256.1.1.1",
    ],
)
def test_a_number_in_an_odd_spelling_is_refused_before_any_look_up(host: str) -> None:
    with pytest.raises(PageUnreadable, match="odd spelling"):
        literal_of(host)


def test_plain_numbers_are_numbers_and_names_are_names() -> None:
    assert literal_of("93.184.216.34") == "93.184.216.34"
    assert literal_of("::1") == "::1"
    assert [literal_of(name) for name in ("shop.example", "localhost.", "1shop.kr", "3ce.co.kr", "x.7eleven")] == [
        None
    ] * 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file:///etc/passwd", "begins with 'file'"),
        ("gopher://shop.example/", "begins with 'gopher'"),
        ("javascript:alert(1)", "begins with 'javascript'"),
        ("shop.example/1", "begins with '-'"),
        ("http://me:secret@shop.example/", "user or a password"),
        ("http://shop.example@127.0.0.1/", "user or a password"),
        ("http:///product", "no address of a page"),
        ("http://", "no address of a page"),
        ("http://shop.example:99999/", "no address of a page"),
        ("http://sh op.example/", "no address of a page"),
        ("http://１２７.0.0.1/", "no address of a page"),
        ("http://[fe80::1%25eth0]/", "no address of a page"),
        ("http://#\ud800", "no address of a page"),
        ("http://shop.example/" + "a" * 3000, "no address of a page"),
        ("http://shop.example\\@127.0.0.1/", "user or a password"),
    ],
)
def test_what_is_no_web_address_is_refused_by_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(PageUnreadable, match=said) as refused:
        page_address(text)

    assert "secret" not in str(refused.value)


def test_a_korean_name_goes_over_the_wire_as_ascii() -> None:
    address = page_address("HTTPS://쇼핑.한국/상품/1?색=빨강#후기")

    assert address.origin == "https://xn--hp4bo76a.xn--3e0b707e"
    assert address.target == "/%EC%83%81%ED%92%88/1?%EC%83%89=%EB%B9%A8%EA%B0%95"
    assert address.path == "/상품/1"


def test_a_link_is_followed_from_where_it_stands() -> None:
    page = page_address("https://shop.example/a/b?c=1")

    assert page.joined("../d").url == "https://shop.example/d"
    assert page.joined("//other.example/e").url == "https://other.example/e"
    with pytest.raises(PageUnreadable, match="begins with 'file'"):
        page.joined("file:///etc/passwd")


def test_an_address_in_a_message_keeps_its_secrets_to_itself() -> None:
    assert shown("https://me:pw@shop.example:8443/p/1?token=abc#frag") == "https://shop.example:8443/p/1"
    assert shown("http://[broken") == "?"
    assert len(shown("https://shop.example/" + "a" * 500)) == 200
