"""Optuna: its GPSampler with the default settings. A batch is asked for trial by trial, the earlier ones still running.

The starting points are added as finished trials and count as the sampler's startup trials, whatever their number, so
that Optuna asks its model as early as the other planners do.
"""
import common
import optuna
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

torch.set_num_threads(common.THREADS)
optuna.logging.set_verbosity(optuna.logging.ERROR)


class Peer(common.Peer):
    def __init__(self, problem: common.Problem, seed: int):
        if problem.pool is not None:
            raise common.NotApplicable("a pool of candidates")
        if problem.constraints:
            raise common.NotApplicable("linear constraints on parameters")
        self._problem = problem
        self._distributions = {one.name: self._distribution(one) for one in problem.parameters}
        self._running: list[optuna.Trial] = []
        self._study = optuna.create_study(
            directions=[one.goal for one in problem.objectives],
            sampler=optuna.samplers.GPSampler(seed=seed, n_startup_trials=problem.initial),
        )

    def tell(self, points, measured):
        if not self._running:
            for point, one in zip(points, measured, strict=True):
                self._add(point, one)
            return
        for trial, one in zip(self._running, measured, strict=True):
            for name, value in self._violations(one).items():
                trial.set_constraint(name, value)
            self._study.tell(trial, self._values(one))
        self._running = []

    def ask(self, count):
        self._running = [self._study.ask(self._distributions) for _ in range(count)]
        return [self._point(trial.params) for trial in self._running]

    def _add(self, point: dict, measured: dict) -> None:
        parameters = {
            one.name: one.allowed().index(point[one.name]) if one.kind == "levels" else point[one.name]
            for one in self._problem.parameters
        }
        trial = create_trial(
            state=TrialState.COMPLETE,
            params=parameters,
            distributions=self._distributions,
            values=self._values(measured),
            constraints=self._violations(measured) or None,
        )
        self._study.add_trial(trial)

    def _point(self, parameters: dict) -> dict:
        return {
            one.name: one.allowed()[parameters[one.name]] if one.kind == "levels" else parameters[one.name]
            for one in self._problem.parameters
        }

    def _values(self, measured: dict) -> list[float]:
        return [measured[one.name] for one in self._problem.objectives]

    def _violations(self, measured: dict) -> dict:
        """Positive where a constraint is broken, which is Optuna's own sense."""
        return {
            f"constraint {i}": one.violation(measured[one.name])
            for i, one in enumerate(self._problem.outcome_constraints)
        }

    def _distribution(self, one: common.Parameter):
        """Levels are their positions in the list: Optuna's ordered grids are evenly spaced."""
        if one.kind == "choices":
            return CategoricalDistribution(one.choices)
        if one.kind == "levels":
            return IntDistribution(0, len(one.values) - 1)
        if one.kind == "integer":
            return IntDistribution(int(one.low), int(one.high), log=one.log)
        return FloatDistribution(one.low, one.high, log=one.log)
