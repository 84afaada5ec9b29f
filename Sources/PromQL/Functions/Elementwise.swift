// SPDX-License-Identifier: Apache-2.0
//
// Functions of one value.

internal import Glibc

/// Applies a function to a number.
enum Elementwise {
    static func apply(_ function: Function, _ value: Double) -> Double {
        switch function {
        case .abs: abs(value)
        case .ceil: value.rounded(.up)
        case .floor: value.rounded(.down)
        case .exp: exp(value)
        case .ln: log(value)
        case .log2: log2(value)
        case .log10: log10(value)
        case .sqrt: value.squareRoot()
        case .sgn: value < 0 ? -1 : value > 0 ? 1 : value
        case .deg: value * 180 / .pi
        case .rad: value * .pi / 180
        default: trigonometric(function, value)
        }
    }

    private static func trigonometric(_ function: Function, _ value: Double) -> Double {
        switch function {
        case .sin: sin(value)
        case .cos: cos(value)
        case .tan: tan(value)
        case .asin: asin(value)
        case .acos: acos(value)
        case .atan: atan(value)
        case .sinh: sinh(value)
        case .cosh: cosh(value)
        case .tanh: tanh(value)
        case .asinh: asinh(value)
        case .acosh: acosh(value)
        case .atanh: atanh(value)
        default: value
        }
    }

    /// A part of a date given in seconds since 1970.
    static func calendar(_ function: Function, _ seconds: Double) -> Double {
        // Whole seconds toward zero; beyond 2^63 and for NaN there is no date.
        guard let whole = Int64(exactly: seconds.rounded(.towardZero)) else { return .nan }
        let time = CivilTime(seconds: whole)
        switch function {
        case .dayOfMonth: return Double(time.day)
        case .dayOfWeek: return Double(time.weekday)
        case .dayOfYear: return Double(time.dayOfYear)
        case .daysInMonth: return Double(time.daysInMonth)
        case .hour: return Double(time.hour)
        case .minute: return Double(time.minute)
        case .month: return Double(time.month)
        default: return Double(time.year)
        }
    }

    /// To the nearest multiple, ties upwards.
    static func round(_ value: Double, to nearest: Double) -> Double {
        let inverse = 1 / nearest
        return (value * inverse + 0.5).rounded(.down) / inverse
    }
}
