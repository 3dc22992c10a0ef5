import JSONTools

/// What kubectl's JSON says.
enum KubernetesReading {
    private static let revisionKey = "deployment.kubernetes.io/revision"

    /// The revision of a Deployment or a ReplicaSet.
    static func revision(of object: JSONValue) -> String? {
        object["metadata"]?["annotations"]?[revisionKey]?.stringValue
    }

    /// The release that a Deployment's or ReplicaSet's pods are of.
    static func unit(of object: JSONValue) -> String? {
        object["spec"]?["template"]?["metadata"]?["annotations"]?[KubernetesManifest.unitAnnotation]?.stringValue
    }

    /// The revision that a release has now: going back gives an old ReplicaSet a new number.
    static func revision(of unit: String, among replicaSets: [JSONValue]) -> String? {
        replicaSets.filter { self.unit(of: $0) == unit }.compactMap { revision(of: $0) }.compactMap(Int.init).max()
            .map(String.init)
    }

    /// Objects of a List, or the one there is.
    static func items(_ documents: [JSONValue]) -> [JSONValue] {
        documents.flatMap { $0["items"]?.arrayValue ?? [$0] }
    }

    /// Reasons for which a pod waits that time alone won't mend; after an image's name was resolved once, that is.
    private static let hopeless: Set<String> = [
        "CrashLoopBackOff", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError",
        "CreateContainerError", "RunContainerError",
    ]

    /// Why pods of a release don't run; nil when nothing speaks against them yet.
    static func problem(of pods: [JSONValue], unit: String) -> String? {
        for pod in pods
        where pod["metadata"]?["annotations"]?[KubernetesManifest.unitAnnotation]?.stringValue == unit {
            let name = pod["metadata"]?["name"]?.stringValue ?? "pod"
            for container in pod["status"]?["containerStatuses"]?.arrayValue ?? [] {
                let waiting = container["state"]?["waiting"]
                guard let reason = waiting?["reason"]?.stringValue, hopeless.contains(reason) else { continue }
                let message = waiting?["message"]?.stringValue.map { ": \($0)" } ?? ""
                let exit =
                    container["lastState"]?["terminated"]?["exitCode"]?.intValue.map { ", exit code \($0)" } ?? ""
                return "\(name): \(reason)\(exit)\(message)"
            }
        }
        return nil
    }
}
