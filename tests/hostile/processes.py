"""Attempts on processes: to start some, to stop others, to outlive the evaluation, to gain rights."""

from __future__ import annotations

from tests.hostile.program import Program as P

_START = "runs programs"
_STOP = "stops your processes"
_STAY = "goes on after the evaluation"
_MEMORY = "reads other processes' memory"
_RIGHTS = "gains rights"
_LIMITS = "escapes its limits"
_LEAVE = "leaves something that no kill removes"
_THREAD = "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()"
_WAIT = "if pid == 0:\n    os._exit(0)\nos.waitpid(pid, 0)"

PROGRAMS = (
    # --- starting
    P("fork", "processes", _START, f"pid = os.fork()\n{_WAIT}", _THREAD),
    P("fork_bomb", "processes", "stops the machine", """\
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)"""),
    P("fork_by_number", "processes", _START, f"pid = call('fork')\n{_WAIT}", bare="host"),
    P("fork_by_library", "processes", _START, f"pid = checked(libc.fork())\n{_WAIT}"),
    P("vfork_by_number", "processes", _START, "call('vfork')", _THREAD, bare=""),
    P("clone_by_number", "processes", _START, f"pid = call('clone', 17, 0, 0, 0, 0)\n{_WAIT}"),
    P("clone3_by_number", "processes", _START,
      f"how = struct.pack('11Q', *([0] * 4 + [17] + [0] * 6))\npid = call('clone3', how, 88)\n{_WAIT}", bare="host"),
    P("pseudo_terminal", "processes", _START, "import pty\npid, fd = pty.fork()\nif pid == 0:\n    os._exit(0)",
      bare="host"),
    P("exec", "processes", _START, """\
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    os.dup2(writing, 1)
    os.execv('/bin/sh', ['sh', '-c', 'echo x'])
os.close(writing)
assert os.read(reading, 2) == b'x\\n'
os.waitpid(pid, 0)"""),
    P("exec_by_descriptor", "processes", _START,
      "fd = os.open('/bin/sh', os.O_RDONLY)\nchecked(libc.execveat(fd, b'', None, None, 0))", "os.open('/bin/sh', 0)",
      bare=""),
    P("exec_own_program", "processes", _START, """\
open('tool', 'w').write('#!/bin/sh\\ntrue\\n')
os.chmod('tool', 0o700)
import subprocess
subprocess.run(['./tool'], check=True)"""),
    P("system", "processes", _START, "assert os.system('true') == 0"),
    P("popen", "processes", _START, "assert os.popen('echo x').read() == 'x\\n'"),
    P("subprocess", "processes", _START, "import subprocess\nsubprocess.run(['true'], check=True)"),
    P("spawn", "processes", _START, "pid = os.posix_spawn('/bin/true', ['true'], {})\nos.waitpid(pid, 0)"),
    P("multiprocessing", "processes", _START, """\
import multiprocessing
p = multiprocessing.get_context('fork').Process(target=print)
p.start()
p.join()""", "import multiprocessing.dummy\nmultiprocessing.dummy.Pool(2).map(abs, [1])"),
    P("process_pool", "processes", _START, """\
import concurrent.futures, multiprocessing
how = multiprocessing.get_context('fork')
with concurrent.futures.ProcessPoolExecutor(1, mp_context=how) as pool:
    assert pool.submit(abs, -1).result() == 1""", """\
import concurrent.futures
with concurrent.futures.ThreadPoolExecutor(1) as pool:
    assert pool.submit(abs, -1).result() == 1"""),
    P("daemon", "processes", _STAY, """\
pid = os.fork()
if pid == 0:
    os.setsid()
    if os.fork() == 0:
        os._exit(0)
    os._exit(0)
os.waitpid(pid, 0)"""),
    P("user_manager", "processes", _STAY,
      "import subprocess\nsubprocess.run(['systemd-run', '--user', 'true'], check=True)", bare="host"),
    P("scheduled", "processes", _STAY, "import subprocess\nsubprocess.run(['crontab', '-l'], check=True)", bare="host"),
    # --- signals
    P("signal_zygote", "processes", _STOP, "os.kill(os.getppid(), 0)", "os.kill(os.getpid(), 0)"),
    P("signal_kernel", "processes", _STOP, "os.kill(target['kernel'], 0)"),
    P("signal_all", "processes", _STOP, "os.kill(-1, 0)", "os.kill(os.getpid(), 0)", bare="host"),
    P("signal_own_group", "processes", _STOP, "os.killpg(0, 0)"),
    P("signal_kernels_group", "processes", _STOP, "os.killpg(os.getpgid(target['kernel']), 0)"),
    P("signal_by_thread", "processes", _STOP, "call('tgkill', target['kernel'], target['kernel'], 0)",
      "import signal, threading\nsignal.pthread_kill(threading.get_ident(), 0)"),
    P("signal_by_old_call", "processes", _STOP, "call('tkill', target['kernel'], 0)"),
    P("signal_with_value", "processes", _STOP,
      "call('rt_sigqueueinfo', target['kernel'], 0, struct.pack('3i', 0, 0, -1) + bytes(116))"),
    P("signal_by_owner", "processes", _STOP,
      "import fcntl\na, b = socket.socketpair()\nfcntl.fcntl(a, fcntl.F_SETOWN, target['kernel'])",
      "import fcntl\na, b = socket.socketpair()\nfcntl.fcntl(a, fcntl.F_GETFL)"),
    P("signal_by_owner_extended", "processes", _STOP, """\
import fcntl
a, b = socket.socketpair()
fcntl.fcntl(a, 15, struct.pack('ii', 1, target['kernel']))"""),
    P("signal_by_socket_owner", "processes", _STOP, """\
import fcntl
a, b = socket.socketpair()
fcntl.ioctl(a, 0x8901, struct.pack('i', target['kernel']))"""),
    P("signal_by_handle", "processes", _STOP,
      "fd = call('pidfd_open', target['kernel'], 0)\ncall('pidfd_send_signal', fd, 0, None, 0)", bare="host"),
    P("handle_of_peer", "processes", _STOP, """\
a, b = socket.socketpair()
fd = struct.unpack('i', a.getsockopt(socket.SOL_SOCKET, 77, 4))[0]
call('pidfd_send_signal', fd, 0, None, 0)""", bare="host"),
    P("terminal_signal", "processes", _STOP, "import fcntl\nfcntl.ioctl(os.open('/dev/tty', os.O_RDWR), 0x5412, b'x')",
      "import sys\nassert not sys.stdin.isatty()", bare=""),
    # --- others' memory and descriptors
    P("ptrace_kernel", "snooping", _MEMORY, "checked(libc.ptrace(16, target['kernel'], 0, 0))", bare="host"),
    P("ptrace_seize", "snooping", _MEMORY, "checked(libc.ptrace(0x4206, target['kernel'], 0, 0))", bare="host"),
    P("ptrace_zygote", "snooping", _MEMORY, "checked(libc.ptrace(0x4206, os.getppid(), 0, 0))", bare="host"),
    P("be_traced", "snooping", "changes what its parent sees", "checked(libc.ptrace(0, 0, 0, 0))", bare="host"),
    P("read_kernel_memory", "snooping", _MEMORY, """\
place = ctypes.create_string_buffer(8)
mine = struct.pack('QQ', ctypes.addressof(place), 8)
try:
    call('process_vm_readv', target['kernel'], mine, 1, struct.pack('QQ', 4096, 8), 1, 0)
except OSError as error:
    assert error.errno == 14, error""", bare="host"),
    P("write_kernel_memory", "snooping", "runs code in your notebook", """\
place = ctypes.create_string_buffer(8)
mine = struct.pack('QQ', ctypes.addressof(place), 8)
try:
    call('process_vm_writev', target['kernel'], mine, 1, struct.pack('QQ', 4096, 8), 1, 0)
except OSError as error:
    assert error.errno == 14, error""", bare="host"),
    P("kernel_mem_file", "snooping", _MEMORY, "open(f\"/proc/{target['kernel']}/mem\", 'rb')",
      "open('/proc/self/maps').read()", bare="host"),
    P("kernel_maps", "snooping", _MEMORY, "open(f\"/proc/{target['kernel']}/maps\").read()", bare="host"),
    P("zygote_mem_file", "snooping", _MEMORY, "open(f'/proc/{os.getppid()}/mem', 'rb')", bare="host"),
    P("neighbours_memory", "snooping", "reads the scorer's values", """\
near = [p for p in range(os.getpid() - 40, os.getpid() + 40) if p not in (os.getpid(), 0) and p > 1]
for pid in [*near, target['kernel']]:
    try:
        open(f'/proc/{pid}/mem', 'rb')
        break
    except OSError:
        pass
else:
    raise PermissionError""", bare="host"),
    P("descriptor_of_kernel", "snooping", "reads what the kernel reads",
      "fd = call('pidfd_open', target['kernel'], 0)\ncall('pidfd_getfd', fd, 0, 0)", bare="host"),
    P("descriptors_of_kernel", "snooping", "reads what the kernel reads",
      "os.listdir(f\"/proc/{target['kernel']}/fd\")", bare="host"),
    P("descriptors_of_zygote", "snooping", "writes to the kernel", "os.listdir(f'/proc/{os.getppid()}/fd')",
      "os.listdir('/proc/self/fd')", bare="host"),
    P("push_out_kernels_memory", "snooping", "slows your notebook down",
      "fd = call('pidfd_open', target['kernel'], 0)\n"
      "call('process_madvise', fd, struct.pack('QQ', 0, 0), 1, 21, 0)", bare="host"),
    P("compare_with_kernel", "snooping", _MEMORY, "call('kcmp', os.getpid(), target['kernel'], 1, 0, 0)", bare="host"),
    P("handle_faults", "snooping", "changes memory under the system's feet", "call('userfaultfd', 0x800)", bare="host"),
    P("measure_others", "snooping", _MEMORY, """\
how = struct.pack('IIQ', 1, 112, 1) + bytes(96)
call('perf_event_open', how, target['kernel'], -1, -1, 0)""", bare="host"),
    P("list_processes", "snooping", "learns what you run", "os.listdir('/proc')"),
    P("command_of_kernel", "snooping", "learns what you run", "open(f\"/proc/{target['kernel']}/cmdline\").read()"),
    # --- staying and leaving behind
    P("leave_session", "processes", _STAY, "checked(libc.setpgid(0, 0))"),
    P("new_session", "processes", _STAY, "os.setsid()"),
    P("outlive_parent", "processes", _STAY, "checked(libc.prctl(1, 0, 0, 0, 0))",
      "checked(libc.prctl(16, ctypes.create_string_buffer(16)))"),
    P("be_subreaper", "processes", _STAY, "checked(libc.prctl(36, 1, 0, 0, 0))"),
    P("be_dumpable", "processes", "opens its memory to others", "checked(libc.prctl(4, 1, 0, 0, 0))"),
    P("memory_file", "outliving", _LEAVE, "os.memfd_create('left')"),
    P("secret_memory", "outliving", _LEAVE, "call('memfd_secret', 0)", bare="host"),
    P("sysv_memory", "outliving", _LEAVE, "shown = checked(libc.shmget(0, 4096, 0o1600))\nlibc.shmctl(shown, 0, None)"),
    P("sysv_semaphore", "outliving", _LEAVE, "made = checked(libc.semget(0, 1, 0o1600))\nlibc.semctl(made, 0, 0)"),
    P("sysv_queue", "outliving", _LEAVE, "made = checked(libc.msgget(0, 0o1600))\nlibc.msgctl(made, 0, None)"),
    P("message_queue", "outliving", _LEAVE,
      "call('mq_open', b'score-nb-left', 0o102, 0o600, None)\ncall('mq_unlink', b'score-nb-left')", bare="host"),
    P("named_semaphore", "outliving", _LEAVE, """\
libc.sem_open.restype = ctypes.c_void_p
assert libc.sem_open(b'/score-nb-left', 0o100, 0o600, 1)
libc.sem_unlink(b'/score-nb-left')""", bare="host"),
    P("shared_memory_by_library", "outliving", _LEAVE, """\
from multiprocessing import shared_memory
s = shared_memory.SharedMemory(create=True, size=64)
s.close()
s.unlink()""", bare="host"),
    P("shared_without_file", "outliving", "holds memory that counts for nobody", """\
libc.mmap.restype = ctypes.c_long
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
checked(libc.mmap(None, 4096, 3, 0x21, -1, 0))""", "import mmap\nmmap.mmap(-1, 4096)[0:1] = b'x'"),
    P("shared_by_zero_device", "outliving", "holds memory that counts for nobody",
      "import mmap\nmmap.mmap(os.open('/dev/zero', os.O_RDWR), 4096)", "os.open('/dev/null', os.O_RDWR)"),
    P("keyring", "outliving", _LEAVE, "call('keyctl', 0, -4, 1)", bare="host"),
    P("reserved_space", "outliving", "fills the disk uncounted",
      "fd = os.open('m', os.O_CREAT | os.O_RDWR)\ncall('fallocate', fd, 0, 0, 4096)",
      "fd = os.open('m', os.O_CREAT | os.O_RDWR)\nos.write(fd, bytes(4096))", bare="host"),
    # --- limits
    P("raise_memory_limit", "limits", _LIMITS,
      "import resource\nresource.setrlimit(resource.RLIMIT_DATA, (1 << 45, resource.RLIM_INFINITY))",
      "import resource\nresource.getrlimit(resource.RLIMIT_DATA)", bare="host"),
    P("raise_soft_limit", "limits", _LIMITS, """\
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))"""),
    P("lower_kernels_limit", "limits", _STOP,
      "import resource\nresource.prlimit(target['kernel'], resource.RLIMIT_CORE, (0, 0))", bare="host"),
    P("old_limit_call", "limits", _LIMITS, "call('setrlimit', 4, struct.pack('QQ', 0, 0))"),
    P("core_dump", "limits", "fills the disk", "import resource\nassert resource.getrlimit(resource.RLIMIT_CORE)[1]",
      bare="host"),
    P("many_descriptors", "limits", "takes the system's open files", """\
import resource
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
except (OSError, ValueError):
    pass
for _ in range(1200):
    os.dup(1)""", "for _ in range(200):\n    os.dup(1)", bare="host"),
    P("one_huge_file", "limits", "fills the disk",
      "fd = os.open('m', os.O_CREAT | os.O_RDWR)\nos.ftruncate(fd, 1 << 40)",
      "fd = os.open('m', os.O_CREAT | os.O_RDWR)\nos.ftruncate(fd, 1 << 20)"),
    P("locked_memory", "limits", "takes memory from all", """\
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
checked(libc.mlock(ctypes.c_void_p(libc.mmap(None, 32 << 20, 3, 0x22, -1, 0)), ctypes.c_size_t(32 << 20)))""",
      bare="host"),
    P("spare_me", "limits", "has others killed for want of memory",
      "open('/proc/self/oom_score_adj', 'w').write('0')", bare="host"),
    P("forget_peak", "limits", "hides how much memory it took", "open('/proc/self/clear_refs', 'w').write('5')",
      bare="host"),
    P("first_in_line", "limits", "slows your notebook down",
      "os.nice(-20)\nassert os.getpriority(os.PRIO_PROCESS, 0) == -20", bare="host"),
    P("real_time", "limits", "stops the machine",
      "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))\nassert os.sched_getscheduler(0) == os.SCHED_FIFO",
      bare="host"),
    # --- rights
    P("namespace", "rights", _RIGHTS, "checked(libc.unshare(0x10000000))", bare="host"),
    P("enter_namespace", "rights", _RIGHTS,
      "fd = os.open(f\"/proc/{target['kernel']}/ns/net\", os.O_RDONLY)\nchecked(libc.setns(fd, 0))", bare="host"),
    P("become_root", "rights", _RIGHTS, "checked(libc.setresuid(0, 0, 0))", bare="host"),
    P("become_other", "rights", _RIGHTS, "checked(libc.setgroups(0, None))", bare="host"),
    P("regain_capabilities", "rights", _RIGHTS, """\
header, held = struct.pack('Ii', 0x20080522, 0), ctypes.create_string_buffer(24)
checked(libc.capget(header, held))
permitted = struct.unpack('6I', held.raw)[1]
assert permitted & (1 << 21), 'not an administrator'
checked(libc.capset(header, held))""", bare="host"),
    P("set_user_program", "rights", _RIGHTS, """\
held = open('/proc/self/status').read()
assert 'NoNewPrivs:\\t0' in held, held""", bare="host"),
    P("load_module", "rights", _RIGHTS,
      "result = libc.syscall(target['numbers']['init_module'], None, 0, b'')\nassert ctypes.get_errno() == 8",
      bare="host"),
    P("bpf", "rights", _RIGHTS, "call('bpf', 0, struct.pack('5I', 2, 4, 4, 1, 0) + bytes(100), 120)", bare="host"),
    P("other_personality", "rights", "makes memory predictable", "checked(libc.personality(0x0040000))"),
    P("kernel_messages", "rights", "reads the system's log", "checked(libc.klogctl(10, None, 0))", bare="host"),
    P("host_name", "rights", "renames the machine", "socket.sethostname(socket.gethostname())", bare="host"),
    P("swap", "rights", "changes the system", "result = libc.swapoff(b'none')\n"
      "assert ctypes.get_errno() != 1", bare="host"),
    P("accounting", "rights", "changes the system", "checked(libc.acct(None))", bare="host"),
    P("own_filter", "rights", "changes what calls answer", "call('seccomp', 2, 0, struct.pack('I', 0x7FFF0000))",
      bare="host"),
    P("later_system_call", "rights", "uses what nobody has looked at", """\
libc.syscall(463)
assert ctypes.get_errno() != 38""", "call('getpid')", bare="host"),
)  # fmt: skip
