"""Goal: a command is carried out at most once, and answered as docs/driver-protocol.md says. Method: a driver process, and a
plain DEALER socket that doubles, contradicts, oversteps and babbles."""

import hashlib
import time
import unittest

from athanor.proto import driver_pb2 as wire
from athanor.testing import command
from rig import BenchTest

DISPENSE = {"reagent": "XPhos", "volume": (0.5, "mL"), "temperature": (298.15, "K")}


class Commands(BenchTest):
    def test_carries_out_in_the_described_units(self) -> None:
        told = self.tell("dispense", sample="s1", place="vial-2", **DISPENSE)
        self.assertEqual(self.controller.next("accepted").accepted, wire.Accepted(id=told.id, expected_s=1))
        outcome = self.controller.outcome(told.id)
        self.assertEqual([(value.name, value.number, value.text, value.unit) for value in outcome.results],
                         [("temperature", 25.0, "", "degC"), ("volume", 500.0, "", "uL"), ("reagent", 0, "XPhos", "")])
        self.assertTrue(outcome.done)
        self.assertIn("speed 200 sample s1 place vial-2", self.happened())

    def test_a_doubled_command_is_begun_once(self) -> None:
        told = command("a", "wait", duration=(1, "h"))
        for _ in range(3):
            self.controller.send(command=told)
        for _ in range(3):
            self.assertEqual(self.controller.next("accepted").accepted, wire.Accepted(id=told.id, expected_s=3602))
        self.await_line(f"begin {told.id}")
        self.assertEqual(self.standing(told.id).standing, wire.CommandState.RUNNING)
        self.controller.send(cancel=wire.Cancel(id=told.id))
        first = self.controller.outcome(told.id)
        for _ in range(2):
            self.controller.send(command=told)
            self.assertEqual(self.controller.outcome(told.id), first)
        state = self.standing(told.id)
        self.assertEqual((state.standing, state.outcome, state.command), (wire.CommandState.FINISHED, first, told))
        self.assertEqual(self.begun(told.id), 1)

    def test_progress_is_told_once_a_second_and_the_newest(self) -> None:
        began = time.monotonic()
        told = self.tell("chatter", times=(20000.0, ""))
        self.controller.next("accepted")
        self.assertTrue(self.controller.outcome(told.id).done)
        reports = [message.progress.fraction for message in self.controller.heard if message.HasField("progress")]
        self.assertEqual(reports, sorted(reports))
        self.assertTrue(1 <= len(reports) <= 2 + time.monotonic() - began, reports)

    def test_a_long_answer_goes_on_in_the_next(self) -> None:
        ids = []
        for number in range(10):
            told = self.tell("recite")
            self.controller.outcome(told.id)
            ids += [told.id, f"unknown-{number}"]
        self.controller.send(question=wire.Question(ids=ids))
        states: list[wire.CommandState] = []
        answers = 0
        while len(states) < len(ids):
            answer = self.controller.next("answer")
            self.assertLess(answer.ByteSize(), (8 << 20) + 1000)
            states += answer.answer.states
            answers += 1
        self.assertEqual([state.id for state in states], ids)
        self.assertEqual(answers, 2)

    def test_a_command_that_is_too_long_is_refused(self) -> None:
        told = self.tell("fail", how="x" * (1 << 20))
        refused = self.controller.next("refused").refused
        self.assertEqual(refused.id, told.id)
        self.assertIn("1048576 is the most", refused.why)
        self.assertEqual(self.standing(told.id).standing, wire.CommandState.NEVER_SEEN)

    def test_an_id_names_one_command(self) -> None:
        told = self.tell("dispense", **DISPENSE)
        self.controller.outcome(told.id)
        for other in (command("b", "dispense", id=told.id, **DISPENSE), command("a", "look", id=told.id),
                      command("a", "dispense", id=told.id, sample="s2", **DISPENSE),
                      command("a", "dispense", id=told.id, **{**DISPENSE, "volume": (500.0, "uL")})):
            self.controller.send(command=other)
            refused = self.controller.next("refused").refused
            self.assertEqual(refused.id, told.id)
            self.assertIn("used before for another command", refused.why)
        self.assertEqual(self.begun(told.id), 1)

    def test_what_is_refused_keeps_its_answer(self) -> None:
        twice = command("a", "dispense", **DISPENSE)
        getattr(twice, "with").add(name="volume", number=1, unit="mL")
        cases = {
            "no instrument “c”": command("c", "dispense", **DISPENSE),
            "cannot “dispence” (did you mean “dispense”?)": command("a", "dispence", **DISPENSE),
            "no parameter “volumes” (did you mean “volume”?)": command("a", "dispense", volumes=(1, "mL")),
            "given parameter “volume” twice": twice,
            "needs parameter “volume” (in uL), which was not given": command(
                "a", "dispense", reagent="XPhos", temperature=(20, "degC")),
            "“volume” is “much”; expected a number in uL": command("a", "dispense", **{**DISPENSE, "volume": "much"}),
            "“reagent” is 3; expected a text": command("a", "dispense", **{**DISPENSE, "reagent": 3.0}),
            "“volume” is nan uL; expected a finite number": command("a", "dispense", **{**DISPENSE, "volume": (float("nan"), "uL")}),
            "“volume” is 3 g, which cannot be converted": command("a", "dispense", **{**DISPENSE, "volume": (3, "g")}),
            "“volume” is 3 zz: “zz” is no unit": command("a", "dispense", **{**DISPENSE, "volume": (3, "zz")}),
            "“temperature” is 354 K (80.85 degC), above the limit of 80 degC": command("a", "dispense", **{**DISPENSE, "temperature": (354, "K")}),
            "“volume” is 9.999 uL, below the limit of 10 uL": command("a", "dispense", **{**DISPENSE, "volume": (9.999, "uL")}),
            "none of its choices (did you mean “XPhos”?)": command("a", "dispense", **{**DISPENSE, "reagent": "Xphos"}),
            "none of its 3 levels (the nearest: 200 and 400 rpm)": command("a", "dispense", speed=(300, "rpm"), **DISPENSE),
        }
        answers = {}
        for why, told in cases.items():
            self.controller.send(command=told)
            answers[told.id] = outcome = self.controller.outcome(told.id)
            self.assertEqual((outcome.done, outcome.fault, outcome.not_begun), (False, wire.LIMIT, True))
            self.assertIn(why, outcome.message)
        self.kill_and_restart()
        for told in cases.values():
            self.controller.send(command=told)
            self.assertEqual(self.controller.outcome(told.id), answers[told.id])
        self.assertEqual(self.happened(), [])

    def test_a_number_on_its_limit_is_allowed_in_any_unit(self) -> None:
        for volume in ((1000, "uL"), (1, "mL"), (0.001, "L"), (1, "cm3"), (10, "uL"), (1e-5, "L")):
            told = self.tell("dispense", **{**DISPENSE, "volume": volume, "temperature": (353.15, "K")})
            self.assertTrue(self.controller.outcome(told.id).done, volume)

    def test_a_busy_instrument_refuses_and_its_neighbour_does_not(self) -> None:
        first = self.begin("wait", duration=(1, "h"))
        second = self.tell("wait", duration=(1, "h"))
        outcome = self.controller.outcome(second.id)
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.DEVICE, True))
        self.assertIn(f"busy with command “{first}”", outcome.message)
        self.assertTrue(self.controller.outcome(self.tell("look", "b").id).done)

    def test_faults_and_exceptions_end_a_command_not_the_driver(self) -> None:
        expected = {"DEVICE": wire.DEVICE, "SAMPLE": wire.SAMPLE, "STOCK": wire.STOCK, "LINK": wire.LINK, "off": wire.DEVICE,
                    "exit": wire.DEVICE, "kind": wire.DEVICE, "zero": wire.DEVICE}
        texts = {"zero": "ZeroDivisionError: division by zero", "exit": "SystemExit: 7", "off": "it is switched off",
                 "kind": "result “number” is 'one'; expected a number"}
        for how, kind in expected.items():
            outcome = self.controller.outcome(self.tell("fail", how=how).id)
            self.assertEqual((outcome.done, outcome.fault, outcome.not_begun), (False, kind, how == "off"), how)
            self.assertIn(texts.get(how, f"the {how} is at fault"), outcome.message)

    def test_progress_comes_in_order_and_before_the_outcome(self) -> None:
        told = self.tell("step", duration=(2.4, "s"))  # a step is shorter than what it is told in: one takes another's place
        self.controller.outcome(told.id)
        progress = [message.progress for message in self.controller.heard if message.WhichOneof("body") == "progress"]
        steps = [wire.Progress(id=told.id, fraction=step / 4, note=f"step {step}") for step in range(4)]
        self.assertEqual(progress[0], steps[0])
        self.assertEqual(progress, [step for step in steps if step in progress])
        self.assertGreater(len(progress), 1)

    def test_a_hazardous_command_needs_an_approval_of_exactly_itself(self) -> None:
        def approved(of: wire.Command, until_s: float = 3600) -> wire.Command:
            bound = wire.Command(capability=of.capability, sample=of.sample, place=of.place)
            getattr(bound, "with").extend(getattr(of, "with"))
            approval = wire.Approval(who="Ada", digest=hashlib.sha256(bound.SerializeToString()).hexdigest(),
                                     until_us=int((time.time() + until_s) * 1e6))
            return wire.Command(id=of.id, instrument=of.instrument, capability=of.capability, sample=of.sample, place=of.place,
                                approval=approval, **{"with": getattr(of, "with")})

        plain = command("a", "burn", sample="s1", temperature=(500, "degC"))
        hotter = command("a", "burn", sample="s1", temperature=(600, "degC"))
        hotter.approval.CopyFrom(approved(plain).approval)
        for told, why in ((plain, "needs a person's approval"), (hotter, "that of Ada is for something else"),
                          (approved(command("a", "burn"), -1), "that of Ada has expired")):
            self.controller.send(command=told)
            outcome = self.controller.outcome(told.id)
            self.assertEqual(outcome.fault, wire.LIMIT)
            self.assertIn(why, outcome.message)
        good = approved(command("a", "burn", sample="s1", temperature=(500, "degC")))
        self.controller.send(command=good)
        self.assertTrue(self.controller.outcome(good.id).done)
        self.assertEqual(self.happened(), [f"begin {good.id}"])


