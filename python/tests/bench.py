"""The driver that the tests drive: its one device does what it is told, badly if need be, and writes down what happened.

In the folder BENCH: `happened` has a line for each thing that physically happened; the files `release` (what hangs goes on),
`broken` (it cannot be made safe) and `recalls` (what it remembers after a restart) are the tests' levers.
"""

import contextlib
import os
import pathlib
import time
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import athanor
from athanor import Instrument, Progress, Quantity, Work, capability, main, reading

FOLDER = pathlib.Path(os.environ["BENCH"])
Duration = Annotated[float, Quantity("s", 0, 36000)]


def note(line: str) -> None:
    with contextlib.suppress(OSError):  # a full disk is the ledger's trouble, not the device's
        with open(FOLDER / "happened", "a", encoding="utf-8") as file:
            file.write(line + "\n")


def lever(name: str) -> bool:
    return (FOLDER / name).exists()


class Dispensed(NamedTuple):
    temperature: Annotated[float, Quantity("degC")]
    volume: Annotated[float, Quantity("uL", 0, saturates_high=900, flat_after=5)]
    reagent: str
    remark: str | None


class Bench(Instrument):
    """Everything that a handler may do."""

    def _begun(self) -> None:
        note(f"begin {self.command.id}")

    @capability(usual="1 s", repeatable=True, uses={"reagent": "volume"})
    def dispense(self, reagent: Literal["XPhos", "SPhos"], volume: Annotated[float, Quantity("uL", 10, 1000)],
                 temperature: Annotated[float, Quantity("degC", -20, 80)],
                 speed: Annotated[float, Quantity("rpm", levels=(100, 200, 400))] = 200, remark: str | None = None) -> Dispensed:
        self._begun()
        note(f"speed {speed:g} sample {self.command.sample} place {self.command.place}")
        return Dispensed(temperature, volume, reagent, remark)

    @capability(usual="2 s", lasts="duration")
    def wait(self, duration: Duration) -> None:
        self._begun()
        try:
            self.sleep(duration)
        finally:
            note(f"tidied {self.command.id}")

    @capability(lasts="duration", repeatable=True)
    def step(self, duration: Duration) -> Work[Annotated[float, "steps", Quantity()]]:
        self._begun()
        for step in range(4):
            yield Progress(step / 4, f"step {step}")
            time.sleep(duration / 4)
        return 4

    @capability()
    def poll(self) -> None:
        self._begun()
        while not self.interrupted:
            time.sleep(0.01)

    @capability()
    def hang(self) -> Annotated[str, "said"]:
        self._begun()
        while not lever("release") and not lever(f"release-{self.id}"):
            time.sleep(0.01)
        return "done all the same"

    @capability(deadline="200 ms")
    def overrun(self) -> None:
        self._begun()
        self.sleep(36000)

    @capability()
    def fail(self, how: str) -> Annotated[float, "number", Quantity()]:
        faults: dict[str, Callable[[str], athanor.Fault]] = {
            "DEVICE": athanor.DeviceFault, "SAMPLE": athanor.SampleFault, "STOCK": athanor.StockFault, "LINK": athanor.LinkFault}
        if how in faults:
            raise faults[how](f"the {how} is at fault")
        if how == "off":
            raise athanor.DeviceFault("it is switched off", not_begun=True)
        if how == "exit":
            raise SystemExit(7)
        return "one" if how == "kind" else 1 / 0  # type: ignore[return-value]

    @capability()
    def chatter(self, times: Annotated[float, Quantity("", 0, 1e6)]) -> Work[Annotated[float, "times", Quantity()]]:
        self._begun()
        for time_ in range(int(times)):
            yield Progress(time_ / times, str(time_))
        return times

    @capability()
    def recite(self) -> Annotated[str, "verse"]:
        return "x" * ((1 << 20) - 100)

    @capability(risk="hazardous")
    def burn(self, temperature: Annotated[float, Quantity("degC", 0, 2000)] = 1000) -> None:
        self._begun()

    @capability(self_test=True)
    def look(self) -> None:
        self._begun()

    @reading
    def pressure(self) -> Annotated[float, Quantity("bar")]:
        return 1.25

    def safe(self) -> None:
        note("safe")
        if lever("broken"):
            raise OSError("the valve is stuck")

    def recall(self, command: athanor.Command) -> athanor.Recollection:
        remembers = (FOLDER / "recalls").read_text() if lever("recalls") else ""
        if remembers == "running":
            return athanor.StillRunning(lambda: self.hang())
        if remembers == "ended":
            return athanor.Ended("it was done meanwhile", took_s=12)
        if remembers == "fault":
            return athanor.Ended(athanor.SampleFault("it clogged meanwhile"))
        return athanor.NEVER_STARTED if remembers == "never" else athanor.CANNOT_TELL


if __name__ == "__main__":
    main("bench", Bench("a"), Bench("b"))
