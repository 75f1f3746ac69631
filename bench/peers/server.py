"""The conversation with `bench_planner --serve`: it owns the problem, its noise and its score."""
import json
import subprocess


class BenchServer:
    """One problem, served by one process; a context manager that ends it."""

    def __init__(self, bench: str, problem: str):
        self._process = subprocess.Popen(
            [bench, "--problem", problem, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=10)

    def _ask(self, question: dict) -> dict:
        """throws RuntimeError with the server's own words where it answers with an error or not at all."""
        self._process.stdin.write(json.dumps(question) + "\n")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"bench_planner ended with status {self._process.wait()} when asked {question}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"bench_planner: {answer['error']}")
        return answer

    def describe(self) -> dict:
        return self._ask({"describe": True})

    def start(self, seed: int) -> list[dict]:
        """Forgets all measurements; the starting points of that seed, not yet measured."""
        return self._ask({"start": seed})["points"]

    def measure(self, points: list[dict]) -> tuple[list[dict], list[float]]:
        """The measured outcomes of each point, and the score (smaller is better) after each."""
        answer = self._ask({"measure": points})
        return answer["measured"], answer["scores"]
