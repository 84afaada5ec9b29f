// SPDX-License-Identifier: Apache-2.0

public import Samples

/// What clients may push, whatever the protocol.
public struct PushConfig: Sendable, Equatable {
    /// Bytes of a body as it comes.
    public var bodySize: Int64 = 16 << 20
    /// Bytes of a body decompressed.
    public var decodedSize: Int64 = 32 << 20
    /// Labels of a series; 0 is no limit.
    public var labels = 100
    /// Bytes of a label name; 0 is no limit.
    public var labelNameLength = 512
    /// Bytes of a label value; 0 is no limit.
    public var labelValueLength = 4096
    /// Samples per second of one client address; 0 is no limit.
    public var rate = 0.0
    /// Samples a client may send at once; nil is ten seconds' worth.
    public var burst: Double?

    /// What values may be; takes effect at the next start.
    public var validation: [ValidationConfig] = []
    /// How often what the gateway holds is stored; `global.scrape_interval` unless configured.
    public var gatewayInterval = Duration.seconds(60)
    /// Groups the gateway holds at most.
    public var gatewayGroups = 1000

    /// Creates the defaults.
    public init() {}

    /// Samples a client may send at once.
    public var effectiveBurst: Double { burst ?? rate * 10 }

    /// Why a series has too many or too long labels, nil when it has not.
    public func refusal(of series: Labels) -> String? {
        var count = 0
        var tooLong: (key: String, length: Int, limit: Int)?
        series.forEachRange { name, value in
            count += 1
            if labelNameLength > 0, name.count > labelNameLength {
                tooLong = ("label_name_length_limit", name.count, labelNameLength)
            } else if labelValueLength > 0, value.count > labelValueLength {
                tooLong = ("label_value_length_limit", value.count, labelValueLength)
            }
        }
        let metric = (series.metricName ?? "").prefix(50)
        if labels > 0, count > labels {
            return
                "push.label_limit exceeded (metric: \(metric), number of labels: \(count), limit: \(labels))"
        }
        return tooLong.map {
            "push.\($0.key) exceeded (metric: \(metric), length: \($0.length), limit: \($0.limit))"
        }
    }
}
