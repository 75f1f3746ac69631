"""Athanor's Modbus adapter and two of its shipped profiles against servers on pymodbus (TCP, and RTU at a pseudo-terminal) and
pyModbusTCP.

Goal: discover, command, progress, fault, kill in mid-command (either end), recover, and no action twice. Method: the servers count
what is written in a file, and reach their set points when the test lets them.
"""

import sys

from rig import SOURCE, PeerTest, free_port, results, wire

HERE = SOURCE / "tests/peers/modbus"
ANNEAL = {"temperature": (800, "degC"), "duration": (0, "min")}
FLOW = {"flow": (250, "mL/min")}


class Furnace(PeerTest):
    """On pymodbus, over TCP."""

    def start_server(self):
        self.port = getattr(self, "port", None) or free_port()
        self.at = f"tcp://127.0.0.1:{self.port}"
        return self.start(sys.executable, HERE / "furnace.py", self.folder, self.port, ready="ready")

    def start_furnace(self):
        return self.start_driver(SOURCE / "profiles/furnace.yaml", "--at", self.at)

    def test_described_tested_and_read(self):
        self.start_server()
        _, controller = self.start_furnace()
        anneal = controller.capability("anneal")
        self.assertEqual([(field.name, field.unit) for field in anneal.parameters],
                         [("temperature", "degC"), ("duration", "min"), ("ramp", "K/min")])
        controller.command("c1", "self_test")
        self.assertTrue(controller.outcome("c1").done)
        self.assertEqual(controller.reading("temperature").number, 21)
        self.assertEqual(self.actions(), [])

    def test_annealing_with_its_progress(self):
        self.start_server()
        _, controller = self.start_furnace()
        controller.command("c1", "anneal", **ANNEAL, ramp=(5, "K/min"))
        self.assertIn("temperature_now 21 degC", controller.progress("c1").note)
        controller.command("c1", "anneal", **ANNEAL, ramp=(5, "K/min"))  # doubled on its way
        self.go()
        self.assertEqual(results(controller.outcome("c1")), {"final_temperature": 800})
        self.assertEqual(self.actions(), ["ramp 0", "ramp 50", "target 800", "ramp 0", "target 0"])

    def test_an_exception_is_a_fault_with_its_number(self):
        self.start_server()
        _, controller = self.start_furnace()
        controller.command("c1", "anneal", temperature=(1050, "degC"), duration=(0, "min"))
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.DEVICE, False))
        self.assertIn("the register “target” of the device at", outcome.message)
        self.assertIn("it answered exception 3 (Illegal data value)", outcome.message)
        self.assertEqual(self.actions(), ["ramp 0", "ramp 0", "target 0"])

    def test_the_driver_is_killed(self):
        self.start_server()
        driver, controller = self.start_furnace()
        controller.command("c1", "anneal", **ANNEAL)
        controller.progress("c1")
        self.kill(driver)
        _, controller = self.start_furnace()
        # Registers remember no command: nobody knows, it is not done again, and the furnace does not stay hot.
        self.assertEqual(controller.standing("c1").standing, wire.CommandState.INTERRUPTED)
        controller.make_safe()
        controller.command("c2", "self_test")
        self.assertTrue(controller.outcome("c2").done)
        self.assertEqual(self.actions().count("target 800"), 1)
        self.assertEqual(self.actions()[-1], "target 0")

    def test_the_device_is_killed(self):
        self.kill_in_mid_command(self.start_server, self.start_furnace, "anneal", ANNEAL)
        self.assertEqual(self.actions().count("target 800"), 2)  # once each


class SerialFurnace(Furnace):
    """The same in RTU, at a pseudo-terminal."""

    def start_server(self):
        server = self.start(sys.executable, HERE / "furnace.py", self.folder, 0, "--rtu", ready="ready")
        # A device that was switched off and on is at the same line: so a name that stays.
        line = self.folder / "line"
        line.unlink(missing_ok=True)
        line.symlink_to(server.ready.split()[1])
        self.at = f"serial:{line}"
        return server


