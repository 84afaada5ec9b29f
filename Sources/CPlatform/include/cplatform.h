// SPDX-License-Identifier: Apache-2.0
//
// The few glibc calls that the Glibc module does not offer to Swift 6.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Bounds the number of malloc arenas, so that memory freed by one thread serves another. Call before threads start.
void ew_malloc_limit_arenas(int count);
/// Maps allocations of at least this size on their own and gives them back when freed; by itself glibc takes the size of
/// the largest one freed so far for its threshold, and keeps that much at the top of an arena. Call before threads start.
void ew_malloc_return_large(int size);
/// Gives free memory at the top of the heaps back to the kernel.
void ew_malloc_trim(void);
/// Bytes handed out by malloc and not freed, over all arenas.
size_t ew_malloc_used(void);
/// Flushes stdout after each line, whatever it is connected to.
void ew_stdout_by_line(void);
/// Whether the kernel says that something keeps the wall clock right; 1 or 0.
int ew_clock_is_synchronized(void);
/// Whether the processor has instructions for CRC-32C (SSE 4.2, ARMv8 CRC); 1 or 0.
int ew_has_crc32c(void);
/// Continues the CRC-32C register `crc` (already inverted) over bytes; only where the processor has the instructions.
uint32_t ew_crc32c(const void *bytes, size_t count, uint32_t crc);
/// Gives the space of a range of a file back, which reads as zeros then, without changing its size; 0, or -1 and errno.
int ew_discard(int descriptor, int64_t offset, int64_t count);
/// Whether an open file is one of procfs itself, not one put over it or one of a tree that looks like it; 1 or 0.
int ew_is_procfs(int descriptor);
/// Reads entries of an open directory but for those that begin with a dot, as far as there is room (at least 512 bytes), each
/// as its inode number (8 bytes), its name, and a NUL; the bytes filled, 0 at the end, or -1 and errno.
int64_t ew_read_entries(int descriptor, void *room, size_t size);
/// Connects a socket to an address in digits, TCP when `is_stream`, else UDP, within a time; the descriptor, or -1 and errno
/// (EINVAL when the address is none).
int ew_dial(const char *host, int port, int is_stream, int timeout_milliseconds);
/// Sends all bytes within a time; 0, or -1 and errno.
int ew_send(int descriptor, const void *bytes, size_t count, int timeout_milliseconds);
/// Waits for bytes for a time; how many came, 0 at the end of a stream, or -1 and errno (ETIMEDOUT).
int64_t ew_receive(int descriptor, void *bytes, size_t room, int timeout_milliseconds);
/// Opens the descriptor that serves libdispatch where none is left (reserve.c); 0, or -1 and errno. Once is enough.
int ew_keep_reserve_descriptor(void);
/// Starts a program with an empty standard input and no errors shown, in a process group of its own; its id, and the
/// descriptor its output is read from, or a negative error number.
int ew_spawn(const char *path, char *const arguments[], char *const environment[], int *output);
