"""What every evaluator promises; a test module inherits the class and says how to make one."""

from __future__ import annotations

import json
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from score_nb.errors import BadInput, EvaluatorBroken
from score_nb.evaluate.base import Evaluator, EvaluatorSetup
from tests.evaluate.support import SUM, setup

MODEL = """
import math
import numpy as np
data = np.arange(12.0).reshape(6, 2)
hidden = np.arange(6.0)
factor = 2.0

def helper(values):
    return factor * values

class Model:
    "A class of the notebook."
    coefficients = np.array([1.0, 2.0])
    def predict(self, rows):
        return rows @ self.coefficients

def metric(predict):
    return float(np.mean(np.abs(predict(data) - hidden)))

def on_model(model, label):
    error = np.abs(model.predict(data) - hidden).sum()
    return {"error": float(error), "columns": len(model.coefficients), "letters": len(label)}

def on_global(x):
    return x + offset

def second(x):
    return 100.0 * x
"""
LARGE = """
import numpy as np

def metric(x, keep, total):
    zeros = np.zeros(20_000)
    first = x(zeros)
    for number in range(5):
        keep(np.full(20_000, float(number)))
    return first + total() + zeros.sum()
"""


class EvaluatorContract(ABC):
    """Behaviour that does not depend on where candidates run."""

    @classmethod
    @abstractmethod
    def make(cls, what: EvaluatorSetup) -> Evaluator:
        """Return an evaluator that has not been started."""

    @classmethod
    @contextmanager
    def running(cls, what: EvaluatorSetup) -> Iterator[Evaluator]:
        evaluator = cls.make(what)
        try:
            evaluator.prepare()
            evaluator.start()
            yield evaluator
        finally:
            evaluator.close()

    @pytest.fixture(scope="class")
    @classmethod
    def plain(cls) -> Iterator[Evaluator]:
        """An evaluator whose metric is the one output itself."""
        cell = "def metric(x):\n    return x() if callable(x) else x\ndef twice(x):\n    return 2.0 * x"
        with cls.running(setup(cell, scorer="metric twice", holdout="twice", workers=2)) as evaluator:
            yield evaluator

    # --- values ----------------------------------------------------------------------------------------------

    def test_plain_output_is_scored(self, plain: Evaluator) -> None:
        found = plain.evaluate("x = 2.5")
        assert (found.status, found.value, found.detail, found.log) == ("ok", 2.5, "", "")

    def test_value_is_exact_to_the_last_bit(self, plain: Evaluator) -> None:
        assert plain.evaluate("x = 0.1 + 0.2").value == 0.1 + 0.2

    def test_function_output_is_called_where_it_lives(self, plain: Evaluator) -> None:
        assert plain.evaluate("k = 3\ndef x():\n    return k + 0.5").value == 3.5

    def test_holdout_is_another_metric(self, plain: Evaluator) -> None:
        assert plain.evaluate("x = 2.5", metric="holdout").value == 5.0

    def test_what_is_printed_is_kept(self, plain: Evaluator) -> None:
        assert plain.evaluate("print('hello')\nx = 1.0").log == "hello\n"

    def test_each_candidate_starts_clean(self, plain: Evaluator) -> None:
        assert plain.evaluate("import math\nmath.pi = 3\nleft = 1\nx = 1.0").status == "ok"
        assert plain.evaluate("import math\nx = math.pi").value == math.pi
        assert plain.evaluate("x = float('left' in globals())").value == 0.0

    def test_cell_runs_as_main(self, plain: Evaluator) -> None:
        assert plain.evaluate("x = float(__name__ == '__main__')").value == 1.0

    def test_random_generators_are_seeded(self, plain: Evaluator) -> None:
        source = "import random, numpy\nx = random.random() + numpy.random.rand()"
        first, again, other = (plain.evaluate(source, seed=seed).value for seed in (1, 1, 2))
        assert first == again != other

    def test_resources_are_measured(self, plain: Evaluator) -> None:
        found = plain.evaluate("held = bytearray(40 << 20)\nheld[::4096] = b'x' * len(held[::4096])\nx = 1.0")
        assert 30 < found.peak_mib < 80
        assert 0 < found.cpu_seconds < 5
        assert 0 < found.seconds < 5

    # --- failures --------------------------------------------------------------------------------------------

    def test_exception_is_told_with_its_line(self, plain: Evaluator) -> None:
        found = plain.evaluate("def f(a):\n    return 1 / a\n\nx = f(0)")
        assert found.status == "error"
        assert found.detail == "ZeroDivisionError: division by zero  (line 2)"
        assert "return 1 / a" in found.log
        assert "score_nb" not in found.log

    def test_exception_inside_a_called_function_is_the_candidates(self, plain: Evaluator) -> None:
        found = plain.evaluate("def x():\n    raise KeyError('gone')")
        assert (found.status, found.detail) == ("error", "KeyError: 'gone'  (line 2)")
        assert "raise KeyError" in found.log

    def test_system_exit_is_an_error(self, plain: Evaluator) -> None:
        found = plain.evaluate("import sys\nsys.exit('enough')")
        assert (found.status, found.detail) == ("error", "SystemExit: enough  (line 2)")

    def test_syntax_error_names_its_line(self, plain: Evaluator) -> None:
        found = plain.evaluate("x = 1\ny = (")
        assert found.status == "error"
        assert found.detail.startswith("SyntaxError: '(' was never closed")
        assert "(line 2)" in found.detail

    @pytest.mark.parametrize("line", ["%matplotlib inline", "!pip install nothing", "files = !ls", "len?"])
    def test_notebook_syntax_is_named(self, plain: Evaluator, line: str) -> None:
        found = plain.evaluate(f"x = 1.0\n{line}")
        assert found.status == "invalid"
        assert found.detail == f"line 2 is IPython syntax, not Python: {line}"

    def test_missing_output_is_named(self, plain: Evaluator) -> None:
        found = plain.evaluate("y = 1.0")
        assert (found.status, found.detail) == ("invalid", "does not define `x`")

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("x = float('nan')", "nan"),
            ("x = float('-inf')", "-inf"),
            ("x = True", "True"),
            ("x = None", "None"),
            ("x = 'high'", "a str, not a number"),
            ("x = 1j", "a complex, not a number"),
            ("x = [1.0]", "a list, not a number"),
            ("import numpy\nx = numpy.bool_(True)", "True"),
            ("import numpy\nx = numpy.float32('nan')", "nan"),
            ("x = 10 ** 400", "an integer that is too large"),
            ("x = {}", "an empty mapping"),
            ("x = {'a': 1.0, 'b': float('nan')}", "nan for 'b'"),
            ("class Score(float):\n    pass\nx = Score(9)", "a Proxy, not a number"),
        ],
    )
    def test_no_finite_number_is_refused(self, plain: Evaluator, source: str, said: str) -> None:
        found = plain.evaluate(source)
        assert (found.status, found.value, found.detail) == ("invalid", None, f"the metric returned {said}")

    @pytest.mark.parametrize("source", ["3", "numpy.float32(3)", "numpy.array(3)"])
    def test_numbers_of_other_kinds_become_floats(self, plain: Evaluator, source: str) -> None:
        value = plain.evaluate(f"import numpy\nx = {source}").value
        assert type(value) is float
        assert value == 3.0

    def test_leaving_by_force_is_named_and_the_next_one_works(self, plain: Evaluator) -> None:
        found = plain.evaluate("import os\nos._exit(3)")
        assert (found.status, found.detail) == ("crashed", "left with exit code 3 (os._exit)")
        assert plain.evaluate("x = 1.0").value == 1.0

    def test_segfault_is_named_and_the_next_one_works(self, plain: Evaluator) -> None:
        found = plain.evaluate("import ctypes\nctypes.string_at(0)")
        assert (found.status, found.detail) == ("crashed", "killed by SIGSEGV")
        assert plain.evaluate("x = 1.0").value == 1.0

    def test_segfault_inside_a_called_function_is_named(self, plain: Evaluator) -> None:
        found = plain.evaluate("import ctypes\ndef x():\n    ctypes.string_at(0)")
        assert (found.status, found.detail) == ("crashed", "killed by SIGSEGV")

    def test_flood_of_output_is_bounded(self, plain: Evaluator) -> None:
        found = plain.evaluate("for n in range(40_000):\n    print('line', n)\nx = 1.0")
        assert found.status == "ok"
        assert len(found.log) < 70_000
        assert found.log.startswith("line 0\n")
        assert found.log.endswith("line 39999\n")
        assert "bytes ...]" in found.log

    # --- limits ----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("source", ["while True:\n    pass", "def x():\n    while True:\n        pass"])
    def test_candidate_that_never_ends_is_stopped(self, source: str) -> None:
        with self.running(setup("def metric(x):\n    return x()", timeout=0.5)) as evaluator:
            found = evaluator.evaluate(source)
            assert (found.status, found.detail) == ("timeout", "stopped after 0.5 s")
            assert found.seconds >= 0.5

    def test_limits_can_be_set_later(self) -> None:
        with self.running(setup(timeout=None, memory=None)) as evaluator:
            assert evaluator.evaluate("x = 1.0").status == "ok"
            evaluator.limit(0.3, 512)
            assert evaluator.evaluate("import time\ntime.sleep(60)").detail == "stopped after 0.3 s"

    @pytest.mark.parametrize(
        "source", ["x = bytearray(3 << 30)", "held = []\nwhile True:\n    held.append(bytearray(1 << 20))"]
    )
    def test_all_memory_is_named_and_the_next_one_works(self, source: str) -> None:
        with self.running(setup(memory=300)) as evaluator:
            found = evaluator.evaluate(source)
            assert found.status == "memory"
            assert found.detail.startswith("needed more than 300 MiB")
            assert evaluator.evaluate("x = 1.0").value == 1.0

    # --- inputs and outputs ----------------------------------------------------------------------------------

    def test_data_and_helpers_are_there_and_arrays_can_be_written(self) -> None:
        what = setup(MODEL, inputs="data helper factor np", outputs="predict", scorer="metric hidden")
        with self.running(what) as evaluator:
            source = "data *= 0\ndef predict(rows):\n    return helper(rows[:, 0]) / 2 - rows[:, 0] + data.sum()"
            found = evaluator.evaluate(source)
            # The metric's own `data` is untouched: |0 - hidden| has the mean 2.5.
            assert (found.status, found.value, found.detail) == ("ok", 2.5, "")

    def test_arguments_can_be_written_into_and_kept(self) -> None:
        with self.running(setup(LARGE, outputs="x keep total", scorer="metric np")) as evaluator:
            found = evaluator.evaluate(
                "kept = []\ndef x(rows):\n    rows += 1\n    return float(rows.sum())\n"
                "def keep(rows):\n    kept.append(rows)\n    rows *= 2\n"
                "def total():\n    return float(sum(rows.sum() for rows in kept))"
            )
            # 20,000 ones; 20,000 times twice 0 + 1 + 2 + 3 + 4; the metric's own zeros are what they were.
            assert (found.status, found.value, found.flags) == ("ok", 420_000.0, ()), found.detail

    def test_helpers_see_what_the_cell_redefines(self) -> None:
        what = setup(MODEL, inputs="helper factor", scorer="second")
        with self.running(what_with(what, metric="second")) as evaluator:
            assert evaluator.evaluate("x = helper(1.0)").value == 200.0
            assert evaluator.evaluate("factor = 5.0\nx = helper(1.0)").value == 500.0

    def test_metric_reads_outputs_as_globals(self) -> None:
        what = setup(MODEL, outputs="x offset", parameters="x", scorer="on_global", metric="on_global")
        with self.running(what) as evaluator:
            assert evaluator.evaluate("x, offset = 1.0, 40.0").value == 41.0

    def test_models_of_a_notebook_class_answer_through_a_proxy(self) -> None:
        what = setup(
            MODEL, inputs="Model np", outputs="model label", scorer="on_model data hidden np", metric="on_model"
        )
        with self.running(what) as evaluator:
            found = evaluator.evaluate("model, label = Model(), 'abc'")
            # rows @ [1, 2] = 2, 8, 14, ... ; less 0 .. 5: 2 + 7 + 12 + 17 + 22 + 27
            assert found.value == 87.0
            assert found.metrics == {"columns": 2.0, "letters": 3.0}

    def test_inputs_are_copied_when_prepared(self) -> None:
        what = setup("data = [1.0]\ndef metric(x):\n    return x", inputs="data")
        live = what.inputs["data"]
        evaluator = self.make(what)
        try:
            evaluator.prepare()
            live[0] = 7.0
            evaluator.start()
            assert evaluator.evaluate("x = data[0]").value == 1.0
        finally:
            evaluator.close()

    @pytest.mark.parametrize(
        ("cell", "words"),
        [
            ("import threading\nbad = threading.Lock()", ("`bad` (_thread.lock)", "create it inside the cell")),
            ("bad = (n for n in range(3))", ("`bad` (generator)", "make it a list")),
            ("import os\nbad = open(os.devnull)", ("`bad` (open file)", "read it into a variable")),
            ("import sqlite3\nbad = sqlite3.connect(':memory:')", ("`bad` (sqlite3.Connection)", "inside the cell")),
            ("import threading\nbad = {'a': [threading.Lock()]}", ("`bad` (dict, which holds _thread.lock)",)),
        ],
    )
    def test_input_that_cannot_be_sent_is_named_with_the_mend(self, cell: str, words: tuple[str, ...]) -> None:
        what = setup(cell + "\ndef metric(x):\n    return x", inputs="bad")
        evaluator = self.make(what)
        with pytest.raises(BadInput) as caught:
            evaluator.prepare()
        evaluator.close()
        for word in (*words, "cannot be sent to candidates", "--hide bad"):
            assert word in str(caught.value)
        if hasattr(what.inputs["bad"], "close"):
            what.inputs["bad"].close()

    def test_secret_in_an_input_is_never_sent(self) -> None:
        cell = "class Client:\n    pass\nclient = Client()\nclient.key = 'very-secret-key'\n" + SUM
        evaluator = self.make(setup(cell, inputs="client", secrets=("very-secret-key",)))
        with pytest.raises(BadInput, match=r"`client` .* holds an API key .* --hide client"):
            evaluator.prepare()
        evaluator.close()

    def test_secrets_are_blotted_out_of_what_comes_back(self) -> None:
        with self.running(setup(secrets=("very-secret-key",))) as evaluator:
            found = evaluator.evaluate("key = 'very-' + 'secret-key'\nprint(key)\nraise ValueError(key)")
            assert found.detail == "ValueError: ***  (line 3)"
            assert "very-secret-key" not in found.log

    # --- metrics ---------------------------------------------------------------------------------------------

    def test_metric_that_raises_is_told_apart(self) -> None:
        cell = "def metric(x):\n    return {}['missing']"
        with self.running(setup(cell)) as evaluator:
            found = evaluator.evaluate("x = 1.0")
            assert (found.status, found.detail) == ("invalid", "metric metric raised KeyError: 'missing'")
            assert "return {}['missing']" in found.log

    def test_metric_that_dies_is_told_apart(self) -> None:
        cell = "import ctypes\ndef metric(x):\n    return ctypes.string_at(0)"
        with self.running(setup(cell, scorer="metric ctypes")) as evaluator:
            found = evaluator.evaluate("x = 1.0")
            assert (found.status, found.detail) == ("invalid", "metric ended without a result: killed by SIGSEGV")

    def test_metric_may_catch_what_the_candidate_raises(self) -> None:
        cell = "def metric(x):\n    try:\n        return x()\n    except ValueError:\n        return -1.0"
        with self.running(setup(cell)) as evaluator:
            assert evaluator.evaluate("def x():\n    raise ValueError").value == -1.0
            assert evaluator.evaluate("def x():\n    raise KeyError").status == "error"

    def test_metric_that_swallows_everything_does_not_hide_a_crash(self) -> None:
        cell = "def metric(x):\n    try:\n        return x()\n    except Exception:\n        return 1.0"
        with self.running(setup(cell)) as evaluator:
            assert evaluator.evaluate("import os\ndef x():\n    os._exit(4)").status == "crashed"

    # --- integrity -------------------------------------------------------------------------------------------

    def test_seed_tells_its_contract_as_json(self, plain: Evaluator) -> None:
        found = plain.evaluate("x = [1.0, 2.0]").contract, plain.evaluate("def x():\n    return 2.0").contract
        assert found == ({}, {"x": {"kind": "function", "calls": {"x": {"kind": "number", "of": "real", "dims": 0}}}})
        assert json.loads(json.dumps(found[1])) == found[1]

    def test_outputs_are_held_against_the_contract(self) -> None:
        cell = "import numpy as np\ny = np.arange(9.0)\ndef metric(x):\n    return float(np.mean(x() - y))"
        seed = "import numpy as np\ndef x():\n    return np.arange(9.0)"
        with self.running(setup(cell, scorer="metric y np", seed=seed)) as evaluator:
            contract = evaluator.evaluate(seed).contract
            assert contract["x"]["calls"]["x"] == {
                "kind": "array", "of": "real", "dims": 1, "length": 9, "rule": "free", "varied": True, "missing": False
            }  # fmt: skip
            evaluator.expect(contract)
            column = evaluator.evaluate(seed.replace("(9.0)", "(9.0)[:, None]"))
            assert (column.status, column.detail) == (
                "invalid", "x returned an array of shape (9, 1), the seed's has one dimension"
            )  # fmt: skip
            constant = evaluator.evaluate(seed.replace("arange(9.0)", "zeros(9)"))
            assert [flag.kind for flag in constant.flags] == ["constant"]
            assert evaluator.evaluate(seed).flags == ()

    def test_answers_that_change_are_flagged_and_the_first_counts(self, plain: Evaluator) -> None:
        found = plain.evaluate("n = 0.0\ndef x():\n    global n\n    n += 1\n    return n")
        assert (found.status, found.value) == ("ok", 1.0)
        assert [(flag.kind, flag.detail) for flag in found.flags] == [
            ("nondeterministic", "x was asked twice for the same: 1 of 1 values differ, by up to 1")
        ]

    def test_metric_is_tried_on_spoilt_outputs(self) -> None:
        cell = "def metric(x):\n    return sum(n * v for n, v in enumerate(x))"
        with self.running(setup(cell)) as evaluator:
            found = evaluator.evaluate("x = [0.0, 1.0, 5.0]", probe=True)
            # 0 + 1 + 10; all 2: 0 + 2 + 4
            assert (found.value, found.probes["constant"]) == (11.0, 6.0)
            assert set(found.probes) == {"constant", "shuffled"}
            assert evaluator.evaluate("x = [0.0, 1.0, 5.0]").probes == {}

    # --- many at once ----------------------------------------------------------------------------------------

    def test_calls_from_several_threads_share_the_workers(self, plain: Evaluator) -> None:
        with ThreadPoolExecutor(6) as pool:
            values = list(pool.map(lambda n: plain.evaluate(f"x = {n}.0").value, range(12)))
        assert values == [float(n) for n in range(12)]

    def test_closing_ends_evaluations_at_work(self) -> None:
        evaluator = self.make(setup())
        evaluator.prepare()
        evaluator.start()
        raised: list[BaseException] = []

        def wait() -> None:
            try:
                evaluator.evaluate("import time\ntime.sleep(60)")
            except EvaluatorBroken as error:
                raised.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        threading.Event().wait(0.3)
        evaluator.close()
        thread.join(60)
        assert not thread.is_alive()
        assert "closed" in str(raised[0])
        evaluator.close()
        with pytest.raises(EvaluatorBroken):
            evaluator.evaluate("x = 1.0")


def what_with(what: EvaluatorSetup, **changes: object) -> EvaluatorSetup:
    """Return the set-up with some fields changed."""
    import dataclasses

    return dataclasses.replace(what, **changes)  # type: ignore[arg-type]
