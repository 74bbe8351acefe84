"""`gongshu doctor`: looks at the machine and a home, and says for each fault how to mend it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gongshu.host import backup_restore, inside, state, unsent, users, wall
from gongshu.host.clusters import CLUSTERS, Cluster, binary, external
from gongshu.host.errors import HostError
from gongshu.host.home import Home, check_place, socket_root
from gongshu.host.processes import BY_NAME
from gongshu.host.supervisor import answers
from gongshu.wire.errors import WireError
from gongshu.wire.settings import installation

OLDEST, NEWEST = (3, 11), (3, 13)
# Bytes free below which a home is called too full.
ROOM = 2 * 1024**3


@dataclass(frozen=True)
class Check:
    """One thing looked at. `mend`: what to do when it is not well, "" when it is."""

    id: str
    title: str
    ok: bool
    found: str
    mend: str = ""

    def data(self) -> dict[str, object]:
        return {"id": self.id, "title": self.title, "ok": self.ok, "found": self.found, "mend": self.mend}


def check_python() -> Check:
    version = sys.version_info[:2]
    ok = OLDEST <= version < NEWEST
    found = f"{sys.executable}（{version[0]}.{version[1]}）"
    return Check(
        "python", "Python 版本", ok, found, "" if ok else "请用 Python 3.11 或 3.12 重新 make setup。"
    )


def check_code() -> Check:
    """Whether service users can read what they run, when there are service users."""
    said = wall.unreadable() if os.geteuid() == 0 else []
    found = str(installation())
    return Check("code", "服务用户能读到程序", not said, found, " ".join(said))


def check_postgres() -> Check:
    try:
        done = subprocess.run(
            [str(binary("postgres")), "--version"], capture_output=True, text=True, check=False
        )
    except (HostError, ImportError, OSError) as error:
        return Check("postgres", "内置 PostgreSQL", False, str(error), "请重新运行 make setup。")
    return Check(
        "postgres",
        "内置 PostgreSQL",
        done.returncode == 0,
        done.stdout.strip() or done.stderr.strip(),
        "" if done.returncode == 0 else "程序库缺少文件，请重新运行 make setup。",
    )


def sandbox_command() -> list[str]:
    """The smallest sandbox that uses what a job's does: no network, own user, nothing but /usr."""
    words = ["bwrap", "--unshare-all", "--uid", "65534", "--gid", "65534", "--ro-bind", "/usr", "/usr"]
    words += ["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc"]
    return [*words, "--tmpfs", "/tmp", "--die-with-parent", "/usr/bin/true"]  # noqa: S108 - inside the sandbox


def check_sandbox(home: Home | None) -> Check:
    """Runs bubblewrap as the user that will run jobs."""
    title = "沙箱 bubblewrap"
    if shutil.which("bwrap") is None:
        return Check("sandbox", title, False, "没有安装", "请安装：apt-get install bubblewrap。")
    who = home.account("domain").popen() if home is not None else {}
    done = subprocess.run(
        sandbox_command(), capture_output=True, text=True, check=False, cwd="/", timeout=20, **who
    )
    mend = "请允许非特权用户命名空间：sysctl -w kernel.unprivileged_userns_clone=1，再运行一次。"
    ok = done.returncode == 0
    return Check("sandbox", title, ok, "可用" if ok else done.stderr.strip()[:200], "" if ok else mend)


ENGINES = ("sql", "python")


def check_engines(home: Home | None) -> Check:
    folder = home.settings().engines if home else installation() / ".engines"
    lost = [name for name in ENGINES if not (folder / name / "bin" / "python").exists()]
    found = f"{folder} 缺少 {'、'.join(lost)}" if lost else str(folder)
    return Check("engines", "沙箱里的计算环境", not lost, found, "请运行 make setup。" if lost else "")


def check_assets(home: Home | None) -> Check:
    folder = home.settings().assets if home else installation() / ".assets"
    ok = folder.is_dir() and any(folder.iterdir())
    return Check(
        "assets", "前端文件和字体", ok, str(folder), "" if ok else "请运行 make setup 取回前端文件和字体。"
    )


def check_parts(home: Home | None) -> Check:
    """Whether the processes of this machine can run: a host installs only the extras it needs."""
    wanted = (home.settings().processes if home else ()) or tuple(BY_NAME)
    lacking = [name for name in wanted if name in BY_NAME and not BY_NAME[name].installed()]
    mend = "请安装本机需要的 gongshu[office]、gongshu[domain] 或 gongshu[gateway]。" if lacking else ""
    found = "未安装：" + "、".join(lacking) if lacking else "全部已安装"
    return Check("parts", "本机的部件", not lacking, found, mend)


def check_users(home: Home) -> Check:
    if home.mode == "single":
        found = "单用户模式：数据域的墙只由程序保证"
        return Check("users", "系统用户", True, found)
    lacking = users.missing()
    mend = "请用 root 运行 gongshu init 建立系统用户。" if lacking else ""
    return Check("users", "系统用户", not lacking, "、".join(lacking or users.USERS.values()), mend)


def check_place_of(home: Home) -> Check:
    try:
        check_place(home.path, home.mode)
    except HostError as error:
        return Check("place", "家目录的位置", False, str(home.path), error.sentence)
    return Check("place", "家目录的位置", True, str(home.path))


def check_wall(home: Home) -> Check:
    said = wall.faults(home)
    return Check("wall", "各域目录的属主和权限", not said, "；".join(said) or home.mode, "；".join(said))


