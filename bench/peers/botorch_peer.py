"""BoTorch: the parts that its documentation recommends, put together as Ax puts them together.

Model: SingleTaskGP with its defaults (RBF kernel, LogNormal lengthscale prior that grows with the dimension), or
MixedSingleTaskGP where there are choices; one model an outcome. Outcomes are standardised before anything else, because
the smoothing constants of the acquisition functions are meant for that scale. Acquisition: qLogNoisyExpectedImprovement
or qLogNoisyExpectedHypervolumeImprovement, optimised one point of a batch after the other.
"""
import common
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import WeightedMCMultiOutputObjective
from botorch.acquisition.objective import LinearMCObjective
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP, ModelListGP, SingleTaskGP
from botorch.models.transforms import Normalize, Standardize
from botorch.optim import optimize_acqf, optimize_acqf_discrete
from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
from botorch.sampling import SobolQMCNormalSampler
from gpytorch.mlls import ExactMarginalLogLikelihood, SumMarginalLogLikelihood

RESTARTS, RAW_SAMPLES = 10, 512  # as in BoTorch's tutorials
SAMPLES = 128                    # of the posterior; for both acquisition functions

torch.set_num_threads(common.THREADS)
torch.set_default_dtype(torch.double)


class Peer(common.Peer):
    def __init__(self, problem: common.Problem, seed: int):
        problem.refuse_logs_in_constraints()
        torch.manual_seed(seed)
        self._problem = problem
        self._parameters = problem.parameters
        self._bounds = torch.tensor([one.encoded_range() for one in self._parameters]).T
        self._categorical = [i for i, one in enumerate(self._parameters) if one.kind == "choices"]
        self._x, self._y = [], []
        if problem.pool is not None:
            self._pool = problem.pool_points()
            self._encoded_pool = [tuple(self._encode(point)) for point in self._pool]

    def tell(self, points, measured):
        self._x += [self._encode(point) for point in points]
        self._y += [[one[name] for name in self._problem.outcomes()] for one in measured]

    def ask(self, count):
        x, y = torch.tensor(self._x), torch.tensor(self._y)
        mean, sd = y.mean(dim=0), y.std(dim=0).clamp_min(1e-12)
        model = self._fitted(x, (y - mean) / sd)
        acquisition = self._acquisition(model, x, mean, sd)
        if self._problem.pool is not None:
            return self._best_of_pool(acquisition, count)
        found = self._optimised(acquisition, count)
        return [self._decode(row) for row in found.tolist()]

    def _encode(self, point: dict) -> list[float]:
        return [one.encode(point[one.name]) for one in self._parameters]

    def _decode(self, row: list[float]) -> dict:
        return {one.name: one.decode(number) for one, number in zip(self._parameters, row)}

    def _fitted(self, x: torch.Tensor, y: torch.Tensor):
        """One Gaussian process a column of y, hyperparameters by maximum a posteriori."""
        models = [self._one_model(x, y[:, [k]]) for k in range(y.shape[1])]
        if len(models) == 1:
            fit_gpytorch_mll(ExactMarginalLogLikelihood(models[0].likelihood, models[0]))
            return models[0]
        together = ModelListGP(*models)
        fit_gpytorch_mll(SumMarginalLogLikelihood(together.likelihood, together))
        return together

    def _one_model(self, x: torch.Tensor, y: torch.Tensor):
        d = x.shape[1]
        ordinal = [i for i in range(d) if i not in self._categorical]
        normalize = Normalize(d, indices=ordinal, bounds=self._bounds) if ordinal else None
        transforms = {"input_transform": normalize, "outcome_transform": Standardize(1)}
        if self._categorical:
            return MixedSingleTaskGP(x, y, cat_dims=self._categorical, **transforms)
        return SingleTaskGP(x, y, **transforms)

    def _acquisition(self, model, x: torch.Tensor, mean: torch.Tensor, sd: torch.Tensor):
        """mean, sd: of the outcomes before they were standardised, to carry bounds and references over."""
        objectives, outcomes = self._problem.objectives, self._problem.outcomes()
        sampler = SobolQMCNormalSampler(torch.Size([SAMPLES]), seed=int(torch.randint(2**31, (1,))))
        shared = {"sampler": sampler, "constraints": self._outcome_constraints(mean, sd), "prune_baseline": True}
        if len(objectives) == 1:
            weights = torch.zeros(len(outcomes))
            weights[0] = objectives[0].sign
            return qLogNoisyExpectedImprovement(model, x, objective=LinearMCObjective(weights), **shared)
        k = len(objectives)
        signs = torch.tensor([one.sign for one in objectives])
        reference = torch.tensor([one.reference for one in objectives])
        return qLogNoisyExpectedHypervolumeImprovement(
            model,
            ref_point=signs * (reference - mean[:k]) / sd[:k],
            X_baseline=x,
            objective=WeightedMCMultiOutputObjective(signs, outcomes=list(range(k))),
            **shared,
        )

    def _outcome_constraints(self, mean: torch.Tensor, sd: torch.Tensor):
        """Callables on posterior samples, negative where the constraint holds, in standard deviations."""

        def violation(constraint: common.OutcomeConstraint):
            k = self._problem.outcomes().index(constraint.name)
            return lambda samples: constraint.violation(samples[..., k] * sd[k] + mean[k]) / sd[k]

        return [violation(one) for one in self._problem.outcome_constraints] or None

    def _best_of_pool(self, acquisition, count: int) -> list[dict]:
        """Rows that have not been measured, each once."""
        done = {tuple(row) for row in self._x}
        open_rows = [row for row, encoded in enumerate(self._encoded_pool) if encoded not in done]
        choices = torch.tensor([self._encoded_pool[row] for row in open_rows])
        found, _ = optimize_acqf_discrete(acquisition, q=count, choices=choices)
        row_of = {self._encoded_pool[row]: row for row in open_rows}
        return [self._pool[row_of[tuple(one)]] for one in found.tolist()]

    def _optimised(self, acquisition, count: int) -> torch.Tensor:
        inequalities, equalities = self._linear_constraints()
        shared = {
            "bounds": self._bounds, "q": count, "num_restarts": RESTARTS, "raw_samples": RAW_SAMPLES, "sequential": True,
            "inequality_constraints": inequalities or None, "equality_constraints": equalities or None,
        }
        discrete = {i: one.allowed() for i, one in enumerate(self._parameters) if one.kind != "continuous"}
        if not discrete:
            return optimize_acqf(acquisition, **shared)[0]
        encoded = {i: [self._parameters[i].encode(value) for value in values] for i, values in discrete.items()}
        categorical = {i: encoded.pop(i) for i in self._categorical}
        return optimize_acqf_mixed_alternating(acquisition, discrete_dims=encoded, cat_dims=categorical, **shared)[0]

    def _linear_constraints(self) -> tuple[list, list]:
        """(inequalities, equalities) as (indices, coefficients, bound); BoTorch's inequalities are all Σ c·x ≥ bound."""
        inequalities, equalities = [], []
        for one in self._problem.constraints:
            sign = -1.0 if one.sense == "<=" else 1.0
            indices = torch.tensor([self._problem.names.index(name) for name in one.coefficients])
            coefficients = torch.tensor([sign * float(c) for c in one.coefficients.values()])
            (equalities if one.sense == "=" else inequalities).append((indices, coefficients, sign * one.bound))
        return inequalities, equalities
