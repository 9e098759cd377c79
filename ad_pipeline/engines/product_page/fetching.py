"""One file of the web, fetched with every limit that a stranger's server needs."""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import httpcore

from ad_pipeline.engines.product_page.addresses import PageAddress
from ad_pipeline.engines.product_page.connecting import Deadline, GuardedBackend, Web
from ad_pipeline.engines.product_page.robots import AGENT, MOST_ROBOTS_BYTES, Robots
from ad_pipeline.errors import PageUnreadable
from ad_pipeline.messages import Message

MOST_REDIRECTS = 5
_USER_AGENT = f"{AGENT}/0.1 (reads one product page for an advert of that product)"
_MOVED = frozenset({301, 302, 303, 307, 308})
_LOGIN_PATH = re.compile(
    r"/(?:log-?in|sign-?in|sso|auth)(?:[./_-]|$)|/nidlogin|/account/login|login_?form", re.IGNORECASE
)
_LOGIN_HOST = re.compile(r"^(?:nid|login|signin|sso|auth|accounts?)\.", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is fetched: the content types that will do, in words `what`, and how large it may be."""

    what: Message | str
    types: tuple[str, ...]
    most_bytes: int
    cut: bool = False
    """Too much is cut off instead of refused."""
    failures_too: bool = False
    """An answer with an error status is an answer."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file, where it lay after redirects, and what its server said of it."""

    address: PageAddress
    status: int
    content_type: str
    charset: str
    body: bytes


ROBOTS = Wanted(what="robots.txt", types=(), most_bytes=MOST_ROBOTS_BYTES, cut=True, failures_too=True)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One reading of a shop: its time, its network, which private hosts are allowed, what robots.txt says."""

    deadline: Deadline
    web: Web = field(default_factory=Web)
    hosts: tuple[str, ...] = ()
    robots: dict[str, Robots] = field(default_factory=dict[str, Robots])


def fetch(address: PageAddress, wanted: Wanted, visit: Visit) -> Fetched:
    """The file at `address`, redirects followed, robots.txt asked at every step.

    Raises:
        PageUnreadable: why not, and what to do.
    """
    here = address
    for _ in range(MOST_REDIRECTS + 1):
        _check_robots(here, visit)
        answer = _asked(here, wanted, visit)
        if isinstance(answer, Fetched):
            return answer
        if _is_login(answer) and not _is_login(address):
            raise PageUnreadable("the shop asks for a login; give a page that anybody may open")
        here = answer
    raise _redirected_too_often()


def _is_login(address: PageAddress) -> bool:
    return bool(_LOGIN_PATH.search(address.path) or _LOGIN_HOST.search(address.host))


def _redirected_too_often() -> PageUnreadable:
    return PageUnreadable(
        "it redirects more than {most} times; open it in a browser and give the address that it ends at",
        most=MOST_REDIRECTS,
    )


def _check_robots(address: PageAddress, visit: Visit) -> None:
    if address.origin not in visit.robots:
        visit.robots[address.origin] = _robots_of(address, visit)
    if not visit.robots[address.origin].allows(address.url):
        raise PageUnreadable(
            "the shop's robots.txt asks programs to stay away from it; ask the shop, or write what the page says into "
            "the brief"
        )


def _robots_of(address: PageAddress, visit: Visit) -> Robots:
    here = address.joined("/robots.txt")
    for _ in range(MOST_REDIRECTS + 1):
        answer = _asked(here, ROBOTS, visit)
        if isinstance(answer, Fetched):
            break
        here = answer
    else:
        raise _redirected_too_often()
    if answer.status == 429 or answer.status >= 500:
        # What a shop would say if it could is not known: RFC 9309 asks to stay away then.
        raise PageUnreadable("its robots.txt cannot be read (status {status}); try again later", status=answer.status)
    return Robots("" if answer.status >= 400 else answer.body.decode("utf-8", errors="replace"))


def _asked(address: PageAddress, wanted: Wanted, visit: Visit) -> Fetched | PageAddress:
    """The file, or where its server sends us."""
    try:
        return _answered(address, wanted, visit)
    except httpcore.TimeoutException as error:
        if visit.deadline.left_s <= 0.05:
            raise visit.deadline.over() from error
        raise PageUnreadable("the shop's server does not answer; try again later") from error
    except httpcore.ConnectError as error:
        if "SSL" in str(error):
            raise PageUnreadable(
                "its secure connection cannot be trusted ({reason}); tell the shop, or give another page",
                reason=_plain(error),
            ) from error
        raise PageUnreadable("no connection to the shop's server ({reason}); check the address", reason=_plain(error)) from error  # fmt: skip  # noqa: E501
    except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.UnsupportedProtocol, ssl.SSLError) as error:
        raise PageUnreadable("its server breaks off or talks nonsense ({reason})", reason=_plain(error)) from error


def _plain(error: Exception) -> str:
    return " ".join(re.sub(r"[^\x20-\x7e]", " ", str(error)).split())[:120] or type(error).__name__


def _answered(address: PageAddress, wanted: Wanted, visit: Visit) -> Fetched | PageAddress:
    backend = GuardedBackend(address, deadline=visit.deadline, web=visit.web, hosts=visit.hosts)
    # httpcore, and not httpx around it: nothing from the environment gets in. A proxy would look the host's name
    # up itself, past our checks, and credentials in a .netrc are for a person, not for a page from a brief.
    with httpcore.ConnectionPool(
        ssl_context=_ssl_context(address), network_backend=backend, max_connections=1, http2=False
    ) as pool:
        url = httpcore.URL(
            scheme=address.scheme.encode(),
            host=address.host.encode(),
            port=address.port,
            target=address.target.encode(),
        )
        with pool.stream("GET", url, headers=_headers(address, wanted)) as response:
            said = {name.decode("ascii", "replace").lower(): _text(value) for name, value in response.headers}
            if response.status in _MOVED and "location" in said:
                return address.joined(said["location"])
            return _taken(address, response, said, wanted)


def _ssl_context(address: PageAddress) -> ssl.SSLContext | None:
    if address.scheme != "https":
        return None
    import httpx

    # SSL_CERT_FILE is heeded: a company's own authority is how its staging shop is trusted.
    return httpx.create_ssl_context()


def _headers(address: PageAddress, wanted: Wanted) -> list[tuple[bytes, bytes]]:
    accepted = ", ".join(wanted.types) or "*/*"
    return [
        # By us: httpcore leaves the brackets off an IPv6 host.
        (b"Host", address.origin.partition("://")[2].encode()),
        (b"User-Agent", _USER_AGENT.encode()),
        (b"Accept", accepted.encode()),
        (b"Accept-Language", b"ko, en;q=0.8"),
        (b"Accept-Encoding", b"gzip, deflate"),
        (b"Connection", b"close"),
    ]


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()


def _taken(address: PageAddress, response: httpcore.Response, said: dict[str, str], wanted: Wanted) -> Fetched:
    if not wanted.failures_too:
        _check_status(response.status)
    content_type = said.get("content-type", "").partition(";")[0].strip().lower()
    if wanted.types and content_type not in wanted.types:
        raise PageUnreadable(
            "it is {got}, expected {what}; check the address",
            got=content_type[:60] or "of no named type", what=wanted.what,
        )  # fmt: skip
    length = said.get("content-length", "")
    if length.isdecimal() and int(length) > wanted.most_bytes and not wanted.cut:
        raise _too_large(wanted)
    body = bytearray()
    for piece in _unpacked(response.iter_stream(), said.get("content-encoding", ""), wanted.most_bytes):
        body += piece
        if len(body) > wanted.most_bytes:
            if not wanted.cut:
                raise _too_large(wanted)
            break
    charset = _CHARSET.search(said.get("content-type", ""))
    return Fetched(
        address=address,
        status=response.status,
        content_type=content_type,
        charset=charset[1] if charset else "",
        body=bytes(body[: wanted.most_bytes]),
    )


def _check_status(status: int) -> None:
    if 200 <= status < 300:
        return
    if status in (404, 410):
        raise PageUnreadable("there is no such page (status {status}); check the address", status=status)
    if status in (401, 403, 407, 451):
        raise PageUnreadable(
            "the shop does not let us in (status {status}); give a page that anybody may open", status=status
        )
    if status == 429 or status >= 500:
        raise PageUnreadable("the shop's server cannot answer now (status {status}); try again later", status=status)
    raise PageUnreadable("the shop's server answers with status {status} and no page; check the address", status=status)


def _too_large(wanted: Wanted) -> PageUnreadable:
    return PageUnreadable(
        "it is larger than {most_mb:g} MB; give a lighter one", most_mb=round(wanted.most_bytes / 1e6, 1)
    )


def _unpacked(pieces: Iterable[bytes], encoding: str, most_bytes: int) -> Iterator[bytes]:
    """The body's bytes, unpacked no further than one more than may be: a megabyte can unfold to a gigabyte."""
    how = encoding.lower().strip()
    if how in ("", "identity"):
        yield from pieces
        return
    if how not in ("gzip", "x-gzip", "deflate"):
        raise PageUnreadable("it is packed by {how!r}, which was not asked for", how=how[:40])
    packer: zlib._Decompress | None = None  # pyright: ignore[reportPrivateUsage]  # zlib has no public name for it
    room = most_bytes + 1
    try:
        for piece in pieces:
            if not piece:
                continue
            packer = packer or zlib.decompressobj(_window_bits(how, piece))
            unpacked = packer.decompress(piece, room)
            yield unpacked
            room -= len(unpacked)
            if room <= 0:
                return
    except zlib.error as error:
        raise PageUnreadable("its server breaks off or talks nonsense ({reason})", reason="packed data") from error


def _window_bits(how: str, first: bytes) -> int:
    if how != "deflate":
        return zlib.MAX_WBITS | 16
    # "deflate" is meant to have zlib's header; some servers leave it out.
    return zlib.MAX_WBITS if first[0] & 0x0F == 8 else -zlib.MAX_WBITS
