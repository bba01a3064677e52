"""Exec through one wrapper: each way in which a command, a connection or a runtime can end is told apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("kubernetes", reason="the package kubernetes is missing: pip install 'ovnswap[kube]'")

from support_api_server import ApiServer, Socket, api_server, kubeconfig, status

from harness.executors.kube import execution, servers
from harness.executors.kube.api import Api, connect
from harness.executors.kube.execution import Place, Verdict

PLACE = Place("kube-system", "ovn-central-1", "ovn-central")
PATH = "/api/v1/namespaces/kube-system/pods/ovn-central-1/exec"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        yield running


@pytest.fixture
def api(server: ApiServer, tmp_path: Path) -> Api:
    return Api(connect(kubeconfig(tmp_path / "config", server.url), "lab"), patience=0.0)


def test_output_error_output_and_code_are_kept_apart(server: ApiServer, api: Api) -> None:
    def command(socket: Socket, words: list[str]) -> None:
        socket.send(1, json.dumps(words).encode())
        socket.send(2, b"warning\n")
        socket.end()

    server.exec = command
    result = execution.run(api, PLACE, ["ls", "-l", "a b"], 5)
    assert result == execution.ExecResult(Verdict.DONE, 0, b'["ls", "-l", "a b"]', b"warning\n")


def test_an_exit_code_is_the_commands_own(server: ApiServer, api: Api) -> None:
    def command(socket: Socket, _words: list[str]) -> None:
        socket.send(2, b"unknown cluster\n")
        socket.end(2)

    server.exec = command
    result = execution.run(api, PLACE, ["x"], 5)
    assert (result.verdict, result.code, result.text) == (Verdict.NONZERO, 2, "unknown cluster")
    assert not result.unknown


def test_much_output_arrives_whole(server: ApiServer, api: Api) -> None:
    def command(socket: Socket, _words: list[str]) -> None:
        for number in range(300):
            socket.send(1, b"%5d" % number * 1000)
        socket.end()

    server.exec = command
    result = execution.run(api, PLACE, ["x"], 20)
    assert result.stdout == b"".join(b"%5d" % number * 1000 for number in range(300))


def test_a_runtime_that_could_not_start_it_is_no_exit_code(server: ApiServer, api: Api) -> None:
    server.exec = lambda socket, _words: socket.fail("error executing command: container not running (abc)")
    result = execution.run(api, PLACE, ["x"], 5)
    assert (result.verdict, result.code, result.unknown) == (Verdict.NOT_STARTED, None, False)


def test_a_runtime_that_broke_leaves_the_outcome_unknown(server: ApiServer, api: Api) -> None:
    server.exec = lambda socket, _words: socket.fail("rpc error: code = Unavailable")
    result = execution.run(api, PLACE, ["x"], 5)
    assert (result.verdict, result.unknown, result.error) == (Verdict.BROKEN, True, "rpc error: code = Unavailable")


def test_a_dropped_link_leaves_the_outcome_unknown_and_keeps_what_was_said(server: ApiServer, api: Api) -> None:
    def command(socket: Socket, _words: list[str]) -> None:
        socket.send(1, b"started removal\n")
        socket.close()

    server.exec = command
    result = execution.run(api, PLACE, ["x"], 5)
    assert (result.verdict, result.code, result.stdout) == (Verdict.BROKEN, None, b"started removal\n")


def test_a_command_that_does_not_end_times_out(server: ApiServer, api: Api) -> None:
    server.exec = lambda _socket, _words: server.hang()
    result = execution.run(api, PLACE, ["x"], 0.5)
    assert (result.verdict, result.unknown) == (Verdict.TIMEOUT, True)


def test_a_server_that_does_not_even_answer_the_handshake_times_out(server: ApiServer, api: Api) -> None:
    def silent() -> tuple[int, dict[str, object]]:
        server.hang()
        return status(500, "late")

    server.answers["GET", PATH] = silent
    assert execution.run(api, PLACE, ["x"], 0.5).verdict is Verdict.TIMEOUT


@pytest.mark.parametrize(
    ("code", "verdict"), [(403, Verdict.NOT_STARTED), (404, Verdict.NOT_STARTED), (500, Verdict.BROKEN)]
)
def test_a_refused_handshake_proves_that_nothing_ran_only_if_it_is_a_refusal(
    server: ApiServer, api: Api, code: int, verdict: Verdict
) -> None:
    server.answers["GET", PATH] = status(code, "pods/exec is forbidden")
    result = execution.run(api, PLACE, ["x"], 5)
    assert result.verdict is verdict
    assert "pods/exec is forbidden" in result.error


@pytest.mark.parametrize("body", ['container not found ("c")', "b'container not found (\"c\")\\n'"])
def test_a_refused_handshake_is_told_without_its_headers(body: str) -> None:
    reason = "Handshake status 500 Internal Server Error -+-+- {'date': 'Sat, 28 Nov 2026 16:25:08 GMT'} -+-+- " + body
    refused = execution._refused(execution.ApiException(status=0, reason=reason))
    assert refused.error == 'exec: container not found ("c") (HTTP 500)'
    assert refused.unknown


def test_requests_go_on_while_a_command_runs(server: ApiServer, api: Api) -> None:
    """The client's own stream() redirects every request of the ApiClient that it is given."""

    def command(socket: Socket, _words: list[str]) -> None:
        server.hang()
        socket.end()

    server.exec = command
    jobs = [execution.Job(api, PLACE, ["x"], 1.0) for _ in range(3)]
    for _ in range(20):
        assert api.read("version", "get_code")["major"] == "1"
    assert [job.result().verdict for job in jobs] == [Verdict.TIMEOUT] * 3


def test_servers_are_read_from_both_spellings_of_a_file() -> None:
    one, two = "6ac7a7d2-1b3c-4b5e-8f00-0123456789ab", "0b1c2d3e-1b3c-4b5e-8f00-0123456789ab"
    text = f'"servers":{{"{one}":"ssl:[fd00::1]:6643","{two}":{{"address":"tcp:10.0.0.2:6643","nickname":"b"}}}}'
    assert servers.servers_of(text) == {one: "ssl:[fd00::1]:6643", two: "tcp:10.0.0.2:6643"}
