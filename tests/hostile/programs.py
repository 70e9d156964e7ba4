"""Hostile candidates: each tries one thing and sets `won` where it succeeded.

A program is written against `target` (a dict of what is worth attacking here: paths, pids, names) and reports success
as `x = 1.0`, failure as `x = 0.0`.  `twin` is the positive control: the same act where it is allowed, which must work.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """One attempt.  `act` is an expression or statements that raise where the attempt fails."""

    name: str
    group: str
    act: str
    twin: str = ""

    def source(self, act: str) -> str:
        """Return a cell that scores 1 where `act` succeeds."""
        body = "\n".join("        " + line for line in act.splitlines())
        return f"""
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def attempt():
    try:
{body}
    except BaseException as error:
        print(type(error).__name__, error)
        return 0.0
    return 1.0
x = attempt()
"""


PROGRAMS = (
    # --- files
    Program("write_beside", "files", "open(target['file'], 'w').write('x')", "open('mine', 'w').write('x')"),
    Program("append_beside", "files", "open(target['file'], 'a').write('x')", "open('mine', 'a').write('x')"),
    Program("open_truncating", "files", "os.open(target['file'], os.O_RDONLY | os.O_TRUNC)"),
    Program("truncate", "files", "os.truncate(target['file'], 0)", "open('m', 'w').write('xx')\nos.truncate('m', 1)"),
    Program("remove", "files", "os.remove(target['file'])", "open('m', 'w').close()\nos.remove('m')"),
    Program("rename_away", "files", "os.rename(target['file'], 'stolen')", "open('m', 'w')\nos.rename('m', 'n')"),
    Program("hard_link", "files", "os.link(target['file'], 'linked')\nopen('linked').read()"),
    Program("symlink_out", "files", "os.symlink(target['file'], 'soft')\nopen('soft').read()"),
    Program("make_folder", "files", "os.mkdir(target['folder'] + '/new')", "os.mkdir('new')"),
    Program("read_secret", "files", "open(target['file']).read()", "open(os.__file__).read()"),
    Program("list_folder", "files", "os.listdir(target['folder'])", "os.listdir('.')"),
    Program("list_home", "files", "os.listdir(target['home'])"),
    Program("read_shadow", "files", "open('/etc/shadow').read()", "open('/etc/passwd').read()"),
    Program("leave_by_dotdot", "files", "open('../' * 20 + target['file'].lstrip('/')).read()"),
    Program("through_own_root", "files", "open('/proc/self/root' + target['file']).read()"),
    Program("through_zygote_root", "files", "open(f'/proc/{os.getppid()}/root' + target['file']).read()"),
    Program("scorers_scratch", "files", "os.listdir('../scorer')"),
    Program("other_scratch", "files", "os.listdir('../..')"),
    Program("shared_memory", "files", "open('/dev/shm/left', 'w').write('x')"),
    Program("make_device", "files", "os.mknod('null', 0o020666, os.makedev(1, 3))"),
    Program("chmod_takes_effect", "files",
            "os.chmod(target['file'], 0o777)\nassert os.stat(target['file']).st_mode & 0o777 == 0o777"),
    Program("utime_takes_effect", "files",
            "os.utime(target['file'], (1, 1))\nassert os.stat(target['file']).st_mtime == 1"),
    Program("mount", "files", "checked(libc.mount(b'tmpfs', b'.', b'tmpfs', 0, None))"),
    Program("chroot", "files", "os.chroot('.')"),
    Program("open_by_openat2", "files",
            "how = struct.pack('QQQ', 0, 0, 0)\nchecked(libc.syscall(437, -100, target['file'].encode(), how, 24))"),
    # --- network
    Program("tcp", "network", "socket.create_connection(('127.0.0.1', target['port']), 1)"),
    Program("tcp_bind", "network", "socket.socket().bind(('127.0.0.1', 0))"),
    Program("udp", "network", "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', target['port']))"),
    Program("unix_path", "network", "socket.socket(socket.AF_UNIX).connect(target['unix'])"),
    Program("unix_by_pair", "network",
            "a, b = socket.socketpair(type=socket.SOCK_DGRAM)\na.sendto(b'x', target['datagram'])",
            "a, b = socket.socketpair()\na.send(b'x')\nassert b.recv(1) == b'x'"),
    Program("abstract", "network", "socket.socket(socket.AF_UNIX).bind('\\0mine')"),
    Program("netlink", "network", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"),
    Program("io_uring", "network", "checked(libc.syscall(425, 8, ctypes.create_string_buffer(120)))"),
    # --- processes
    Program("fork", "processes", "if os.fork() == 0:\n    os._exit(0)",
            "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()"),
    Program("vfork_by_number", "processes", "checked(libc.syscall(58))"),
    Program("clone_by_number", "processes", "if checked(libc.syscall(56, 17, 0, 0, 0, 0)) == 0:\n    os._exit(0)"),
    Program("clone3_by_number", "processes",
            "how = struct.pack('11Q', *([0] * 4 + [17] + [0] * 6))\n"
            "if checked(libc.syscall(435, how, 88)) == 0:\n    os._exit(0)"),
    Program("exec", "processes", "os.execv('/bin/true', ['true'])"),
    Program("system", "processes", "assert os.system('true') == 0"),
    Program("subprocess", "processes", "import subprocess\nsubprocess.run(['true'], check=True)"),
    Program("spawn", "processes", "os.posix_spawn('/bin/true', ['true'], {})"),
    Program("multiprocessing", "processes",
            "import multiprocessing\np = multiprocessing.get_context('fork').Process(target=print)\np.start()"),
    Program("kill_parent", "processes", "os.kill(os.getppid(), 0)", "os.kill(os.getpid(), 0)"),
    Program("kill_kernel", "processes", "os.kill(target['kernel'], 0)"),
    Program("kill_all", "processes", "os.kill(-1, 0)"),
    Program("signal_by_owner", "processes",
            "import fcntl\na, b = socket.socketpair()\nfcntl.fcntl(a, fcntl.F_SETOWN, target['kernel'])",
            "import fcntl\na, b = socket.socketpair()\nfcntl.fcntl(a, fcntl.F_GETFL)"),
    Program("ptrace_kernel", "processes", "checked(libc.ptrace(16, target['kernel'], 0, 0))"),
    Program("read_kernel_memory", "processes",
            "checked(libc.syscall(310, target['kernel'], 0, 0, 0, 0, 0))"),
    Program("kernel_mem_file", "processes", "open(f\"/proc/{target['kernel']}/mem\", 'rb')", "open('/proc/self/maps')"),
    Program("pidfd", "processes", "checked(libc.syscall(434, target['kernel'], 0))"),
    Program("leave_session", "processes", "checked(libc.setpgid(0, 0))"),
    Program("outlive_parent", "processes", "checked(libc.prctl(1, 0, 0, 0, 0))",
            "checked(libc.prctl(16, ctypes.create_string_buffer(16)))"),
    Program("be_subreaper", "processes", "checked(libc.prctl(36, 1, 0, 0, 0))"),
    Program("raise_limit", "processes",
            "import resource\nresource.setrlimit(resource.RLIMIT_DATA, (1 << 45, 1 << 45))",
            "import resource\nresource.getrlimit(resource.RLIMIT_DATA)"),
    Program("lower_kernels_limit", "processes",
            "import resource\nresource.prlimit(target['kernel'], resource.RLIMIT_CORE, (0, 0))"),
    Program("namespace", "processes", "checked(libc.unshare(0x10000000))"),
    Program("become_root", "processes", "checked(libc.setresuid(0, 0, 0))"),
    Program("regain_capabilities", "processes",
            "checked(libc.capset(struct.pack('Ii', 0x20080522, 0), struct.pack('6I', *[0xFFFFFFFF] * 6)))"),
    Program("bpf", "processes", "checked(libc.syscall(321, 0, ctypes.create_string_buffer(64), 64))"),
    Program("keyring", "processes", "checked(libc.syscall(250, 0, -4, 1))"),
    # --- what outlives a process
    Program("memfd", "outliving", "os.memfd_create('left')"),
    Program("sysv_memory", "outliving", "checked(libc.shmget(0, 4096, 0o1600))"),
    Program("sysv_queue", "outliving", "checked(libc.msgget(0, 0o1600))"),
    Program("message_queue", "outliving", "checked(libc.syscall(240, b'left', 0o102, 0o600, None))"),
    # --- keys
    Program("own_environment", "keys", "assert target['variable'] in os.environ", "assert 'HOME' in os.environ"),
    Program("own_environ_file", "keys", "assert target['variable'] in open('/proc/self/environ').read()"),
    Program("zygote_environ_file", "keys", "open(f'/proc/{os.getppid()}/environ').read()"),
    Program("kernel_environ_file", "keys", "open(f\"/proc/{target['kernel']}/environ\").read()"),
    Program("key_in_own_memory", "keys", """\
