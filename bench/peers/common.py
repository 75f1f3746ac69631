"""What every peer shares: the problem as bench_planner describes it, and the one interface that `run` speaks to."""
import math
import os
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

#: Two in the runs that tell how fast a peer is. For more runs in the same time, of which only the scores count, two at once
#: with a thread each.
THREADS = int(os.environ.get("ATHANOR_PEERS_THREADS", "2"))

#: Name on the command line → (module of the peer, distribution whose version is recorded).
PEERS = {
    "botorch": ("botorch_peer", "botorch"),
    "ax": ("ax_peer", "ax-platform"),
    "baybe": ("baybe_peer", "baybe"),
    "optuna": ("optuna_peer", "optuna"),
}

HERE = Path(__file__).resolve().parent


class NotApplicable(Exception):
    """The peer has no way to state this problem; the message says which part of it."""


def enter_environment() -> None:
    """Goes on under the Python that has the peers (see `setup`), with so many threads for every numerical library."""
    default = HERE.parent.parent / "build" / "peers-venv"
    venv = Path(os.environ.get("ATHANOR_PEERS_VENV", default)).absolute()
    threads = {name: str(THREADS) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    # Threads that spin while they wait take the processor from each other on a busy machine: 5 to 10 times the time.
    threads |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    if Path(sys.prefix).resolve() == venv.resolve() and all(os.environ.get(k) == v for k, v in threads.items()):
        return
    python = venv / "bin" / "python"
    if not python.exists():
        sys.exit(f"there is no Python at {python}: run bench/peers/setup, or set ATHANOR_PEERS_VENV")
    # CUDA_VISIBLE_DEVICES: a planner at a bench has the processor only, and so have all of them here.
    environment = os.environ | threads | {"CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}
    os.execve(python, [str(python), *sys.argv], environment)


def version_of(planner: str) -> str:
    """The installed version of a peer, without importing it."""
    return metadata.version(PEERS[planner][1])


@dataclass(frozen=True)
class Parameter:
    """One dimension. kind: continuous and integer have low and high, levels has values, choices has choices."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    values: tuple = ()
    choices: tuple = ()

    def allowed(self) -> list | None:
        """All values it can take, in order; None for a continuous one."""
        if self.kind == "continuous":
            return None
        if self.kind == "integer":
            return list(range(int(self.low), int(self.high) + 1))
        return sorted(self.values) if self.kind == "levels" else list(self.choices)

    def encode(self, value) -> float:
        """The value as a number: the natural logarithm where the scale is logarithmic, the index of a choice."""
        if self.kind == "choices":
            return float(self.choices.index(value))
        return math.log(value) if self.log else float(value)

    def decode(self, number: float):
        """The allowed value nearest to an encoded number."""
        allowed = self.allowed()
        if allowed is not None:
            return min(allowed, key=lambda value: abs(self.encode(value) - number))
        value = math.exp(number) if self.log else number
        return min(max(value, self.low), self.high)

    def encoded_range(self) -> tuple[float, float]:
        allowed = self.allowed()
        ends = (self.low, self.high) if allowed is None else (allowed[0], allowed[-1])
        return self.encode(ends[0]), self.encode(ends[1])


@dataclass(frozen=True)
class LinearConstraint:
    """Σ coefficients[name] · value  sense  bound, over the parameters; sense is "<=", ">=" or "="."""

    coefficients: dict
    sense: str
    bound: float


@dataclass(frozen=True)
class Objective:
    """An outcome to push in one direction; the reference bounds the hypervolume where there are several."""

    name: str
    goal: str
    reference: float | None = None

    @property
    def sign(self) -> float:
        """+1 where larger is better, −1 where smaller is: sign · outcome is to be maximised."""
        return {"maximize": 1.0, "minimize": -1.0}[self.goal]


@dataclass(frozen=True)
class OutcomeConstraint:
    """outcome sense bound must hold of an experiment for it to count; sense is "<=" or ">="."""

    name: str
    sense: str
    bound: float

    def violation(self, outcome):
        """Positive where the outcome (a number or a tensor) breaks the bound, in units of the outcome."""
        return outcome - self.bound if self.sense == "<=" else self.bound - outcome


@dataclass(frozen=True)
class Problem:
    name: str
    parameters: list[Parameter]
    constraints: list[LinearConstraint]
    objectives: list[Objective]
    outcome_constraints: list[OutcomeConstraint]
    initial: int
    evaluations: int
    batch: int
    score: str  # "regret", "hypervolume gap" or "top 5 % missed"
    pool: list[list] | None = field(default=None, repr=False)

    @staticmethod
    def from_description(described: dict) -> "Problem":
        """Reads bench_planner's answer to {"describe": true}."""
        return Problem(
            name=described["name"],
            parameters=[_parameter(one) for one in described["parameters"]],
            constraints=[LinearConstraint(**one) for one in described.get("constraints") or []],
            objectives=[Objective(**one) for one in described["objectives"]],
            outcome_constraints=[OutcomeConstraint(**one) for one in described.get("outcome_constraints") or []],
            initial=described["initial"],
            evaluations=described["evaluations"],
            batch=described["batch"],
            score=described["score"],
            pool=described.get("pool"),
        )

    @property
    def names(self) -> list[str]:
        return [parameter.name for parameter in self.parameters]

    def outcomes(self) -> list[str]:
        """All measured outcomes that matter, the objectives first, each once."""
        return list(dict.fromkeys([one.name for one in self.objectives] + [one.name for one in self.outcome_constraints]))

    def pool_points(self) -> list[dict]:
        return [dict(zip(self.names, row)) for row in self.pool]

    def refuse_logs_in_constraints(self) -> None:
        """throws NotApplicable where a linear constraint is on a parameter that the peer's model sees as a logarithm."""
        logs = {parameter.name for parameter in self.parameters if parameter.log}
        if any(logs & set(constraint.coefficients) for constraint in self.constraints):
            raise NotApplicable("a linear constraint on a parameter with a logarithmic scale")


def _parameter(described: dict) -> Parameter:
    fields = {key: value for key, value in described.items() if key in Parameter.__dataclass_fields__ and value is not None}
    for key in ("values", "choices"):
        fields[key] = tuple(fields.get(key, ()))
    return Parameter(**fields)


class Peer:
    """What `run` asks of a peer. A point is a dict from parameter to value, a measurement one from outcome to number."""

    def __init__(self, problem: Problem, seed: int):
        raise NotImplementedError

    def tell(self, points: list[dict], measured: list[dict]) -> None:
        """Adds experiments: first the starting points, then each answer to `ask`, in its order."""
        raise NotImplementedError

    def ask(self, count: int) -> list[dict]:
        """The next `count` experiments, chosen together: fits the model and optimises the acquisition function."""
        raise NotImplementedError
