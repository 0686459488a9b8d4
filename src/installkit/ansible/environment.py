"""The environment of ansible-playbook: the caller's, and our settings unless somebody has made the same ones."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from installkit.ansible.configuration import AnsibleConfig, find_config
from installkit.ansible.programs import NO_QUESTIONS, ansible_home_problem, home_path, usable_home, usable_locale

MOST_FORKS = 50

_ALSO_SET_BY = {"ANSIBLE_PIPELINING": ("ANSIBLE_SSH_PIPELINING",)}
_CACHE = ("ANSIBLE_CACHE_PLUGIN", "ANSIBLE_CACHE_PLUGIN_CONNECTION")
_PARTIAL = ("ANSIBLE_RUN_TAGS", "ANSIBLE_SKIP_TAGS")
_ASKING = ("ANSIBLE_ENABLE_TASK_DEBUGGER", "ANSIBLE_STRATEGY")
_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_DEBUG = frozenset({"debug", "ansible.builtin.debug", "ansible.legacy.debug"})
_TAKEN_OUT = (
    *_PARTIAL,
    "ANSIBLE_ENABLE_TASK_DEBUGGER",
    "NO_COLOR",
    "ANSIBLE_NOCOLOR",
    "AWX_LIB_DIRECTORY",
    "AD_HOC_COMMAND_ID",
    "JOB_ID",
    "MAX_EVENT_RES",
)


def run_settings(
    folder: Path,
    environment: Mapping[str, str],
    *,
    hosts: int,
    facts: Path | None,
    tags: Sequence[str] = (),
    skip_tags: Sequence[str] = (),
    sockets: Path | None = None,
) -> dict[str, str]:
    """
    Return the variables that installkit adds to *environment* for a playbook in *folder*.

    Settings for speed are added only if neither the environment nor the ansible.cfg that Ansible would find has them.
    Only the step's tags count, since a playbook of which a part was skipped proves nothing; and a debugger is switched
    off, since nobody would answer it.

    Args:
        folder: Where the playbook runs.
        environment: The variables that it would get without us.
        hosts: How many hosts the step covers.
        facts: Folder of the run's fact cache; None gathers facts anew.
        tags: The tags that the step runs; none for all.
        skip_tags: The tags that it skips.
        sockets: Folder for the sockets of ssh if Ansible's home cannot be written; None leaves them there.
    """
    config = find_config(folder, environment)
    ours = {"ANSIBLE_PIPELINING": "True", "ANSIBLE_FORKS": str(max(5, min(hosts, MOST_FORKS)))}
    if facts is not None and all(_is_open(name, config, environment) for name in _CACHE):
        ours |= {
            "ANSIBLE_GATHERING": "smart",
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(facts),
        }
    if sockets is not None and ansible_home_problem(environment) is not None:
        ours["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(sockets)
    chosen = {name: value for name, value in ours.items() if _is_open(name, config, environment)}
    # Ansible adds the tags of its command line to these, and reads an empty text as one tag, which no task has.
    neutral = {
        "ANSIBLE_RUN_TAGS": ",".join(tags) or "all",
        "ANSIBLE_SKIP_TAGS": ",".join(skip_tags),
        "ANSIBLE_ENABLE_TASK_DEBUGGER": "False",
        "ANSIBLE_STRATEGY": "linear",
    }
    overridden = {name: neutral[name] for name in neutral if _set_aside(name, config, environment)}
    callbacks = {}
    plugins = config.get("ANSIBLE_CALLBACK_PLUGINS")
    if plugins and config.path and "ANSIBLE_CALLBACK_PLUGINS" not in environment:
        # as a variable, since our own variable would hide the file's
        folders = [str(config.path.parent / Path(part).expanduser()) for part in plugins.split(os.pathsep)]
        callbacks["ANSIBLE_CALLBACK_PLUGINS"] = os.pathsep.join(folders)
    return {"ANSIBLE_FORCE_COLOR": "1", **chosen, **overridden, **callbacks}


def adjustments(folder: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """
    Return a sentence for each setting in *environment*, and in the ansible.cfg for *folder*, that a run ignores.

    Args:
        folder: Where playbooks run.
        environment: The caller's.
    """
    config = find_config(folder, environment)
    reasons = {
        **dict.fromkeys(_PARTIAL, "a step carries out its whole playbook, or the tags that the manifest says"),
        **dict.fromkeys(_ASKING, "in a run nobody answers a debugger"),
    }
    origins = {name: origin for name in reasons if (origin := _set_aside(name, config, environment))}
    lines = [f"{origin} is ignored: {reasons[name]}" for name, origin in origins.items()]
    names = ["LC_ALL"] if environment.get("LC_ALL") else ["LC_CTYPE", "LANG"]
    settings = {name: environment[name] for name in names if environment.get(name)}
    if (changed := usable_locale(environment)) and set(settings.values()) - {"C", "POSIX"}:
        shown = " ".join(f"{name}={value}" for name, value in settings.items())
        lines.append(
            f"Ansible gets LC_ALL={changed['LC_ALL']}: it takes UTF-8 alone, which {shown} is not on this machine"
        )
    if (temp := usable_home(environment).get("ANSIBLE_LOCAL_TEMP")) and (problem := ansible_home_problem(environment)):
        lines.append(f"Ansible's temporary files go to {temp}: its home cannot be written ({problem})")
    return tuple(lines)


def _set_aside(variable: str, config: AnsibleConfig, environment: Mapping[str, str]) -> str:
    """Return a setting of *variable* that a run ignores, such as `ANSIBLE_SKIP_TAGS=slow`; empty if there is none."""
    value = environment.get(variable, config.get(variable))
    if value is None:
        return ""
    text = value.strip().strip("\"'")
    if variable in _PARTIAL:
        matters = text != ("all" if variable == "ANSIBLE_RUN_TAGS" else "")
    else:
        matters = text in _DEBUG if variable == "ANSIBLE_STRATEGY" else text.lower() in _TRUE
    if not matters:
        return ""
    if variable in environment:
        return f"{variable}={value}"
    return f"{config.place(variable)} = {value} in {config.path}"


def gathers_by_default(folder: Path, environment: Mapping[str, str]) -> bool:
    """Return whether a play without `gather_facts` gathers facts, in *folder* and *environment*."""
    setting = environment.get("ANSIBLE_GATHERING") or find_config(folder, environment).get("ANSIBLE_GATHERING")
    return setting != "explicit"


def _is_open(variable: str, config: AnsibleConfig, environment: Mapping[str, str]) -> bool:
    names = (variable, *_ALSO_SET_BY.get(variable, ()))
    return config.get(variable) is None and not any(name in environment for name in names)


def caller_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return *environment* for ansible-playbook, with this Python's programs in PATH.

    Variables that would change the log or how runner works are removed, and Ansible never asks for passwords.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name not in _TAKEN_OUT and not name.startswith("RUNNER_") and value.isprintable()
    }
    beside = str(Path(sys.executable).parent)
    folders = kept.get("PATH", os.defpath).split(os.pathsep)
    fit = {**usable_locale(environment), **usable_home(environment)}
    return {
        **kept,
        **fit,
        **NO_QUESTIONS,
        "PATH": os.pathsep.join(folders if beside in folders else [beside, *folders]),
    }


# These only print: they neither write a file nor send anything away. Of all others we do not know that.
_HARMLESS = frozenset(
    {"timer", "profile_tasks", "profile_roles", "cgroup_memory_recap", "counter_enabled", "context_demo"}
)
_PLUGINS = ("~/.ansible/plugins/callback", "/usr/share/ansible/plugins/callback")
_NO_CALLBACK = (
    "minimal"  # it prints the terminal's text, so that Ansible ignores it in the list of additional callbacks
)
_NEEDS_ENABLING = re.compile(
    r"^\s*(CALLBACK_NEEDS_(?:ENABLED|WHITELIST)\s*=\s*True|CALLBACK_TYPE\s*=\s*['\"]stdout)", re.MULTILINE
)


def silence(folder: Path, environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """
    Return variables that keep Ansible, run in *folder*, from writing secrets outside the run, and what they switch off.

    These switch off Ansible's own log, and callbacks that may write files or send their data away.

    Returns:
        Variables, and phrases for people, one for each thing; also for callbacks that no variable switches off.
    """
    config = find_config(folder, environment)
    variables, phrases = {}, []
    if log := environment.get("ANSIBLE_LOG_PATH") or config.get("ANSIBLE_LOG_PATH"):
        variables["ANSIBLE_LOG_PATH"] = os.devnull
        phrases.append(f"Ansible's log {log} is off")
    named = environment.get("ANSIBLE_CALLBACKS_ENABLED") or config.get("ANSIBLE_CALLBACKS_ENABLED") or ""
    enabled = [name.strip() for name in re.split(r"[,\n]", named) if name.strip()]
    kept = [name for name in enabled if name.rpartition(".")[2] in _HARMLESS]
    if off := [name for name in enabled if name not in kept]:
        variables["ANSIBLE_CALLBACKS_ENABLED"] = ",".join(kept or [_NO_CALLBACK])
        phrases.append(f"callback {', '.join(off)} is off")
    # callbacks that Ansible loads even if nobody enables them: in the folders of the environment, else of ansible.cfg
    paths, base = environment.get("ANSIBLE_CALLBACK_PLUGINS") or "", folder
    if not paths and config.path is not None:
        paths, base = config.get("ANSIBLE_CALLBACK_PLUGINS") or "", config.path.parent
    named_folders = [base / Path(part).expanduser() for part in paths.split(os.pathsep) if part]
    folders = [folder / "callback_plugins", *(named_folders or map(home_path, _PLUGINS))]
    existing = [plugins for plugins in folders if plugins.is_dir()]
    files = {file for plugins in existing for file in plugins.glob("*.py") if file.stem != "__init__"}
    loaded = sorted(file for file in files if not _NEEDS_ENABLING.search(file.read_text(errors="replace")))
    phrases += [f"callback {path} cannot be switched off and may write secrets" for path in loaded]
    return variables, phrases
