"""A small API server over HTTP, for what a well-behaved cluster never answers: refusals, silence, half answers.

It keeps objects as plain JSON and understands just enough of patches. It proves nothing about Kubernetes; how the
executor does on a real cluster is tested on one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

UID = "11111111-2222-3333-4444-555555555555"
Exec = Callable[["Socket", list[str]], None]
Answer = tuple[int, dict[str, Any]]

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def status(code: int, message: str) -> Answer:
    """A Kubernetes Status object."""
    return code, {"kind": "Status", "status": "Failure", "message": message, "code": code}


class Socket:
    """The server's end of an exec: frames for the client, each with its channel."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler

    def send(self, channel: int, data: bytes) -> None:
        payload = bytes([channel]) + data
        length = len(payload)
        head = bytes([0x82, length]) if length < 126 else bytes([0x82, 126]) + struct.pack(">H", length)
        self._handler.wfile.write(head + payload)
        self._handler.wfile.flush()

    def end(self, code: int = 0) -> None:
        """The command ended: its exit code, then the closing frame."""
        if code == 0:
            told: dict[str, Any] = {"status": "Success"}
        else:
            causes = [{"reason": "ExitCode", "message": str(code)}]
            told = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
        self.send(3, json.dumps(told).encode())
        self.close()

    def fail(self, message: str) -> None:
        """The runtime could not do it: no exit code."""
        self.send(3, json.dumps({"status": "Failure", "reason": "InternalError", "message": message}).encode())
        self.close()

    def close(self) -> None:
        self._handler.wfile.write(bytes([0x88, 0]))
        self._handler.wfile.flush()

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._handler.connection.close()


