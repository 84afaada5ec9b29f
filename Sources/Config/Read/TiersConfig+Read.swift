// SPDX-License-Identifier: Apache-2.0
//
// `storage.tiers`: how long what is kept. `hot` is another name for what `circular_buffer.size` and `retention` say of
// the samples; `warm` and `cold` are the rows that outlive them. The short form names only the time: `warm: 7d`.

internal import Samples

/// The tiers as they are written.
struct TiersReading {
    /// How long samples are served.
    var hotRetention: Duration?
    /// Bytes of the ring of samples.
    var hotSize: Int64?
    fileprivate var warm = Written()
    fileprivate var cold = Written()

    /// What the file says of a tier.
    fileprivate struct Written {
        var isNamed = false
        var isOff = false
        var resolution: Duration?
        var retention: Duration?
        var size: Int64?
    }

    private static let resolutions: ClosedRange<Duration> = .seconds(60)...(.seconds(86_400))

    init(reading section: Section) {
        (hotRetention, hotSize) = TiersReading.hot(section)
        warm = TiersReading.tier(section, "warm")
        cold = TiersReading.tier(section, "cold")
        let steps = [
            ("hot", hotRetention), ("warm", warm.isOff ? nil : warm.retention),
            ("cold", cold.isOff ? nil : cold.retention),
        ]
        var longest: (name: String, retention: Duration)?
        for (name, retention) in steps {
            guard let retention else { continue }
            if let longest, retention <= longest.retention {
                section.report(
                    name,
                    "\"\(name)\" ends after \(PromDuration.format(retention)), when \"\(longest.name)\" "
                        + "still has more (\(PromDuration.format(longest.retention)))",
                    remedy: "a coarser tier is for the time after the finer one"
                )
            }
            longest = (name, retention)
        }
        checkResolutions(section)
    }

    /// The tiers beside a ring of samples of this size.
    func tiers(ringSize: Int64) -> TiersConfig {
        var config = TiersConfig(ringSize: ringSize)
        if warm.isNamed, !warm.isOff {
            config.warm = TiersConfig.Tier(
                resolution: warm.resolution ?? .seconds(300),
                retention: warm.retention,
                size: warm.size ?? TiersConfig.warmSize(ringSize)
            )
        }
        config.cold?.resolution = cold.resolution ?? .seconds(3600)
        config.cold?.retention = cold.retention
        config.cold?.size = cold.size ?? TiersConfig.coldSize(ringSize)
        if cold.isOff { config.cold = nil }
        return config
    }

    // MARK: - Parts

    private static func hot(_ section: Section) -> (Duration?, Int64?) {
        guard section.node["hot"]?.entries != nil else { return (section.interval("hot"), nil) }
        return section.section("hot") { tier in (tier.interval("retention"), tier.size("size")) }
    }

    private static func tier(_ section: Section, _ key: String) -> Written {
        var written = Written()
        guard let node = section.node[key], !node.isNull else {
            section.accept([key])
            return written
        }
        written.isNamed = true
        if let isOn = node.bool {
            section.accept([key])
            written.isOff = !isOn
        } else if node.entries == nil {
            written.retention = section.interval(key)
        } else {
            section.section(key) { tier in
                written.resolution = tier.interval("resolution")
                written.retention = tier.interval("retention")
                written.size = tier.size("size")
                if let resolution = written.resolution, !resolutions.contains(resolution) {
                    tier.report("resolution", "\"resolution\" must be from 1m to 1d")
                }
                if let size = written.size, size < TiersConfig.smallestSize {
                    tier.report("size", "a tier needs at least 4MB")
                }
            }
        }
        return written
    }

    private func checkResolutions(_ section: Section) {
        guard warm.isNamed, !warm.isOff, !cold.isOff else { return }
        let fine = (warm.resolution ?? .seconds(300)).milliseconds
        let coarse = (cold.resolution ?? .seconds(3600)).milliseconds
        guard fine > 0, coarse <= fine || coarse % fine != 0 else { return }
        section.report(
            warm.resolution != nil ? "warm" : "cold",
            "the resolution of \"cold\" must be a multiple of that of \"warm\""
        )
    }
}
