import Glibc
import Histogram

/// Percentiles of durations, in milliseconds.
struct Percentiles: Sendable {
    var p50 = 0.0
    var p95 = 0.0
    var p99 = 0.0

    /// - Parameter microseconds: the durations.
    init(_ microseconds: [Double]) {
        var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
        for value in microseconds { histogram.record(UInt64(max(0, value.rounded()))) }
        p50 = Double(histogram.valueAtPercentile(50)) / 1000
        p95 = Double(histogram.valueAtPercentile(95)) / 1000
        p99 = Double(histogram.valueAtPercentile(99)) / 1000
    }
}

/// The middle of some values (of an even number, the mean of the two in the middle); 0 if there are none.
func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// A number with so many decimals.
func decimal(_ value: Double, _ places: Int = 1) -> String {
    let factor = pow(10, Double(places))
    let scaled = (value * factor).rounded()
    guard scaled.isFinite, abs(scaled) < 1e15 else { return "-" }
    let (sign, whole) = (scaled < 0 ? "-" : "", Int(abs(scaled)))
    guard places > 0 else { return "\(sign)\(whole)" }
    let fraction = "\(whole % Int(factor))"
    return "\(sign)\(whole / Int(factor)).\(String(repeating: "0", count: places - fraction.count))\(fraction)"
}

/// The median and, in brackets, the least and greatest value.
func spread(_ values: [Double], _ places: Int = 1) -> String {
    guard let least = values.min(), let greatest = values.max() else { return "-" }
    return "\(decimal(median(values), places)) [\(decimal(least, places)) to \(decimal(greatest, places))]"
}
