// SPDX-License-Identifier: Apache-2.0
//
// What is asked of the API server, as the path and query of a URL.

/// One collection, and which of its objects.
public struct KubernetesRequest: Sendable, Equatable {
    /// What is listed.
    public let resource: KubernetesResource
    /// Where; nil for everywhere.
    public let namespace: String?
    /// A label selector, empty for all.
    public let label: String
    /// A field selector, empty for all.
    public let field: String

    /// Creates a request for all objects, or those a selector has.
    public init(
        _ resource: KubernetesResource,
        namespace: String? = nil,
        label: String = "",
        field: String = ""
    ) {
        self.resource = resource
        self.namespace = resource.isNamespaced ? namespace : nil
        self.label = label
        self.field = field
    }

    /// A page of the list.
    ///
    /// - Parameters:
    ///   - limit: objects of a page.
    ///   - next: the token of the page before, empty for the first.
    /// - Returns: path and query.
    public func list(limit: Int, next: String) -> String {
        target([("limit", String(limit)), ("continue", next)])
    }

    /// Events after a version.
    ///
    /// - Parameters:
    ///   - version: of the list, or of what came last.
    ///   - seconds: after which the server ends the stream.
    /// - Returns: path and query.
    public func watch(version: String, seconds: Int) -> String {
        target([
            ("watch", "1"), ("allowWatchBookmarks", "true"), ("resourceVersion", version),
            ("timeoutSeconds", String(seconds)),
        ])
    }

    private func target(_ parameters: [(String, String)]) -> String {
        let all = parameters + [("labelSelector", label), ("fieldSelector", field)]
        let query = all.filter { !$0.1.isEmpty }.map { "\($0)=\(KubernetesRequest.escaped($1))" }
        return resource.path(namespace: namespace.map(KubernetesRequest.escaped)) + "?"
            + query.joined(separator: "&")
    }

    /// Percent-encodes all but the unreserved characters of RFC 3986.
    static func escaped(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            if scalar.isASCII,
                scalar.properties.isAlphabetic || "0123456789-._~".unicodeScalars.contains(scalar)
            {
                out.unicodeScalars.append(scalar)
            } else {
                out += byte < 16 ? "%0" : "%"
                out += String(byte, radix: 16, uppercase: true)
            }
        }
        return out
    }
}
