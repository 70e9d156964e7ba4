# ruff: noqa
"""The language and its pure libraries."""

# %% main_guard
x = 0
def main():
    global x
    x = 5
if __name__ == "__main__":
    main()

# %% source_of_a_function
import inspect
def doubled(value):
    """Return twice the value."""
    return 2 * value
x = inspect.getsource(doubled), str(inspect.signature(doubled)), inspect.getdoc(doubled)

# %% source_of_a_function_of_the_notebook
import inspect
x = inspect.getsource(helper)

# %% helper_of_the_notebook
x = helper(X[:, 0]).sum()

# %% doctest_of_the_cell
import doctest
def add(a, b):
    """Return the sum.

    >>> add(1, 2)
    3
    """
    return a + b
x = list(doctest.testmod())

# %% unittest_of_the_cell
import io, unittest
class TestIt(unittest.TestCase):
    def test_one(self):
        self.assertEqual(1 + 1, 2)
suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestIt)
x = unittest.TextTestRunner(io.StringIO()).run(suite).testsRun

# %% dataclasses_and_enums
from dataclasses import asdict, dataclass, field, replace
from enum import Enum, auto
class Kind(Enum):
    A = auto()
@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    kind: Kind = Kind.A
    values: tuple[float, ...] = field(default=(1.0,))
x = replace(Sample("a"), name="b").name, asdict(Sample("c"))["values"], Kind["A"].value

# %% generators_and_yield_from
def numbers(n):
    yield from range(n)
    got = yield "middle"
    yield got
stream = numbers(2)
x = [next(stream), next(stream), next(stream), stream.send("sent")]