def check_code_unwritable(home: Home) -> Check:
    """No service user may change what any process runs."""
    if home.mode != "separated":
        return Check("code_unwritable", "程序不可被服务用户改写", True, "单用户模式不适用")
    found = wall.writable_code([home.account(service) for service in users.SERVICES])
    mend = f"请执行：chown -R root {found[0]}; chmod -R go-w {found[0]}" if found else ""
    return Check(
        "code_unwritable",
        "程序不可被服务用户改写",
        not found,
        f"{len(found)} 处可写" if found else "均不可写",
        mend,
    )


def check_proxies(home: Home) -> Check:
    """Behind a proxy nobody named, all callers have one address: limits by address then stop everybody."""
    settings, title = home.settings(), "办公网站前面的代理"
    here = not settings.processes or "office" in settings.processes
    if not here or settings.scheme("office") != "https":
        return Check("proxies", title, True, "本机的办公网站前面没有代理")
    named = settings.proxies.get("office", "")
    mend = (
        "请在 config.json 的 proxies 里写明 office 前面那个代理的地址，例如 "
        '"proxies": {"office": "127.0.0.1"}，代理须设 X-Forwarded-For；'
        "否则登录和异议的限次会把所有访客算成一个。"
    )
    return Check("proxies", title, bool(named), named or "没有写明", "" if named else mend)


def check_disk(home: Home) -> Check:
    free = shutil.disk_usage(home.path).free
    ok = free >= ROOM
    mend = "" if ok else "请清理或扩大家目录所在的磁盘，至少留 2 GiB。"
    return Check("disk", "磁盘空间", ok, f"剩余 {free / 1024**3:.1f} GiB", mend)


def check_sockets(home: Home) -> Check:
    root = socket_root(home)
    return Check("sockets", "数据库套接字目录", True, str(root))


def check_clusters(home: Home) -> Iterator[Check]:
    """Each embedded cluster has its files; while the home runs, it also answers."""
    live = state.running(home)
    for name in CLUSTERS:
        title = f"数据库 {name}"
        if external(home, name):
            yield Check(f"cluster_{name}", title, True, "使用外部数据库")
            continue
        cluster = Cluster(home, name)
        if not cluster.exists():
            yield Check(f"cluster_{name}", title, False, "还没有建立", "请运行 gongshu init。")
        elif live and not cluster.ready():
            log = home.path / name / "output" / f"{name}-database.log"
            yield Check(f"cluster_{name}", title, False, "没有应答", f"请看 {log}。")
        else:
            yield Check(f"cluster_{name}", title, True, "应答正常" if live else "已建立，未在运行")


def check_processes(home: Home) -> Iterator[Check]:
    """While the home runs: each process is up, and those with a door answer at it now."""
    if not state.running(home):
        return
    host = home.settings().host
    for name, row in state.read(home).get("processes", {}).items():
        log = home.path / row["service"] / "output" / f"{name}.log"
        ok = bool(row["healthy"]) and (row["port"] is None or answers(host, row["port"]))
        found = f"运行中，重启过 {row['restarts']} 次" if ok else f"没有应答，重启过 {row['restarts']} 次"
        yield Check(f"process_{name}", row["title"], ok, found, "" if ok else f"请看 {log}。")


def check_hold(home: Home) -> Iterator[Check]:
    """After a restore the data domain stands until both administrators signed: nothing is broken, and the
    three processes that stand are named."""
    try:
        sentence = backup_restore.held(home)
    except (HostError, WireError) as error:
        sentence = str(error)
    if sentence:
        names = "、".join(one.title for one in BY_NAME.values() if one.stands and one.installed())
        yield Check("hold", "数据域恢复以后的起点", False, f"{names}停在原处，没有运行", sentence)


def check_evidence(home: Home) -> Iterator[Check]:
    """What the office does not take of a domain's evidence, and why a witness does not co-sign."""
    for service, title in unsent.SERVICES.items():
        try:
            found = inside.call(home, service, f"{unsent.__name__}:{service}")
        except HostError:
            continue  # its database does not answer, which is said above
        for source, words in found["unsent"].items():
            yield Check(f"evidence_{source}", f"{title}的存证", False, words, unsent.MEND)
        if not found["unsent"]:
            yield Check(f"evidence_{service}", f"{title}的存证", True, "没有被办公域拒收的")
        withheld = found["withheld"]
        mend = unsent.MEND_WITNESS if withheld else ""
        yield Check(f"witness_{service}", f"{title}的见证", not withheld, withheld or "没有扣住的联署", mend)


MACHINE: tuple[Callable[[], Check], ...] = (check_python, check_code, check_postgres)
TOOLS: tuple[Callable[[Home | None], Check], ...] = (check_parts, check_sandbox, check_engines, check_assets)
HOME: tuple[Callable[[Home], Check], ...] = (
    check_place_of,
    check_users,
    check_wall,
    check_code_unwritable,
    check_disk,
    check_proxies,
    check_sockets,
)


def examine(path: Path) -> list[Check]:
    """Every check that applies: the machine's always, the home's when there is one."""
    checks = [look() for look in MACHINE]
    try:
        home: Home | None = Home.open(path)
    except HostError as error:
        home = None
        mend = "请运行 gongshu init。" if error.code == "no_home" else error.sentence
        checks.append(Check("home", "家目录", False, str(path), mend))
    checks += [look(home) for look in TOOLS]
    if home is not None:
        checks.append(Check("home", "家目录", True, f"{home.path}（{home.mode}，{home.mark}）"))
        checks += [look(home) for look in HOME]
        checks += [*check_clusters(home), *check_processes(home), *check_hold(home)]
        checks += check_evidence(home)
    return checks