found = False
needle = target['key_reversed'][::-1].encode()
for line in open('/proc/self/maps'):
    span, rights, *_ = line.split()
    start, end = (int(n, 16) for n in span.split('-'))
    if rights.startswith('rw') and '[v' not in line and end - start < 1 << 28:
        try:
            if ctypes.string_at(start, end - start).count(needle) > 1:
                found = True
        except OSError:
            pass
assert found"""),
    # --- the score and what only the scorer holds
    Program("hidden_by_globals", "score", "assert 'hidden' in globals() or hasattr(sys.modules['__main__'], 'hidden')",
            "assert 'target' in globals()"),
    Program("hidden_by_gc", "score", """\
import gc
assert any(isinstance(o, dict) and 'hidden' in o and '__builtins__' in o for o in gc.get_objects())"""),
    Program("hidden_by_frames", "score", """\
frame = sys._getframe()
while 'hidden' not in frame.f_locals and 'hidden' not in frame.f_globals:
    frame = frame.f_back"""),
    Program("zygotes_values", "score", """\
from score_nb.evaluate import snapshot
assert any('hidden' in str(o) for o in (*snapshot._mains, *vars(snapshot).values()) if 'Piece' in str(o))"""),
    Program("descriptors_of_zygote", "score", "os.listdir(f'/proc/{os.getppid()}/fd')", "os.listdir('/proc/self/fd')"),
)  # fmt: skip

# These end or forge a whole evaluation: they win where the kernel believes them.
FORGERIES = {
    "forged_score_then_exit": """
