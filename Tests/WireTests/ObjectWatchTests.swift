// SPDX-License-Identifier: Apache-2.0
//
// A list and watch fed with what a server may answer: nothing is lost, nothing is there twice, and a server that always
// fails is asked ever less often.

import Bytes
import Testing

@testable import Wire

@Suite struct ObjectWatchTests {
    private func pod(_ name: String, version: Int = 1, phase: String = "Running") -> String {
        """
        {"metadata":{"name":"\(name)","namespace":"d","resourceVersion":"\(version)"},\
        "status":{"podIP":"10.0.0.1","phase":"\(phase)"},"spec":{"containers":[{"name":"c"}]}}
        """
    }

    private func started(_ names: [String] = ["a", "b"]) throws -> ObjectWatch {
        var watch = ObjectWatch(.pods)
        watch.take(try Cluster.page(.pods, names.map { pod($0) }, version: "100"))
        _ = watch.takeChanges()
        return watch
    }

    private func bookmark(_ version: String) throws -> KubernetesEvent {
        try Cluster.event(
            .pods,
            "BOOKMARK",
            "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"\(version)\"}}"
        )
    }

    private func error(_ code: Int) throws -> KubernetesEvent {
        try Cluster.event(.pods, "ERROR", "{\"kind\":\"Status\",\"message\":\"too old\",\"code\":\(code)}")
    }

    @Test func pagesBecomeAListAtOnce() throws {
        var watch = ObjectWatch(.pods)
        #expect(watch.step == .list(next: ""))
        watch.take(try Cluster.page(.pods, [pod("a"), pod("b")], version: "100", next: "t1"))
        #expect(watch.step == .list(next: "t1") && watch.objects.isEmpty && !watch.isComplete)
        watch.take(try Cluster.page(.pods, [pod("c")], version: "100"))
        #expect(watch.step == .watch(version: "100") && watch.isComplete)
        #expect(watch.objects.keys.sorted() == ["d/a", "d/b", "d/c"])
        check(watch.takeChanges() == ["d/a", "d/b", "d/c"])
        #expect(watch.pause(random: 0.5) == .zero)
    }

    @Test func anExpiredPageStartsTheListAnew() throws {
        var watch = try started()
        watch.fail(.expired)
        watch.take(try Cluster.page(.pods, [pod("x")], version: "200", next: "t1"))
        watch.fail(KubernetesTrouble(status: 410, message: "expired"))
        #expect(watch.step == .list(next: ""))
        #expect(watch.objects.keys.sorted() == ["d/a", "d/b"])
        watch.take(try Cluster.page(.pods, [pod("b"), pod("c")], version: "300"))
        #expect(watch.objects.keys.sorted() == ["d/b", "d/c"])
        check(watch.takeChanges() == ["d/a", "d/c"])
        #expect(watch.step == .watch(version: "300"))
    }

    @Test func eventsChangeTheList() throws {
        var watch = try started()
        check(watch.take(try Cluster.event(.pods, "ADDED", pod("c", version: 101))))
        check(watch.take(try Cluster.event(.pods, "ADDED", pod("c", version: 101))))
        check(watch.take(try Cluster.event(.pods, "MODIFIED", pod("a", version: 102, phase: "Failed"))))
        check(watch.take(try Cluster.event(.pods, "DELETED", pod("b", version: 103))))
        check(watch.take(try Cluster.event(.pods, "DELETED", pod("nobody", version: 104))))
        #expect(watch.objects.keys.sorted() == ["d/a", "d/c"])
        check(watch.takeChanges() == ["d/a", "d/b", "d/c"])
        #expect(watch.step == .watch(version: "104"))
        check(watch.take(try bookmark("150")))
        #expect(watch.step == .watch(version: "150"))
        // A status that moved without a change of what is used.
        check(watch.take(try Cluster.event(.pods, "MODIFIED", pod("c", version: 160))))
        check(watch.takeChanges().isEmpty)
    }

    @Test func anErrorOf410ReadsTheListAgain() throws {
        var watch = try started()
        check(watch.take(try bookmark("150")))
        check(!watch.take(try error(410)))
        #expect(watch.step == .list(next: ""))
        #expect(watch.objects.count == 2 && watch.isComplete)
        #expect(watch.pause(random: 0) == .zero)
        watch.take(try Cluster.page(.pods, [pod("a")], version: "500"))
        #expect(watch.step == .watch(version: "500"))
        // And again at once: now there is a pause.
        watch.fail(.expired)
        #expect(watch.pause(random: 0) == .milliseconds(800))
    }

