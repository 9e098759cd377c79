"""Whether what is called local is: by the address of a server and the name of a model, nothing is looked up."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from ad_pipeline.messages import Message, worded

_OWN_ENDINGS = (".localhost", ".local", ".lan", ".home.arpa", ".internal")
"""Names that no public name server answers for (RFC 6761, 6762, 8375; ICANN reserved .internal)."""
_CLOUD_ENDINGS = ("-cloud", ":cloud")
"""An Ollama passes models with these names on to its maker's cloud."""


def is_own_address(host: str) -> bool:
    """Whether an IP address, or a name as far as it tells, lies on this machine or in its own network."""
    name = host.lower().rstrip(".")
    address = _address(name)
    if address is None:
        return bool(name) and ("." not in name or name.endswith(_OWN_ENDINGS))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return not (mapped or address).is_global


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a name is, in any notation that the system reads: 134744072 and 0x08080808 are 8.8.8.8."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(name))
        except OSError:
            return None


def why_not_local(url: str, *, is_ollama: bool, name: str) -> Message | None:
    """Why a model of a server at `url` is not local, whatever the list says; None when it may be."""
    host = urlsplit(url).hostname or ""
    if not is_own_address(host):
        return worded("{host} is no address in your own network, so what it is sent leaves it", host=host)
    if is_ollama and name.lower().endswith(_CLOUD_ENDINGS):
        return worded("Ollama answers for {name} from its cloud, so what it is sent leaves this machine", name=name)
    return None
