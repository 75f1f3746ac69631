"""Goal: cancels and stops end what runs, and nothing is said to be safe that is not known to be. Method: a driver process with
handlers that sleep, yield, look, or do not come back at all."""

import signal
import unittest

from athanor.proto import driver_pb2 as wire
from rig import BenchTest


class Cancels(BenchTest):
    def test_whatever_a_handler_does_it_ends_as_interrupted(self) -> None:
        for capability, settings in (("wait", {"duration": (1, "h")}), ("step", {"duration": (0.4, "s")}), ("poll", {})):
            id = self.begin(capability, **settings)
            self.controller.send(cancel=wire.Cancel(id=id))
            outcome = self.controller.outcome(id)
            self.assertEqual((outcome.done, outcome.fault, outcome.message, outcome.not_begun),
                             (False, wire.INTERRUPTED, "cancelled", False), capability)
            self.controller.send(cancel=wire.Cancel(id=id))
            self.assertEqual(self.controller.outcome(id), outcome)
        self.assertTrue(self.controller.outcome(self.tell("look").id).done)
        self.assertNotIn("safe", self.happened())

    def test_a_command_that_was_cancelled_before_it_came_is_not_begun(self) -> None:
        self.controller.send(cancel=wire.Cancel(id="late"))
        outcome = self.controller.outcome("late")
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.INTERRUPTED, True))
        self.tell("look", id="late")
        self.assertEqual(self.controller.outcome("late"), outcome)
        self.assertEqual(self.happened(), [])

    def test_a_handler_that_comes_to_its_end_all_the_same_has_done_its_work(self) -> None:
        id = self.begin("hang")
        self.controller.send(cancel=wire.Cancel(id=id))
        self.assertEqual(self.standing(id).standing, wire.CommandState.RUNNING)  # it is not pretended to have ended
        self.lever("release")
        outcome = self.controller.outcome(id)
        self.assertEqual((outcome.done, outcome.results[0].text), (True, "done all the same"))

    def test_the_kit_keeps_a_deadline(self) -> None:
        outcome = self.controller.outcome(self.tell("overrun").id)
        self.assertEqual((outcome.fault, outcome.message), (wire.DEADLINE, "not done within 0.2 s"))


