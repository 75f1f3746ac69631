"""A laboratory of devices with profiles: checked, served by `athanor driver run`, and run through a campaign; a device whose profile is no good is
set aside, and the laboratory goes on."""

import json
import os
import signal
import socketserver
import threading

from program import ProgramTest, main

PROFILE = """profile: station
text: {timeout: 5 s}
hello: [{ask: "ID?", expect: "^STATION"}]
safe: [{do: "PARK", expect: "^OK"}]
capabilities:
  measure:
    with: {x: {min: 0, max: 1}}
    gives: {y: {unit: "%"}}
    usual: 1 s
    repeatable: true
    do:
      - {do: "SET {x:.4f}", expect: "^OK"}
      - {ask: "Y?", take: {y: {unit: "%"}}}
"""
LAB = """lab: bench
drivers: {{desk: {{endpoint: "ipc://{folder}/desk.sock", dead_man: 30 s}}}}
instruments:
  station-1: {{driver: desk, profile: station.yaml, at: "tcp://127.0.0.1:{port}"}}
  station-2: {{driver: desk, profile: {second}, at: "{second_at}"}}
"""
CAMPAIGN = """campaign: climb
lab: lab.yaml
space: {x: {range: [0, 1]}}
objectives: {y: {goal: maximize, unit: "%"}}
procedure: [{step: look, do: measure, with: {x: $x}, gives: {y: y}}]
planner: {initial: 4, batch: 2}
stop: {experiments: 6}
"""


class Station(socketserver.StreamRequestHandler):
    """The best x is 0.3."""

    def handle(self):
        x = 0.0
        for line in self.rfile:
            said = line.decode().strip()
            self.server.heard.append(said)
            if said.startswith("SET "):
                x = float(said[4:])
            answer = {"ID?": "STATION 1", "Y?": f"{100 - 100 * (x - 0.3) ** 2:.3f}"}.get(said, "OK").encode()
            self.wfile.write(self.server.answers.get(said, answer) + b"\n")


