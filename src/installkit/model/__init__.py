"""Frozen values, without I/O and without a clock; on the wire they have the same field names."""

from installkit.model.access import AuditEntry, KeptAnswer, Token, Webhook
from installkit.model.check import Check, Ignored
from installkit.model.component import (
    ON_CHANGE,
    PARAMETER_TYPES,
    ActionSpec,
    Catalog,
    Component,
    Origin,
    Parameter,
    Requirement,
)
from installkit.model.event import Event, LogSpan
from installkit.model.installation import Installation, Record, record_event
from installkit.model.inventory import Host, Inventory, Play, Targets
from installkit.model.parameters import SiteParameters
from installkit.model.plan import Change, Plan, Request, Step
from installkit.model.progress import RunProgress
from installkit.model.run import (
    Failure,
    Next,
    Progress,
    Recap,
    RunOptions,
    RunResult,
    RunSnapshot,
    RunSpec,
    StepSnapshot,
    StepSpec,
)
from installkit.model.site import InventorySource, SiteLock, SiteSnapshot
from installkit.model.wire import from_wire, time_to_wire, to_wire
from installkit.model.words import (
    NEXT_RUN_STATUSES,
    Action,
    CheckStatus,
    EventKind,
    FailureCode,
    HostStatus,
    InstallationStatus,
    Reason,
    ResultStatus,
    RunStatus,
    Scope,
    StepStatus,
)

__all__ = [
    "NEXT_RUN_STATUSES",
    "ON_CHANGE",
    "PARAMETER_TYPES",
    "Action",
    "ActionSpec",
    "AuditEntry",
    "Catalog",
    "Change",
    "Check",
    "CheckStatus",
    "Component",
    "Event",
    "EventKind",
    "Failure",
    "FailureCode",
    "Host",
    "HostStatus",
    "Ignored",
    "Installation",
    "InstallationStatus",
    "Inventory",
    "InventorySource",
    "KeptAnswer",
    "LogSpan",
    "Next",
    "Origin",
    "Parameter",
    "Plan",
    "Play",
    "Progress",
    "Reason",
    "Recap",
    "Record",
    "Request",
    "Requirement",
    "ResultStatus",
    "RunOptions",
    "RunProgress",
    "RunResult",
    "RunSnapshot",
    "RunSpec",
    "RunStatus",
    "Scope",
    "SiteLock",
    "SiteParameters",
    "SiteSnapshot",
    "Step",
    "StepSnapshot",
    "StepSpec",
    "StepStatus",
    "Targets",
    "Token",
    "Webhook",
    "from_wire",
    "record_event",
    "time_to_wire",
    "to_wire",
]
