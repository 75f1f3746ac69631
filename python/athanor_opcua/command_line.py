"""`athanor-opcua` alone is what a driver starts; `athanor-opcua browse URL` shows a person what a server has."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from .browse import browse
from .errors import Failure
from .requests import serve


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="athanor-opcua",
        description="Speaks OPC UA for “athanor driver run”, which starts it without arguments and gives it requests on its standard "
                    "input. With “browse” it shows what a server has, as the beginning of a profile.")
    commands = parser.add_subparsers(dest="command")
    look = commands.add_parser("browse", help="show the variables and methods of a server, as a profile names them")
    look.add_argument("url", help="opc.tcp://HOST:PORT")
    look.add_argument("--certificate", help="this client's certificate: the connection is signed and encrypted")
    look.add_argument("--private-key", help="the key of that certificate")
    look.add_argument("--server-certificate", help="the certificate of the server that is trusted")
    look.add_argument("--user", help="a user of the server")
    look.add_argument("--password-file", help="the file that holds this user's password")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)  # what the library has to say is in the answers
    if options.command is None:
        asyncio.run(serve())
        return
    security = {key: value for key in ("certificate", "private_key", "server_certificate") if (value := getattr(options, key))}
    if security and len(security) < 3:
        parser.error("--certificate, --private-key and --server-certificate go together")
    if bool(options.user) != bool(options.password_file):
        parser.error("--user and --password-file go together")
    settings: dict[str, object] = {"url": options.url, "timeout": 10.0}
    if security:
        settings["security"] = security
    if options.user:
        settings["user"] = {"name": options.user, "password_file": options.password_file}
    try:
        print(asyncio.run(browse(settings)))
    except Failure as failure:
        sys.exit(f"athanor-opcua: {failure}")
