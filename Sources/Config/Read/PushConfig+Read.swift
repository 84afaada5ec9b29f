// SPDX-License-Identifier: Apache-2.0

extension PushConfig {
    init(reading section: Section, _ global: GlobalConfig) {
        self.init()
        bodySize = section.byteLimit("body_size_limit") ?? bodySize
        decodedSize = section.byteLimit("decoded_size_limit") ?? decodedSize
        labels = section.integer("label_limit", in: 0...(.max)) ?? labels
        labelNameLength = section.integer("label_name_length_limit", in: 0...(.max)) ?? labelNameLength
        labelValueLength = section.integer("label_value_length_limit", in: 0...(.max)) ?? labelValueLength
        rate = section.sampleCount("rate_limit") ?? rate
        burst = section.sampleCount("rate_burst")
        validation = section.validations()
        gatewayInterval = global.scrapeInterval
        section.section("gateway") { section in
            gatewayInterval = section.interval("interval") ?? gatewayInterval
            gatewayGroups = section.integer("groups", in: 1...100_000) ?? gatewayGroups
        }
    }
}

extension Section {
    /// A size of at most a gigabyte: decoders have places of 32 bits, and a gateway no memory for more.
    fileprivate func byteLimit(_ key: String) -> Int64? {
        guard let limit = size(key) else { return nil }
        if limit > 0, limit <= 1 << 30 { return limit }
        report(key, "\"\(key)\": expected a size from 1B to 1GB")
        return nil
    }

    fileprivate func sampleCount(_ key: String) -> Double? {
        guard let count = number(key) else { return nil }
        if count >= 0 { return count }
        report(key, "\"\(key)\": expected a number of samples, 0 or more")
        return nil
    }
}
