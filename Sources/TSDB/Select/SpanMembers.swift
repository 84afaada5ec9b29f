// SPDX-License-Identifier: Apache-2.0
//
// The series of a span while their places are gathered. A part joins the series it is of, which shippers ask for and
// see; a reference is judged once, however many windows name it.

internal import Samples

/// Wanted series with their places.
struct SpanMembers {
    private enum Judged {
        case unwanted
        case wanted(member: Int, part: SeriesPart?)
    }

    /// Labels by reference.
    private let labels: [Labels]
    private var judged: [SeriesReference: Judged] = [:]
    private var byLabels: [Labels: Int] = [:]
    private var members: [StoreSpan.Member] = []

    init(labels: [Labels]) {
        self.labels = labels
    }

    /// A column of a window holds this series or part.
    mutating func add(
        _ reference: SeriesReference,
        window: Int,
        column: Int,
        where wanted: (Labels) -> Bool
    ) {
        let known: Judged
        if let found = judged[reference] {
            known = found
        } else {
            known = judge(reference, wanted)
            judged[reference] = known
        }
        guard case .wanted(let member, let part) = known else { return }
        members[member].places.append(StoreSpan.Place(window: window, column: column, part: part))
    }

    /// All, ascending by labels.
    func sorted() -> [StoreSpan.Member] { members.sorted { $0.labels < $1.labels } }

    private mutating func judge(_ reference: SeriesReference, _ wanted: (Labels) -> Bool) -> Judged {
        // A series that is newer than the labels has no row in the span.
        guard Int(reference) < labels.count else { return .unwanted }
        let own = labels[Int(reference)]
        guard PartLabel.marks(own) else {
            return wanted(own) ? .wanted(member: member(own), part: nil) : .unwanted
        }
        guard let (name, parent) = PartLabel.split(own), let part = SeriesPart(name: name), wanted(parent)
        else { return .unwanted }
        return .wanted(member: member(parent), part: part)
    }

    private mutating func member(_ labels: Labels) -> Int {
        if let known = byLabels[labels] { return known }
        byLabels[labels] = members.count
        members.append(StoreSpan.Member(labels: labels, places: []))
        return members.count - 1
    }
}
