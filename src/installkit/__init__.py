"""
Plan, run and watch a folder of numbered Ansible playbooks.

    import installkit

    site = installkit.Installer().site("acme", inventory="hosts.yml", catalog="playbooks")
    plan = site.plan(install=["portal"])
    print(plan)
    site.start(plan).wait(timeout=1800.0).raise_for_status()
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from installkit.errors import (
    CursorExpiredError,
    DefinitionError,
    DependencyCycleError,
    DestructivePlanError,
    DiskFullError,
    EngineError,
    InstallkitError,
    Issue,
    JournalError,
    PlanningError,
    PlanUsedError,
    Remedy,
    RunNotFoundError,
    ServiceError,
    SiteLockedError,
    StalePlanError,
    StoreError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from installkit.access import Access
    from installkit.aio import (
        AsyncInstaller,
        AsyncParameters,
        AsyncRun,
        AsyncSecrets,
        AsyncSite,
        AsyncSiteInventory,
    )
    from installkit.callbacks import Subscription
    from installkit.catalog import load_catalog, manifest_schema, write_catalog
    from installkit.datadir.arrivals import ArrivalReader
    from installkit.datadir.folders import Folders, default_data_directory
    from installkit.datadir.recovery import recover_database
    from installkit.either import AnyInstaller, AnyRun, AnySite
    from installkit.frames import to_frame
    from installkit.installer import Installer, site_name_for
    from installkit.journal import Bell, Bells, EventReader, LogReader, Watch
    from installkit.model import (
        BECOME_PASSWORD,
        CONNECTION_PASSWORD,
        LOG_LIMIT,
        WEBHOOK_EVENTS,
        Action,
        ActionDefinition,
        ApplyFields,
        ApplyOptions,
        Arrival,
        ArrivalFilter,
        AuditEntry,
        AuditFilter,
        CallbackFilter,
        Catalog,
        Change,
        Check,
        CheckStatus,
        Component,
        Event,
        EventFilter,
        EventKind,
        EventStatus,
        Failure,
        FailureCode,
        FindingStatus,
        GraphEdge,
        GraphNode,
        HasId,
        Host,
        HostStatus,
        Ignored,
        Installation,
        InstallationStatus,
        Inventory,
        InventoryKind,
        InventorySource,
        KeptAnswer,
        LogSpan,
        Names,
        Next,
        OnChange,
        Origin,
        OriginLevel,
        Parameter,
        Plan,
        PlanFilter,
        PlanGraph,
        Play,
        PlaybookUse,
        Progress,
        Request,
        RequestFields,
        Requirement,
        ResultFilter,
        ResultStatus,
        RunFilter,
        RunOptions,
        RunResult,
        RunSnapshot,
        RunSpec,
        RunStatus,
        Scope,
        SiteLock,
        SiteParameters,
        SiteSnapshot,
        StartOptions,
        Stats,
        Step,
        StepSnapshot,
        StepSpec,
        StepStatus,
        TaskResult,
        Token,
        Webhook,
        WireError,
        from_wire,
        is_password,
        option_problems,
        to_wire,
        vault_password_name,
    )
    from installkit.planning import plan_graph, plan_rows, plan_table
    from installkit.remote import (
        RemoteArrivalReader,
        RemoteInstaller,
        RemoteInventory,
        RemoteParameters,
        RemoteRun,
        RemoteSecrets,
        RemoteSite,
        connect,
    )
    from installkit.runs.comparison import HostDifference, RunComparison, StepDifference, TaskDifference
    from installkit.runs.errors import EndedRun, RunError, RunFailedError, RunStoppedError
    from installkit.runs.next_steps import ignore_options
    from installkit.runs.profile import HostCost, RunProfile, TaskCost, TimeShare, TimeUse
    from installkit.runs.run import Run
    from installkit.runs.timeline import TaskSpan, Timeline
    from installkit.sites.hosts import SiteInventory
    from installkit.sites.parameters import Parameters
    from installkit.sites.secrets import Secrets
    from installkit.sites.site import Site
    from installkit.sites.typed_values import Typed, Variables, read_variables
    from installkit.support.doctor import Finding, examine

__version__ = "0.1.0"

__all__ = [
    "BECOME_PASSWORD",
    "CONNECTION_PASSWORD",
    "LOG_LIMIT",
    "WEBHOOK_EVENTS",
    "Access",
    "Action",
    "ActionDefinition",
    "AnyInstaller",
    "AnyRun",
    "AnySite",
    "ApplyFields",
    "ApplyOptions",
    "Arrival",
    "ArrivalFilter",
    "ArrivalReader",
    "AsyncInstaller",
    "AsyncParameters",
    "AsyncRun",
    "AsyncSecrets",
    "AsyncSite",
    "AsyncSiteInventory",
    "AuditEntry",
    "AuditFilter",
    "Bell",
    "Bells",
    "CallbackFilter",
    "Catalog",
    "Change",
    "Check",
    "CheckStatus",
    "Component",
    "CursorExpiredError",
    "DefinitionError",
    "DependencyCycleError",
    "DestructivePlanError",
    "DiskFullError",
    "EndedRun",
    "EngineError",
    "Event",
    "EventFilter",
    "EventKind",
    "EventReader",
    "EventStatus",
    "Failure",
    "FailureCode",
    "Finding",
    "FindingStatus",
    "Folders",
    "GraphEdge",
    "GraphNode",
    "HasId",
    "Host",
    "HostCost",
    "HostDifference",
    "HostStatus",
    "Ignored",
    "Installation",
    "InstallationStatus",
    "Installer",
    "InstallkitError",
    "Inventory",
    "InventoryKind",
    "InventorySource",
    "Issue",
    "JournalError",
    "KeptAnswer",
    "LogReader",
    "LogSpan",
    "Names",
    "Next",
    "OnChange",
    "Origin",
    "OriginLevel",
    "Parameter",
    "Parameters",
    "Plan",
    "PlanFilter",
    "PlanGraph",
    "PlanUsedError",
    "PlanningError",
    "Play",
    "PlaybookUse",
    "Progress",
    "Remedy",
    "RemoteArrivalReader",
    "RemoteInstaller",
    "RemoteInventory",
    "RemoteParameters",
    "RemoteRun",
    "RemoteSecrets",
    "RemoteSite",
    "Request",
    "RequestFields",
    "Requirement",
    "ResultFilter",
    "ResultStatus",
    "Run",
    "RunComparison",
    "RunError",
    "RunFailedError",
    "RunFilter",
    "RunNotFoundError",
    "RunOptions",
    "RunProfile",
    "RunResult",
    "RunSnapshot",
    "RunSpec",
    "RunStatus",
    "RunStoppedError",
    "Scope",
    "Secrets",
    "ServiceError",
    "Site",
    "SiteInventory",
    "SiteLock",
    "SiteLockedError",
    "SiteParameters",
    "SiteSnapshot",
    "StalePlanError",
    "StartOptions",
    "Stats",
    "Step",
    "StepDifference",
    "StepSnapshot",
    "StepSpec",
    "StepStatus",
    "StoreError",
    "Subscription",
    "TaskCost",
    "TaskDifference",
    "TaskResult",
    "TaskSpan",
    "TimeShare",
    "TimeUse",
    "Timeline",
    "Token",
    "Typed",
    "UnknownNameError",
    "Variables",
    "Watch",
    "Webhook",
    "WireError",
    "connect",
    "default_data_directory",
    "examine",
    "from_wire",
    "ignore_options",
    "is_password",
    "load_catalog",
    "manifest_schema",
    "option_problems",
    "plan_graph",
    "plan_rows",
    "plan_table",
    "read_variables",
    "recover_database",
    "site_name_for",
    "to_frame",
    "to_wire",
    "vault_password_name",
    "write_catalog",
]

_ELSEWHERE = {
    "RemoteArrivalReader": "installkit.remote",
    "TimeUse": "installkit.runs.profile",
    "TimeShare": "installkit.runs.profile",
    "TaskCost": "installkit.runs.profile",
    "RunProfile": "installkit.runs.profile",
    "HostCost": "installkit.runs.profile",
    "AnyInstaller": "installkit.either",
    "AnyRun": "installkit.either",
    "AnySite": "installkit.either",
    "Access": "installkit.access",
    "ArrivalReader": "installkit.datadir.arrivals",
    "AsyncInstaller": "installkit.aio",
    "AsyncRun": "installkit.aio",
    "AsyncSite": "installkit.aio",
    "AsyncParameters": "installkit.aio",
    "AsyncSecrets": "installkit.aio",
    "AsyncSiteInventory": "installkit.aio",
    "Bell": "installkit.journal",
    "Bells": "installkit.journal",
    "EventReader": "installkit.journal",
    "LogReader": "installkit.journal",
    "Finding": "installkit.support.doctor",
    "Folders": "installkit.datadir.folders",
    "HostDifference": "installkit.runs.comparison",
    "Installer": "installkit.installer",
    "Parameters": "installkit.sites.parameters",
    "Run": "installkit.runs.run",
    "RunComparison": "installkit.runs.comparison",
    "RunError": "installkit.runs.errors",
    "RunFailedError": "installkit.runs.errors",
    "RunStoppedError": "installkit.runs.errors",
    "Secrets": "installkit.sites.secrets",
    "Site": "installkit.sites.site",
    "Subscription": "installkit.callbacks",
    "SiteInventory": "installkit.sites.hosts",
    "Typed": "installkit.sites.typed_values",
    "Watch": "installkit.journal",
    "Variables": "installkit.sites.typed_values",
    "StepDifference": "installkit.runs.comparison",
    "TaskDifference": "installkit.runs.comparison",
    "TaskSpan": "installkit.runs.timeline",
    "Timeline": "installkit.runs.timeline",
    "default_data_directory": "installkit.datadir.folders",
    "examine": "installkit.support.doctor",
    "ignore_options": "installkit.runs.next_steps",
    "load_catalog": "installkit.catalog",
    "manifest_schema": "installkit.catalog",
    "plan_graph": "installkit.planning",
    "plan_rows": "installkit.planning",
    "plan_table": "installkit.planning",
    "read_variables": "installkit.sites.typed_values",
    "recover_database": "installkit.datadir.recovery",
    "site_name_for": "installkit.installer",
    "to_frame": "installkit.frames",
    "write_catalog": "installkit.catalog",
    "RemoteInstaller": "installkit.remote",
    "RemoteInventory": "installkit.remote",
    "RemoteParameters": "installkit.remote",
    "RemoteRun": "installkit.remote",
    "RemoteSecrets": "installkit.remote",
    "RemoteSite": "installkit.remote",
    "connect": "installkit.remote",
    "EndedRun": "installkit.runs.errors",
}


if not TYPE_CHECKING:  # a checker would take any name for one that there is

    def __getattr__(name: str) -> Any:
        """Import on first use what takes time to import."""
        if name not in __all__:
            raise AttributeError(f"module 'installkit' has no attribute {name!r}")
        return getattr(import_module(_ELSEWHERE.get(name, "installkit.model")), name)


def __dir__() -> list[str]:
    return __all__


def _load_into_ipython() -> None:
    """
    Have IPython, where it runs already, load its extension `installkit.notebook`, by which values show themselves.

    It is named here and imported by IPython, as `%load_ext` would: the notebook uses the public names of this package,
    which so needs nothing of it. Until a value is shown nothing but that short list of classes is imported.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.extension_manager.load_extension("installkit.notebook")


_load_into_ipython()
