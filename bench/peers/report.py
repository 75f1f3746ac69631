"""The table of Athanor and its peers, from paired runs: the same problem, seed, starting points and budget."""
import math
import statistics
from pathlib import Path

import common
import records
from scipy.stats import wilcoxon

# Scores below these count as these: nobody's experiment tells them apart.
FLOORS = {"regret": 1e-6, "hypervolume gap": 1e-3, "top 5 % missed": 1e-2}
TIMED_THREADS = 2  # runs with another number tell how good a peer is, not how fast
BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"

EXPLANATION = (
    "Each cell: median / mean of the final score (smaller is better; see `bench/peers/README.md`), then the median "
    "seconds of one question (of a peer: clock or processor time, whichever is less, of its runs with two threads), in parentheses the number of "
    "its runs that the time limit or an error cut short. Every planner is measured from the same starting points, and "
    "only on the seeds at which it and Athanor have both run; a run that was cut short is compared at the experiment "
    "that it reached. The best peer is the one whose mean stands lowest beside Athanor's on the seeds that they "
    "share; p is the one-sided Wilcoxon signed-rank test of Athanor's scores being larger than that peer's on those "
    f"seeds (small p: Athanor is worse). Score ratio: Athanor's mean score ÷ the best peer's, both at least "
    f"{FLOORS['regret']:g} (regret), {FLOORS['hypervolume gap']:g} (share of the hypervolume) or "
    f"{FLOORS['top 5 % missed']:g} (share of the best rows); speed: BoTorch's seconds a question ÷ Athanor's. The last line is the geometric mean of these ratios over "
    "all problems."
)


class Pairs:
    """One peer beside Athanor on one problem, seed by seed."""

    def __init__(self, runs: list[dict], athanor: dict[int, dict], floor: float):
        self.floor = floor
        runs = [run for run in runs if run.get("scores") and run["seed"] in athanor]
        # Whichever is less, so that whatever else kept the machine busy does not count against the peer.
        timed = [run for run in runs if run["threads"] == TIMED_THREADS]
        self.seconds = [min(pair) for run in timed for pair in zip(run["seconds"], run["cpu_seconds"])]
        self.stopped = sum(1 for run in runs if "stopped" in run or "failed" in run)
        reached = [(run["scores"], athanor[run["seed"]]["scores"]) for run in runs]
        self.scores = [mine[-1] for mine, _ in reached]
        self.athanor = [theirs[min(len(mine), len(theirs)) - 1] for mine, theirs in reached]

    def __len__(self):
        return len(self.scores)

    @property
    def ratio(self) -> float:
        """Athanor's mean score over the peer's: above 1 where Athanor is worse."""
        return max(statistics.mean(self.athanor), self.floor) / max(statistics.mean(self.scores), self.floor)

    @property
    def p(self) -> float:
        if len(self) < 5 or all(a == b for a, b in zip(self.athanor, self.scores)):
            return math.nan
        return wilcoxon(self.athanor, self.scores, alternative="greater").pvalue


def cell(scores: list[float], seconds: list[float], stopped: int = 0) -> str:
    cut = f" ({stopped})" if stopped else ""
    time = f"{statistics.median(seconds):.2g} s" if seconds else "–"
    return f"{statistics.median(scores):.3g} / {statistics.mean(scores):.3g}, {time}{cut}"


def row(problem: common.Problem, athanor: dict[int, dict], planners: list[str]) -> tuple[list[str], float | None, float | None]:
    """The cells of one problem, and the two ratios where any peer has run on it."""
    pairs = {planner: Pairs(records.current(problem, planner), athanor, FLOORS[problem.score]) for planner in planners}
    pairs = {planner: one for planner, one in pairs.items() if len(one)}
    seconds = [second for run in athanor.values() for second in run["seconds"]]
    own = cell([run["scores"][-1] for run in athanor.values()], seconds)
    cells = [problem.name, f"{problem.evaluations} × {problem.batch}", own]
    cells += [cell(pairs[p].scores, pairs[p].seconds, pairs[p].stopped) if p in pairs else absence(problem, p) for p in planners]
    if not pairs:
        return cells + ["–"] * 5, None, None
    best = max(pairs, key=lambda planner: pairs[planner].ratio)
    chosen = pairs[best]
    reference = pairs.get("botorch")
    timed = reference and reference.seconds and seconds
    speed = statistics.median(reference.seconds) / statistics.median(seconds) if timed else None
    significance = "–" if math.isnan(chosen.p) else f"{chosen.p:.2g}"
    cells += [best, str(len(chosen)), f"{chosen.ratio:.2g}", significance, f"{speed:.0f} ×" if speed else "–"]
    return cells, chosen.ratio, speed


def absence(problem: common.Problem, planner: str) -> str:
    applies = not any("not_applicable" in one for one in records.current(problem, planner))
    return "not measured yet" if applies else "not applicable"


def geometric_mean(values: list[float]) -> str:
    return f"{statistics.geometric_mean(values):.2g}" if values else "–"


def table(problems: list[common.Problem], athanor: dict[str, dict[int, dict]], planners: list[str]) -> str:
    """athanor: its runs by problem and seed, measured together with the peers' or just now."""
    versions = [f"{planner} {common.version_of(planner)}" for planner in planners]
    heads = ["problem", "experiments × batch", "Athanor", *versions, "best peer", "pairs", "score ratio", "p", "speed"]
    lines = [heads, ["---"] * len(heads)]
    ratios, speeds = [], []
    for problem in problems:
        if not athanor.get(problem.name):
            continue
        cells, ratio, speed = row(problem, athanor[problem.name], planners)
        lines.append(cells)
        ratios += [ratio] if ratio else []
        speeds += [speed] if speed else []
    last = [f"all {len(ratios)}"] + [""] * (len(heads) - 4) + [geometric_mean(ratios), "", f"{geometric_mean(speeds)} ×"]
    lines.append(last)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n" + EXPLANATION + "\n"


def write_into(document: Path, text: str) -> None:
    """Replaces what stands between the two markers of the document."""
    whole = document.read_text()
    if BEGIN not in whole or END not in whole:
        raise SystemExit(f"{document} has no lines {BEGIN} and {END} to write the table between")
    head, rest = whole.split(BEGIN, 1)
    document.write_text(head + BEGIN + "\n" + text + END + rest.split(END, 1)[1])
