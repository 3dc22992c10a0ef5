/// The version of this program.
enum BatonVersion {
    static let current = "0.1.0"
}
