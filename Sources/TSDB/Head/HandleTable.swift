// SPDX-License-Identifier: Apache-2.0
//
// SeriesID → where its values go. A handle is a series within a group; the same labels in two groups are two handles
// with one reference. Handles live as long as the process, because sources cache them (16 bytes and their labels
// each); `limit` bounds them.

internal import Samples

/// A series within a group.
struct SeriesHandle: Sendable {
    /// No column in the open window.
    static let noColumn = UInt32.max
    /// End of a chain.
    static let none = UInt32.max

    let group: UInt32
    let reference: SeriesReference
    /// The next handle with the same reference.
    let next: UInt32
    /// Place in the group's open window.
    var column = SeriesHandle.noColumn
    /// Frozen windows that hold the series.
    var frozen: UInt32 = 0
    /// Counted against the series limit: has a column, or was registered and not yet written.
    var isActive = true
    /// A part of another series (Samples/PartLabel.swift).
    var isPart = false
}

/// All handles of the process.
struct HandleTable: Sendable {
    private(set) var handles: [SeriesHandle] = []
    private var firstOf: [UInt32] = []
    private(set) var active = 0
    /// Parts among the active ones.
    private(set) var activeParts = 0

    subscript(_ id: SeriesID) -> SeriesHandle {
        @inline(__always) get { handles[Int(id.rawValue)] }
    }

    var count: Int { handles.count }

    @inline(__always)
    func contains(_ id: SeriesID) -> Bool { Int(id.rawValue) < handles.count }

    /// The handle of a reference in a group, nil when there is none.
    func find(_ reference: SeriesReference, group: UInt32) -> SeriesID? {
        var found: SeriesID?
        forEach(reference) { if self[$0].group == group { found = $0 } }
        return found
    }

    /// Calls `body` for the handles with a reference, one for each group the series is in.
    func forEach(_ reference: SeriesReference, _ body: (SeriesID) -> Void) {
        guard Int(reference) < firstOf.count else { return }
        var next = firstOf[Int(reference)]
        while next != SeriesHandle.none {
            body(SeriesID(rawValue: next))
            next = handles[Int(next)].next
        }
    }

    mutating func add(_ reference: SeriesReference, group: UInt32, isPart: Bool = false) -> SeriesID {
        while firstOf.count <= Int(reference) { firstOf.append(SeriesHandle.none) }
        let id = SeriesID(rawValue: UInt32(handles.count))
        handles.append(SeriesHandle(group: group, reference: reference, next: firstOf[Int(reference)]))
        firstOf[Int(reference)] = id.rawValue
        handles[Int(id.rawValue)].isPart = isPart
        active += 1
        if isPart { activeParts += 1 }
        return id
    }

    mutating func open(_ id: SeriesID, column: Int) {
        handles[Int(id.rawValue)].column = UInt32(column)
        activate(id)
    }

    mutating func activate(_ id: SeriesID) {
        guard !handles[Int(id.rawValue)].isActive else { return }
        handles[Int(id.rawValue)].isActive = true
        active += 1
        if handles[Int(id.rawValue)].isPart { activeParts += 1 }
    }

    /// The open window of the series' group was frozen.
    mutating func freeze(_ id: SeriesID) {
        handles[Int(id.rawValue)].column = SeriesHandle.noColumn
        handles[Int(id.rawValue)].frozen += 1
    }

    /// A frozen window of the series' group is in a segment now.
    mutating func thaw(_ id: SeriesID) {
        handles[Int(id.rawValue)].frozen -= 1
        deactivate(id)
    }

    /// The series has no column in the open window any more.
    mutating func close(_ id: SeriesID) {
        handles[Int(id.rawValue)].column = SeriesHandle.noColumn
        deactivate(id)
    }

    private mutating func deactivate(_ id: SeriesID) {
        let place = Int(id.rawValue)
        guard handles[place].column == SeriesHandle.noColumn, handles[place].frozen == 0 else { return }
        if handles[place].isActive {
            active -= 1
            if handles[place].isPart { activeParts -= 1 }
        }
        handles[place].isActive = false
    }
}