# %% decorators
import functools
def traced(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        inner.calls += 1
        return function(*args, **kwargs)
    inner.calls = 0
    return inner
@traced
def square(n):
    return n * n
x = square(3) + square(4), square.calls, square.__name__

# %% classes_and_inheritance
from abc import ABC, abstractmethod
class Shape(ABC):
    @abstractmethod
    def area(self): ...
    @property
    def twice(self):
        return 2 * self.area()
class Square(Shape):
    def __init__(self, side):
        self.side = side
    def area(self):
        return self.side**2
    def __lt__(self, other):
        return self.area() < other.area()
x = Square(3).twice, min(Square(3), Square(2)).side

# %% metaclass_and_descriptor
class Registry(type):
    seen = []
    def __new__(meta, name, bases, space):
        made = super().__new__(meta, name, bases, space)
        Registry.seen.append(name)
        return made
class Base(metaclass=Registry):
    pass
class Child(Base):
    pass
x = Registry.seen

# %% recursion
def hanoi(n):
    return 0 if n == 0 else 2 * hanoi(n - 1) + 1
x = hanoi(40)

# %% deep_recursion
import sys
before = sys.getrecursionlimit()
sys.setrecursionlimit(6000)
def depth(n):
    return n if n == 0 else 1 + depth(n - 1)
x = depth(4000)
sys.setrecursionlimit(before)

# %% recursion_error_caught
def forever():
    return forever()
try:
    forever()
except RecursionError:
    x = 1

# %% contextlib
import contextlib
@contextlib.contextmanager
def opened(log):
    log.append("in")
    try:
        yield 5
    finally:
        log.append("out")
log = []
with opened(log) as got, contextlib.suppress(ZeroDivisionError):
    1 / 0
with contextlib.ExitStack() as stack:
    stack.callback(log.append, "stacked")
x = log, got

# %% exceptions_and_notes
class Odd(ValueError):
    pass
try:
    try:
        {}["a"]
    except KeyError as error:
        raise Odd("wrapped") from error
except Odd as error:
    x = str(error), type(error.__cause__).__name__

# %% traceback_text
import traceback
def broken():
    return 1 / 0
try:
    broken()
except ZeroDivisionError:
    text = traceback.format_exc()
x = "return 1 / 0" in text, text.splitlines()[-1]

# %% walrus_match_and_unpacking
match {"kind": "point", "at": (1, 2)}:
    case {"kind": "point", "at": (a, b)}:
        x = a + b, (n := 5) + n, [*range(2), *"ab"], {**{"k": 1}}

# %% closures_and_nonlocal
def counter():
    count = 0
    def step():
        nonlocal count
        count += 1
        return count
    return step
step = counter()
x = [step(), step()]

# %% comprehension_reads_names_of_the_cell
limit = 3
rows = [[n * m for m in range(limit)] for n in range(limit) if n < limit]
x = {n: sum(row) for n, row in enumerate(rows)}

# %% functools_and_itertools
import functools, itertools
@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
@functools.singledispatch
def kind(value):
    return "other"
@kind.register
def _(value: int):
    return "int"
x = fib(60), kind(3), functools.reduce(lambda a, b: a * b, range(1, 6)), list(itertools.combinations("abc", 2)), list(itertools.accumulate([1, 2, 3]))

# %% collections
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
Pair = namedtuple("Pair", "a b")
groups = defaultdict(list)
for word in "the cell the gene".split():
    groups[word[0]].append(word)
x = Counter("abca").most_common(1), dict(groups), list(deque([1, 2, 3], maxlen=2)), Pair(1, 2).b, ChainMap({"a": 1}, {"a": 2})["a"]

# %% heapq_and_bisect
import bisect, heapq
heap = [5, 1, 4]
heapq.heapify(heap)
x = heapq.heappop(heap), heapq.nlargest(2, [3, 9, 4]), bisect.bisect([1, 3, 5], 3)

# %% statistics_fractions_decimal
import decimal, fractions, statistics
decimal.getcontext().prec = 30
x = statistics.median([1, 5, 2]), str(fractions.Fraction(1, 3) + fractions.Fraction(1, 6)), str(decimal.Decimal(2).sqrt()), statistics.NormalDist(0, 1).cdf(1)

# %% math_and_cmath
import cmath, math
x = math.comb(20, 5), math.isclose(math.fsum([0.1] * 10), 1.0), math.prod([2, 3]), cmath.phase(1j)

# %% random_module
import random
random.seed(4)
values = list(range(6))
random.shuffle(values)
x = values, random.gauss(0, 1), random.sample("abcdef", 2), random.Random(3).random()

# %% random_unseeded_global
import random
x = random.random()

# %% secrets_and_uuid
import secrets, uuid
x = len(secrets.token_hex(8)), 0 <= secrets.randbelow(10) < 10, len(str(uuid.uuid4())), str(uuid.uuid5(uuid.NAMESPACE_DNS, "a.org"))

# %% hashing
import hashlib, hmac
x = hashlib.sha256(b"a").hexdigest()[:12], hashlib.blake2b(b"a", digest_size=4).hexdigest(), hmac.new(b"k", b"m", "md5").hexdigest()[:8]

# %% hash_of_a_string_is_repeatable_within_a_run
x = hash("abc") == hash("a" + "bc"), len({hash(n) for n in range(5)})

# %% regular_expressions
import re
x = re.findall(r"(\w+)=(\d+)", "a=1, b=22"), re.sub(r"\s+", " ", "a   b"), re.compile(r"^x", re.M).split("1\nx2")

# %% strings_and_templates
import string, textwrap
x = string.Template("$a-$b").substitute(a=1, b=2), textwrap.fill("word " * 10, 20).count("\n"), f"{3.14159:>10.2f}|{'µ':^5}|{255:#x}"

# %% bytes_and_struct
import array, base64, binascii, struct
x = struct.unpack("<Hf", struct.pack("<Hf", 7, 1.5)), base64.b64encode(b"abc"), binascii.hexlify(b"\x00\xff"), array.array("d", [1, 2]).tolist()

# %% io_in_memory
import io
held = io.BytesIO()
with io.TextIOWrapper(held, "utf-8", write_through=True) as text:
    text.write("µ")
    x = held.getvalue(), io.StringIO("a\nb").readlines()

# %% typing_and_protocols
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, get_type_hints
T = TypeVar("T")
class Box(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item
class Row(NamedTuple):
    a: int
    b: str = "k"
def typed(a: int, b: "Row | None" = None) -> float: ...
x = Box[int](3).item, Row(1)._asdict(), sorted(get_type_hints(typed))

# %% exec_eval_and_ast
import ast
space = {}
exec("def made(n):\n    return n + 1", space)
x = space["made"](2), eval("a * 2", {"a": 4}), ast.literal_eval("[1, {'k': 2}]"), len(ast.dump(ast.parse("a = 1")))

# %% dynamic_types_and_attributes
Made = type("Made", (), {"value": 3, "get": lambda self: self.value})
made = Made()
setattr(made, "value", 4)
x = made.get(), hasattr(made, "nothing"), isinstance(made, Made), callable(made.get)

# %% globals_and_vars
value = 3
x = globals()["value"], "value" in vars() or True, [name for name in dir() if name == "value"]

# %% operator_and_sorting
import operator
rows = [("b", 2), ("a", 2), ("c", 1)]
x = sorted(rows, key=operator.itemgetter(1, 0)), max(rows, key=lambda row: row[1]), list(map(operator.neg, [1]))

# %% difflib_pprint_json
import difflib, json, pprint
x = difflib.SequenceMatcher(None, "kitten", "sitting").ratio(), pprint.pformat({"b": 1, "a": [1] * 3}), json.dumps({"a": [1, 2.5, None, True]}, sort_keys=True)

# %% xml_and_html
import html
import xml.etree.ElementTree as tree
x = tree.fromstring("<a><b k='1'>t</b></a>").find("b").get("k"), html.escape("<a>")

# %% urllib_parsing_without_a_network
from urllib.parse import quote, urlparse
x = urlparse("https://a.org/b?c=1").path, quote("a b")

# %% argparse_from_a_list
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
x = parser.parse_args(["--rate", "0.5"]).rate

# %% graph_and_ordering
from graphlib import TopologicalSorter
x = list(TopologicalSorter({"c": {"b"}, "b": {"a"}}).static_order())

# %% big_integers
x = pow(3, 2000, 10**9 + 7), (2**200) % 97, (10**20).bit_length()

# %% types_of_outputs
import datetime
x = [None, True, 3, 2.5, 1 + 2j, "text", b"bytes", (1,), {2}, frozenset({3}), {"k": [1]}, range(3), slice(1, 2)]

# %% profile_of_a_function
import cProfile, io, pstats
profile = cProfile.Profile()
profile.enable()
sum(range(1000))
profile.disable()
x = len(pstats.Stats(profile, stream=io.StringIO()).stats) > 0

# %% trace_of_calls
import sys
seen = []
def watch(frame, event, arg):
    seen.append(frame.f_code.co_name)
def called():
    return 1
sys.setprofile(watch)
called()
sys.setprofile(None)
x = "called" in seen

# %% abstract_syntax_of_own_source
import ast, inspect, textwrap
def small(a):
    return a + 1
x = len(ast.parse(textwrap.dedent(inspect.getsource(small))).body)

# %% output_is_a_function
def x(value=2.0):
    return [value * 1.5, {"k": np.arange(3)}]

# %% output_is_a_fitted_model
from sklearn.linear_model import LinearRegression
model = LinearRegression().fit(X[:, 1:], X[:, 0])
def x():
    return model.predict(X[:4, 1:])
