// SPDX-License-Identifier: Apache-2.0
//
// Writes protobuf the long way, so that the decoder is tested against the format and not against our encoder.

import Bytes
import Samples
import Wire

/// A message put together field by field.
struct PushedMessage {
    var bytes: [UInt8] = []

    static func of(_ body: (inout PushedMessage) -> Void) -> PushedMessage {
        var message = PushedMessage()
        body(&message)
        return message
    }

    mutating func varint(_ field: UInt64, _ value: UInt64) {
        bytes.append(varint: field << 3)
        bytes.append(varint: value)
    }

    mutating func signed(_ field: UInt64, _ value: Int64) { varint(field, UInt64(bitPattern: value)) }

    mutating func zigzag(_ field: UInt64, _ value: Int64) {
        bytes.append(varint: field << 3)
        bytes.append(zigzag: value)
    }

    mutating func double(_ field: UInt64, _ value: Double) {
        bytes.append(varint: field << 3 | 1)
        bytes.append(double: value)
    }

    mutating func bytes(_ field: UInt64, _ content: [UInt8]) {
        bytes.append(varint: field << 3 | 2)
        bytes.append(prefixed: content)
    }

    mutating func text(_ field: UInt64, _ text: String) { bytes(field, Array(text.utf8)) }

    mutating func message(_ field: UInt64, _ body: (inout PushedMessage) -> Void) {
        bytes(field, PushedMessage.of(body).bytes)
    }

    mutating func packed(_ field: UInt64, _ values: [UInt64]) {
        var content: [UInt8] = []
        for value in values { content.append(varint: value) }
        bytes(field, content)
    }

    mutating func packedZigzag(_ field: UInt64, _ values: [Int64]) {
        var content: [UInt8] = []
        for value in values { content.append(zigzag: value) }
        bytes(field, content)
    }

    mutating func packedDoubles(_ field: UInt64, _ values: [Double]) {
        var content: [UInt8] = []
        for value in values { content.append(double: value) }
        bytes(field, content)
    }

    // MARK: - Remote write

    /// A label of 1.0.
    mutating func label(_ name: String, _ value: String) {
        message(1) { label in
            label.text(1, name)
            label.text(2, value)
        }
    }

    /// A sample of either version.
    mutating func sample(_ timestamp: Int64, _ value: Double, start: Int64 = 0) {
        message(2) { sample in
            sample.double(1, value)
            sample.signed(2, timestamp)
            if start != 0 { sample.signed(3, start) }
        }
    }
}

func decode(
    _ message: PushedMessage,
    _ version: RemoteWriteVersion,
    _ limits: RemoteWriteRequest.Limits = RemoteWriteRequest.Limits()
) throws(RemoteWriteError) -> RemoteWriteRequest {
    var request = RemoteWriteRequest()
    try request.decode(message.bytes.span, version, limits: limits)
    return request
}

func labels(_ pairs: (String, String)...) -> Labels {
    Labels(pairs.map { (name: $0.0, value: $0.1) })
}

func key(_ request: RemoteWriteRequest, _ index: Int, _ message: PushedMessage) -> [UInt8] {
    request.key(of: request.series[index], in: message.bytes.span).withUnsafeBufferPointer { Array($0) }
}
