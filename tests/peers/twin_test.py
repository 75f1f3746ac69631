"""Athanor's simulated devices on the wire (`athanor twin LAB --wire`) under clients that nobody here wrote: PyVISA with pyvisa-py
speaks SCPI and MT-SICS to them, pymodbus Modbus TCP and RTU.

Goal: they answer as devices of their kind do, and the world counts what they were told to do.
"""

import json
import re
import signal
import struct
import subprocess

import pyvisa
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from rig import PROGRAM, SOURCE, TIMEOUT_S, PeerTest, await_listener, free_port

LAB = SOURCE / "examples/wire/lab.yaml"


class TwinTest(PeerTest):
    def setUp(self):
        super().setUp()
        text = LAB.read_text().replace("../../", f"{SOURCE}/")
        self.ports = [free_port() for _ in range(5)]  # the dispenser, three reactors, the HPLC
        ports = iter(self.ports)
        text = re.sub(r"127\.0\.0\.1:47\d+", lambda _: f"127.0.0.1:{next(ports)}", text)
        # One reactor more, at a serial line, before those at sockets.
        first = text.index("  reactor-1:")
        serial = text[first : text.index("  reactor-2:")].replace("reactor-1", "reactor-0")
        serial = serial.replace(f"tcp://127.0.0.1:{self.ports[1]}", '"serial:./reactor.tty#7"')
        (self.folder / "lab.yaml").write_text(text[:first] + serial + text[first:])
        self.twin = self.start_twin("1000x")
        self.manager = pyvisa.ResourceManager("@py")

    def start_twin(self, speed):
        twin = self.start(PROGRAM, "twin", "lab.yaml", "--wire", "--speed", speed, "--folder", "twin", ready="driver ")
        self.addCleanup(self.kill, twin, signal.SIGTERM)  # so that it ends its processes, too
        return twin

    def visa(self, port, end):
        await_listener(port)
        resource = self.manager.open_resource(f"TCPIP::127.0.0.1::{port}::SOCKET", read_termination=end, write_termination="\n")
        resource.timeout = 1000 * TIMEOUT_S
        self.addCleanup(resource.close)
        return resource

    def begun(self):
        """Capability → how often the world saw it begin."""
        said = subprocess.run([PROGRAM, "twin", "lab.yaml", "--folder", "twin", "--actions"], cwd=self.folder, capture_output=True, text=True,
                              check=True, timeout=TIMEOUT_S)
        counts = {}
        for action in json.loads(said.stdout):
            counts[action["capability"]] = counts.get(action["capability"], 0) + action["begun"]
        return counts

    def dispense(self, job, reagent):
        """0.5 mL into vial-1, by the dispenser's MT-SICS."""
        dispenser = self.visa(self.ports[0], "\r\n")
        order = f'DISPENSE "{job}" "s1" "vial-1" "{reagent}" 0.5'
        self.assertEqual(dispenser.query(order), "DISPENSE B")
        while (state := dispenser.query("Q")).startswith(f'Q B "{job}"'):
            pass
        self.assertEqual(state, f'Q A "{job}"')
        return dispenser

    def test_mt_sics_and_scpi_under_pyvisa(self):
        self.dispense("j1", "substrates")
        dispenser = self.dispense("j2", "XPhos")
        self.assertEqual(dispenser.query("I4"), 'I4 A "dispenser-1"')
        self.assertEqual(dispenser.query("NONSENSE"), "ES")
        self.assertEqual(dispenser.query('DISPENSE "j0" "s1" "vial-1" "Gold" 0.5'), "DISPENSE L")
        self.assertEqual(dispenser.query("C"), "C A")

        hplc = self.visa(self.ports[4], "\n")
        self.assertEqual(hplc.query("*IDN?"), "Athanor,hplc,hplc-1,1")
        hplc.write("NONSENSE 1")
        self.assertEqual(hplc.query("SYST:ERR?"), '-113,"Undefined header; NONSENSE"')
        self.assertEqual(hplc.query("SYST:ERR?"), '0,"No error"')
        for line in ('CONF:SAMP "s1"', 'CONF:PLAC "vial-1"', 'INIT:MEASURE_HPLC "j3"'):
            hplc.write(line)
        self.assertTrue(hplc.query("STAT?").startswith(('RUN,"j3",', 'DONE,"j3"')))
        while (state := hplc.query("STAT?")).startswith("RUN"):
            pass
        self.assertEqual(state, 'DONE,"j3"')
        self.assertEqual(len(hplc.query_ascii_values("FETC:AREA_PERCENT?")), 1)
        self.assertEqual(hplc.query("*IDN?;SYST:ERR?"), 'Athanor,hplc,hplc-1,1;0,"No error"')
        self.assertEqual(self.begun(), {"dispense": 2, "measure_hplc": 1})

    def test_a_device_that_was_killed_forgets_its_job(self):
        """Goal: what a real device does when its power fails. Method: kill -9 in mid-command; the same questions, and the order, to the next one."""
        self.dispense("j1", "substrates")
        self.kill(self.twin, signal.SIGTERM)
        self.twin = self.start_twin("20x")
        order = ('CONF:SAMP "s1"', 'CONF:PLAC "vial-1"', 'INIT:MEASURE_HPLC "j2"')
        hplc = self.visa(self.ports[4], "\n")
        for line in order:
            hplc.write(line)
        self.assertTrue(hplc.query("STAT?").startswith('RUN,"j2",'))
        self.kill(self.twin, signal.SIGKILL)
        hplc.timeout = 1000
        with self.assertRaises((pyvisa.errors.VisaIOError, OSError)):  # a time-out, or the connection's reset as it is
            hplc.query("STAT?")
        self.twin = self.start_twin("1000x")
        hplc = self.visa(self.ports[4], "\n")
        self.assertEqual(hplc.query("STAT?"), "IDLE")
        self.assertEqual(self.begun(), {"dispense": 1, "measure_hplc": 1})  # it did nothing by itself
        for line in order:
            hplc.write(line)
        while (state := hplc.query("STAT?")).startswith("RUN"):
            pass
        self.assertEqual(state, 'DONE,"j2"')
        self.assertEqual(self.begun(), {"dispense": 1, "measure_hplc": 2})

    def test_modbus_tcp_under_pymodbus(self):
        await_listener(self.ports[1])
        self.heat(ModbusTcpClient("127.0.0.1", port=self.ports[1], timeout=TIMEOUT_S), unit=1)

    def test_modbus_rtu_under_pymodbus(self):
        await_listener(self.ports[1])  # of the same process, after its serial line
        self.heat(ModbusSerialClient(str(self.folder / "reactor.tty"), timeout=TIMEOUT_S), unit=7)

    def heat(self, reactor, unit):
        self.dispense("j1", "substrates")
        self.assertTrue(reactor.connect())
        self.addCleanup(reactor.close)

        def inputs(address, count):
            return reactor.read_input_registers(address, count=count, device_id=unit).registers

        def order(tag, duration_s):
            """The place, the tag, 80 degC for so long; and the order."""
            words = [1, 0, tag, *[0] * 6, *struct.unpack(">HHHH", struct.pack(">ff", 80, duration_s))]
            self.assertFalse(reactor.write_registers(1, words, device_id=unit).isError())
            self.assertFalse(reactor.write_register(0, 1, device_id=unit).isError())

        self.assertEqual(inputs(0, 1), [0])
        self.assertTrue(reactor.read_coils(0, count=1, device_id=unit).isError())
        order(41, 3600)  # longer than the laboratory allows
        self.assertEqual(inputs(0, 2), [3, 4])
        order(42, 600)
        while inputs(0, 1) == [1]:
            pass
        self.assertEqual(inputs(0, 1), [2])
        self.assertEqual(inputs(2, 4), [0, 1, 0, 42])  # one job so far, and its tag
        self.assertEqual(self.begun(), {"dispense": 1, "heat": 1})
