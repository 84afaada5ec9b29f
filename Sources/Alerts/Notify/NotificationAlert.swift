// SPDX-License-Identifier: Apache-2.0

internal import Config
internal import Samples
internal import Wire

/// An alert as receivers are told of it: external labels added, relabeling done.
struct NotificationAlert: Sendable, Equatable {
    let labels: Labels
    let annotations: Labels
    /// When it began firing.
    let startsAt: Timestamp
    /// When it ended; nil while it fires.
    let resolvedAt: Timestamp?
    /// Until when a firing alert counts as firing without further news.
    let validUntil: Timestamp?
    let generatorURL: String

    var fingerprint: Fingerprint { Fingerprint(labels) }

    /// The alert for receivers; nil when relabeling drops it.
    init?(_ noticed: RuleNotice.NoticedAlert, externalLabels: Labels, relabeling: [RelabelConfig]) {
        let alert = noticed.alert
        var builder = LabelsBuilder(alert.labels)
        for (name, value) in externalLabels.pairs where builder[name] == nil { builder.set(name, value) }
        guard let labels = relabeling.apply(to: builder.labels()), !labels.isEmpty else { return nil }
        self.labels = labels
        annotations = alert.annotations
        startsAt = alert.firedAt ?? alert.activeAt
        resolvedAt = alert.resolvedAt
        validUntil = alert.validUntil
        generatorURL = noticed.generatorURL
    }

    init(
        labels: Labels,
        annotations: Labels,
        startsAt: Timestamp,
        resolvedAt: Timestamp?,
        validUntil: Timestamp? = nil,
        generatorURL: String
    ) {
        self.labels = labels
        self.annotations = annotations
        self.startsAt = startsAt
        self.resolvedAt = resolvedAt
        self.validUntil = validUntil
        self.generatorURL = generatorURL
    }

    /// The same alert after it went through further relabeling; nil when that drops it.
    func relabeled(_ relabeling: [RelabelConfig]) -> NotificationAlert? {
        guard !relabeling.isEmpty else { return self }
        guard let changed = relabeling.apply(to: labels), !changed.isEmpty else { return nil }
        return NotificationAlert(
            labels: changed,
            annotations: annotations,
            startsAt: startsAt,
            resolvedAt: resolvedAt,
            validUntil: validUntil,
            generatorURL: generatorURL
        )
    }

    /// The same alert ended.
    func resolved(at time: Timestamp) -> NotificationAlert {
        NotificationAlert(
            labels: labels,
            annotations: annotations,
            startsAt: startsAt,
            resolvedAt: time,
            generatorURL: generatorURL
        )
    }
}

extension JSONWriter {
    /// A label set as an object.
    mutating func object(_ labels: Labels) {
        beginObject()
        for (name, value) in labels.pairs {
            key(name)
            string(value)
        }
        endObject()
    }
}
