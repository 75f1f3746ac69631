"""Ax: its Client with the default generation strategy ("fast": BoTorch's models and acquisition functions, chosen by Ax).

The starting points are attached as completed trials and are all of the initialisation (no centre point, no Sobol points
of Ax's own), so that Ax asks its model as early as the other planners do. The Client's constraints
are inequalities only, so that of a mixture the last part is left out: it is what the other parts leave over.
"""
import logging

import common
import numpy
import torch
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

torch.set_num_threads(common.THREADS)
logging.disable(logging.WARNING)


def number(value: float) -> str:
    """Ax's expressions know no exponents."""
    return numpy.format_float_positional(value, trim="0")


def weighted_sum(coefficients: dict) -> str:
    """"3.0*p0 - 1.0*p1" of {"p0": 3, "p1": -1}."""
    terms = [f"{'-' if c < 0 else '+'} {number(abs(c))}*{name}" for name, c in coefficients.items()]
    return " ".join(terms).removeprefix("+ ")


class Remainder:
    """The parameter that an equality decides: value = (bound − Σ others) / own coefficient."""

    def __init__(self, problem: common.Problem, equality: common.LinearConstraint):
        self.name = list(equality.coefficients)[-1]
        own = equality.coefficients[self.name]
        self.rates = {name: -c / own for name, c in equality.coefficients.items() if name != self.name}
        self.offset = equality.bound / own
        self.parameter = problem.parameters[problem.names.index(self.name)]
        if self.parameter.kind != "continuous":
            raise common.NotApplicable("an equality over parameters that are not continuous")

    def value(self, point: dict) -> float:
        exact = self.offset + sum(rate * point[name] for name, rate in self.rates.items())
        return min(max(exact, self.parameter.low), self.parameter.high)

    def bounds(self) -> list[common.LinearConstraint]:
        """low ≤ value ≤ high, over the other parameters."""
        return [
            common.LinearConstraint(self.rates, ">=", self.parameter.low - self.offset),
            common.LinearConstraint(self.rates, "<=", self.parameter.high - self.offset),
        ]

    def out_of(self, constraint: common.LinearConstraint) -> common.LinearConstraint:
        """The constraint with this parameter expressed by the others."""
        own = constraint.coefficients.get(self.name, 0.0)
        names = [name for name in {**self.rates, **constraint.coefficients} if name != self.name]
        coefficients = {n: constraint.coefficients.get(n, 0.0) + own * self.rates.get(n, 0.0) for n in names}
        return common.LinearConstraint(coefficients, constraint.sense, constraint.bound - own * self.offset)


class Peer(common.Peer):
    def __init__(self, problem: common.Problem, seed: int):
        if problem.pool is not None:
            raise common.NotApplicable("a pool of candidates")
        problem.refuse_logs_in_constraints()
        torch.manual_seed(seed)
        numpy.random.seed(seed)
        self._problem = problem
        self._remainder = self._decided_parameter()
        self._free = [one for one in problem.parameters if self._remainder is None or one.name != self._remainder.name]
        # Names that no expression can misread, such as E or yield.
        self._parameter_id = {one.name: f"p{i}" for i, one in enumerate(self._free)}
        self._outcome_id = {name: f"m{i}" for i, name in enumerate(problem.outcomes())}
        self._trials: list[int] = []
        self._client = Client()
        self._client.configure_experiment(
            parameters=[self._parameter(one) for one in self._free], parameter_constraints=self._linear_constraints()
        )
        self._client.configure_optimization(objective=self._objective(), outcome_constraints=self._outcome_constraints())
        self._client.configure_generation_strategy(initialization_budget=problem.initial, initialize_with_center=False)

    def tell(self, points, measured):
        if not self._trials:
            self._trials = [self._client.attach_trial(self._parameters_of(point)) for point in points]
        for trial, one in zip(self._trials, measured, strict=True):
            self._client.complete_trial(trial, {self._outcome_id[name]: one[name] for name in self._problem.outcomes()})
        self._trials = []

    def ask(self, count):
        points = []
        while len(points) < count:
            found = self._client.get_next_trials(count - len(points))
            if not found:
                raise RuntimeError("Ax suggests nothing more")
            self._trials += list(found)
            points += [self._point(parameters) for parameters in found.values()]
        return points

    def _parameters_of(self, point: dict) -> dict:
        """Ax tells 1 from 1.0."""
        types = {"continuous": float, "levels": float, "integer": int, "choices": str}
        return {self._parameter_id[one.name]: types[one.kind](point[one.name]) for one in self._free}

    def _point(self, parameters: dict) -> dict:
        point = {one.name: parameters[self._parameter_id[one.name]] for one in self._free}
        if self._remainder is not None:
            point[self._remainder.name] = self._remainder.value(point)
        return point

    def _decided_parameter(self) -> Remainder | None:
        equalities = [one for one in self._problem.constraints if one.sense == "="]
        if len(equalities) > 1:
            raise common.NotApplicable("more than one equality")
        return Remainder(self._problem, equalities[0]) if equalities else None

    def _parameter(self, one: common.Parameter):
        name = self._parameter_id[one.name]
        if one.kind == "choices":
            return ChoiceParameterConfig(name=name, values=list(one.choices), parameter_type="str", is_ordered=False)
        if one.kind == "levels":
            return ChoiceParameterConfig(name=name, values=[float(v) for v in one.allowed()], parameter_type="float", is_ordered=True)
        kind, scaling = ("int" if one.kind == "integer" else "float"), ("log" if one.log else None)
        return RangeParameterConfig(name=name, bounds=(one.low, one.high), parameter_type=kind, scaling=scaling)

    def _linear_constraints(self) -> list[str]:
        constraints = [one for one in self._problem.constraints if one.sense != "="]
        if self._remainder is not None:
            constraints = [self._remainder.out_of(one) for one in constraints] + self._remainder.bounds()
        return [
            weighted_sum({self._parameter_id[name]: c for name, c in one.coefficients.items() if c != 0})
            + f" {one.sense} {number(one.bound)}"
            for one in constraints
        ]

    def _objective(self) -> str:
        """"m0, -m1": a minus sign is for what is to be minimised."""
        return ", ".join(f"{'-' if one.sign < 0 else ''}{self._outcome_id[one.name]}" for one in self._problem.objectives)

    def _outcome_constraints(self) -> list[str]:
        """Bounds on outcomes; one on an objective is how the Client is told the reference of the hypervolume."""
        bounds = [(one.name, one.sense, one.bound) for one in self._problem.outcome_constraints]
        if len(self._problem.objectives) > 1:
            references = [one for one in self._problem.objectives if one.reference is not None]
            bounds += [(one.name, ">=" if one.sign > 0 else "<=", one.reference) for one in references]
        return [f"{self._outcome_id[name]} {sense} {number(bound)}" for name, sense, bound in bounds]
