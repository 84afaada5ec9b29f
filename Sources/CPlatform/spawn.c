// SPDX-License-Identifier: Apache-2.0
//
// Starts another program with nothing of ours but three descriptors, default signals and a process group of its own. In C
// because pipe2 and closefrom are glibc extensions that the Glibc module does not show.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "cplatform.h"

int ew_spawn(const char *path, char *const arguments[], char *const environment[], int *output) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) {
        close(ends[0]);
        close(ends[1]);
        return -code;
    }
    code = posix_spawnattr_init(&attributes);
    pid_t child = -1;
    if (code == 0) {
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        if (code == 0) code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (code == 0) code = posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        if (code == 0) code = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        if (code == 0) code = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        if (code == 0) code = posix_spawnattr_setsigmask(&attributes, &none);
        if (code == 0) code = posix_spawnattr_setsigdefault(&attributes, &all);
        if (code == 0) code = posix_spawnattr_setpgroup(&attributes, 0);
        if (code == 0)
            code = posix_spawnattr_setflags(
                &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        if (code == 0) code = posix_spawn(&child, path, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (code != 0) {
        close(ends[0]);
        return -code;
    }
    *output = ends[0];
    return child;
}
