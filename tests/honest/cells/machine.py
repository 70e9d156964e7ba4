# ruff: noqa
"""Files, threads, time, and what a cell may ask of the machine."""

# %% temporary_file
import tempfile
with tempfile.TemporaryFile("w+") as file:
    file.write("abc")
    file.seek(0)
    x = file.read()

# %% named_temporary_file
import os, tempfile
with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
    file.write("abc")
with open(file.name) as held:
    x = held.read(), file.name.endswith(".txt")
os.unlink(file.name)

# %% temporary_folder
import os, tempfile
with tempfile.TemporaryDirectory(prefix="mine") as folder:
    os.makedirs(os.path.join(folder, "a", "b"))
    x = os.listdir(folder)
assert not os.path.exists(folder)

# %% spooled_file
import tempfile
with tempfile.SpooledTemporaryFile(max_size=10) as file:
    file.write(b"x" * 100)
    file.seek(0)
    x = len(file.read())

# %% pathlib_in_scratch
from pathlib import Path
folder = Path("out") / "deep"
folder.mkdir(parents=True, exist_ok=True)
(folder / "a.txt").write_text("5", encoding="utf-8")
(folder / "a.txt").rename(folder / "b.txt")
x = [path.name for path in folder.iterdir()], float((folder / "b.txt").read_text())

# %% shutil_copies
import os, shutil
os.makedirs("from", exist_ok=True)
with open("from/a", "w") as file:
    file.write("1")
shutil.copy("from/a", "b")
shutil.copy2("from/a", "c")
shutil.copytree("from", "to", dirs_exist_ok=True)
shutil.move("b", "to/moved")
x = sorted(os.listdir("to"))
shutil.rmtree("to")

# %% glob_and_fnmatch
import fnmatch, glob
for name in ("p1.dat", "p2.dat", "q.txt"):
    open(name, "w").close()
x = sorted(glob.glob("p*.dat")), fnmatch.filter(["ab", "b"], "a*")

# %% os_files
import os
with open("s.bin", "wb") as file:
    file.write(bytes(100))
os.replace("s.bin", "t.bin")
os.chmod("t.bin", 0o600)
os.utime("t.bin")
x = os.path.getsize("t.bin"), os.access("t.bin", os.R_OK), os.stat("t.bin").st_nlink

# %% symlink_in_scratch
import os
if not os.path.islink("way"):
    with open("end", "w") as file:
        file.write("z")
    os.symlink("end", "way")
x = open("way").read()

# %% zip_files
import zipfile
with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as file:
    file.writestr("n/one.txt", "1" * 50)
with zipfile.ZipFile("a.zip") as file:
    file.extractall("zipped")
    x = file.namelist(), file.testzip()

# %% tar_files
import io, tarfile
with tarfile.open("a.tar.gz", "w:gz") as file:
    info = tarfile.TarInfo("one")
    info.size = 3
    file.addfile(info, io.BytesIO(b"abc"))
with tarfile.open("a.tar.gz") as file:
    x = file.extractfile("one").read()

# %% gzip_and_others_in_memory
import bz2, gzip, lzma, zlib
data = b"acgt" * 500
x = [len(module.compress(data)) < 500 for module in (gzip, bz2, lzma, zlib)], zlib.crc32(data)

# %% csv_module
import csv
with open("rows.csv", "w", newline="") as file:
    csv.writer(file).writerows([["a", "b"], [1, 2]])
with open("rows.csv", newline="") as file:
    x = list(csv.DictReader(file))

# %% json_and_pickle_files
import json, pickle
with open("a.json", "w") as file:
    json.dump({"k": [1, 2.5, None]}, file)
with open("a.pkl", "wb") as file:
    pickle.dump({"k": {1, 2}}, file)
x = json.load(open("a.json")), len(pickle.load(open("a.pkl", "rb"))["k"])

# %% pickle_of_a_class_of_the_cell
import copy, pickle
class Point:
    def __init__(self, a):
        self.a = a
x = pickle.loads(pickle.dumps(Point(3))).a, copy.deepcopy(Point(4)).a

# %% shelve_and_dbm
import shelve
with shelve.open("shelf") as held:
    held["k"] = [1, 2]
with shelve.open("shelf") as held:
    x = held["k"]

# %% configparser_and_toml
import configparser
parser = configparser.ConfigParser()
parser.read_string("[a]\nb = 3\n")
x = parser.getint("a", "b")

# %% mmap_of_a_file
import mmap
with open("m.bin", "wb") as file:
    file.write(b"hello world")
with open("m.bin", "r+b") as file, mmap.mmap(file.fileno(), 0) as held:
    held[:5] = b"HELLO"
    x = held[:]

# %% sqlite_in_memory
import sqlite3
with sqlite3.connect(":memory:") as base:
    base.execute("create table t (a integer, b text)")
    base.executemany("insert into t values (?, ?)", [(1, "x"), (2, "y")])
    x = base.execute("select sum(a), group_concat(b) from t").fetchone()

