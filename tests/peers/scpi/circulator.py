"""A Julabo FP50 circulator of lewis's: lines of text over TCP. It approaches its set point when the test lets it.

A set point beyond its limits it passes over in silence.
"""

import pathlib
import sys

from lewis.adapters.stream import StreamAdapter
from lewis.devices.julabo.devices.device import SimulatedJulabo
from lewis.devices.julabo.devices.states import DefaultCirculatingState
from lewis.scripts.run import run_simulation

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bench import Bench, options


def main():
    given = options(__doc__)
    bench = Bench(given.folder)
    set_point, circulate = SimulatedJulabo.set_set_point, SimulatedJulabo.set_circulating
    approach, start = DefaultCirculatingState.in_state, StreamAdapter.start_server

    def counted_set_point(device, value):
        bench.act(f"set point {value:g}")
        return set_point(device, value)

    def counted_circulate(device, value):
        bench.act(f"circulate {value}")
        return circulate(device, value)

    def in_state(state, dt):
        state._context.heating_power = 0.0 if bench.word() is None else 60_000.0  # K/min
        approach(state, dt)

    async def started(adapter):
        await start(adapter)
        print("ready", flush=True)

    SimulatedJulabo.set_set_point, SimulatedJulabo.set_circulating = counted_set_point, counted_circulate
    DefaultCirculatingState.in_state, StreamAdapter.start_server = in_state, started
    run_simulation(["julabo", "-o", "none", "-c", "0.02", "-p", f"julabo-version-1: {{bind_address: 127.0.0.1, port: {given.port}}}"])


if __name__ == "__main__":
    main()
