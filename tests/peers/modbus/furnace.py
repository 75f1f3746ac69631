"""A furnace with a Eurotherm controller on pymodbus, over TCP or, at a pseudo-terminal, in RTU: profiles/furnace.yaml speaks to it.

It is at its target when the test lets it go on. More than 1000 degC it takes for an illegal value. With --two there are two of them at
the line, as units 1 and 2, and what they do begins with their number.
"""

import asyncio
import os
import pathlib
import sys
import threading

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bench import Bench, options

PROCESS_VALUE, TARGET, RAMP = 1, 2, 35
NAMES = {TARGET: "target", RAMP: "ramp"}


def null_modem():
    """Two pseudo-terminals, each of which hears what is said at the other: their names."""
    ends = [os.openpty() for _ in range(2)]

    def carry(source, target):
        while True:
            os.write(target, os.read(source, 4096))

    masters = [master for master, _ in ends]
    for source, target in (masters, reversed(masters)):
        threading.Thread(target=carry, args=(source, target), daemon=True).start()
    for _, terminal in ends:
        os.set_blocking(terminal, True)
    return [os.ttyname(terminal) for _, terminal in ends]


async def main():
    given = options(__doc__, ("--rtu", "at a pseudo-terminal, whose name it says"), ("--two", "two furnaces"))
    bench = Bench(given.folder)

    def furnace(unit):
        async def on_access(function, start, address, count, registers, values):
            if values is not None:
                for place, value in enumerate(values, address):
                    if place == TARGET and value > 1000:
                        return ExcCodes.ILLEGAL_VALUE
                    bench.act(f"{f'{unit}: ' if given.two else ''}{NAMES.get(place, place)} {value}")
            elif bench.word() is not None:
                registers[PROCESS_VALUE - start] = registers[TARGET - start]
            return None

        return SimDevice(id=unit, simdata=[SimData(0, values=[0, 21] + [0] * 98, datatype=DataType.REGISTERS)], action=on_access)

    device = [furnace(unit) for unit in ((1, 2) if given.two else (1,))]
    if given.rtu:
        here, there = null_modem()
        server = ModbusSerialServer(device, port=here, baudrate=9600)
        await server.serve_forever(background=True)
        print("ready", there, flush=True)
    else:
        server = ModbusTcpServer(device, address=("127.0.0.1", given.port))
        await server.serve_forever(background=True)
        print("ready", flush=True)
    await asyncio.Event().wait()  # until the test kills it


if __name__ == "__main__":
    asyncio.run(main())
