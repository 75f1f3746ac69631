"""Athanor's HTTP adapter against flowchem's server with its simulated syringe pump.

Goal: discover, command, progress, fault, kill in mid-command (either end), recover, and no action twice. Method: what the pump is told
to do is counted in a file, and an infusion goes on until the test lets it end.
"""

import sys

from rig import SOURCE, PeerTest, free_port, results, wire

HERE = SOURCE / "tests/peers/http"
INFUSE = {"volume": (2, "mL"), "rate": (0.06, "L/h")}
INFUSED = "infuse 2 ml at 1 ml/min"


class HttpTest(PeerTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()

    def start_server(self):
        return self.start(sys.executable, HERE / "pump.py", self.folder, self.port, ready="ready")

    def start_pump(self):
        return self.start_driver(HERE / "pump.yaml", "--at", f"http://127.0.0.1:{self.port}")

    def test_described_tested_and_read(self):
        self.start_server()
        _, controller = self.start_pump()
        infuse = controller.capability("infuse")
        self.assertEqual([(field.name, field.unit, field.high) for field in infuse.parameters], [("volume", "mL", 10), ("rate", "mL/min", 25)])
        controller.command("c1", "self_test")
        self.assertTrue((outcome := controller.outcome("c1")).done, outcome.message)
        flow = controller.reading("flow")
        self.assertEqual((flow.number, flow.unit), (0, "mL/min"))
        self.assertEqual(self.actions(), [])

    def test_an_infusion_with_its_progress(self):
        self.start_server()
        _, controller = self.start_pump()
        controller.command("c1", "infuse", **INFUSE)
        self.assertIn("pumping_still", controller.progress("c1").note)
        controller.reading("flow", lambda flow: flow == 1)
        controller.command("c1", "infuse", **INFUSE)  # doubled on its way
        self.go()
        self.assertEqual(results(controller.outcome("c1")), {"flow_at_end": 0})
        self.assertEqual(self.actions(), [INFUSED])

    def test_faults_quote_the_server(self):
        self.start_server()
        self.go("stalled")
        _, controller = self.start_pump()
        controller.command("c1", "infuse", **INFUSE)
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.DEVICE, False))
        self.assertIn("ml was answered with status 500: “Internal Server Error” (pump.yaml:", outcome.message)
        controller.command("c2", "home")
        self.assertIn('was answered with status 404: “{"detail":"Not Found"}”', controller.outcome("c2").message)
        self.assertEqual(self.actions(), ["stp", "stp"])

    def test_stop_is_answered_when_the_pump_stands(self):
        self.start_server()
        _, controller = self.start_pump()
        controller.command("c1", "infuse", **INFUSE)
        controller.progress("c1")
        controller.make_safe()
        self.assertEqual(controller.outcome("c1").fault, wire.INTERRUPTED)
        self.assertEqual(self.actions(), [INFUSED, "stp"])

    def test_the_driver_is_killed(self):
        self.start_server()
        driver, controller = self.start_pump()
        controller.command("c1", "infuse", **INFUSE)
        controller.progress("c1")
        self.kill(driver)
        _, controller = self.start_pump()
        # The server remembers no command: nobody knows, it is not done again, and the pump does not go on.
        self.assertEqual(controller.standing("c1").standing, wire.CommandState.INTERRUPTED)
        controller.make_safe()
        self.assertEqual(self.actions().count(INFUSED), 1)
        self.assertEqual(self.actions()[-1], "stp")

    def test_the_server_is_killed(self):
        self.kill_in_mid_command(self.start_server, self.start_pump, "infuse", INFUSE)
        self.assertEqual(self.actions().count(INFUSED), 2)  # once each