import os
line = b'{"kind": "score", "values": [["value", 1.0]]}\\n'
for fd in range(3, 1024):
    try:
        os.write(fd, line)
    except OSError:
        pass
os._exit(0)
""",
    "forged_by_thread": """
import os, threading, time
def forge():
    while True:
        for fd in range(3, 64):
            try:
                os.write(fd, b'{"kind": "score", "values": [["value", 1.0]]}\\n')
            except OSError:
                pass
threading.Thread(target=forge, daemon=True).start()
time.sleep(0.2)
x = 0.0
""",
    "float_subclass": "class Best(float):\n    def __float__(self):\n        return 1.0\nx = Best(0.0)",
    "array_function": """
import numpy as np
class Liar(np.ndarray):
    def __float__(self):
        return 1.0
    def item(self, *a):
        return 1.0
x = np.zeros(1).view(Liar)
""",
    "reduce_in_output": """
import os
class Bomb:
    def __reduce__(self):
        return os.system, ('touch /tmp/score-nb-bomb',)
x = [Bomb()]
""",
    "patched_builtins": "import builtins\nbuiltins.float = lambda value: 1.0\nx = 0.0",
    "patched_json": "import json\njson.dumps = lambda *a, **k: '[\"x\",1.0]' * 9\nx = 0.0",
    "nan": "x = float('nan')",
    "infinity": "x = float('inf')",
    "deep": "x = []\nfor _ in range(100_000):\n    x = [x]",
    "endless_proxy": """
class Endless:
    def __getattr__(self, name):
        return Endless()
    def __call__(self, *a):
        return Endless()
x = Endless()
""",
    "raw_garbage": """
import os
for fd in range(3, 1024):
    try:
        os.write(fd, b'\\xff' * 100)
    except OSError:
        pass
x = 0.0
""",
    "bad_sparse": """
import numpy as np, scipy.sparse as sp
m = sp.csr_matrix(np.eye(3))
m.indices[:] = 10**6
x = m
""",
    "not_the_last_word": "import atexit, os\natexit.register(lambda: os.write(1, b'1.0'))\nx = 0.0",
}
