"""Athanor's `opcua` profiles against a server on the package asyncua, which is its client, too.

Goal: discover, command, progress, fault, kill in mid-command (either end), recover, and no action twice. Method: the server
counts what it does in a file, and a heating goes on until the test writes another; nothing here depends on how fast anything is.
"""

import datetime
import ipaddress
import os
import pathlib
import signal
import subprocess
import sys
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from rig import PROGRAM, SOURCE, TIMEOUT_S, PeerTest, free_port, results, wire

HERE = SOURCE / "tests/peers/opcua"
HEAT = {"temperature": (800, "degC"), "duration": (60, "s")}
CLIENT = """#!{python}
import sys
sys.path.insert(0, "{kit}")
from athanor_opcua.command_line import main
main()
"""


class OpcUa(PeerTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.at = f"opc.tcp://127.0.0.1:{self.port}"
        client = self.folder / "bin/athanor-opcua"  # as pip installs it
        client.parent.mkdir()
        client.write_text(CLIENT.format(python=sys.executable, kit=SOURCE / "python"))
        client.chmod(0o755)
        self.client = client
        self.path = {"PATH": f"{client.parent}:{os.environ['PATH']}"}

    def start_server(self, *options):
        return self.start(sys.executable, HERE / "server.py", self.folder, self.port, *options, ready="ready")

    def start_furnace(self, profile=HERE / "furnace.yaml"):
        driver, controller = self.start_driver(profile, "--at", self.at, environment=self.path)
        self.driver = driver
        return driver, controller

    def profile(self, *changes):
        text = (HERE / "furnace.yaml").read_text()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        file = self.folder / "furnace.yaml"
        file.write_text(text)
        return file

    # ── Discovering ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_it_is_described_as_the_profile_says(self):
        self.start_server()
        _, controller = self.start_furnace()
        heat = controller.capability("heat")
        self.assertEqual([(field.name, field.unit, field.high) for field in heat.parameters],
                         [("temperature", "degC", 1100), ("duration", "s", 36000)])
        self.assertEqual((heat.risk, heat.repeatable), (wire.GUARDED, False))
        reading = controller.reading("temperature")
        self.assertEqual((reading.number, reading.unit), (21.5, "degC"))

    def test_what_the_server_does_not_have_is_named_with_its_place(self):
        self.start_server()
        profile = self.profile(("s=Furnace.Temperature, type: Double", "s=Furnace.Temperature, type: Float"),
                               ("state: s=Furnace.State", "state: s=Furnace.Stat"), ("id: s=Furnace.Weigh", "id: s=Furnace.State"))
        _, controller = self.start_furnace(profile)
        controller.command("c1", "weigh", tray=(1, ""))
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.DEVICE, True))
        for said in ("furnace.yaml:6: the node “temperature” is Double on the server", "and Float here",
                     "furnace.yaml:7: the question for the node “state” (s=Furnace.Stat)", "BadNodeIdUnknown (0x80340000)",
                     "furnace.yaml:14: the method “weigh” (s=Furnace.State)", "class Variable; expected Method"):
            self.assertIn(said, outcome.message)
        self.assertEqual(self.actions(), [])

    def test_nodes_by_the_names_on_the_way_to_them(self):
        """Goal: servers that number their nodes anew at each start. Method: paths instead of ids, one of them wrong."""
        self.start_server("--shifted")
        profile = self.profile(("state: s=Furnace.State", "state: p=Furnace/State"),
                               ("object: s=Furnace, id: s=Furnace.Weigh", "object: p=Furnace, id: p=Furnace/Weigh"),
                               ("error: s=Furnace.Error", "error: \"nsu=urn:example:furnace;p=Furnace/Error\""))
        _, controller = self.start_furnace(profile)
        controller.command("c1", "weigh", tray=(3, ""))
        self.assertTrue(controller.outcome("c1").done)
        controller.command("c2", "self_test")
        self.assertTrue(controller.outcome("c2").done)
        self.kill(self.driver)
        _, controller = self.start_furnace(self.profile(("state: s=Furnace.State", "state: p=Furnace/Stat")))
        controller.command("c3", "self_test")
        said = controller.outcome("c3").message
        self.assertIn("furnace.yaml:7: the question for the node “state” (p=Furnace/Stat) of the server", said)
        self.assertIn("BadNoMatch", said)

    # ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_methods_nodes_and_their_types(self):
        self.start_server()
        _, controller = self.start_furnace()
        controller.command("c1", "weigh", tray=(3, ""))
        (mass,) = controller.outcome("c1").results
        self.assertEqual((mass.name, mass.unit), ("mass", "g"))
        self.assertAlmostEqual(mass.number, 0.3)
        controller.command("c2", "weigh", tray=(2.5, ""))  # of type Byte
        outcome = controller.outcome("c2")
        self.assertEqual(outcome.fault, wire.LIMIT)
        self.assertIn("the argument “Tray” of “weigh” is Byte on the server: 2.5 is no whole number from 0 to 255 (furnace.yaml:", outcome.message)
        self.assertEqual([each for each in self.actions() if each != "stop"], ["weigh 3"])

    def test_progress_is_the_devices_own(self):
        self.start_server()
        _, controller = self.start_furnace()
        controller.command("c1", "heat", **HEAT)
        controller.await_message(lambda message: message.progress.fraction == 0.25)
        controller.command("c1", "heat", **HEAT)  # doubled on its way
        self.go()
        self.assertEqual(results(controller.outcome("c1")), {"final_temperature": 800})
        controller.command("c1", "heat", **HEAT)  # and late
        controller.command("c2", "self_test")
        controller.outcome("c2")
        self.assertEqual(self.actions(), ["heat 800 60"])

    def test_faults_keep_the_servers_words(self):
        self.start_server()
        _, controller = self.start_furnace()
        controller.command("c1", "weigh", tray=(7, ""))
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.done, outcome.fault), (False, wire.DEVICE))
        self.assertIn("the method “weigh” of the server at opc.tcp://127.0.0.1", outcome.message)
        self.assertIn("was answered BadOutOfRange (0x803C0000)", outcome.message)
        self.go("dry")
        controller.command("c2", "heat", **HEAT)
        outcome = controller.outcome("c2")
        self.assertIn('the furnace failed: the device answered “{"error":17,', outcome.message)
        self.assertEqual(self.actions(), ["stop", "heat 800 60", "stop"])

    def test_stop_is_answered_when_the_device_is_safe(self):
        self.start_server()
        _, controller = self.start_furnace()
        controller.command("c1", "heat", **HEAT)
        controller.progress("c1")
        controller.make_safe()
        self.assertEqual(controller.outcome("c1").fault, wire.INTERRUPTED)
        self.assertEqual(self.actions(), ["heat 800 60", "stop"])

    # ── Killed ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_the_driver_is_killed_and_the_command_goes_on(self):
        self.start_server()
        driver, controller = self.start_furnace()
        controller.command("c1", "heat", **HEAT)
        controller.progress("c1")
        self.kill(driver)
        _, controller = self.start_furnace()
        self.assertEqual(controller.standing("c1").standing, wire.CommandState.RUNNING)
        self.go()
        self.assertEqual(results(controller.outcome("c1")), {"final_temperature": 800})
        self.assertEqual(self.actions(), ["heat 800 60"])

    def test_the_driver_is_dead_when_the_command_ends(self):
        self.start_server()
        driver, controller = self.start_furnace()
        controller.command("c1", "heat", **HEAT)
        controller.progress("c1")
        self.kill(driver)
        self.go()
        _, controller = self.start_furnace()
        self.assertEqual(results(controller.outcome_after_restart("c1")), {"final_temperature": 800})
        self.assertEqual(self.actions(), ["heat 800 60"])

    def test_the_server_is_killed_and_has_forgotten(self):
        server = self.start_server()
        _, controller = self.start_furnace(self.profile(("until: {state: {is: done}}", "until: {state: {is: done}}\n        expect: {state: {not: idle}}")))
        controller.command("c1", "heat", **HEAT)
        controller.progress("c1")
        self.kill(server)
        self.start_server()
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.done, outcome.not_begun), (False, False))
        controller.make_safe()
        controller.command("c2", "weigh", tray=(1, ""))
        self.assertTrue(controller.outcome("c2").done)
        self.assertEqual([each for each in self.actions() if each != "stop"], ["heat 800 60", "weigh 1"])
        self.assertIn("stop", self.actions())

    def test_an_answer_that_is_too_long_is_told_and_no_matter_of_the_link(self):
        self.start_server()
        _, controller = self.start_furnace(self.profile(("error: s=Furnace.Error", "error: s=Furnace.Log")))
        controller.command("c1", "self_test")
        outcome = controller.outcome("c1")
        self.assertEqual(outcome.fault, wire.DEVICE)
        self.assertRegex(outcome.message, r"the server answered with \d\d MiB; 16 MiB is the most \(furnace.yaml:\d+\)")
        controller.command("c2", "weigh", tray=(1, ""))
        self.assertTrue(controller.outcome("c2").done)

    def test_a_server_that_was_restarted_while_idle_is_connected_anew(self):
        server = self.start_server()
        _, controller = self.start_furnace()
        controller.command("c1", "weigh", tray=(1, ""))
        self.assertTrue(controller.outcome("c1").done)
        self.kill(server)
        self.start_server()
        controller.command("c2", "weigh", tray=(2, ""))
        self.assertTrue((outcome := controller.outcome("c2")).done, outcome.message)
        self.assertEqual(self.actions(), ["weigh 1", "weigh 2"])

    def test_a_command_to_a_server_that_is_gone_is_not_begun(self):
        server = self.start_server()
        _, controller = self.start_furnace()
        controller.reading("temperature")  # it is connected
        self.kill(server)
        controller.command("c1", "heat", **HEAT)
        outcome = controller.outcome("c1")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.LINK, True))
        self.assertIn(f"the server at {self.at} cannot be reached: Connection refused", outcome.message)
        self.start_server()
        controller.command("c2", "weigh", tray=(1, ""))
        self.assertTrue(controller.outcome("c2").done)
        self.assertEqual(self.actions(), ["weigh 1"])

    def test_what_a_server_has_is_listed_as_a_profile_names_it(self):
        self.start_server()
        listed = subprocess.run([self.client, "browse", self.at], capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertIn('    speed: {id: "nsu=urn:example:furnace;s=Furnace.Speed", type: Int32}  # written, too; now 0', listed.stdout)
        self.assertIn("# takes Target, Duration, Job; gives Number", listed.stdout)
        # What it prints is the beginning of a profile that can be used.
        file = self.folder / "listed.yaml"
        file.write_text(f"profile: listed\n{listed.stdout}safe: nothing\ncapabilities: {{look: {{gives: {{t: {{unit: degC}}}}, do: [{{read: "
                        "temperature, take: {t: {at: temperature, unit: degC}}}]}}\n")
        _, controller = self.start_furnace(file)
        controller.command("c1", "look")
        self.assertEqual(results(controller.outcome("c1")), {"t": 21.5})

    def test_a_variable_at_which_the_connection_is_lost_keeps_no_other_from_being_listed(self):
        self.start_server("--fragile")
        listed = subprocess.run([self.client, "browse", self.at], capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertRegex(listed.stdout, 'Furnace.Program", type: LocalizedText}  # written, too; its value cannot be had: .*lost')
        self.assertIn('Furnace.Speed", type: Int32}  # written, too; now 0', listed.stdout)
        self.assertEqual(listed.stdout.count("cannot be had"), 1)

    def test_a_server_that_answers_nothing_for_seconds_is_not_lost(self):
        """Goal: a server that is busy with a method for less than the profile's timeout stays connected. Method: two in one command,
        where a connection that was lost in between would be a fault."""
        self.start_server()
        weigh = '- {call: weigh, arguments: {Tray: "{tray}"}, take: {mass: {at: Mass, unit: g}}}'
        _, controller = self.start_furnace(self.profile((weigh, f"{weigh}\n      {weigh}")))
        controller.command("c1", "weigh", tray=(4, ""))
        self.assertTrue((outcome := controller.outcome("c1")).done, outcome.message)
        self.assertEqual(self.actions(), ["weigh 4", "weigh 4"])

    def test_a_namespace_is_known_by_its_name_whatever_its_number(self):
        self.start_server("--shifted")
        _, controller = self.start_furnace()
        controller.command("c1", "self_test")
        self.assertTrue(controller.outcome("c1").done)
        profile = self.profile(("urn:example:furnace", "urn:example:furnaces"))
        checked = subprocess.run([PROGRAM, "check", profile], capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.kill(self.driver)
        _, controller = self.start_furnace(profile)
        controller.command("c2", "self_test")
        self.assertIn("no namespace “urn:example:furnaces” (did you mean “urn:example:furnace”?)", controller.outcome("c2").message)

    def test_mistakes_of_a_profile_are_told_without_a_server(self):
        profile = self.profile(("safe: [{call: stop}]\n", ""), ("call: heat\n", "call: heet\n"), ("read: job,", "read: jop,"))
        checked = subprocess.run([PROGRAM, "check", profile], capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertNotEqual(checked.returncode, 0)
        for said in ("the profile has no safe state", "furnace.yaml:26:15: there is no “heet” among the profile's methods (did you mean “heat”?)",
                     "there is no “jop” among the profile's nodes (did you mean “job”?)"):
            self.assertIn(said, checked.stdout + checked.stderr)

    def test_a_stirrer_that_is_nodes_alone(self):
        self.start_server()
        _, controller = self.start_furnace(HERE / "stirrer.yaml")
        controller.command("c1", "stir", speed=(600.4, "rpm"), program="gentle")
        outcome = controller.outcome("c1")
        self.assertTrue(outcome.done, outcome.message)
        self.assertEqual(results(outcome), {"speed_now": 600})

    def test_a_value_that_is_not_good_is_none(self):
        self.start_server("--broken")
        _, controller = self.start_furnace(self.profile(("{read: error, take: {error: error}, expect: {error: {is: 0}}}",
                                                         "{read: temperature, take: {t: temperature}}")))
        controller.command("c1", "self_test")
        outcome = controller.outcome("c1")
        self.assertEqual(outcome.fault, wire.DEVICE)
        self.assertIn("the node “temperature” of the server at", outcome.message)
        self.assertIn("UncertainLastUsableValue (0x40900000)", outcome.message)

    def test_the_client_is_killed(self):
        self.start_server()
        driver, controller = self.start_furnace()
        controller.command("c1", "weigh", tray=(1, ""))
        self.assertTrue(controller.outcome("c1").done)
        (client,) = [int(child) for each in pathlib.Path(f"/proc/{driver.pid}/task").glob("*/children")
                     for child in each.read_text().split()]
        os.kill(client, signal.SIGKILL)
        controller.command("c2", "weigh", tray=(2, ""))
        outcome = controller.outcome("c2")
        if not outcome.done:  # it was in the middle of it
            self.assertIn("the OPC UA client was ended by signal 9", outcome.message)
        controller.command("c3", "weigh", tray=(3, ""))
        self.assertTrue(controller.outcome("c3").done)
        self.assertLessEqual(self.actions().count("weigh 2"), 1)

    def secured(self, password):
        for name in ("server", "client", "stranger"):
            certify(self.folder, name)
        (self.folder / "password").write_text(password + "\n")
        return self.profile(("  timeout: 5 s\n", "  timeout: 5 s\n"
                             "  security: {certificate: client.pem, private_key: client.key, server_certificate: server.pem}\n"
                             "  user: {name: athanor, password_file: password}\n"))

    def test_signed_encrypted_and_as_a_user(self):
        profile = self.secured("sesame")
        self.start_server("--secure")
        _, controller = self.start_furnace(profile)
        controller.command("c1", "weigh", tray=(2, ""))
        self.assertTrue((outcome := controller.outcome("c1")).done, outcome.message)
        self.assertEqual(self.actions(), ["weigh 2"])

    def test_a_wrong_password_and_a_server_with_another_certificate(self):
        profile = self.secured("simsim")
        self.start_server("--secure")
        _, controller = self.start_furnace(profile)
        controller.command("c1", "weigh", tray=(2, ""))
        outcome = controller.outcome("c1")
        self.assertTrue(outcome.not_begun)
        self.assertRegex(outcome.message, f"the connection was answered Bad.* \\(0x8.*\\) by the server at {self.at}")
        (self.folder / "password").write_text("sesame\n")
        profile.write_text(profile.read_text().replace("server_certificate: server.pem", "server_certificate: stranger.pem"))
        self.kill(self.driver)
        _, controller = self.start_furnace(profile)
        controller.command("c2", "weigh", tray=(2, ""))
        outcome = controller.outcome("c2")
        self.assertTrue(outcome.not_begun)
        self.assertRegex(outcome.message, r"shows another certificate than .*/stranger.pem: that of “CN=server” \(SHA-256 [0-9a-f]{16}…\), "
                                          "not of “CN=stranger”")
        self.assertEqual(self.actions(), [])

    def test_what_is_wrong_with_the_security_is_named_before_anything_is_said(self):
        profile = self.secured("sesame")
        self.start_server("--secure")
        (self.folder / "nothing.key").write_text("sesame")
        for old, new, says in [
                ("private_key: client.key", "private_key: stranger.key", "stranger.key is not that of the certificate"),
                ("private_key: client.key", "private_key: nothing.key", "nothing.key holds no private key in PEM or DER"),
                ("server.pem", "password", "password holds no certificate in PEM or DER"),
                ("server.pem}", "server.pem, mode: sign}", "takes no connection with Basic256Sha256 and sign, only with Basic256Sha256 and sign_and_encrypt;")]:
            file = self.folder / "other.yaml"
            text = profile.read_text()
            self.assertIn(old, text)
            file.write_text(text.replace(old, new, 1))
            driver, controller = self.start_furnace(file)
            controller.command("c1", "weigh", tray=(2, ""))
            outcome = controller.outcome("c1")
            self.assertEqual((outcome.fault, outcome.not_begun), (wire.DEVICE, True))
            self.assertIn(says, outcome.message)
            self.kill(driver)
            (self.folder / "ledger").unlink()
        driver, controller = self.start_furnace()
        controller.command("c1", "weigh", tray=(2, ""))
        self.assertIn("takes no connection without security, only with Basic256Sha256 and sign_and_encrypt;", controller.outcome("c1").message)
        self.assertEqual(self.actions(), [])

    def test_instrument_check(self):
        self.start_server()
        checked = subprocess.run([PROGRAM, "instrument", "check", HERE / "furnace.yaml", "--at", self.at, "--capability", "weigh", "--with",
                                  "tray=2"], cwd=self.folder, capture_output=True, text=True, timeout=TIMEOUT_S,
                                 env={**os.environ, **self.path})
        # What it weighs is over at once: nothing of what runs could be tried.
        self.assertEqual(checked.returncode, 4, checked.stdout + checked.stderr)
        self.assertNotIn("BROKEN", checked.stdout)


class Values(unittest.TestCase):
    """What is sent is exactly what was meant. Method: each whole type at its ends and beyond; what reads back is the same."""

    def setUp(self):
        sys.path.insert(0, str(SOURCE / "python"))
        self.addCleanup(sys.path.remove, str(SOURCE / "python"))
        from athanor_opcua import errors, values

        self.values, self.Failure = values, errors.Failure

    def sent(self, value, kind):
        return self.values.plain(self.values.variant_of(value, self.values.Kind[kind], "it"))

    def test_whole_numbers_fit_or_are_refused(self):
        for bits in (8, 16, 32, 64):
            for kind, low, high in ((f"Int{bits}", -2**(bits - 1), 2**(bits - 1) - 1), (f"UInt{bits}", 0, 2**bits - 1)):
                kind = {"Int8": "SByte", "UInt8": "Byte"}.get(kind, kind)
                for good in (low, high, str(high), 1.0, "1"):
                    self.assertEqual(self.sent(good, kind), int(good), kind)
                for bad in (low - 1, high + 1, 0.5, "0.5", "x", True, None, float("nan"), float("inf")):
                    with self.assertRaises(self.Failure, msg=f"{bad!r} as {kind}"):
                        self.sent(bad, kind)

    def test_other_types(self):
        for value, kind in ((1.5, "Double"), (-2.5, "Float"), (True, "Boolean"), ("é", "String"), ("é", "LocalizedText"), ("7", "String")):
            self.assertEqual(self.sent(value, kind), value)
        self.assertEqual((self.sent(1, "Boolean"), self.sent("2.5", "Double")), (True, 2.5))
        for bad, kind in ((1e39, "Float"), (2, "Boolean"), ("yes", "Boolean"), (7, "String"), ("x", "Double"), ("x", "ByteString")):
            with self.assertRaises(self.Failure, msg=f"{bad!r} as {kind}"):
                self.sent(bad, kind)


def certify(folder, name):
    """A certificate that signed itself, with the application's name, as OPC UA has them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    whose = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.UniformResourceIdentifier(f"urn:example:{name}"), x509.DNSName("localhost"),
             x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (x509.CertificateBuilder().subject_name(whose).issuer_name(whose).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=30))
                   .add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256()))
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                           serialization.NoEncryption()))
