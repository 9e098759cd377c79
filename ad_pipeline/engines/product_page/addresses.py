"""Which addresses of the web may be asked: names as a URL writes them, and the numbers that they stand for.

A page's address comes from a brief and from whatever the page redirects to, and our machine reaches
places that its writer does not: the router, the cloud's metadata service, other people's databases.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ad_pipeline.errors import PageUnreadable

LONGEST_URL = 2000
_PORTS = {"http": 80, "https": 443}
_USUAL_PORTS = frozenset({80, 443, 8080, 8443})
_SHOWN_CHARACTERS = 200

# What Python's `is_global` lets pass, or let pass in one of the versions that we run on.
_NEVER = tuple(
    ipaddress.ip_network(net)
    for net in (
        "100.64.0.0/10",  # carrier-grade NAT; one cloud has its metadata at 100.100.100.200
        "168.63.129.16/32",  # a cloud's own wire server, on an address that looks public
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "2001::/23",  # Teredo and other wrappers
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",
        "5f00::/16",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PLAIN_V4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)")
_NUMBER_LABEL = re.compile(r"(?:0[xX][0-9a-fA-F]*|\d+)\.?")
_HOST = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,252}|[0-9a-f:.]{2,45}")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, kw_only=True)
class PageAddress:
    """A web address in its parts, as they go over the wire; `host` is ASCII, `target` path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        return self.origin + self.target

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def host_port(self) -> str:
        """As an allow-list writes it."""
        return f"{self.host}:{self.port}"

    def joined(self, reference: str) -> PageAddress:
        """Where a link on this page leads; raises as `page_address`."""
        import httpx

        try:
            return page_address(str(httpx.URL(self.url).join(reference.strip())))
        except (httpx.InvalidURL, ValueError) as error:
            raise _malformed() from error


def page_address(text: str) -> PageAddress:
    """The address that `text` writes.

    Raises:
        PageUnreadable: no http(s) address, a user or password in it, or a host that no name server knows.
    """
    import httpx  # the same reader takes it apart that puts it together for the wire: two would disagree some day

    try:
        url = httpx.URL(text.strip())
        host, target = url.raw_host.decode("ascii").lower(), url.raw_path.decode("ascii")
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise _malformed() from error
    if url.scheme not in _PORTS:
        raise PageUnreadable(
            "the address begins with {scheme!r}; expected http:// or https://", scheme=url.scheme[:20] or "-"
        )
    if url.userinfo:
        raise PageUnreadable("the address holds a user or a password; give one that anybody may open")
    if not _HOST.fullmatch(host) or len(str(url)) > LONGEST_URL or not 0 < (url.port or 80) < 65536:
        raise _malformed()
    return PageAddress(scheme=url.scheme, host=host, port=url.port or _PORTS[url.scheme], target=target or "/")


def _malformed() -> PageUnreadable:
    return PageUnreadable("that is no address of a page; expected one like https://shop.example/product/12")


def shown(text: str) -> str:
    """An address for a message: without query, user, password and fragment, which may hold secrets."""
    try:
        parts = urlsplit(text.strip())
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "?"
    kept = _CONTROL.sub("", f"{parts.scheme}://{host}{parts.path}" if host else "?")
    return kept if len(kept) <= _SHOWN_CHARACTERS else kept[: _SHOWN_CHARACTERS - 1] + "…"


def check_port(address: PageAddress, hosts: Iterable[str]) -> None:
    """Raises PageUnreadable for a port that no shop serves its pages on, unless `hosts` has it."""
    if address.port not in _USUAL_PORTS and address.host_port not in hosts:
        raise PageUnreadable(
            "port {port} is none that shops use; pages are read from {ports}. A shop in the own network: put its "
            "host:port into AD_PIPELINE_PAGE_HOSTS",
            port=address.port,
            ports=", ".join(str(port) for port in sorted(_USUAL_PORTS)),
        )


def literal_of(host: str) -> str | None:
    """The IP address that a host is spelled as; None for a name.

    Raises:
        PageUnreadable: a number in a spelling that only old C libraries read (0x7f.1, 2130706433, 017.0.0.1).
    """
    if ":" in host or _PLAIN_V4.fullmatch(host):
        return host
    if _NUMBER_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise PageUnreadable("the host {host!r} is a number in an odd spelling; give the shop's name", host=host[:80])
    return None


def check_public(numbers: Iterable[str], *, host: str) -> None:
    """Raises PageUnreadable unless every one of the host's addresses lies in the open web."""
    for number in numbers:
        if not is_public(number):
            # The number itself is not told: what stands where in a network is nobody's business.
            raise PageUnreadable(
                "{host} lies in a private network or on this machine. If that is meant, put its host:port into "
                "AD_PIPELINE_PAGE_HOSTS",
                host=host[:100],
            )


def is_public(number: str) -> bool:
    """Whether an IP address belongs to the open web, wrappers of another address unwrapped."""
    try:
        address = ipaddress.ip_address(number)
    except ValueError:  # with a zone (fe80::1%eth0), say
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(str(address.ipv4_mapped))
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        if getattr(address, "scope_id", None) or address not in ipaddress.ip_network("2000::/3"):
            return False
    wrapped = any(address in net for net in _NEVER if net.version == address.version)
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not address.is_link_local and not wrapped and not special
