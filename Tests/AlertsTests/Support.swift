// SPDX-License-Identifier: Apache-2.0

import Samples

/// Label sets as literals: `labels(["alertname": "Down"])`.
func labels(_ pairs: KeyValuePairs<String, String>) -> Labels {
    Labels(pairs.map { (name: $0.key, value: $0.value) })
}
