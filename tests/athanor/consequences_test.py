"""athanor instrument check: one mistake of a driver is called broken once."""

import concurrent.futures

from program import main
from trial import TrialTest

# Their handlers end on nothing but their own end; and end the process, soon or later.
BALANCE = """import os
import time

from athanor import Instrument, capability, main


class Balance(Instrument):
    @capability(usual="{usual}", repeatable=True)
    def weigh(self) -> None:
        {weigh}


if __name__ == "__main__":
    main("{name}", Balance("balance-1"))
"""
UNSOUND = {  # what weigh takes by its description, and does → what is broken
    "deaf": ("7 s", "time.sleep(7)", {"cancel-running", "stop"}),
    "deaf_for_long": ("60 s", "time.sleep(60)", {"cancel-running", "stop"}),
    "dies": ("4 s", "time.sleep(0.3); os._exit(3)", {"carried-out"}),
    "dies_late": ("8 s", "self.sleep(3.5); os._exit(3)", {"carried-out"}),
    "dies_unasked": ("60 s", "time.sleep(0.3); os._exit(3)", {"doubled-while-running"}),  # which is the first that needs it
}


class Consequences(TrialTest):
    def test_what_follows_from_a_mistake_is_not_called_broken(self):
        """Goal: one mistake, and not its consequences. Method: handlers that hear neither a cancel nor a stop, and such that end the process in
        mid-command; what else needs them is not tried, with the reason."""

        def try_out(name):
            usual, weigh, _ = UNSOUND[name]
            self.write(f"{name}.py", BALANCE.format(name=name, usual=usual, weigh=weigh))
            (report,), verdicts = self.check(f"{name}.py")
            return {promise["name"]: promise["detail"] for promise in report["promises"]}, verdicts

        with concurrent.futures.ThreadPoolExecutor(len(UNSOUND)) as pool:  # they wait most of the time
            trials = dict(zip(UNSOUND, pool.map(try_out, UNSOUND)))
        for name, (details, verdicts) in trials.items():
            with self.subTest(name):
                self.assertEqual(verdicts["broken"], UNSOUND[name][2], details)
                self.assertLessEqual({"hello", "limits", "refusal-kept", "new-boot"}, verdicts["holds"] | verdicts["n/a"], details)
        for name in ("deaf", "deaf_for_long"):
            details, verdicts = trials[name]
            self.assertIn("busy", verdicts["not tried"])
            self.assertIn("as “cancel-running” finds", details["last-hello"])
            self.assertIn("as “stop” finds", details["strangers"])
        details, verdicts = trials["dies"]
        self.assertIn("balance-1 weigh ended its driver (exit status 3; it said: ", details["cancel-running"])
        self.assertLessEqual({"cancel-running", "stop", "strangers"}, verdicts["not tried"])
        details, _ = trials["dies_late"]  # it ends on a cancel before that, but not in the dead-man time of 5 s
        self.assertEqual(details["dead-man"], "the driver ended by itself in the middle of a command, as “carried-out” finds")


if __name__ == "__main__":
    main()
