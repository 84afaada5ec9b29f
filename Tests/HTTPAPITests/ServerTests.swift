// SPDX-License-Identifier: Apache-2.0
//
// What the server does with requests, whatever they ask: methods, limits, readiness, files, shutdown.

import CWebAssets
import Foundation
import Logging
import Samples
import Synchronization
import Testing

@testable import HTTPAPI

struct ServerTests {
    private struct ReloadFailure: Error, CustomStringConvertible {
        let description = "edgewatch.yml:1:1: no"
    }

    @Test func healthAnswersHead() async throws {
        try await withServer { (client: RawClient) async throws in
            for path in ["/-/healthy", "/-/ready"] {
                let get = try await client.get(path)
                let head = try await client.send("HEAD", path)
                #expect(get.status == 200 && head.status == 200)
                #expect(get.text.hasPrefix("Prometheus Server is "))
                #expect(head.body.isEmpty)
                #expect(head.headers["content-length"] == String(get.body.count))
            }
        }
    }

    @Test func wrongPathsAndMethods() async throws {
        try await withServer { (client: RawClient) async throws in
            let missing = try await client.get("/api/v1/nosuch")
            #expect(missing.status == 404)
            #expect(missing.text == "404 page not found\n")
            #expect(try await client.get("/api/v1/label/:name/values").status == 200)
            let wrong = try await client.send("DELETE", "/api/v1/query")
            #expect(wrong.status == 405)
            #expect(wrong.headers["allow"] == "GET, POST")
            #expect(try await client.send("POST", "/api/v1/rules").status == 405)
            #expect(try await client.get("/-/reload").headers["allow"] == "POST, PUT")
            #expect(try await client.send("HEAD", "/api/v1/query").status == 405)
            #expect(try await client.get("/" + String(repeating: "a", count: 50_000)).status == 404)
        }
    }

    @Test func linksToPrometheusPagesLeadToThePage() async throws {
        try await withServer { (client: RawClient) async throws in
            for (path, location) in [
                ("/targets", "./#panel-targets"), ("/service-discovery", "./#panel-targets"),
                ("/targets?search=x", "./#panel-targets"), ("/alerts", "./#panel-alerts"),
                ("/rules", "./#panel-alerts"), ("/status", "./#panel-storage"),
                ("/config", "./api/v1/status/config"), ("/graph", "./#explore"),
                // As alerts link to their expressions.
                (
                    "/graph?g0.expr=up+%3D%3D+0%26%22%C3%A4%22&g0.tab=1",
                    "./#expr=up%20%3D%3D%200%26%22%C3%A4%22"
                ),
                ("/query?g0.expr=up&g0.range_input=2h", "./#expr=up&range=7200"),
                ("/graph?g0.expr=a%0d%0aX-Evil:%201", "./#expr=a%0D%0AX-Evil%3A%201"),
            ] {
                let reply = try await client.get(path)
                #expect(reply.status == 302)
                #expect(reply.headers["location"] == location)
                #expect(reply.body.isEmpty)
            }
            #expect(try await client.send("HEAD", "/graph").status == 302)
            #expect(try await client.send("POST", "/graph").status == 405)
            #expect(try await client.get("/targets/").status == 404)
        }
    }

    @Test func notReady() async throws {
        var services = sampleServices()
        services.isReady = { false }
        try await withServer(services) { (client: RawClient) async throws in
            let query = try await client.get("/api/v1/query?query=1")
            #expect(query.status == 503)
            #expect(query.text == "Service Unavailable\n")
            #expect(query.headers["x-prometheus-stopping"] == "false")
            #expect(try await client.get("/-/ready").status == 503)
            #expect(try await client.get("/-/healthy").status == 200)
            #expect(try await client.get("/metrics").status == 200)
            #expect(try await client.get("/").status == 200)
        }
    }

