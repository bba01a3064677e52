"""Raft and node addresses in the forms that OVSDB, Kube-OVN and kubectl write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.addresses import host_of, is_ip, join_list, mentioned, raft_address, split_list

ips = st.ip_addresses().map(str)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("tcp:172.18.0.3:6643", "172.18.0.3"),
        ("tcp:[172.18.0.3]:6643", "172.18.0.3"),
        ("ssl:[fd00:10::2]:6644", "fd00:10::2"),
        ("tcp:[fe80::1%eth0]:6644", "fe80::1%eth0"),
        ("ssl:172.18.0.3", "172.18.0.3"),
        ("172.18.0.3", "172.18.0.3"),
        ("fd00:10::2", "fd00:10::2"),
        ("[fd00:10::2]", "fd00:10::2"),
        ("unix:s1.raft", "unix:s1.raft"),
        ("unix:/run/ovn/s1.raft", "unix:/run/ovn/s1.raft"),
    ],
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host


@given(ips, st.integers(1, 65535), st.sampled_from(["tcp", "ssl"]))
def test_a_raft_address_has_its_host(ip: str, port: int, scheme: str) -> None:
    address = raft_address(ip, port, scheme)
    assert address == f"{scheme}:[{ip}]:{port}"
    assert host_of(address) == ip
    assert host_of(host_of(address)) == ip


@given(ips)
def test_addresses_are_addresses(ip: str) -> None:
    assert is_ip(ip)
    assert not is_ip(f"{ip}x")
    assert not is_ip(raft_address(ip, 6643))


@pytest.mark.parametrize(
    "text", ["", "kube-ovn-control-plane2", "172.18.0", "172.18.0.3.4", "172.18.0.256", "[::1]", "1"]
)
def test_other_words_are_none(text: str) -> None:
    assert not is_ip(text)


@given(st.lists(ips))
def test_a_list_is_read_as_it_was_written(addresses: list[str]) -> None:
    assert split_list(join_list(tuple(addresses))) == tuple(addresses)


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("", ()),
        (" , ,", ()),
        ("10.0.0.1, 10.0.0.2 ,10.0.0.3", ("10.0.0.1", "10.0.0.2", "10.0.0.3")),
        ("10.0.0.3,10.0.0.1,", ("10.0.0.3", "10.0.0.1")),
    ],
)
def test_blanks_and_empty_items_are_dropped_and_the_order_is_kept(value: str, addresses: tuple[str, ...]) -> None:
    assert split_list(value) == addresses


@pytest.mark.parametrize(
    ("sentence", "addresses"),
    [
        ("the label is on 172.18.0.3,172.18.0.5", ("172.18.0.3", "172.18.0.5")),
        ("nb server at fd00:10::2 knows fd00:10::2,fd00:10::3", ("fd00:10::2", "fd00:10::2", "fd00:10::3")),
        ("(1b9a at tcp:[fd00:10::2]:6643) and ssl:172.18.0.3:6644.", ("fd00:10::2", "172.18.0.3")),
        ("NODE_IPS=::1 and 10.0.0.1:6643: not fd00::, but [fd00::1]:6643", ("::1", "10.0.0.1", "fd00::", "fd00::1")),
        ("12:30:05 on node-fd00--1, 3.1 and v1.27.3", ()),
    ],
)
def test_the_addresses_that_a_sentence_mentions(sentence: str, addresses: tuple[str, ...]) -> None:
    assert mentioned(sentence) == addresses
