// SPDX-License-Identifier: Apache-2.0

extension OTLPConfig {
    init(reading section: Section) {
        self.init()
        strategy = section.choice("translation_strategy") ?? strategy
        if section.context.hasLegacyNames, strategy == .withSuffixes || strategy == .none {
            section.report(
                "translation_strategy",
                "\(strategy.rawValue) keeps names that global.metric_name_validation_scheme: legacy refuses",
                remedy: "use UnderscoreEscapingWithSuffixes, or the scheme utf8"
            )
        }
        promoted = section.strings("promote_resource_attributes")
        promotesAll = section.bool("promote_all_resource_attributes") ?? promotesAll
        ignored = section.strings("ignore_resource_attributes")
        if promotesAll, !promoted.isEmpty {
            section.report(
                "promote_resource_attributes",
                "\"promote_all_resource_attributes\" and \"promote_resource_attributes\" exclude each other",
                remedy: "name what is not wanted under ignore_resource_attributes"
            )
        }
        if !promotesAll, !ignored.isEmpty {
            section.report(
                "ignore_resource_attributes",
                "\"ignore_resource_attributes\" needs \"promote_all_resource_attributes: true\""
            )
        }
        keepsIdentifying = section.bool("keep_identifying_resource_attributes") ?? keepsIdentifying
        convertsToCustomBounds = section.bool("convert_histograms_to_nhcb") ?? convertsToCustomBounds
        promotesScope = section.bool("promote_scope_metadata") ?? promotesScope
        sanitizesUnderscores = section.bool("label_name_underscore_sanitization") ?? sanitizesUnderscores
        keepsUnderscores = section.bool("label_name_preserve_multiple_underscores") ?? keepsUnderscores
    }
}