# %% sqlite_file_with_wal
import sqlite3
base = sqlite3.connect("d.db")
base.execute("pragma journal_mode=wal")
base.execute("create table if not exists t (a)")
base.execute("delete from t")
base.execute("insert into t values (5)")
base.commit()
x = base.execute("select a from t").fetchone()[0]
base.close()

# %% logging
import logging
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
logging.getLogger("mine").info("fitted %d models", 3)
x = logging.getLogger("mine").isEnabledFor(logging.WARNING)

# %% logging_to_a_file
import logging
handler = logging.FileHandler("run.log", mode="w")
mine = logging.getLogger("filed")
mine.setLevel(logging.DEBUG)
mine.addHandler(handler)
mine.debug("one")
handler.close()
x = open("run.log").read()

# %% warnings_shown_and_caught
import warnings
warnings.warn("careful")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("again", DeprecationWarning)
x = len(caught)

# %% warnings_as_errors
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("error")
    try:
        warnings.warn("no")
        x = 0
    except UserWarning as error:
        x = str(error)

# %% tqdm_bars [needs tqdm]
from tqdm import tqdm, trange
x = sum(n for n in tqdm(range(50), desc="fitting")) + sum(trange(3, leave=False))

# %% tqdm_auto [needs tqdm]
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tqdm.auto import tqdm
bar = tqdm(total=5)
bar.update(5)
bar.set_postfix(loss=0.5)
x = bar.n
bar.close()

# %% carriage_return_progress
import sys, time
for n in range(5):
    print(f"\r{n / 5:.0%}", end="", flush=True)
    sys.stdout.flush()
print(file=sys.stderr)
x = sys.stdout.isatty() or sys.stdout.encoding.lower()

# %% print_unicode_and_redirect
import contextlib, io
print("Ångström µm ∂ 細胞")
held = io.StringIO()
with contextlib.redirect_stdout(held):
    print("inside")
x = held.getvalue()

# %% threads
import threading
found, lock = [], threading.Lock()
def work(n):
    with lock:
        found.append(n * n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
x = sorted(found)

# %% many_threads
import threading
ready = threading.Barrier(33)
threads = [threading.Thread(target=ready.wait, daemon=True) for _ in range(32)]
for thread in threads:
    thread.start()
ready.wait(10)
x = len(threads)

# %% thread_events_and_queue
import queue, threading
line = queue.Queue()
done = threading.Event()
def feed():
    for n in range(5):
        line.put(n)
    done.set()
threading.Thread(target=feed).start()
done.wait(5)
x = [line.get() for _ in range(5)]

# %% timer_and_thread_local
import threading
held = threading.local()
held.a = 1
fired = threading.Event()
threading.Timer(0.01, fired.set).start()
x = fired.wait(5), held.a

# %% thread_pool_executor
from concurrent.futures import ThreadPoolExecutor, as_completed
with ThreadPoolExecutor(4) as pool:
    futures = [pool.submit(pow, n, 3) for n in range(6)]
    x = sorted(future.result() for future in as_completed(futures))

# %% multiprocessing_thread_pool
from multiprocessing.pool import ThreadPool
with ThreadPool(3) as pool:
    x = pool.map(lambda n: n + 1, range(6)), list(pool.imap_unordered(abs, [-1])), pool.apply_async(max, ([1, 2],)).get(5)

# %% multiprocessing_dummy
from multiprocessing.dummy import Pool
with Pool(2) as pool:
    x = pool.starmap(pow, [(2, 3), (3, 2)])

# %% multiprocessing_locks_and_counts
import multiprocessing
lock = multiprocessing.Lock()
with lock, multiprocessing.RLock(), multiprocessing.Semaphore(2):
    x = multiprocessing.cpu_count() == __import__("os").cpu_count(), multiprocessing.current_process().name

# %% multiprocessing_value_and_array
import multiprocessing
value = multiprocessing.Value("d", 1.5)
with value.get_lock():
    value.value += 1
array = multiprocessing.Array("i", [1, 2, 3])
x = value.value, list(array), multiprocessing.RawValue("i", 4).value

# %% multiprocessing_event_and_condition
import multiprocessing
event = multiprocessing.Event()
event.set()
x = event.is_set(), event.wait(1)

# %% multiprocessing_queue_in_one_process
import multiprocessing
line = multiprocessing.SimpleQueue()
line.put([1, 2])
x = line.get()

# %% multiprocessing_pipe
import multiprocessing
a, b = multiprocessing.Pipe()
a.send({"k": 1})
x = b.recv()

# %% asyncio_run
import asyncio
async def one(n):
    await asyncio.sleep(0.001)
    return n * 2
async def all_of():
    return await asyncio.gather(*(one(n) for n in range(5)))
x = asyncio.run(all_of())

# %% asyncio_threads_and_timeouts
import asyncio, time
async def main():
    slow = await asyncio.to_thread(lambda: time.sleep(0.01) or 5)
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.01)
    except asyncio.TimeoutError:
        return slow
