"""Steps: one class for each operator action."""

from harness.steps.base import CENTRAL, CONTROLLER, Problem, Step, from_dict
from harness.steps.leadership import KeepTogether
from harness.steps.nodes import AwaitClients, AwaitPodOn, ClearFiles, ConfirmAddresses, ConfirmEnd, RestartOutdated
from harness.steps.page import (
    CheckDirectory,
    CheckStatus,
    ConfirmKicked,
    DeletePods,
    Kick,
    Label,
    ListPods,
    RemoveDirectory,
    RolloutStatus,
    Scale,
    SetEnv,
    ShowStatus,
    Unlabel,
)
from harness.steps.raft import AwaitInOrder, AwaitNotReady, Backup, Remove
from harness.steps.rollout import (
    KeepPodForLast,
    PauseRollout,
    ResumeRollout,
    RollNextPod,
    SetMinReadySeconds,
)
from harness.steps.scaling import MakeRoom, ScaleIn
from harness.steps.waiting import Sleep

__all__ = [
    "CENTRAL",
    "CONTROLLER",
    "AwaitClients",
    "AwaitInOrder",
    "AwaitNotReady",
    "AwaitPodOn",
    "Backup",
    "CheckDirectory",
    "CheckStatus",
    "ClearFiles",
    "ConfirmAddresses",
    "ConfirmEnd",
    "ConfirmKicked",
    "DeletePods",
    "KeepPodForLast",
    "KeepTogether",
    "Kick",
    "Label",
    "ListPods",
    "MakeRoom",
    "PauseRollout",
    "Problem",
    "Remove",
    "RemoveDirectory",
    "RestartOutdated",
    "ResumeRollout",
    "RollNextPod",
    "RolloutStatus",
    "Scale",
    "ScaleIn",
    "SetEnv",
    "SetMinReadySeconds",
    "ShowStatus",
    "Sleep",
    "Step",
    "Unlabel",
    "from_dict",
]
