// SPDX-License-Identifier: Apache-2.0
//
// Directories without opendir(3), which allocates 32 KiB for each, and what tells files of procfs from those that look like
// them; the Glibc module offers Swift neither getdents64(2) nor fstatfs(2).
#define _GNU_SOURCE
#include "cplatform.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/types.h>

int ew_is_procfs(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

int64_t ew_read_entries(int descriptor, void *room, size_t size) {
    for (;;) {
        const ssize_t got = getdents64(descriptor, room, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got;
        // Packed in place: what is written of an entry is shorter than the entry, so nothing unread is written over.
        char *const bytes = room;
        size_t packed = 0;
        for (size_t place = 0; place + offsetof(struct dirent64, d_name) < (size_t)got;) {
            uint64_t inode;
            unsigned short length;
            memcpy(&inode, bytes + place + offsetof(struct dirent64, d_ino), sizeof inode);
            memcpy(&length, bytes + place + offsetof(struct dirent64, d_reclen), sizeof length);
            const char *const name = bytes + place + offsetof(struct dirent64, d_name);
            const size_t named = strnlen(name, (size_t)got - (size_t)(name - bytes));
            place += length;
            if (named == 0 || name[0] == '.') continue;
            memcpy(bytes + packed, &inode, sizeof inode);
            memmove(bytes + packed + sizeof inode, name, named);
            bytes[packed + sizeof inode + named] = 0;
            packed += sizeof inode + named + 1;
        }
        if (packed > 0) return (int64_t)packed;
    }
}
