// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdio.h>
#include <sensors/sensors.h>
#include <sensors/error.h>
