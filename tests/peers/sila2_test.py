"""Athanor's SiLA 2 adapter against a server on the Python package `sila2`.

Goal: discover, command, progress, fault, kill in mid-command (either end), recover, and no action twice. Method: the server
counts what it does in a file, and a shaking goes on until the test writes another; nothing here depends on how fast anything is.
"""

import random
import struct
import subprocess
import sys
import unittest

from rig import PROGRAM, SOURCE, TIMEOUT_S, PeerTest, free_port, results, wire

SHAKE = {"speed": (600, "1/min"), "shake_time": (10, "s"), "mode": "orbital"}


def film(size):
    """As the server makes it."""
    return random.Random(1).randbytes(size)


PROFILE = """
profile: bench
sila2: {}
safe: shaker.stop
capabilities:
  shaker.shake: {as: shake, names: {shake_time: duration}, lasts: duration, repeatable: true, risk: safe}
"""


class Sila2Test(PeerTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.at = f"sila2-insecure://127.0.0.1:{self.port}"

    def start_server(self, *options):
        return self.start(sys.executable, SOURCE / "tests/peers/sila2/server.py", self.folder, self.port, *options, ready="ready")

    def profile(self, text=PROFILE):
        file = self.folder / "profile.yaml"
        file.write_text(text)
        return file

    # ── Discovering ──────────────────────────────────────────────────────────────────────────────────────────────────

    def test_what_the_server_says_of_itself(self):
        self.start_server()
        _, controller = self.start_driver(self.at)
        names = {capability.name for capability in controller.welcome.instruments[0].capabilities}
        self.assertEqual(names, {"shaker.shake", "shaker.stop", "shaker.get_shaking", "thermometer.measure", "thermometer.measure_all",
                                 "thermometer.plan", "thermometer.get_temperature", "thermometer.get_calibrated_at", "reader.scan",
                                 "reader.pick", "reader.film", "reader.get_dark_counts"})
        shake = controller.capability("shaker.shake")
        speed, time, mode = shake.parameters
        self.assertEqual((speed.name, speed.unit, speed.low, speed.high), ("speed", "1/min", 1, 3000))
        self.assertEqual((time.name, time.unit, time.low, time.HasField("high")), ("shake_time", "s", 0.5, False))
        self.assertEqual(list(mode.choices), ["orbital", "linear"])
        self.assertEqual((shake.risk, shake.repeatable), (wire.GUARDED, False))
        self.assertEqual(controller.welcome.instruments[0].kind, "ShakerWithThermometer")
        measure = controller.capability("thermometer.measure")
        self.assertEqual([field.name for field in measure.parameters], ["position.row", "position.column"])
        self.assertEqual([(field.name, field.unit) for field in measure.results], [("temperature", "degC"), ("valid", ""), ("picture", "")])
        self.assertEqual(measure.results[2].array, wire.ArrayType(element=wire.ArrayType.UINT8))
        scan = controller.capability("reader.scan")
        self.assertEqual([(field.name, field.unit, field.is_text) for field in scan.results],
                         [("absorbances", "", False), ("peaks.at", "nm", False), ("peaks.counts", "", False), ("remarks", "", True)])
        notes = (self.folder / "stderr").read_text()
        self.assertNotIn("is not offered", notes)
        self.assertNotIn("is offered without", notes)
        self.assertIn("reader.scan: the numbers in “wavelengths” are in nm", notes)
        self.assertIn("nobody has said what its safe state is", notes)

    def test_a_profile_says_more(self):
        self.start_server()
        _, controller = self.start_driver(self.profile(), "--at", self.at)
        shake = controller.capability("shake")
        self.assertEqual((shake.parameters[1].name, shake.duration_parameter), ("duration", "duration"))
        self.assertEqual((shake.risk, shake.repeatable), (wire.SAFE, True))
        self.assertEqual(controller.welcome.instruments[0].kind, "bench")

    def test_tls_with_a_certificate_of_the_servers_own(self):
        self.start_server("--tls")
        profile = self.profile("profile: bench\nsila2: {root_certificate: server.pem}\nsafe: nothing\n")
        _, controller = self.start_driver(profile, "--at", f"sila2://127.0.0.1:{self.port}")
        controller.command("c1", "thermometer.get_temperature")
        self.assertEqual(results(controller.outcome("c1")), {"temperature": 21.25})

    # ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_commands_properties_and_readings(self):
        self.start_server()
        _, controller = self.start_driver(self.at)
        controller.command("c1", "thermometer.measure", position__row="B", position__column=(7, ""))
        outcome = controller.outcome("c1")
        self.assertEqual(results(outcome), {"temperature": 36.5, "valid": "true", "picture": 7})
        self.assertEqual(controller.store.arrays["c1", "picture"], b"picture")
        self.assertEqual({value.unit for value in outcome.results if value.name == "temperature"}, {"degC"})
        controller.command("c2", "thermometer.get_calibrated_at")
        self.assertEqual(results(controller.outcome("c2")), {"calibrated_at": "2026-03-01T08:15:30.000Z"})
        controller.command("c3", "shaker.get_shaking")
        self.assertEqual(results(controller.outcome("c3")), {"shaking": "false"})
        reading = controller.reading("temperature")
        self.assertEqual((reading.number, reading.unit), (21.25, "degC"))
        self.assertEqual(self.actions(), ["measure B7"])

    def test_dates_and_times(self):
        """Goal: the server understands what it is told. Method: it computes with them, in two time zones."""
        self.start_server()
        _, controller = self.start_driver(self.at)
        controller.command("c1", "thermometer.plan", day="2028-02-29+01:00", at="06:30:00.250+01:00", not_before="2026-03-01T08:15:30-03:30")
        self.assertEqual(results(controller.outcome("c1")), {"due": "2028-02-29T06:30:00.250+01:00"})
        controller.command("c2", "thermometer.plan", day="2027-02-29Z", at="06:30:00Z", not_before="2026-03-01T08:15:30Z")
        outcome = controller.outcome("c2")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.LIMIT, True))
        self.assertIn("parameter “day” is “2027-02-29Z”; expected a Date of ISO 8601", outcome.message)
        self.assertEqual(self.actions(), ["plan 2028-02-29 06:30:00.250000+01:00 2026-03-01 08:15:30-03:30"])

    def test_progress_and_readings_while_it_goes_on(self):
        self.start_server()
        _, controller = self.start_driver(self.at)
        controller.command("c1", "shaker.shake", **SHAKE)
        told = controller.await_message(lambda message: message.progress.fraction == 0.25).progress
        self.assertIn(told.note, ("", "about 7 s left"))
        controller.reading("shaking", lambda shaking: shaking == 1)
        controller.command("c1", "shaker.shake", **SHAKE)  # doubled on its way
        self.go()
        self.assertEqual(results(controller.outcome("c1")), {"turns": 100})
        controller.command("c1", "shaker.shake", **SHAKE)  # and late
        controller.command("c2", "shaker.get_shaking")
        controller.outcome("c2")
        self.assertEqual(self.actions(), ["shake 600 10 orbital"])

    def test_faults_keep_their_names(self):
        self.start_server()
        _, controller = self.start_driver(self.at)
        controller.command("c1", "shaker.shake", **SHAKE)
        self.go("loose")
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.done, outcome.fault, outcome.not_begun), (False, wire.DEVICE, False))
        self.assertIn("PlateLoose: at the left", outcome.message)
        controller.command("c2", "thermometer.measure", position__row="X", position__column=(1, ""))
        self.assertIn("looks the other way", controller.outcome("c2").message)
        controller.command("c3", "thermometer.measure", position__row="A", position__column=(1.5, ""))
        outcome = controller.outcome("c3")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.LIMIT, True))
        self.assertIn("expected a whole number", outcome.message)
        controller.command("c4", "shaker.shake", speed=(0, "1/min"), shake_time=(10, "s"), mode="orbital")
        self.assertIn("below the limit", controller.outcome("c4").message)
        self.assertEqual(self.actions(), ["shake 600 10 orbital", "measure X1"])

    # ── Lists and binaries ───────────────────────────────────────────────────────────────────────────────────────────

    def test_lists_there_and_back(self):
        self.start_server()
        _, controller = self.start_driver(self.at)
        controller.command("c1", "reader.scan", wavelengths='[400, "0.5 um", 600.5]')
        self.assertEqual(results(controller.outcome("c1")), {"absorbances": 3, "peaks.at": 2, "peaks.counts": 2, "remarks": '["lamp warm","“ok”"]'})
        self.assertEqual(struct.unpack("<3d", controller.store.arrays["c1", "absorbances"]), (0.4, 0.5, 0.6005))
        self.assertEqual(struct.unpack("<2d", controller.store.arrays["c1", "peaks.at"]), (500, 600.5))
        self.assertEqual(struct.unpack("<2q", controller.store.arrays["c1", "peaks.counts"]), (1, 2))
        controller.command("c2", "reader.scan", wavelengths="[]")
        self.assertEqual(results(controller.outcome("c2"))["absorbances"], 0)
        controller.command("c3", "reader.get_dark_counts")
        self.assertEqual(results(controller.outcome("c3")), {"dark_counts": 3})
        self.assertEqual(struct.unpack("<3q", controller.store.arrays["c3", "dark_counts"]), (0, -1, -2))
        controller.command("c4", "thermometer.measure_all", columns="[1, 12]")
        self.assertTrue(controller.outcome("c4").done)
        controller.command("c5", "reader.pick", wells='[{"row": "A", "column": 1}, {"row": "B", "column": 12}]', method="AP8=")
        self.assertTrue(controller.outcome("c5").done)
        self.assertEqual(self.actions(), ["scan [400.0, 500.0, 600.5]", "scan []", "measure all [1, 12]", r"pick A1B12 b'\x00\xff' []"])

    def test_lists_that_are_not_allowed_are_not_begun(self):
        self.start_server()
        _, controller = self.start_driver(self.at)
        for number, (wavelengths, why) in enumerate([("[400, 901]", "“wavelengths, element 2” is 901 nm, above the limit of 900 nm"),
                                                     ('[400, "warm"]', "“wavelengths, element 2” is \"warm\""),
                                                     ("400", "expected a JSON array")]):
            controller.command(f"c{number}", "reader.scan", wavelengths=wavelengths)
            outcome = controller.outcome(f"c{number}")
            self.assertEqual((outcome.fault, outcome.not_begun), (wire.LIMIT, True))
            self.assertIn(why, outcome.message)
        self.assertEqual(self.actions(), [])

    def test_a_long_list(self):
        """Goal: a list of any length comes whole, and the driver goes on. Method: a hundred thousand numbers."""
        self.start_server("--pixels", 100_000)
        _, controller = self.start_driver(self.at)
        controller.command("c1", "reader.get_dark_counts")
        self.assertEqual(results(controller.outcome("c1")), {"dark_counts": 100_000})
        counts = struct.unpack("<100000q", controller.store.arrays["c1", "dark_counts"])
        self.assertEqual(counts, tuple(-number for number in range(100_000)))
        controller.command("c2", "thermometer.get_temperature")
        self.assertTrue(controller.outcome("c2").done)

    def test_a_binary_of_more_than_2_mib(self):
        """Goal: what the server keeps is fetched whole, once more also after the driver's death. Method: compared byte by byte."""
        self.start_server()
        size = (5 << 20) + 3
        driver, controller = self.start_driver(self.at)
        controller.command("c1", "reader.film", size=(size, ""))
        controller.progress("c1")
        self.kill(driver)
        self.go()
        driver, controller = self.start_driver(self.at)
        self.assertEqual(results(controller.outcome_after_restart("c1")), {"frames": size})
        self.assertEqual(controller.store.arrays["c1", "frames"], film(size))
        self.assertEqual(self.actions(), [f"film {size}"])

    def test_the_driver_is_killed_while_a_binary_is_fetched(self):
        """Goal: its arrays come all the same. Method: a controller that gives no more credit, so that a part has come when it dies."""
        self.start_server()
        size = 80 << 20
        driver, controller = self.start_driver(self.at)
        controller.store.stop_after = 2 << 20
        controller.command("c1", "reader.film", size=(size, ""))
        self.go()
        while controller.store.taken < 2 << 20:
            controller.store.take()
        self.kill(driver)
        _, controller = self.start_driver(self.at)
        self.assertEqual(results(controller.outcome_after_restart("c1")), {"frames": size})
        self.assertEqual(controller.store.arrays["c1", "frames"], film(size))
        self.assertEqual(self.actions(), [f"film {size}"])

    # ── Metadata ─────────────────────────────────────────────────────────────────────────────────────────────────────

    PICK = {"wells": '[{"row": "A", "column": 1}]', "method": ""}

    def test_metadata_goes_with_the_calls_that_want_it(self):
        self.start_server("--access")
        profile = self.profile("profile: bench\nsila2: {metadata: {access.access_key: sesame}}\nsafe: nothing\n")
        _, controller = self.start_driver(profile, "--at", self.at)
        self.assertNotIn("the server wants metadata", (self.folder / "stderr").read_text())
        controller.command("c1", "reader.pick", **self.PICK)
        self.assertTrue(controller.outcome("c1").done)
        controller.command("c2", "thermometer.get_temperature")
        self.assertTrue(controller.outcome("c2").done)
        self.assertEqual(self.actions(), ["pick A1 b'' ['sesame']"])

    def test_a_server_that_is_locked(self):
        """Goal: the standard's own lock is opened by the profile's key alone, for readings and the way to the safe state too."""
        self.start_server("--lock", "bench-7")
        text = "profile: bench\nsila2: {metadata: {lock_controller.lock_identifier: %s}}\nsafe: shaker.stop\n"
        driver, controller = self.start_driver(self.profile(text % "bench-7"), "--at", self.at)
        self.assertNotIn("lock_controller", "".join(one.name for one in controller.welcome.instruments[0].capabilities))
        controller.reading("temperature")
        controller.command("c1", "thermometer.measure", position__row="B", position__column=(7, ""))
        self.assertTrue(controller.outcome("c1").done)
        controller.make_safe()
        self.kill(driver)
        _, controller = self.start_driver(self.profile(text % "bench-8"), "--at", self.at)
        controller.command("c2", "thermometer.measure", position__row="C", position__column=(7, ""))
        self.assertIn("InvalidLockIdentifier", controller.outcome("c2").message)
        self.assertEqual([action for action in self.actions() if action != "stop"], ["measure B7"])

    def test_metadata_that_is_not_given_is_named(self):
        self.start_server("--access")
        _, controller = self.start_driver(self.at)
        self.assertIn("the server wants metadata “access.access_key” along with reader.pick", (self.folder / "stderr").read_text())
        controller.command("c1", "reader.pick", **self.PICK)
        outcome = controller.outcome("c1")
        self.assertTrue(outcome.not_begun)
        self.assertIn("INVALID_METADATA", outcome.message)
        self.assertEqual(self.actions(), [])

    # ── Cancelling and stopping ──────────────────────────────────────────────────────────────────────────────────────

    def test_cancel_by_the_standards_feature(self):
        self.start_server("--cancel")
        _, controller = self.start_driver(self.profile(), "--at", self.at)
        controller.command("c1", "shake", speed=(600, "1/min"), duration=(10, "s"), mode="linear")
        controller.progress("c1")
        controller.say(cancel=wire.Cancel(id="c1"))
        self.assertEqual(controller.outcome("c1").fault, wire.INTERRUPTED)
        self.assertEqual(self.actions(), ["shake 600 10 linear", "cancel one"])

    def test_stop_is_answered_when_the_device_is_safe(self):
        self.start_server()
        _, controller = self.start_driver(self.profile(), "--at", self.at)
        controller.command("c1", "shake", speed=(600, "1/min"), duration=(10, "s"), mode="linear")
        controller.progress("c1")
        controller.make_safe()
        self.assertEqual(controller.outcome("c1").fault, wire.INTERRUPTED)
        self.assertEqual(self.actions(), ["shake 600 10 linear", "stop"])

    # ── Killed ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_the_driver_is_killed_and_the_command_goes_on(self):
        self.start_server()
        driver, controller = self.start_driver(self.profile(), "--at", self.at)
        controller.command("c1", "shake", speed=(600, "1/min"), duration=(10, "s"), mode="orbital")
        controller.progress("c1")
        self.kill(driver)
        _, controller = self.start_driver(self.profile(), "--at", self.at)
        state = controller.standing("c1")
        self.assertEqual(state.standing, wire.CommandState.RUNNING)
        self.go()
        self.assertEqual(results(controller.outcome("c1")), {"turns": 100})
        self.assertEqual(self.actions(), ["shake 600 10 orbital"])

    def test_the_driver_is_dead_when_the_command_ends(self):
        self.start_server()
        driver, controller = self.start_driver(self.profile(), "--at", self.at)
        controller.command("c1", "shake", speed=(600, "1/min"), duration=(10, "s"), mode="orbital")
        controller.progress("c1")
        self.kill(driver)
        self.go()
        _, controller = self.start_driver(self.profile(), "--at", self.at)
        self.assertEqual(results(controller.outcome_after_restart("c1")), {"turns": 100})
        self.assertEqual(self.actions(), ["shake 600 10 orbital"])

    def test_the_server_is_killed_and_nobody_knows(self):
        server = self.start_server()
        _, controller = self.start_driver(self.profile(), "--at", self.at)
        controller.command("c1", "shake", speed=(600, "1/min"), duration=(10, "s"), mode="orbital")
        controller.progress("c1")
        self.kill(server)
        self.start_server()
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.done, outcome.not_begun), (False, False))
        self.assertIn("INVALID_COMMAND_EXECUTION_UUID", outcome.message)
        # The device went to its safe state, and works again.
        controller.command("c2", "thermometer.get_temperature")
        self.assertEqual(results(controller.outcome("c2")), {"temperature": 21.25})
        self.assertEqual(self.actions(), ["shake 600 10 orbital", "stop"])

    def test_a_command_to_a_server_that_is_gone_is_not_begun(self):
        server = self.start_server()
        _, controller = self.start_driver(self.profile(), "--at", self.at)
        self.kill(server)
        controller.command("c1", "shake", speed=(600, "1/min"), duration=(10, "s"), mode="orbital")
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.LINK, True))
        self.start_server()
        controller.command("c2", "thermometer.get_temperature")
        self.assertEqual(results(controller.outcome("c2")), {"temperature": 21.25})

    def test_another_server_at_the_same_address_is_told_nothing(self):
        server = self.start_server()
        _, controller = self.start_driver(self.profile(), "--at", self.at)
        self.kill(server)
        self.start_server("--other")
        controller.command("c1", "shake", speed=(600, "1/min"), duration=(10, "s"), mode="orbital")
        outcome = controller.outcome("c1")
        self.assertTrue(outcome.not_begun)
        self.assertIn("another server", outcome.message)
        self.assertEqual(self.actions(), [])

    # ── Beside others ────────────────────────────────────────────────────────────────────────────────────────────────

    def lab_of_two(self):
        """This server's shaker, and one at an address where nobody is."""
        self.profile()
        file = self.folder / "lab.yaml"
        file.write_text(f"""
lab: bench
drivers: {{bench: {{endpoint: "ipc://{self.folder}/driver.sock"}}}}
instruments:
  shaker-1: {{driver: bench, at: "{self.at}", profile: profile.yaml}}
  shaker-2: {{driver: bench, at: "sila2-insecure://127.0.0.1:{free_port()}", profile: profile.yaml}}
""")
        return file

    def test_a_server_that_is_not_there_is_set_aside_and_the_others_go_on(self):
        self.start_server()
        _, controller = self.start_driver(self.lab_of_two())
        self.assertEqual([one.id for one in controller.welcome.instruments], ["shaker-1"])
        self.assertRegex((self.folder / "stderr").read_text(), r"lab.yaml:6:33: .*cannot be reached: nobody listens there")
        controller.command("c1", "thermometer.get_temperature")
        self.assertEqual(results(controller.outcome("c1")), {"temperature": 21.25})

    def test_what_was_under_way_at_a_server_that_is_not_there_is_not_given_up(self):
        """Goal: a command that may run still does not stand as interrupted because its server could not be asked."""
        server = self.start_server()
        lab = self.lab_of_two()
        driver, controller = self.start_driver(lab)
        controller.command("c1", "shake", speed=(600, "1/min"), duration=(10, "s"), mode="orbital")
        controller.progress("c1")
        self.kill(driver)
        self.kill(server)
        again = subprocess.run([PROGRAM, "driver", "run", lab, "--ledger", self.folder / "ledger"], capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(again.returncode, 3)
        self.assertIn("“shaker-1” cannot be asked what became of “shake” c1", again.stderr)
        self.start_server()
        _, controller = self.start_driver(lab)
        self.assertIn("INVALID_COMMAND_EXECUTION_UUID", controller.outcome_after_restart("c1").message)
        self.assertEqual(self.actions(), ["shake 600 10 orbital", "stop"])

    # ── As a laboratory ──────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_campaign_over_a_server_in_the_lab_file(self):
        self.start_server()
        self.profile()
        address = f"ipc://{self.folder}/bench.sock"
        (self.folder / "lab.yaml").write_text(f"""
lab: bench
drivers: {{bench: {{endpoint: "{address}", dead_man: 0 s}}}}
instruments: {{shaker-1: {{driver: bench, at: "{self.at}", profile: profile.yaml, limits: {{shake: {{speed: {{max: 1000 1/min}}}}}}}}}}
""")
        (self.folder / "campaign.yaml").write_text("""
campaign: shaking
lab: lab.yaml
space: {speed: {range: [100 1/min, 1000 1/min]}}
objectives: {turns: {goal: maximize}}
procedure: [{step: shake, do: shake, with: {speed: $speed, duration: 10 s, mode: orbital}, gives: {turns: turns}}]
planner: {initial: 3, batch: 1}
stop: {experiments: 3}
""")
        self.go()
        self.start(PROGRAM, "driver", "run", "lab.yaml", ready="driver bench")
        done = subprocess.run([PROGRAM, "run", "campaign.yaml", "--json"], cwd=self.folder, capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.actions()), 3)


if __name__ == "__main__":
    unittest.main()
