"""BayBE: a Campaign with its default recommender, told the reference point of the hypervolume where there is one.

A pool becomes the search space itself. Parameters with a logarithmic scale are given as logarithms, which is what its
user guide has for them. Where choices and continuous parameters meet, BayBE optimises the continuous ones for every
combination of choices; beyond MOST_COMBINATIONS of them it is given its own remedy, a random sample for each question.
"""
import common
import pandas
import torch
from baybe import Campaign, Settings
from baybe.acquisition import qLogNEHVI
from baybe.constraints import ContinuousLinearConstraint
from baybe.objectives import ParetoObjective, SingleTargetObjective
from baybe.parameters import CategoricalParameter, NumericalContinuousParameter, NumericalDiscreteParameter
from baybe.recommenders import BotorchRecommender, TwoPhaseMetaRecommender
from baybe.searchspace import SearchSpace
from baybe.targets import NumericalTarget

MOST_COMBINATIONS = 64

torch.set_num_threads(common.THREADS)


class Peer(common.Peer):
    def __init__(self, problem: common.Problem, seed: int):
        if problem.outcome_constraints:
            raise common.NotApplicable("constraints on outcomes")
        problem.refuse_logs_in_constraints()
        Settings(random_seed=seed).activate()
        torch.manual_seed(seed)
        self._problem = problem
        pool = problem.pool is not None
        self._campaign = Campaign(
            searchspace=self._pool() if pool else self._product(),
            objective=self._objective(),
            recommender=TwoPhaseMetaRecommender(recommender=self._recommender()),
            # A row of a pool that is measured already has nothing more to give; BayBE refuses False elsewhere.
            **({"allow_recommending_already_measured": False} if pool else {}),
        )

    def tell(self, points, measured):
        rows = [self._encode(point) | {name: one[name] for name in self._problem.outcomes()} for point, one in zip(points, measured)]
        self._campaign.add_measurements(pandas.DataFrame(rows))

    def ask(self, count):
        found = self._campaign.recommend(batch_size=count)
        return [self._decode(row) for row in found.to_dict("records")]

    def _encode(self, point: dict) -> dict:
        return {one.name: point[one.name] if one.kind == "choices" else one.encode(point[one.name]) for one in self._problem.parameters}

    def _decode(self, row: dict) -> dict:
        return {one.name: row[one.name] if one.kind == "choices" else one.decode(row[one.name]) for one in self._problem.parameters}

    def _pool(self) -> SearchSpace:
        """The rows of the pool; a numerical parameter takes the values that occur in them."""
        table = pandas.DataFrame([self._encode(point) for point in self._problem.pool_points()])
        parameters = []
        for one in self._problem.parameters:
            values = sorted(table[one.name].unique())
            kind = CategoricalParameter if one.kind == "choices" else NumericalDiscreteParameter
            parameters.append(kind(one.name, [v if one.kind == "choices" else float(v) for v in values]))
        return SearchSpace.from_dataframe(table, parameters)

    def _product(self) -> SearchSpace:
        discrete = {one.name for one in self._problem.parameters if one.kind != "continuous"}
        if any(discrete & set(constraint.coefficients) for constraint in self._problem.constraints):
            raise common.NotApplicable("a linear constraint on a parameter that is not continuous")
        constraints = [
            ContinuousLinearConstraint(list(one.coefficients), one.sense, list(one.coefficients.values()), one.bound)
            for one in self._problem.constraints
        ]
        return SearchSpace.from_product([self._parameter(one) for one in self._problem.parameters], constraints or None)

    def _parameter(self, one: common.Parameter):
        if one.kind == "choices":
            return CategoricalParameter(one.name, one.choices)
        if one.kind == "continuous":
            return NumericalContinuousParameter(one.name, one.encoded_range())
        return NumericalDiscreteParameter(one.name, [one.encode(value) for value in one.allowed()])

    def _objective(self):
        targets = [NumericalTarget(one.name, minimize=one.sign < 0) for one in self._problem.objectives]
        return ParetoObjective(targets) if len(targets) > 1 else SingleTargetObjective(targets[0])

    def _recommender(self) -> BotorchRecommender:
        settings = {}
        objectives = self._problem.objectives
        if len(objectives) > 1 and all(one.reference is not None for one in objectives):
            # BayBE maximises: what is to be minimised it negates, and expects the reference to be negated, too.
            settings["acquisition_function"] = qLogNEHVI(reference_point=[one.sign * one.reference for one in objectives])
        combinations = self._combinations()
        if combinations > MOST_COMBINATIONS:
            settings |= {"hybrid_sampler": "Random", "sampling_percentage": MOST_COMBINATIONS / combinations}
        return BotorchRecommender(**settings)

    def _combinations(self) -> int:
        """Of the discrete parameters of a space that has continuous ones, too; 1 for any other space."""
        kinds = {one.kind for one in self._problem.parameters}
        combinations = 1
        if self._problem.pool is None and "continuous" in kinds:
            for one in self._problem.parameters:
                combinations *= len(one.allowed() or [None])
        return combinations