class Stops(BenchTest):
    def test_a_stop_ends_what_runs_then_makes_safe_then_answers(self) -> None:
        one, other = self.begin("wait", "a", duration=(1, "h")), self.begin("wait", "b", duration=(1, "h"))
        self.controller.send(stop=wire.Stop(why="test", id="s1"))
        stopped = self.controller.next("stopped").stopped
        self.assertEqual((sorted(stopped.instruments), stopped.id), (["a", "b"], "s1"))
        ends = {message.outcome.id: message.outcome for message in self.controller.heard if message.HasField("outcome")}
        self.assertEqual({id: end.fault for id, end in ends.items()}, {one: wire.INTERRUPTED, other: wire.INTERRUPTED})
        happened = self.happened()
        last_safe = len(happened) - 1 - happened[::-1].index("safe")
        self.assertGreaterEqual(happened.count("safe"), 2)
        for id in (one, other):  # each tidied up, and was made safe after that
            self.assertLess(happened.index(f"tidied {id}"), last_safe)
        self.assertTrue(self.controller.outcome(self.tell("look").id).done)  # new commands are accepted afterwards

    def test_a_stop_of_one_leaves_the_other(self) -> None:
        one, other = self.begin("wait", "a", duration=(1, "h")), self.begin("wait", "b", duration=(1, "h"))
        self.controller.send(stop=wire.Stop(id="s1", instruments=["a", "unknown"]))
        self.assertEqual(self.controller.next("stopped").stopped, wire.Stopped(id="s1", instruments=["a"]))
        self.assertEqual(self.standing(one).standing, wire.CommandState.FINISHED)
        self.assertEqual(self.standing(other).standing, wire.CommandState.RUNNING)
        self.assertNotIn(f"tidied {other}", self.happened())

    def test_what_does_not_come_back_is_made_safe_and_not_said_to_be(self) -> None:
        id = self.begin("hang", "a")
        self.controller.send(stop=wire.Stop(id="s1"))
        self.await_line("safe", times=2)  # of a, over its handler's head, and of b
        self.assertEqual(self.controller.next("stopped").stopped, wire.Stopped(id="s1", instruments=["b"]))
        self.assertIn("not known to be safe after 5 s: “a”", self.controller.next("refused").refused.why)
        self.assertEqual(self.standing(id).standing, wire.CommandState.RUNNING)
        self.lever("release")
        outcome = self.controller.outcome(id)  # whatever it gave: it was disturbed
        self.assertEqual((outcome.done, outcome.fault), (False, wire.INTERRUPTED))
        self.assertEqual(self.controller.next("stopped").stopped, wire.Stopped(id="s1", instruments=["a"]))
        self.assertEqual(self.happened().count("safe"), 3)  # once more, since it may have done something meanwhile

    def test_each_is_confirmed_when_it_has_come_back(self) -> None:
        ids = {who: self.begin("hang", who) for who in ("a", "b")}
        self.controller.send(stop=wire.Stop(id="s1"))
        self.assertIn("after 5 s: “a”, “b”", self.controller.next("refused").refused.why)
        for who in ("b", "a"):
            self.lever(f"release-{who}")
            self.assertEqual(self.controller.outcome(ids[who]).fault, wire.INTERRUPTED)
            self.assertEqual(self.controller.next("stopped").stopped, wire.Stopped(id="s1", instruments=[who]))

    def test_what_cannot_be_made_safe_is_named(self) -> None:
        self.lever("broken")
        self.controller.send(stop=wire.Stop(id="s1", instruments=["a"]))
        refused = self.controller.next("refused").refused
        self.assertIn("“a” could not be made safe: OSError: the valve is stuck", refused.why)
        outcome = self.controller.outcome(self.tell("look", "a").id)
        self.assertEqual((outcome.fault, outcome.not_begun), (wire.DEVICE, True))
        self.assertIn("“a” has not reached its safe state yet; this command was not started", outcome.message)
        self.assertIn("It could not be made safe: OSError: the valve is stuck", outcome.message)
        self.controller.send(visit=wire.Visit())
        self.assertEqual(list(self.controller.next("welcome").welcome.troubles),
                         [wire.Trouble(instrument="a", why="could not be made safe: OSError: the valve is stuck")])
        self.assertTrue(self.controller.outcome(self.tell("look", "b").id).done)
        (self.folder / "broken").unlink()
        self.controller.send(stop=wire.Stop(id="s2", instruments=["a"]))
        self.assertEqual(self.controller.next("stopped").stopped, wire.Stopped(id="s2", instruments=["a"]))
        self.assertTrue(self.controller.outcome(self.tell("look", "a").id).done)
        self.controller.send(visit=wire.Visit())
        self.assertFalse(self.controller.next("welcome").welcome.troubles)

    def test_sigterm_makes_safe_and_ends(self) -> None:
        id = self.begin("wait", duration=(1, "h"))
        self.process.terminate()
        self.assertEqual(self.process.wait(), 0)
        self.assertGreaterEqual(self.happened().count("safe"), 2)
        self.process = self.start()
        self.controller = self.connect()
        self.controller.hello()
        state = self.standing(id)
        self.assertEqual((state.standing, state.outcome.fault), (wire.CommandState.FINISHED, wire.INTERRUPTED))

    def test_sigterm_does_not_claim_what_it_does_not_know(self) -> None:
        id = self.begin("hang")
        self.process.send_signal(signal.SIGTERM)
        self.await_line("safe", times=2)
        self.tell("look", "b", id="too late")
        refused = self.controller.next("refused").refused
        self.assertEqual((refused.id, refused.why), ("too late", "driver “bench” is ending; nothing is begun"))
        self.assertEqual(self.process.wait(), 1)
        self.assertGreaterEqual(self.happened().count("safe"), 2)
        self.process = self.start()
        self.controller = self.connect()
        self.controller.hello()
        self.assertEqual(self.standing(id).standing, wire.CommandState.INTERRUPTED)


class DeadMan(BenchTest):
    arguments = ("--dead-man", "0.5")

    def test_a_driver_without_its_controller_makes_safe_by_itself(self) -> None:
        id = self.begin("wait", duration=(1, "h"))
        self.assertEqual(self.controller.outcome(id).fault, wire.INTERRUPTED)  # nothing more was said to it
        self.await_line("safe", times=2)
        again = self.connect()
        self.assertEqual(again.hello().dead_man_s, 0.5)
        (state,) = again.ask(id)
        self.assertEqual((state.standing, state.outcome.fault), (wire.CommandState.FINISHED, wire.INTERRUPTED))


if __name__ == "__main__":
    unittest.main()
