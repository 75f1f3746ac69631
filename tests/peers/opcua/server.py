"""An OPC UA server on the package asyncua: a furnace with a stirrer.

A heating goes on until the test lets it end; it fails with error 17 where that says “dry”.
"""

import asyncio
import logging
import pathlib
import sys
import time

from asyncua import Server, ua, uamethod
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from bench import Bench, options

NAMESPACE = "urn:example:furnace"
Type = ua.VariantType


class Users:
    def get_user(self, iserver, username=None, password=None, certificate=None):
        return User(role=UserRole.User, name=username) if (username, password) == ("athanor", "sesame") else None


class Furnace:
    def __init__(self, bench):
        self.bench = bench
        self.heating = None
        self.variables = {}

    async def build(self, server, namespace):
        self.server = server
        self.object = await server.nodes.objects.add_object(ua.NodeId("Furnace", namespace), ua.QualifiedName("Furnace", namespace))

        async def variable(name, value, kind, written=False):
            node = await self.object.add_variable(ua.NodeId(f"Furnace.{name}", namespace), ua.QualifiedName(name, namespace), value, kind)
            self.variables[name] = node
            if written:
                await node.set_writable()

        await variable("Temperature", 21.5, Type.Double)
        await variable("State", "idle", Type.String)
        await variable("Job", "", Type.String)
        await variable("Progress", 0.0, Type.Float)
        await variable("Error", 0, Type.UInt16)
        await variable("Log", "läuft\n" * (3 << 20), Type.String)
        await variable("Speed", 0, Type.Int32, written=True)
        await variable("Program", ua.LocalizedText("standard"), Type.LocalizedText, written=True)

        async def method(name, work, takes, gives):
            await self.object.add_method(ua.NodeId(f"Furnace.{name}", namespace), ua.QualifiedName(name, namespace), uamethod(work),
                                         [argument(*each) for each in takes], [argument(*each) for each in gives])

        await method("Heat", self.heat, [("Target", Type.Double), ("Duration", Type.Double), ("Job", Type.String)], [("Number", Type.UInt32)])
        await method("Stop", self.stop, [], [])
        await method("Weigh", self.weigh, [("Tray", Type.Byte)], [("Mass", Type.Double), ("Stable", Type.Boolean)])

    async def put(self, **values):
        for name, value in values.items():
            await self.variables[name].write_value(value, await self.variables[name].read_data_type_as_variant_type())

    async def heat(self, parent, target, duration, job):
        if self.heating is not None and not self.heating.done():
            return ua.StatusCode(ua.StatusCodes.BadInvalidState)
        self.bench.act(f"heat {target:g} {duration:g}")
        await self.put(State="heating", Job=job, Progress=25.0)
        self.heating = asyncio.create_task(self.heat_on(target))
        return 1

    async def heat_on(self, target):
        while self.bench.word() is None:
            await asyncio.sleep(0.02)
        if self.bench.word() == "dry":
            await self.put(State="failed", Error=17)
        else:
            await self.put(Temperature=target, Progress=100.0, State="done")

    async def stop(self, parent):
        self.bench.act("stop")
        if self.heating is not None:
            self.heating.cancel()
        await self.put(State="idle", Speed=0)

    async def weigh(self, parent, tray):
        if tray > 4:
            return ua.StatusCode(ua.StatusCodes.BadOutOfRange)
        if tray == 4:  # nothing else is answered meanwhile
            time.sleep(3)
        self.bench.act(f"weigh {tray}")
        return 0.1 * tray, True


def argument(name, kind):
    return ua.Argument(Name=name, DataType=ua.NodeId(kind.value), ValueRank=-1)


async def main():
    given = options(__doc__, ("--secure", "Basic256Sha256, signed and encrypted, and a user's name"),
                    ("--shifted", "its namespace has another number"), ("--broken", "the thermometer says nothing good"),
                    ("--fragile", "it drops who asks for the program's name"))
    logging.basicConfig(level=logging.CRITICAL)
    server = Server(user_manager=Users() if given.secure else None)
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{given.port}/")
    if given.secure:
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt], permission_ruleset=SimpleRoleRuleset())
        server.set_identity_tokens([ua.UserNameIdentityToken])
        await server.load_certificate(str(given.folder / "server.pem"))
        await server.load_private_key(str(given.folder / "server.key"), format="pem")
    if given.shifted:
        await server.register_namespace("urn:example:another")
    furnace = Furnace(Bench(given.folder))
    await furnace.build(server, await server.register_namespace(NAMESPACE))
    if given.broken:
        await furnace.variables["Temperature"].write_value(
            ua.DataValue(ua.Variant(20.0, Type.Double), StatusCode=ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue)))
    if given.fragile:
        def drop(node, attribute):
            for transport in server.iserver.asyncio_transports:
                transport.abort()
            return ua.DataValue(ua.Variant("", Type.String))

        server.set_attribute_value_callback(furnace.variables["Program"].nodeid, drop)
    async with server:
        print("ready", flush=True)
        await asyncio.Event().wait()  # until the test kills it


if __name__ == "__main__":
    asyncio.run(main())
