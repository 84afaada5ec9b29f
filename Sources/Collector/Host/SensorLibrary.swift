// SPDX-License-Identifier: Apache-2.0
//
// libsensors: what it knows beyond the kernel's files is the board's wiring. Where /etc/sensors3.conf says that a
// voltage input sits behind a divider, the file holds the wrong volts and libsensors the right ones. So it is asked
// for the features its configuration can correct (SENSORS_COMPUTE_MAPPING); everything else is read directly.
//
// The library keeps one state per process and is not thread-safe (sensors.h); every call is made under one lock.
// Its pointers end with sensors_cleanup, so a handle carries the generation of the scan it comes from.

internal import CSensors
internal import Synchronization

/// The process' one libsensors.
enum SensorLibrary {
    /// A value libsensors can compute.
    struct Handle: Sendable {
        fileprivate let generation: Int
        fileprivate let chip: UInt
        fileprivate let number: Int32
    }

    private struct State {
        var isOpen = false
        var generation = 0
    }

    private static let state = Mutex(State())

    /// Looks for chips anew, which ends all handles given before.
    ///
    /// - Returns: by the chip's directory and the value's name (`temp1_input`) the handle; empty without chips.
    static func scan() -> [String: [String: Handle]] {
        state.withLock { state in
            if state.isOpen { sensors_cleanup() }
            state.generation += 1
            state.isOpen = sensors_init(nil) == 0
            guard state.isOpen else { return [:] }
            var found: [String: [String: Handle]] = [:]
            var place: Int32 = 0
            while let chip = sensors_get_detected_chips(nil, &place) {
                guard let path = chip.pointee.path else { continue }
                found[String(cString: path)] = handles(chip, generation: state.generation)
            }
            return found
        }
    }

    /// The value now in volts, degrees Celsius, rpm and so on; nil when it cannot be read or the handle has ended.
    static func value(_ handle: Handle) -> Double? {
        state.withLock { state in
            guard state.isOpen, state.generation == handle.generation,
                let chip = UnsafePointer<sensors_chip_name>(bitPattern: handle.chip)
            else { return nil }
            var value = 0.0
            return sensors_get_value(chip, handle.number, &value) == 0 ? value : nil
        }
    }

    private static func handles(
        _ chip: UnsafePointer<sensors_chip_name>,
        generation: Int
    ) -> [String: Handle] {
        var found: [String: Handle] = [:]
        var featurePlace: Int32 = 0
        while let feature = sensors_get_features(chip, &featurePlace) {
            var place: Int32 = 0
            while let value = sensors_get_all_subfeatures(chip, feature, &place) {
                let flags = value.pointee.flags
                let wanted = UInt32(SENSORS_MODE_R | SENSORS_COMPUTE_MAPPING)
                guard flags & wanted == wanted, let name = value.pointee.name else { continue }
                found[String(cString: name)] = Handle(
                    generation: generation,
                    chip: UInt(bitPattern: chip),
                    number: value.pointee.number
                )
            }
        }
        return found
    }
}
