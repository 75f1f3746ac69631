"""A Harvard Apparatus syringe pump of flowchem's, simulated by flowchem itself, behind flowchem's HTTP interface.

Its simulation pumps for ever; here an infusion ends when the test lets it go on. Where that says “stalled” the pump refuses to begin.
"""

import asyncio
import logging
import pathlib
import sys

import uvicorn
from flowchem.sim.__main__ import SimFlowchem
from flowchem.sim.devices.harvardapparatus.elite11_sim import PumpStatus, SimulatedHarvardApparatusPumpIO
from flowchem.utils.exceptions import DeviceError
from loguru import logger

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bench import Bench, options

CONFIGURATION = """
port = {port}
[device.pump]
type = "Elite11"
port = "SIM"
syringe_diameter = "14.567 mm"
syringe_volume = "10 ml"
"""


def count(bench):
    dispatch = SimulatedHarvardApparatusPumpIO._dispatch

    def counted(pump, command):
        word = bench.word()
        what = command.command.strip()
        if what in ("irun", "wrun") and word == "stalled":
            raise DeviceError("Command error")
        if what == "irun":
            bench.act(f"infuse {pump._sim_target_volume:g} ml at {pump._sim_flow_rate:g} ml/min")
        elif what in ("wrun", "stp"):
            bench.act(what)
        elif word == "on" and pump._sim_status is PumpStatus.INFUSING:
            pump._sim_status = PumpStatus.IDLE
        return dispatch(pump, command)

    SimulatedHarvardApparatusPumpIO._dispatch = counted


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("ready", flush=True)


async def main():
    given = options(__doc__)
    logger.remove()
    logging.disable(logging.CRITICAL)
    configuration = given.folder / "flowchem.toml"
    configuration.write_text(CONFIGURATION.format(port=given.port))
    flowchem = SimFlowchem()
    await flowchem.setup(configuration)
    count(Bench(given.folder))  # not the stop by which flowchem begins
    await Server(uvicorn.Config(flowchem.http.app, host="127.0.0.1", port=given.port, log_level="critical")).serve()


if __name__ == "__main__":
    asyncio.run(main())
