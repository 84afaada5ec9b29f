# SPDX-License-Identifier: Apache-2.0
"""Modbus TCP units for the Swift tests: prints its port, serves until stdin closes.

Unit 1: holding 0..9 and 20..29 (a hole between), input 0..3 as float32, coils and discrete inputs.
Unit 2: holding 100..299 without a gap.
Any other unit answers with an exception, or with the argument `silent` not at all.
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


async def main():
    context = ModbusServerContext(devices={1: first, 2: second}, single=False)
    server = ModbusTcpServer(context, address=("127.0.0.1", 0), ignore_missing_devices="silent" in sys.argv)
    await server.serve_forever(background=True)
    print(server.transport.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
