# SPDX-License-Identifier: Apache-2.0
"""Modbus TCP units for the Swift tests: prints its port, serves until stdin closes.

Unit 1: holding 0..9 and 20..29 (a hole between), input 0..3 as float32, coils and discrete inputs.
Unit 2: holding 100..299 without a gap.
Any other unit answers with an exception, or with the argument `silent` not at all: a relay in front of the server
swallows what is meant for it, as a gateway does whose serial device is off.
"""

import asyncio
import struct
import sys

from pymodbus.datastore import ModbusDeviceContext, ModbusServerContext, ModbusSparseDataBlock
from pymodbus.server import ModbusTcpServer


def words(form, value):
    data = struct.pack(">" + form, value)
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def place(values, address, registers):
    values.update({address + index: value for index, value in enumerate(registers)})


holding = {address: 0 for address in [*range(10), *range(20, 30)]}
place(holding, 0, words("h", -125))
place(holding, 1, [65535])
place(holding, 2, words("I", 0x12345678))
place(holding, 4, list(reversed(words("i", -100000))))
place(holding, 20, words("d", 2.5e-3))
place(holding, 24, words("q", -(2**40)))
inputs = {}
swapped = [int.from_bytes(word.to_bytes(2, "big"), "little") for word in words("f", 3.25)]
place(inputs, 0, swapped)
place(inputs, 2, list(reversed(swapped)))
first = ModbusDeviceContext(
    hr=ModbusSparseDataBlock(holding),
    ir=ModbusSparseDataBlock(inputs),
    co=ModbusSparseDataBlock({0: True, 1: False, 5: True}),
    di=ModbusSparseDataBlock({0: False, 1: True}),
)
second = ModbusDeviceContext(hr=ModbusSparseDataBlock({address: address * 10 for address in range(100, 300)}))


async def copy(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


def relay(port):
    async def serve(reader, writer):
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", port)
        answers = asyncio.create_task(copy(upstream_reader, writer))
        try:
            while True:
                header = await reader.readexactly(7)
                body = await reader.readexactly(int.from_bytes(header[4:6], "big") - 1)
                if header[6] in (1, 2):
                    upstream.write(header + body)
        except asyncio.IncompleteReadError:
            upstream.close()
            await answers

    return serve


async def main():
    context = ModbusServerContext(devices={1: first, 2: second}, single=False)
    server = ModbusTcpServer(context, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]
    if "silent" in sys.argv:
        front = await asyncio.start_server(relay(port), "127.0.0.1", 0)
        port = front.sockets[0].getsockname()[1]
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
