// SPDX-License-Identifier: Apache-2.0
//
// The state of one list and watch, without sockets and without a clock: it says what to ask the server next, is told
// what came of it, and keeps the objects. As the API's concepts have it: read the whole list page by page, watch from
// the list's version on, take the version of every event and bookmark, watch again from there when the stream ends, and
// read the whole list again when the server has forgotten that version (410).
//
// Invariants: objects change only by whole lists and by events, so a list that breaks off half way changes nothing; an
// object is there once, under its key, however often the server repeats itself; a failure never empties the list.

/// What goes wrong with a list or a watch.
public enum KubernetesTrouble: Sendable, Equatable {
    /// 410, or a token or version the server does not know any more.
    case expired
    /// 401: the credentials may have been replaced on disk.
    case unauthorized
    /// Another answer of 4xx, most of all 403: it will not get better soon.
    case refused(String)
    /// The server, the way to it, or what came from it.
    case failed(String)

    /// What an HTTP status other than 200 means.
    public init(status: Int, message: String) {
        switch status {
        case 410: self = .expired
        case 401: self = .unauthorized
        case 429: self = .failed("HTTP status 429: \(message)")
        case 400..<500: self = .refused("HTTP status \(status): \(message)")
        default: self = .failed("HTTP status \(status): \(message)")
        }
    }
}

/// One list and watch.
public struct ObjectWatch: Sendable {
    /// What to ask the server next.
    public enum Step: Sendable, Equatable {
        /// The page of the list behind a token, the first for an empty one.
        case list(next: String)
        /// Events after a version.
        case watch(version: String)
    }

    /// Objects of a list; more of them are not discovered but counted.
    static let objectLimit = 20_000
    /// Bytes of objects of a list, by `KubernetesObject.cost`.
    static let byteLimit = 32 << 20
    /// Pages of a list: what is asked for are a hundred objects each.
    static let pageLimit = 10_000
    /// The shortest and the longest pause after a failure.
    static let pauses = 0.8...30.0
    /// The longest pause a server can ask for.
    static let longestWantedPause = Duration.seconds(300)

    /// What is listed.
    public let resource: KubernetesResource
    /// What to do next.
    public private(set) var step = Step.list(next: "")
    /// The objects by key.
    public private(set) var objects: [String: KubernetesObject] = [:]
    /// Whether a whole list was read once.
    public private(set) var isComplete = false
    /// Objects left out because of the limits, of the last list and since.
    public private(set) var refused = 0
    /// What went wrong last, nil after success.
    public private(set) var trouble: KubernetesTrouble?
    /// Keys of objects that came, changed or went since `takeChanges`.
    private var changes: Set<String> = []
    private var bytes = 0
    /// The pages read of a list that is not complete.
    private var pages: [KubernetesObject] = []
    private var pageBytes = 0
    private var pageCount = 0
    private var version = ""
    /// Failures of watches since anything came by one, or one lasted; a list that was read says nothing of them.
    private var watchFailures = 0
    /// Failures since a list was read.
    private var listFailures = 0
    /// How long the server wants to be left alone.
    private var wantedPause = Duration.zero

    /// Starts with nothing known.
    public init(_ resource: KubernetesResource) {
        self.resource = resource
    }

    /// The keys that changed since the last call.
    public mutating func takeChanges() -> Set<String> {
        defer { changes = [] }
        return changes
    }

    /// How long to wait before the next step.
    ///
    /// - Parameter random: from 0 to below 1, so that not all clients of a server come back at once.
    /// - Returns: zero when nothing is wrong.
    public func pause(random: Double) -> Duration {
        let failures = watchFailures + listFailures
        guard failures > 0 else { return .zero }
        // The page before came without trouble.
        if case .list(let next) = step, !next.isEmpty { return .zero }
        var longest = ObjectWatch.pauses.lowerBound
        for _ in 1..<min(failures, 8) { longest *= 2 }
        longest = min(longest, ObjectWatch.pauses.upperBound)
        switch trouble {
        // Once at once: with a new token, or from a fresh list.
        case .expired, .unauthorized: if failures == 1 { longest = 0 }
        case .refused: longest = ObjectWatch.pauses.upperBound
        case .failed, nil: break
        }
        return max(.seconds(longest * (0.5 + random / 2)), wantedPause)
    }

    // MARK: - Lists

