/// The candidate that `word` was probably meant to be, for "did you mean"; nil if none is near.
///
/// Nearness is the optimal string alignment distance (insert, delete, replace, swap neighbours) without regard to case;
/// at most a third of the longer word's length may differ, and always one letter of words longer than two.
/// - Complexity: candidates × the product of the lengths; words over 64 letters are never matched, and no more than 200
///   candidates are looked at.
public func closestMatch(_ word: String, in candidates: [String]) -> String? {
    // Four bytes a letter at most: what is longer isn't even turned into lower case.
    guard word.utf8.count <= 256 else { return nil }
    let letters = Array(word.lowercased().unicodeScalars)
    guard letters.count <= 64 else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates.prefix(200) where candidate.utf8.count <= 256 {
        let other = Array(candidate.lowercased().unicodeScalars)
        guard other.count <= 64 else { continue }
        let longer = max(letters.count, other.count)
        let allowed = longer <= 2 ? 0 : max(1, longer / 3)
        guard abs(letters.count - other.count) <= allowed else { continue }
        let distance = alignmentDistance(letters, other)
        if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
}

private func alignmentDistance(_ left: [UnicodeScalar], _ right: [UnicodeScalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in left.indices {
        var current = [row + 1]
        current.reserveCapacity(right.count + 1)
        for column in right.indices {
            let substitution = last[column] + (left[row] == right[column] ? 0 : 1)
            var distance = min(substitution, last[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                distance = min(distance, beforeLast[column - 1] + 1)
            }
            current.append(distance)
        }
        (beforeLast, last) = (last, current)
    }
    return last[right.count]
}
