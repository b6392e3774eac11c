"""An arm's outcomes as compact columns, added one at a time in flat memory: about 110 bytes a case."""

from __future__ import annotations

import hashlib
import heapq
from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evaluation.errors import EvaluationError
from evaluation.metrics.types import Judged
from evaluation.types import FULL, Contract, Outcome

Ints = npt.NDArray[np.int32]

SHUFFLED_CANDIDATES = "shuffled-candidates"
REVERSED_CANDIDATES = "reversed-candidates"
SHUFFLED_HISTORY = "shuffled-history"
_SAMPLED = (FULL, SHUFFLED_CANDIDATES, REVERSED_CANDIDATES, SHUFFLED_HISTORY)
_SAMPLE = 5_000
"""Orders kept per scenario, to compare them with one another: all of them in a run of up to so many cases."""
_DEPTH = 50
"""Places of these orders that are kept."""

NOTHING = -1
"""No number, in the integer columns of this module; never leaves the package."""


class Numbering(dict[str, int]):
    """Numbers for strings, 0, 1, … in the order in which they are first looked up."""

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self)
        return number

    def names(self) -> list[str]:
        """The strings in the order of their numbers."""
        return list(self)

    def places(self) -> npt.NDArray[np.int64]:
        """Place of each number among the sorted strings."""
        names = self.names()
        order = sorted(range(len(names)), key=names.__getitem__)
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order))
        return places


class Keys:
    """Numbers for the strings that all arms of a run share: case ids, scenarios, sets of tags and item ids."""

    def __init__(self, *, top: int = 10) -> None:
        """`top` is how many items of every order are kept."""
        self.top = top
        self.cases = Numbering()
        self.scenarios = Numbering()
        self.tag_sets = Numbering()
        """Tags of a case joined by line ends, which no tag holds."""
        self.items = Numbering()
        self._lots = array("Q")

    def lot(self, case: int, case_id: str) -> int:
        """A random number that depends on the case id only. Ask for cases in the order in which they are numbered."""
        if case == len(self._lots):
            self._lots.append(int.from_bytes(hashlib.sha256(case_id.encode()).digest()[:8], "big"))
        return self._lots[case]


@dataclass(kw_only=True, slots=True)
class _Orders:
    """Orders of the cases with the smallest hashes: a sample that is the same for every arm and sequence of cases."""

    heap: list[tuple[int, int]] = field(default_factory=list)
    kept: dict[int, array[int]] = field(default_factory=dict)
    """Item numbers, best first, by case number."""

    def offer(self, case: int, lot: int, order: list[int]) -> None:
        if len(self.heap) >= _SAMPLE:
            if -lot <= self.heap[0][0]:
                return
            self.kept.pop(heapq.heappop(self.heap)[1], None)
        heapq.heappush(self.heap, (-lot, case))
        self.kept[case] = array("i", order)


@dataclass(kw_only=True, slots=True)
class Totals:
    """Sums over all of an arm's cases of all scenarios."""

    cases: int = 0
    clean: int = 0
    missing: int = 0
    duplicate: int = 0
    invented: int = 0
    repaired: int = 0
    fell_back: int = 0
    llm_cases: int = 0
    model_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    flops: float | None = 0.0
    """2 per parameter and token (a multiplication and an addition; Kaplan et al. 2020), without attention; None where
    the number of parameters of some model is not known."""

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        contract, trace = outcome.ranked.contract, outcome.ranked.llm
        self.cases += 1
        self.clean += contract == Contract()
        self.missing += contract.missing
        self.duplicate += contract.duplicate
        self.invented += contract.invented
        self.repaired += contract.repaired
        self.fell_back += contract.fell_back
        if trace is not None:
            self.llm_cases += 1
            self.model_calls += trace.model_calls
            self.prompt_tokens += trace.prompt_tokens
            self.completion_tokens += trace.completion_tokens
            tokens = trace.prompt_tokens + trace.completion_tokens
            if self.flops is not None and trace.parameters is not None:
                self.flops += 2.0 * trace.parameters * tokens
            else:
                self.flops = None


