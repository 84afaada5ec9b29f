// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdio.h>
#include <sensors/sensors.h>
#include <sensors/error.h>
// adjtimex(2): Swift's Glibc module leaves this header out.
#include <sys/timex.h>
