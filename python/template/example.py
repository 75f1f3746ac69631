"""example: a driver for Athanor. The device is simulated: put yours where self.level is."""

import math
import random
from typing import Annotated

from athanor import Instrument, Progress, Quantity, Work, capability, main, reading


class Example(Instrument):
    level = 0.0  # in %: how hard the device works

    @capability(usual="1 s", lasts="duration", repeatable=True)
    def measure(self, level: Annotated[float, Quantity("%", 0, 100)],
                duration: Annotated[float, Quantity("s", 0, 3600)]) -> Work[Annotated[float, "signal", Quantity("mV", 0, 100)]]:
        self.level = level
        try:
            for step in range(10):
                yield Progress(step / 10, f"at {self.level:.0f} %")
                self.sleep(duration / 10)
            return 90 * math.exp(-((self.level - 60) / 25) ** 2) + random.uniform(0, 1)
        finally:
            self.safe()

    @reading
    def working_at(self) -> Annotated[float, Quantity("%")]:
        return self.level

    def safe(self) -> None:
        self.level = 0.0


if __name__ == "__main__":
    main("example", Example("example-1"))
