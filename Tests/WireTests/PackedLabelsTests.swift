// SPDX-License-Identifier: Apache-2.0
//
// Whatever is packed comes out again as it was, and takes as few bytes as the file head draws.

import Samples
import Testing

@testable import Wire

@Suite struct PackedLabelsTests {
    private static let prefix = "__meta_kubernetes_"

    /// Packs, unpacks and packs again.
    private func survives(_ labels: Labels, at location: SourceLocation = #_sourceLocation) {
        let packed = PackedLabels(labels)
        #expect(packed.labels == labels, sourceLocation: location)
        #expect(PackedLabels(packed.labels) == packed, sourceLocation: location)
    }

    @Test func whatItTakes() {
        func bytes(_ pairs: [String: String]) -> Int {
            PackedLabels(Labels(pairs.map { (name: $0.key, value: $0.value) })).byteCount
        }
        #expect(bytes([:]) == 0)
        #expect(bytes(["__address__": "h:1"]) == 1 + 4)
        #expect(bytes(["site": "north"]) == 1 + 5 + 6)
        let (label, present) = ("\(Self.prefix)pod_label_app", "\(Self.prefix)pod_labelpresent_app")
        #expect(bytes([label: "web", present: "true"]) == 1 + 4 + 4)
        #expect(bytes([present: "true"]) == 1 + 4 + 1)
        // One of the two alone has no short form.
        #expect(bytes([label: "web"]) == 1 + 1 + label.utf8.count + 4)
        #expect(bytes([label: "web", present: "no"]) == 2 * (1 + 1) + (label + present).utf8.count + 4 + 3)
    }

    /// Each of the two labels of a label and of an annotation absent, as it should be, and otherwise.
    @Test func everyCombinationOfTwoPairs() {
        let values = [nil, "true", "x"]
        for key in ["a", "", "present_a", "a_b"] {
            for number in 0..<81 {
                var pairs: [(name: String, value: String)] = [("__address__", "h:1")]
                var rest = number
                for kind in ["node_label", "node_labelpresent", "node_annotation", "node_annotationpresent"] {
                    if let value = values[rest % 3] { pairs.append(("\(Self.prefix)\(kind)_\(key)", value)) }
                    rest /= 3
                }
                survives(Labels(pairs))
            }
        }
    }

    @Test func everyNameOfTheTables() {
        #expect(PackedNames.names.count <= 127 && PackedNames.prefixes.count <= 128)
        survives(Labels(PackedNames.names.map { (name: $0, value: "v") }))
        for (plain, presence) in PackedNames.prefixes {
            let labels = Labels([(name: plain + "k", value: "v"), (name: presence + "k", value: "true")])
            survives(labels)
            #expect(PackedLabels(labels).byteCount == 1 + 2 + 2)
        }
    }

    @Test func textsOfEveryLength() {
        for length in [1, 127, 128, 16_383, 16_384, 70_000] {
            let text = String(repeating: "ü", count: length / 2) + String(repeating: "a", count: length % 2)
            survives(
                Labels([
                    (name: "\(Self.prefix)pod_annotation_\(text)", value: text),
                    (name: "\(Self.prefix)pod_annotationpresent_\(text)", value: "true"),
                    (name: text, value: text), (name: "__address__", value: text),
                ])
            )
        }
    }

    @Test func namesThatAreAlmostThese() {
        let names = [
            "__meta_kubernetes_pod_label", "__meta_kubernetes_pod_labelpresent",
            "__meta_kubernetes_pod_labels_a",
            "__meta_kubernetes_pods_label_a", "_meta_kubernetes_pod_label_a", "__meta_kubernetes_",
            "__meta_kubernetes_pod_label_\u{301}x", "__meta_kubernetes_pod_labelpresent_\u{301}x",
            "__address_", "",
        ]
        survives(Labels(names.map { (name: $0, value: "true") }))
        survives(Labels(names.map { (name: $0, value: "x") }))
    }

    @Test func aLaterSetWins() {
        var builder = LabelsBuilder(PackedLabels(Labels([(name: "a", value: "1"), (name: "b", value: "1")])))
        builder.merge(PackedLabels(Labels([(name: "b", value: "2"), (name: "c", value: "2")])))
        #expect(builder.sortedPairs.map { "\($0.name)\($0.value)" } == ["a1", "b2", "c2"])
        #expect(PackedLabels(builder)["b"] == "2" && PackedLabels(builder)["d"] == nil)
    }

    @Test func aLabelWithoutValueTakesNoneAway() {
        let (label, present) = ("\(Self.prefix)pod_label_app", "\(Self.prefix)pod_labelpresent_app")
        let set = Labels([(name: label, value: "web"), (name: present, value: "true")])
        var builder = LabelsBuilder(PackedLabels(set))
        builder.merge(PackedLabels(Labels([(name: present, value: "true")])))
        #expect(builder.labels() == set)
    }
}
