"""The commands that a runbook may have, as a table: a form, an example of it, and what it means.

``docs/runbooks.md`` shows the same table; a test compares the two.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_NODE = r"(?P<node>\S+)"
_DB = r"(?P<db>nb|sb)"
_REF = r"(?P<kind>deployments?|deploy|daemonsets?|ds)(?:\.apps)?[/ ](?P<name>[a-z0-9-]+)"


@dataclass(frozen=True, slots=True)
class Form:
    """``verb`` names the meaning; ``pattern`` is matched against the words, options for namespaces taken out."""

    verb: str
    example: str
    becomes: str
    pattern: str


FORMS: tuple[Form, ...] = (
    Form("list", "kubectl -n kube-system get pod -o wide | grep central", "ListPods", r"kubectl get (?:pods?|po)\b.*"),
    Form(
        "status",
        "kubectl ko nb status",
        "ShowStatus, CheckStatus or ConfirmKicked",
        rf"kubectl ko {_DB} status",
    ),
    Form("kick", "kubectl ko sb kick <ID>", "Kick", rf"kubectl ko {_DB} kick (?P<id>\S+)"),
    Form("backup", "kubectl ko nb backup", "Backup", rf"kubectl ko {_DB} backup"),
    Form(
        "unlabel",
        "kubectl label node <node> kube-ovn/role-",
        "Unlabel",
        rf"kubectl label (?:node|nodes|no)[ /]{_NODE} (?P<key>[\w./-]+)-",
    ),
    Form(
        "label",
        "kubectl label node <node> kube-ovn/role=master",
        "Label",
        rf"kubectl label (?:node|nodes|no)[ /]{_NODE} (?P<key>[\w./-]+)=(?P<value>\S*)",
    ),
    Form(
        "scale",
        "kubectl scale deployment -n kube-system ovn-central --replicas=2",
        "Scale",
        rf"kubectl scale {_REF} --replicas=(?P<count>\S+)",
    ),
    Form(
        "env",
        'kubectl set env deployment/ovn-central -n kube-system NODE_IPS="172.18.0.3,172.18.0.4"',
        "SetEnv",
        rf"kubectl set env {_REF} (?P<variable>NODE_IPS|OVN_DB_IPS)=(?P<value>.*)",
    ),
    Form(
        "rollout",
        "kubectl rollout status deployment/ovn-central -n kube-system",
        "RolloutStatus",
        rf"kubectl rollout status {_REF}(?: --timeout=\S+)?",
    ),
    Form("pause", "kubectl rollout pause deployment/ovn-central", "PauseRollout", rf"kubectl rollout pause {_REF}"),
    Form("resume", "kubectl rollout resume deployment/ovn-central", "ResumeRollout", rf"kubectl rollout resume {_REF}"),
    Form(
        "delete",
        "kubectl delete pod -n kube-system -lapp=ovs",
        "DeletePods",
        r"kubectl delete (?:pods?|po) (?:-l ?|--selector[= ])app=(?P<app>[a-z0-9-]+)",
    ),
    Form("rm", "rm -rf /etc/origin/ovn", "RemoveDirectory or CheckDirectory", r"(?:sudo )?rm -(?:rf|fr) (?P<dir>\S+)"),
    Form(
        "rm",
        "ssh <node> rm -rf /etc/origin/ovn",
        "RemoveDirectory or CheckDirectory",
        r"ssh (?:\S+@)?(?P<node>\S+) (?:sudo )?rm -(?:rf|fr) (?P<dir>\S+)",
    ),
    Form(
        "unready",
        "kubectl wait -n kube-system pod/<POD> --for=condition=Ready=false --timeout=180s",
        "AwaitNotReady",
        r"kubectl wait (?:pods?|po)[/ ](?P<pod>\S+) --for=condition=Ready=false(?: --timeout=\S+)?",
    ),
    Form("sleep", "sleep 60", "Sleep", r"sleep (?P<seconds>\d+(?:\.\d+)?)(?P<unit>[smh]?)"),
)

SILENT = re.compile(r"(?:set [-+][a-z]+(?: -o pipefail| pipefail)?|echo\b[^|;&`$()<>]*|:|true)")
"""Shell lines that change nothing and look at nothing."""


@dataclass(frozen=True, slots=True)
class Call:
    """One understood command: its form's verb and the parts that were matched."""

    verb: str
    line: int
    text: str
    parts: dict[str, str]
    namespace: str | None = None
    prose: str = ""
    output: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.parts.get(name) or ""


def split(text: str) -> list[str]:
    """The commands of one line, in order: those between ``&&`` and ``;``, outside quotes. ``||`` and ``&`` stay."""
    found, quote, start, at = [], "", 0, 0
    while at < len(text):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "#" and (at == 0 or text[at - 1] in " \t"):
            text = text[:at]
            break
        elif char == ";" or text[at : at + 2] == "&&":
            found.append(text[start:at])
            start = at + (1 if char == ";" else 2)
            at = start
            continue
        at += 1
    return [part.strip() for part in (*found, text[start:]) if part.strip()]


def parse(text: str, line: int, prose: str = "") -> Call | str:
    """The call that one command is, or why it is not understood: what was expected."""
    command, pipe, behind = text.partition(" | ")
    if "||" in text or re.search(r"(?<![&>])&(?!&|>)", text):
        return "a command that stands alone: what happens after || or in the background can't be told"
    try:
        words = shlex.split(command)
    except ValueError as error:
        return f"closed quotes ({error})"
    words, namespace = _without_namespace(words)
    if not words:
        return "a command"
    plain = " ".join(words)
    for form in FORMS:
        found = re.fullmatch(form.pattern, plain)
        if found:
            if pipe and not (form.verb in ("list", "status") and behind.startswith("grep ")):
                return f"{form.example} without a pipe"
            parts = {name: value for name, value in found.groupdict().items() if value is not None}
            return Call(form.verb, line, text, parts, namespace, prose)
    return _expected(words)


def _without_namespace(words: list[str]) -> tuple[list[str], str | None]:
    """Without ``-n``; ``--replicas`` comes last and flags that change nothing go."""
    if words[:1] != ["kubectl"]:
        return words, None
    kept: list[str] = []
    namespace, late = None, []
    rest = iter(words)
    for word in rest:
        if word in ("-n", "--namespace"):
            namespace = next(rest, "")
        elif word.startswith("--namespace="):
            namespace = word.partition("=")[2]
        elif word.startswith("--replicas"):
            late.append(word if "=" in word else f"{word}={next(rest, '')}")
        elif word != "--overwrite":
            kept.append(word)
    return [*kept, *late], namespace


def _expected(words: list[str]) -> str:
    """The form that is nearest: the one that shares most of its first words."""

    def shared(form: Form) -> int:
        example = list(_without_namespace(form.example.split())[0])
        count = 0
        for mine, theirs in zip(words, example, strict=False):
            if mine != theirs:
                break
            count += 1
        return count

    best = max(FORMS, key=shared)
    return f"something like: {best.example}" if shared(best) > 0 else "a command of docs/runbooks.md"
