"""A GE Druck PACE5000 pressure controller of gepace's, in SCPI over TCP by sinstruments.

gepace's simulation keeps settings and never moves; here its output reaches the set point when the test lets it. It answers each
question with its header, as the device does; a set point above 20,000 mbar goes to its queue of errors.
"""

import pathlib
import sys

from gepace.simulator import Pace
from sinstruments.simulator import Server

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bench import Bench, options

SETTINGS = ("src_amp", "out_stat", "src_slew")


class CountedPace(Pace):
    bench = None

    def handle_request(self, request):
        before = {name: self._config[name] for name in SETTINGS}
        answer = super().handle_request(request)
        if not request.query:
            self.bench.act(f"{request.name.upper()} {request.args}")
        if float(self._config["src_amp"]) > 20_000:
            self._config.update(before, sys_error='-222, "Data out of range;"')
        elif "ERR" in request.name.upper():
            self._config["sys_error"] = "0, No error"  # a question takes it from the queue
        if self.bench.word() is not None:
            self._config["sens1_pressure"] = float(self._config["src_amp"])
        return answer


def main():
    given = options(__doc__)
    CountedPace.bench = Bench(given.folder)
    server = Server([{"class": "CountedPace", "package": "__main__", "name": "pace",
                      "transports": [{"type": "tcp", "url": ["127.0.0.1", given.port]}]}])
    for device in server.devices.values():
        for transport in device.transports:
            transport.start()
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
