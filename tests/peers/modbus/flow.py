"""A mass-flow controller of Alicat's on pyModbusTCP: profiles/mass_flow_controller.yaml speaks to it.

The flow is what it was set to when the test lets it go on, and stays at 0 where it says “clogged”; then bit 9 of the status is set.
"""

import pathlib
import struct
import sys

from pyModbusTCP.server import DataBank, ModbusServer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bench import Bench, options

SETPOINT, STATUS, PRESSURE, TEMPERATURE, FLOW = 1009, 1200, 1202, 1204, 1208


def words(number, form=">f"):
    return list(struct.unpack(">HH", struct.pack(form, number)))


class Registers(DataBank):
    def __init__(self, bench):
        super().__init__()
        self.bench = bench
        super().set_holding_registers(PRESSURE, words(14.7))
        super().set_holding_registers(TEMPERATURE, words(22.5))

    def set_holding_registers(self, address, word_list, srv_info=None):
        if srv_info is not None and address == SETPOINT:
            self.bench.act(f"flow {struct.unpack('>f', struct.pack('>HH', *word_list))[0]:g}")
        return super().set_holding_registers(address, word_list, srv_info)

    def get_holding_registers(self, address, number=1, srv_info=None):
        clogged = self.bench.word() == "clogged"
        super().set_holding_registers(STATUS, words(1 << 9 if clogged else 0, ">I"))
        if self.bench.word() == "on":
            super().set_holding_registers(FLOW, super().get_holding_registers(SETPOINT, 2))
        return super().get_holding_registers(address, number, srv_info)


def main():
    given = options(__doc__)
    server = ModbusServer("127.0.0.1", given.port, no_block=True, data_bank=Registers(Bench(given.folder)))
    server.start()
    print("ready", flush=True)
    sys.stdin.read()  # until the test ends or kills it


if __name__ == "__main__":
    main()