x = asyncio.run(main())

# %% asyncio_queue
import asyncio
async def main():
    line = asyncio.Queue(2)
    async def feed():
        for n in range(4):
            await line.put(n)
    task = asyncio.create_task(feed())
    got = [await line.get() for _ in range(4)]
    await task
    return got
x = asyncio.run(main())

# %% sleep_and_clocks
import time
begin = time.perf_counter()
time.sleep(0.02)
x = 0.01 < time.perf_counter() - begin < 5, time.monotonic() > 0, time.process_time() >= 0, time.strftime("%Y") >= "2024"

# %% timeit
import timeit
x = timeit.timeit("sum(range(10))", number=10) > 0

# %% cpu_count_and_platform
import os, platform, sys
x = os.cpu_count(), platform.system(), platform.python_version(), sys.maxsize, platform.machine(), sys.version_info[:2]

# %% scheduler_affinity
import os
x = len(os.sched_getaffinity(0)), os.getpid() > 0, os.getppid() > 0

# %% load_and_memory_asked [needs psutil]
import os
import psutil
x = psutil.virtual_memory().total > 1e8, psutil.cpu_count() == os.cpu_count(), psutil.Process().memory_info().rss > 1e6

# %% resource_usage
import resource
x = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 256

# %% signal_handler_and_alarm
import signal
seen = []
before = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
signal.setitimer(signal.ITIMER_REAL, 0.01)
signal.pause()
signal.signal(signal.SIGALRM, before)
x = len(seen)

# %% environment
import os
os.environ["MINE"] = "1"
x = os.environ.get("NOT_SET", "default"), os.getenv("MINE"), "HOME" in os.environ, os.path.isdir(os.path.expanduser("~"))

# %% current_folder
import os
os.makedirs("elsewhere", exist_ok=True)
os.chdir("elsewhere")
x = os.path.basename(os.getcwd())
os.chdir("..")

# %% installed_packages
import importlib.metadata, importlib.util
x = importlib.metadata.version("numpy"), importlib.util.find_spec("scipy") is not None, importlib.util.find_spec("nothing_such")

# %% package_resources
import importlib.resources
x = (importlib.resources.files("sklearn.datasets") / "data" / "wine_data.csv").read_text().splitlines()[0]

# %% module_written_and_imported
import importlib, sys
with open("mine_made.py", "w") as file:
    file.write("value = 7\n")
sys.path.insert(0, ".")
importlib.invalidate_caches()
import mine_made
sys.path.pop(0)
x = mine_made.value

# %% time_zones
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo
moment = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("America/New_York"))
x = moment.astimezone(timezone.utc).isoformat(), str(moment.utcoffset()), (moment + timedelta(days=200)).isoformat()

# %% local_time_and_calendar
import calendar, datetime, time
x = calendar.monthrange(2024, 2), time.localtime(0).tm_year in (1969, 1970), datetime.date(2024, 2, 29).isocalendar()[1], isinstance(datetime.datetime.now(), datetime.datetime)

# %% locale
import locale
x = locale.getlocale(locale.LC_NUMERIC)[0] is None or True, f"{1234567.5:,.2f}"

# %% user_and_host
import getpass, socket, platform
x = isinstance(platform.node(), str), isinstance(socket.gethostname(), str)

# %% select_and_pipes
import os, select
reading, writing = os.pipe()
os.write(writing, b"abc")
x = select.select([reading], [], [], 1)[0] == [reading], os.read(reading, 10)
os.close(reading)
os.close(writing)

# %% gc_weakref_and_tracemalloc
import gc, tracemalloc, weakref
class Held:
    pass
held = Held()
seen = weakref.ref(held)
del held
gc.collect()
tracemalloc.start()
kept = [bytes(1000) for _ in range(50)]
x = seen() is None, tracemalloc.get_traced_memory()[0] > 10_000
tracemalloc.stop()

# %% ctypes_math
import ctypes, ctypes.util
libm = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6") if False else ctypes.CDLL("libm.so.6")
libm.cos.restype = ctypes.c_double
libm.cos.argtypes = [ctypes.c_double]
x = libm.cos(0.0)

# %% large_array_and_release
big = np.ones((3000, 3000))
total = float(big.sum())
del big
x = total

# %% faulthandler_and_atexit
import atexit, faulthandler
faulthandler.enable()
atexit.register(lambda: None)
x = faulthandler.is_enabled()
faulthandler.disable()

# %% pip_free_version_check
import sys
try:
    import not_installed_anywhere
    x = 1
except ImportError as error:
    x = error.name