class ArmColumns:
    """One arm's outcomes. Arms that are compared share their Keys."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.totals = Totals()
        self.orders = {scenario: _Orders() for scenario in _SAMPLED}
        self._ints = {name: array("i") for name in _INTS}
        self._floats = {name: array("d") for name in ("label", "score")}
        self._seconds = array("f")
        self._top = array("i")

    def __len__(self) -> int:
        return len(self._seconds)

    def add(self, outcome: Outcome) -> None:
        """Take one line of the journal, in any order. A case that comes twice is told when the columns are read."""
        keys, ints = self.keys, self._ints
        case = keys.cases[outcome.case_id]
        lot = keys.lot(case, outcome.case_id)
        ints["case"].append(case)
        ints["scenario"].append(keys.scenarios[outcome.scenario])
        ints["tag_set"].append(keys.tag_sets["\n".join(outcome.tags)])
        ints["rank"].append(_or_nothing(outcome.rank))
        ints["target"].append(NOTHING if outcome.target is None else keys.items[outcome.target])
        ints["target_position"].append(_or_nothing(outcome.target_position))
        ints["n_candidates"].append(outcome.n_candidates)
        self._floats["label"].append(float("nan") if outcome.label is None else outcome.label)
        self._floats["score"].append(float("nan") if outcome.score is None else outcome.score)
        self._seconds.append(outcome.ranked.seconds)
        order = [keys.items[item_id] for item_id in outcome.order[: max(keys.top, _DEPTH)]]
        top = order[: keys.top]
        self._top.extend(top + [NOTHING] * (keys.top - len(top)))
        self.totals.add(outcome)
        if outcome.scenario in self.orders and outcome.label is None:
            self.orders[outcome.scenario].offer(case, lot, order[:_DEPTH])

    def read(self) -> Table:
        """The columns as arrays, sorted by scenario, then case id. EvaluationError if a case came twice."""
        ints = {name: np.array(column, dtype=np.int32) for name, column in self._ints.items()}
        order = np.lexsort((self.keys.cases.places()[ints["case"]], self.keys.scenarios.places()[ints["scenario"]]))
        table = Table(
            keys=self.keys,
            label=np.array(self._floats["label"])[order],
            score=np.array(self._floats["score"])[order],
            top=np.array(self._top, dtype=np.int32).reshape(-1, self.keys.top)[order],
            **{name: column[order] for name, column in ints.items()},
        )
        self._refuse_twins(table)
        return table

    def seconds(self) -> npt.NDArray[np.float32]:
        """Wall time of each case, in the order in which they came."""
        return np.array(self._seconds, dtype=np.float32)

    def _refuse_twins(self, table: Table) -> None:
        twins = (np.diff(table.case) == 0) & (np.diff(table.scenario) == 0)
        if twins.any():
            place = int(np.flatnonzero(twins)[0])
            case = self.keys.cases.names()[table.case[place]]
            scenario = self.keys.scenarios.names()[table.scenario[place]]
            raise EvaluationError(f"case {case!r} of scenario {scenario!r} is there twice; keep one of its outcomes")


_INTS = ("case", "scenario", "tag_set", "rank", "target", "target_position", "n_candidates")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Outcomes of one arm, or some of them. Columns have shape (n,), `top` (n, keys.top); NOTHING stands for None."""

    keys: Keys
    case: Ints
    scenario: Ints
    tag_set: Ints
    rank: Ints
    target: Ints
    target_position: Ints
    n_candidates: Ints
    label: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]
    top: Ints
    """Items on the first places, best first."""

    def __len__(self) -> int:
        return len(self.case)

    def of_scenario(self, name: str) -> Table:
        """The cases of one scenario."""
        chosen = self.scenario == self.keys.scenarios.get(name, NOTHING)
        return self if chosen.all() else self.take(np.flatnonzero(chosen))

    def take(self, index: npt.NDArray[np.intp]) -> Table:
        """The cases at these places, in this order."""
        return Table(
            keys=self.keys,
            case=self.case[index],
            scenario=self.scenario[index],
            tag_set=self.tag_set[index],
            rank=self.rank[index],
            target=self.target[index],
            target_position=self.target_position[index],
            n_candidates=self.n_candidates[index],
            label=self.label[index],
            score=self.score[index],
            top=self.top[index],
        )

    def judged(self) -> Judged:
        """What the metrics read."""
        return Judged(
            rank=self.rank,
            found=self.rank != NOTHING,
            asked=self.target != NOTHING,
            label=self.label,
            score=self.score,
        )


def _or_nothing(number: int | None) -> int:
    return NOTHING if number is None else number
