// SPDX-License-Identifier: Apache-2.0
//
// SeriesID → where its values go. A handle is a series within a group; the same labels in two groups are two handles
// with one reference. Sources cache handles, so one lives until they or its group are released (40 bytes and its labels
// each); then its number is used again.

internal import Samples

/// A series within a group.
struct SeriesHandle: Sendable {
    /// No column in the open window of a lane.
    static let noColumn = UInt32.max
    static let noLane = UInt32.max
    /// End of a chain.
    static let none = UInt32.max

    /// No sample of the handle is newer, apart from rows of its column; may be later than the truth, never earlier.
    var newest: Int64
    var group: UInt32
    let reference: SeriesReference
    /// The next handle with the same reference.
    fileprivate(set) var next: UInt32
    /// The lane that took its last sample.
    var lane = SeriesHandle.noLane
    /// Place in the lane's open window.
    var column = SeriesHandle.noColumn
    /// Windows that hold the series, apart from the one where its column is.
    var otherWindows: UInt32 = 0
    /// The handle of its histograms' layout, when it has histograms: a value at the time of one is a second sample.
    var layout = SeriesHandle.none
    /// How often in a row the lane was ahead of it.
    var lags: UInt8 = 0
    /// Counted against the series limit: in a window, or registered and not yet written.
    var isActive = true
    /// A part of another series (Samples/PartLabel.swift); parts have no uses and go with their series.
    var isPart = false
    /// How often sources asked for the series and did not give it back; at the top it counts no more, and stays.
    private(set) var uses: UInt8 = 0

    mutating func use() {
        if uses < .max { uses += 1 }
    }

    /// Gives a use back; returns whether it was the last.
    mutating func giveBack() -> Bool {
        guard uses > 0, uses < .max else { return false }
        uses -= 1
        return uses == 0
    }
}

/// All handles of the process.
struct HandleTable: Sendable {
    var handles: [SeriesHandle] = []
    private var firstOf: [UInt32] = []
    private var free: [UInt32] = []
    private(set) var active = 0
    /// Parts among the active ones.
    private(set) var activeParts = 0

    subscript(_ id: SeriesID) -> SeriesHandle {
        @inline(__always) get { handles[Int(id.rawValue)] }
        @inline(__always) _modify { yield &handles[Int(id.rawValue)] }
    }

    var count: Int { handles.count - free.count }

    @inline(__always)
    func contains(_ id: SeriesID) -> Bool { Int(id.rawValue) < handles.count }

    /// The handle of a reference in a group, nil when there is none.
    func find(_ reference: SeriesReference, group: UInt32) -> SeriesID? {
        var found: SeriesID?
        forEach(reference) { if self[$0].group == group { found = $0 } }
        return found
    }

    /// Whether another group has the same series.
    func isShared(_ id: SeriesID) -> Bool {
        let handle = self[id]
        return handle.next != SeriesHandle.none || firstOf[Int(handle.reference)] != id.rawValue
    }

    /// The handle with a reference; nil when there is none or more than one.
    func only(_ reference: SeriesReference) -> SeriesID? {
        guard Int(reference) < firstOf.count, firstOf[Int(reference)] != SeriesHandle.none else { return nil }
        let id = SeriesID(rawValue: firstOf[Int(reference)])
        return self[id].next == SeriesHandle.none ? id : nil
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

    /// Adds a handle; no sample of its series is newer than `newest`.
    mutating func add(
        _ reference: SeriesReference,
        group: UInt32,
        newest: Int64,
        isPart: Bool = false
    ) -> SeriesID {
        while firstOf.count <= Int(reference) { firstOf.append(SeriesHandle.none) }
        let handle = SeriesHandle(
            newest: newest,
            group: group,
            reference: reference,
            next: firstOf[Int(reference)]
        )
        let id: SeriesID
        if let reused = free.popLast() {
            id = SeriesID(rawValue: reused)
            handles[Int(reused)] = handle
        } else {
            id = SeriesID(rawValue: UInt32(handles.count))
            handles.append(handle)
        }
        firstOf[Int(reference)] = id.rawValue
        handles[Int(id.rawValue)].isPart = isPart
        active += 1
        if isPart { activeParts += 1 }
        return id
    }

    /// Takes away a handle that no window holds; its number will be given out again.
    mutating func remove(_ id: SeriesID) {
        let handle = self[id]
        precondition(
            handle.otherWindows == 0 && handle.column == SeriesHandle.noColumn,
            "a handle not in use"
        )
        deactivate(id)
        let place = Int(handle.reference)
        if firstOf[place] == id.rawValue {
            firstOf[place] = handle.next
        } else {
            var before = firstOf[place]
            while before != SeriesHandle.none, handles[Int(before)].next != id.rawValue {
                before = handles[Int(before)].next
            }
            if before != SeriesHandle.none { handles[Int(before)].next = handle.next }
        }
        // Of no group, so that nothing finds it.
        self[id].group = .max
        free.append(id.rawValue)
    }

    /// The series has a place in its lane's open window from now on.
    mutating func open(_ id: SeriesID, lane: UInt32, column: Int) {
        self[id].lane = lane
        self[id].column = UInt32(column)
        activate(id)
    }

    /// The series' column stays behind in a window that it no longer writes to.
    mutating func leaveColumn(_ id: SeriesID, newest: Int64) {
        self[id].column = SeriesHandle.noColumn
        self[id].otherWindows += 1
        self[id].newest = max(self[id].newest, newest)
    }

    /// A window that is not the series' own holds it, or holds it no longer.
    mutating func enterOther(_ id: SeriesID) {
        self[id].otherWindows += 1
        activate(id)
    }

    mutating func leaveOther(_ id: SeriesID) {
        self[id].otherWindows -= 1
        deactivateUnused(id)
    }

    private mutating func activate(_ id: SeriesID) {
        guard !self[id].isActive else { return }
        self[id].isActive = true
        active += 1
        if handles[Int(id.rawValue)].isPart { activeParts += 1 }
    }

    mutating func deactivateUnused(_ id: SeriesID) {
        guard self[id].column == SeriesHandle.noColumn, self[id].otherWindows == 0 else { return }
        deactivate(id)
    }

    private mutating func deactivate(_ id: SeriesID) {
        guard self[id].isActive else { return }
        self[id].isActive = false
        active -= 1
        if self[id].isPart { activeParts -= 1 }
    }
}
