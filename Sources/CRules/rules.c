// SPDX-License-Identifier: Apache-2.0
#include "include/crules.h"

static const unsigned char node[] = {
#embed "../../rules/node.yml"
};
static const unsigned char edge[] = {
#embed "../../rules/edge.yml"
};

const unsigned char *ew_rules_node(size_t *length) {
    *length = sizeof node;
    return node;
}

const unsigned char *ew_rules_edge(size_t *length) {
    *length = sizeof edge;
    return edge;
}
