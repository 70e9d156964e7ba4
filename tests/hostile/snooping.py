"""Attempts to learn keys, and what only the metric reads, from the candidate's own process."""

from __future__ import annotations

from tests.hostile.program import Program as P

_KEYS = "reads your keys"
_ANSWERS = "reads what only the metric may"
_METRIC = "learns or changes how it is scored"

# The pattern never holds what is searched in one piece, or it would find itself.
_SCAN = """\
import re
pattern = re.compile(b''.join(b'[' + c.encode() + b']' for c in reversed(target['{what}'])))
for line in open('/proc/self/maps'):
    span, rights, *_ = line.split()
    start, end = (int(n, 16) for n in span.split('-'))
    if rights.startswith('rw') and '[v' not in line and end - start < 1 << 28:
        if pattern.search((ctypes.c_char * (end - start)).from_address(start)):
            break
else:
    raise LookupError"""

PROGRAMS = (
    P("own_environment", "keys", _KEYS, "assert target['variable'] in os.environ", "assert 'HOME' in os.environ"),
    P("own_environment_by_library", "keys", _KEYS,
      "libc.getenv.restype = ctypes.c_char_p\nassert libc.getenv(target['variable'].encode())"),
    P("own_environ_file", "keys", _KEYS, "assert target['variable'] in open('/proc/self/environ').read()"),
    P("zygote_environ_file", "keys", _KEYS, "assert open(f'/proc/{os.getppid()}/environ').read()", bare="host"),
    P("kernel_environ_file", "keys", _KEYS,
      "assert target['variable'] in open(f\"/proc/{target['kernel']}/environ\").read()", bare="host"),
    P("environ_of_all", "keys", _KEYS, """\
assert any(target['variable'] in open(f'/proc/{pid}/environ').read() for pid in (target['kernel'], os.getpid()))""",
      bare="host"),
    P("key_in_own_memory", "keys", _KEYS, _SCAN.format(what="key_reversed")),
    P("key_in_own_memory_file", "keys", _KEYS, """\
import re
pattern = re.compile(b''.join(b'[' + c.encode() + b']' for c in reversed(target['key_reversed'])))
memory = open('/proc/self/mem', 'rb', 0)
for line in open('/proc/self/maps'):
    span, rights, *_ = line.split()
    start, end = (int(n, 16) for n in span.split('-'))
    if rights.startswith('rw') and '[v' not in line and end - start < 1 << 26:
        memory.seek(start)
        try:
            if pattern.search(memory.read(end - start)):
                break
        except OSError:
            pass
else:
    raise LookupError"""),
    # --- what only the scorer holds
    P("hidden_by_globals", "answers", _ANSWERS, "assert 'hidden' in globals()", "assert 'target' in globals()"),
    P("hidden_by_main", "answers", _ANSWERS,
      "import __main__\nassert hasattr(__main__, 'hidden') or 'hidden' in globals()",
      "import __main__\nassert hasattr(__main__, 'target')"),
    P("hidden_by_gc", "answers", _ANSWERS, """\
import gc
assert any(isinstance(o, dict) and 'hidden' in o and '__builtins__' in o for o in gc.get_objects())"""),
    P("hidden_by_referrers", "answers", _ANSWERS, """\
import gc
assert any('hidden' in o for o in gc.get_referrers(target) if isinstance(o, dict))"""),
    P("hidden_by_frames", "answers", _ANSWERS, """\
frame = sys._getframe()
while 'hidden' not in frame.f_locals and 'hidden' not in frame.f_globals:
    frame = frame.f_back"""),
    P("hidden_by_traceback", "answers", _ANSWERS, """\
try:
    raise ValueError
except ValueError as error:
    frame = error.__traceback__.tb_frame
    assert 'hidden' in frame.f_globals or 'hidden' in frame.f_back.f_back.f_globals"""),
    P("hidden_by_other_threads", "answers", _ANSWERS,
      "assert any('hidden' in f.f_globals for f in sys._current_frames().values())"),
    P("hidden_in_own_memory", "answers", _ANSWERS, _SCAN.format(what="hidden_reversed")),
    P("metric_by_globals", "answers", _METRIC, "metric(0.0)"),
    P("metric_by_gc", "answers", _METRIC, """\
import gc, types
assert any(type(o) is types.FunctionType and o.__name__ == 'best_is_minus_one' for o in gc.get_objects())"""),
    P("metric_by_source", "answers", _METRIC, """\
import linecache
assert any(target['hidden_reversed'][::-1] in line for entry in linecache.cache.values()
           if len(entry) > 2 for line in entry[2])"""),
    P("metric_by_modules", "answers", _METRIC,
      "assert any(hasattr(m, 'best_is_minus_one') for m in list(sys.modules.values())) or 'metric' in globals()"),
    P("values_of_zygote", "answers", _ANSWERS, """\
from score_nb.evaluate import snapshot
parts = [repr(value) for value in vars(snapshot).values()]
assert any('hidden' in part for part in parts) or 'hidden' in globals()"""),
    P("inherited_descriptors", "answers", "reads and writes what the kernel has open", """\
for fd in range(3, 256):
    try:
        if os.readlink(f'/proc/self/fd/{fd}') == target['file']:
            assert os.read(fd, 8) == b'precious'
            break
    except OSError:
        pass
else:
    raise LookupError"""),
    P("inherited_sockets", "answers", "speaks as the kernel", """\
import stat
names = []
for fd in range(3, 256):
    if os.path.exists(f'/proc/self/fd/{fd}') and stat.S_ISSOCK(os.fstat(fd).st_mode):
        names.append(socket.socket(fileno=os.dup(fd)).getsockname())
assert ('127.0.0.1', target['port']) in names"""),
)  # fmt: skip