    @Test func anotherErrorWatchesFromTheSameVersion() throws {
        var watch = try started()
        check(!watch.take(try error(500)))
        #expect(watch.step == .watch(version: "100"))
        #expect(watch.pause(random: 0) == .milliseconds(400))
        for _ in 0..<5 { watch.fail(.failed("connection refused")) }
        #expect(watch.step == .list(next: ""))
        #expect(watch.objects.count == 2)
    }

    @Test func pausesGrowAndEnd() throws {
        var watch = ObjectWatch(.pods)
        var pauses: [Duration] = []
        for _ in 0..<8 {
            watch.fail(.failed("down"))
            pauses.append(watch.pause(random: 0))
        }
        #expect(pauses == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15, 15].map { .seconds($0) })
        watch.fail(.refused("HTTP status 403: forbidden"))
        #expect(watch.pause(random: 0) == .seconds(15))
        #expect(watch.pause(random: 0.9) > .seconds(28))
        watch.take(try Cluster.page(.pods, [], version: "1"))
        check(watch.take(try bookmark("2")))
        #expect(watch.pause(random: 0) == .zero && watch.trouble == nil)
    }

    @Test func aServerMayAskForAPause() throws {
        var watch = try started()
        let event = try Cluster.event(
            .pods,
            "ERROR",
            "{\"kind\":\"Status\",\"message\":\"busy\",\"details\":{\"retryAfterSeconds\":7},\"code\":429}"
        )
        check(!watch.take(event))
        #expect(watch.pause(random: 0) == .seconds(7) && watch.step == .watch(version: "100"))
        // Its own pause is longer by now, and the server asks for none.
        for _ in 0..<5 { watch.fail(.failed("down")) }
        #expect(watch.pause(random: 0) == .seconds(12.8))
        watch.fail(.expired, retryAfter: .seconds(20))
        #expect(watch.pause(random: 0) == .seconds(20))
        watch.fail(.failed("down"), retryAfter: .seconds(86_400))
        #expect(watch.pause(random: 0) == .seconds(300))
        watch.take(try Cluster.page(.pods, [], version: "1"))
        check(watch.take(try bookmark("2")))
        #expect(watch.pause(random: 0) == .zero)
        watch.fail(.failed("down"), retryAfter: .seconds(-5))
        #expect(watch.pause(random: 0) == .milliseconds(400))
    }

    /// However long the server was away: once the list was read there is nothing to wait for.
    @Test func aListThatWasReadIsWatchedAtOnce() throws {
        var watch = ObjectWatch(.pods)
        for _ in 0..<10 { watch.fail(.failed("down"), retryAfter: .seconds(60)) }
        #expect(watch.pause(random: 0) == .seconds(60))
        watch.take(try Cluster.page(.pods, [pod("a")], version: "7", next: "t"))
        #expect(watch.step == .list(next: "t") && watch.pause(random: 0) == .zero)
        // It breaks off: that is one failure more.
        watch.fail(.expired)
        #expect(watch.step == .list(next: "") && watch.pause(random: 0) == .seconds(15))
        watch.take(try Cluster.page(.pods, [pod("a")], version: "7", next: "t"))
        watch.take(try Cluster.page(.pods, [pod("b")], version: "7"))
        #expect(watch.step == .watch(version: "7") && watch.trouble == nil && watch.pause(random: 0) == .zero)
    }

    @Test func withoutAStreamTheListIsReadAgain() throws {
        var watch = try started()
        watch.fail(.failed("down"))
        watch.readAgain()
        #expect(watch.step == .list(next: "") && watch.pause(random: 0) == .zero && watch.trouble == nil)
        #expect(watch.objects.count == 2 && watch.isComplete)
    }

    @Test func anUnauthorizedRequestIsRepeatedOnce() {
        var watch = ObjectWatch(.pods)
        watch.fail(KubernetesTrouble(status: 401, message: ""))
        #expect(watch.pause(random: 0) == .zero)
        watch.fail(KubernetesTrouble(status: 401, message: ""))
        #expect(watch.pause(random: 0) == .milliseconds(800))
    }