class ApiServer:
    """``objects`` by path; ``answers`` override them by (method, path); ``lacking`` verbs are refused by the review."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.answers: dict[tuple[str, str], Callable[[], Answer] | Answer] = {}
        self.lacking: set[tuple[str, str]] = set()
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self._closing = threading.Event()
        self.exec: Exec = lambda socket, _command: socket.end()
        self.put("/version", {"major": "1", "minor": "20+"})
        self.put("/api/v1/namespaces/kube-system", {"metadata": {"name": "kube-system", "uid": UID}})
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                return

            def _serve(self) -> None:
                server.serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def hang(self) -> None:
        """Say nothing for as long as the test lasts."""
        self._closing.wait(60)

    def close(self) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    def put(self, path: str, item: dict[str, Any]) -> None:
        meta = item.setdefault("metadata", {})
        meta["resourceVersion"] = str(int(meta.get("resourceVersion", "0")) + 1)
        self.objects[path] = item

    def changes(self) -> list[str]:
        """What was asked for that changes something, reviews of permissions apart."""
        return [f"{m} {p}" for m, p in self.requests if m != "GET" and "subjectaccessreviews" not in p]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlparse(handler.path.replace("/version/", "/version"))
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        self.requests.append((handler.command, url.path))
        self.bodies.append(body)
        given = self.answers.get((handler.command, url.path))
        if given is not None:
            code, answer = given() if callable(given) else given
        elif url.path.endswith("/exec"):
            self._upgrade(handler, parse_qs(url.query)["command"])
            return
        elif url.path.endswith("/selfsubjectaccessreviews"):
            code, answer = 201, self._review(body)
        else:
            code, answer = self._object(handler.command, url.path, parse_qs(url.query), body)
        text = json.dumps(answer).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def _review(self, body: Any) -> dict[str, Any]:
        asked = body["spec"]["resourceAttributes"]
        resource = asked["resource"] + ("/" + asked["subresource"] if "subresource" in asked else "")
        return {"status": {"allowed": (asked["verb"], resource) not in self.lacking}}

    def _object(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        item = self.objects.get(path)
        if method == "GET" and item is not None:
            return 200, item
        if method == "GET":
            return self._list(path, query)
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                return status(409, "already exists")
            self.put(path, body)
            return 201, body
        if item is None:
            return status(404, "not found")
        version = ((body or {}).get("metadata") or {}).get("resourceVersion")
        if version is not None and version != item["metadata"]["resourceVersion"]:
            return status(409, "the object has been modified")
        if method == "DELETE":
            return 200, self.objects.pop(path)
        if method == "PUT":
            body["metadata"]["resourceVersion"] = version
            self.put(path, body)
            return 200, body
        generation = item["metadata"].get("generation", 0) + ("spec" in body)
        _merge(item, {key: value for key, value in body.items() if key == "spec"})
        _merge(item["metadata"], {k: v for k, v in (body.get("metadata") or {}).items() if k != "resourceVersion"})
        item["metadata"]["generation"] = generation
        self.put(path, item)
        return 200, item

    def _list(self, path: str, query: dict[str, list[str]]) -> Answer:
        kind = path.rpartition("/")[2]
        under = [
            o for p, o in sorted(self.objects.items()) if p.startswith(path + "/") and "/" not in p[len(path) + 1 :]
        ]
        everywhere = [o for p, o in sorted(self.objects.items()) if f"/{kind}/" in p and "/namespaces/" not in path]
        found = {id(o): o for o in (*under, *everywhere) if "name" in o["metadata"]}
        if not found and path not in self.objects and kind not in KINDS:
            return status(404, f"the server could not find {path}")
        for chosen in query.get("fieldSelector", []):
            key, _, value = chosen.partition("=")
            found = {k: o for k, o in found.items() if _field(o, key) == value}
        for chosen in query.get("labelSelector", []):
            wanted = chosen.removeprefix("app").strip(" in=()").split(",")
            found = {k: o for k, o in found.items() if (o["metadata"].get("labels") or {}).get("app") in wanted}
        return 200, {"items": list(found.values())}

    def _upgrade(self, handler: BaseHTTPRequestHandler, command: list[str]) -> None:
        key = handler.headers["Sec-WebSocket-Key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode()
        handler.send_response(101)
        for name, value in (
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", accept),
            ("Sec-WebSocket-Protocol", "v4.channel.k8s.io"),
        ):
            handler.send_header(name, value)
        handler.end_headers()
        handler.close_connection = True
        self.exec(Socket(handler), command)


KINDS = ("nodes", "pods", "deployments", "daemonsets", "statefulsets")


def _field(item: dict[str, Any], key: str) -> Any:
    first, _, second = key.partition(".")
    return item.get(first, {}).get(second)


def _merge(item: dict[str, Any], patch: dict[str, Any]) -> None:
    """A strategic merge, as far as is needed: lists of things with names are merged by name."""
    for key, value in patch.items():
        if value is None:
            item.pop(key, None)
        elif isinstance(value, dict):
            _merge(item.setdefault(key, {}), value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            mine = item.setdefault(key, [])
            for entry in value:
                found = next((m for m in mine if m["name"] == entry["name"]), None)
                if found is None:
                    mine.append({k: v for k, v in entry.items() if v is not None})
                else:
                    _merge(found, entry)
        else:
            item[key] = value


@contextmanager
def api_server() -> Iterator[ApiServer]:
    server = ApiServer()
    try:
        yield server
    finally:
        server.close()


def kubeconfig(path: Path, url: str, context: str = "lab") -> Path:
    """A kubeconfig with one context, at ``path``."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def deployment(**spec: Any) -> dict[str, Any]:
    """ovn-central as Kube-OVN ships it."""
    env = [
        {"name": "ENABLE_SSL", "value": "false"},
        {"name": "NODE_IPS", "value": "10.0.0.1,10.0.0.2,10.0.0.3"},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    pod = {
        "hostNetwork": True,
        "nodeSelector": {"kubernetes.io/os": "linux", "kube-ovn/role": "master"},
        "containers": [
            {
                "name": "ovn-central",
                "image": "docker.io/kubeovn/kube-ovn:v1.13.15",
                "env": env,
                "volumeMounts": [{"name": "config", "mountPath": "/etc/ovn"}],
            }
        ],
        "volumes": [{"name": "config", "hostPath": {"path": "/etc/origin/ovn"}}],
    }
    how = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    return {
        "metadata": {"name": "ovn-central", "namespace": "kube-system", "generation": 4},
        "spec": {
            "replicas": 3,
            "strategy": how,
            "template": {"metadata": {"labels": {"app": "ovn-central"}}, "spec": pod},
            **spec,
        },
        "status": {"replicas": 3, "readyReplicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
    }


def node(number: int, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": f"n{number}", "labels": {"kube-ovn/role": "master", **labels}},
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": f"10.0.0.{number}"},
                {"type": "Hostname", "address": f"n{number}"},
            ],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod(number: int) -> dict[str, Any]:
    template = deployment()["spec"]["template"]["spec"]
    since = f"2026-11-24T00:00:0{number}Z"
    return {
        "metadata": {
            "name": f"ovn-central-{number}",
            "namespace": "kube-system",
            "uid": f"uid-{number}",
            "labels": {"app": "ovn-central", "pod-template-hash": "abc"},
        },
        "spec": {**template, "nodeName": f"n{number}"},
        "status": {
            "phase": "Running",
            "podIP": f"10.0.0.{number}",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
            "containerStatuses": [{"name": "ovn-central", "restartCount": 1, "state": {"running": {}}}],
        },
    }


DEPLOYMENT = "/apis/apps/v1/namespaces/kube-system/deployments/ovn-central"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/ovnswap"


def fill(server: ApiServer) -> None:
    """A cluster of three nodes with ovn-central on each."""
    server.put(DEPLOYMENT, deployment())
    for number in (1, 2, 3):
        server.put(f"/api/v1/nodes/n{number}", node(number))
        server.put(f"/api/v1/namespaces/kube-system/pods/ovn-central-{number}", pod(number))
