"""Athanor's text and SCPI adapters against gepace's pressure controller and lewis's circulator.

Goal: discover, command, progress, fault, kill in mid-command (either end), recover, and no action twice. Method: the servers count
what they are told to do in a file, and reach their set points when the test lets them.
"""

import sys

from rig import SOURCE, PeerTest, free_port, results, wire

HERE = SOURCE / "tests/peers/scpi"


class Set:
    """What both ends are held to; `self.command` is one that takes its time, `self.told` how its device counts it."""

    def setUp(self):
        super().setUp()
        self.port = free_port()

    def start_server(self):
        return self.start(sys.executable, HERE / f"{self.name}.py", self.folder, self.port, ready="ready")

    def start_device(self):
        return self.start_driver(HERE / f"{self.name}.yaml", "--at", f"tcp://127.0.0.1:{self.port}")

    def described_tested_and_read(self):
        self.start_server()
        _, controller = self.start_device()
        controller.command("c1", "self_test")
        self.assertTrue((outcome := controller.outcome("c1")).done, outcome.message)
        self.assertEqual(self.actions(), [])
        return controller

    def carried_out(self):
        self.start_server()
        _, controller = self.start_device()
        controller.command("c1", *self.command[:1], **self.command[1])
        note = controller.progress("c1").note
        controller.command("c1", *self.command[:1], **self.command[1])  # doubled on its way
        self.go()
        outcome = controller.outcome("c1")
        self.assertTrue(outcome.done, outcome.message)
        self.assertEqual(self.actions(), self.told)
        return note, outcome

    def test_the_driver_is_killed(self):
        self.start_server()
        driver, controller = self.start_device()
        controller.command("c1", *self.command[:1], **self.command[1])
        controller.progress("c1")
        self.kill(driver)
        _, controller = self.start_device()
        # The device remembers no command: nobody knows, it is not done again, and it does not go on.
        self.assertEqual(controller.standing("c1").standing, wire.CommandState.INTERRUPTED)
        controller.make_safe()
        self.assertEqual(self.actions()[:len(self.told)], self.told)
        self.assertEqual(set(self.actions()[len(self.told):]), {self.safe})

    def test_a_device_that_was_restarted_while_idle_is_connected_anew(self):
        self.go()
        server = self.start_server()
        _, controller = self.start_device()
        for id in ("c1", "c2"):
            controller.command(id, *self.command[:1], **self.command[1])
            self.assertTrue((outcome := controller.outcome(id)).done, outcome.message)
            self.kill(server)
            server = self.start_server()
        self.assertEqual(self.actions(), 2 * self.told)  # once each

    def test_the_device_is_killed(self):
        self.kill_in_mid_command(self.start_server, self.start_device, *self.command)
        self.assertEqual([each for each in self.actions() if each != self.safe], 2 * self.told)  # once each


class PressureController(Set, PeerTest):
    """SCPI."""

    name, safe = "pressure", ":OUTP1:STAT 0"
    command = ("set_pressure", {"pressure": (150, "kPa")})
    told = [":SOUR1:PRES:LEV:IMM:AMPL 1500", ":OUTP1:STAT 1"]

    def test_described_tested_and_read(self):
        controller = self.described_tested_and_read()
        (field,) = controller.capability("set_pressure").parameters
        self.assertEqual((field.unit, field.high), ("bar", 100))
        pressure = controller.reading("pressure")
        self.assertEqual(pressure.unit, "mbar")
        self.assertTrue(34 < pressure.number < 36)  # it adds noise

    def test_a_pressure_with_its_progress(self):
        note, outcome = self.carried_out()
        self.assertIn("pressure_reached 0.03", note)
        self.assertAlmostEqual(results(outcome)["pressure_reached"], 1.5, delta=0.002)

    def test_what_its_queue_of_errors_says_and_what_it_does_not_know(self):
        self.start_server()
        _, controller = self.start_device()
        controller.command("c1", "set_pressure", pressure=(30, "bar"))
        outcome = controller.outcome("c1")
        self.assertEqual(outcome.fault, wire.DEVICE)
        self.assertIn('after “:SOUR1:PRES:LEV:IMM:AMPL 30000” the device reports “:SYST:ERR -222, "Data out of range;"”', outcome.message)
        controller.command("c2", "vent")
        self.assertIn("the device answered “NACK”, which is not what was expected", controller.outcome("c2").message)


class Circulator(Set, PeerTest):
    """Lines of text."""

    name, safe = "circulator", "circulate 0"
    command = ("regulate", {"temperature": (333.15, "K")})
    told = ["set point 60", "circulate 1"]

    def test_described_tested_and_read(self):
        controller = self.described_tested_and_read()
        self.assertEqual(controller.reading("temperature").number, 24)

    def test_a_temperature_with_its_progress(self):
        note, outcome = self.carried_out()
        self.assertIn("temperature_reached 24 degC", note)
        self.assertAlmostEqual(results(outcome)["temperature_reached"], 60, delta=0.1)

    def test_what_it_passes_over_in_silence_is_found_out(self):
        self.start_server()
        _, controller = self.start_device()
        controller.command("c1", "regulate", temperature=(150, "degC"))
        outcome = controller.outcome("c1")
        self.assertEqual(outcome.fault, wire.DEVICE)
        self.assertIn("set_point 24 degC is not what was expected (near 150 degC by 0.01); the device answered “24.0”", outcome.message)
        self.assertEqual(self.actions(), ["set point 150", "circulate 0"])
