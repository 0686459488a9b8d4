"""Ansible's configuration: the only search for its ansible.cfg."""

import configparser
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import attrs

from installkit.ansible.programs import home_path

# The keys of ansible.cfg that mean the same as a variable. Source: ansible's lib/ansible/config/base.yml and the ssh plugin.
_KEYS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ANSIBLE_PIPELINING": (("connection", "pipelining"), ("defaults", "pipelining"), ("ssh_connection", "pipelining")),
    "ANSIBLE_GATHERING": (("defaults", "gathering"),),
    "ANSIBLE_FORKS": (("defaults", "forks"),),
    "ANSIBLE_CACHE_PLUGIN": (("defaults", "fact_caching"),),
    "ANSIBLE_CACHE_PLUGIN_CONNECTION": (("defaults", "fact_caching_connection"),),
    "ANSIBLE_CALLBACK_PLUGINS": (("defaults", "callback_plugins"),),
    "ANSIBLE_CALLBACKS_ENABLED": (("defaults", "callbacks_enabled"), ("defaults", "callback_whitelist")),
    "ANSIBLE_LOG_PATH": (("defaults", "log_path"),),
    "ANSIBLE_INVENTORY_CACHE_CONNECTION": (("inventory", "cache_connection"),),
    "ANSIBLE_RETRY_FILES_SAVE_PATH": (("defaults", "retry_files_save_path"),),
    "ANSIBLE_LOCAL_TEMP": (("defaults", "local_tmp"),),
    "ANSIBLE_HOME": (("defaults", "home"),),
    "ANSIBLE_SSH_CONTROL_PATH_DIR": (("ssh_connection", "control_path_dir"),),
    "ANSIBLE_RUN_TAGS": (("tags", "run"),),
    "ANSIBLE_SKIP_TAGS": (("tags", "skip"),),
    "ANSIBLE_ENABLE_TASK_DEBUGGER": (("defaults", "enable_task_debugger"),),
    "ANSIBLE_STRATEGY": (("defaults", "strategy"),),
    "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": (("persistent_connection", "control_path_dir"),),
    "ANSIBLE_GALAXY_CACHE_DIR": (("galaxy", "cache_dir"),),
    "ANSIBLE_LOG_FOLDER": (("callback_log_plays", "log_folder"),),
    "ANSIBLE_CALLBACK_TREE_DIR": (("callback_tree", "directory"),),
    "JUNIT_OUTPUT_DIR": (("callback_junit", "output_dir"),),
    "CGROUP_OUTPUT_DIR": (("callback_cgroup_perf_recap", "output_dir"),),
}
_WRITTEN = (
    "ANSIBLE_LOG_PATH",
    "ANSIBLE_CACHE_PLUGIN_CONNECTION",
    "ANSIBLE_INVENTORY_CACHE_CONNECTION",
    "ANSIBLE_RETRY_FILES_SAVE_PATH",
    "ANSIBLE_LOCAL_TEMP",
    "ANSIBLE_HOME",
    "ANSIBLE_SSH_CONTROL_PATH_DIR",
    "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR",
    "ANSIBLE_GALAXY_CACHE_DIR",
    "ANSIBLE_LOG_FOLDER",
    "ANSIBLE_CALLBACK_TREE_DIR",
    "JUNIT_OUTPUT_DIR",
    "CGROUP_OUTPUT_DIR",
)


@attrs.frozen
class AnsibleConfig:
    """
    The ansible.cfg that Ansible would find.

    Attributes:
        path: None if there is none.
    """

    path: Path | None
    values: Mapping[tuple[str, str], str]

    def get(self, variable: str) -> str | None:
        """Return the file's value for the environment's *variable*; None if it sets none."""
        return next((self.values[key] for key in _KEYS[variable] if key in self.values), None)

    def place(self, variable: str) -> str | None:
        """Return the file's key for the environment's *variable*, such as `[tags] skip`; None if it does not set it."""
        return next((f"[{section}] {key}" for section, key in _KEYS[variable] if (section, key) in self.values), None)


def find_config(folder: Path, environment: Mapping[str, str]) -> AnsibleConfig:
    """
    Return the ansible.cfg that Ansible, run in *folder*, would use.

    One in a folder that everybody may write is ignored. Source: ansible.config.manager.find_ini_config_file.
    """
    for path in _candidates(folder, environment):
        if path.is_file() and os.access(path, os.R_OK):
            parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";",))
            values = {}
            with suppress(configparser.Error):  # Ansible says what is wrong with it, and does not start
                parser.read_string(path.read_text(errors="replace"))
                values = {
                    (section, key): value for section in parser.sections() for key, value in parser[section].items()
                }
            return AnsibleConfig(path, values)
    return AnsibleConfig(None, {})


def written_paths(folder: Path, environment: Mapping[str, str]) -> frozenset[Path]:
    """
    Return the files and folders that Ansible, run in *folder*, is configured to write: its log, caches, and the like.

    *folder* itself and paths above it are left out: playbooks are read there, too.
    """
    config = find_config(folder, environment)
    paths = set()
    for variable in _WRITTEN:
        value = environment.get(variable) or config.get(variable)
        if value:
            text = os.path.expandvars(value.replace("{{CWD}}", str(folder)).strip().strip("'\""))
            bases = [
                folder,
                *([config.path.parent] if config.path else []),
            ]  # plugins differ in the folder that they start from
            paths |= {Path(os.path.normpath(base / Path(text).expanduser())) for base in bases}
    return frozenset(path for path in paths if not folder.is_relative_to(path))


def _candidates(folder: Path, environment: Mapping[str, str]) -> Iterable[Path]:
    if named := environment.get("ANSIBLE_CONFIG"):
        path = folder / Path(os.path.expandvars(named)).expanduser()
        yield path / "ansible.cfg" if path.is_dir() else path
    if not folder.stat().st_mode & stat.S_IWOTH:
        yield folder / "ansible.cfg"
    yield home_path("~/.ansible.cfg")
    yield Path("/etc/ansible/ansible.cfg")