class Messages(BenchTest):
    def test_garbage_is_refused_and_changes_nothing(self) -> None:
        told = self.begin("wait", duration=(1, "h"))
        newer = wire.ToDriver(version=2, command=command("a", "look", id="newer"))
        cut = wire.ToDriver(version=1, command=command("b", "look", id="cut"))
        frames = {b"": "says nothing" , b"\xff\xff garbage": "none of protocol version 1", b"\x08\x01": "says nothing",
                  cut.SerializeToString() + b"\x0c": "none of protocol version 1",  # an end of a group that never began
                  newer.SerializeToString(): "of protocol version 2; driver “bench” speaks version 1"}
        for frame, why in frames.items():
            self.controller.socket.send(frame)
            refused = self.controller.next("refused").refused
            self.assertIn("of protocol version 0" if frame == b"" else why, refused.why)
            self.assertEqual(refused.id, "newer" if b"newer" in frame else "")
        self.controller.socket.send_multipart([b"", newer.SerializeToString()])
        self.assertIn("a message of 2 frames", self.controller.next("refused").refused.why)
        self.controller.send(command=wire.Command(instrument="a", capability="look"))
        self.assertIn("a command without an id", self.controller.next("refused").refused.why)
        self.controller.send(cancel=wire.Cancel())
        self.assertIn("a cancel without an id", self.controller.next("refused").refused.why)
        self.assertEqual(self.standing(told).standing, wire.CommandState.RUNNING)
        self.assertEqual(self.happened(), [f"begin {told}"])

    def test_ids_and_questions_have_an_end(self) -> None:
        longest = self.tell("look", "b", id="é" * 500)
        self.assertTrue(self.controller.outcome(longest.id).done)
        too_long = longest.id + "x"
        for message in ({"command": command("b", "look", id=too_long)}, {"cancel": wire.Cancel(id=too_long)},
                        {"question": wire.Question(ids=["x", too_long])}):
            self.controller.send(**message)
            self.assertEqual(self.controller.next("refused").refused, wire.Refused(why="an id of 1001 bytes; 1000 is the most"))
        self.controller.send(question=wire.Question(ids=["x"] * 1001))
        self.assertIn("a question about 1001 commands; 1000 is the most", self.controller.next("refused").refused.why)
        self.assertEqual(len(self.controller.ask(*["x"] * 2001)), 2001)

    def test_a_frame_too_large_ends_the_connection_alone(self) -> None:
        babbler = self.connect("babbler")
        babbler.socket.send(bytes(17 << 20))
        self.assertTrue(self.controller.outcome(self.tell("look").id).done)

    def test_one_controller_at_a_time(self) -> None:
        first, second = self.controller, self.connect("second")
        running = self.begin("wait", duration=(1, "h"))
        second.send(command=command("a", "look", id="early"))
        refused = second.next("refused").refused
        self.assertEqual(refused.id, "early")
        self.assertIn("takes commands from “test”", refused.why)
        second.send(heartbeat=wire.Heartbeat())
        second.next("heartbeat")
        second.hello()
        first.send(cancel=wire.Cancel(id=running))
        self.assertIn("takes commands from “second”", first.next("refused").refused.why)
        (state,) = first.ask(running)  # whoever asks is answered
        self.assertEqual(state.standing, wire.CommandState.RUNNING)
        first.send(stop=wire.Stop(why="a stranger may", id="x", instruments=["a"]))
        stopped = first.next("stopped").stopped
        self.assertEqual((list(stopped.instruments), stopped.id), (["a"], "x"))
        self.assertEqual(second.outcome(running).fault, wire.INTERRUPTED)  # outcomes go to the controller

    def test_without_a_controller_commands_are_refused_and_heartbeats_not_answered(self) -> None:
        self.kill_and_restart()
        self.controller.close()
        stranger = self.connect("stranger")
        # The connection of the controller is found gone by the first heartbeat that cannot be handed over. A stranger is
        # heard a hundred times a second at most.
        while True:
            stranger.send(command=command("a", "look"))
            if "has no controller; say Hello first" in stranger.next("refused").refused.why:
                break
            time.sleep(0.05)
        stranger.send(heartbeat=wire.Heartbeat())
        stranger.ask("x")
        self.assertNotIn("heartbeat", [message.WhichOneof("body") for message in stranger.heard])
        self.assertEqual(self.happened(), [])

    def test_it_says_that_it_is_there_and_what_its_sensors_show(self) -> None:
        self.controller.next("heartbeat")
        self.begin("wait", duration=(1, "h"))
        for _ in range(2):  # also while a handler sleeps
            telemetry = self.controller.next("telemetry", lambda message: message.telemetry.instrument == "a").telemetry
            self.assertEqual([(value.name, value.number, value.unit) for value in telemetry.values], [("pressure", 1.25, "bar")])

    def test_every_message_bears_name_and_boot(self) -> None:
        boot = self.controller.heard[0].boot
        self.assertTrue(boot)
        self.kill_and_restart()
        self.controller.ask("x")
        said = {(message.version, message.driver, message.boot) for message in self.controller.heard}
        self.assertEqual(len(said), 1)
        ((version, driver, new_boot),) = said
        self.assertEqual((version, driver), (1, "bench"))
        self.assertNotEqual(new_boot, boot)


if __name__ == "__main__":
    unittest.main()
