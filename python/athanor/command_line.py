"""What `python3 NAME.py` does: reads the command line, serves the instruments, and makes them safe at the end."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence

from .driver import Driver
from .errors import InputError, EnvironmentFailure
from .instrument import Instrument
from .keys import Keys, is_port
from .ledger import Ledger
from .server import Server
from .waker import Waker

_log = logging.getLogger("athanor")


def main(name: str, *instruments: Instrument, arguments: Sequence[str] | None = None) -> None:
    """Serves as the driver `name` until SIGTERM or Ctrl-C; then makes the instruments safe and ends the process.

    Exit status: 0 ended, all safe; 1 ended, and something is not known to be safe; 2 the description or the command line is
    wrong; 3 the surroundings failed (address, ledger, disk).
    """
    options = _parse(name, arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s: %(message)s")
    try:
        sys.exit(0 if _serve(name, list(instruments), options) else 1)
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except EnvironmentFailure as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(3)


def _parse(name: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"The driver “{name}” of an Athanor laboratory; serves until Ctrl-C.")
    parser.add_argument("--address", default="tcp://127.0.0.1:5571",
                        help="where it listens: tcp://HOST:PORT or ipc://FILE (default: %(default)s)")
    parser.add_argument("--ledger", default=f"{name}.ledger",
                        help="its memory of what was begun and how it ended (default: %(default)s, here). Never delete it while a "
                             "campaign that used it may be continued")
    parser.add_argument("--dead-man", type=_dead_man, default=60.0, metavar="SECONDS",
                        help="make the instruments safe when no controller was heard for so long; 0: never (default: 60)")
    parser.add_argument("--key", metavar="NAME",
                        help="its own key, as “athanor keys new NAME” makes it: the link is encrypted, and only keys that were "
                             "allowed may enter. Needed where the address can be reached from other machines")
    parser.add_argument("--data-port", type=_port, default=0, metavar="PORT",
                        help="of the second socket, where a driver makes arrays and listens at tcp (default: the system chooses)")
    return parser.parse_args(arguments)


def _dead_man(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise ValueError
    return value


def _port(text: str) -> int:
    if not is_port(text):
        raise argparse.ArgumentTypeError(f"{text} is no port; expected 1 to 65535")
    return int(text)


def _serve(name: str, instruments: list[Instrument], options: argparse.Namespace) -> bool:
    keys = Keys.load(options.key) if options.key else None
    waker = Waker()
    ledger = Ledger(options.ledger)
    driver = Driver(name, f"{os.getpid()}-{time.time_ns()}", instruments, ledger, options.dead_man, waker)
    server = Server(driver, options.address, waker, keys, options.data_port)
    for name_of_signal in {"SIGTERM", "SIGINT", "SIGHUP"} & {each.name for each in signal.Signals}:
        signal.signal(signal.Signals[name_of_signal], lambda *_: server.end())
    _log.info("driver “%s” serves %s at %s", name, ", ".join(each.id for each in instruments), options.address)
    try:
        safe = server.serve()
    except BaseException:
        # Nobody foresaw it. The devices go on with what they do unless they are told.
        everything = "everything was made safe" if driver.stops.make_safe_at_last() else "not everything is known to be safe"
        _log.critical("driver “%s” cannot go on and ends; %s. Look at the instruments, and report this", name, everything)
        raise
    server.close()
    ledger.close()
    if not safe:
        _log.error("ended, and not everything is known to be safe; look at the instruments")
    return safe
