# SPDX-License-Identifier: Apache-2.0
"""A Modbus TCP device (pymodbus) read through the whole daemon."""

import pathlib
import sys

from conftest import Process, free_port, wait_for

SERVER = pathlib.Path(__file__).resolve().parent / "modbus_server.py"


def test_registers_become_series(edgewatch, running, tmp_path):
    port = free_port()
    running(Process("modbus", [sys.executable, SERVER, port], tmp_path / "modbus"))
    process = edgewatch(
        "collectors:\n  host: {enabled: false}\n  modbus:\n"
        f"    - name: plc\n      address: tcp://127.0.0.1:{port}\n      unit: 1\n      interval: 500ms\n"
        "      labels: {line: '3'}\n      registers:\n"
        "        - {metric: plc_temperature_celsius, table: holding, address: 0, type: int16, scale: 0.1}\n"
        "        - {metric: plc_counter_total, table: holding, address: 2, type: uint32, byte_order: ABCD}\n"
        "        - {metric: plc_flow, table: input, address: 4, type: float32, byte_order: CDAB}\n"
        "        - {metric: plc_state, table: input, address: 10, type: uint16, labels: {part: pump}}\n"
    )
    assert wait_for("temperature", lambda: process.value("plc_temperature_celsius")) == -12.5
    assert process.value("plc_counter_total") == 305419896
    assert process.value("plc_flow") == 3.25
    series = process.query("plc_state")[0]
    assert series["value"][1] == "65535"
    assert series["metric"]["part"] == "pump" and series["metric"]["line"] == "3"
    assert process.value("edgewatch_modbus_up") == 1