class TwoFurnaces(PeerTest):
    """At one serial line, and at one address."""

    def anneal_both(self, line):
        (self.folder / "lab.yaml").write_text(f"""lab: heat
drivers: {{heat: {{endpoint: "ipc://{self.folder}/driver.sock"}}}}
instruments:
  first: {{driver: heat, profile: {SOURCE}/profiles/furnace.yaml, at: "{line}#1"}}
  second: {{driver: heat, profile: {SOURCE}/profiles/furnace.yaml, at: "{line}#2"}}
""")
        _, controller = self.start_driver(self.folder / "lab.yaml")
        for instrument, temperature in (("first", 300), ("second", 700)):
            controller.command(instrument, "anneal", instrument=instrument, temperature=(temperature, "degC"), duration=(0, "min"))
        for instrument in ("first", "second"):
            controller.progress(instrument)
        self.go()
        for instrument, temperature in (("first", 300), ("second", 700)):
            self.assertEqual(results(controller.outcome(instrument)), {"final_temperature": temperature})
        for unit, temperature in ((1, 300), (2, 700)):
            self.assertEqual([what for what in self.actions() if what.startswith(f"{unit}:")],
                             [f"{unit}: ramp 0", f"{unit}: target {temperature}", f"{unit}: ramp 0", f"{unit}: target 0"])

    def test_over_rtu(self):
        server = self.start(sys.executable, HERE / "furnace.py", self.folder, 0, "--rtu", "--two", ready="ready")
        self.anneal_both("serial:" + server.ready.split()[1])

    def test_over_tcp(self):
        port = free_port()
        self.start(sys.executable, HERE / "furnace.py", self.folder, port, "--two", ready="ready")
        self.anneal_both(f"tcp://127.0.0.1:{port}")


class MassFlowController(PeerTest):
    """On pyModbusTCP."""

    def setUp(self):
        super().setUp()
        self.port = free_port()

    def start_server(self):
        return self.start(sys.executable, HERE / "flow.py", self.folder, self.port, ready="ready")

    def start_controller(self):
        return self.start_driver(SOURCE / "profiles/mass_flow_controller.yaml", "--at", f"tcp://127.0.0.1:{self.port}")

    def test_described_tested_and_read(self):
        self.start_server()
        _, controller = self.start_controller()
        self.assertEqual({capability.name for capability in controller.welcome.instruments[0].capabilities},
                         {"set_flow", "purge", "self_test"})
        controller.command("c1", "self_test")
        self.assertTrue(controller.outcome("c1").done)
        pressure = controller.reading("pressure")
        self.assertEqual(pressure.unit, "psi")
        self.assertAlmostEqual(pressure.number, 14.7, places=5)  # a float of 32 bits

    def test_a_flow_with_its_progress(self):
        self.start_server()
        _, controller = self.start_controller()
        controller.command("c1", "set_flow", flow=(0.25, "L/min"))
        self.assertIn("flow_reached 0 mL/min", controller.progress("c1").note)
        controller.command("c1", "set_flow", flow=(0.25, "L/min"))  # doubled on its way
        self.go()
        self.assertEqual(results(controller.outcome("c1")), {"flow_reached": 250})
        self.assertEqual(self.actions(), ["flow 250"])

    def test_a_fault_that_the_device_shows(self):
        self.start_server()
        self.go("clogged")
        _, controller = self.start_controller()
        controller.command("c1", "self_test")
        outcome = controller.outcome("c1")
        self.assertEqual(outcome.fault, wire.DEVICE)
        self.assertIn("adc_fault 1 is not what was expected (is 0); the device answered “{\"status\":512}”", outcome.message)

    def test_the_driver_is_killed(self):
        self.start_server()
        driver, controller = self.start_controller()
        controller.command("c1", "set_flow", **FLOW)
        controller.progress("c1")
        self.kill(driver)
        _, controller = self.start_controller()
        self.assertEqual(controller.standing("c1").standing, wire.CommandState.INTERRUPTED)
        controller.make_safe()
        self.assertEqual(self.actions().count("flow 250"), 1)
        self.assertEqual(self.actions()[-1], "flow 0")

    def test_a_device_that_was_restarted_while_idle_is_connected_anew(self):
        self.go()
        server = self.start_server()
        _, controller = self.start_controller()
        controller.command("c1", "set_flow", **FLOW)
        self.assertTrue(controller.outcome("c1").done)
        self.kill(server)
        self.start_server()
        controller.command("c2", "set_flow", **FLOW)
        self.assertTrue((outcome := controller.outcome("c2")).done, outcome.message)
        self.assertEqual(self.actions(), ["flow 250", "flow 250"])  # once each

    def test_the_device_is_killed(self):
        self.kill_in_mid_command(self.start_server, self.start_controller, "set_flow", FLOW)
        self.assertEqual(self.actions().count("flow 250"), 2)  # once each
