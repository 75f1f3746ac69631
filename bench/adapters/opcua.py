"""The ends in Python for `bench_adapters --opcua PYTHON`: a server on asyncua, and asyncua's bare client.

    opcua.py serve    says its address, and serves until its input ends
    opcua.py ask URL  for each line of its input, “read” or “call”, does that once and says how long it took, in µs
"""

import asyncio
import logging
import sys
import time

from asyncua import Client, Server, ua, uamethod

NAMESPACE = "urn:example:meter"


@uamethod
def weigh(parent):
    return 1.25


async def lines():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().strip()


async def serve():
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/")
    namespace = await server.register_namespace(NAMESPACE)
    meter = await server.nodes.objects.add_object(ua.NodeId("Meter", namespace), ua.QualifiedName("Meter", namespace))
    await meter.add_variable(ua.NodeId("Meter.V", namespace), ua.QualifiedName("V", namespace), 1.25, ua.VariantType.Double)
    mass = ua.Argument(Name="Mass", DataType=ua.NodeId(ua.VariantType.Double.value), ValueRank=-1)
    await meter.add_method(ua.NodeId("Meter.Weigh", namespace), ua.QualifiedName("Weigh", namespace), weigh, [], [mass])
    async with server:
        port = server.bserver._server.sockets[0].getsockname()[1]
        print(f"opc.tcp://127.0.0.1:{port}", flush=True)
        async for _ in lines():
            pass


async def ask(url):
    async with Client(url) as client:
        namespace = await client.get_namespace_index(NAMESPACE)
        meter = client.get_node(ua.NodeId("Meter", namespace))
        variable, method = (client.get_node(ua.NodeId(name, namespace)) for name in ("Meter.V", "Meter.Weigh"))
        print("ready", flush=True)
        async for what in lines():
            began = time.perf_counter()
            value = await variable.read_value() if what == "read" else await meter.call_method(method.nodeid)
            took = time.perf_counter() - began
            assert value == 1.25
            print(took * 1e6, flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(serve() if sys.argv[1] == "serve" else ask(sys.argv[2]))
