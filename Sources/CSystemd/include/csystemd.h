// SPDX-License-Identifier: Apache-2.0
//
// A few questions to systemd over its own library's D-Bus client (sd-bus(3)). The library is looked for when it is first
// needed, so that neither building nor running edgewatch depends on it; what is called is declared here.
//
// Errors are negative error numbers. A connection is for one thread at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// A connection to the system bus.
typedef struct ew_systemd ew_systemd;

/// Connects; each call takes at most so many microseconds. The address is that of the system bus unless one is given.
/// -ENOSYS when the library is not there.
int ew_systemd_open(const char *address, uint64_t timeout, ew_systemd **connection);
/// Ends a connection.
void ew_systemd_close(ew_systemd *connection);
/// Calls `visit` for each unit systemd knows, at most `limit` times; the texts are valid during the call.
int ew_systemd_units(
    ew_systemd *connection, size_t limit, void *context,
    void (*visit)(void *context, const char *name, const char *load, const char *active, const char *path));
/// A property that is a text, cut off at the size of `out`; with an empty path of systemd itself.
int ew_systemd_text(
    ew_systemd *connection, const char *path, const char *kind, const char *property, char *out, size_t size);
/// A property that is a number of the D-Bus type `u` or `t`.
int ew_systemd_number(
    ew_systemd *connection, const char *path, const char *kind, const char *property, char type, uint64_t *value);
