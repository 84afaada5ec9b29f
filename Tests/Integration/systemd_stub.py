# SPDX-License-Identifier: Apache-2.0
"""A systemd on a bus of its own: as much of org.freedesktop.systemd1 as collectors ask for, with a few units.

    systemd_stub.py DIRECTORY      starts dbus-daemon and prints the bus' address once the service is there;
                                   ends, and the bus with it, when its standard input does
"""

import asyncio
import os
import subprocess
import sys
import threading

from dbus_next import Variant
from dbus_next.aio import MessageBus
from dbus_next.message import Message, MessageType

MANAGER = "/org/freedesktop/systemd1"
# name, loaded, active state, properties by interface
UNITS = [
    ("ssh.service", "loaded", "active", {
        "Service": {"Type": Variant("s", "notify"), "NRestarts": Variant("u", 3),
                    "TasksCurrent": Variant("t", 7), "TasksMax": Variant("t", 2**64 - 1)},
        "Unit": {"ActiveEnterTimestamp": Variant("t", 1_700_000_000_500_000)}}),
    ("broken.service", "loaded", "failed", {
        "Service": {"Type": Variant("s", "oneshot"), "NRestarts": Variant("u", 0),
                    "TasksCurrent": Variant("t", 2**64 - 1), "TasksMax": Variant("t", 100)},
        "Unit": {"ActiveEnterTimestamp": Variant("t", 0)}}),
    ("gone.service", "not-found", "inactive", {}),
    ("api.socket", "loaded", "active", {
        "Socket": {"NAccepted": Variant("u", 12), "NConnections": Variant("u", 2), "NRefused": Variant("u", 1)},
        "Unit": {"ActiveEnterTimestamp": Variant("t", 5_000_000)}}),
    ("nightly.timer", "loaded", "activating", {
        "Timer": {"LastTriggerUSec": Variant("t", 1_600_000_000_250_000)},
        "Unit": {"ActiveEnterTimestamp": Variant("t", 0)}}),
    ("user.slice", "loaded", "active", {}),
    ("multi-user.target", "loaded", "active", {"Unit": {"ActiveEnterTimestamp": Variant("t", 6_000_000)}}),
]
SYSTEM = {"Version": Variant("s", "252.39-1~deb12u1"), "SystemState": Variant("s", "degraded"),
          "Virtualization": Variant("s", "kvm")}


def path(name):
    escaped = "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):02x}" for c in name)
    return f"{MANAGER}/unit/{escaped}"


PROPERTIES = {path(name): interfaces for name, _, _, interfaces in UNITS}
PROPERTIES[MANAGER] = {"Manager": SYSTEM}


def handle(message):
    if message.message_type is not MessageType.METHOD_CALL:
        return None
    if message.path == MANAGER and message.member == "ListUnits":
        rows = [[name, name, load, active, "x", "", path(name), 0, "", "/"] for name, load, active, _ in UNITS]
        return Message.new_method_return(message, "a(ssssssouso)", [rows])
    if message.interface == "org.freedesktop.DBus.Properties" and message.path in PROPERTIES:
        interface = message.body[0].rsplit(".", 1)[-1]
        if message.member == "Get":
            value = PROPERTIES[message.path].get(interface, {}).get(message.body[1])
            if value is not None:
                return Message.new_method_return(message, "v", [value])
        if message.member == "GetAll":
            found = PROPERTIES[message.path].get(interface, {})
            return Message.new_method_return(message, "a{sv}", [found])
    return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownProperty", "unknown")


async def serve(address):
    bus = await MessageBus(bus_address=address).connect()
    bus.add_message_handler(handle)
    await bus.request_name("org.freedesktop.systemd1")
    print(address, flush=True)
    await bus.wait_for_disconnect()


def main():
    address = f"unix:path={sys.argv[1]}/bus"
    daemon = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address", f"--address={address}"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def end():
        # Not by signals: a child of a test may have inherited that they are blocked.
        sys.stdin.read()
        daemon.kill()
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()
    daemon.stdout.readline()
    asyncio.run(serve(address))


if __name__ == "__main__":
    main()
