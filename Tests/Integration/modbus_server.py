# SPDX-License-Identifier: Apache-2.0
"""A Modbus TCP server with known registers: modbus_server.py PORT."""

import sys

from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartTcpServer

holding = [0] * 32
holding[0] = (-125) & 0xFFFF
holding[2:4] = [0x1234, 0x5678]
inputs = [0] * 32
inputs[4:6] = [0x0000, 0x4050]  # 3.25 as float32, words swapped
inputs[10] = 0xFFFF

# The data blocks count from 1.
context = ModbusDeviceContext(
    hr=ModbusSequentialDataBlock(1, holding),
    ir=ModbusSequentialDataBlock(1, inputs),
)
StartTcpServer(context=ModbusServerContext(devices={1: context}, single=False), address=("127.0.0.1", int(sys.argv[1])))
