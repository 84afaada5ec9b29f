// SPDX-License-Identifier: Apache-2.0
//
// From bytes to trees, bounded: in bytes, in depth, and in nodes after aliases are expanded (the "billion laughs" file
// of a few hundred bytes stands for 10^9 nodes).

/// Reads YAML.
public enum YAMLReader {
    /// Bytes of a file; the largest rule sets in the field are a tenth of this.
    public static let sizeLimit = 4 << 20
    /// Lists and mappings within each other.
    public static let depthLimit = 64
    /// Nodes of a file, each counted as often as aliases repeat it.
    public static let nodeLimit = 200_000

    /// Reads a file of one document; an empty file is a null node.
    ///
    /// - Parameters:
    ///   - bytes: the file's contents.
    ///   - file: its name, for errors.
    /// - Returns: the document.
    /// - Throws: `ConfigErrors` with the place where it stops being YAML.
    public static func parse(_ bytes: [UInt8], file: String) throws(ConfigErrors) -> YAMLNode {
        let documents = try documents(bytes, file: file)
        if documents.count > 1 {
            let error = documents[1].error(
                "a second document begins here",
                remedy: "remove the \"---\" before it"
            )
            throw ConfigErrors([error])
        }
        return documents.first ?? YAMLNode(.scalar("", isPlain: true), file: file, line: 1, column: 1)
    }

    /// Reads a file of any number of documents.
    ///
    /// - Parameters:
    ///   - bytes: the file's contents.
    ///   - file: its name, for errors.
    /// - Returns: the documents in file order.
    /// - Throws: `ConfigErrors` with the place where it stops being YAML.
    public static func documents(_ bytes: [UInt8], file: String) throws(ConfigErrors) -> [YAMLNode] {
        guard bytes.count <= sizeLimit else {
            throw ConfigErrors([ConfigError(file: file, message: "larger than \(sizeLimit >> 20) MiB")])
        }
        let outcome: Result<[YAMLNode], ConfigError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(ConfigError) {
                var builder = try YAMLBuilder(buffer, file: file)
                return .success(try builder.documents())
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let documents): return documents
        case .failure(let error): throw ConfigErrors([error])
        }
    }
}
