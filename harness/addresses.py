"""Raft and client addresses as OVSDB writes them: ``tcp:[10.0.0.1]:6643``, ``ssl:10.0.0.1:6643``, ``unix:s1.raft``."""

from __future__ import annotations

import ipaddress
import re


def host_of(address: str) -> str:
    """The host part of an OVSDB address, without brackets; an address that has none (``unix:``) is returned whole.

    A bare host is returned as it is, so that node addresses and raft addresses can be compared.
    """
    scheme, colon, rest = address.partition(":")
    if not colon or scheme == "unix":
        return address
    if scheme not in ("tcp", "ssl"):
        return address.strip("[]")
    if rest.startswith("["):
        return rest[1:].partition("]")[0]
    return rest.rpartition(":")[0] or rest


def raft_address(host: str, port: int, scheme: str = "tcp") -> str:
    """The address as Kube-OVN's start script writes it: host in brackets, IPv4 too."""
    return f"{scheme}:[{host}]:{port}"


def is_ip(text: str) -> bool:
    """Whether ``text`` is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def mentioned(text: str) -> tuple[str, ...]:
    """The IPv4 and IPv6 addresses that a sentence mentions, without brackets, scheme and port, in its order."""
    words = (word.rstrip(".;") for word in re.split(r"[\s,()=]+", text))
    return tuple(found for word in words if (found := _bare(word)))


def _bare(word: str) -> str:
    """The address in a word, "" if it is none."""
    said = word.rstrip(":")
    host, _, port = said.rpartition(":")
    without = said[1:].partition("]")[0] if said.startswith("[") else host if port.isdigit() and ":" not in host else ""
    return next((form for form in (word, said, without, host_of(said)) if is_ip(form)), "")


def split_list(value: str) -> tuple[str, ...]:
    """The addresses of a NODE_IPS or OVN_DB_IPS value, in order; blanks around commas are dropped."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def join_list(addresses: tuple[str, ...]) -> str:
    """The value that ``kubectl set env`` gets."""
    return ",".join(addresses)