    /// Takes a page; the last makes the list complete.
    public mutating func take(_ page: KubernetesPage) {
        guard case .list(let token) = step else { return }
        wantedPause = .zero
        if token.isEmpty {
            (pages, pageBytes, pageCount, version) = ([], 0, 0, page.version)
            refused = 0
        }
        for object in page.objects {
            let cost = object.cost
            if pages.count < ObjectWatch.objectLimit, pageBytes + cost <= ObjectWatch.byteLimit {
                // What is known already is not kept twice, or reading a list again would take twice the memory.
                let known = objects[object.meta.key]
                pages.append(known == object ? known ?? object : object)
                pageBytes += cost
            } else {
                refused += 1
            }
        }
        pageCount += 1
        if !page.next.isEmpty {
            // The same token again, or one after the other for ever, is a list without end.
            guard page.next != token, pageCount < ObjectWatch.pageLimit else {
                return fail(.failed("the list has no end"))
            }
            step = .list(next: page.next)
            return
        }
        replaceAll()
        step = .watch(version: version)
        isComplete = true
        listFailures = 0
        // After 410 or 403 of the watch the list alone says nothing: the next pause must be longer.
        if watchFailures == 0 { trouble = nil }
    }

    private mutating func replaceAll() {
        var fresh: [String: KubernetesObject] = [:]
        fresh.reserveCapacity(pages.count)
        for object in pages { fresh[object.meta.key] = object }
        for (key, object) in fresh where objects[key] != object { changes.insert(key) }
        for key in objects.keys where fresh[key] == nil { changes.insert(key) }
        objects = fresh
        bytes = fresh.values.reduce(0) { $0 + $1.cost }
        (pages, pageBytes) = ([], 0)
    }

    // MARK: - Watches

    /// The server has begun to answer a watch: nothing is wrong now, though it may have been too often for no pause.
    public mutating func opened() {
        trouble = nil
    }

    /// Takes an event; false ends the watch.
    public mutating func take(_ event: KubernetesEvent) -> Bool {
        guard case .watch = step else { return false }
        switch event {
        case .set(let object, let version):
            set(object)
            reached(version)
        case .deleted(let object, let version):
            let key = object.meta.key
            if let old = objects.removeValue(forKey: key) {
                bytes -= old.cost
                changes.insert(key)
            }
            reached(version)
        case .bookmark(let version): reached(version)
        case .failed(let status):
            fail(
                KubernetesTrouble(status: status.code, message: status.message),
                retryAfter: .seconds(status.retryAfterSeconds)
            )
            return false
        }
        return true
    }

    private mutating func set(_ object: KubernetesObject) {
        let key = object.meta.key
        let old = objects[key]
        guard old != object else { return }
        let after = bytes - (old?.cost ?? 0) + object.cost
        guard after <= ObjectWatch.byteLimit, old != nil || objects.count < ObjectWatch.objectLimit else {
            refused += 1
            return
        }
        bytes = after
        objects[key] = object
        changes.insert(key)
    }

    private mutating func reached(_ version: String) {
        if !version.isEmpty { step = .watch(version: version) }
        lasted()
    }

    /// The stream of a watch ended as streams do.
    ///
    /// - Parameter duration: how long it was open; one that ends at once counts as a failure, or a server that closes
    ///   every stream would be asked without a pause.
    public mutating func ended(after duration: Duration) {
        if duration >= .seconds(1) { lasted() } else { watchFailures += 1 }
    }

    /// There was no place for a stream for a while, which is as good as one that brought nothing: the list is read again.
    public mutating func readAgain() {
        step = .list(next: "")
        lasted()
    }

    private mutating func lasted() {
        (watchFailures, listFailures, wantedPause) = (0, 0, .zero)
        trouble = nil
    }

    // MARK: - Failures

    /// A list or a watch failed; what is known stays.
    ///
    /// - Parameters:
    ///   - trouble: what is wrong.
    ///   - retryAfter: how long the server wants to be left alone.
    public mutating func fail(_ trouble: KubernetesTrouble, retryAfter: Duration = .zero) {
        self.trouble = trouble
        wantedPause = min(max(retryAfter, .zero), ObjectWatch.longestWantedPause)
        if case .list = step {
            listFailures = min(listFailures + 1, 1000)
        } else {
            watchFailures = min(watchFailures + 1, 1000)
        }
        switch (trouble, step) {
        case (.expired, _), (_, .list): step = .list(next: "")
        // From the same version; when that does not help for long, from the beginning.
        case (_, .watch): if watchFailures > 5 { step = .list(next: "") }
        }
    }

    /// What came by a watch is no event: the version it was at cannot be trusted.
    public mutating func garbled(_ words: String) {
        fail(.failed(words))
        step = .list(next: "")
    }
}