    @Test func bodyLimit() async throws {
        try await withServer { (client: RawClient) async throws in
            let fits = "match[]=load&x=" + String(repeating: "y", count: Dispatcher.bodyLimit - 15)
            #expect(try await client.post("/api/v1/series", form: fits).status == 200)
            let response = try await client.post("/api/v1/series", form: fits + "y")
            #expect(response.status == 413)
            #expect(
                response.text
                    == #"{"status":"error","errorType":"bad_data","error":"request body is larger than 1048576 bytes"}"#
            )
        }
    }

    @Test func headerLimit() async throws {
        try await withServer { (client: RawClient) async throws in
            let response = try await client.get(
                "/-/healthy",
                headers: ["X-Long: " + String(repeating: "z", count: 70_000)]
            )
            #expect(response.status == 400)
        }
    }

    @Test func bodiesThatAreNoFormsAreIgnored() async throws {
        try await withServer { (client: RawClient) async throws in
            let response = try await client.send(
                "POST",
                "/api/v1/labels?match[]=load",
                headers: ["Content-Type: application/json"],
                body: "match[]=cpu_seconds_total"
            )
            #expect(response.text == #"{"status":"success","data":["__name__","note"]}"#)
        }
    }

    @Test func crossOrigin() async throws {
        try await withServer { (client: RawClient) async throws in
            #expect(try await client.get("/api/v1/labels").headers["access-control-allow-origin"] == nil)
            let asked = try await client.get("/api/v1/labels", headers: ["Origin: http://grafana"])
            #expect(asked.headers["access-control-allow-origin"] == "*")
            #expect(asked.headers["access-control-expose-headers"] == "Date")
            #expect(asked.headers["vary"] == "Origin, Accept-Encoding")
            let options = try await client.send(
                "OPTIONS",
                "/api/v1/query",
                headers: ["Origin: http://grafana"]
            )
            #expect(options.status == 204)
            #expect(options.headers["access-control-allow-methods"] == "GET, POST, OPTIONS")
            #expect(options.headers["date"] == "Tue, 14 Nov 2023 22:14:20 GMT")
        }
    }

    @Test func crossOriginOfSome() async throws {
        var services = sampleServices()
        services.corsOrigin = try Pattern("https?://(a|b)\\.example")
        try await withServer(services) { (client: RawClient) async throws in
            let known = try await client.get("/api/v1/labels", headers: ["Origin: http://a.example"])
            #expect(known.headers["access-control-allow-origin"] == "http://a.example")
            for origin in ["http://a.example.org", "http://c.example"] {
                let other = try await client.get("/api/v1/labels", headers: ["Origin: \(origin)"])
                #expect(other.status == 200)
                #expect(other.headers["access-control-allow-origin"] == nil)
                #expect(other.headers["access-control-allow-methods"] == "GET, POST, OPTIONS")
            }
            let page = try await client.get("/federate", headers: ["Origin: http://a.example"])
            #expect(page.headers["access-control-allow-origin"] == nil)
        }
    }

    @Test func quit() async throws {
        let count = Mutex(0)
        var services = sampleServices()
        try await withServer(services) { (client: RawClient) async throws in
            let refused = try await client.send("PUT", "/-/quit")
            #expect(refused.status == 403 && refused.text == "Lifecycle API is not enabled.")
        }
        services.quit = { count.withLock { $0 += 1 } }
        try await withServer(services) { (client: RawClient) async throws in
            let get = try await client.get("/-/quit")
            #expect(get.status == 405 && get.text == "Only POST or PUT requests allowed")
            #expect(count.withLock { $0 } == 0)
            let post = try await client.send("POST", "/-/quit")
            #expect(post.status == 200 && post.text == "Requesting termination... Goodbye!")
            #expect(count.withLock { $0 } == 1)
        }
    }

    @Test func reload() async throws {
        try await withServer { (client: RawClient) async throws in
            let refused = try await client.send("POST", "/-/reload")
            #expect(refused.status == 403)
            #expect(refused.text == "Lifecycle API is not enabled.")
        }
        let count = Mutex(0)
        var services = sampleServices()
        services.reload = { () async throws in
            let calls = count.withLock { count in
                count += 1
                return count
            }
            if calls > 1 { throw ReloadFailure() }
        }
        try await withServer(services) { (client: RawClient) async throws in
            #expect(try await client.send("POST", "/-/reload").status == 200)
            let failed = try await client.send("PUT", "/-/reload")
            #expect(failed.status == 500)
            #expect(failed.text == "failed to reload config: edgewatch.yml:1:1: no\n")
        }
    }

    @Test func pageAndItsFiles() async throws {
        #expect(WebAsset.all.count == Int(ew_web_asset_count))
        try await withServer { (client: RawClient) async throws in
            let page = try await client.get("/")
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(page.headers["content-security-policy"]?.contains("script-src 'self';") == true)
            #expect(!page.text.contains("<script>") && !page.text.contains("style="))
            // Every file the page names is there, and has the type the browser insists on.
            for piece in page.text.components(separatedBy: "\"assets/").dropFirst() {
                let name = piece.prefix { $0 != "\"" }
                let file = try await client.get("/assets/\(name)")
                #expect(file.status == 200, "\(name)")
                #expect(file.body.count > 100)
                if name.hasSuffix(".js") {
                    #expect(file.headers["content-type"] == "text/javascript; charset=utf-8")
                }
            }
            #expect(try await client.get("/assets/dygraph.min.js").text.contains("Dygraph"))
            let tag = try #require(page.headers["etag"])
            let known = try await client.get("/", headers: ["If-None-Match: \(tag)"])
            #expect(known.status == 304)
            #expect(known.body.isEmpty)
            #expect(try await client.get("/", headers: ["If-None-Match: \"0\""]).status == 200)
            #expect(try await client.get("/assets/nosuch.js").status == 404)
            #expect(try await client.send("POST", "/").status == 405)
        }
    }

    @Test func twoRequestsOnOneConnection() async throws {
        try await withServer { (client: RawClient) async throws in
            let first = "POST /api/v1/labels HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            let second = "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let response = try await client.exchange(first + second)
            #expect(response.status == 200)
            #expect(response.text.hasSuffix("Prometheus Server is Healthy.\n"))
        }
    }

    @Test func addressInUse() async throws {
        try await withServer { (client: RawClient) async throws in
            let address = ListenAddress(host: "127.0.0.1", port: client.port)
            let second = HTTPServer(
                address: address,
                services: sampleServices(),
                logger: Logger(label: "test")
            )
            let error = await #expect(throws: ListenError.self) { try await second.run() }
            #expect(
                error?.description
                    == "cannot listen on 127.0.0.1:\(client.port): address already in use; "
                    + "another program, or another edgewatch, listens there"
            )
        }
    }

    @Test func addressOfAnotherMachine() async throws {
        let address = ListenAddress(host: "203.0.113.7", port: 0)
        let server = HTTPServer(address: address, services: sampleServices(), logger: Logger(label: "test"))
        let error = await #expect(throws: ListenError.self) { try await server.run() }
        #expect(error?.description == "cannot listen on 203.0.113.7:0: this machine has no such address")
    }

    @Test func nameWithoutAddress() async throws {
        let address = ListenAddress(host: "edgewatch.invalid", port: 0)
        let server = HTTPServer(address: address, services: sampleServices(), logger: Logger(label: "test"))
        let error = await #expect(throws: ListenError.self) { try await server.run() }
        #expect(
            error?.description
                == "cannot listen on edgewatch.invalid:0: the name edgewatch.invalid has no address"
        )
    }
}
