"""example: a driver for Athanor. The device is simulated: put yours where self.celsius is."""

import math
import random
from typing import Annotated

from athanor import Instrument, Progress, Quantity, Work, capability, main, reading


class Example(Instrument):
    kind = "reactor"
    celsius = 20.0

    @capability(usual="1 s", lasts="duration", repeatable=True)
    def react(self, temperature: Annotated[float, Quantity("degC", 20, 150)],
              duration: Annotated[float, Quantity("s", 0, 3600)]) -> Work[Annotated[float, "yield", Quantity("%", 0, 100)]]:
        self.celsius = temperature
        for step in range(10):
            yield Progress(step / 10, f"at {self.celsius:.0f} degC")
            self.sleep(duration / 10)
        return 90 * math.exp(-((temperature - 85) / 30) ** 2) + random.uniform(0, 1)

    @reading
    def temperature(self) -> Annotated[float, Quantity("degC")]:
        return self.celsius

    def safe(self) -> None:
        self.celsius = 20.0


if __name__ == "__main__":
    main("example", Example("example-1"))