    @Test func streamsThatEndAtOnceAreNotAskedForWithoutPause() throws {
        var watch = try started()
        watch.ended(after: .seconds(300))
        #expect(watch.pause(random: 0) == .zero && watch.step == .watch(version: "100"))
        watch.ended(after: .milliseconds(3))
        #expect(watch.pause(random: 0) == .milliseconds(400))
    }

    @Test func aWatchThatOpensEndsTheTroubleButNotThePause() throws {
        var watch = try started()
        watch.fail(.failed("connection refused"))
        watch.opened()
        #expect(watch.trouble == nil && watch.pause(random: 0) == .milliseconds(400))
    }

    @Test func aListWithoutEndIsGivenUp() throws {
        var watch = ObjectWatch(.pods)
        watch.take(try Cluster.page(.pods, [pod("a")], next: "t"))
        watch.take(try Cluster.page(.pods, [pod("a")], next: "t"))
        #expect(watch.trouble == .failed("the list has no end") && watch.step == .list(next: ""))
    }

    @Test func objectsBeyondTheLimitAreCounted() throws {
        var watch = ObjectWatch(.pods)
        for page in 0..<201 {
            let names = (0..<100).map { pod("p\(page)-\($0)") }
            watch.take(try Cluster.page(.pods, names, next: page < 200 ? "t\(page)" : ""))
        }
        #expect(watch.objects.count == 20_000 && watch.refused == 100)
        check(watch.take(try Cluster.event(.pods, "ADDED", pod("one-more"))))
        #expect(watch.objects.count == 20_000 && watch.refused == 101)
    }

    @Test func linesAreCutWhereverTheBytesBreak() {
        let text = Array("{\"a\":1}\n\n{\"b\":\"\\n\"}\r\n{\"cut".utf8)
        for size in 1...text.count {
            var lines = KubernetesLines()
            var found: [String] = []
            for start in stride(from: 0, to: text.count, by: size) {
                let part = Array(text[start..<min(start + size, text.count)])
                check(
                    lines.append(part) { line in
                        found.append(String(decoding: line, as: UTF8.self))
                        return true
                    }
                )
            }
            #expect(found == ["{\"a\":1}", "{\"b\":\"\\n\"}\r"])
            #expect(lines.remainder == Array("{\"cut".utf8))
        }
    }

    @Test func aLineIsBounded() {
        var lines = KubernetesLines()
        let part = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        let outcomes = (0..<5).map { _ in lines.append(part) { _ in true } }
        #expect(outcomes == [true, true, true, true, false])
    }

    @Test func whatIsNoEventIsAnError() {
        for text in [
            "", "{}", "[]", "{\"type\":\"ADDED\"}", "{\"type\":\"ADDED\",\"object\":{}}",
            "{\"type\":\"NEW\",\"object\":{\"metadata\":{\"name\":\"a\"}}}",
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}",
            "{\"type\":\"ERROR\",\"object\":{]}",
        ] {
            #expect(throws: CorruptionError.self, "\(text)") {
                try KubernetesEvent(Array(text.utf8), of: .pods)
            }
        }
        for text in ["", "{}", "{\"items\":[]}", "{\"metadata\":{\"resourceVersion\":\"1\"}}", "not json"] {
            #expect(throws: CorruptionError.self, "\(text)") {
                try KubernetesPage(Array(text.utf8), of: .pods)
            }
        }
    }

    @Test func theOrderOfMembersIsFree() throws {
        let text = "{\"object\":\(pod("a", version: 9)),\"type\":\"MODIFIED\"}"
        guard case .set(let object, "9") = try KubernetesEvent(Array(text.utf8), of: .pods) else {
            Issue.record("not a change")
            return
        }
        #expect(object.meta.key == "d/a")
    }

    @Test func valuesOfOtherTypesAreMissing() throws {
        let odd = """
            {"metadata":{"name":"a","namespace":7,"labels":["x"],"annotations":{"n":1,"s":"t"}},"spec":null,\
            "status":{"podIP":{"a":[1,2,{"b":"}"}]},"conditions":"none"}}
            """
        let page = try Cluster.page(.pods, [odd])
        #expect(page.objects.map(\.meta.key) == ["a"])
    }
}
