// SPDX-License-Identifier: Apache-2.0
//
// What a job says of histograms, as labels of its targets: set before relabeling and read after it, so that one target may
// be treated otherwise than its job's others (Prometheus 3.13, docs "relabel_config"). A label that is gone after
// relabeling, as one is that was made of an annotation nobody wrote, says nothing: the job counts.

internal import Config
internal import Samples

extension ScrapeFormats {
    /// A setting as a label.
    struct SettingLabel {
        let name: String
        let setting: any WritableKeyPath<ScrapeFormats, Bool> & Sendable
    }

    /// The settings a target has as labels.
    static let settingLabels = [
        SettingLabel(name: "__scrape_native_histograms__", setting: \.nativeHistograms),
        SettingLabel(name: "__convert_classic_histograms_to_nhcb__", setting: \.convertsClassicHistograms),
        SettingLabel(name: "__always_scrape_classic_histograms__", setting: \.keepsClassicHistograms),
    ]

    /// The settings with what a target's labels say put over them.
    ///
    /// - Parameter labels: the labels after relabeling.
    /// - Returns: the settings; nil, with the label's name, when one says neither true nor false.
    func overridden(by labels: LabelsBuilder) -> (formats: ScrapeFormats?, wrong: String) {
        var formats = self
        for label in ScrapeFormats.settingLabels {
            guard let text = labels[label.name], !text.isEmpty else { continue }
            guard let value = ScrapeFormats.truth(text) else { return (nil, label.name) }
            formats[keyPath: label.setting] = value
        }
        return (formats, "")
    }

    /// A truth value as Go's strconv.ParseBool reads it.
    private static func truth(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }
}
