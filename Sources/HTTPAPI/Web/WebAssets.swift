// SPDX-License-Identifier: Apache-2.0
//
// The page's files, compiled into the binary by CWebAssets. Each has a strong ETag over its bytes, so that a browser
// asks again at every load and is answered 304; the policy allows nothing that does not come from here.

internal import CWebAssets

/// The files of the page.
struct WebAsset: Sendable {
    /// The path below the server's root, `/assets/app.js`.
    let path: String
    private let contentType: String
    private let index: Int

    /// All files by path.
    static let all: [String: WebAsset] = {
        var found: [String: WebAsset] = [:]
        for index in 0..<Int(ew_web_asset_count) {
            guard let path = ew_web_asset_path(index), let type = ew_web_asset_type(index) else { continue }
            let asset = WebAsset(
                path: String(cString: path),
                contentType: String(cString: type),
                index: index
            )
            found[asset.path] = asset
        }
        return found
    }()

    /// What the browser may load and from where: only files of this server, no inline script or style.
    static let contentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// The file, or 304 when the browser has it already.
    func reply(ifNoneMatch known: String?) -> Reply {
        let bytes = self.bytes
        let tag = WebAsset.tag(bytes)
        var reply =
            known?.contains(tag) == true
            ? Reply.empty(304) : Reply(status: 200, contentType: contentType, body: .bytes(bytes))
        reply.headers = [
            ("ETag", tag), ("Cache-Control", "no-cache"), ("Content-Security-Policy", WebAsset.contentPolicy),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ]
        return reply
    }

    /// The contents.
    var bytes: [UInt8] {
        let size = ew_web_asset_size(index)
        guard let start = ew_web_asset_bytes(index) else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: size))
    }

    /// FNV-1a of 64 bits (Fowler, Noll, Vo) in quotes.
    static func tag(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return "\"\(String(hash, radix: 16))\""
    }
}