class Driver(ProgramTest):
    def setUp(self):
        super().setUp()
        self.device = self.start_device()  # two stations: at 127.0.0.1 and at 127.0.0.2
        self.write("station.yaml", PROFILE)
        self.write("campaign.yaml", CAMPAIGN)

    def start_device(self, answers=()):
        """answers: instead of what it would say."""
        device = socketserver.ThreadingTCPServer(("0.0.0.0", 0), Station)
        device.daemon_threads = True
        device.heard = []
        device.answers = dict(answers)
        threading.Thread(target=device.serve_forever, daemon=True).start()
        self.addCleanup(device.server_close)
        self.addCleanup(device.shutdown)
        return device

    def write_lab(self, second="station.yaml", second_at=None):
        port = self.device.server_address[1]
        self.write("lab.yaml", LAB.format(folder=self.folder, port=port, second=second, second_at=second_at or f"tcp://127.0.0.2:{port}"))

    def serve(self):
        """athanor driver run, once it listens."""
        driver = self.start("driver", "run", "lab.yaml")
        self.addCleanup(driver.stdout.close)
        self.addCleanup(driver.stderr.close)
        self.addCleanup(driver.wait)
        self.addCleanup(driver.kill)
        self.assertIn("driver desk at ipc://", driver.stdout.readline())
        return driver

    def test_a_campaign_runs_on_devices_with_profiles(self):
        self.write_lab()
        out, _ = self.run_program("check", "station.yaml", "lab.yaml", "campaign.yaml")
        self.assertIn("profile station: measure", out)
        self.assertIn("laboratory bench: 2 instruments", out)
        self.assertIn("laboratory bench can carry it out", out)
        driver = self.serve()
        told = self.run_campaign("campaign.yaml")
        self.assertEqual(told["experiments"], 6)
        self.assertEqual(sum(line.startswith("SET ") for line in self.device.heard), 6)
        driver.send_signal(signal.SIGTERM)
        self.assertEqual(driver.wait(timeout=60), 0)

    def test_a_campaign_goes_on_without_a_device_that_is_another(self):
        """Goal: the laboratory goes on. Method: at one of two addresses another device answers."""
        other = self.start_device({"ID?": b"OVEN 7"})
        self.write_lab(second_at=f"tcp://127.0.0.1:{other.server_address[1]}")
        self.serve()
        out, _ = self.run_program("run", "campaign.yaml")
        self.assertIn("6 experiments measured, 0 failed", out)
        self.assertRegex(out, "station-2 failed at “measure” of experiment [0-9]: .*“OVEN 7”")
        self.assertEqual(sum(line.startswith("SET ") for line in self.device.heard), 6)
        self.assertEqual([line for line in other.heard if line.startswith("SET ")], [])

    def test_the_driver_holds_everybody_to_what_the_laboratory_allows(self):
        """Goal: no way round the lab file. Method: by the driver's address alone, where nobody else knows of that file."""
        self.write_lab()
        lab = self.folder / "lab.yaml"
        narrowed = lab.read_text().replace("{driver: desk,", "{driver: desk, limits: {measure: {x: {max: 0.5}}},", 1)
        lab.write_text(narrowed.replace("station-2: {driver: desk,", "station-2: {driver: desk, approve: [measure],"))
        self.serve()
        at = f"ipc://{self.folder}/desk.sock"
        self.run_program("instrument", "do", at, "station-1", "measure", "x=0.5")
        _, said = self.run_program("instrument", "do", at, "station-1", "measure", "x=0.6", expect=2)
        self.assertIn("0.6, above the limit of 0.5 of", said)
        _, said = self.run_program("instrument", "do", at, "station-2", "measure", "x=0.5", expect=2)
        self.assertIn("--approve", said)
        self.assertEqual([line for line in self.device.heard if line.startswith("SET ")], ["SET 0.5000"])

    def do(self, *what, expect=0):
        out, err = self.run_program("instrument", "do", "lab.yaml", *what, "--json", expect=expect)
        return json.loads(out) if expect < 2 else err

    def test_bytes_that_are_no_text_wedge_nothing(self):
        """Goal: a device may say what it likes. Method: an answer, and a fault's words, with \\xff and NUL; asked for again after the driver
        was killed, so that the ledger was read, too; then the next command."""
        self.write("station.yaml", PROFILE + '  name: {gives: {name: {text: true}}, do: [{ask: "NAME?", take: {name: all}}]}\n')
        self.write_lab()
        self.device.answers["NAME?"] = b"caf\xe9 \xff\x00 bar"
        driver = self.serve()
        told = self.do("station-1", "name")
        self.assertEqual(told["results"]["name"]["value"], "caf\\xe9 \\xff\x00 bar")
        self.device.answers["Y?"] = b"\xff\x00"
        fault = self.do("station-1", "measure", "x=0.5", expect=1)
        self.assertEqual(fault["fault"], "DEVICE")
        self.assertIn("\\xff\\x00", fault["message"])
        driver.kill()
        driver.wait()
        self.serve()
        self.assertEqual(self.do("--id", told["id"])["results"], told["results"])
        del self.device.answers["Y?"]
        self.assertTrue(self.do("station-1", "measure", "x=0.5")["done"])

    def test_whoever_looks_is_told_why_an_instrument_is_of_no_use(self):
        """Goal: nobody guesses. Method: one that is set aside, one whose device answers otherwise than its profile expects."""
        self.write("broken.yaml", PROFILE.replace('safe: [{do: "PARK", expect: "^OK"}]\n', ""))
        self.write_lab(second="broken.yaml")
        self.serve()
        why = "broken.yaml:1:1: the profile has no safe state"
        for command in (("describe", "lab.yaml", "station-2"), ("do", "lab.yaml", "station-2", "measure", "x=0.5")):
            self.assertIn(why, self.run_program("instrument", *command, expect=3)[1])
        self.assertIn(f"station-2 is set aside: {self.folder}/{why}".replace(f"{self.folder}/", ""),
                      self.run_program("instrument", "list", "lab.yaml")[0].replace(f"{self.folder}/", ""))
        self.device.answers["ID?"] = b"OVEN 7"
        self.assertIn("station-2, driver desk at ", self.run_program("instrument", "describe", "lab.yaml")[0])
        self.assertEqual([one["instrument"] for one in json.loads(self.run_program("instrument", "describe", "lab.yaml", "--json")[0])
                          if one["trouble"] and not one["capabilities"]], ["station-2"])
        self.assertIn("OVEN 7", self.do("station-1", "measure", "x=0.5", expect=1)["message"])
        out, _ = self.run_program("instrument", "describe", "lab.yaml", "station-1")
        self.assertIn("OVEN 7", out)
        (described,) = json.loads(self.run_program("instrument", "describe", "lab.yaml", "station-1", "--json")[0])
        self.assertIn("OVEN 7", described["trouble"])
        del self.device.answers["ID?"]
        self.assertTrue(self.do("station-1", "measure", "x=0.5")["done"])
        self.assertNotIn("OVEN", self.run_program("instrument", "describe", "lab.yaml", "station-1")[0])

    def test_its_owner_reads_what_it_does(self):
        """Goal: one line when a command begins, one when it ends, and none of visitors. Method: a visitor, a command that is done, one that is
        refused by the driver alone."""
        self.write_lab()
        driver = self.serve()
        self.run_program("instrument", "describe", "lab.yaml")
        id = self.do("station-1", "measure", "x=0.5", "--sample", "s1")["id"]
        driver.send_signal(signal.SIGTERM)
        self.assertEqual(driver.wait(timeout=60), 0)
        log = [line.partition(" driver desk: ")[2].rstrip() for line in driver.stderr]
        commands = [line for line in log if id in line]
        self.assertEqual(commands[0], f"station-1 begins “measure” {id}, sample s1: x 0.5")
        self.assertRegex(commands[1], f"^station-1 ended “measure” {id}: done in [0-9.e-]+ s: y 96 %$")
        self.assertEqual(len(commands), 2)
        self.assertIn("athanor instrument do, by ", log[0])
        self.assertIn("is the controller now", log[0])
        self.assertLessEqual(len(log), 4, log)  # and that it left

    def test_a_profile_of_a_sila2_server_is_checked_as_one(self):
        self.write("shaker.yaml", "profile: shaker\nsila2: {}\nsafe: [shaker.stop]\ncapabilities: {shaker.shake: {as: shake}}\n")
        out, _ = self.run_program("check", "shaker.yaml")
        self.assertIn("ok: profile shaker (held against what its SiLA 2 server says of itself when its driver runs)", out)
        self.write("shaker.yaml", "profile: shaker\nsila2: {timout: 1 s}\nsafe: [shaker.stop]\n")
        _, said = self.run_program("check", "shaker.yaml", expect=2)
        self.assertIn("shaker.yaml:2:9: ", said)
        self.assertIn("did you mean “timeout”?", said)

    def test_a_lab_file_tells_what_is_wrong_with_its_sila2_servers(self):
        self.write("shaker.yaml", "profile: shaker\nsila2: {}\ncapabilities: {shaker.shake: {risk: wild}}\n")
        self.write("sila2.yaml", """lab: sila2
drivers: {desk: {endpoint: "ipc:///tmp/desk"}}
instruments:
  shaker-1: {driver: desk, at: "sila2://10.0.0.6:50052", profile: shaker.yaml}
  shaker-2: {driver: desk, at: "sila2://10.0.0.7:50052", profile: shaker.yaml}
  mixer-1: {driver: desk, at: "sila2-insecure://10.0.0.8:50052"}
""")
        _, said = self.run_program("check", "sila2.yaml", expect=2)
        self.assertEqual(said.count("shaker.yaml:1:1: the profile has no safe state"), 1, said)
        self.assertIn("shaker.yaml:3:37: found “wild”", said)
        self.assertIn("sila2.yaml:6:31: “sila2-insecure://10.0.0.8:50052”: without TLS only servers on this machine", said)

    def test_a_device_whose_profile_is_no_good_is_set_aside(self):
        self.write("broken.yaml", PROFILE.replace('safe: [{do: "PARK", expect: "^OK"}]\n', "").replace('{unit: "%"}', "{unit: parrots}", 1))
        self.write_lab(second="broken.yaml")
        _, said = self.run_program("check", "lab.yaml", expect=2)
        self.assertIn("broken.yaml:1:1: the profile has no safe state", said)
        self.assertIn("parrots", said)
        driver = self.serve()
        told = self.run_campaign("campaign.yaml")
        self.assertEqual(sum(line.startswith("SET ") for line in self.device.heard), 6, told)
        driver.send_signal(signal.SIGTERM)
        self.assertEqual(driver.wait(timeout=60), 0)
        said = driver.stderr.read()
        self.assertIn("instrument “station-2” is set aside", said)
        self.assertIn("the profile has no safe state", said)

    def test_a_mistake_of_a_profile_is_told_once(self):
        """Goal: one mistake, one line. Method: a profile that two instruments have, checked beside its laboratory and campaign, and served."""
        self.write("broken.yaml", PROFILE.replace('safe: [{do: "PARK", expect: "^OK"}]\n', ""))
        self.write_lab(second="broken.yaml")
        lab = self.folder / "lab.yaml"
        line = lab.read_text().splitlines()[4]
        lab.write_text(lab.read_text() + line.replace("station-2", "station-3").replace("127.0.0.2", "127.0.0.3") + "\n")
        _, said = self.run_program("check", "broken.yaml", "lab.yaml", "campaign.yaml", expect=2)
        self.assertEqual(said.count("the profile has no safe state"), 1, said)
        self.assertIn("campaign.yaml: not good because of the mistakes above", said)
        driver = self.serve()
        driver.send_signal(signal.SIGTERM)
        self.assertEqual(driver.wait(timeout=60), 0)
        said = driver.stderr.read()
        self.assertEqual(said.count("the profile has no safe state"), 1, said)
        self.assertIn("instrument “station-3” is set aside", said)

    def test_an_address_that_is_none_is_told_with_its_place(self):
        self.write_lab(second_at="station two")
        _, said = self.run_program("check", "lab.yaml", expect=2)
        line = (self.folder / "lab.yaml").read_text().splitlines()[4]
        at = f"lab.yaml:5:{line.index('station two')}: "  # its quotation mark, counted from 1
        self.assertIn(at, said)
        self.assertIn("“station two” is no address of a device that is spoken to in lines of text; expected “tcp://HOST:PORT”", said)
        _, said = self.run_program("check", "campaign.yaml", expect=2)
        self.assertIn(at, said)
        self.assertIn("station two", said)
        driver = self.serve()
        driver.send_signal(signal.SIGTERM)
        self.assertEqual(driver.wait(timeout=60), 0)
        said = driver.stderr.read()
        self.assertIn(at, said)
        self.assertIn("instrument “station-2” is set aside", said)

    def test_a_profile_that_cannot_be_read_is_told_with_its_place(self):
        self.write_lab(second="nowhere.yaml")
        line = (self.folder / "lab.yaml").read_text().splitlines()[4]
        _, said = self.run_program("check", "lab.yaml", expect=2)
        self.assertIn(f"lab.yaml:5:{line.index('nowhere.yaml') + 1}: ", said)

    def test_a_device_that_a_profiles_default_names_is_not_two(self):
        """Goal: what the lab file leaves out counts when devices are compared. Method: one device by its profile's own address, and by the
        same one behind “#”; checked, run, and served."""
        self.write("station.yaml", PROFILE.replace("text: {timeout", 'text: {address: "1", timeout').replace('"ID?"', '"{address}ID?"'))
        port = self.device.server_address[1]
        self.write_lab(second_at=f"tcp://localhost:{port}#01")
        same = "instruments “station-1” and “station-2” are the same device"
        _, said = self.run_program("check", "lab.yaml", expect=2)
        self.assertIn("lab.yaml:5:", said)
        self.assertIn(same, said)
        _, said = self.run_program("run", "campaign.yaml", expect=2)  # before any driver is asked
        self.assertIn(same, said)
        driver = self.serve()
        driver.send_signal(signal.SIGTERM)
        self.assertEqual(driver.wait(timeout=60), 0)
        self.assertIn(same, driver.stderr.read())
        self.write_lab(second_at=f"tcp://localhost:{port}#02")
        self.run_program("check", "lab.yaml")

    def test_a_log_that_cannot_be_written_ends_the_telling_alone(self):
        """Goal: a full disk under the log, or a pipe that nobody reads any more, ends no driver. Method: drivers on both carry out a command, and end in
        order."""
        self.write_lab()
        read, write = os.pipe()
        os.close(read)
        for log in (open("/dev/full", "w"), os.fdopen(write, "w")):
            with log:
                driver = self.start("driver", "run", "lab.yaml", stderr=log)
            self.assertIn("driver desk at ipc://", driver.stdout.readline())
            self.run_program("instrument", "do", "lab.yaml", "station-1", "measure", "x=0.5")
            driver.send_signal(signal.SIGTERM)
            self.assertEqual(driver.wait(timeout=60), 0)

    def test_where_nothing_is_left_to_speak_for_the_driver_does_not_start(self):
        self.write("broken.yaml", "profile: [")
        self.write_lab()
        lab = self.folder / "lab.yaml"
        lab.write_text(lab.read_text().replace("station.yaml", "broken.yaml"))
        _, said = self.run_program("driver", "run", "lab.yaml", expect=2)
        self.assertIn("no instrument is left that could be spoken to", said)
        _, said = self.run_program("driver", "run", "station.yaml", "--address", f"ipc://{self.folder}/one.sock", expect=2)
        self.assertIn("say where the device is, such as --at tcp://10.0.0.5:5025", said)

    def test_a_driver_that_cannot_listen_does_not_say_that_it_does(self):
        """Goal: who waits for the line of a driver waits for that driver. Method: two at one address."""
        self.write_lab()
        self.serve()
        out, said = self.run_program("driver", "run", "station.yaml", "--at", f"tcp://127.0.0.3:{self.device.server_address[1]}", "--address",
                                     f"ipc://{self.folder}/desk.sock", expect=3)
        self.assertEqual(out, "")
        self.assertIn("desk.sock", said)

    def test_a_device_has_one_driver_on_a_machine(self):
        """Goal: no two ledgers tell one device the same thing twice. Method: a driver for a device that a laboratory's driver has, alone and beside
        one that is free; a trial of the laboratory; and all of it again when that driver was killed."""
        self.write_lab()
        driver = self.serve()
        port = self.device.server_address[1]
        alone = ("driver", "run", "station.yaml", "--at", f"tcp://127.0.0.1:{port}", "--address", f"ipc://{self.folder}/alone.sock")
        _, said = self.run_program(*alone, expect=3)
        self.assertIn(f"another driver on this machine (process {driver.pid}) speaks for it", said)
        _, said = self.run_program("instrument", "check", "lab.yaml", "--only", "description", expect=3)
        self.assertIn(f"(process {driver.pid})", said)
        lab = self.folder / "lab.yaml"
        self.write("other.yaml", lab.read_text().replace("desk.sock", "other.sock").replace("127.0.0.2", "127.0.0.3"))
        other = self.start("driver", "run", "other.yaml", "--ledger", "other.ledger")
        self.assertIn("driver desk at ipc://", other.stdout.readline())
        out, _ = self.run_program("instrument", "describe", "other.yaml")
        self.assertIn("another driver on this machine", out)
        self.run_program("instrument", "do", "other.yaml", "station-2", "measure", "x=0.5")
        for one in (driver, other):
            one.kill()
            one.wait()
        self.serve()

    def test_which_driver_is_meant_must_be_said(self):
        self.write_lab()
        lab = self.folder / "lab.yaml"
        two = lab.read_text().replace("drivers: {", 'drivers: {other: {endpoint: "ipc://other.sock"}, ').replace(
            "station-2: {driver: desk,", "station-2: {driver: other,")
        lab.write_text(two)
        _, said = self.run_program("driver", "run", "lab.yaml", expect=2)
        self.assertIn("say which with --driver: desk, other", said)
        _, said = self.run_program("driver", "run", "lab.yaml", "--driver", "otter", expect=2)
        self.assertIn("no driver “otter” (did you mean “other”?)", said)

    def test_garbage_is_told_by_the_driver_alone(self):
        """Goal: what cannot be understood is a line of the driver's log, with its source. Method: all the garbage that a trial has, one kind of it
        a text that is no UTF-8, of which the library of messages has a line of its own."""
        self.write_lab()
        driver = self.serve()
        out, said = self.run_program("instrument", "check", f"ipc://{self.folder}/desk.sock", "--only", "garbage")
        self.assertIn("holds     garbage", out)
        self.assertNotIn("libprotobuf", said)
        driver.send_signal(signal.SIGTERM)
        log = driver.stderr.read()
        self.assertIn("a message that could not be understood was dropped", log)
        self.assertNotIn("libprotobuf", log)


if __name__ == "__main__":
    main()
