"""The two system-call filters of a sandbox, as BPF programs.

`outer` holds from before the program starts: no network, no new namespaces or mounts, no tracing, no
kernel interfaces. `seal` is laid on by the program itself once it is up: no fork and no exec either,
so an engine fed with somebody's query cannot start anything.
"""

from __future__ import annotations

import errno
import importlib
import tempfile
from functools import cache
from typing import Any

# Every call that opens a way out of the sandbox or into the kernel. Unknown names (another
# architecture) are skipped: libseccomp then has no such call to allow.
FORBIDDEN = (  # noqa: SIM905 (a table to read)
    # network and other sockets
    "socket socketpair connect bind listen accept accept4 sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg "
    # namespaces, mounts, roots
    "unshare setns mount umount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount "
    "open_tree mount_setattr name_to_handle_at open_by_handle_at quotactl quotactl_fd swapon swapoff "
    # other processes
    "ptrace process_vm_readv process_vm_writev process_madvise pidfd_open pidfd_getfd pidfd_send_signal kcmp "
    # kernel interfaces
    "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register keyctl add_key "
    "request_key init_module finit_module delete_module kexec_load kexec_file_load reboot syslog acct "
    "iopl ioperm lookup_dcookie nfsservctl vmsplice personality modify_ldt uselib ustat sysfs "
    "fanotify_init inotify_init inotify_init1 landlock_create_ruleset "
    # clocks, names, privileges
    "settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname "
    "mknod mknodat vhangup "
    # message queues and shared memory
    "mq_open mq_unlink shmget shmat shmctl msgget msgsnd msgrcv semget semop semctl"
).split()

_CLONE_NEW = 0x7E020080  # every CLONE_NEW* flag (NEWTIME included)
_CLONE_THREAD = 0x00010000


class SeccompMissing(RuntimeError):
    """libseccomp or its Python binding is not installed."""


def _binding() -> Any:
    try:
        return importlib.import_module("pyseccomp")
    except (ImportError, OSError, RuntimeError) as error:
        raise SeccompMissing("没有 libseccomp，请执行 apt install libseccomp2。") from error


def _forbid(filter_: Any, binding: Any, name: str, *arguments: Any, code: int = errno.EPERM) -> None:
    try:
        filter_.add_rule(binding.ERRNO(code), name, *arguments)
    except (ValueError, OSError, RuntimeError):
        if name in ("socket", "ptrace", "unshare", "clone", "execve", "clone3"):
            raise SeccompMissing("libseccomp 太旧，拦不住必须拦的系统调用，请升级 libseccomp2。") from None


def _export(filter_: Any) -> bytes:
    with tempfile.TemporaryFile() as file:
        filter_.export_bpf(file)
        file.seek(0)
        return file.read()


@cache
def outer() -> bytes:
    """BPF of the filter that holds for the whole life of the sandbox. Raises SeccompMissing."""
    binding = _binding()
    filter_ = binding.SyscallFilter(binding.ALLOW)
    for name in FORBIDDEN:
        _forbid(filter_, binding, name)
    for bit in range(32):
        if _CLONE_NEW >> bit & 1:
            _forbid(filter_, binding, "clone", binding.Arg(0, binding.MASKED_EQ, 1 << bit, 1 << bit))
    # clone3 hides its flags in memory; without it glibc falls back to clone
    _forbid(filter_, binding, "clone3", code=errno.ENOSYS)
    # TIOCSTI would type into the terminal of whoever started us
    _forbid(filter_, binding, "ioctl", binding.Arg(1, binding.MASKED_EQ, 0xFFFFFFFF, 0x5412))
    return _export(filter_)


@cache
def seal() -> bytes:
    """BPF of the filter a sealed program lays on itself: threads yes, processes and programs no."""
    binding = _binding()
    filter_ = binding.SyscallFilter(binding.ALLOW)
    for name in ("execve", "execveat", "fork", "vfork"):
        _forbid(filter_, binding, name)
    _forbid(filter_, binding, "clone", binding.Arg(0, binding.MASKED_EQ, _CLONE_THREAD, 0))
    _forbid(filter_, binding, "clone3", code=errno.ENOSYS)
    return _export(filter_)
