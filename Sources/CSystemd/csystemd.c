// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "csystemd.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;

// What sd-bus(3) declares; the error argument of its calls is always a null pointer here.
static struct {
    int (*open_system)(sd_bus **);
    int (*new)(sd_bus **);
    int (*set_address)(sd_bus *, const char *);
    int (*set_bus_client)(sd_bus *, int);
    int (*start)(sd_bus *);
    sd_bus *(*flush_close_unref)(sd_bus *);
    int (*set_method_call_timeout)(sd_bus *, uint64_t);
    int (*call_method)(sd_bus *, const char *, const char *, const char *, const char *, void *, sd_bus_message **,
                       const char *, ...);
    int (*enter_container)(sd_bus_message *, char, const char *);
    int (*message_read)(sd_bus_message *, const char *, ...);
    sd_bus_message *(*message_unref)(sd_bus_message *);
    int (*get_property_trivial)(sd_bus *, const char *, const char *, const char *, const char *, void *, char, void *);
    int (*get_property_string)(sd_bus *, const char *, const char *, const char *, const char *, void *, char **);
} bus;

static int available;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// POSIX wants a function's address read through a pointer to an object (dlsym(3)).
static int find(void *library, const char *name, void *place) {
    void *symbol = dlsym(library, name);
    memcpy(place, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void load(void) {
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
    available = find(library, "sd_bus_open_system", &bus.open_system) && find(library, "sd_bus_new", &bus.new)
        && find(library, "sd_bus_set_address", &bus.set_address)
        && find(library, "sd_bus_set_bus_client", &bus.set_bus_client) && find(library, "sd_bus_start", &bus.start)
        && find(library, "sd_bus_flush_close_unref", &bus.flush_close_unref)
        && find(library, "sd_bus_set_method_call_timeout", &bus.set_method_call_timeout)
        && find(library, "sd_bus_call_method", &bus.call_method)
        && find(library, "sd_bus_message_enter_container", &bus.enter_container)
        && find(library, "sd_bus_message_read", &bus.message_read)
        && find(library, "sd_bus_message_unref", &bus.message_unref)
        && find(library, "sd_bus_get_property_trivial", &bus.get_property_trivial)
        && find(library, "sd_bus_get_property_string", &bus.get_property_string);
}

struct ew_systemd {
    sd_bus *bus;
};

static const char *const service = "org.freedesktop.systemd1";
static const char *const manager = "/org/freedesktop/systemd1";
static const char *const manager_interface = "org.freedesktop.systemd1.Manager";

static int open_at(const char *address, sd_bus **connection) {
    int code = bus.new(connection);
    if (code >= 0) code = bus.set_address(*connection, address);
    if (code >= 0) code = bus.set_bus_client(*connection, 1);
    if (code >= 0) code = bus.start(*connection);
    return code;
}

int ew_systemd_open(const char *address, uint64_t timeout, ew_systemd **connection) {
    pthread_once(&once, load);
    if (!available) return -ENOSYS;
    ew_systemd *made = calloc(1, sizeof *made);
    if (made == NULL) return -ENOMEM;
    int code = address == NULL ? bus.open_system(&made->bus) : open_at(address, &made->bus);
    if (code >= 0) code = bus.set_method_call_timeout(made->bus, timeout);
    if (code < 0) {
        ew_systemd_close(made);
        return code;
    }
    *connection = made;
    return 0;
}

void ew_systemd_close(ew_systemd *connection) {
    if (connection->bus != NULL) bus.flush_close_unref(connection->bus);
    free(connection);
}

int ew_systemd_units(
    ew_systemd *connection, size_t limit, void *context,
    void (*visit)(void *context, const char *name, const char *load, const char *active, const char *path)) {
    sd_bus_message *reply = NULL;
    int code = bus.call_method(
        connection->bus, service, manager, manager_interface, "ListUnits", NULL, &reply, "");
    if (code < 0) return code;
    code = bus.enter_container(reply, 'a', "(ssssssouso)");
    while (code >= 0 && limit > 0) {
        const char *name, *about, *load, *active, *sub, *following, *path, *job_type, *job_path;
        uint32_t job;
        code = bus.message_read(
            reply, "(ssssssouso)", &name, &about, &load, &active, &sub, &following, &path, &job, &job_type, &job_path);
        if (code <= 0) break;
        visit(context, name, load, active, path);
        limit--;
    }
    bus.message_unref(reply);
    return code < 0 ? code : 0;
}

// The interface of a kind of unit, or of systemd itself.
static const char *interface_name(const char *kind, char *out, size_t size) {
    if (kind[0] == 0) return manager_interface;
    if (strlen(service) + 1 + strlen(kind) + 1 > size) return NULL;
    memcpy(out, service, strlen(service));
    out[strlen(service)] = '.';
    memcpy(out + strlen(service) + 1, kind, strlen(kind) + 1);
    return out;
}

int ew_systemd_text(
    ew_systemd *connection, const char *path, const char *kind, const char *property, char *out, size_t size) {
    char buffer[128];
    const char *interface = interface_name(kind, buffer, sizeof buffer);
    if (interface == NULL || size == 0) return -EINVAL;
    char *text = NULL;
    int code = bus.get_property_string(
        connection->bus, service, path[0] == 0 ? manager : path, interface, property, NULL, &text);
    if (code < 0) return code;
    size_t length = strnlen(text, size - 1);
    memcpy(out, text, length);
    out[length] = 0;
    free(text);
    return 0;
}

int ew_systemd_number(
    ew_systemd *connection, const char *path, const char *kind, const char *property, char type, uint64_t *value) {
    char buffer[128];
    const char *interface = interface_name(kind, buffer, sizeof buffer);
    if (interface == NULL || (type != 'u' && type != 't')) return -EINVAL;
    uint64_t wide = 0;
    uint32_t narrow = 0;
    int code = bus.get_property_trivial(
        connection->bus, service, path, interface, property, NULL, type, type == 'u' ? (void *)&narrow : (void *)&wide);
    if (code < 0) return code;
    *value = type == 'u' ? narrow : wide;
    return 0;
}
