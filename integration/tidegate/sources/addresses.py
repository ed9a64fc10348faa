"""Which addresses a URL may lead to: public ones, and those that the configuration allows.

What is public is said here, network by network, since `ipaddress` calls some addresses global behind which a private
one, or a cloud's metadata, answers (168.63.129.16, NAT64, 6to4).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # this network; 0.0.0.0 is this machine
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers; Alibaba's metadata
            "127.0.0.0/8",  # this machine
            "168.63.129.16/32",  # Azure's platform
            "169.254.0.0/16",  # link-local; metadata of AWS, Azure, Google
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocols; Oracle's metadata
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
            "2001::/23",  # protocols; Teredo, which leads to an IPv4 address
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which leads to an IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)
# All else is not: this machine, link-local, private, IPv4 addresses spelled as IPv6 (::ffff:0:0/96, 64:ff9b::/96).
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")


def may_connect(address: str, allowed: Sequence[str]) -> bool:
    """Whether an address, as the system spells it, is public or in one of the `allowed` networks."""
    ip = ipaddress.ip_address(address)
    if any(ip in ipaddress.ip_network(network) for network in allowed):
        return True
    if isinstance(ip, ipaddress.IPv6Address) and ip not in _PUBLIC_V6:
        return False
    return not any(ip in network for network in _NOT_PUBLIC)


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order in which the system would try them. Raises `OSError` or `UnicodeError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
